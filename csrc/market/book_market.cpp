#include "market/book_market.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace rlmm {
namespace {

constexpr double kVolatilityHalfLifeSteps = 16.0;
constexpr std::array<Side, 2> kSides = {Side::kBid, Side::kAsk};

constexpr std::size_t at(Side side) { return static_cast<std::size_t>(side); }
constexpr Side other(Side side) { return side == Side::kBid ? Side::kAsk : Side::kBid; }

FeeParams scaled(FeeParams fees, double factor) {
  fees.maker_bps *= factor;
  fees.taker_bps *= factor;
  fees.maker_ticks_per_lot *= factor;
  fees.taker_ticks_per_lot *= factor;
  return fees;
}

std::size_t shown_levels(const EnvParams& params, const FeatureWriter& features) {
  const bool any = features.shows(Feature::kBidDistance) || features.shows(Feature::kAskDistance) ||
                   features.shows(Feature::kBidDepth) || features.shows(Feature::kAskDepth) ||
                   features.shows(Feature::kImbalance);
  return any ? static_cast<std::size_t>(params.observation.levels) : 0;
}

}  // namespace

BookModel::BookModel(const EnvParams& env_params, const FeatureWriter& features)
    : params(env_params),
      flow(env_params.book().model),
      scenario(env_params.book().shocks),
      feed(env_params.latency.feed),
      entry(env_params.latency.entry),
      response(env_params.latency.response),
      horizon_s(env_params.step_s() * static_cast<double>(env_params.episode.n_steps)),
      soft_limit_lots(static_cast<double>(env_params.reward.soft_limit_lots)),
      return_memory(std::exp2(-1.0 / kVolatilityHalfLifeSteps)),
      levels(shown_levels(env_params, features)),
      shows_motion(features.needs_motion()) {}

BookMarket::BookMarket(const BookModel& model)
    : model_(&model),
      market_(model.flow, model.params.book().mirrored,
              {model.params.book().reaction_full_lots, model.params.book().reaction_budget_hz}),
      fees_(model.params.fees),
      desk_(model.params.limits.inventory_cap_lots, model.params.limits.messages_hz,
            model.params.book().mirrored ? Side::kAsk : Side::kBid),
      history_(model.params.observation.horizons_steps) {}

void BookMarket::reset(SeedKey key, std::uint64_t episode) {
  const BookMarketParams& book = model_->params.book();
  market_.start(key, episode, book.mid_initial_ticks, book.session_start_ns, book.warmup_ns);
  feed_stream_ = Stream(key, episode, Purpose::kFeedLatency);
  entry_stream_ = Stream(key, episode, Purpose::kEntryLatency);
  response_stream_ = Stream(key, episode, Purpose::kResponseLatency);
  const EpisodeParams& start = model_->params.episode;
  Stream reset_stream(key, episode, Purpose::kReset);
  const Lots span = start.initial_inventory_max_lots - start.initial_inventory_min_lots + 1;
  const Lots drawn = static_cast<Lots>(reset_stream.below(static_cast<std::uint64_t>(span)));
  const Lots inventory = start.initial_inventory_min_lots + drawn;
  state_ = State{};
  state_.mid_ticks_x2 = market_.mid_ticks_x2();
  standing_ = {};
  in_flight_.clear();
  notices_.clear();
  heard_lots_ = {};
  entry_line_.clear();
  response_line_.clear();
  markouts_.clear();
  history_.clear();
  tally_ = StepTally{};
  outcome_ = StepOutcome{};
  extra_ = Extra{};
  account_.open(inventory, state_.mid_ticks_x2);
  fees_ = FeeSchedule(model_->params.fees);
  desk_.open(inventory);
  after_change();
  tally_ = StepTally{};
  apply_scenario();
  state_.feed_ns = delay_ns(model_->feed, feed_stream_);
  view_ = BookView{};
  show();
}

StepOutcome BookMarket::step(const Quotes& quotes) {
  outcome_ = StepOutcome{};
  extra_ = Extra{};
  tally_ = StepTally{};
  heard_lots_ = {};
  const Ticks mid_before_x2 = state_.mid_ticks_x2;
  send(quotes);
  ++state_.steps_done;
  run_until(state_.steps_done * model_->params.episode.step_ns);
  const bool at_end = state_.steps_done == model_->params.episode.n_steps;
  if (at_end && model_->params.episode.liquidate_at_end) liquidate();
  integrate_inventory();
  outcome_.pnl_inventory_x2 += account_.mark(state_.mid_ticks_x2);
  markouts_.settle(now_ns(), state_.mid_ticks_x2);
  extra_.markouts = markouts_.take();
  extra_.events = tally_.events;
  tally_.return_x2 = state_.mid_ticks_x2 - mid_before_x2;
  tally_.return_squared_x4 = tally_.return_x2 * tally_.return_x2;
  history_.push(tally_);
  const double moved = 0.5 * static_cast<double>(tally_.return_x2);
  state_.mean_square_return_ticks2 = model_->return_memory * state_.mean_square_return_ticks2 +
                                     (1.0 - model_->return_memory) * moved * moved;
  state_.feed_ns = delay_ns(model_->feed, feed_stream_);
  if (state_.dark == 0) {
    hear();
    show();
  }
  return outcome_;
}

TimeNs BookMarket::delay_ns(const Delay& delay, Stream& stream) {
  const TimeNs drawn = delay.draw_ns(stream);
  if (state_.latency == 1.0) return drawn;
  return round_to_integer(static_cast<double>(drawn) * state_.latency);
}

// --- messages -----------------------------------------------------------------------------------

void BookMarket::send(const Quotes& quotes) {
  const Packet packet = desk_.decide(quotes, state_.seen_mid_ticks_x2, now_ns());
  extra_.refused = desk_.refused();
  outcome_.messages = static_cast<std::int64_t>(packet.size);
  if (packet.size == 0) return;
  const TimeNs delay = state_.feed_ns + delay_ns(model_->entry, entry_stream_);
  for (std::size_t i = 0; i < packet.size; ++i) {
    Message message = packet.messages[i];
    message.arrival_ns = entry_line_.arrival_ns(now_ns(), delay);
    in_flight_.push_back(message);
  }
}

void BookMarket::run_until(TimeNs end_ns) {
  for (;;) {
    if (now_ns() >= state_.change_ns) apply_scenario();
    while (!in_flight_.empty() && in_flight_.front().arrival_ns <= now_ns()) {
      const Message message = in_flight_.front();
      in_flight_.erase(in_flight_.begin());
      deliver(message);
    }
    if (now_ns() >= end_ns) return;
    TimeNs stop_ns = std::min(end_ns, state_.change_ns);
    if (!in_flight_.empty()) stop_ns = std::min(stop_ns, in_flight_.front().arrival_ns);
    while (market_.advance(stop_ns)) after_event();
  }
}

bool BookMarket::is_alive(Side side) const {
  const Standing& standing = standing_[at(side)];
  return standing.slot != kNoSlot &&
         market_.book().is_live(static_cast<Slot>(standing.slot), standing.arrival);
}

void BookMarket::deliver(const Message& message) {
  switch (message.kind) {
    case MessageKind::kNew:
      place(message);
      break;
    case MessageKind::kReplace:
      replace(message);
      break;
    case MessageKind::kCancel:
      withdraw(message);
      break;
  }
  after_change();
}

// An order on its way in: what the risk check leaves of it, and whether it may come in at all.
// Own orders on the other side that it would meet are taken off first.
Lots BookMarket::admitted_lots(const Message& message, Lots lots) {
  if (state_.halted != 0) return 0;
  const Side opposite = other(message.side);
  if (is_alive(opposite)) {
    const Standing& standing = standing_[at(opposite)];
    const Order own = market_.book().order(static_cast<Slot>(standing.slot));
    if (sign(message.side) * (message.price_ticks - own.price_ticks) >= 0) {
      notify(opposite, standing.order, 0, own.lots);
      market_.cancel(static_cast<Slot>(standing.slot));
      standing_[at(opposite)] = Standing{};
    }
  }
  const Lots room =
      model_->params.limits.inventory_cap_lots - sign(message.side) * account_.inventory_lots();
  return std::clamp<Lots>(lots, 0, room);
}

void BookMarket::place(const Message& message) {
  const Lots lots = admitted_lots(message, message.lots);
  Outcome outcome;
  executions_.clear();
  if (lots > 0)
    outcome = market_.submit(message.side, message.price_ticks, lots, force(), executions_);
  settle_order(message, outcome, message.lots - lots);
}

// What was filled while the message was under way comes off the new size as well, so that never
// more is bought or sold than was asked for.
void BookMarket::replace(const Message& message) {
  Standing& standing = standing_[at(message.side)];
  const bool alive = is_alive(message.side) && standing.order == message.order;
  const auto slot = static_cast<Slot>(standing.slot);
  const Lots open_lots = alive ? Lots{market_.book().order(slot).lots} : 0;
  const Lots wanted = message.lots - (message.open_lots - open_lots);
  Outcome outcome;
  executions_.clear();
  if (!alive) {
    if (wanted > 0) settle_order(message, outcome, wanted);  // too late
    return;
  }
  const Lots lots = admitted_lots(message, std::max<Lots>(0, wanted));
  if (lots == 0) {
    market_.cancel(slot);
  } else {
    outcome = market_.amend(slot, message.price_ticks, lots, force(), executions_);
  }
  standing = Standing{};
  settle_order(message, outcome, std::max<Lots>(0, wanted) - lots);
}

void BookMarket::withdraw(const Message& message) {
  Standing& standing = standing_[at(message.side)];
  if (!is_alive(message.side) || standing.order != message.order) return;
  market_.cancel(static_cast<Slot>(standing.slot));
  standing = Standing{};
}

TimeInForce BookMarket::force() const {
  return model_->params.book().taker_allowed ? TimeInForce::kGoodTillCancel
                                             : TimeInForce::kPostOnly;
}

void BookMarket::settle_order(const Message& message, const Outcome& outcome, Lots cut_lots) {
  for (const FlowBook::Execution& execution : executions_) {
    fill(message.side, execution.price_ticks, execution.lots, false);
  }
  const Lots dropped = outcome.dropped_lots + cut_lots;
  extra_.rejected_lots += dropped;
  if (outcome.filled_lots > 0 || dropped > 0) {
    notify(message.side, message.order, outcome.filled_lots, dropped);
  }
  if (outcome.slot == kNoSlot) return;
  standing_[at(message.side)] = {outcome.slot, market_.book().order(outcome.slot).arrival,
                                 message.order};
}

void BookMarket::notify(Side side, std::uint64_t order, Lots filled_lots, Lots dropped_lots) {
  const TimeNs delay = delay_ns(model_->response, response_stream_);
  Notice notice;
  notice.heard_ns = response_line_.arrival_ns(now_ns(), delay);
  notice.order = order;
  notice.filled_lots = filled_lots;
  notice.dropped_lots = dropped_lots;
  notice.side = side;
  notices_.push_back(notice);
}

void BookMarket::hear() {
  const TimeNs until_ns = now_ns() + state_.feed_ns;
  std::size_t heard = 0;
  for (; heard < notices_.size() && notices_[heard].heard_ns <= until_ns; ++heard) {
    desk_.hear(notices_[heard]);
    heard_lots_[at(notices_[heard].side)] += notices_[heard].filled_lots;
  }
  notices_.erase(notices_.begin(), notices_.begin() + static_cast<std::ptrdiff_t>(heard));
}

// --- what happens in the book -------------------------------------------------------------------

void BookMarket::fill(Side side, Ticks price_ticks, Lots lots, bool maker) {
  integrate_inventory();
  outcome_.pnl_inventory_x2 += account_.mark(state_.mid_ticks_x2);
  const Money fee = fees_.charge(price_ticks, lots, maker);
  outcome_.pnl_spread_x2 += account_.fill(side, price_ticks, lots, fee);
  outcome_.fees += fee;
  if (maker) {
    outcome_.maker_lots[at(side)] += lots;
  } else {
    outcome_.taker_lots += lots;
  }
  markouts_.add(side, price_ticks, lots, now_ns());
}

void BookMarket::book_maker_fills() {
  for (const Fill& one : market_.agent_fills()) {
    Standing& standing = standing_[at(one.side)];
    fill(one.side, one.price_ticks, one.lots, true);
    notify(one.side, standing.order, one.lots, 0);
    if (one.left_lots == 0) standing = Standing{};
  }
}

void BookMarket::after_event() {
  const FlowBook::Happened& happened = market_.happened();
  if (++tally_.events > FlowBook::kRunEventsMost) [[unlikely]] {
    FlowBook::refuse_runaway();
  }
  if (lane(happened.group) < 2 && happened.lots > 0) {
    if (happened.group == Group::kMarketSell) {
      ++outcome_.market_sells;
      tally_.sold += happened.lots;
    } else {
      ++outcome_.market_buys;
      tally_.bought += happened.lots;
    }
    if (!market_.agent_fills().empty()) book_maker_fills();
  }
  // Behind an order that is alone at the touch, the others' best price moves and the touch does
  // not.
  if (happened.touch_changed || state_.alone != 0) after_change();
}

// The best price among the others' orders; the agent's own where there are no others.
Ticks BookMarket::others_best(Side side) const {
  const OrderBook& book = market_.book();
  const Ticks best = book.best(side);
  if (!is_alive(side)) return best;
  const Order& own = book.order(static_cast<Slot>(standing_[at(side)].slot));
  if (own.price_ticks != best || book.best_lots(side) != own.lots) return best;
  const Ticks next = book.next_price(side, best);
  return next == OrderBook::kNoBid || next == OrderBook::kNoAsk ? best : next;
}

// Order-flow imbalance of one side: lots that came to its best price less lots that went.
Lots BookMarket::flow_of(Side side, Ticks price_ticks, Lots lots) const {
  const std::int64_t better = sign(side) * (price_ticks - state_.touch_ticks[at(side)]);
  return (better >= 0 ? lots : 0) - (better <= 0 ? state_.touch_lots[at(side)] : 0);
}

void BookMarket::after_change() {
  const OrderBook& book = market_.book();
  if (!book.has(Side::kBid) || !book.has(Side::kAsk)) return;
  for (const Side side : kSides) {
    const Ticks price = book.best(side);
    const Lots lots = book.best_lots(side);
    tally_.order_flow += sign(side) * flow_of(side, price, lots);
    state_.touch_ticks[at(side)] = price;
    state_.touch_lots[at(side)] = lots;
  }
  const std::array<Ticks, 2> best{others_best(Side::kBid), others_best(Side::kAsk)};
  state_.alone = best == state_.touch_ticks ? 0 : 1;
  const Ticks mid_x2 = best[0] + best[1];
  if (mid_x2 == state_.mid_ticks_x2) return;
  markouts_.settle(now_ns(), state_.mid_ticks_x2);
  state_.mid_ticks_x2 = mid_x2;
}

void BookMarket::integrate_inventory() {
  const double seconds = static_cast<double>(now_ns() - state_.integrated_ns) / kNsPerS;
  state_.integrated_ns = now_ns();
  const double inventory = std::fabs(static_cast<double>(account_.inventory_lots()));
  const double excess = std::max(0.0, inventory - model_->soft_limit_lots);
  outcome_.inventory_squared_s += inventory * inventory * seconds;
  outcome_.inventory_absolute_s += inventory * seconds;
  outcome_.soft_excess_squared_s += excess * excess * seconds;
}

void BookMarket::set_fees(double factor) {
  const std::int64_t carried = fees_.carried_e9();
  fees_ = FeeSchedule(scaled(model_->params.fees, factor));
  fees_.set_carried_e9(carried);
}

void BookMarket::apply_scenario() {
  const Scenario& scenario = model_->scenario;
  state_.change_ns = scenario.next_change_ns(now_ns());
  if (scenario.empty()) return;
  const Shocked now = scenario.at(now_ns());
  market_.bend(now.bend);
  market_.set_drift(now.drift_ticks_per_s);
  if (market_.held_regime() != now.regime) market_.hold_regime(now.regime);
  state_.latency = now.latency;
  state_.halted = now.halt ? 1 : 0;
  state_.dark = now.outage ? 1 : 0;
  set_fees(now.fees);
  const Ticks jump = scenario.jump_at(now_ns());
  if (jump == 0) return;
  market_.jump_price(jump);
  book_maker_fills();
  after_change();
}

// Trades the position away at the end, walking the book as far as it goes.
void BookMarket::liquidate() {
  for (const Side side : kSides) {
    if (is_alive(side)) market_.cancel(static_cast<Slot>(standing_[at(side)].slot));
    standing_[at(side)] = Standing{};
  }
  after_change();
  const Lots inventory = account_.inventory_lots();
  if (inventory == 0 || state_.halted != 0) return;
  const Side side = inventory > 0 ? Side::kAsk : Side::kBid;
  const Ticks price = side == Side::kBid ? OrderBook::kPriceMax : 1;
  executions_.clear();
  market_.submit(side, price, std::min(std::abs(inventory), OrderBook::kOrderLotsMax),
                 TimeInForce::kImmediateOrCancel, executions_);
  for (const FlowBook::Execution& execution : executions_) {
    fill(side, execution.price_ticks, execution.lots, false);
  }
  after_change();
}

}  // namespace rlmm
