// What lies behind the touch: levels that come into the flow's reach, and those that leave it.
#include <utility>

#include "market/flow_book.h"

namespace rlmm {

// Nothing is to be found among the other side's orders.
void FlowBook::leave_other_side(Side side) {
  Ticks& reach = reach_[index_of(side)];
  const Side other = opposite(side);
  if (book_.has(other) && sign(other) * (book_.best(other) - reach) > 0) reach = book_.best(other);
}

// Draws what has come into reach behind the touch, clears what has fallen far behind it.
void FlowBook::keep_reach(Side side) {
  const Ticks outward = -sign(side);
  Ticks& reach = reach_[index_of(side)];
  const Ticks depth = model_->depth_ticks;
  leave_other_side(side);
  // A side that was swept away is looked for further out, but not for ever: all that is left of it
  // may be an order of the agent's, anywhere.
  const auto is_beyond = [&] {
    return !book_.has(side) || outward * (book_.best(side) - reach) > 0;
  };
  for (Ticks searched = 0; is_beyond() && searched < searched_ticks(); ++searched) {
    reach += outward;
    draw_level(side, reach);
  }
  if (!book_.has(side)) return;
  const Ticks best = book_.best(side);
  if (is_beyond()) reach = best;
  while (outward * (best - reach) + depth - 1 > 0) {
    reach += outward;
    draw_level(side, reach);
  }
  while (outward * (reach - best) > 2 * depth) {
    clear_level(side, reach);
    reach -= outward;
  }
}

// All of the crowd's, and the agent's where they lie no further out.
Lots FlowBook::lots_in_reach(Side side) const {
  Lots lots = book_.side_lots(side);
  for (const Slot slot : book_.pool(side, kAgentPool)) {
    const Order& order = book_.order(slot);
    if (sign(side) * (reach_[index_of(side)] - order.price_ticks) > 0) lots -= order.lots;
  }
  return lots;
}

// Whoever takes more than is in reach finds what lies behind it: draws so many lots of `side`, if
// there are any up to the limit. False if the search was given up before: there is nothing further
// out for this order.
bool FlowBook::reach_out(Side side, Lots lots, Ticks limit_ticks) {
  const Ticks outward = -sign(side);
  Ticks& reach = reach_[index_of(side)];
  leave_other_side(side);
  const Ticks last = reach + outward * OrderBook::kRingTicks;
  Ticks searched = 0;  // in vain
  for (Lots found = lots_in_reach(side); found < lots && outward * (limit_ticks - reach) > 0;) {
    if (searched == searched_ticks() || reach == last) return false;
    reach += outward;
    draw_level(side, reach);
    const Lots before = std::exchange(found, lots_in_reach(side));
    searched = found == before ? searched + 1 : 0;
  }
  return true;
}

// With orders as they would be there by now if the level had been in reach all along.
void FlowBook::draw_level(Side side, Ticks price_ticks) {
  const std::size_t orders = model_->far_level_orders.at(far_word(side));
  for (std::size_t i = 0; i < orders; ++i) {
    const Lots lots = bent(model_->deeper().sizes.at(far_word(side)), bend_.limit_sizes);
    const bool flickers = uniform_of(far_word(side)) < model_->live_flickering_share();
    rest(side, price_ticks, lots, flickers ? OrderClass::kFlickering : OrderClass::kPatient,
         kFlagReach);
  }
}

void FlowBook::clear_level(Side side, Ticks price_ticks) {
  Slot slot = book_.level(price_ticks).front;
  while (slot != kNoSlot) {
    const Slot next = book_.order(slot).next;
    if (book_.order(slot).side == side && book_.order(slot).owner == kCrowd) {
      take_off(slot, book_.order(slot).lots, kFlagReach);
    }
    slot = next;
  }
}

void FlowBook::check_invariants() const {
  book_.check_invariants();
  const Lots there = book_.side_lots(Side::kBid) + book_.side_lots(Side::kAsk);
  RLMM_CHECK_LE(lots_entered_ - lots_left_, there);
  RLMM_CHECK_LE(there, lots_entered_ - lots_left_);
  for (const Side side : kSides) {
    for (const Pool pool : {Pool{0}, Pool{1}}) {
      for (const Slot slot : book_.pool(side, pool)) {
        RLMM_CHECK_LE(sign(side) * reach_[index_of(side)],
                      sign(side) * book_.order(slot).price_ticks);
      }
    }
  }
}

}  // namespace rlmm
