// The queue ahead of an order in a replayed book: who joins it, and who leaves.
#include <algorithm>
#include <cmath>

#include "market/replay_book.h"

namespace rlmm {

// A level that he has never seen was there all the time.
bool ReplayBook::comes_into_sight(OwnOrder& own, const TapeEvent& event) {
  const bool in_reach = (event.flags & kTapeReach) != 0;
  if (own.in_sight_ns == kNever) own.in_sight_ns = in_reach ? event.ts_ns : kAlways;
  return in_reach && own.in_sight_ns == event.ts_ns;
}

// What a snapshot shows, and what comes back, may be what was ahead before; everybody else comes
// behind him.
void ReplayBook::join_level(OwnOrder& own, const TapeEvent& event, bool is_new) const {
  if (is_new) {
    own.ahead_lots += static_cast<double>(event.lots);
  } else if ((event.flags & (kTapeSnapshot | kTapeReach)) == 0) {
    const Lots level = recorded_.left_at(event.side, event.price_ticks);
    own.ahead_lots = std::min(own.ahead_lots, static_cast<double>(level));
  }
}

void ReplayBook::join_order(OwnOrder& own, const TapeEvent& event, Lots lots, bool is_new) const {
  const RecordedOrder& order = recorded_.order(event.slot);
  Lots ahead = lots;
  if (order.arrival >= own.entry) {
    if (!order.is_older) return;  // behind him
    const bool in_reach = (event.flags & kTapeReach) != 0;
    if (!is_new && (event.flags & kTapeSnapshot) == 0) {
      ahead = in_reach ? std::min(lots, own.gone_lots) : 0;
      own.gone_lots -= ahead;
    }
    own.back_lots += ahead;
    own.behind_lots += lots - ahead;
  }
  own.ahead_lots += static_cast<double>(ahead);
}

// Lots of the event's order that may be ahead, at most.
Lots ReplayBook::ahead_in_order(const OwnOrder& own, const TapeEvent& event) const {
  const RecordedOrder& order = recorded_.order(event.slot);
  if (order.arrival < own.entry) return event.lots;
  return order.is_older ? own.back_lots : 0;
}

// So many of the order's lots have gone.
void ReplayBook::leave_order(OwnOrder& own, const TapeEvent& event, Lots lots) const {
  const RecordedOrder& order = recorded_.order(event.slot);
  Lots ahead = lots;
  if (order.arrival >= own.entry) {
    if (!order.is_older) return;
    const bool traded = event.op == TapeOp::kTrade;
    ahead = traded ? std::min(lots, own.back_lots) : lots - std::min(lots, own.behind_lots);
    own.back_lots -= ahead;
    own.behind_lots -= lots - ahead;
  }
  own.ahead_lots -= static_cast<double>(ahead);
  if ((event.flags & kTapeReach) != 0) own.gone_lots += ahead;
}

// In whole lots: a lot of which a part is ahead has not come yet.
Lots ReplayBook::queue_ahead(Slot slot) const {
  const OwnOrder& own = own_[slot];
  const auto level =
      static_cast<double>(recorded_.left_at(static_cast<Side>(slot), own.price_ticks));
  return static_cast<Lots>(std::ceil(std::min(own.ahead_lots, level)));
}

void ReplayBook::check_invariants() const {
  recorded_.check_invariants();
  for (const Side side : kSides) {
    const Touch& kept = touch_[index_of(side)];
    const Touch found = found_touch(side);
    RLMM_CHECK_LE(std::abs(kept.price_ticks - found.price_ticks), Ticks{0});
    RLMM_CHECK_LE(std::abs(kept.others_ticks - found.others_ticks), Ticks{0});
    RLMM_CHECK_LE(std::abs(kept.lots - found.lots), Lots{0});
    const OwnOrder& own = own_[index_of(side)];
    if (own.lots == 0) continue;
    RLMM_CHECK_LE(Lots{1}, own.lots);
    RLMM_CHECK_LE(Lots{0}, std::min({own.gone_lots, own.back_lots, own.behind_lots}));
    RLMM_CHECK_LE(static_cast<double>(own.back_lots), own.ahead_lots);
    const auto level = static_cast<double>(recorded_.left_at(side, own.price_ticks));
    if (exact_) RLMM_CHECK_LE(own.ahead_lots + static_cast<double>(own.behind_lots), level);
  }
}

}  // namespace rlmm
