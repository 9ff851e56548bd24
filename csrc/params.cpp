#include "params.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

#include "checks.h"
#include "regimes.h"

namespace rlmm {
namespace {

void validate_regime(const RegimeParams& regime, std::size_t index) {
  const std::string at = "market.regimes[" + std::to_string(index) + "].";
  require_between(at + "market_sell_rate_hz", regime.market_sell_rate_hz, 0.0, kRateMax);
  require_between(at + "market_buy_rate_hz", regime.market_buy_rate_hz, 0.0, kRateMax);
  require_positive(at + "fill_decay_per_tick", regime.fill_decay_per_tick);
  require_between(at + "volatility_ticks", regime.volatility_ticks, 0.0, kMagnitudeMax);
  require_between(at + "inventory_penalty_scale", regime.inventory_penalty_scale, 0.0,
                  kMagnitudeMax);
}

void validate_regime_chain(const AnalyticMarketParams& market) {
  const std::size_t k = market.regimes.size();
  if (k < 1 || k > kRegimesMax) refuse("market.regimes", "1 to 8 regimes", k);
  for (std::size_t i = 0; i < k; ++i) validate_regime(market.regimes[i], i);
  require_regime_chain("market", k, market.switch_rates_hz, market.initial_regime_probabilities);
}

void validate_market(const AnalyticMarketParams& market) {
  validate_regime_chain(market);
  require_positive("market.fill_power", market.fill_power);
  require_between("market.fill_cap", market.fill_cap, 1.0, 1e6);
  if (market.fill_law == FillLaw::kPower && market.fill_cap != 1.0) {
    refuse("market.fill_cap", "1 with the power law", market.fill_cap);
  }
  if (market.fill_law == FillLaw::kExponential && market.fill_power != 1.0) {
    refuse("market.fill_power", "1 with the exponential law", market.fill_power);
  }
  require_between("market.fill_volatility_exponent", market.fill_volatility_exponent, -4.0, 4.0);
  require_positive("market.volatility_reference_ticks", market.volatility_reference_ticks);
  if (market.fill_volatility_exponent != 0.0) {
    for (const RegimeParams& regime : market.regimes) {
      require_positive("market.regimes[].volatility_ticks with a fill_volatility_exponent",
                       regime.volatility_ticks);
    }
  }
  require_between("market.mid_initial_ticks", market.mid_initial_ticks, Ticks{1}, kPriceMax);
  require_between("market.mid_reversion_hz", market.mid_reversion_hz, 0.0, kRateMax);
  require_between("market.jump_rate_hz", market.jump_rate_hz, 0.0, kRateMax);
  require_between("market.jump_ticks", market.jump_ticks, 0.0, kMagnitudeMax);
  require_between("market.market_order_lots", market.market_order_lots, Lots{1}, kSizeMax);
  require_between("market.half_spread_ticks", market.half_spread_ticks, Ticks{0}, kOffsetMax);
  if (market.taker_allowed) return;
  if (market.half_spread_ticks != 0) {
    refuse("market.half_spread_ticks", "0 without taker_allowed", market.half_spread_ticks);
  }
  if (market.slippage_ticks_per_lot != 0.0) {
    refuse("market.slippage_ticks_per_lot", "0 without taker_allowed",
           market.slippage_ticks_per_lot);
  }
}

// What only a market with a book can do.
void validate_no_book(const EnvParams& params) {
  if (params.episode.liquidate_at_end) {
    refuse("episode.liquidate_at_end", "false with an analytic market", "true");
  }
  if (params.limits.messages_hz) {
    refuse("limits.messages_hz", "none with an analytic market", *params.limits.messages_hz);
  }
}

// A log-normal delay ends at 24 h: its draws may not be cut there but with negligible probability.
void validate_tail(const std::string& name, const DelayParams& delay) {
  constexpr double kSigmas = 8.0;  // passed once in 10^15 draws
  const auto median_ns = static_cast<double>(delay.median_ns);
  const double log_sd_most = std::log(static_cast<double>(kDelayMaxNs) / median_ns) / kSigmas;
  if (delay.log_sd > log_sd_most) {
    refuse(name + ".log_sd",
           "at most " + text_of(log_sd_most) + " with median_ns=" + text_of(delay.median_ns) +
               ", so that 8 standard deviations end within 24 h",
           delay.log_sd);
  }
}

void validate_delay(const std::string& name, const DelayParams& delay) {
  require_between(name + ".median_ns", delay.median_ns, TimeNs{0}, kHourNs);
  require_between(name + ".log_sd", delay.log_sd, 0.0, 5.0);
  const std::vector<TimeNs>& quantiles = delay.quantiles_ns;
  if (delay.law == DelayLaw::kEmpirical) {
    if (quantiles.size() < 2) {
      refuse(name + ".quantiles_ns", "at least 2 values", quantiles.size());
    }
    for (const TimeNs q : quantiles) require_between(name + ".quantiles_ns", q, TimeNs{0}, kHourNs);
    if (!std::ranges::is_sorted(quantiles)) {
      refuse(name + ".quantiles_ns", "rising values", "a fall");
    }
    if (delay.median_ns != 0) {
      refuse(name + ".median_ns", "0 with the empirical law", delay.median_ns);
    }
  } else if (!quantiles.empty()) {
    refuse(name + ".quantiles_ns", "none unless the law is empirical", quantiles.size());
  }
  if (delay.law != DelayLaw::kLognormal && delay.log_sd != 0.0) {
    refuse(name + ".log_sd", "0 unless the law is lognormal", delay.log_sd);
  }
  if (delay.law == DelayLaw::kLognormal && delay.median_ns == 0) {
    refuse(name + ".median_ns", "above 0 with the lognormal law", delay.median_ns);
  }
  if (delay.law == DelayLaw::kLognormal) validate_tail(name, delay);
}

void validate_fees(const FeeParams& fees) {
  require_between("fees.maker_bps", fees.maker_bps, -1000.0, 1000.0);
  require_between("fees.taker_bps", fees.taker_bps, -1000.0, 1000.0);
  require_between("fees.maker_ticks_per_lot", fees.maker_ticks_per_lot, -1e6, 1e6);
  require_between("fees.taker_ticks_per_lot", fees.taker_ticks_per_lot, -1e6, 1e6);
}

void validate_episode(const EpisodeParams& episode, Lots inventory_cap_lots) {
  require_between("episode.n_steps", episode.n_steps, std::int64_t{1}, std::int64_t{100'000'000});
  require_between("episode.step_ns", episode.step_ns, TimeNs{1}, 24 * kHourNs);
  if (episode.n_steps > kHorizonNsMax / episode.step_ns) {
    refuse("episode.n_steps", "n_steps x step_ns of at most 2^53 ns (104 days)", episode.n_steps);
  }
  require_between("episode.initial_inventory_max_lots", episode.initial_inventory_max_lots,
                  -inventory_cap_lots, inventory_cap_lots);
  require_between("episode.initial_inventory_min_lots", episode.initial_inventory_min_lots,
                  -inventory_cap_lots, episode.initial_inventory_max_lots);
}

void validate_events(const AnalyticMarketParams& market, double step_s) {
  const double per_rate = market.fill_cap * step_s;
  for (const RegimeParams& regime : market.regimes) {
    const double orders = (regime.market_sell_rate_hz + regime.market_buy_rate_hz) * per_rate;
    require_between("market.regimes[]: orders in a step (rates x fill_cap x step)", orders, 0.0,
                    kStepEventsMax);
  }
  require_between("market.jump_rate_hz: jumps in a step", market.jump_rate_hz * step_s, 0.0,
                  kStepEventsMax);
  require_few_switches("market", market.switch_rates_hz, step_s);
}

void validate_action(const ActionParams& action) {
  require_between("action.offset_max_ticks", action.offset_max_ticks, -kOffsetMax + 1, kOffsetMax);
  require_between("action.offset_min_ticks", action.offset_min_ticks, -kOffsetMax,
                  action.offset_max_ticks - 1);
  require_between("action.offset_choices", action.offset_choices, std::int64_t{2},
                  std::int64_t{1024});
  require_between("action.lots_max", action.lots_max, Lots{1}, kSizeMax);
  require_between("action.lots_min", action.lots_min, Lots{0}, action.lots_max);
  if (action.sizes && action.kind == ActionKind::kDiscrete) {
    refuse("action.sizes", "false with the discrete kind", "true");
  }
  if (action.withdraw_choice && action.kind == ActionKind::kContinuous) {
    refuse("action.withdraw_choice", "false with the continuous kind", "true");
  }
}

// A bid's price is the mid less its offset, an ask's the mid plus its own; both must be positive.
void validate_offsets(const ActionParams& action, Ticks mid_initial_ticks) {
  const std::string mid = "market.mid_initial_ticks=" + text_of(mid_initial_ticks);
  if (action.offset_max_ticks >= mid_initial_ticks) {
    refuse("action.offset_max_ticks", "below " + mid, action.offset_max_ticks);
  }
  if (action.offset_min_ticks <= -mid_initial_ticks) {
    refuse("action.offset_min_ticks", "above minus " + mid, action.offset_min_ticks);
  }
}

void validate_observation(const ObservationParams& observation) {
  if (observation.features.empty()) refuse("observation.features", "at least one name", "none");
  require_between("observation.clip", observation.clip, 1.0, 1e6);
  require_between("observation.levels", observation.levels, std::int64_t{1}, std::int64_t{32});
  const std::vector<std::int64_t>& horizons = observation.horizons_steps;
  if (horizons.empty() || horizons.size() > 8) {
    refuse("observation.horizons_steps", "1 to 8 values", horizons.size());
  }
  std::int64_t before = 0;
  for (const std::int64_t steps : horizons) {
    require_between("observation.horizons_steps", steps, std::int64_t{1}, std::int64_t{1024});
    if (steps <= before) refuse("observation.horizons_steps", "rising values", steps);
    before = steps;
  }
}

void validate_reward(const RewardParams& reward) {
  constexpr double kWeightMax = 1e12;
  require_between("reward.risk_aversion", reward.risk_aversion, 0.0, 1e6);
  if ((reward.utility == Utility::kCara) != (reward.risk_aversion > 0.0)) {
    refuse("reward.risk_aversion", "above 0 with the cara utility and 0 with the linear one",
           reward.risk_aversion);
  }
  require_between("reward.dampening", reward.dampening, 0.0, 1.0);
  require_between("reward.soft_limit_lots", reward.soft_limit_lots, Lots{0}, kInventoryMax);
  const std::pair<const char*, double> weights[] = {
      {"reward.pnl", reward.pnl},
      {"reward.spread_capture", reward.spread_capture},
      {"reward.dampened_pnl", reward.dampened_pnl},
      {"reward.inventory_quadratic", reward.inventory_quadratic},
      {"reward.inventory_linear", reward.inventory_linear},
      {"reward.soft_limit", reward.soft_limit},
      {"reward.terminal_quadratic", reward.terminal_quadratic},
      {"reward.crossing", reward.crossing},
      {"reward.turnover", reward.turnover}};
  for (const auto& [field, weight] : weights) {
    require_between(field, weight, -kWeightMax, kWeightMax);
  }
}

// FNV-1a over every field in order.
class Fingerprint {
 public:
  template <class T>
  void operator()(const char*, const T& value) {
    add(value);
  }
  std::uint64_t value() const { return hash_; }

 private:
  template <class T>
    requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
  void add(const T& value) {
    unsigned char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    for (const unsigned char byte : bytes) hash_ = (hash_ ^ byte) * 0x100000001B3U;
  }
  void add(const std::string& text) {
    add(text.size());
    for (const char letter : text) add(letter);
  }
  template <class... Alternatives>
  void add(const std::variant<Alternatives...>& value) {
    add(value.index());
    std::visit([this](const auto& alternative) { this->add(alternative); }, value);
  }
  void add(const std::optional<double>& value) {
    add(value.has_value());
    add(value.value_or(0.0));
  }
  template <class T>
  void add(const std::vector<T>& values) {
    add(values.size());
    for (const T& value : values) add(value);
  }
  template <class T>
    requires requires(const T& t, Fingerprint& f) { T::fields(t, f); }
  void add(const T& value) {
    T::fields(value, *this);
  }

  std::uint64_t hash_ = 0xCBF29CE484222325;
};

}  // namespace

std::uint64_t EnvParams::fingerprint() const {
  Fingerprint fingerprint;
  fields(*this, fingerprint);
  if (is_replay()) fingerprint("tape", replay().tape_checksum);
  return fingerprint.value();
}

namespace {

bool is_delayed(const DelayParams& delay) {
  return delay.median_ns > 0 || (!delay.quantiles_ns.empty() && delay.quantiles_ns.back() > 0);
}

// A shock that multiplies nothing would be taken for one that the agent has stood.
void validate_multiplied(const EnvParams& params) {
  const LatencyParams& latency = params.latency;
  const bool delays =
      is_delayed(latency.feed) || is_delayed(latency.entry) || is_delayed(latency.response);
  const FeeParams& fees = params.fees;
  const bool charges = fees.maker_bps > 0.0 || fees.taker_bps > 0.0 ||
                       fees.maker_ticks_per_lot > 0.0 || fees.taker_ticks_per_lot > 0.0;
  const std::vector<ShockParams>& shocks = params.book().shocks;
  for (std::size_t i = 0; i < shocks.size(); ++i) {
    const std::string at = place_of("market.shocks", i) + ".kind";
    if (shocks[i].kind == ShockKind::kLatency && !delays) {
      refuse(at, "no latency shock without a delay (latency.feed, .entry or .response above 0)",
             std::string("latency"));
    }
    if (shocks[i].kind == ShockKind::kFees && !charges) {
      refuse(at, "no fees shock without a fee above 0 (rebates are not multiplied)",
             std::string("fees"));
    }
  }
}

}  // namespace

void EnvParams::validate() const {
  if (is_analytic()) {
    validate_market(analytic());
  } else if (is_book()) {
    book().validate();
  } else {
    replay().validate();
  }
  validate_fees(fees);
  validate_delay("latency.feed", latency.feed);
  validate_delay("latency.entry", latency.entry);
  validate_delay("latency.response", latency.response);
  require_between("limits.inventory_cap_lots", limits.inventory_cap_lots, Lots{1}, kInventoryMax);
  if (limits.loss_limit) require_positive("limits.loss_limit", *limits.loss_limit);
  if (limits.messages_hz) require_between("limits.messages_hz", *limits.messages_hz, 0.01, 1e6);
  validate_episode(episode, limits.inventory_cap_lots);
  validate_action(action);
  if (is_book()) {
    validate_offsets(action, book().mid_initial_ticks);
    book().validate_step(step_s());
    validate_multiplied(*this);
  } else if (is_analytic()) {
    validate_no_book(*this);
    validate_offsets(action, analytic().mid_initial_ticks);
    validate_events(analytic(), step_s());
    // A taker's price must fit in the integers of the accounts.
    require_between("market.slippage_ticks_per_lot", analytic().slippage_ticks_per_lot, 0.0,
                    static_cast<double>(kPriceMax) / static_cast<double>(action.lots_max));
  }
  validate_observation(observation);
  validate_reward(reward);
  require_positive("tick_value", tick_value);
}

std::vector<double> stationary_regimes(const AnalyticMarketParams& market) {
  return stationary_regimes(market.switch_rates_hz, market.initial_regime_probabilities);
}

}  // namespace rlmm
