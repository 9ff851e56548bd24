// A limit order book with every order in it: price-time priority, integer ticks and lots.
//
// Contract
//  - Prices are any ticks within +-2^40, sizes 1 to 2^31 - 1 lots per order; the door checks both.
//  - An order lives in a slot; the slot is its handle until the order is gone, then it is reused.
//    Who keeps handles over time (the agent's quotes) learns of the end from the fills he is told
//    of, or asks `is_live` with the arrival number he was given.
//  - The book never crosses: `submit` matches first and rests what is left.
//  - Every fill is told to a sink, a callable taking `const Fill&`, before the resting order goes.
//  - Adding, cancelling, executing, amending and finding the best price take constant time, and no
//    memory is asked for unless there are more live orders (in all, in one pool) or far levels than
//    ever before.
//  - Levels within `kRingTicks` around the touch lie in a ring that is found by the price's low
//    bits; a bitmap of two levels finds the next occupied one. Levels further away wait in a sorted
//    list and move into the ring when the touch comes near.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "serialize.h"
#include "types.h"

namespace rlmm {

using Slot = std::uint32_t;
inline constexpr Slot kNoSlot = std::numeric_limits<Slot>::max();

// Who an order belongs to; orders of the same owner other than the crowd do not trade together.
using Owner = std::uint16_t;
inline constexpr Owner kCrowd = 0;

// Orders of one pool and side lie in one dense list, so that one of them can be drawn at random.
using Pool = std::uint8_t;

enum class TimeInForce : std::uint8_t {
  kGoodTillCancel,
  kPostOnly,           // refused if it meets the other side, be it an order of the same owner
  kImmediateOrCancel,  // what does not trade at once is dropped
  kFillOrKill,         // trades whole or not at all
};

// What happens when an incoming order meets a resting one of the same owner.
enum class SelfTrade : std::uint8_t { kCancelResting, kCancelIncoming, kCancelBoth };

struct Order {
  Ticks price_ticks;
  std::uint64_t arrival;  // smaller is earlier; never used twice between two calls of `clear`
  std::int32_t lots;      // 0: a free slot
  Slot previous;          // towards the front of the queue
  Slot next;
  std::uint32_t pool_index;  // where it stands in its pool's list
  Owner owner;
  Pool pool;
  Side side;
  std::uint32_t padding;  // always 0: an order's bytes are its value
};
static_assert(sizeof(Order) == 40);

struct Fill {
  Slot slot;  // the resting order, still in the book, already reduced
  Side side;  // of the resting order
  Owner owner;
  Ticks price_ticks;
  Lots lots;
  Lots left_lots;  // of the resting order
};

struct Submission {
  Side side = Side::kBid;
  Ticks price_ticks = 0;
  Lots lots = 0;
  TimeInForce time_in_force = TimeInForce::kGoodTillCancel;
  SelfTrade self_trade = SelfTrade::kCancelResting;
  Owner owner = kCrowd;
  Pool pool = 0;
};

struct Outcome {
  Slot slot = kNoSlot;  // where the rest lies, if there is one
  Lots filled_lots = 0;
  Lots dropped_lots = 0;  // neither filled nor resting
  bool refused = false;   // post-only that would trade, or fill-or-kill that would not fill
};

struct Level {
  Lots lots = 0;
  Slot front = kNoSlot;
  Slot back = kNoSlot;
};

class OrderBook {
 public:
  static constexpr Ticks kRingTicks = 4096;
  static constexpr Ticks kPriceMax = Ticks{1} << 40;
  static constexpr Lots kOrderLotsMax = std::numeric_limits<std::int32_t>::max();
  static constexpr std::size_t kPools = 4;
  // No such price: below every bid, or above every ask.
  static constexpr Ticks kNoBid = std::numeric_limits<Ticks>::min() / 4;
  static constexpr Ticks kNoAsk = std::numeric_limits<Ticks>::max() / 4;
  static constexpr std::array<Ticks, 2> kNone{kNoBid, kNoAsk};

  OrderBook();

  // Forgets every order; the memory is kept.
  void clear();

  // --- orders ---------------------------------------------------------------------------------

  // Matches, then rests what is left as `time_in_force` says. Throws std::invalid_argument for a
  // price or size outside the contract.
  template <class Sink>
  Outcome submit(const Submission& order, const Sink& on_fill);

  // Rests an order that does not cross; the caller knows that it does not. Returns its slot.
  Slot rest(Side side, Ticks price_ticks, Lots lots, Owner owner, Pool pool);

  // Executes up to `lots` against the best prices of `resting_side`, not beyond `limit_ticks` (at
  // most kPriceMax away from 0), for the crowd. Returns what was filled.
  template <class Sink>
  Lots execute(Side resting_side, Lots lots, Ticks limit_ticks, const Sink& on_fill);

  void cancel(Slot slot);

  // Takes `lots` (less than it has) off an order that keeps its priority.
  void reduce(Slot slot, Lots lots);

  // A new price or size. No more lots at the same price keep priority; anything else leaves the
  // queue and is submitted anew, which may trade or be refused. Returns where the order is now.
  template <class Sink>
  Outcome amend(Slot slot, Ticks price_ticks, Lots lots, TimeInForce time_in_force,
                SelfTrade self_trade, const Sink& on_fill);

  // --- what stands in it ----------------------------------------------------------------------

  Ticks best(Side side) const { return best_[index(side)]; }
  bool has(Side side) const { return best_[index(side)] != kNone[index(side)]; }
  bool crosses(Side side, Ticks price_ticks) const {
    return side == Side::kBid ? price_ticks >= best_[1] : price_ticks <= best_[0];
  }
  Lots best_lots(Side side) const {
    const Ticks price = best(side);
    if (in_ring(price)) [[likely]] {
      return ring_level(price).lots;
    }
    return has(side) ? far_position(price)->level.lots : 0;
  }

  // The next occupied price on the same side, away from the touch; kNoBid or kNoAsk if none.
  Ticks next_price(Side side, Ticks price_ticks) const;

  const Order& order(Slot slot) const { return orders_[slot]; }
  bool is_live(Slot slot, std::uint64_t arrival) const {
    return slot < orders_.size() && orders_[slot].lots > 0 && orders_[slot].arrival == arrival;
  }
  // The level at a price; an empty one where nothing rests. Walk it by `Order::next`.
  Level level(Ticks price_ticks) const;
  Lots lots_at(Ticks price_ticks) const { return level(price_ticks).lots; }

  const std::vector<Slot>& pool(Side side, Pool pool) const {
    return pools_[pool_index(side, pool)];
  }
  float pool_size(Side side, Pool pool) const {
    return static_cast<float>(pool_sizes_[pool_index(side, pool)]);
  }
  std::size_t live_orders() const { return live_orders_; }
  Lots side_lots(Side side) const { return side_lots_[index(side)]; }

  // --- queue position -------------------------------------------------------------------------

  // From now on `queue_ahead` of this order costs a look-up: the book counts along. For the few
  // orders of an agent; each one makes every removal at its price a little dearer.
  void track(Slot slot);

  // Lots with priority over this order at its price. Constant for a tracked order, else a walk
  // over the orders ahead.
  Lots queue_ahead(Slot slot) const;

  // --- soundness ------------------------------------------------------------------------------

  // Walks everything and throws InvariantError at the first contradiction.
  void check_invariants() const;

  void save(Writer& out) const;
  // Throws std::invalid_argument for bytes that are not those of a sound book, and is empty then.
  void load(Reader& in);

 private:
  static constexpr std::size_t kWords = kRingTicks / 64;
  struct FarLevel {
    Ticks price_ticks;
    Level level;
  };
  struct Tracked {
    std::uint64_t slot;  // as wide as its neighbours: no padding
    std::uint64_t arrival;
    Ticks price_ticks;
    Lots ahead_lots;
  };

  static constexpr std::size_t index(Side side) { return static_cast<std::size_t>(side); }
  static constexpr std::size_t pool_index(Side side, Pool pool) {
    return pool * std::size_t{2} + index(side);
  }
  static constexpr std::size_t ring_index(Ticks price_ticks) {
    return static_cast<std::size_t>(price_ticks) & (kRingTicks - 1);
  }
  bool in_ring(Ticks price_ticks) const {
    return static_cast<std::uint64_t>(price_ticks - ring_low_) <
           static_cast<std::uint64_t>(kRingTicks);
  }
  Level& ring_level(Ticks price_ticks) { return ring_[ring_index(price_ticks)]; }
  const Level& ring_level(Ticks price_ticks) const { return ring_[ring_index(price_ticks)]; }

  static bool is_price(Ticks price_ticks) {
    return price_ticks >= -kPriceMax && price_ticks <= kPriceMax;
  }
  static bool is_ring_low(Ticks low_ticks) {
    return low_ticks >= -kPriceMax - kRingTicks && low_ticks <= kPriceMax;
  }
  static void check_door(Ticks price_ticks, Lots lots);
  Slot take_slot();
  Level& level_of(Ticks price_ticks) {
    return in_ring(price_ticks) ? ring_level(price_ticks) : far_position(price_ticks)->level;
  }
  const Level& level_of(Ticks price_ticks) const {
    return in_ring(price_ticks) ? ring_level(price_ticks) : far_position(price_ticks)->level;
  }
  Level& occupy(Side side, Ticks price_ticks);
  Level& occupy_far(Ticks price_ticks);
  void vacate(Side side, Ticks price_ticks);
  void take_off(const Order& order, Lots lots, Level& level);
  void remove(Slot slot, Level& level);
  void leave_pool(const Order& order);
  void forget_tracked(Slot slot);
  void count_removed_ahead(const Order& order, Lots lots);

  void set_bit(Ticks price_ticks);
  void clear_bit(Ticks price_ticks);
  bool ring_bit(Ticks price_ticks) const;
  Ticks occupied_below(Ticks price_ticks) const;  // kNoBid if none
  Ticks occupied_above(Ticks price_ticks) const;  // kNoAsk if none
  void touch_moved(Side side);
  void move_ring(Ticks low_ticks);
  std::vector<FarLevel>::iterator far_position(Ticks price_ticks);
  std::vector<FarLevel>::const_iterator far_position(Ticks price_ticks) const;

  template <class Sink>
  void fill_front(Level& level, Lots lots, const Sink& on_fill);
  Lots available_lots(const Submission& order) const;
  Side check_level(Ticks price_ticks, const Level& level, std::size_t& queued) const;
  void check_ring() const;
  void check_far() const;
  void check_pools() const;
  void check_tracked() const;
  void read(Reader& in);
  std::vector<FarLevel> all_levels() const;

  std::vector<Order> orders_;
  std::vector<Slot> free_;
  std::vector<Level> ring_;
  std::array<std::uint64_t, kWords> occupied_{};
  std::uint64_t occupied_words_ = 0;
  Ticks ring_low_ = 0;
  std::array<Ticks, 2> best_{kNoBid, kNoAsk};
  std::array<Lots, 2> side_lots_{};
  std::vector<FarLevel> far_;      // sorted by price
  std::vector<FarLevel> leaving_;  // scratch of `move_ring`
  std::array<std::vector<Slot>, 2 * kPools> pools_;
  std::array<std::int32_t, 2 * kPools> pool_sizes_{};
  std::vector<Tracked> tracked_;
  std::uint64_t arrivals_ = 0;
  std::size_t live_orders_ = 0;
};

}  // namespace rlmm

#include "book/order_book_inline.h"
