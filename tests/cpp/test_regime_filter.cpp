// The probability of each regime given the orders seen so far.
#include <cmath>
#include <vector>

#include "check.h"
#include "problems.h"
#include "statistics.h"

namespace rlmm {
namespace {

constexpr SeedKey kKey = {61, 62};

EnvParams filter_problem() {
  EnvParams params = still_problem();
  params.analytic().regimes = {{2.0, 1.0, 0.05, 0.0, 1.0}, {10.0, 4.0, 0.05, 0.0, 1.0}};
  params.analytic().switch_rates_hz = {{0.0, 0.0}, {0.0, 0.0}};
  params.analytic().initial_regime_probabilities = {0.7, 0.3};
  params.analytic().regime_observed = false;
  params.observation.features = {"regime_probability"};
  params.episode.n_steps = 10'000'000;
  return params;
}

double probability(const MarketUnderTest& test, std::size_t regime) {
  return test.shown(Feature::kRegimeProbability, regime);
}

// Without switching, half a second with s sells and b buys has likelihood
// 2^s 1^b exp(-1.5) in the first regime and 10^s 4^b exp(-7) in the second.
TEST("filter: Bayes by hand where regimes never switch") {
  MarketUnderTest test(filter_problem());
  test.market.reset(kKey, 0);
  CHECK_NEAR(probability(test, 0), 0.7, 1e-15);
  CHECK_NEAR(probability(test, 1), 0.3, 1e-15);
  double odds = 0.3 / 0.7;
  for (int i = 0; i < 20; ++i) {
    const StepOutcome outcome = test.market.step(kNoQuotes);
    odds *=
        std::pow(5.0, outcome.market_sells) * std::pow(4.0, outcome.market_buys) * std::exp(-5.5);
    CHECK_NEAR(probability(test, 1), odds / (1.0 + odds), 1e-10);
    CHECK_NEAR(probability(test, 0) + probability(test, 1), 1.0, 1e-14);
  }
}

// No orders at all in either regime: nothing is learnt, and the probabilities follow the chain:
// p1(t) = 2/3 (1 - exp(-0.9 t)) from rates 0.6 in and 0.3 out.
TEST("filter: without orders the probabilities follow the chain alone") {
  EnvParams params = filter_problem();
  params.analytic().regimes = {RegimeParams{}, RegimeParams{}};
  params.analytic().switch_rates_hz = {{0.0, 0.6}, {0.3, 0.0}};
  params.analytic().initial_regime_probabilities = {1.0, 0.0};
  MarketUnderTest test(params);
  test.market.reset(kKey, 0);
  for (int i = 1; i <= 40; ++i) {
    test.market.step(kNoQuotes);
    CHECK_NEAR(probability(test, 1), 2.0 / 3.0 * (1.0 - std::exp(-0.45 * i)), 1e-12);
  }
}

// One sell order and the silent regime is out; it comes back only through switching.
TEST("filter: an order that a regime cannot send rules it out") {
  EnvParams params = filter_problem();
  params.analytic().regimes[0] = {0.0, 1.0, 0.05, 0.0, 1.0};
  params.analytic().initial_regime_probabilities = {0.0, 1.0};
  params.analytic().switch_rates_hz = {{0.0, 0.5}, {0.5, 0.0}};
  MarketUnderTest test(params);
  test.market.reset(kKey, 0);
  int seen = 0;
  for (int i = 0; i < 200; ++i) {
    const StepOutcome outcome = test.market.step(kNoQuotes);
    if (outcome.market_sells == 0) continue;
    ++seen;
    CHECK_NEAR(probability(test, 0), 0.0, 1e-200);
  }
  CHECK(seen > 20);
}

// Among the moments at which the filter says p, the second regime holds in a share p. Steps of 5 ms
// keep the filter's error of one step small; moments 2 s apart are nearly independent (the chain
// forgets with exp(-2 x 2)), three regimes, one of them like another in its orders.
TEST("filter: says 30 % when it is 30 %") {
  EnvParams params = filter_problem();
  params.episode.step_ns = 5'000'000;
  params.analytic().regimes = {
      {3.0, 3.0, 1.0, 0.0, 1.0}, {12.0, 6.0, 1.0, 0.0, 1.0}, {6.0, 12.0, 1.0, 0.0, 1.0}};
  params.analytic().switch_rates_hz = {{0.0, 0.5, 0.5}, {1.0, 0.0, 0.0}, {1.0, 0.0, 0.0}};
  params.analytic().initial_regime_probabilities = {0.5, 0.25, 0.25};
  MarketUnderTest test(params);
  test.market.reset(kKey, 0);
  constexpr std::size_t kBins = 10;
  std::vector<std::vector<double>> said(3, std::vector<double>(kBins, 0.0));
  std::vector<std::vector<double>> held(3, std::vector<double>(kBins, 0.0));
  std::vector<std::vector<double>> counts(3, std::vector<double>(kBins, 0.0));
  for (int i = 0; i < 2'500; ++i) {
    for (int step = 0; step < 400; ++step) test.market.step(kNoQuotes);
    double total = 0.0;
    for (std::size_t k = 0; k < 3; ++k) {
      const double p = probability(test, k);
      const std::size_t bin = std::min(kBins - 1, static_cast<std::size_t>(p * kBins));
      said[k][bin] += p;
      held[k][bin] += test.market.regime() == k ? 1.0 : 0.0;
      counts[k][bin] += 1.0;
      total += p;
    }
    CHECK_NEAR(total, 1.0, 1e-12);
  }
  int compared = 0;
  for (std::size_t k = 0; k < 3; ++k) {
    for (std::size_t bin = 0; bin < kBins; ++bin) {
      const double n = counts[k][bin];
      if (n < 50.0) continue;
      const double p = said[k][bin] / n;
      CHECK_NEAR(held[k][bin] / n, p, 0.01 + kSigmas * frequency_error(p, n));
      ++compared;
    }
  }
  CHECK(compared >= 25);
}

}  // namespace
}  // namespace rlmm
