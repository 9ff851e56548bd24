#include "market/analytic.h"

#include <numeric>

namespace rlmm {
namespace {

constexpr double kNever = 1e300;
constexpr double kVolatilityHalfLifeSteps = 16.0;

double time_to(double clock, double rate_hz) { return rate_hz > 0.0 ? clock / rate_hz : kNever; }

AnalyticModel::Regime make_regime(const AnalyticMarketParams& market, std::size_t index) {
  const RegimeParams& given = market.regimes[index];
  AnalyticModel::Regime regime;
  regime.order_rate_hz = {given.market_sell_rate_hz * market.fill_cap,
                          given.market_buy_rate_hz * market.fill_cap};
  const double ratio = given.volatility_ticks / market.volatility_reference_ticks;
  const double reach = market.fill_volatility_exponent == 0.0
                           ? 1.0
                           : std::pow(ratio, market.fill_volatility_exponent);
  regime.decay_per_tick = given.fill_decay_per_tick / reach;
  regime.variance_ticks2 = given.volatility_ticks * given.volatility_ticks;
  regime.penalty_scale = given.inventory_penalty_scale;
  regime.jump_cumulative.resize(market.regimes.size());
  std::partial_sum(market.switch_rates_hz[index].begin(), market.switch_rates_hz[index].end(),
                   regime.jump_cumulative.begin());
  regime.leave_rate_hz = regime.jump_cumulative.back();
  return regime;
}

std::size_t pick(const std::vector<double>& cumulative, double at) {
  const auto found = std::ranges::upper_bound(cumulative, at);
  const auto last = static_cast<std::size_t>(cumulative.size() - 1);
  return std::min(last, static_cast<std::size_t>(found - cumulative.begin()));
}

}  // namespace

AnalyticModel::AnalyticModel(const EnvParams& env_params, const FeatureWriter& features)
    : params(env_params),
      step_s(env_params.step_s()),
      horizon_s(env_params.step_s() * static_cast<double>(env_params.episode.n_steps)),
      mid_initial_ticks(static_cast<double>(env_params.analytic().mid_initial_ticks)),
      log_fill_cap(std::log(env_params.analytic().fill_cap)),
      soft_limit_lots(static_cast<double>(env_params.reward.soft_limit_lots)),
      reversion(std::exp(-env_params.analytic().mid_reversion_hz * env_params.step_s())),
      jumps_per_step(env_params.analytic().jump_rate_hz * env_params.step_s()),
      return_memory(std::exp2(-1.0 / kVolatilityHalfLifeSteps)),
      taker_allowed(env_params.analytic().taker_allowed),
      shows_motion(features.needs_motion()),
      filters_regime(features.needs_regime_probabilities()),
      feed(env_params.latency.feed),
      entry(env_params.latency.entry),
      response(env_params.latency.response) {
  const AnalyticMarketParams& market = params.analytic();
  const std::size_t k = market.regimes.size();
  for (std::size_t i = 0; i < k; ++i) regimes.push_back(make_regime(market, i));
  initial_cumulative.resize(k);
  std::partial_sum(market.initial_regime_probabilities.begin(),
                   market.initial_regime_probabilities.end(), initial_cumulative.begin());
  for (Regime& regime : regimes) {
    regime.step_deviation_ticks = std::sqrt(regime.variance_ticks2 * kept_seconds(0.0, step_s));
  }
  has_latency = !(feed.is_zero() && entry.is_zero() && response.is_zero());
  std::vector<double> generator(k * k, 0.0);
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < k; ++j)
      generator[i * k + j] = market.switch_rates_hz[i][j] * step_s;
    generator[i * k + i] = -step_s * (regimes[i].leave_rate_hz + regimes[i].order_rate_hz[0] +
                                      regimes[i].order_rate_hz[1]);
  }
  if (filters_regime) quiet_step = matrix_exponential(std::move(generator), k);
}

// Integral of exp(-2 theta s) over s from `before_end_s` to `before_end_s + seconds`: how much of
// the variance that comes in that time is left at the end of the step.
double AnalyticModel::kept_seconds(double before_end_s, double seconds) const {
  const double pull_hz = 2.0 * params.analytic().mid_reversion_hz;
  if (pull_hz == 0.0) return seconds;
  return -std::exp(-pull_hz * before_end_s) * std::expm1(-pull_hz * seconds) / pull_hz;
}

bool AnalyticModel::filled(std::size_t regime, Ticks depth_ticks, Stream& mark) const {
  const double reach = regimes[regime].decay_per_tick * static_cast<double>(depth_ticks);
  if (params.analytic().fill_law == FillLaw::kExponential) {
    return mark.exponential() > reach + log_fill_cap;
  }
  return mark.uniform() < std::pow(1.0 + std::max(reach, 0.0), -params.analytic().fill_power);
}

void AnalyticMarket::reset(SeedKey key, std::uint64_t episode) {
  const auto stream = [key, episode](Purpose purpose) { return Stream(key, episode, purpose); };
  streams_.mid = stream(Purpose::kMid);
  streams_.jump = stream(Purpose::kJump);
  streams_.regime = stream(Purpose::kRegime);
  streams_.order = {stream(Purpose::kSellArrival), stream(Purpose::kBuyArrival)};
  streams_.mark = {stream(Purpose::kSellMark), stream(Purpose::kBuyMark)};
  streams_.feed = stream(Purpose::kFeedLatency);
  streams_.entry = stream(Purpose::kEntryLatency);
  streams_.response = stream(Purpose::kResponseLatency);

  const EpisodeParams& start = model_->params.episode;
  Stream reset_stream = stream(Purpose::kReset);
  const Lots span = start.initial_inventory_max_lots - start.initial_inventory_min_lots + 1;
  const Lots inventory = start.initial_inventory_min_lots +
                         static_cast<Lots>(reset_stream.below(static_cast<std::uint64_t>(span)));
  state_ = State();
  state_.regime = pick(model_->initial_cumulative, reset_stream.uniform());
  state_.mid_ticks = static_cast<double>(model_->params.analytic().mid_initial_ticks);
  state_.order_clock = {streams_.order[0].exponential(), streams_.order[1].exponential()};
  state_.regime_clock = streams_.regime.exponential();
  account_.open(inventory, 2 * model_->params.analytic().mid_initial_ticks);
  fees_.set_carried_e9(0);
  fill_log_.begin(episode);
  in_flight_.clear();
  unheard_.clear();
  entry_line_.clear();
  response_line_.clear();
  regime_probabilities_ = model_->params.analytic().initial_regime_probabilities;
  if (model_->has_latency) state_.feed_ns = model_->feed.draw_ns(streams_.feed);
  view_ = MarketView();
  show_basics();
  show_regime();
  for (std::size_t k = 0; k < regime_probabilities_.size(); ++k) {
    view_.set(Feature::kRegimeProbability, k, regime_probabilities_[k]);
  }
}

// Executes the standing quotes that reach the other side's touch; such an order does not rest.
void AnalyticMarket::cross(TimeNs at_ns, StepOutcome& outcome) {
  const AnalyticMarketParams& market = model_->params.analytic();
  for (const Side side : kSides) {
    const std::size_t s = index_of(side);
    Lots& wanted_lots = state_.standing.lots[s];
    const Ticks depth = sign(side) * (mid_ticks() - state_.standing.price_ticks[s]);
    if (wanted_lots == 0 || depth > -market.half_spread_ticks) continue;
    Lots lots = std::min(wanted_lots, room_lots(side));
    wanted_lots = 0;
    // Only as many lots as slip no farther than the quote's own price.
    const auto slack_ticks = static_cast<double>(-depth - market.half_spread_ticks);
    const double affordable = slack_ticks / std::fabs(market.slippage_ticks_per_lot);  // of -0 too
    if (affordable < static_cast<double>(lots)) lots = static_cast<Lots>(affordable);
    if (lots == 0) continue;
    const double slippage = market.slippage_ticks_per_lot * static_cast<double>(lots);
    const Ticks cost = market.half_spread_ticks + round_to_integer(slippage);
    book_fill(side, mid_ticks() + sign(side) * cost, lots, false, at_ns, outcome);
  }
}

// Lots the side may still trade before the inventory cap.
Lots AnalyticMarket::room_lots(Side side) const {
  const Lots room =
      model_->params.limits.inventory_cap_lots - sign(side) * account_.inventory_lots();
  RLMM_CHECK_LE(Lots{0}, room);
  return room;
}

// Competing clocks in continuous time over one step: orders of each side, the regime, quotes that
// arrive late. Clocks count unit-rate time, so a change of rate leaves what was drawn as it is.
double AnalyticMarket::run_clocks(StepOutcome& outcome) {
  const double end_s = model_->step_s;
  const TimeNs start_ns = now_ns();
  double now_s = 0.0;
  std::size_t arrived = 0;
  bool switched = false;
  double variance_ticks2 = 0.0;
  const auto advance = [&](double seconds) {
    elapse(seconds, outcome);
    variance_ticks2 +=
        regime_now().variance_ticks2 * model_->kept_seconds(end_s - now_s - seconds, seconds);
    now_s += seconds;
  };
  for (;;) {
    const AnalyticModel::Regime& regime = regime_now();
    const double left_s = end_s - now_s;
    double late_s = kNever;
    if (arrived < in_flight_.size()) {
      late_s = static_cast<double>(in_flight_[arrived].arrival_ns - start_ns) / kNsPerS - now_s;
    }
    const double sell_s = time_to(state_.order_clock[0], regime.order_rate_hz[0]);
    const double buy_s = time_to(state_.order_clock[1], regime.order_rate_hz[1]);
    const double switch_s = time_to(state_.regime_clock, regime.leave_rate_hz);
    const double next_s = std::min({sell_s, buy_s, switch_s, late_s});
    if (next_s >= left_s) {
      advance(left_s);
      break;
    }
    advance(std::max(next_s, 0.0));  // rounding may put it just before now
    if (next_s == late_s) {
      state_.standing = in_flight_[arrived].quotes;
      if (model_->taker_allowed) cross(in_flight_[arrived].arrival_ns, outcome);
      ++arrived;
    } else if (next_s == switch_s) {
      switch_regime();
      switched = true;
    } else {
      meet_order(next_s == sell_s ? Side::kBid : Side::kAsk, now_s, outcome);
    }
  }
  in_flight_.erase(in_flight_.begin(), in_flight_.begin() + static_cast<std::ptrdiff_t>(arrived));
  if (!switched) return regime_now().step_deviation_ticks;
  return std::sqrt(variance_ticks2);
}

void AnalyticMarket::meet_order(Side side, double at_s, StepOutcome& outcome) {
  const std::size_t s = index_of(side);
  state_.order_clock[s] = streams_.order[s].exponential();
  ++(side == Side::kBid ? outcome.market_sells : outcome.market_buys);
  // The mark is drawn for every order, quoted against or not: agents see the same orders.
  const Ticks depth = sign(side) * (mid_ticks() - state_.standing.price_ticks[s]);
  const bool reached = model_->filled(state_.regime, depth, streams_.mark[s]);
  const Lots lots = std::min(
      {state_.standing.lots[s], model_->params.analytic().market_order_lots, room_lots(side)});
  if (!reached || lots == 0) return;
  const TimeNs at_ns = now_ns() + round_to_integer(at_s * kNsPerS);
  book_fill(side, state_.standing.price_ticks[s], lots, true, at_ns, outcome);
}

void AnalyticMarket::book_fill(Side side, Ticks price_ticks, Lots lots, bool maker, TimeNs at_ns,
                               StepOutcome& outcome) {
  const Money fee = fees_.charge(price_ticks, lots, maker);
  outcome.pnl_spread_x2 += account_.fill(side, price_ticks, lots, fee);
  outcome.fees += fee;
  fill_log_.add(
      {0, at_ns, sign(side), price_ticks, lots, maker ? 1 : 0, 0, account_.mid_ticks_x2(), {}});
  if (maker) {
    outcome.maker_lots[index_of(side)] += lots;
  } else {
    outcome.taker_lots += lots;
  }
  if (!model_->has_latency) return;
  const TimeNs delay_ns = model_->response.draw_ns(streams_.response);
  unheard_.push_back({response_line_.arrival_ns(at_ns, delay_ns), sign(side) * lots});
  state_.unheard_lots += sign(side) * lots;
}

void AnalyticMarket::switch_regime() {
  const AnalyticModel::Regime& regime = model_->regimes[state_.regime];
  const double at = streams_.regime.uniform() * regime.leave_rate_hz;
  state_.regime = pick(regime.jump_cumulative, at);
  state_.regime_clock = streams_.regime.exponential();
  show_regime();
}

// All jumps of a step together: a Poisson number of normal ones, each pulled back from its time,
// uniform in the step, to the end.
double AnalyticMarket::jump_ticks() {
  const std::int64_t jumps = streams_.jump.poisson(model_->jumps_per_step);
  const double pull = model_->params.analytic().mid_reversion_hz * model_->step_s;
  auto variance = static_cast<double>(jumps);
  if (pull > 0.0) {
    variance = 0.0;
    for (std::int64_t i = 0; i < jumps; ++i) {
      variance += std::exp(-2.0 * pull * streams_.jump.uniform());
    }
  }
  return model_->params.analytic().jump_ticks * std::sqrt(variance) * streams_.jump.normal();
}

// Which fills the agent knows of when it acts on the coming observation, which reaches it
// `feed_ns` from now. A fill of the future is never among them.
std::array<Lots, 2> AnalyticMarket::hear_fills() {
  state_.feed_ns = model_->feed.draw_ns(streams_.feed);
  const TimeNs heard_until_ns = now_ns() + state_.feed_ns;
  std::array<Lots, 2> heard_lots{};
  std::size_t heard = 0;
  while (heard < unheard_.size() && unheard_[heard].heard_ns <= heard_until_ns) {
    const Lots signed_lots = unheard_[heard].signed_lots;
    state_.unheard_lots -= signed_lots;
    heard_lots[signed_lots > 0 ? 0 : 1] += std::abs(signed_lots);
    ++heard;
  }
  unheard_.erase(unheard_.begin(), unheard_.begin() + static_cast<std::ptrdiff_t>(heard));
  return heard_lots;
}

// Bayes on the step's market orders, taken to arrive at its end: p' ~ (p exp((Q - L) dt)) x
// sell_rate^sells x buy_rate^buys, L = diag(total rate). The error is of the order of one step.
void AnalyticMarket::update_filter(const StepOutcome& outcome) {
  const std::vector<AnalyticModel::Regime>& regimes = model_->regimes;
  const std::size_t k = regimes.size();
  std::vector<double> log_posterior(k);
  double best = -kNever;
  for (std::size_t j = 0; j < k; ++j) {
    double prior = 0.0;
    for (std::size_t i = 0; i < k; ++i) {
      prior += regime_probabilities_[i] * model_->quiet_step[i * k + j];
    }
    const auto sells = static_cast<double>(outcome.market_sells);
    const auto buys = static_cast<double>(outcome.market_buys);
    double value = std::log(std::max(prior, 1e-300));
    if (sells > 0.0) value += sells * std::log(std::max(regimes[j].order_rate_hz[0], 1e-300));
    if (buys > 0.0) value += buys * std::log(std::max(regimes[j].order_rate_hz[1], 1e-300));
    log_posterior[j] = value;
    best = std::max(best, value);
  }
  double total = 0.0;
  for (std::size_t j = 0; j < k; ++j) {
    regime_probabilities_[j] = std::exp(log_posterior[j] - best);
    total += regime_probabilities_[j];
  }
  for (double& p : regime_probabilities_) p /= total;
  for (std::size_t j = 0; j < k; ++j) {
    view_.set(Feature::kRegimeProbability, j, regime_probabilities_[j]);
  }
}

void AnalyticMarket::show_motion(const StepOutcome& outcome, const std::array<Lots, 2>& heard_lots,
                                 double return_ticks) {
  const double square = return_ticks * return_ticks;
  double& mean_square = state_.mean_square_return_ticks2;
  mean_square = square + (mean_square - square) * model_->return_memory;
  view_.set(Feature::kMidReturn, return_ticks);
  view_.set(Feature::kMidDisplacement, state_.mid_ticks - model_->mid_initial_ticks);
  view_.set(Feature::kRealisedVolatility, std::sqrt(mean_square));
  // The agent knows what it has sent; whether that has arrived it learns from fills alone.
  const Standing& standing = model_->has_latency ? state_.sent : state_.standing;
  const std::array<Ticks, 2> offset = {mid_ticks() - standing.price_ticks[0],
                                       standing.price_ticks[1] - mid_ticks()};
  view_.set(Feature::kBidOffset, standing.lots[0] == 0 ? 0 : offset[0]);
  view_.set(Feature::kAskOffset, standing.lots[1] == 0 ? 0 : offset[1]);
  view_.set(Feature::kBidLots, standing.lots[0]);
  view_.set(Feature::kAskLots, standing.lots[1]);
  view_.set(Feature::kBidFills, heard_lots[0]);
  view_.set(Feature::kAskFills, heard_lots[1]);
  view_.set(Feature::kMarketSells, outcome.market_sells);
  view_.set(Feature::kMarketBuys, outcome.market_buys);
}

void AnalyticMarket::show_regime() {
  for (std::size_t k = 0; k < model_->regimes.size(); ++k) {
    view_.set(Feature::kRegime, k, k == state_.regime ? 1 : 0);
  }
}

void AnalyticMarket::save(Writer& out) const {
  out.put(account_);
  out.put(fees_.carried_e9());
  out.put(streams_);
  out.put(state_);
  out.put(view_);
  out.put_vector(in_flight_);
  out.put_vector(unheard_);
  out.put(entry_line_);
  out.put(response_line_);
  fill_log_.save(out);
  out.put_vector(regime_probabilities_);
}

void AnalyticMarket::load(Reader& in) {
  account_ = in.get<Account>();
  fees_.set_carried_e9(in.get<std::int64_t>());
  streams_ = in.get<Streams>();
  state_ = in.get<State>();
  view_ = in.get<MarketView>();
  in_flight_ = in.get_vector<InFlight>();
  unheard_ = in.get_vector<UnheardFill>();
  entry_line_ = in.get<Line>();
  response_line_ = in.get<Line>();
  fill_log_.load(in);
  regime_probabilities_ = in.get_vector<double>();
  const bool sound = streams_.sound() && state_.regime < model_->regimes.size() &&
                     regime_probabilities_.size() == model_->regimes.size() &&
                     state_.order_clock[0] >= 0.0 && state_.order_clock[1] >= 0.0 &&
                     state_.regime_clock >= 0.0 && std::isfinite(state_.mid_ticks);
  if (!sound) throw std::invalid_argument("state: expected one this engine has saved, got another");
}

}  // namespace rlmm
