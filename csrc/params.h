// The parameters of one market-making problem: the same names, fields and units as the classes of
// `rlmm_tf/params.py`, where each field is described. Built once, validated once, never changed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "book_params.h"
#include "replay_params.h"
#include "types.h"

namespace rlmm {

// Each struct lists its fields once, in `fields`: what Python may set, what is hashed, what is read
// back all follow from that list. An enum's names are its values in Python.
enum class FillLaw : std::uint8_t { kExponential, kPower };
enum class DelayLaw : std::uint8_t { kConstant, kLognormal, kEmpirical };
enum class ActionKind : std::uint8_t { kContinuous, kDiscrete, kMultidiscrete };
enum class HorizonEnd : std::uint8_t { kTerminated, kTruncated };
enum class Utility : std::uint8_t { kLinear, kCara };

inline constexpr std::array<const char*, 2> enum_names(FillLaw) { return {"exponential", "power"}; }
inline constexpr std::array<const char*, 3> enum_names(DelayLaw) {
  return {"constant", "lognormal", "empirical"};
}
inline constexpr std::array<const char*, 3> enum_names(ActionKind) {
  return {"continuous", "discrete", "multidiscrete"};
}
inline constexpr std::array<const char*, 2> enum_names(HorizonEnd) {
  return {"terminated", "truncated"};
}
inline constexpr std::array<const char*, 2> enum_names(Utility) { return {"linear", "cara"}; }

struct RegimeParams {
  double market_sell_rate_hz = 0.0;
  double market_buy_rate_hz = 0.0;
  double fill_decay_per_tick = 1.0;
  double volatility_ticks = 0.0;
  double inventory_penalty_scale = 1.0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("market_sell_rate_hz", self.market_sell_rate_hz);
    visit("market_buy_rate_hz", self.market_buy_rate_hz);
    visit("fill_decay_per_tick", self.fill_decay_per_tick);
    visit("volatility_ticks", self.volatility_ticks);
    visit("inventory_penalty_scale", self.inventory_penalty_scale);
  }
};

struct AnalyticMarketParams {
  // Names the alternative in Python, and in `EnvParams::market` it is the one without a name.
  static constexpr const char* kKind = "analytic";

  std::vector<RegimeParams> regimes;
  std::vector<std::vector<double>> switch_rates_hz;
  std::vector<double> initial_regime_probabilities;
  bool regime_observed = true;
  FillLaw fill_law = FillLaw::kExponential;
  double fill_power = 1.0;
  double fill_cap = 1.0;
  double fill_volatility_exponent = 0.0;
  double volatility_reference_ticks = 1.0;
  Ticks mid_initial_ticks = 1;
  double mid_reversion_hz = 0.0;
  double jump_rate_hz = 0.0;
  double jump_ticks = 0.0;
  Lots market_order_lots = 1;
  bool taker_allowed = false;
  Ticks half_spread_ticks = 0;
  double slippage_ticks_per_lot = 0.0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("regimes", self.regimes);
    visit("switch_rates_hz", self.switch_rates_hz);
    visit("initial_regime_probabilities", self.initial_regime_probabilities);
    visit("regime_observed", self.regime_observed);
    visit("fill_law", self.fill_law);
    visit("fill_power", self.fill_power);
    visit("fill_cap", self.fill_cap);
    visit("fill_volatility_exponent", self.fill_volatility_exponent);
    visit("volatility_reference_ticks", self.volatility_reference_ticks);
    visit("mid_initial_ticks", self.mid_initial_ticks);
    visit("mid_reversion_hz", self.mid_reversion_hz);
    visit("jump_rate_hz", self.jump_rate_hz);
    visit("jump_ticks", self.jump_ticks);
    visit("market_order_lots", self.market_order_lots);
    visit("taker_allowed", self.taker_allowed);
    visit("half_spread_ticks", self.half_spread_ticks);
    visit("slippage_ticks_per_lot", self.slippage_ticks_per_lot);
  }
};

struct FeeParams {
  double maker_bps = 0.0;
  double taker_bps = 0.0;
  double maker_ticks_per_lot = 0.0;
  double taker_ticks_per_lot = 0.0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("maker_bps", self.maker_bps);
    visit("taker_bps", self.taker_bps);
    visit("maker_ticks_per_lot", self.maker_ticks_per_lot);
    visit("taker_ticks_per_lot", self.taker_ticks_per_lot);
  }
};

// The longest delay; parameters that would pass it with more than a negligible probability are
// refused.
inline constexpr TimeNs kDelayMaxNs = TimeNs{24} * 3600 * 1'000'000'000;

struct DelayParams {
  DelayLaw law = DelayLaw::kConstant;
  TimeNs median_ns = 0;
  double log_sd = 0.0;
  std::vector<TimeNs> quantiles_ns;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("law", self.law);
    visit("median_ns", self.median_ns);
    visit("log_sd", self.log_sd);
    visit("quantiles_ns", self.quantiles_ns);
  }
};

struct LatencyParams {
  DelayParams feed;
  DelayParams entry;
  DelayParams response;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("feed", self.feed);
    visit("entry", self.entry);
    visit("response", self.response);
  }
};

struct LimitParams {
  Lots inventory_cap_lots = 1;
  std::optional<double> loss_limit;   // account currency
  std::optional<double> messages_hz;  // book markets: sent at most, a second's worth at once

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("inventory_cap_lots", self.inventory_cap_lots);
    visit("loss_limit", self.loss_limit);
    visit("messages_hz", self.messages_hz);
  }
};

struct EpisodeParams {
  std::int64_t n_steps = 1;
  TimeNs step_ns = 1;
  Lots initial_inventory_min_lots = 0;
  Lots initial_inventory_max_lots = 0;
  HorizonEnd horizon_ends = HorizonEnd::kTerminated;
  bool liquidate_at_end = false;  // book markets: the last position is traded away

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("n_steps", self.n_steps);
    visit("step_ns", self.step_ns);
    visit("initial_inventory_min_lots", self.initial_inventory_min_lots);
    visit("initial_inventory_max_lots", self.initial_inventory_max_lots);
    visit("horizon_ends", self.horizon_ends);
    visit("liquidate_at_end", self.liquidate_at_end);
  }
};

struct ActionParams {
  ActionKind kind = ActionKind::kContinuous;
  Ticks offset_min_ticks = 0;
  Ticks offset_max_ticks = 1;
  std::int64_t offset_choices = 2;
  bool withdraw_choice = false;
  bool sizes = false;
  Lots lots_min = 1;
  Lots lots_max = 1;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("kind", self.kind);
    visit("offset_min_ticks", self.offset_min_ticks);
    visit("offset_max_ticks", self.offset_max_ticks);
    visit("offset_choices", self.offset_choices);
    visit("withdraw_choice", self.withdraw_choice);
    visit("sizes", self.sizes);
    visit("lots_min", self.lots_min);
    visit("lots_max", self.lots_max);
  }
};

struct ObservationParams {
  std::vector<std::string> features;
  double clip = 10.0;
  std::int64_t levels = 10;  // of features with one column per level
  std::vector<std::int64_t> horizons_steps = {1, 4, 16, 64};  // of those with one per horizon

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("features", self.features);
    visit("clip", self.clip);
    visit("levels", self.levels);
    visit("horizons_steps", self.horizons_steps);
  }
};

struct RewardParams {
  Utility utility = Utility::kLinear;
  double risk_aversion = 0.0;
  double pnl = 1.0;
  double spread_capture = 0.0;
  double dampened_pnl = 0.0;
  double dampening = 0.5;
  double inventory_quadratic = 0.0;
  double inventory_linear = 0.0;
  double soft_limit = 0.0;
  Lots soft_limit_lots = 0;
  double terminal_quadratic = 0.0;
  double crossing = 0.0;
  double turnover = 0.0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("utility", self.utility);
    visit("risk_aversion", self.risk_aversion);
    visit("pnl", self.pnl);
    visit("spread_capture", self.spread_capture);
    visit("dampened_pnl", self.dampened_pnl);
    visit("dampening", self.dampening);
    visit("inventory_quadratic", self.inventory_quadratic);
    visit("inventory_linear", self.inventory_linear);
    visit("soft_limit", self.soft_limit);
    visit("soft_limit_lots", self.soft_limit_lots);
    visit("terminal_quadratic", self.terminal_quadratic);
    visit("crossing", self.crossing);
    visit("turnover", self.turnover);
  }
};

struct EnvParams {
  std::variant<AnalyticMarketParams, BookMarketParams, ReplayMarketParams> market;
  FeeParams fees;
  LatencyParams latency;
  LimitParams limits;
  EpisodeParams episode;
  ActionParams action;
  ObservationParams observation;
  RewardParams reward;
  double tick_value = 1.0;

  // Throws std::invalid_argument that names the field, what was expected and what came.
  void validate() const;

  // Equal for equal values; guards a saved state against being restored into another problem.
  std::uint64_t fingerprint() const;

  double step_s() const { return static_cast<double>(episode.step_ns) / kNsPerS; }

  // The market, which must be of that kind.
  bool is_book() const { return std::holds_alternative<BookMarketParams>(market); }
  const AnalyticMarketParams& analytic() const { return std::get<AnalyticMarketParams>(market); }
  AnalyticMarketParams& analytic() { return std::get<AnalyticMarketParams>(market); }
  const BookMarketParams& book() const { return std::get<BookMarketParams>(market); }
  BookMarketParams& book() { return std::get<BookMarketParams>(market); }
  bool is_replay() const { return std::holds_alternative<ReplayMarketParams>(market); }
  const ReplayMarketParams& replay() const { return std::get<ReplayMarketParams>(market); }
  ReplayMarketParams& replay() { return std::get<ReplayMarketParams>(market); }
  bool is_analytic() const { return std::holds_alternative<AnalyticMarketParams>(market); }

  // What every market with regimes has.
  std::size_t n_regimes() const {
    return is_book() ? book().model.n_regimes() : analytic().regimes.size();
  }
  bool regime_observed() const {
    return is_book() ? book().regime_observed : analytic().regime_observed;
  }

  // What every market with a book has.
  const TypicalParams& typical() const {
    return is_book() ? book().model.typical : replay().typical;
  }

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("market", self.market);
    visit("fees", self.fees);
    visit("latency", self.latency);
    visit("limits", self.limits);
    visit("episode", self.episode);
    visit("action", self.action);
    visit("observation", self.observation);
    visit("reward", self.reward);
    visit("tick_value", self.tick_value);
  }
};

// Long-run shares of the regimes, started from the initial probabilities.
std::vector<double> stationary_regimes(const AnalyticMarketParams& market);

}  // namespace rlmm
