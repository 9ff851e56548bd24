#include "parse/flow_pass.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace rlmm::parse {
namespace {

void require(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

}  // namespace

FlowPass::FlowPass(FlowSettings settings) : settings_(std::move(settings)) {
  require(settings_.cluster_ns >= 0, "cluster_ns: expected 0 or above");
  require(settings_.reach_ticks >= 1, "reach_ticks: expected 1 or above");
  require(settings_.order_lots >= 0.0, "order_lots: expected 0 or above");
  const std::vector<Ticks>& edges = settings_.distance_edges;
  require(!edges.empty() && edges.front() == 0 && std::ranges::is_sorted(edges),
          "distance_edges: expected rising values from 0");
  const std::size_t weights = settings_.age_weights.size();
  require(weights == 0 || weights == kPlaces * kAgeBins,
          "age_weights: expected none or one for each place and bin of the age");
}

// Where only the best level is shown, a better one pushes it out of sight, and that is said first.
// It came before a book that still had the old one.
void FlowPass::apply(const Row& row) {
  const std::int64_t number = rows_++;
  if (waiting_) {
    const Row before = *waiting_;
    waiting_.reset();
    const bool pushed = row.kind == EventKind::kAdd && row.side == before.side &&
                        row.ts_ns == before.ts_ns && row.price_ticks != before.price_ticks;
    if (pushed) {
      play(row, number);
      play(before, number - 1);
      return;
    }
    play(before, number - 1);
  }
  if (is_handed_over(row)) {
    waiting_ = row;
    return;
  }
  play(row, number);
}

bool FlowPass::is_handed_over(const Row& row) const {
  if (row.kind != EventKind::kCancel || (row.flags & kFlagReach) == 0) return false;
  const FlowLevels& side = sides_[side_of(row.side)];
  return side.levels().size() == 1 && side.best().price_ticks == row.price_ticks &&
         side.best().lots <= row.lots;
}

void FlowPass::play(const Row& row, std::int64_t number) {
  row_ = number;
  now_ns_ = row.ts_ns;
  if (row.kind == EventKind::kTrade) {
    if ((row.flags & kFlagHidden) != 0 || row.side == 0) {
      emit({.group = kHiddenTrade, .away_ticks = row.price_ticks, .lots = row.lots});
    } else {
      fill(row);
    }
    return;
  }
  if (!is_among_fills(row)) close_market_order();
  switch (row.kind) {
    case EventKind::kAdd:
      add(row);
      break;
    case EventKind::kCancel:
      cancel(row);
      break;
    case EventKind::kModify:
      modify(row);
      break;
    default:
      show(row);
      break;
  }
}

void FlowPass::finish() {
  if (waiting_) {
    const Row last = *waiting_;
    waiting_.reset();
    play(last, rows_ - 1);
  }
  close_market_order();
  clear(0);
  finished_ = true;
}

// --- rows ---------------------------------------------------------------------------------------

// A level that comes into view where a market order has emptied another; what goes on does so soon.
bool FlowPass::is_among_fills(const Row& row) const {
  const bool only_shows = (row.flags & kFlagReach) != 0 || row.kind == EventKind::kModify;
  return filling_ && only_shows && row.order_id == 0 && is_soon(row.ts_ns);
}

// Hidden trades and levels that come into view may lie between the fills of one market order.
void FlowPass::fill(const Row& row) {
  const bool goes_on = filling_ && filling_sign_ == row.side && is_soon(row.ts_ns);
  const FlowLevels& side = sides_[side_of(row.side)];
  const Ticks away = side.away(row.price_ticks);
  if (!goes_on) {
    close_market_order();
    Event event{.group = group_of(0, row.side), .away_ticks = away};
    event.queue_lots = side.empty() ? 0 : side.best().lots;
    if ((row.flags & kFlagAgent) != 0) event.flags = kFlowAgent;
    emit(event);
    filling_ = true;
    filling_at_ = out_.ts_ns.size() - 1;
    filling_sign_ = row.side;
  }
  out_.lots[filling_at_] += row.lots;
  const Ticks best = out_.price_ticks[side_of(row.side)][filling_at_];
  const Ticks through = goes_on ? row.side * (best - row.price_ticks) : away;
  out_.away_ticks[filling_at_] = std::max(out_.away_ticks[filling_at_], through);
  last_fill_ns_ = row.ts_ns;
  more_fills_ = (row.flags & kFlagMoreFills) != 0;
  take_off(row, LifeEnd::kFilled);
}

// The book after a market order is that after its last fill; until then its row has the one before.
void FlowPass::close_market_order() {
  if (!filling_) return;
  filling_ = false;
  for (std::size_t at = filling_at_; at < out_.ts_ns.size(); ++at) write_state(at);
}

void FlowPass::add(const Row& row) {
  const FlowLevels& side = sides_[side_of(row.side)];
  const Ticks away = side.away(row.price_ticks);
  const bool seen = (row.flags & kFlagReach) == 0;
  Event event;
  if (seen && away <= settings_.reach_ticks) {
    event.group = group_of(1, row.side);
    event.away_ticks = away;
    event.lots = row.lots;
    const FlowLevel* level = sides_[side_of(row.side)].find(row.price_ticks);
    event.queue_lots = level == nullptr ? 0 : level->lots;
    if ((row.flags & kFlagAgent) != 0) event.flags = kFlowAgent;
  }
  rest(row, away, seen);
  emit(event);
}

void FlowPass::cancel(const Row& row) {
  const Ticks away = sides_[side_of(row.side)].away(row.price_ticks);
  const bool sent = (row.flags & kFlagReach) == 0;
  const auto order = take_off(row, sent ? LifeEnd::kCancelled : LifeEnd::kOutOfSight);
  Event event;
  if (sent && away <= 2 * settings_.reach_ticks) {
    event.group = group_of(2, row.side);
    event.away_ticks = away;
    event.lots = row.lots;
    if ((row.flags & kFlagRemains) != 0) event.flags |= kFlowPartial;
    if ((row.flags & kFlagAgent) != 0) event.flags |= kFlowAgent;
    if (order) event.queue_lots = order->lots;
    if (order && order->born_here) {
      event.flags |= kFlowAgeKnown;
      event.age_ns = row.ts_ns - order->birth_ns;
    }
  }
  emit(event);
}

// An order, or a level, now holds so many lots. Fewer at the same price are a cancel in part;
// anything else leaves its place and comes again.
void FlowPass::modify(const Row& row) {
  const auto found = row.order_id == 0 ? orders_.end() : orders_.find(row.order_id);
  if (found == orders_.end()) {
    if (row.order_id != 0 && row.lots > 0) {
      add(row);
    } else {
      set_level(row);
    }
    return;
  }
  const Found at = found->second;
  FlowLevel* level = sides_[side_of(at.sign)].find(at.price_ticks);
  std::int64_t before = 0;
  for (const RestingOrder& order : level->orders) {
    if (order.id == row.order_id) before = order.lots;
  }
  const bool stays = at.price_ticks == row.price_ticks && at.sign == row.side && row.lots > 0;
  if (stays && row.lots == before) {
    emit({});
    return;
  }
  Row gone = row;
  gone.kind = EventKind::kCancel;
  gone.side = at.sign;
  gone.price_ticks = at.price_ticks;
  const bool shrinks = stays && row.lots < before;
  gone.lots = shrinks ? before - row.lots : before;
  gone.flags = shrinks ? row.flags | kFlagRemains : row.flags;
  cancel(gone);
  if (!shrinks && row.lots > 0) add(row);
}

void FlowPass::set_level(const Row& row) {
  const std::size_t s = side_of(row.side);
  states_[s].stale = true;
  sides_[s].occupy(row.price_ticks).lots = row.lots;
  drop_if_empty(s, row.price_ticks);
  emit({});
}

// What is there, or no longer there, without anybody having sent it.
void FlowPass::show(const Row& row) {
  switch (row.kind) {
    case EventKind::kSnapshot:
      rest(row, sides_[side_of(row.side)].away(row.price_ticks), false);
      break;
    case EventKind::kClear:
      clear(row.side);
      break;
    default:
      halted_ = row.lots != kStatusTrading;
      break;
  }
  emit({});
}

void FlowPass::clear(std::int64_t sign) {
  for (const std::int64_t side : {1, -1}) {
    if (sign != 0 && sign != side) continue;
    FlowLevels& levels = sides_[side_of(side)];
    for (const FlowLevel& level : levels.levels()) {
      for (const RestingOrder& order : level.orders) end_life(order, side, LifeEnd::kOutOfSight);
    }
    levels.clear();
    states_[side_of(side)].stale = true;
  }
}

// --- the book -----------------------------------------------------------------------------------

void FlowPass::rest(const Row& row, Ticks away_ticks, bool born_here) {
  if (row.order_id != 0) {
    if (const auto twin = orders_.find(row.order_id); twin != orders_.end()) {
      // Said twice: what stood there before loses its name, not its lots.
      states_[side_of(twin->second.sign)].stale = true;
      FlowLevel* old = sides_[side_of(twin->second.sign)].find(twin->second.price_ticks);
      std::erase_if(old->orders, [&](const RestingOrder& order) {
        if (order.id == row.order_id) old->known_lots -= order.lots;
        return order.id == row.order_id;
      });
      orders_.erase(twin);
    }
  }
  states_[side_of(row.side)].stale = true;
  FlowLevel& level = sides_[side_of(row.side)].occupy(row.price_ticks);
  level.lots += row.lots;
  if (row.order_id == 0) return;
  level.known_lots += row.lots;
  level.orders.push_back(
      {row.order_id, row.lots, row.ts_ns, away_ticks, row.price_ticks, born_here});
  orders_[row.order_id] = {row.side, row.price_ticks};
}

std::optional<RestingOrder> FlowPass::take_off(const Row& row, LifeEnd end) {
  const std::size_t s = side_of(row.side);
  states_[s].stale = true;
  std::optional<RestingOrder> before;
  FlowLevel* level = sides_[s].find(row.price_ticks);
  if (level == nullptr) {
    missing_lots_ += row.lots;
    return before;
  }
  const auto known = row.order_id == 0 ? orders_.end() : orders_.find(row.order_id);
  if (known != orders_.end() && known->second.price_ticks == row.price_ticks &&
      known->second.sign == row.side) {
    const auto at = std::ranges::find(level->orders, row.order_id, &RestingOrder::id);
    before = *at;
    const std::int64_t taken = std::min(at->lots, row.lots);
    at->lots -= taken;
    level->known_lots -= taken;
    if (at->lots == 0) {
      end_life(*before, row.side, end);
      level->orders.erase(at);
    }
  }
  missing_lots_ += std::max<std::int64_t>(row.lots - level->lots, 0);
  level->lots = std::max<std::int64_t>(level->lots - row.lots, 0);
  drop_if_empty(s, row.price_ticks);
  return before;
}

void FlowPass::drop_if_empty(std::size_t side, Ticks price_ticks) {
  FlowLevel* level = sides_[side].find(price_ticks);
  if (level->lots > 0) return;
  for (const RestingOrder& order : level->orders) {
    end_life(order, side == 0 ? 1 : -1, LifeEnd::kOutOfSight);
  }
  sides_[side].erase(price_ticks);
}

void FlowPass::end_life(const RestingOrder& order, std::int64_t sign, LifeEnd end) {
  orders_.erase(order.id);
  if (!order.born_here) return;
  lives_.birth_ns.push_back(order.birth_ns);
  lives_.end_ns.push_back(now_ns_);
  lives_.end.push_back(static_cast<std::uint8_t>(end));
  lives_.side.push_back(static_cast<std::int8_t>(sign));
  lives_.away_ticks.push_back(order.away_ticks);
}

}  // namespace rlmm::parse
