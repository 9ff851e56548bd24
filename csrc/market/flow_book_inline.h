// What happens at every event of a flow's book; included by flow_book.h alone.
#pragma once

namespace rlmm {

// All of it anew each time: whether an event has changed the queues is chance, and a wrong guess
// of the processor's costs more than the arithmetic.
inline const Factors& FlowBook::factors() {
  if (slow_factors_stale_) refresh_slow_factors();
  const std::size_t imbalance_bin = model_->imbalance_bin(touch_.lots[0], touch_.lots[1]);
  const Lanes& of_state = model_->state_factor(spread_bin_, imbalance_bin);
  store_lanes(lanes_at(of_state.data()) * lanes_at(slow_factors_.baseline.data()),
              factors_.baseline.data());
  factors_.excitation = slow_factors_.excitation;
  for (const Side side : kSides) {
    const float at_risk = book_.pool_size(side, 0) * model_->patient_hazard +
                          book_.pool_size(side, 1) * model_->flickering_hazard;
    const float one = at_risk > 0.0F ? 1.0F : 0.0F;
    const float of_cancels = model_->cancels_per_order ? at_risk : one;
    factors_.baseline[4 + index_of(side)] *= of_cancels;
    factors_.excitation[4 + index_of(side)] *= of_cancels;
  }
  return factors_;
}

// The book has changed: the reach follows the touch, the mid and the intensities follow the book.
inline void FlowBook::after_change() {
  const Touch before = touch_;
  touch_ = touch();
  // Without a branch each: which of them has changed is chance.
  const Ticks moved = (touch_.price[0] ^ before.price[0]) | (touch_.price[1] ^ before.price[1]);
  const Lots changed = (touch_.lots[0] ^ before.lots[0]) | (touch_.lots[1] ^ before.lots[1]);
  happened_.touch_changed = (moved | changed) != 0;
  if (moved != 0) price_changed(before);
  if (second_stale_[0] || second_stale_[1]) [[unlikely]] {
    for (const Side side : kSides) refresh_gap(side);
  }
}

inline Slot FlowBook::rest(Side side, Ticks price_ticks, Lots lots, OrderClass order_class,
                           std::uint8_t flags) {
  const Slot slot = book_.rest(side, price_ticks, lots, kCrowd, static_cast<Pool>(order_class));
  watch_new_second(side, price_ticks);
  lots_entered_ += lots;
  log(EventKind::kAdd, side, price_ticks, lots, book_.order(slot).arrival, flags);
  return slot;
}

inline void FlowBook::take_off(Slot slot, Lots lots, std::uint8_t flags) {
  const Order order = book_.order(slot);
  const bool remains = lots < order.lots;
  if (remains) {
    book_.reduce(slot, lots);
  } else {
    book_.cancel(slot);
    const bool was_alone = order.previous == kNoSlot && order.next == kNoSlot;
    bool& stale = second_stale_[index_of(order.side)];
    stale |= was_alone && order.price_ticks == second_[index_of(order.side)];
  }
  lots_left_ += lots;
  const auto all = static_cast<std::uint8_t>(flags | (remains ? kFlagRemains : 0));
  log(EventKind::kCancel, order.side, order.price_ticks, lots, order.arrival, all);
}

}  // namespace rlmm
