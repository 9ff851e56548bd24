// What lies behind the touch: levels that come into the flow's reach, and those that leave it.
#include "market/flow_book.h"

namespace rlmm {

// Draws what has come into reach behind the touch, clears what has fallen far behind it.
void FlowBook::keep_reach(Side side) {
  const Ticks outward = -sign(side);
  Ticks& reach = reach_[index_of(side)];
  const Ticks depth = model_->depth_ticks;
  // Nothing is to be found among the other side's orders.
  if (book_.has(opposite(side)) && outward * (book_.best(opposite(side)) - reach) > 0) {
    reach = book_.best(opposite(side));
  }
  // A side that was swept away is looked for further out, but not for ever: all that is left of it
  // may be an order of the agent's, anywhere.
  const auto is_beyond = [&] {
    return !book_.has(side) || outward * (book_.best(side) - reach) > 0;
  };
  for (Ticks searched = 0; is_beyond() && searched < 8 * depth; ++searched) {
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

void FlowBook::draw_level(Side side, Ticks price_ticks) {
  const std::size_t orders = model_->far_level_orders.at(far_word(side));
  for (std::size_t i = 0; i < orders; ++i) {
    const FlowModel::LimitPlace& place = model_->deeper();
    const Lots lots = bent(place.sizes.at(far_word(side)), bend_.limit_sizes);
    const bool flickers = uniform_of(far_word(side)) < place.flickering_share;
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

}  // namespace rlmm
