// The book that a venue's accounts share, and what else lives in it.
#pragma once

#include <memory>

#include "book/order_book.h"
#include "market/event_log.h"
#include "params.h"
#include "rng.h"
#include "serialize.h"
#include "types.h"

namespace rlmm {

class VenueBook {
 public:
  VenueBook() = default;
  VenueBook(const VenueBook&) = delete;
  VenueBook& operator=(const VenueBook&) = delete;
  virtual ~VenueBook() = default;

  // Runs to `until_ns`, whatever happens there included.
  virtual void advance(TimeNs until_ns) = 0;
  virtual const OrderBook& book() const = 0;
  virtual TimeNs now_ns() const = 0;
  virtual bool halted() const = 0;
  virtual bool ended() const = 0;  // nothing is to come
  // How far beyond the other side's best price an order may reach.
  virtual Ticks band_ticks() const = 0;

  // An order that meets none of its owner's.
  virtual Outcome submit(const Submission& order) = 0;
  virtual void cancel(Slot slot) = 0;
  virtual void reduce(Slot slot, Lots lots) = 0;  // fewer than it has

  // Every change of the book goes to `log`.
  virtual void record(EventLog* log) = 0;
  virtual void check_invariants() const = 0;
  virtual void save(Writer& out) const = 0;
  virtual void load(Reader& in) = 0;
};

// The flow of a book market, reacting to the accounts' orders.
std::unique_ptr<VenueBook> make_flow_venue_book(const BookMarketParams& params, SeedKey key);
// A recorded session from its beginning; time 0 is when there are bids and asks.
std::unique_ptr<VenueBook> make_tape_venue_book(const ReplayMarketParams& params);

}  // namespace rlmm
