// Small problems with a book, symmetric between the sides.
#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "market/book_market.h"
#include "params.h"

namespace book_problems {

// `first` share of geometric weights that sum to `total`.
inline std::vector<double> geometric(std::size_t n, double ratio, double total) {
  std::vector<double> weights(n);
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) sum += weights[i] = std::pow(ratio, static_cast<double>(i));
  for (double& weight : weights) weight *= total / sum;
  return weights;
}

inline rlmm::MarketModel bare_model() {
  rlmm::MarketModel model;
  model.spread_bin_ticks = {1, 2};
  model.groups.resize(rlmm::kGroups);
  const rlmm::SizeLaw sizes{{1, 2, 5}, {0.6, 0.3, 0.1}};
  model.improving = {sizes, 0.5};
  model.joining = {sizes, 0.3};
  model.deeper = {sizes, 0.2};
  model.market_orders = {0.1, 0.05, 0.5, sizes};
  model.limit_marks = {{{}, geometric(8, 0.7, 1.0)}, {{0.5, 0.3}, geometric(8, 0.7, 0.2)}};
  model.far_level_orders = {0.2, 0.3, 0.3, 0.2};
  model.typical = {1, 20.0, 1.0, 1.0};
  return model;
}

// Everything switched on: states, kernels of four decays, regimes, a season, informed flow.
inline rlmm::MarketModel full_model() {
  using rlmm::kGroups;
  rlmm::MarketModel model = bare_model();
  model.imbalance_bin_edges = {-0.5, 0.5};
  const double baseline_hz[kGroups] = {0.5, 0.5, 2.0, 2.0, 0.05, 0.05};
  const double by_imbalance[3] = {1.4, 1.0, 0.6};  // few bids against many asks first
  for (std::size_t g = 0; g < kGroups; ++g) {
    rlmm::GroupParams& group = model.groups[g];
    group.baseline_hz = baseline_hz[g];
    group.regime_factor = {1.0, g < 2 ? 2.0 : 1.5};
    group.season_factor = {1.2, 0.9};
    group.state_factor.assign(model.n_states(), 1.0);
    for (std::size_t i = 0; g < 2 && i < model.n_states(); ++i) {
      group.state_factor[i] = by_imbalance[g == 0 ? i % 3 : 2 - i % 3];
    }
  }
  model.season_bin_s = 30.0;
  model.switch_rates_hz = {{0.0, 0.05}, {0.1, 0.0}};
  model.initial_regime_probabilities = {0.7, 0.3};
  model.decays_hz = {5000.0, 200.0, 8.0, 0.3};
  const double same[3][3] = {{0.4, 0.02, 0.02}, {0.3, 0.25, 0.2}, {0.005, 0.004, 0.003}};
  const double opposite[3][3] = {{0.02, 0.02, 0.02}, {0.2, 0.05, 0.05}, {0.003, 0.001, 0.001}};
  for (std::size_t p = 0; p < 4; ++p) {
    for (std::size_t target = 0; target < kGroups; ++target) {
      for (std::size_t source = 0; source < kGroups; ++source) {
        const auto& norms = target % 2 == source % 2 ? same : opposite;
        model.excitation.push_back(0.12 * norms[target / 2][source / 2]);
      }
    }
  }
  model.hit_gap_bin_ticks = {1, 2, 4};
  model.hit_gap_factor = {0.9, 1.2, 2.0};
  model.cancels = {true, 0.5, 3.0, 0.1, {}};
  model.regime_volatility_factor = {1.0, 1.5};
  model.informed = {1.0, 2.0, 3.0, 250'000'000, 0.5, 0.3, 0.6, 1.0};
  return model;
}

inline rlmm::EnvParams problem(const rlmm::MarketModel& model) {
  rlmm::EnvParams params;
  rlmm::BookMarketParams book;
  book.model = model;
  book.mid_initial_ticks = 10'000;
  book.warmup_ns = 2'000'000'000;
  params.market = book;
  params.limits.inventory_cap_lots = 20;
  params.episode.n_steps = 100;
  params.episode.step_ns = 500'000'000;
  params.action.offset_min_ticks = -3;
  params.action.offset_max_ticks = 6;
  params.action.lots_max = 5;
  params.action.lots_min = 0;
  params.action.sizes = true;
  params.observation.features = {"time_left", "inventory"};
  params.tick_value = 0.01;
  return params;
}

// Latencies long enough that fills race cancels, fees and rebates, takers.
inline rlmm::EnvParams rough_problem() {
  rlmm::EnvParams params = problem(full_model());
  params.book().taker_allowed = true;
  params.latency.feed = {rlmm::DelayLaw::kLognormal, 20'000'000, 0.5, {}};
  params.latency.entry = {rlmm::DelayLaw::kLognormal, 50'000'000, 0.5, {}};
  params.latency.response = {rlmm::DelayLaw::kConstant, 80'000'000, 0.0, {}};
  params.fees = {-0.2, 0.5, -0.1, 0.3};
  for (const rlmm::FeatureInfo& info : rlmm::kFeatures) {
    const bool there = info.id == rlmm::Feature::kTimeLeft || info.id == rlmm::Feature::kInventory;
    if (there) continue;
    params.observation.features.emplace_back(info.name);
  }
  return params;
}

// What a book market is made with.
struct World {
  explicit World(rlmm::EnvParams given)
      : params(std::move(given)), writer(params), model(params, writer) {}
  rlmm::EnvParams params;
  rlmm::FeatureWriter writer;
  rlmm::BookModel model;
};

// Quotes at random, some of them crossing, some of no size.
inline rlmm::Quotes random_quotes(rlmm::Stream& stream) {
  rlmm::Quotes quotes;
  for (std::size_t side = 0; side < 2; ++side) {
    quotes.offset_ticks[side] = static_cast<rlmm::Ticks>(stream.below(7)) - 2;
    quotes.lots[side] = static_cast<rlmm::Lots>(stream.below(6));
  }
  return quotes;
}

}  // namespace book_problems
