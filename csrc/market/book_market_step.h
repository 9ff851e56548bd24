// An episode of a market with a book: its start, its steps, and what happens in the book.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <span>

#include "market/book_market.h"
#include "market/recorder.h"

namespace rlmm {
namespace detail {

// What is charged; a rebate stays as it is.
inline FeeParams scaled(FeeParams fees, double factor) {
  for (double* fee :
       {&fees.maker_bps, &fees.taker_bps, &fees.maker_ticks_per_lot, &fees.taker_ticks_per_lot}) {
    if (*fee > 0.0) *fee *= factor;
  }
  return fees;
}

}  // namespace detail

template <class Setting>
BookModelOf<Setting>::BookModelOf(const EnvParams& env_params, const FeatureWriter& features)
    : params(env_params),
      setting(env_params),
      feed(env_params.latency.feed),
      entry(env_params.latency.entry),
      response(env_params.latency.response),
      soft_limit_lots(static_cast<double>(env_params.reward.soft_limit_lots)),
      observer(env_params, features),
      filters_regime(features.needs_regime_probabilities()),
      regime_filter(Setting::regime_filter(env_params)) {}

template <class Setting>
BookMarketOf<Setting>::BookMarketOf(const Model& model)
    : model_(&model),
      market_(model.setting.make()),
      fees_(model.params.fees),
      desk_(model.params.limits.inventory_cap_lots, model.params.limits.messages_hz,
            model.setting.first_side()),
      regime_filter_(model.regime_filter),
      observer_(model.params) {
  if constexpr (requires { market_.expect_orders(true); }) {
    market_.expect_orders(model.filters_regime);
  }
}

template <class Setting>
void BookMarketOf<Setting>::trace(Trace* to) {
  trace_ = to;
  if constexpr (requires { market_.record(nullptr); }) {
    if (to != nullptr) write_snapshot(market_, to->book);
    market_.record(to == nullptr ? nullptr : &to->book);
  }
}

template <class Setting>
void BookMarketOf<Setting>::reset(SeedKey key, std::uint64_t episode) {
  if (trace_ != nullptr) trace(nullptr);
  model_->setting.start(market_, key, episode);
  feed_stream_ = Stream(key, episode, Purpose::kFeedLatency);
  entry_stream_ = Stream(key, episode, Purpose::kEntryLatency);
  response_stream_ = Stream(key, episode, Purpose::kResponseLatency);
  const EpisodeParams& start = model_->params.episode;
  Stream reset_stream(key, episode, Purpose::kReset);
  const Lots span = start.initial_inventory_max_lots - start.initial_inventory_min_lots + 1;
  const Lots drawn = static_cast<Lots>(reset_stream.below(static_cast<std::uint64_t>(span)));
  const Lots inventory = start.initial_inventory_min_lots + drawn;
  state_ = State{};
  observer_.open(market_.mid_ticks_x2());
  standing_ = {};
  in_flight_.clear();
  notices_.clear();
  heard_lots_ = {};
  entry_line_.clear();
  response_line_.clear();
  markouts_.clear();
  fill_log_.begin(episode);
  regime_filter_.start();
  outcome_ = StepOutcome{};
  extra_ = Extra{};
  fees_ = FeeSchedule(model_->params.fees);
  desk_.open(inventory);
  after_change();
  apply_scenario();  // a jump of the price at time 0 comes before the position's first mark
  account_.open(inventory, observer_.mid_ticks_x2());
  observer_.begin_step();
  state_.feed_ns = delay_ns(model_->feed, feed_stream_);
  view_ = BookView{};
  // Anywhere, so that episodes shorter than that have their turn too.
  const std::uint64_t mixed = (key.low ^ episode) * 0x9E3779B97F4A7C15U;
  check_step_ = 1 + static_cast<std::int64_t>((mixed >> 32U) % kStepsPerCheck);
  show();
}

template <class Setting>
StepOutcome BookMarketOf<Setting>::step(const Quotes& quotes) {
  outcome_ = StepOutcome{};
  extra_ = Extra{};
  observer_.begin_step();
  heard_lots_ = {};
  send(quotes);
  ++state_.steps_done;
  run_until(state_.steps_done * model_->params.episode.step_ns);
  const bool at_end = state_.steps_done == model_->params.episode.n_steps || exhausted();
  if (at_end && model_->params.episode.liquidate_at_end) liquidate();
  integrate_inventory();
  outcome_.pnl_inventory_x2 += account_.mark(observer_.mid_ticks_x2());
  settle_markouts();
  extra_.markouts = markouts_.take();
  extra_.events = observer_.tally().events;
  observer_.end_step(model_->observer);
  state_.feed_ns = delay_ns(model_->feed, feed_stream_);
  if constexpr (requires { market_.take_expected(); }) {
    if (model_->filters_regime) regime_filter_.update(market_.take_expected());
  }
  if (state_.dark == 0) {
    hear();
    show();
  }
  if (state_.steps_done >= check_step_) [[unlikely]] {
    check_step_ += kStepsPerCheck;
    check_invariants();
  }
  return outcome_;
}

template <class Setting>
void BookMarketOf<Setting>::check_invariants() const {
  market_.check_invariants();
  RLMM_CHECK_LE(std::abs(account_.inventory_lots()), model_->params.limits.inventory_cap_lots);
  const Money parts_x2 =
      account_.spread_pnl_x2() + account_.inventory_pnl_x2() - 2 * account_.fees();
  RLMM_CHECK_LE(account_.pnl_x2(), parts_x2);
  RLMM_CHECK_LE(parts_x2, account_.pnl_x2());
  for (const Side side : kSides) {
    if (!is_alive(side)) continue;
    const auto& own = market_.book().order(static_cast<Slot>(standing_[index_of(side)].slot));
    RLMM_CHECK_LE(Lots{1}, Lots{own.lots});
    RLMM_CHECK_LE(Lots{0}, queue_ahead(side));
  }
}

template <class Setting>
TimeNs BookMarketOf<Setting>::delay_ns(const Delay& delay, Stream& stream) {
  const TimeNs drawn = delay.draw_ns(stream);
  if (state_.latency == 1.0) return drawn;
  return round_to_integer(static_cast<double>(drawn) * state_.latency);
}

// --- what happens in the book -------------------------------------------------------------------

template <class Setting>
void BookMarketOf<Setting>::fill(Side side, Ticks price_ticks, Lots lots, bool maker) {
  integrate_inventory();
  outcome_.pnl_inventory_x2 += account_.mark(observer_.mid_ticks_x2());
  const Money fee = fees_.charge(price_ticks, lots, maker);
  outcome_.pnl_spread_x2 += account_.fill(side, price_ticks, lots, fee);
  outcome_.fees += fee;
  if (maker) {
    outcome_.maker_lots[index_of(side)] += lots;
  } else {
    outcome_.taker_lots += lots;
  }
  markouts_.add(side, price_ticks, lots, now_ns());
  const TimeNs wait_ns = maker ? now_ns() - standing_[index_of(side)].since_ns : 0;
  if (trace_ != nullptr) [[unlikely]] {
    const std::uint64_t order = maker ? standing_[index_of(side)].order : 0;
    trace_->add(maker ? AgentEvent::kMaker : AgentEvent::kTaker,
                {.ts_ns = now_ns(),
                 .side = sign(side),
                 .order = static_cast<std::int64_t>(order),
                 .price_ticks = price_ticks,
                 .qty_lots = lots,
                 .delay_ns = wait_ns});
  }
  if (!fill_log_.is_on()) return;
  fill_log_.add({0,
                 now_ns(),
                 sign(side),
                 price_ticks,
                 lots,
                 maker ? 1 : 0,
                 wait_ns,
                 observer_.mid_ticks_x2(),
                 {}});
}

template <class Setting>
void BookMarketOf<Setting>::book_maker_fills() {
  for (const Fill& one : market_.agent_fills()) {
    Standing& standing = standing_[index_of(one.side)];
    fill(one.side, one.price_ticks, one.lots, true);
    notify(one.side, standing.order, one.lots, 0);
    if (one.left_lots == 0) standing = Standing{};
  }
}

template <class Setting>
void BookMarketOf<Setting>::after_event() {
  const typename Book::Happened& happened = market_.happened();
  StepTally& tally = observer_.tally();
  ++tally.events;
  if constexpr (requires { market_.check_not_runaway(tally.events); }) {
    market_.check_not_runaway(tally.events);
  }
  if (model_->filters_regime) regime_filter_.count(happened.group);
  if (lane(happened.group) < 2 && happened.lots > 0) {
    if (happened.group == Group::kMarketSell) {
      ++outcome_.market_sells;
      tally.sold += happened.lots;
    } else {
      ++outcome_.market_buys;
      tally.bought += happened.lots;
    }
  }
  if (!market_.agent_fills().empty()) book_maker_fills();
  // Behind an order that is alone at the touch, the others' best price moves and the touch does
  // not.
  if (happened.touch_changed || (state_.alone != 0 && !kTellsOthersBest<Book>)) after_change();
}

// The best price among the others' orders; kNoBid or kNoAsk where there are none.
template <class Setting>
Ticks BookMarketOf<Setting>::others_best(Side side) const {
  const auto& book = market_.book();
  if constexpr (kTellsOthersBest<Book>) {
    return book.others_best(side);
  } else {
    const Ticks best = book.best(side);
    if (!is_alive(side)) return best;
    const auto& own = book.order(static_cast<Slot>(standing_[index_of(side)].slot));
    if (own.price_ticks != best || book.best_lots(side) != own.lots) return best;
    return book.next_price(side, best);
  }
}

// While the others lack a side everything stays as it last was: the agent's orders are no price.
template <class Setting>
void BookMarketOf<Setting>::after_change() {
  const auto& book = market_.book();
  const std::array<Ticks, 2> best{others_best(Side::kBid), others_best(Side::kAsk)};
  if (best[0] == OrderBook::kNoBid || best[1] == OrderBook::kNoAsk) [[unlikely]] {
    state_.alone = 1;
    return;
  }
  for (const Side side : kSides) {
    observer_.see_touch(side, book.best(side), book.best_lots(side));
  }
  state_.alone = best == observer_.touch_ticks() ? 0 : 1;
  const Ticks mid_x2 = best[0] + best[1];
  if (mid_x2 == observer_.mid_ticks_x2()) return;
  settle_markouts();
  observer_.see_mid(mid_x2);
}

// The mid up to now is what it is: for fills whose horizon has ended.
template <class Setting>
void BookMarketOf<Setting>::settle_markouts() {
  markouts_.settle(now_ns(), observer_.mid_ticks_x2());
  fill_log_.settle(now_ns(), observer_.mid_ticks_x2());
}

template <class Setting>
void BookMarketOf<Setting>::integrate_inventory() {
  const double seconds = static_cast<double>(now_ns() - state_.integrated_ns) / kNsPerS;
  state_.integrated_ns = now_ns();
  const double inventory = std::fabs(static_cast<double>(account_.inventory_lots()));
  const double excess = std::max(0.0, inventory - model_->soft_limit_lots);
  outcome_.inventory_squared_s += inventory * inventory * seconds;
  outcome_.inventory_absolute_s += inventory * seconds;
  outcome_.soft_excess_squared_s += excess * excess * seconds;
}

template <class Setting>
void BookMarketOf<Setting>::set_fees(double factor) {
  const std::int64_t carried = fees_.carried_e9();
  fees_ = FeeSchedule(detail::scaled(model_->params.fees, factor));
  fees_.set_carried_e9(carried);
}

template <class Setting>
void BookMarketOf<Setting>::apply_scenario() {
  const Scenario& scenario = model_->setting.scenario;
  state_.change_ns = scenario.next_change_ns(now_ns());
  if (scenario.empty()) return;
  const Shocked now = scenario.at(now_ns());
  state_.latency = now.latency;
  state_.halted = now.halt ? 1 : 0;
  state_.dark = now.outage ? 1 : 0;
  set_fees(now.fees);
  if constexpr (requires { scenario.apply_to(market_); }) {
    if (!scenario.apply_to(market_)) return;
    book_maker_fills();
    after_change();
  }
}

// Trades the position away at the end, walking the book as far as it goes.
template <class Setting>
void BookMarketOf<Setting>::liquidate() {
  for (const Side side : kSides) {
    if (is_alive(side)) market_.cancel(static_cast<Slot>(standing_[index_of(side)].slot));
    standing_[index_of(side)] = Standing{};
  }
  after_change();
  const Lots inventory = account_.inventory_lots();
  if (inventory == 0 || is_halted()) return;
  const Side side = inventory > 0 ? Side::kAsk : Side::kBid;
  const Ticks price = side == Side::kBid ? OrderBook::kPriceMax : 1;
  executions_.clear();
  market_.submit(side, price, std::min(std::abs(inventory), OrderBook::kOrderLotsMax),
                 TimeInForce::kImmediateOrCancel, executions_);
  for (const typename Book::Execution& execution : executions_) {
    fill(side, execution.price_ticks, execution.lots, false);
  }
  after_change();
}

}  // namespace rlmm
