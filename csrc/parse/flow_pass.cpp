#include "parse/flow_pass.h"

#include <bit>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

namespace rlmm::parse {
namespace {

// The first n values of a column, which keeps the others.
template <class T>
std::vector<T> split_off(std::vector<T>& column, std::size_t n) {
  std::vector<T> rest(column.begin() + static_cast<std::ptrdiff_t>(n), column.end());
  column.resize(n);
  return std::exchange(column, std::move(rest));
}

void require(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

}  // namespace

std::size_t age_bin(TimeNs age_ns) {
  const auto age = static_cast<std::uint64_t>(std::max<TimeNs>(age_ns, 1));
  const auto octave = static_cast<std::size_t>(std::bit_width(age)) - 1;
  const std::uint64_t eighths = octave >= 3 ? age >> (octave - 3) : age << (3 - octave);
  return 8 * octave + static_cast<std::size_t>(eighths & 7U);
}

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
  const bool is_trade = row.kind == EventKind::kTrade;
  if (is_trade && ((row.flags & kFlagHidden) != 0 || row.side == 0)) {
    emit({.group = kHiddenTrade, .away_ticks = row.price_ticks, .lots = row.lots});
    return;
  }
  if (is_trade) return fill(row);
  if (!is_among_fills(row)) close_market_order();
  switch (row.kind) {
    case EventKind::kAdd:
      return add(row);
    case EventKind::kCancel:
      return cancel(row);
    case EventKind::kModify:
      return modify(row);
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

void FlowPass::finish() {
  if (waiting_) play(*std::exchange(waiting_, std::nullopt), rows_ - 1);
  close_market_order();
  clear(0);
  finished_ = true;
}

FlowColumns FlowPass::take() {
  // The last row may still take in what changes at its time.
  const std::size_t all = out_.ts_ns.size();
  std::size_t n = all == 0 || finished_ ? all : all - 1;
  if (filling_) n = std::min(n, filling_at_);
  FlowColumns done;
  done.ts_ns = split_off(out_.ts_ns, n);
  done.row = split_off(out_.row, n);
  done.group = split_off(out_.group, n);
  done.flags = split_off(out_.flags, n);
  done.away_ticks = split_off(out_.away_ticks, n);
  done.lots = split_off(out_.lots, n);
  done.queue_lots = split_off(out_.queue_lots, n);
  done.age_ns = split_off(out_.age_ns, n);
  for (std::size_t s = 0; s < 2; ++s) {
    done.price_ticks[s] = split_off(out_.price_ticks[s], n);
    done.touch_lots[s] = split_off(out_.touch_lots[s], n);
    done.gap_ticks[s] = split_off(out_.gap_ticks[s], n);
    done.levels[s] = split_off(out_.levels[s], n);
    done.extent_ticks[s] = split_off(out_.extent_ticks[s], n);
    done.lots_at_risk[s] = split_off(out_.lots_at_risk[s], n);
  }
  done.at_risk = split_off(out_.at_risk, n * 2 * settings_.distance_edges.size());
  done.open = split_off(out_.open, n);
  filling_at_ -= filling_ ? n : 0;
  return done;
}

LifeColumns FlowPass::take_lives() { return std::exchange(lives_, LifeColumns{}); }

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
  const std::size_t s = side_of(row.side);
  const auto found = row.order_id == 0 ? orders_.end() : orders_.find(row.order_id);
  if (found == orders_.end()) {
    if (row.order_id != 0 && row.lots > 0) return add(row);
    states_[s].stale = true;
    FlowLevel& level = sides_[s].occupy(row.price_ticks);
    level.lots = row.lots;
    drop_if_empty(s, row.price_ticks);
    return emit({});
  }
  const Found at = found->second;
  FlowLevel* level = sides_[side_of(at.sign)].find(at.price_ticks);
  std::int64_t before = 0;
  for (const RestingOrder& order : level->orders) {
    if (order.id == row.order_id) before = order.lots;
  }
  const bool stays = at.price_ticks == row.price_ticks && at.sign == row.side && row.lots > 0;
  if (stays && row.lots == before) return emit({});
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

// --- writing ------------------------------------------------------------------------------------

// What changes the book at the time of the last row without an event is part of that row, and what
// changes it among the fills of a market order of the order's.
void FlowPass::emit(const Event& event) {
  if (event.group == kNoEvent && filling_) return;
  if (event.group == kNoEvent && !out_.ts_ns.empty() && out_.ts_ns.back() == now_ns_) {
    write_state(out_.ts_ns.size() - 1);
    return;
  }
  out_.ts_ns.push_back(now_ns_);
  out_.row.push_back(row_);
  out_.group.push_back(event.group);
  out_.flags.push_back(event.flags);
  out_.away_ticks.push_back(event.away_ticks);
  out_.lots.push_back(event.lots);
  out_.queue_lots.push_back(event.queue_lots);
  out_.age_ns.push_back(event.age_ns);
  for (std::size_t s = 0; s < 2; ++s) {
    out_.price_ticks[s].emplace_back();
    out_.touch_lots[s].emplace_back();
    out_.gap_ticks[s].emplace_back();
    out_.levels[s].emplace_back();
    out_.extent_ticks[s].emplace_back();
    out_.lots_at_risk[s].emplace_back();
  }
  out_.at_risk.resize(out_.at_risk.size() + 2 * settings_.distance_edges.size());
  out_.open.emplace_back();
  write_state(out_.ts_ns.size() - 1);
}

void FlowPass::write_state(std::size_t at) {
  const std::size_t bins = settings_.distance_edges.size();
  for (std::size_t s = 0; s < 2; ++s) {
    SideState& state = states_[s];
    if (state.stale || !settings_.age_weights.empty()) look_at(s);
    out_.price_ticks[s][at] = state.price_ticks;
    out_.touch_lots[s][at] = state.touch_lots;
    out_.gap_ticks[s][at] = state.gap_ticks;
    out_.levels[s][at] = state.levels;
    out_.extent_ticks[s][at] = state.extent_ticks;
    out_.lots_at_risk[s][at] = state.lots_at_risk;
    std::ranges::copy(state.at_risk, out_.at_risk.data() + (2 * at + s) * bins);
  }
  const bool whole = !sides_[0].empty() && !sides_[1].empty() &&
                     sides_[1].best().price_ticks > sides_[0].best().price_ticks;
  out_.open[at] = whole && !halted_ ? 1 : 0;
}

void FlowPass::look_at(std::size_t side) {
  const FlowLevels& levels = sides_[side];
  const std::vector<Ticks>& edges = settings_.distance_edges;
  SideState state;
  state.stale = false;
  state.at_risk.assign(edges.size(), 0.0F);
  if (!levels.empty()) {
    state.price_ticks = levels.best().price_ticks;
    state.touch_lots = levels.best().lots;
  }
  state.gap_ticks = levels.gap();
  const std::vector<FlowLevel>& all = levels.levels();
  std::size_t bin = 0;
  for (std::size_t n = all.size(); n-- > 0;) {
    const FlowLevel& level = all[n];
    const Ticks away = levels.away(level.price_ticks);
    if (away > 2 * settings_.reach_ticks) break;
    state.lots_at_risk += level.lots;
    if (away <= settings_.reach_ticks) {
      state.extent_ticks = away;
      ++state.levels;
    }
    while (bin + 1 < edges.size() && edges[bin + 1] <= away) ++bin;
    state.at_risk[bin] += static_cast<float>(orders_at(level));
  }
  states_[side] = std::move(state);
}

double FlowPass::orders_at(const FlowLevel& level) const {
  double orders = 0.0;
  if (settings_.age_weights.empty()) {
    orders = static_cast<double>(level.orders.size());
  } else {
    for (const RestingOrder& order : level.orders) orders += weight_of(order);
  }
  const auto anonymous = static_cast<double>(level.lots - level.known_lots);
  if (anonymous <= 0.0) return orders;
  const double count =
      settings_.order_lots > 0.0 ? std::round(anonymous / settings_.order_lots) : 1.0;
  return orders + std::max(count, 1.0) * settings_.anonymous_weight;
}

double FlowPass::weight_of(const RestingOrder& order) const {
  if (!order.born_here) return settings_.anonymous_weight;
  const auto place = static_cast<std::size_t>(order.place());
  return settings_.age_weights[place * kAgeBins + age_bin(now_ns_ - order.birth_ns)];
}

}  // namespace rlmm::parse
