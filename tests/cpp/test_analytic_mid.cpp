// Laws of the analytic market's mid price and regimes, by frequency.
#include <cmath>
#include <vector>

#include "check.h"
#include "problems.h"
#include "statistics.h"

namespace rlmm {
namespace {

constexpr SeedKey kKey = {51, 52};

// Half-second steps; a mid high enough to wander.
EnvParams mid_problem(double volatility_ticks) {
  EnvParams params = still_problem();
  params.analytic().mid_initial_ticks = 1'000'000'000;
  params.analytic().regimes[0].volatility_ticks = volatility_ticks;
  params.episode.n_steps = 10'000'000;
  params.observation.features = {"mid_return", "mid_displacement", "realised_volatility"};
  return params;
}

Sample returns_of(const EnvParams& params, int steps) {
  MarketUnderTest test(params);
  test.market.reset(kKey, 0);
  Sample sample;
  for (int i = 0; i < steps; ++i) {
    test.market.step(kNoQuotes);
    sample.add(test.shown(Feature::kMidReturn));
  }
  return sample;
}

// Where the mid is, from its start, after `steps` in each of 20 000 episodes.
Sample displacements_after(const EnvParams& params, int steps) {
  MarketUnderTest test(params);
  Sample sample;
  for (std::uint64_t episode = 0; episode < 20'000; ++episode) {
    test.market.reset(kKey, episode);
    for (int i = 0; i < steps; ++i) test.market.step(kNoQuotes);
    sample.add(test.shown(Feature::kMidDisplacement));
  }
  return sample;
}

// 20 ticks over a second are a variance of 200 over half of one.
TEST("mid: Brownian returns") {
  const Sample returns = returns_of(mid_problem(20.0), 100'000);
  const double root_n = std::sqrt(returns.count());
  CHECK_NEAR(returns.mean(), 0.0, kSigmas * std::sqrt(200.0) / root_n);
  CHECK_NEAR(returns.variance(), 200.0, kSigmas * 200.0 * std::sqrt(2.0) / root_n);
  CHECK_NEAR(returns.moment(4) / 40'000.0, 3.0, kSigmas * std::sqrt(96.0) / root_n);
  CHECK_NEAR(returns.lag_correlation(), 0.0, kSigmas / root_n);
}

// theta = 0.8 / s, sigma^2 = 400: after t seconds the variance is 400 (1 - exp(-1.6 t)) / 1.6:
// 137.7 after one step, 250.0 (1 - 1e-7) after 20.
TEST("mid: Ornstein-Uhlenbeck variance after one step and after many") {
  EnvParams params = mid_problem(20.0);
  params.analytic().mid_reversion_hz = 0.8;
  const Sample first = displacements_after(params, 1);
  const Sample last = displacements_after(params, 20);
  CHECK_NEAR(first.mean(), 0.0, kSigmas * first.mean_error());
  CHECK_NEAR(last.mean(), 0.0, kSigmas * last.mean_error());
  CHECK_NEAR(first.variance(), 250.0 * (1.0 - std::exp(-0.8)), kSigmas * first.variance_error());
  CHECK_NEAR(last.variance(), 250.0, kSigmas * last.variance_error());
}

// Neighbours in the long run: correlation exp(-theta dt) = exp(-0.4) = 0.6703.
TEST("mid: Ornstein-Uhlenbeck memory") {
  EnvParams params = mid_problem(20.0);
  params.analytic().mid_reversion_hz = 0.8;
  MarketUnderTest test(params);
  test.market.reset(kKey, 0);
  Sample displacement;
  for (int i = 0; i < 100'000; ++i) {
    test.market.step(kNoQuotes);
    displacement.add(test.shown(Feature::kMidDisplacement));
  }
  // Bartlett: the variance of the estimate is (1 - rho^2) / n.
  CHECK_NEAR(displacement.lag_correlation(), std::exp(-0.4),
             kSigmas * std::sqrt((1.0 - std::exp(-0.8)) / displacement.count()));
}

// Jumps of 30 ticks come at 3 / s and are pulled back at 0.8 / s from the moment they happen: in
// the long run the variance is 3 x 900 / (2 x 0.8), whatever the step (the exact compound law).
TEST("mid: jumps and reversion together") {
  EnvParams params = mid_problem(0.0);
  params.analytic().mid_reversion_hz = 0.8;
  params.analytic().jump_rate_hz = 3.0;
  params.analytic().jump_ticks = 30.0;
  const Sample last = displacements_after(params, 20);
  CHECK_NEAR(last.mean(), 0.0, kSigmas * last.mean_error());
  CHECK_NEAR(last.variance(), 3.0 * 900.0 / 1.6, kSigmas * last.variance_error());
}

// Two regimes that switch ten times in a step, volatile 20 and calm: what came early in the step is
// pulled back more. In the long run E sigma^2 = 200, so the variance is 200 / (2 theta).
TEST("mid: reversion with regimes that switch within a step") {
  EnvParams params = mid_problem(20.0);
  params.analytic().mid_reversion_hz = 4.0;
  params.analytic().regimes.push_back(params.analytic().regimes[0]);
  params.analytic().regimes[1].volatility_ticks = 0.0;
  params.analytic().switch_rates_hz = {{0.0, 20.0}, {20.0, 0.0}};
  params.analytic().initial_regime_probabilities = {0.5, 0.5};
  const Sample last = displacements_after(params, 4);
  CHECK_NEAR(last.variance(), 200.0 / 8.0, kSigmas * last.variance_error());
}

// 3 jumps / s of 30 ticks: variance 1.5 x 900 in a step; a compound Poisson sum has fourth central
// moment 3 variance^2 + 1.5 x 3 x 30^4. No jump at all with exp(-1.5).
TEST("mid: jumps") {
  EnvParams params = mid_problem(0.0);
  params.analytic().jump_rate_hz = 3.0;
  params.analytic().jump_ticks = 30.0;
  MarketUnderTest test(params);
  test.market.reset(kKey, 0);
  Sample returns;
  int still = 0;
  constexpr int kSteps = 100'000;
  for (int i = 0; i < kSteps; ++i) {
    test.market.step(kNoQuotes);
    returns.add(test.shown(Feature::kMidReturn));
    still += test.shown(Feature::kMidReturn) == 0.0 ? 1 : 0;
  }
  CHECK_NEAR(returns.variance(), 1350.0, kSigmas * returns.variance_error());
  const double fourth = 3.0 * 1350.0 * 1350.0 + 4.5 * 810'000.0;
  CHECK_NEAR(returns.moment(4), fourth, 0.03 * fourth);
  CHECK_FREQUENCY(still, kSteps, std::exp(-1.5));
}

// With memory 2^(-1/16), the mean square after returns r1, r2 is m1 = r1^2 (1 - w),
// m2 = m1 w + r2^2 (1 - w).
TEST("mid: return, displacement and realised volatility by their recursions") {
  MarketUnderTest test(mid_problem(20.0));
  test.market.reset(kKey, 3);
  const double memory = std::pow(2.0, -1.0 / 16.0);
  double mean_square = 0.0;
  double displacement = 0.0;
  for (int i = 0; i < 100; ++i) {
    test.market.step(kNoQuotes);
    const double moved = test.shown(Feature::kMidReturn);
    mean_square = mean_square * memory + moved * moved * (1.0 - memory);
    displacement += moved;
    CHECK_NEAR(test.shown(Feature::kRealisedVolatility), std::sqrt(mean_square), 1e-9);
    CHECK_NEAR(test.shown(Feature::kMidDisplacement), displacement, 1e-6);
    const double rounded = 0.5 * static_cast<double>(test.market.account().mid_ticks_x2());
    CHECK_NEAR(rounded - 1e9, displacement, 0.5 + 1e-6);
  }
}

TEST("mid: leaving 1 to 2^40 ticks is an error") {
  EnvParams params = mid_problem(1000.0);
  params.analytic().mid_initial_ticks = 51;
  const auto until_it_leaves = [](const EnvParams& given) {
    MarketUnderTest test(given);
    test.market.reset(kKey, 0);
    for (int i = 0; i < 1000; ++i) test.market.step(kNoQuotes);
  };
  CHECK_THROWS(until_it_leaves(params), RangeError,
               "mid price: expected from 1 to 2^40 ticks, got -");
  params.analytic().mid_initial_ticks = (Ticks{1} << 40U) - 1;
  CHECK_THROWS(until_it_leaves(params), RangeError, "got 10995116");
}

// Volatility 10 or 40, two symmetric regimes that switch at 3 / s: the mean variance of a step is
// half of (100 + 1600) / 2, whatever the switching within it.
TEST("mid: variance accrues in the regime that holds") {
  EnvParams params = mid_problem(10.0);
  params.analytic().regimes.push_back(params.analytic().regimes[0]);
  params.analytic().regimes[1].volatility_ticks = 40.0;
  params.analytic().switch_rates_hz = {{0.0, 3.0}, {3.0, 0.0}};
  params.analytic().initial_regime_probabilities = {0.5, 0.5};
  const Sample returns = returns_of(params, 100'000);
  CHECK_NEAR(returns.variance(), 425.0, 1.2 * kSigmas * returns.variance_error());
}

// Out of the first at 1.2 / s and back at 0.6: over half a second the two-state kernel is
// P(0 -> 1) = 2/3 (1 - exp(-0.9)), P(1 -> 0) = 1/3 (1 - exp(-0.9)).
TEST("regime: transitions over a step, stays and occupancy") {
  EnvParams params = still_problem();
  params.episode.n_steps = 10'000'000;
  params.analytic().regimes.resize(2);
  params.analytic().switch_rates_hz = {{0.0, 1.2}, {0.6, 0.0}};
  params.analytic().initial_regime_probabilities = {1.0, 0.0};
  MarketUnderTest test(params);
  test.market.reset(kKey, 0);
  constexpr int kSteps = 300'000;
  std::vector<std::vector<std::int64_t>> moves(2, std::vector<std::int64_t>(2, 0));
  std::vector<Sample> stays(2);
  int since = 0;
  for (int i = 1; i <= kSteps; ++i) {
    const std::size_t before = test.market.regime();
    test.market.step(kNoQuotes);
    const std::size_t after = test.market.regime();
    ++moves[before][after];
    if (after == before) continue;
    stays[before].add(i - since);
    since = i;
  }
  const double change = 1.0 - std::exp(-0.9);
  const std::vector<double> leave = {change * 2.0 / 3.0, change / 3.0};
  for (std::size_t k = 0; k < 2; ++k) {
    const std::int64_t visits = moves[k][0] + moves[k][1];
    CHECK_FREQUENCY(moves[k][1 - k], visits, leave[k]);
    // Seen from step to step the stay is geometric: mean 1 / leave, variance (1 - leave) / leave^2.
    CHECK_NEAR(stays[k].mean(), 1.0 / leave[k], kSigmas * stays[k].mean_error());
    const double variance = (1.0 - leave[k]) / (leave[k] * leave[k]);
    CHECK_NEAR(stays[k].variance(), variance, kSigmas * stays[k].variance_error());
  }
  // The chain is correlated with exp(-0.9) from step to step, which stretches the error by
  // sqrt((1 + 0.4066) / (1 - 0.4066)) = 1.54.
  CHECK_NEAR(static_cast<double>(moves[0][0] + moves[0][1]) / kSteps, 1.0 / 3.0,
             1.54 * kSigmas * frequency_error(1.0 / 3.0, kSteps));
}

// The first step is too short for a switch to matter: 1 ns.
TEST("regime: initial and target regimes by their probabilities") {
  EnvParams params = regime_problem();
  MarketUnderTest test(params);
  std::vector<std::int64_t> starts(3, 0);
  for (std::uint64_t episode = 0; episode < 30'000; ++episode) {
    test.market.reset(kKey, episode);
    ++starts[test.market.regime()];
  }
  CHECK_NEAR(chi_square_sigmas(starts, {0.2, 0.5, 0.3}), 0.0, kSigmas);
  // From 0: to 1 and 2 as 3 : 1, never staying; a step of 1 ms sees at most one switch (but for
  // 1 in 1000 of them).
  params.episode.step_ns = 1'000'000;
  params.episode.n_steps = 10'000'000;
  MarketUnderTest slow(params);
  slow.market.reset(kKey, 0);
  std::vector<std::int64_t> targets(3, 0);
  for (int i = 0; i < 1'000'000; ++i) {
    const std::size_t before = slow.market.regime();
    slow.market.step(kNoQuotes);
    if (before == 0 && slow.market.regime() != 0) ++targets[slow.market.regime()];
  }
  CHECK_EQ(targets[0], 0);
  CHECK_FREQUENCY(targets[1], targets[1] + targets[2], 0.75);
}

}  // namespace
}  // namespace rlmm
