// What a flow pass writes down: rows with the book after them.
#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "parse/flow_pass.h"

namespace rlmm::parse {
namespace {

// The first n values of a column, which keeps the others.
template <class T>
std::vector<T> split_off(std::vector<T>& column, std::size_t n) {
  std::vector<T> rest(column.begin() + static_cast<std::ptrdiff_t>(n), column.end());
  column.resize(n);
  return std::exchange(column, std::move(rest));
}

}  // namespace

std::size_t age_bin(TimeNs age_ns) {
  const auto age = static_cast<std::uint64_t>(std::max<TimeNs>(age_ns, 1));
  const auto octave = static_cast<std::size_t>(std::bit_width(age)) - 1;
  const std::uint64_t eighths = octave >= 3 ? age >> (octave - 3) : age << (3 - octave);
  return 8 * octave + static_cast<std::size_t>(eighths & 7U);
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
