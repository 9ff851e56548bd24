// What happened to a book, event by event: the canonical event table (rlmm_tf/events.py).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "book/order_book.h"
#include "events.h"
#include "types.h"

namespace rlmm {

struct BookEvent {
  TimeNs ts_ns;
  Ticks price_ticks;
  Lots lots;               // added, taken off, or traded
  std::uint64_t order_id;  // of the resting order
  EventKind kind;
  std::int8_t side;  // of the book it happened to: +1 bid, -1 ask; 0: both
  std::uint8_t flags;
};

class EventLog {
 public:
  // So many levels of the book are noted after every event, as ask price, ask lots, bid price, bid
  // lots of the best level, then of the next; 0 lots where there is none.
  void set_levels(std::size_t levels) { levels_ = levels; }

  void add(const BookEvent& event, const OrderBook& book) {
    events_.push_back(event);
    if (levels_ > 0) note_depth(book);
  }

  // Something that concerns both sides and no price.
  void add_whole(EventKind kind, TimeNs ts_ns, Lots lots, const OrderBook& book) {
    add({ts_ns, 0, lots, 0, kind, 0, 0}, book);
  }

  // The book had no more for an order that traded `lots`: its last trade was the last.
  void end_fills(Lots lots) {
    constexpr unsigned kKept = 0xFFU & ~unsigned{kFlagMoreFills};
    if (lots > 0) events_.back().flags = static_cast<std::uint8_t>(events_.back().flags & kKept);
  }

  const std::vector<BookEvent>& events() const { return events_; }
  const std::vector<std::int64_t>& depth() const { return depth_; }
  std::size_t levels() const { return levels_; }
  void clear() {
    events_.clear();
    depth_.clear();
  }

 private:
  void note_depth(const OrderBook& book);

  std::size_t levels_ = 0;
  std::vector<BookEvent> events_;
  std::vector<std::int64_t> depth_;
};

}  // namespace rlmm
