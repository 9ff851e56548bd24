// Small problems that the tests start from.
#pragma once

#include "features/features.h"
#include "market/analytic.h"
#include "params.h"

namespace rlmm {

// One regime in which nothing happens: no orders, a mid that stands still at 100 000 ticks.
inline EnvParams still_problem() {
  EnvParams params;
  params.analytic().regimes = {RegimeParams{}};
  params.analytic().switch_rates_hz = {{0.0}};
  params.analytic().initial_regime_probabilities = {1.0};
  params.analytic().mid_initial_ticks = 100'000;
  params.limits.inventory_cap_lots = 20;
  params.episode.n_steps = 50;
  params.episode.step_ns = 500'000'000;
  params.action.offset_min_ticks = -50;
  params.action.offset_max_ticks = 50;
  params.observation.features = {"time_left", "inventory"};
  return params;
}

// Orders of both sides, exponential fills, a Brownian mid.
inline EnvParams plain_problem() {
  EnvParams params = still_problem();
  params.analytic().regimes[0] = {3.0, 2.0, 0.05, 20.0, 1.0};
  return params;
}

// Three regimes that differ in everything and switch about once in a step.
inline EnvParams regime_problem() {
  EnvParams params = still_problem();
  params.analytic().regimes = {
      {3.0, 2.0, 0.05, 20.0, 1.0}, {0.0, 6.0, 0.02, 60.0, 2.5}, {9.0, 0.0, 0.2, 0.0, 0.0}};
  params.analytic().switch_rates_hz = {{0.0, 1.5, 0.5}, {2.0, 0.0, 0.0}, {0.25, 1.0, 0.0}};
  params.analytic().initial_regime_probabilities = {0.2, 0.5, 0.3};
  return params;
}

// Every part of the market and the agent side at once.
inline EnvParams full_problem() {
  EnvParams params = regime_problem();
  params.analytic().fill_cap = 2.0;
  params.analytic().mid_reversion_hz = 0.3;
  params.analytic().jump_rate_hz = 0.4;
  params.analytic().jump_ticks = 35.0;
  params.analytic().market_order_lots = 3;
  params.analytic().taker_allowed = true;
  params.analytic().half_spread_ticks = 4;
  params.analytic().slippage_ticks_per_lot = 0.3;
  params.fees = {-0.15, 0.35, 0.125, 0.25};
  params.latency.feed = {DelayLaw::kLognormal, 100'000'000, 0.7, {}};
  params.latency.entry = {DelayLaw::kEmpirical, 0, 0.0, {0, 200'000'000, 1'300'000'000}};
  params.latency.response = {DelayLaw::kConstant, 400'000'000, 0.0, {}};
  params.action.sizes = true;
  params.action.lots_min = 0;
  params.action.lots_max = 5;
  params.episode.initial_inventory_min_lots = -4;
  params.episode.initial_inventory_max_lots = 6;
  params.reward.soft_limit_lots = 3;
  params.observation.features = {"time_left",           "inventory",  "mid_return",
                                 "realised_volatility", "bid_offset", "regime",
                                 "regime_probability"};
  return params;
}

// A market with what it needs to live.
class MarketUnderTest {
 public:
  explicit MarketUnderTest(const EnvParams& given)
      : params(checked(given)), features(params), model(params, features), market(model) {}
  MarketUnderTest(const MarketUnderTest&) = delete;
  MarketUnderTest& operator=(const MarketUnderTest&) = delete;
  ~MarketUnderTest() = default;

  double shown(Feature feature, std::size_t regime = 0) const {
    return market.view().at(MarketView::slot(feature, regime));
  }

  const EnvParams params;
  const FeatureWriter features;
  const AnalyticModel model;
  AnalyticMarket market;

 private:
  static EnvParams checked(const EnvParams& given) {
    given.validate();
    return given;
  }
};

inline Quotes quotes_at(Ticks bid_offset_ticks, Ticks ask_offset_ticks, Lots lots) {
  return {{bid_offset_ticks, ask_offset_ticks}, {lots, lots}};
}

inline const Quotes kNoQuotes{};

// An agent that quotes anything within +-`reach_ticks` and 0 to `lots_max` lots.
class RandomAgent {
 public:
  RandomAgent(std::uint64_t seed, Ticks reach_ticks, Lots lots_max)
      : stream_({seed, 0xA6E47}, 0, Purpose::kReset), reach_(reach_ticks), lots_max_(lots_max) {}

  Quotes operator()() {
    const auto draw = [this](std::int64_t low, std::int64_t high) {
      return low +
             static_cast<std::int64_t>(stream_.below(static_cast<std::uint64_t>(high - low + 1)));
    };
    Quotes quotes;
    for (Ticks& offset : quotes.offset_ticks) offset = draw(-reach_, reach_);
    for (Lots& lots : quotes.lots) lots = draw(0, lots_max_);
    return quotes;
  }

 private:
  Stream stream_;
  Ticks reach_;
  Lots lots_max_;
};

}  // namespace rlmm
