// Laws of the analytic market's orders and fills, by frequency.
#include <array>
#include <cmath>
#include <vector>

#include "check.h"
#include "problems.h"
#include "statistics.h"

namespace rlmm {
namespace {

constexpr SeedKey kKey = {41, 42};

// One long episode in which nothing limits the fills.
EnvParams endless_problem() {
  EnvParams params = plain_problem();
  params.episode.n_steps = 10'000'000;
  params.limits.inventory_cap_lots = 1'000'000'000;
  params.analytic().regimes[0].volatility_ticks = 0.0;
  return params;
}

double poisson_probability(double mean, int k) {
  double p = std::exp(-mean);
  for (int i = 1; i <= k; ++i) p *= mean / i;
  return p;
}

// Sells 3 / s and buys 2 / s over half a second: 1.5 and 1.0 in a step.
TEST("flow: the orders of a step are Poisson, independent of the other side and the last step") {
  MarketUnderTest test(endless_problem());
  test.market.reset(kKey, 0);
  constexpr int kSteps = 100'000;
  std::array<std::vector<std::int64_t>, 2> counts = {std::vector<std::int64_t>(20, 0),
                                                     std::vector<std::int64_t>(20, 0)};
  std::array<Sample, 2> samples;
  double product = 0.0;
  for (int i = 0; i < kSteps; ++i) {
    const StepOutcome outcome = test.market.step(kNoQuotes);
    ++counts[0].at(static_cast<std::size_t>(outcome.market_sells));
    ++counts[1].at(static_cast<std::size_t>(outcome.market_buys));
    samples[0].add(static_cast<double>(outcome.market_sells));
    samples[1].add(static_cast<double>(outcome.market_buys));
    product += (static_cast<double>(outcome.market_sells) - 1.5) *
               (static_cast<double>(outcome.market_buys) - 1.0);
  }
  const std::array<double, 2> means = {1.5, 1.0};
  for (std::size_t side = 0; side < 2; ++side) {
    std::vector<double> probabilities(20);
    for (int k = 0; k < 20; ++k) {
      probabilities[static_cast<std::size_t>(k)] = poisson_probability(means[side], k);
    }
    CHECK_NEAR(chi_square_sigmas(counts[side], probabilities), 0.0, kSigmas);
    CHECK_NEAR(samples[side].mean(), means[side], kSigmas * samples[side].mean_error());
    CHECK_NEAR(samples[side].variance(), means[side], kSigmas * samples[side].variance_error());
    CHECK_NEAR(samples[side].lag_correlation(), 0.0, kSigmas / std::sqrt(kSteps));
  }
  CHECK_NEAR(product / kSteps, 0.0, kSigmas * std::sqrt(1.5 * 1.0 / kSteps));
}

struct Counts {
  std::int64_t orders = 0;
  Lots fills = 0;
};

Counts bid_counts(const EnvParams& params, Ticks depth_ticks, int steps) {
  MarketUnderTest test(params);
  test.market.reset({43, static_cast<std::uint64_t>(depth_ticks + 1000)}, 0);
  Counts counts;
  for (int i = 0; i < steps; ++i) {
    const StepOutcome outcome = test.market.step({{depth_ticks, 0}, {1, 0}});
    counts.orders += outcome.market_sells;
    counts.fills += outcome.maker_lots[0];
    CHECK_EQ(outcome.maker_lots[1], 0);
  }
  return counts;
}

// kappa 0.05: depths 0, 5, 20, 60 are reached with 1, 0.779, 0.368, 0.0498; beyond the mid, always.
TEST("flow: an order fills with probability exp(-kappa depth), and surely beyond the mid") {
  for (const Ticks depth : {0, 5, 20, 60, -1, -30}) {
    const Counts counts = bid_counts(endless_problem(), depth, 20'000);
    const double p = std::min(1.0, std::exp(-0.05 * static_cast<double>(depth)));
    CHECK_FREQUENCY(counts.fills, counts.orders, p);
  }
}

// Fills per second: 3 x min(4, exp(-0.05 depth)): at -20 e times as many, at -28 just over 4 times,
// so 4 times. 20 000 steps are 10 000 s.
TEST("flow: with a fill cap above 1 a quote beyond the mid draws more orders, up to the cap") {
  EnvParams params = endless_problem();
  params.analytic().fill_cap = 4.0;
  for (const Ticks depth : {-60, -28, -20, 0, 20}) {
    const double reach = std::exp(-0.05 * static_cast<double>(depth));
    const double expected = 10'000.0 * 3.0 * std::min(4.0, reach);
    const Counts counts = bid_counts(params, depth, 20'000);
    CHECK_NEAR(static_cast<double>(counts.fills), expected, kSigmas * std::sqrt(expected));
  }
}

// (1 + 0.05 depth) ** -1.5: 0.717 at 5, 0.354 at 20, 0.0131 at 340; 1 beyond the mid.
TEST("flow: the power law of depth") {
  EnvParams params = endless_problem();
  params.analytic().fill_law = FillLaw::kPower;
  params.analytic().fill_power = 1.5;
  for (const Ticks depth : {0, 5, 20, 340, -7}) {
    const double base = 1.0 + 0.05 * std::max(0.0, static_cast<double>(depth));
    const Counts counts = bid_counts(params, depth, 20'000);
    CHECK_FREQUENCY(counts.fills, counts.orders, std::pow(base, -1.5));
  }
}

// Volatility 90 is 9 times the reference; with exponent 1/2 kappa is divided by 3: 0.05 / 3.
TEST("flow: kappa divided by a power of the regime's volatility") {
  EnvParams params = endless_problem();
  params.analytic().regimes[0].volatility_ticks = 90.0;
  params.analytic().volatility_reference_ticks = 10.0;
  params.analytic().fill_volatility_exponent = 0.5;
  params.analytic().mid_initial_ticks = 1'000'000;
  const Counts counts = bid_counts(params, 30, 20'000);
  CHECK_FREQUENCY(counts.fills, counts.orders, std::exp(-0.05 / 3.0 * 30.0));
}

// If arrival and fill shared a random number, the joint frequency would not be the product. Bid at
// 20 (p = 0.3679) among 1.5 sells a step, ask at 10 (q = 0.6065) among 1.0 buys: fills of a side
// are Poisson with 0.5518 and 0.6065, independent of each other and of the orders not filled.
TEST("flow: arrival and fill are independent, and so are the two sides") {
  MarketUnderTest test(endless_problem());
  test.market.reset(kKey, 1);
  constexpr int kSteps = 100'000;
  const double p = std::exp(-1.0);
  const double q = std::exp(-0.5);
  int one_order = 0;
  int one_filled = 0;
  int bid_filled = 0;
  int both_filled = 0;
  std::vector<std::int64_t> cells(9, 0);  // (filled, not filled) sells of a step, each cut at 2
  for (int i = 0; i < kSteps; ++i) {
    const StepOutcome outcome = test.market.step(quotes_at(20, 10, 1));
    const Lots bids = outcome.maker_lots[0];
    one_order += outcome.market_sells == 1 ? 1 : 0;
    one_filled += outcome.market_sells == 1 && bids == 1 ? 1 : 0;
    bid_filled += bids > 0 ? 1 : 0;
    both_filled += bids > 0 && outcome.maker_lots[1] > 0 ? 1 : 0;
    const Lots missed = outcome.market_sells - bids;
    ++cells[static_cast<std::size_t>(3 * std::min<Lots>(bids, 2) + std::min<Lots>(missed, 2))];
  }
  const double one = poisson_probability(1.5, 1);
  CHECK_FREQUENCY(one_order, kSteps, one);
  CHECK_FREQUENCY(one_filled, kSteps, one * p);
  const double any_bid = 1.0 - std::exp(-1.5 * p);
  CHECK_FREQUENCY(bid_filled, kSteps, any_bid);
  CHECK_FREQUENCY(both_filled, kSteps, any_bid * (1.0 - std::exp(-q)));
  std::vector<double> probabilities(9);
  const auto cut_at_2 = [](double mean, int k) {
    const double below = poisson_probability(mean, 0) + poisson_probability(mean, 1);
    return k < 2 ? poisson_probability(mean, k) : 1.0 - below;
  };
  for (int cell = 0; cell < 9; ++cell) {
    probabilities[static_cast<std::size_t>(cell)] =
        cut_at_2(1.5 * p, cell / 3) * cut_at_2(1.5 * (1.0 - p), cell % 3);
  }
  CHECK_NEAR(chi_square_sigmas(cells, probabilities), 0.0, kSigmas);
}

// Orders are of 1 lot, quotes of 1 lot, at the mid: every order fills, and the quote stands again.
TEST("flow: several fills in one step, the quote replenished after each") {
  MarketUnderTest test(endless_problem());
  test.market.reset(kKey, 2);
  int several = 0;
  for (int i = 0; i < 2000; ++i) {
    const StepOutcome outcome = test.market.step(quotes_at(0, 0, 1));
    CHECK_EQ(outcome.maker_lots[0], outcome.market_sells);
    CHECK_EQ(outcome.maker_lots[1], outcome.market_buys);
    several += outcome.maker_lots[0] > 1 ? 1 : 0;
  }
  CHECK_FREQUENCY(several, 2000, 1.0 - 2.5 * std::exp(-1.5));
}

// Two agents that have nothing in common, in everything that moves the market or the account.
TEST("flow: orders, mid and regime do not depend on the agent") {
  EnvParams params = full_problem();
  params.limits.inventory_cap_lots = 7;
  MarketUnderTest busy(params);
  MarketUnderTest idle(params);
  RandomAgent agent(44, 45, 5);
  Lots traded = 0;
  for (std::uint64_t episode = 0; episode < 20; ++episode) {
    busy.market.reset(kKey, episode);
    idle.market.reset(kKey, episode);
    for (int i = 0; i < 50; ++i) {
      const StepOutcome some = busy.market.step(agent());
      const StepOutcome none = idle.market.step(kNoQuotes);
      traded += some.maker_lots[0] + some.maker_lots[1] + some.taker_lots;
      CHECK_EQ(some.market_sells, none.market_sells);
      CHECK_EQ(some.market_buys, none.market_buys);
      CHECK_EQ(busy.market.regime(), idle.market.regime());
      CHECK_EQ(busy.market.account().mid_ticks_x2(), idle.market.account().mid_ticks_x2());
      CHECK_EQ(busy.shown(Feature::kMidReturn), idle.shown(Feature::kMidReturn));
    }
  }
  CHECK(traded > 1000);
}

}  // namespace
}  // namespace rlmm
