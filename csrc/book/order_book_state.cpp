// The order book's proof of its own soundness, and its bytes.
#include <string>
#include <utility>

#include "book/order_book.h"

namespace rlmm {
namespace {

[[noreturn, gnu::cold]] void broken(const std::string& what) {
  throw InvariantError("order book: " + what + "; please report this");
}

void require(bool holds, const char* what) {
  if (!holds) [[unlikely]]
    broken(what);
}

}  // namespace

// --- soundness ----------------------------------------------------------------------------------

std::vector<OrderBook::FarLevel> OrderBook::all_levels() const {
  std::vector<FarLevel> levels;
  for (Ticks price = occupied_above(kNoBid); price != kNoAsk; price = occupied_above(price)) {
    levels.push_back({price, level(price)});
  }
  return levels;
}

// Walks one queue and counts its orders; returns the side it is on.
Side OrderBook::check_level(Ticks price_ticks, const Level& level, std::size_t& queued) const {
  require(is_price(price_ticks), "a level lies within the range of prices");
  require(level.front < orders_.size() && level.back < orders_.size(), "a level's ends are live");
  const Side side = orders_[level.front].side;
  Lots lots = 0;
  Slot previous = kNoSlot;
  std::uint64_t arrival = 0;
  for (Slot slot = level.front; slot != kNoSlot; slot = orders_[slot].next) {
    require(slot < orders_.size(), "links lead to slots");
    const Order& order = orders_[slot];
    require(order.lots >= 1, "a queued order has lots");
    require(order.price_ticks == price_ticks, "an order lies at its price");
    require(order.side == side, "a level has one side");
    require(order.previous == previous, "links agree in both directions");
    require(order.arrival > arrival, "a queue is in order of arrival");
    require(order.arrival <= arrivals_, "an order has arrived");
    require(order.padding == 0, "an order's padding is 0");
    lots += order.lots;
    previous = slot;
    arrival = order.arrival;
    ++queued;
  }
  require(level.back == previous, "a level's back is its last order");
  require(level.lots == lots, "a level's lots are those of its orders");
  return side;
}

void OrderBook::check_ring() const {
  std::uint64_t words = 0;
  for (std::size_t at = 0; at < ring_.size(); ++at) {
    const bool marked = ((occupied_[at / 64] >> (at % 64)) & 1U) != 0;
    require(marked == (ring_[at].front != kNoSlot), "the bitmap marks the occupied levels");
    if (marked) words |= std::uint64_t{1} << (at / 64);
  }
  require(words == occupied_words_, "the bitmap's summary marks the occupied words");
}

void OrderBook::check_far() const {
  Ticks previous = kNoBid;
  for (const FarLevel& far : far_) {
    require(far.price_ticks > previous, "far levels are sorted");
    require(!in_ring(far.price_ticks), "far levels lie outside the ring");
    previous = far.price_ticks;
  }
}

// Every slot is in its place of its one pool or, once, among the free ones.
void OrderBook::check_pools() const {
  std::size_t members = 0;
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    for (std::size_t at = 0; at < pools_[i].size(); ++at) {
      require(pools_[i][at] < orders_.size(), "a pool holds slots");
      const Order& order = orders_[pools_[i][at]];
      require(order.lots >= 1 && order.pool_index == at, "a pool's members know their place");
      require(order.side == Side::kBid || order.side == Side::kAsk, "an order has a side");
      require(order.pool * std::size_t{2} + index(order.side) == i, "an order is in its own pool");
    }
    require(std::cmp_equal(pool_sizes_[i], pools_[i].size()), "a pool knows its size");
    members += pools_[i].size();
  }
  require(members == live_orders_, "every live order is in a pool");
  require(live_orders_ + free_.size() == orders_.size(), "a slot is live or free");
  std::vector<bool> seen(orders_.size());
  for (const Slot slot : free_) {
    require(slot < orders_.size() && orders_[slot].lots == 0, "a free slot is an empty one");
    require(!seen[slot], "a free slot is listed once");
    seen[slot] = true;
  }
}

void OrderBook::check_tracked() const {
  for (const Tracked& tracked : tracked_) {
    // As a number of 64 bits, which `is_live` would cut off.
    require(
        tracked.slot < orders_.size() && is_live(static_cast<Slot>(tracked.slot), tracked.arrival),
        "a tracked order is live");
    const Order& order = orders_[tracked.slot];
    require(tracked.price_ticks == order.price_ticks, "a tracked order's price is known");
    Lots ahead = 0;
    for (Slot at = order.previous; at != kNoSlot; at = orders_[at].previous) {
      ahead += orders_[at].lots;
    }
    require(ahead == tracked.ahead_lots, "the count of lots ahead is right");
  }
}

void OrderBook::check_invariants() const {
  check_ring();
  check_far();
  check_pools();
  require(best_[0] < best_[1], "the book is not crossed");
  std::array<Ticks, 2> best{kNoBid, kNoAsk};
  std::array<Lots, 2> lots{};
  std::size_t queued = 0;
  for (const FarLevel& at : all_levels()) {
    const Side side = check_level(at.price_ticks, at.level, queued);
    lots[index(side)] += at.level.lots;
    if (side == Side::kBid) {
      best[0] = at.price_ticks;  // levels come in rising order
      require(best[1] == kNoAsk, "no bid lies above an ask");
    } else {
      best[1] = std::min(best[1], at.price_ticks);
    }
  }
  // Queued orders differ and are not free, so as many as live ones are all of them.
  require(queued == live_orders_, "every live order is in a queue");
  require(best == best_, "the best prices are those of the levels");
  require(lots == side_lots_, "a side's lots are those of its levels");
  check_tracked();
}

// --- saving -------------------------------------------------------------------------------------

void OrderBook::save(Writer& out) const {
  out.put_vector(orders_);
  out.put_vector(free_);
  out.put_vector(all_levels());
  for (const std::vector<Slot>& members : pools_) out.put_vector(members);
  out.put_vector(tracked_);
  out.put(best_);
  out.put(side_lots_);
  out.put(ring_low_);
  out.put(arrivals_);
  out.put(live_orders_);
}

void OrderBook::load(Reader& in) {
  clear();
  try {
    read(in);
    check_invariants();
  } catch (const InvariantError& error) {
    clear();
    throw std::invalid_argument(std::string("state: expected a sound order book, but ") +
                                error.what());
  } catch (...) {
    clear();
    throw;
  }
}

void OrderBook::read(Reader& in) {
  orders_ = in.get_vector<Order>();
  free_ = in.get_vector<Slot>();
  const std::vector<FarLevel> levels = in.get_vector<FarLevel>();
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    pools_[i] = in.get_vector<Slot>();
    pool_sizes_[i] = static_cast<std::int32_t>(pools_[i].size());
  }
  tracked_ = in.get_vector<Tracked>();
  best_ = in.get<std::array<Ticks, 2>>();
  side_lots_ = in.get<std::array<Lots, 2>>();
  ring_low_ = in.get<Ticks>();
  arrivals_ = in.get<std::uint64_t>();
  live_orders_ = in.get<std::size_t>();
  // Before anybody computes with them.
  require(is_ring_low(ring_low_), "the ring lies around prices");
  for (const FarLevel& at : levels) {
    require(is_price(at.price_ticks), "a level lies within the range of prices");
    if (in_ring(at.price_ticks)) {
      ring_level(at.price_ticks) = at.level;
      set_bit(at.price_ticks);
    } else {
      far_.push_back(at);
    }
  }
}

}  // namespace rlmm
