#include "market/recorded_book.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <stdexcept>

namespace rlmm {

void RecordedBook::apply(const TapeEvent& event, std::uint64_t index) {
  switch (event.op) {
    case TapeOp::kAdd:
      add(event, index);
      break;
    case TapeOp::kCancel:
    case TapeOp::kTrade:
      reduce(event);
      break;
    case TapeOp::kClear:
      clear_side(event);
      break;
    case TapeOp::kStatus:
      session_ = static_cast<Session>(event.lots);
      break;
    case TapeOp::kNothing:
    case TapeOp::kPrint:
      break;
  }
}

Lots RecordedBook::add(const TapeEvent& event, std::uint64_t index) {
  if (event.slot != kNoOrder) {
    if (event.slot >= orders_.size()) orders_.resize(event.slot + std::size_t{1});
    RecordedOrder& order = orders_[event.slot];
    if (order.lots == 0) {
      const bool is_older = (event.flags & (kTapeSnapshot | kTapeReach)) != 0;
      order = {event.price_ticks, 0, 0, index, event.side, is_older, {}};
    }
    order.lots += event.lots;
  }
  const Ticks key = key_of(event.side, event.price_ticks);
  sides_[index_of(event.side)].find_or_add(key, event.depth).lots += event.lots;
  if (cleared_[index_of(event.side)].levels.empty()) [[likely]] {
    return event.lots;
  }
  return event.lots - take_again(event);
}

Lots RecordedBook::take_again(const TapeEvent& event) {
  Cleared& cleared = cleared_[index_of(event.side)];
  if (event.ts_ns != cleared.ts_ns) cleared.levels.clear();
  if ((event.flags & kTapeSnapshot) == 0) return 0;
  const Ticks key = key_of(event.side, event.price_ticks);
  const auto level = std::ranges::find(cleared.levels, key, &RecordedLevel::key);
  if (level == cleared.levels.end() || level->taken_lots == 0) return 0;
  const Lots lots = std::min(level->taken_lots, event.lots);
  take(event.side, event.price_ticks, lots, event.slot);
  level->taken_lots -= lots;
  return lots;
}

Lots RecordedBook::reduce(const TapeEvent& event) {
  Ladder& ladder = sides_[index_of(event.side)];
  RecordedLevel& level = *ladder.find(key_of(event.side, event.price_ticks), event.depth);
  const Lots left_before = level.left_lots();
  level.lots -= event.lots;
  if (event.slot != kNoOrder) {
    RecordedOrder& order = orders_[event.slot];
    order.lots -= event.lots;
    const Lots given_back = std::max<Lots>(0, order.taken_lots - order.lots);
    order.taken_lots -= given_back;
    level.taken_lots -= given_back;
  } else {
    level.taken_lots = std::min(level.taken_lots, level.lots);
  }
  const Lots gone = left_before - level.left_lots();
  if (level.lots == 0) ladder.remove(&level);
  return gone;
}

void RecordedBook::clear_side(const TapeEvent& event) {
  Cleared& cleared = cleared_[index_of(event.side)];
  if (event.ts_ns != cleared.ts_ns) cleared.levels.clear();
  cleared.ts_ns = event.ts_ns;
  for (const RecordedLevel& level : sides_[index_of(event.side)].levels()) {
    if (level.taken_lots > 0) cleared.levels.push_back(level);
  }
  sides_[index_of(event.side)].clear();
  for (RecordedOrder& order : orders_) {
    if (order.side == event.side) order = RecordedOrder{};
  }
}

void RecordedBook::take(Side side, Ticks price_ticks, Lots lots, std::uint32_t slot) {
  RecordedLevel* level = sides_[index_of(side)].find(key_of(side, price_ticks));
  const bool there = slot == kNoOrder || (slot < orders_.size() && orders_[slot].side == side &&
                                          orders_[slot].price_ticks == price_ticks &&
                                          orders_[slot].left_lots() >= lots);
  if (level == nullptr || level->left_lots() < lots || !there) {
    throw std::invalid_argument("state: expected to have taken lots that are in the recording");
  }
  level->taken_lots += lots;
  if (slot != kNoOrder) {
    orders_[slot].taken_lots += lots;
  } else if (!orders_.empty()) {
    take_first(side, price_ticks, lots);
  }
}

// Crossing is rare: the orders of a level are looked for among all.
void RecordedBook::take_first(Side side, Ticks price_ticks, Lots lots) {
  std::vector<RecordedOrder*> queue;
  for (RecordedOrder& order : orders_) {
    const bool here = order.side == side && order.price_ticks == price_ticks;
    if (here && order.left_lots() > 0) queue.push_back(&order);
  }
  std::ranges::sort(queue, {}, &RecordedOrder::arrival);
  for (auto order = queue.begin(); lots > 0; ++order) {
    const Lots of_it = std::min(lots, (*order)->left_lots());
    (*order)->taken_lots += of_it;
    lots -= of_it;
  }
}

RecordedBook::Snapshot RecordedBook::snapshot() const {
  Snapshot snapshot;
  snapshot.session = session_;
  for (const Side side : kSides) {
    snapshot.levels[index_of(side)] = sides_[index_of(side)].levels();
  }
  for (std::uint32_t slot = 0; slot < orders_.size(); ++slot) {
    if (orders_[slot].lots > 0) snapshot.orders.emplace_back(slot, orders_[slot]);
  }
  return snapshot;
}

void RecordedBook::restore(const Snapshot& snapshot) {
  session_ = snapshot.session;
  for (const Side side : kSides) {
    sides_[index_of(side)].assign(snapshot.levels[index_of(side)]);
    cleared_[index_of(side)].levels.clear();
  }
  std::ranges::fill(orders_, RecordedOrder{});
  for (const auto& [slot, order] : snapshot.orders) orders_[slot] = order;
}

std::vector<RecordedBook::Taken> RecordedBook::taken() const {
  std::vector<Taken> all;
  for (std::uint32_t slot = 0; slot < orders_.size(); ++slot) {
    const RecordedOrder& order = orders_[slot];
    if (order.taken_lots == 0) continue;
    all.push_back({order.price_ticks, order.taken_lots, index_of(order.side), slot});
  }
  if (!orders_.empty()) return all;
  for (const Side side : kSides) {
    for (const RecordedLevel& level : sides_[index_of(side)].levels()) {
      if (level.taken_lots == 0) continue;
      all.push_back({sign(side) * level.key, level.taken_lots, index_of(side), kNoOrder});
    }
  }
  return all;
}

void RecordedBook::check_invariants() const {
  std::array<Lots, 2> lots{};
  std::array<Lots, 2> taken_lots{};
  for (const Side side : kSides) {
    Ticks last_key = std::numeric_limits<Ticks>::min();
    for (const RecordedLevel& level : sides_[index_of(side)].levels()) {
      RLMM_CHECK_LE(last_key + 1, level.key);
      RLMM_CHECK_LE(Lots{1}, level.lots);
      RLMM_CHECK_LE(Lots{0}, level.taken_lots);
      RLMM_CHECK_LE(level.taken_lots, level.lots);
      last_key = level.key;
      lots[index_of(side)] += level.lots;
      taken_lots[index_of(side)] += level.taken_lots;
    }
  }
  if (orders_.empty()) return;
  for (const RecordedOrder& order : orders_) {
    RLMM_CHECK_LE(Lots{0}, order.taken_lots);
    RLMM_CHECK_LE(order.taken_lots, order.lots);
    lots[index_of(order.side)] -= order.lots;
    taken_lots[index_of(order.side)] -= order.taken_lots;
  }
  // No lots but those of orders, and none of an order twice.
  for (const Side side : kSides) {
    RLMM_CHECK_LE(std::abs(lots[index_of(side)]), Lots{0});
    RLMM_CHECK_LE(std::abs(taken_lots[index_of(side)]), Lots{0});
  }
}

}  // namespace rlmm
