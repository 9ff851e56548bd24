// The hot paths of the order book; included by order_book.h alone.
#pragma once

#include <algorithm>

namespace rlmm {

// --- the ring's bitmap --------------------------------------------------------------------------

inline void OrderBook::set_bit(Ticks price_ticks) {
  const std::size_t at = ring_index(price_ticks);
  occupied_[at / 64] |= std::uint64_t{1} << (at % 64);
  occupied_words_ |= std::uint64_t{1} << (at / 64);
}

inline void OrderBook::clear_bit(Ticks price_ticks) {
  const std::size_t at = ring_index(price_ticks);
  occupied_[at / 64] &= ~(std::uint64_t{1} << (at % 64));
  if (occupied_[at / 64] == 0) occupied_words_ &= ~(std::uint64_t{1} << (at / 64));
}

inline bool OrderBook::ring_bit(Ticks price_ticks) const {
  const std::size_t at = ring_index(price_ticks);
  return ((occupied_[at / 64] >> (at % 64)) & 1U) != 0;
}

// --- orders -------------------------------------------------------------------------------------

inline Slot OrderBook::take_slot() {
  if (!free_.empty()) {
    const Slot slot = free_.back();
    free_.pop_back();
    return slot;
  }
  orders_.emplace_back();
  free_.reserve(orders_.capacity());  // so that nobody who leaves asks for memory
  return static_cast<Slot>(orders_.size() - 1);
}

// The level for an order that comes to rest; the best price follows.
inline Level& OrderBook::occupy(Side side, Ticks price_ticks) {
  if (live_orders_ == 0) [[unlikely]] {
    move_ring(price_ticks - kRingTicks / 2);
  }
  if (sign(side) * (price_ticks - best(side)) > 0) {
    best_[index(side)] = price_ticks;
    touch_moved(side);
  }
  if (!in_ring(price_ticks)) [[unlikely]] {
    return occupy_far(price_ticks);
  }
  set_bit(price_ticks);
  return ring_level(price_ticks);
}

inline Slot OrderBook::rest(Side side, Ticks price_ticks, Lots lots, Owner owner, Pool pool) {
  Level& level = occupy(side, price_ticks);
  const Slot slot = take_slot();
  std::vector<Slot>& members = pools_[pool_index(side, pool)];
  std::int32_t& size = pool_sizes_[pool_index(side, pool)];
  orders_[slot] = {price_ticks,
                   ++arrivals_,
                   static_cast<std::int32_t>(lots),
                   level.back,
                   kNoSlot,
                   static_cast<std::uint32_t>(size),
                   owner,
                   pool,
                   side,
                   0};
  members.push_back(slot);
  ++size;
  if (level.back == kNoSlot) {
    level.front = slot;
  } else {
    orders_[level.back].next = slot;
  }
  level.back = slot;
  level.lots += lots;
  side_lots_[index(side)] += lots;
  ++live_orders_;
  return slot;
}

inline void OrderBook::count_removed_ahead(const Order& order, Lots lots) {
  for (Tracked& tracked : tracked_) {
    if (tracked.price_ticks == order.price_ticks && order.arrival < tracked.arrival) {
      tracked.ahead_lots -= lots;
    }
  }
}

inline void OrderBook::take_off(const Order& order, Lots lots, Level& level) {
  level.lots -= lots;
  side_lots_[index(order.side)] -= lots;
  count_removed_ahead(order, lots);
}

inline void OrderBook::leave_pool(const Order& order) {
  std::vector<Slot>& members = pools_[pool_index(order.side, order.pool)];
  --pool_sizes_[pool_index(order.side, order.pool)];
  const Slot last = members.back();
  members[order.pool_index] = last;
  orders_[last].pool_index = order.pool_index;
  members.pop_back();
}

// Unlinks an order whose lots have been taken off; the level may be gone afterwards.
inline void OrderBook::remove(Slot slot, Level& level) {
  Order& order = orders_[slot];
  if (order.previous == kNoSlot) {
    level.front = order.next;
  } else {
    orders_[order.previous].next = order.next;
  }
  if (order.next == kNoSlot) {
    level.back = order.previous;
  } else {
    orders_[order.next].previous = order.previous;
  }
  leave_pool(order);
  if (!tracked_.empty()) forget_tracked(slot);
  order.lots = 0;
  free_.push_back(slot);
  --live_orders_;
  if (level.front == kNoSlot) vacate(order.side, order.price_ticks);
}

inline void OrderBook::cancel(Slot slot) {
  const Order& order = orders_[slot];
  RLMM_CHECK_LE(1, order.lots);
  Level& level = level_of(order.price_ticks);
  take_off(order, order.lots, level);
  remove(slot, level);
}

inline void OrderBook::reduce(Slot slot, Lots lots) {
  Order& order = orders_[slot];
  RLMM_CHECK_LE(lots + 1, order.lots);
  RLMM_CHECK_LE(1, lots);
  take_off(order, lots, level_of(order.price_ticks));
  order.lots -= static_cast<std::int32_t>(lots);
}

// --- matching -----------------------------------------------------------------------------------

// Fills up to `lots` of the first order of the level, at most the whole of it.
template <class Sink>
void OrderBook::fill_front(Level& level, Lots lots, const Sink& on_fill) {
  const Slot slot = level.front;
  Order& order = orders_[slot];
  take_off(order, lots, level);
  order.lots -= static_cast<std::int32_t>(lots);
  on_fill(Fill{slot, order.side, order.owner, order.price_ticks, lots, Lots{order.lots}});
  if (order.lots == 0) remove(slot, level);
}

template <class Sink>
Lots OrderBook::execute(Side resting_side, Lots lots, Ticks limit_ticks, const Sink& on_fill) {
  const Side incoming = resting_side == Side::kBid ? Side::kAsk : Side::kBid;
  Lots left_lots = lots;
  while (left_lots > 0 && crosses(incoming, limit_ticks)) {
    Level& level = level_of(best(resting_side));
    fill_front(level, std::min<Lots>(left_lots, orders_[level.front].lots), [&](const Fill& fill) {
      left_lots -= fill.lots;
      on_fill(fill);
    });
  }
  return lots - left_lots;
}

template <class Sink>
Outcome OrderBook::submit(const Submission& order, const Sink& on_fill) {
  check_door(order.price_ticks, order.lots);
  Outcome outcome;
  const bool would_trade = crosses(order.side, order.price_ticks);
  const bool must_fill = order.time_in_force == TimeInForce::kFillOrKill;
  if ((order.time_in_force == TimeInForce::kPostOnly && would_trade) ||
      (must_fill && available_lots(order) < order.lots)) {
    outcome.refused = true;
    outcome.dropped_lots = order.lots;
    return outcome;
  }
  const Side resting_side = order.side == Side::kBid ? Side::kAsk : Side::kBid;
  Lots left_lots = order.lots;
  bool stopped = false;  // by an order of the same owner
  while (left_lots > 0 && !stopped && crosses(order.side, order.price_ticks)) {
    Level& level = level_of(best(resting_side));
    const Order& front = orders_[level.front];
    if (order.owner != kCrowd && front.owner == order.owner) {
      stopped = order.self_trade != SelfTrade::kCancelResting;
      if (order.self_trade != SelfTrade::kCancelIncoming) cancel(level.front);
      continue;
    }
    const Lots lots = std::min<Lots>(left_lots, front.lots);
    fill_front(level, lots, on_fill);
    left_lots -= lots;
  }
  outcome.filled_lots = order.lots - left_lots;
  const bool may_rest = order.time_in_force == TimeInForce::kGoodTillCancel ||
                        order.time_in_force == TimeInForce::kPostOnly;
  if (left_lots > 0 && may_rest && !stopped) {
    outcome.slot = rest(order.side, order.price_ticks, left_lots, order.owner, order.pool);
  } else {
    outcome.dropped_lots = left_lots;
  }
  return outcome;
}

template <class Sink>
Outcome OrderBook::amend(Slot slot, Ticks price_ticks, Lots lots, TimeInForce time_in_force,
                         SelfTrade self_trade, const Sink& on_fill) {
  check_door(price_ticks, lots);
  const Order before = orders_[slot];
  RLMM_CHECK_LE(1, before.lots);
  if (price_ticks == before.price_ticks && lots <= before.lots) {
    if (lots < before.lots) reduce(slot, before.lots - lots);
    Outcome kept;
    kept.slot = slot;
    return kept;
  }
  cancel(slot);
  return submit(
      {before.side, price_ticks, lots, time_in_force, self_trade, before.owner, before.pool},
      on_fill);
}

}  // namespace rlmm
