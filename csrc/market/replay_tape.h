// A recorded session as the engine plays it: read once, never changed, shared by all environments.
//
// Contract
//  - The rows of a canonical event table (rlmm_tf/events.py) become events that need no further
//    checks: every reduction is of lots that are there, every order has a slot, "now holds" has
//    become "more" or "less". A row is one event, or several in succession.
//  - What an event is depends on its row and on those before it, never on those after. (Whether
//    orders have ids at all is a matter of the whole table.)
//  - Rows that contradict the book so far are mended and counted by reason; the first of each is
//    remembered. Rows that cannot be read at all are refused.
//  - Every so many events the book is written down, so that any time can be gone to at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "market/recorded_book.h"
#include "types.h"

namespace rlmm {

// A row that did not fit the book before it.
enum class Mended : std::uint8_t {
  kLateStamp,      // earlier than the row before it: played at that one's time
  kRepeatedOrder,  // added while it was there: the old one is taken off
  kUnknownCancel,  // of an order or level that is not there: nothing happens
  kLargeCancel,    // of more than is there: all of it goes
  kPrint,          // a trade with lots that are not there, hidden ones say: the book stays
  kSidelessTrade,  // nobody knows which side was hit: nothing happens
  kCount
};
inline constexpr std::array<const char*, static_cast<std::size_t>(Mended::kCount)> kMendedNames = {
    "late_stamp", "repeated_order", "unknown_cancel", "large_cancel", "print", "sideless_trade"};

class Tape {
 public:
  // Columns of the event table; `order_ids` may be null, which is none.
  struct Columns {
    const TimeNs* ts_ns;
    const std::uint8_t* kind;
    const std::int8_t* side;
    const Ticks* price_ticks;
    const Lots* lots;
    const std::uint64_t* order_ids;
    const std::uint8_t* flags;
    std::size_t rows;
  };
  static constexpr Lots kLotsMax = Lots{1} << 40U;
  // A stamp this much earlier than another before it is no matter of order: the clock is wrong.
  static constexpr TimeNs kLateMaxNs = 60'000'000'000;

  // `checkpoint_events`: between two books at least; more where they would need more room than the
  // events. Throws std::invalid_argument that names the row, what was expected and what came.
  Tape(const Columns& columns, std::size_t checkpoint_events);

  const std::vector<TapeEvent>& events() const { return events_; }
  std::size_t rows() const { return rows_; }
  // Whether orders can be told apart (L3).
  bool by_order() const { return by_order_; }
  std::size_t slots() const { return slots_; }
  // From one silence to the next: so long without a row, the market is closed, and nothing happens
  // to an episode in it.
  struct Stretch {
    TimeNs first_ns;
    TimeNs last_ns;
  };
  static constexpr TimeNs kSilenceNs = 900'000'000'000;  // a quarter of an hour
  std::vector<Stretch> stretches() const;
  TimeNs first_ns() const { return events_.front().ts_ns; }
  TimeNs last_ns() const { return events_.back().ts_ns; }
  // Equal for equal events.
  std::uint64_t checksum() const { return checksum_; }

  // The number of events up to `ts_ns`, those at that very time included.
  std::size_t events_until(TimeNs ts_ns) const;

  // The book after the first `n_events`.
  void restore(std::size_t n_events, RecordedBook& book) const;

  struct Mend {
    std::size_t rows = 0;
    std::size_t first_row = 0;
  };
  const Mend& mended(Mended reason) const { return mended_[static_cast<std::size_t>(reason)]; }

  std::size_t checkpoint_bytes() const;

 private:
  friend class TapeMaker;

  struct Checkpoint {
    std::size_t n_events = 0;
    RecordedBook::Snapshot book;
  };

  std::vector<TapeEvent> events_;
  std::vector<Checkpoint> checkpoints_;
  std::array<Mend, static_cast<std::size_t>(Mended::kCount)> mended_{};
  std::size_t rows_ = 0;
  std::size_t slots_ = 0;
  std::uint64_t checksum_ = 0;
  bool by_order_ = false;
};

}  // namespace rlmm
