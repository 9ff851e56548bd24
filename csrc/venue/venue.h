// A market that several accounts trade in: their orders rest in the queues of one book with
// everybody else's, are filled by the others and by each other, and never by themselves.
//
// Contract
//  - An order goes by its account and a number that the account has never used before; both are
//    the caller's to keep (rlmm_tf/live/ledger.py). An account is an `Owner` above 0.
//  - Everything that happens becomes rows (`EventLog`, numbered from 1 on) and, for the accounts,
//    notes, both in the order in which it happened. `take` hands them out; nothing is kept.
//  - Orders that an incoming one of the same account would meet are taken off before it comes in.
//  - Same calls, same result, bit for bit; times at which `advance` stops count as calls.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "venue/venue_book.h"

namespace rlmm {

enum class NoteKind : std::uint8_t {
  kRested,     // has joined the queue at its price, behind `left_lots`
  kFilled,     // `left_lots` are open
  kSelfTrade,  // taken off, for an order of its account came to meet it
};

// Something that became of an account's order.
struct Note {
  std::uint64_t event;  // the number of the row, or of the last one
  TimeNs ts_ns;
  std::uint64_t order;
  std::uint64_t book_order;  // its number in the rows
  Ticks price_ticks;
  Lots lots;
  Lots left_lots;
  Owner owner;
  NoteKind kind;
  bool maker;
};

enum class Refusal : std::uint8_t {
  kNone,
  kPostOnly,  // would trade
  kFillOrKill,
  kHalted,
  kEnded,
  kBand,     // too far beyond the other side's best price
  kUnknown,  // no such order is open
};
inline constexpr std::array<const char*, 7> kRefusalNames = {"",
                                                             "post_only_would_trade",
                                                             "fill_or_kill_would_not_fill",
                                                             "market_halted",
                                                             "market_closed",
                                                             "price_out_of_book",
                                                             "unknown_order"};

class Venue {
 public:
  // What has become of a request at once.
  struct Result {
    Refusal refusal = Refusal::kNone;
    Lots filled_lots = 0;
    Lots open_lots = 0;
    Lots dropped_lots = 0;
  };
  struct Terms {
    Side side = Side::kBid;
    Ticks price_ticks = 0;
    Lots lots = 0;
    TimeInForce time_in_force = TimeInForce::kGoodTillCancel;
  };

  explicit Venue(std::unique_ptr<VenueBook> book);

  void advance(TimeNs until_ns) {
    book_->advance(until_ns);
    digest(nullptr);
  }

  Result submit(Owner owner, std::uint64_t order, const Terms& terms);
  // A new price, and how many lots are to be open. Refused for its price or a halt, the order stays
  // as it was; a post-only order that would trade is gone.
  Result amend(Owner owner, std::uint64_t order, Ticks price_ticks, Lots lots, bool post_only);
  Result cancel(Owner owner, std::uint64_t order);

  const VenueBook& market() const { return *book_; }
  std::uint64_t events() const { return before_ + log_.events().size(); }
  std::size_t open_orders() const { return live_.size(); }

  struct Taken {
    std::uint64_t first_event;
    std::vector<BookEvent> rows;  // who is behind an order is not told
    std::vector<Note> notes;
  };
  Taken take();

  void check_invariants() const;
  // Throws std::logic_error while rows or notes wait to be taken.
  void save(Writer& out) const;
  void load(Reader& in);

 private:
  using Name = std::pair<Owner, std::uint64_t>;
  struct Live {
    std::uint64_t slot;
    std::uint64_t arrival;
    Lots lots;
  };
  struct Taker {
    Name name;
    Lots lots;
    std::uint64_t filled = 0;
  };

  Refusal refusal(Side side, Ticks price_ticks) const;
  Result enter(const Name& name, const Terms& terms);
  void leave(const Name& name);
  void avoid_self_trade(Owner owner, const Terms& terms);
  void digest(Taker* taker);
  void digest_trade(const BookEvent& row, std::uint64_t event, Taker* taker);

  std::unique_ptr<VenueBook> book_;
  EventLog log_;
  std::uint64_t before_ = 0;   // rows that have been taken
  std::size_t digested_ = 0;   // of the log
  std::map<Name, Live> live_;  // sorted: the order in which things are done depends on it
  std::unordered_map<std::uint64_t, Name> names_;  // by arrival
  std::vector<Note> notes_;
};

std::unique_ptr<VenueBook> make_venue_book(const EnvParams& params, SeedKey key);

}  // namespace rlmm
