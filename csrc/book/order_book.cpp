#include "book/order_book.h"

#include <string>

namespace rlmm {
namespace {

// The touch keeps this far from the ring's ends, so that the flow around it lands in the ring.
constexpr Ticks kMarginTicks = OrderBook::kRingTicks / 8;

}  // namespace

OrderBook::OrderBook() : ring_(static_cast<std::size_t>(kRingTicks)) {}

void OrderBook::clear() {
  for (std::uint64_t words = occupied_words_; words != 0; words &= words - 1) {
    const auto word = static_cast<std::size_t>(std::countr_zero(words));
    for (std::uint64_t bits = occupied_[word]; bits != 0; bits &= bits - 1) {
      ring_[word * 64 + static_cast<std::size_t>(std::countr_zero(bits))] = Level{};
    }
    occupied_[word] = 0;
  }
  occupied_words_ = 0;
  orders_.clear();
  free_.clear();
  far_.clear();
  tracked_.clear();
  for (std::vector<Slot>& members : pools_) members.clear();
  pool_sizes_ = {};
  best_ = {kNoBid, kNoAsk};
  side_lots_ = {};
  ring_low_ = 0;
  arrivals_ = 0;
  live_orders_ = 0;
}

void OrderBook::check_door(Ticks price_ticks, Lots lots) {
  if (!is_price(price_ticks)) {
    throw std::invalid_argument("price_ticks: expected from -2^40 to 2^40, got " +
                                std::to_string(price_ticks));
  }
  if (lots < 1 || lots > kOrderLotsMax) {
    throw std::invalid_argument("lots: expected from 1 to " + std::to_string(kOrderLotsMax) +
                                ", got " + std::to_string(lots));
  }
}

// --- levels -------------------------------------------------------------------------------------

std::vector<OrderBook::FarLevel>::iterator OrderBook::far_position(Ticks price_ticks) {
  return std::ranges::lower_bound(far_, price_ticks, {}, &FarLevel::price_ticks);
}

std::vector<OrderBook::FarLevel>::const_iterator OrderBook::far_position(Ticks price_ticks) const {
  return std::ranges::lower_bound(far_, price_ticks, {}, &FarLevel::price_ticks);
}

Level OrderBook::level(Ticks price_ticks) const {
  if (in_ring(price_ticks)) return ring_level(price_ticks);
  const auto far = far_position(price_ticks);
  return far != far_.end() && far->price_ticks == price_ticks ? far->level : Level{};
}

Level& OrderBook::occupy_far(Ticks price_ticks) {
  const auto far = far_position(price_ticks);
  if (far != far_.end() && far->price_ticks == price_ticks) return far->level;
  return far_.insert(far, {price_ticks, Level{}})->level;
}

// The last order at this price has gone.
void OrderBook::vacate(Side side, Ticks price_ticks) {
  if (in_ring(price_ticks)) {
    clear_bit(price_ticks);
  } else {
    far_.erase(far_position(price_ticks));
  }
  if (price_ticks != best(side)) return;
  best_[index(side)] = next_price(side, price_ticks);
  if (has(side)) touch_moved(side);
}

Ticks OrderBook::next_price(Side side, Ticks price_ticks) const {
  return side == Side::kBid ? occupied_below(price_ticks) : occupied_above(price_ticks);
}

Ticks OrderBook::occupied_below(Ticks price_ticks) const {
  Ticks found = kNoBid;
  const Ticks top = std::min(price_ticks, ring_low_ + kRingTicks) - 1;
  if (in_ring(top)) {
    // Bits are numbered by the price's low bits, so the search runs around the circle: the rest of
    // the word of `top`, then the words below it.
    const std::size_t at = ring_index(top);
    const std::uint64_t first = occupied_[at / 64] << (63 - at % 64);
    Ticks distance = kRingTicks;
    if (first != 0) {
      distance = std::countl_zero(first);
    } else {
      const auto word = static_cast<int>(at / 64);
      const std::uint64_t below = std::rotl(occupied_words_, 63 - (word + 63) % 64);
      // The word of `top` itself comes last: its upper bits lie a whole turn away.
      if (below != 0) {
        const int words = std::countl_zero(below);
        const auto reached = static_cast<std::size_t>((word + 63 - words) % 64);
        distance = static_cast<Ticks>(at % 64) + 1 + Ticks{64} * words +
                   std::countl_zero(occupied_[reached]);
      }
    }
    if (top - distance >= ring_low_) found = top - distance;
  }
  if (far_.empty()) return found;
  const auto far = far_position(price_ticks);
  return far == far_.begin() ? found : std::max(found, std::prev(far)->price_ticks);
}

Ticks OrderBook::occupied_above(Ticks price_ticks) const {
  Ticks found = kNoAsk;
  const Ticks bottom = std::max(price_ticks + 1, ring_low_);
  if (in_ring(bottom)) {
    const std::size_t at = ring_index(bottom);
    const std::uint64_t first = occupied_[at / 64] >> (at % 64);
    Ticks distance = kRingTicks;
    if (first != 0) {
      distance = std::countr_zero(first);
    } else {
      const auto word = static_cast<int>(at / 64);
      const std::uint64_t above = std::rotr(occupied_words_, (word + 1) % 64);
      if (above != 0) {
        const int words = std::countr_zero(above);
        const auto reached = static_cast<std::size_t>((word + 1 + words) % 64);
        distance = static_cast<Ticks>(64 - at % 64) + Ticks{64} * words +
                   std::countr_zero(occupied_[reached]);
      }
    }
    if (bottom + distance < ring_low_ + kRingTicks) found = bottom + distance;
  }
  if (far_.empty()) return found;
  auto far = far_position(price_ticks);
  if (far != far_.end() && far->price_ticks == price_ticks) ++far;
  return far == far_.end() ? found : std::min(found, far->price_ticks);
}

// Keeps the touch away from the ring's ends. A spread too wide for the ring leaves one side among
// the far levels, which is slower and no less right.
void OrderBook::touch_moved(Side side) {
  const Ticks touch = best(side);
  if (touch >= ring_low_ + kMarginTicks && touch < ring_low_ + kRingTicks - kMarginTicks) return;
  Ticks centre = touch;
  if (has(Side::kBid) && has(Side::kAsk)) {
    if (best_[1] - best_[0] > kRingTicks - 4 * kMarginTicks) return;
    centre = best_[0] + (best_[1] - best_[0]) / 2;
  }
  move_ring(centre - kRingTicks / 2);
}

void OrderBook::move_ring(Ticks low_ticks) {
  const Ticks old_low = ring_low_;
  if (low_ticks == old_low) return;
  leaving_.clear();
  for (Ticks price = occupied_above(old_low - 1); price < old_low + kRingTicks;
       price = occupied_above(price)) {
    const bool stays = price >= low_ticks && price < low_ticks + kRingTicks;
    if (!stays) leaving_.push_back({price, ring_level(price)});
  }
  for (const FarLevel& far : leaving_) {
    ring_level(far.price_ticks) = Level{};
    clear_bit(far.price_ticks);
  }
  ring_low_ = low_ticks;
  const auto first = far_position(low_ticks);
  const auto last = far_position(low_ticks + kRingTicks);
  for (auto entering = first; entering != last; ++entering) {
    ring_level(entering->price_ticks) = entering->level;
    set_bit(entering->price_ticks);
  }
  far_.erase(first, last);
  for (const FarLevel& far : leaving_) far_.insert(far_position(far.price_ticks), far);
}

// --- queries that walk --------------------------------------------------------------------------

// What an order could trade at once, up to its own size.
Lots OrderBook::available_lots(const Submission& order) const {
  const Side resting_side = order.side == Side::kBid ? Side::kAsk : Side::kBid;
  const Ticks none = resting_side == Side::kBid ? kNoBid : kNoAsk;
  Lots found = 0;
  for (Ticks price = best(resting_side); price != none && found < order.lots;
       price = next_price(resting_side, price)) {
    const bool reached =
        order.side == Side::kBid ? price <= order.price_ticks : price >= order.price_ticks;
    if (!reached) break;
    if (order.owner == kCrowd) {
      found += level(price).lots;
      continue;
    }
    for (Slot slot = level(price).front; slot != kNoSlot; slot = orders_[slot].next) {
      if (orders_[slot].owner != order.owner) {
        found += orders_[slot].lots;
      } else if (order.self_trade != SelfTrade::kCancelResting && found < order.lots) {
        return found;
      }
    }
  }
  return std::min(found, order.lots);
}

void OrderBook::track(Slot slot) {
  const Order& order = orders_[slot];
  RLMM_CHECK_LE(1, order.lots);
  const Lots ahead_lots = queue_ahead(slot);
  forget_tracked(slot);
  tracked_.push_back({slot, order.arrival, order.price_ticks, ahead_lots});
}

void OrderBook::forget_tracked(Slot slot) {
  std::erase_if(tracked_, [slot](const Tracked& tracked) { return tracked.slot == slot; });
}

Lots OrderBook::queue_ahead(Slot slot) const {
  for (const Tracked& tracked : tracked_) {
    if (tracked.slot == slot) return tracked.ahead_lots;
  }
  Lots ahead = 0;
  for (Slot at = orders_[slot].previous; at != kNoSlot; at = orders_[at].previous) {
    ahead += orders_[at].lots;
  }
  return ahead;
}

}  // namespace rlmm
