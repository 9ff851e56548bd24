#include "params.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <numeric>
#include <type_traits>
#include <utility>

namespace rlmm {
namespace {

// The shortest digits that read back as the same number.
template <class T>
  requires std::is_arithmetic_v<T>
std::string text_of(T number) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  return {digits.data(), end};
}
std::string text_of(const char* text) { return text; }

template <class T>
[[noreturn]] void refuse(const std::string& field, const std::string& expected, const T& got) {
  throw std::invalid_argument(field + ": expected " + expected + ", got " + text_of(got));
}

// Written so that NaN fails.
template <class T>
void require_between(const std::string& field, T value, T low, T high) {
  if (!(low <= value && value <= high)) {
    refuse(field, "a value from " + text_of(low) + " to " + text_of(high), value);
  }
}

void require_positive(const std::string& field, double value) {
  constexpr double kMost = 1e15;
  if (!(value > 0.0 && value <= kMost)) refuse(field, "a value above 0, at most 1e15", value);
}

constexpr double kRateMax = 1e9;
constexpr double kMagnitudeMax = 1e15;
constexpr Ticks kPriceMax = Ticks{1} << 40U;
constexpr Ticks kOffsetMax = Ticks{1} << 31U;
constexpr Lots kSizeMax = 1'000'000;
constexpr Lots kInventoryMax = 1'000'000'000;
constexpr TimeNs kHourNs = TimeNs{3600} * 1'000'000'000;
constexpr TimeNs kHorizonNsMax = TimeNs{1} << 53U;  // simulated time is exact in a double

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
  constexpr std::size_t kMost = 8;
  if (k < 1 || k > kMost) refuse("market.regimes", "1 to 8 regimes", k);
  for (std::size_t i = 0; i < k; ++i) validate_regime(market.regimes[i], i);
  if (market.switch_rates_hz.size() != k) {
    refuse("market.switch_rates_hz", "one row per regime", market.switch_rates_hz.size());
  }
  for (std::size_t i = 0; i < k; ++i) {
    const std::vector<double>& row = market.switch_rates_hz[i];
    if (row.size() != k) refuse("market.switch_rates_hz", "one column per regime", row.size());
    if (row[i] != 0.0) refuse("market.switch_rates_hz", "a zero diagonal", row[i]);
    for (const double rate : row) require_between("market.switch_rates_hz", rate, 0.0, kRateMax);
  }
  const std::vector<double>& initial = market.initial_regime_probabilities;
  if (initial.size() != k) {
    refuse("market.initial_regime_probabilities", "one number per regime", initial.size());
  }
  double total = 0.0;
  for (const double p : initial) {
    require_between("market.initial_regime_probabilities", p, 0.0, 1.0);
    total += p;
  }
  require_between("market.initial_regime_probabilities: their sum", total, 1.0 - 1e-9, 1.0 + 1e-9);
}

void validate_market(const AnalyticMarketParams& market) {
  validate_regime_chain(market);
  require_positive("market.fill_power", market.fill_power);
  require_between("market.fill_cap", market.fill_cap, 1.0, 1e6);
  if (market.fill_law == FillLaw::kPower && market.fill_cap != 1.0) {
    refuse("market.fill_cap", "1 with the power law", market.fill_cap);
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
  } else if (!quantiles.empty()) {
    refuse(name + ".quantiles_ns", "none unless the law is empirical", quantiles.size());
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

// More events in a step than this would hang it: nothing else bounds the loop over them.
void validate_events(const EnvParams& params) {
  constexpr double kEventsMax = 1e6;
  const double per_rate = params.market.fill_cap * params.step_s();
  for (const RegimeParams& regime : params.market.regimes) {
    const double orders = (regime.market_sell_rate_hz + regime.market_buy_rate_hz) * per_rate;
    require_between("market.regimes[]: orders in a step (rates x fill_cap x step)", orders, 0.0,
                    kEventsMax);
  }
  const double jumps = params.market.jump_rate_hz * params.step_s();
  require_between("market.jump_rate_hz: jumps in a step", jumps, 0.0, kEventsMax);
  for (const std::vector<double>& row : params.market.switch_rates_hz) {
    for (const double rate : row) {
      require_between("market.switch_rates_hz: switches in a step", rate * params.step_s(), 0.0,
                      kEventsMax);
    }
  }
}

void validate_action(const ActionParams& action, Ticks mid_initial_ticks) {
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
  // A bid's price is the mid less its offset, an ask's the mid plus its own; both must be positive.
  const std::string mid = "market.mid_initial_ticks=" + text_of(mid_initial_ticks);
  if (action.offset_max_ticks >= mid_initial_ticks) {
    refuse("action.offset_max_ticks", "below " + mid, action.offset_max_ticks);
  }
  if (action.offset_min_ticks <= -mid_initial_ticks) {
    refuse("action.offset_min_ticks", "above minus " + mid, action.offset_min_ticks);
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
  return fingerprint.value();
}

void EnvParams::validate() const {
  validate_market(market);
  validate_fees(fees);
  validate_delay("latency.feed", latency.feed);
  validate_delay("latency.entry", latency.entry);
  validate_delay("latency.response", latency.response);
  require_between("limits.inventory_cap_lots", limits.inventory_cap_lots, Lots{1}, kInventoryMax);
  if (limits.loss_limit) require_positive("limits.loss_limit", *limits.loss_limit);
  validate_episode(episode, limits.inventory_cap_lots);
  validate_events(*this);
  validate_action(action, market.mid_initial_ticks);
  // A taker's price must fit in the integers of the accounts.
  require_between("market.slippage_ticks_per_lot", market.slippage_ticks_per_lot, 0.0,
                  static_cast<double>(kPriceMax) / static_cast<double>(action.lots_max));
  if (observation.features.empty()) refuse("observation.features", "at least one name", "none");
  require_between("observation.clip", observation.clip, 1.0, 1e6);
  validate_reward(reward);
  require_positive("tick_value", tick_value);
}

std::vector<double> stationary_regimes(const AnalyticMarketParams& market) {
  using Kernel = std::vector<std::vector<double>>;
  const std::size_t k = market.regimes.size();
  const Kernel& rates = market.switch_rates_hz;
  double fastest = 0.0;
  for (const std::vector<double>& row : rates) {
    fastest = std::max(fastest, std::accumulate(row.begin(), row.end(), 0.0));
  }
  if (fastest == 0.0) return market.initial_regime_probabilities;
  // The lazy uniformised chain converges for every chain, to the law that the initial
  // probabilities lead to. Squaring its kernel doubles the steps, so that slow switching beside
  // fast switching gets there too; rows are kept at sum 1 against rounding.
  constexpr int kSquarings = 64;
  Kernel kernel = rates;
  for (std::size_t i = 0; i < k; ++i) {
    for (double& share : kernel[i]) share *= 0.5 / fastest;
    kernel[i][i] = 1.0 - std::accumulate(kernel[i].begin(), kernel[i].end(), 0.0);
  }
  for (int n = 0; n < kSquarings; ++n) {
    Kernel square(k, std::vector<double>(k, 0.0));
    for (std::size_t i = 0; i < k; ++i) {
      for (std::size_t m = 0; m < k; ++m) {
        for (std::size_t j = 0; j < k; ++j) square[i][j] += kernel[i][m] * kernel[m][j];
      }
      const double total = std::accumulate(square[i].begin(), square[i].end(), 0.0);
      for (double& share : square[i]) share /= total;
    }
    kernel = std::move(square);
  }
  std::vector<double> share(k, 0.0);
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < k; ++j) {
      share[j] += market.initial_regime_probabilities[i] * kernel[i][j];
    }
  }
  return share;
}

}  // namespace rlmm
