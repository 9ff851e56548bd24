#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "check.h"
#include "params.h"
#include "problems.h"
#include "refusals.h"

namespace rlmm {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

using P = EnvParams;

void check_refusals(const std::vector<Refusal>& refusals) {
  check_refusals(full_problem(), refusals);
}

TEST("validate: regimes and their chain") {
  check_refusals({
      {"market.regimes", "1 to 8", [](P& p) { p.analytic().regimes.clear(); }},
      {"market.regimes", "got 9", [](P& p) { p.analytic().regimes.resize(9); }},
      {"market.regimes[1].market_sell_rate_hz", "0 to 1e+09",
       [](P& p) { p.analytic().regimes[1].market_sell_rate_hz = -1.0; }},
      {"market.regimes[0].market_buy_rate_hz", "got nan",
       [](P& p) { p.analytic().regimes[0].market_buy_rate_hz = kNan; }},
      {"market.regimes[2].fill_decay_per_tick", "above 0",
       [](P& p) { p.analytic().regimes[2].fill_decay_per_tick = 0.0; }},
      {"market.regimes[2].fill_decay_per_tick", "got inf",
       [](P& p) { p.analytic().regimes[2].fill_decay_per_tick = kInfinity; }},
      {"market.regimes[0].volatility_ticks", "got -0.5",
       [](P& p) { p.analytic().regimes[0].volatility_ticks = -0.5; }},
      {"market.regimes[0].inventory_penalty_scale", "got -1",
       [](P& p) { p.analytic().regimes[0].inventory_penalty_scale = -1.0; }},
      {"market.switch_rates_hz", "one row per regime",
       [](P& p) { p.analytic().switch_rates_hz.pop_back(); }},
      {"market.switch_rates_hz", "one column per regime",
       [](P& p) { p.analytic().switch_rates_hz[1].push_back(0.0); }},
      {"market.switch_rates_hz", "zero diagonal",
       [](P& p) { p.analytic().switch_rates_hz[1][1] = 0.1; }},
      {"market.switch_rates_hz", "from 0", [](P& p) { p.analytic().switch_rates_hz[0][1] = -0.1; }},
      {"market.initial_regime_probabilities", "one number per regime",
       [](P& p) { p.analytic().initial_regime_probabilities = {1.0}; }},
      {"market.initial_regime_probabilities", "from 0 to 1",
       [](P& p) { p.analytic().initial_regime_probabilities = {1.5, -0.5, 0.0}; }},
      {"market.initial_regime_probabilities: their sum", "got 0.9",
       [](P& p) { p.analytic().initial_regime_probabilities = {0.5, 0.3, 0.1}; }},
  });
}

// In a step of half a second, with a fill cap of 2: 6 x 2 x 0.5 orders already.
TEST("validate: no more events in a step than a loop can serve") {
  check_refusals({
      {"market.regimes[]: orders in a step (rates x fill_cap x step)", "0 to 1e+06, got 2e+06",
       [](P& p) { p.analytic().regimes[1].market_sell_rate_hz = 2e6 - 6.0; }},
      {"market.jump_rate_hz: jumps in a step", "0 to 1e+06, got 1500000",
       [](P& p) { p.analytic().jump_rate_hz = 3e6; }},
      {"market.switch_rates_hz: switches in a step", "0 to 1e+06, got 1500000",
       [](P& p) { p.analytic().switch_rates_hz[0][2] = 3e6; }},
  });
}

TEST("validate: the market's other fields") {
  check_refusals({
      {"market.fill_power", "above 0", [](P& p) { p.analytic().fill_power = 0.0; }},
      {"market.fill_cap", "from 1", [](P& p) { p.analytic().fill_cap = 0.99; }},
      {"market.fill_cap", "1 with the power law",
       [](P& p) { p.analytic().fill_law = FillLaw::kPower; }},
      {"market.fill_volatility_exponent", "-4 to 4",
       [](P& p) { p.analytic().fill_volatility_exponent = 4.5; }},
      {"market.volatility_reference_ticks", "above 0",
       [](P& p) { p.analytic().volatility_reference_ticks = -1.0; }},
      {"market.regimes[].volatility_ticks with a fill_volatility_exponent", "above 0",
       [](P& p) { p.analytic().fill_volatility_exponent = 0.5; }},
      {"market.mid_initial_ticks", "from 1", [](P& p) { p.analytic().mid_initial_ticks = 0; }},
      {"market.mid_initial_ticks", "1099511627776",
       [](P& p) { p.analytic().mid_initial_ticks = (Ticks{1} << 40U) + 1; }},
      {"market.mid_reversion_hz", "from 0", [](P& p) { p.analytic().mid_reversion_hz = -1.0; }},
      {"market.jump_rate_hz", "got inf", [](P& p) { p.analytic().jump_rate_hz = kInfinity; }},
      {"market.jump_ticks", "from 0", [](P& p) { p.analytic().jump_ticks = -2.0; }},
      {"market.market_order_lots", "1 to 1000000",
       [](P& p) { p.analytic().market_order_lots = 0; }},
      {"market.half_spread_ticks", "from 0", [](P& p) { p.analytic().half_spread_ticks = -1; }},
      {"market.slippage_ticks_per_lot", "from 0",
       [](P& p) { p.analytic().slippage_ticks_per_lot = kNan; }},
      {"market.slippage_ticks_per_lot",
       "to 219902325555.2",  // 2^40 ticks on the largest order of 5
       [](P& p) { p.analytic().slippage_ticks_per_lot = 2.2e11; }},
      {"market.fill_power", "1 with the exponential law, got 2",
       [](P& p) { p.analytic().fill_power = 2.0; }},
      {"market.half_spread_ticks", "0 without taker_allowed, got 4",
       [](P& p) { p.analytic().taker_allowed = false; }},
      {"market.slippage_ticks_per_lot", "0 without taker_allowed, got 0.3",
       [](P& p) {
         p.analytic().taker_allowed = false;
         p.analytic().half_spread_ticks = 0;
       }},
      {"fees.maker_bps", "-1000 to 1000", [](P& p) { p.fees.maker_bps = 1001.0; }},
      {"fees.taker_bps", "got nan", [](P& p) { p.fees.taker_bps = kNan; }},
      {"fees.maker_ticks_per_lot", "1e+06", [](P& p) { p.fees.maker_ticks_per_lot = -2e6; }},
      {"fees.taker_ticks_per_lot", "1e+06", [](P& p) { p.fees.taker_ticks_per_lot = 2e6; }},
      {"tick_value", "above 0", [](P& p) { p.tick_value = 0.0; }},
      {"tick_value", "above 0", [](P& p) { p.tick_value = kNan; }},
  });
}

TEST("validate: latency") {
  check_refusals({
      {"latency.feed.median_ns", "from 0", [](P& p) { p.latency.feed.median_ns = -1; }},
      {"latency.entry.log_sd", "0 to 5", [](P& p) { p.latency.entry.log_sd = 5.1; }},
      {"latency.entry.quantiles_ns", "at least 2",
       [](P& p) { p.latency.entry.quantiles_ns = {1}; }},
      {"latency.entry.quantiles_ns", "from 0",
       [](P& p) { p.latency.entry.quantiles_ns = {-1, 1}; }},
      {"latency.entry.quantiles_ns", "rising",
       [](P& p) { p.latency.entry.quantiles_ns = {3, 2, 4}; }},
      {"latency.response.quantiles_ns", "none unless the law is empirical",
       [](P& p) { p.latency.response.quantiles_ns = {1, 2}; }},
      {"latency.feed.median_ns", "above 0 with the lognormal law",
       [](P& p) { p.latency.feed.median_ns = 0; }},
      {"latency.entry.log_sd", "0 unless the law is lognormal, got 0.5",
       [](P& p) {
         p.latency.entry = {};
         p.latency.entry.log_sd = 0.5;
       }},
      {"latency.entry.median_ns", "0 with the empirical law, got 3",
       [](P& p) { p.latency.entry = {DelayLaw::kEmpirical, 3, 0.0, {1, 2}}; }},
      {"latency.feed.log_sd", "at most 1.70866",
       [](P& p) { p.latency.feed.log_sd = 1.71; }},  // ln(864 000) / 8
      {"latency.feed.log_sd", "with median_ns=1, so that 8 standard deviations end within 24 h",
       [](P& p) {
         p.latency.feed.median_ns = 1;
         p.latency.feed.log_sd = 5.0;
       }},
  });
}

TEST("validate: limits, episode and action") {
  check_refusals({
      {"limits.inventory_cap_lots", "1 to 1000000000",
       [](P& p) { p.limits.inventory_cap_lots = 0; }},
      {"limits.loss_limit", "above 0", [](P& p) { p.limits.loss_limit = 0.0; }},
      {"limits.loss_limit", "got nan", [](P& p) { p.limits.loss_limit = kNan; }},
      {"episode.n_steps", "1 to 100000000", [](P& p) { p.episode.n_steps = 0; }},
      {"episode.n_steps", "n_steps x step_ns of at most 2^53 ns",  // 2^53 ns: 104.25 days
       [](P& p) {
         p.episode.n_steps = 105;
         p.episode.step_ns = 86'400'000'000'000;
       }},
      {"episode.step_ns", "from 1 to 86400000000000", [](P& p) { p.episode.step_ns = 0; }},
      {"episode.initial_inventory_max_lots", "-20 to 20",
       [](P& p) { p.episode.initial_inventory_max_lots = 21; }},
      {"episode.initial_inventory_min_lots", "-20 to 6",
       [](P& p) { p.episode.initial_inventory_min_lots = 7; }},
      {"action.offset_max_ticks", "2147483648",
       [](P& p) { p.action.offset_max_ticks = (Ticks{1} << 31U) + 1; }},
      {"action.offset_min_ticks", "to 49", [](P& p) { p.action.offset_min_ticks = 50; }},
      {"action.offset_choices", "2 to 1024", [](P& p) { p.action.offset_choices = 1; }},
      {"action.lots_max", "1 to 1000000", [](P& p) { p.action.lots_max = 0; }},
      {"action.lots_min", "0 to 5", [](P& p) { p.action.lots_min = 6; }},
      {"action.sizes", "false with the discrete kind",
       [](P& p) { p.action.kind = ActionKind::kDiscrete; }},
      {"action.withdraw_choice", "false with the continuous kind",
       [](P& p) { p.action.withdraw_choice = true; }},
      {"action.offset_max_ticks", "-2147483647 to 2147483648, got -2147483648",
       [](P& p) { p.action.offset_max_ticks = -(Ticks{1} << 31U); }},
      {"action.offset_max_ticks", "below market.mid_initial_ticks=50, got 50",
       [](P& p) { p.analytic().mid_initial_ticks = 50; }},
      {"action.offset_min_ticks", "above minus market.mid_initial_ticks=100000, got -100000",
       [](P& p) { p.action.offset_min_ticks = -100'000; }},
      {"observation.features", "at least one name", [](P& p) { p.observation.features.clear(); }},
      {"limits.messages_hz", "0.01 to 1e+06", [](P& p) { p.limits.messages_hz = 0.001; }},
      {"limits.messages_hz", "none with an analytic market, got 2",
       [](P& p) { p.limits.messages_hz = 2.0; }},
      {"episode.liquidate_at_end", "false with an analytic market, got true",
       [](P& p) { p.episode.liquidate_at_end = true; }},
      {"observation.clip", "1 to 1e+06", [](P& p) { p.observation.clip = 0.5; }},
      {"observation.levels", "1 to 32", [](P& p) { p.observation.levels = 33; }},
      {"observation.horizons_steps", "1 to 8 values, got 0",
       [](P& p) { p.observation.horizons_steps.clear(); }},
      {"observation.horizons_steps", "1 to 8 values, got 9",
       [](P& p) { p.observation.horizons_steps = {1, 2, 3, 4, 5, 6, 7, 8, 9}; }},
      {"observation.horizons_steps", "from 1 to 1024, got 1025",
       [](P& p) { p.observation.horizons_steps = {1, 1025}; }},
      {"observation.horizons_steps", "rising values, got 4",
       [](P& p) { p.observation.horizons_steps = {4, 4}; }},
  });
}

TEST("validate: reward") {
  check_refusals({
      {"reward.risk_aversion", "from 0", [](P& p) { p.reward.risk_aversion = -1.0; }},
      {"reward.risk_aversion", "above 0 with the cara utility",
       [](P& p) { p.reward.utility = Utility::kCara; }},
      {"reward.risk_aversion", "0 with the linear one", [](P& p) { p.reward.risk_aversion = 1.0; }},
      {"reward.dampening", "0 to 1", [](P& p) { p.reward.dampening = 1.1; }},
      {"reward.soft_limit_lots", "from 0", [](P& p) { p.reward.soft_limit_lots = -1; }},
      {"reward.pnl", "1e+12", [](P& p) { p.reward.pnl = 1e13; }},
      {"reward.spread_capture", "1e+12", [](P& p) { p.reward.spread_capture = kNan; }},
      {"reward.dampened_pnl", "1e+12", [](P& p) { p.reward.dampened_pnl = 1e13; }},
      {"reward.inventory_quadratic", "1e+12", [](P& p) { p.reward.inventory_quadratic = kNan; }},
      {"reward.inventory_linear", "1e+12", [](P& p) { p.reward.inventory_linear = -1e13; }},
      {"reward.soft_limit", "1e+12", [](P& p) { p.reward.soft_limit = kInfinity; }},
      {"reward.terminal_quadratic", "1e+12", [](P& p) { p.reward.terminal_quadratic = 1e13; }},
      {"reward.crossing", "1e+12", [](P& p) { p.reward.crossing = kNan; }},
      {"reward.turnover", "1e+12", [](P& p) { p.reward.turnover = kNan; }},
  });
}

// As many digits as tell the number from the end that it passes, and no more.
TEST("validate: numbers are printed so that they read back") {
  check_refusals({
      {"reward.risk_aversion", "from 0 to 1e+06, got 1000000.0000000001",
       [](P& p) { p.reward.risk_aversion = std::nextafter(1e6, 2e6); }},
      {"market.fill_cap", "from 1 to 1e+06, got 0.9999999999999999",
       [](P& p) { p.analytic().fill_cap = std::nextafter(1.0, 0.0); }},
      {"fees.maker_bps", "from -1000 to 1000, got 1234.5678",
       [](P& p) { p.fees.maker_bps = 1234.5678; }},
      {"reward.pnl", "from -1e+12 to 1e+12, got -inf", [](P& p) { p.reward.pnl = -kInfinity; }},
  });
}

TEST("validate: a log-normal delay may be as wide as 24 h allow") {
  EnvParams params = full_problem();
  params.latency.feed = {DelayLaw::kLognormal, 3'600'000'000'000, std::log(24.0) / 8.0, {}};
  params.latency.entry = {DelayLaw::kConstant, 3'600'000'000'000, 0.0, {}};
  params.validate();
}

TEST("validate: the ends of the ranges are inside") {
  EnvParams params = plain_problem();
  params.analytic().mid_initial_ticks = Ticks{1} << 40U;
  params.action.offset_min_ticks = -(Ticks{1} << 31U);
  params.action.offset_max_ticks = Ticks{1} << 31U;
  params.action.kind = ActionKind::kDiscrete;
  params.action.withdraw_choice = true;
  params.limits.inventory_cap_lots = 1'000'000'000;
  params.limits.loss_limit = 1e15;
  params.observation.horizons_steps = {1, 2, 3, 4, 5, 6, 7, 1024};
  params.episode.initial_inventory_min_lots = -1'000'000'000;
  params.episode.initial_inventory_max_lots = -1'000'000'000;
  params.reward.utility = Utility::kCara;
  params.reward.risk_aversion = 1e6;
  params.analytic().fill_volatility_exponent = -4.0;
  params.analytic().regimes.assign(8, params.analytic().regimes[0]);
  params.analytic().switch_rates_hz.assign(8, std::vector<double>(8, 0.0));
  params.analytic().initial_regime_probabilities.assign(8, 0.125);
  params.validate();
}

// Visits every leaf of the parameters; changes the one with number `target`.
class Perturbation {
 public:
  explicit Perturbation(int target) : target_(target) {}
  template <class T>
  void operator()(const char* name, T& value) {
    visit(name, value);
  }
  int leaves() const { return leaves_; }
  const std::string& changed() const { return changed_; }

 private:
  template <class T>
  void visit(const std::string& name, T& value) {
    if constexpr (requires { T::fields(value, *this); }) {
      T::fields(value, *this);
    } else if (leaves_++ == target_) {
      changed_ = name;
      change(value);
    }
  }
  template <class T>
  void visit(const std::string& name, std::vector<T>& values) {
    if (leaves_++ == target_) {
      changed_ = name + " (length)";
      values.emplace_back();
      return;
    }
    for (T& value : values) visit(name, value);
  }
  template <class... Alternatives>
  void visit(const std::string& name, std::variant<Alternatives...>& value) {
    std::visit([&](auto& alternative) { visit(name, alternative); }, value);
  }
  static void change(bool& value) { value = !value; }
  static void change(std::int64_t& value) { ++value; }
  static void change(double& value) { value = std::nextafter(value, 1e9); }
  static void change(std::string& value) { value += 'x'; }
  static void change(std::optional<double>& value) { value = value ? *value + 1.0 : 0.0; }
  template <class T>
    requires std::is_enum_v<T>
  static void change(T& value) {
    value = static_cast<T>(static_cast<int>(value) + 1);
  }

  int target_;
  int leaves_ = 0;
  std::string changed_;
};

TEST("fingerprint: equal for equal values, different after the smallest change of any field") {
  const EnvParams params = full_problem();
  CHECK_EQ(params.fingerprint(), full_problem().fingerprint());
  std::set<std::uint64_t> seen = {params.fingerprint()};
  int leaves = 0;
  for (int target = 0; target == 0 || target < leaves; ++target) {
    EnvParams changed = params;
    Perturbation perturbation(target);
    EnvParams::fields(changed, perturbation);
    leaves = perturbation.leaves();
    if (!seen.insert(changed.fingerprint()).second) {
      check::fail(__FILE__, __LINE__, "same fingerprint after changing " + perturbation.changed());
    }
  }
  CHECK(leaves > 80);
  EnvParams limited = params;
  limited.limits.loss_limit = 5.0;
  CHECK(seen.insert(limited.fingerprint()).second);
}

TEST("fingerprint: where one list ends and the next begins matters") {
  EnvParams first = still_problem();
  first.observation.features = {"ab", "c"};
  EnvParams second = still_problem();
  second.observation.features = {"a", "bc"};
  CHECK(first.fingerprint() != second.fingerprint());
}

void check_stationary(const std::vector<std::vector<double>>& rates,
                      const std::vector<double>& initial, const std::vector<double>& expected) {
  AnalyticMarketParams market;
  market.regimes.resize(initial.size());
  market.switch_rates_hz = rates;
  market.initial_regime_probabilities = initial;
  const std::vector<double> share = stationary_regimes(market);
  CHECK_EQ(share.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK_NEAR(share[i], expected[i], 1e-9);
}

// Two states: shares b : a for rates a out of the first and b out of the second. A ring of three
// with rates 1, 2, 4: shares 1 : 1/2 : 1/4. In the last chain, state 1 is balanced by
// 3 p1 = 1 p0 + 2 p2 and state 2 by 2 p2 = 1 p1: with p1 = 2, p2 = 1 and p0 = 4.
TEST("stationary regimes: hand-worked chains of one, two and three states") {
  check_stationary({{0.0}}, {1.0}, {1.0});
  check_stationary({{0.0, 0.5}, {1.5, 0.0}}, {0.0, 1.0}, {0.75, 0.25});
  check_stationary({{0.0, 1.0, 0.0}, {0.0, 0.0, 2.0}, {4.0, 0.0, 0.0}}, {0.0, 0.0, 1.0},
                   {4.0 / 7.0, 2.0 / 7.0, 1.0 / 7.0});
  check_stationary({{0.0, 1.0, 0.0}, {2.0, 0.0, 1.0}, {0.0, 2.0, 0.0}}, {1.0, 0.0, 0.0},
                   {4.0 / 7.0, 2.0 / 7.0, 1.0 / 7.0});
}

// Never leaving; two closed halves; and one transient state that goes to the two absorbing ones
// 1 : 3.
TEST("stationary regimes: reducible chains go where the start leads them") {
  check_stationary({{0.0, 0.0}, {0.0, 0.0}}, {0.3, 0.7}, {0.3, 0.7});
  check_stationary({{0.0, 1.0, 0.0}, {1.0, 0.0, 0.0}, {0.0, 0.0, 0.0}}, {0.1, 0.3, 0.6},
                   {0.2, 0.2, 0.6});
  check_stationary({{0.0, 1.0, 3.0}, {0.0, 0.0, 0.0}, {0.0, 0.0, 0.0}}, {0.8, 0.2, 0.0},
                   {0.0, 0.4, 0.6});
}

// Thousands of flickers between two states for each visit to the third. Flow balance of the third:
// 0.001 p1 = 0.002 p2; of the first: 1000 p0 = 1000 p1 + 0.002 p2.
TEST("stationary regimes: fast and slow switching in one chain") {
  const double p1 = 1.0 / (1.0 + 1.0 + 1e-6 + 0.5);
  check_stationary({{0.0, 1000.0, 0.0}, {1000.0, 0.0, 0.001}, {0.002, 0.0, 0.0}}, {1.0, 0.0, 0.0},
                   {p1 * (1.0 + 1e-6), p1, 0.5 * p1});
}

}  // namespace
}  // namespace rlmm
