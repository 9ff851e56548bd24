// Episodes, rewards and columns of one environment, through a batch of one.
#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "batch/environment.h"
#include "batch_arrays.h"
#include "check.h"
#include "problems.h"

namespace rlmm {
namespace {

// A batch of one; `step` takes bid offset, ask offset and the two sizes as numbers in [-1, 1].
class One {
 public:
  explicit One(const EnvParams& params)
      : batch(make_batch(params, seed_keys(1), 1)), arrays(*batch) {
    batch->reset(arrays.obs.data(), nullptr);
  }
  void step(const std::vector<float>& action) { batch->step(arrays.with(action)); }
  double column(Column which) const { return arrays.column(0, which); }
  double term(Term which) const { return arrays.term(0, static_cast<std::size_t>(which)); }

  std::unique_ptr<Batch> batch;
  BatchArrays arrays;
};

// Three steps of 1 s; crossing costs 2 ticks a lot; +-10 offsets, 0 to 4 lots. One tick lot is 0.5.
EnvParams taker_problem() {
  EnvParams params = still_problem();
  params.episode.n_steps = 3;
  params.episode.step_ns = 1'000'000'000;
  params.analytic().taker_allowed = true;
  params.analytic().half_spread_ticks = 2;
  params.action.offset_min_ticks = -10;
  params.action.offset_max_ticks = 10;
  params.action.sizes = true;
  params.action.lots_min = 0;
  params.action.lots_max = 4;
  params.tick_value = 0.5;
  return params;
}

const std::vector<float> kBuyFour = {-1.0F, 1.0F, 1.0F, -1.0F};
const std::vector<float> kSellThree = {1.0F, -1.0F, -1.0F, 0.5F};
const std::vector<float> kNothing = {0.0F, 0.0F, -1.0F, -1.0F};

TEST("environment: a finite horizon terminates, with the penalty on what is left") {
  EnvParams params = taker_problem();
  params.reward.terminal_quadratic = 10.0;
  One one(params);
  one.step(kBuyFour);
  CHECK_EQ(one.arrays.reward[0], -4.0);  // 4 lots x 2 ticks x 0.5
  CHECK(!one.arrays.ended(0));
  one.step(kNothing);
  CHECK_EQ(one.arrays.reward[0], 0.0);
  one.step(kNothing);
  CHECK(one.arrays.terminated[0]);
  CHECK(!one.arrays.truncated[0]);
  CHECK_EQ(one.term(Term::kTerminalQuadratic), 16.0);
  CHECK_EQ(one.arrays.reward[0], -160.0);
}

TEST("environment: an open horizon truncates, without the terminal penalty") {
  EnvParams params = taker_problem();
  params.reward.terminal_quadratic = 10.0;
  params.episode.horizon_ends = HorizonEnd::kTruncated;
  One one(params);
  for (const auto& action : {kBuyFour, kNothing, kNothing}) one.step(action);
  CHECK(one.arrays.truncated[0]);
  CHECK(!one.arrays.terminated[0]);
  CHECK_EQ(one.arrays.reward[0], 0.0);
}

// Each purchase of 4 loses 4: after three, 12.
TEST("environment: a loss beyond the limit terminates, a loss of the limit does not") {
  EnvParams params = taker_problem();
  params.episode.n_steps = 10;
  params.episode.horizon_ends = HorizonEnd::kTruncated;
  params.reward.terminal_quadratic = 1.0;
  params.limits.loss_limit = 8.0;
  One one(params);
  one.step(kBuyFour);
  one.step(kBuyFour);
  CHECK(!one.arrays.ended(0));
  one.step(kBuyFour);
  CHECK(one.arrays.terminated[0]);
  CHECK(!one.arrays.truncated[0]);
  CHECK_EQ(one.arrays.reward[0], -4.0 - 144.0);
  one.step(kNothing);
  CHECK_EQ(one.column(Column::kEpisode), 1.0);
  CHECK_EQ(one.column(Column::kCash), 0.0);
}

TEST("environment: ruin in the last step of an open horizon terminates") {
  EnvParams params = taker_problem();
  params.episode.horizon_ends = HorizonEnd::kTruncated;
  params.limits.loss_limit = 11.0;
  One one(params);
  for (int i = 0; i < 3; ++i) one.step(kBuyFour);
  CHECK(one.arrays.terminated[0]);
  CHECK(!one.arrays.truncated[0]);
}

// A row of the columns, where a market without a book leaves its columns at 0.
std::vector<double> without_book(std::vector<double> rest) {
  rest.insert(rest.begin() + static_cast<std::ptrdiff_t>(kFirstBookColumn), kBookColumnCount, 0.0);
  return rest;
}

// First step: bought 4 at 100 002, fee 1 per lot. Second: sold 3 at 99 998, which leaves 1.
TEST("environment: every column of two steps by hand") {
  EnvParams params = taker_problem();
  params.fees.taker_ticks_per_lot = 1.0;
  params.reward.soft_limit_lots = 2;
  One one(params);
  one.step(kBuyFour);
  const std::vector<double> first = {0,   0,  1e9, 200'000, 4, -400'008, 4,  // episode .. fees
                                     -8,  0,  -4,  // spread, inventory, fees of the step
                                     -10, 10, 4,   0,       0, 0,        4, 0, 0,
                                     1,   0,  0,   0,  // quotes, fills, orders, messages .. clips
                                     -6,  -4, -6,  16,      4, 4,        0, 4, 4,  // terms
                                     -6};
  CHECK_EQ(one.arrays.columns, without_book(first));
  one.step(kSellThree);
  const std::vector<double> second = {0,  1,    2e9, 200'000, 1,  -400'008 + 299'994,
                                      7,  -6,   0,   -3,      10, -10,
                                      0,  3,    0,   0,       3,  0,
                                      0,  2,    0,   0,       0,  -4.5,
                                      -3, -4.5, 1,   1,       0,  0,
                                      3,  3,    -4.5};
  CHECK_EQ(one.arrays.columns, without_book(second));
}

TEST("environment: clips of actions and features are counted") {
  EnvParams params = taker_problem();
  params.observation.features = {"mid_return", "inventory"};
  params.observation.clip = 1.0;
  params.analytic().regimes[0].volatility_ticks = 1.0;
  One one(params);
  int clipped = 0;
  for (int i = 0; i < 60; ++i) {
    one.step({1.5F, -2.0F, -1.0F, -1.0001F});
    CHECK_EQ(one.column(Column::kActionsClipped), 3.0);
    clipped += one.column(Column::kFeaturesClipped) == 1.0 ? 1 : 0;
  }
  CHECK(clipped > 5 && clipped < 40);  // a normal return beyond one deviation: 32 %
}

// reward = sum of weight x term with penalties against; the terms of wealth add up to its change.
TEST("environment: the reward is the weighted sum of its columns") {
  EnvParams params = full_problem();
  params.reward = {Utility::kLinear, 0.0, 1.0, 0.5, 0.25, 0.7, 0.1, 0.2, 0.3, 3, 0.4, 0.05, 0.01};
  params.tick_value = 0.01;
  const std::vector<double> weights = {1.0, 0.5, 0.25, -0.1, -0.2, -0.3, -0.4, -0.05, -0.01};
  One one(params);
  double wealth = 0.0;
  for (int step = 0; step < 200; ++step) {
    one.step(some_actions(seed_keys(1), 4, step));
    double sum = 0.0;
    for (std::size_t i = 0; i < weights.size(); ++i) sum += weights[i] * one.arrays.term(0, i);
    CHECK_NEAR(one.arrays.reward[0], sum, 1e-9 * (1.0 + std::fabs(sum)));
    CHECK_EQ(one.column(Column::kReward), one.arrays.reward[0]);
    const double gain = one.column(Column::kPnlSpread) + one.column(Column::kPnlInventory) +
                        one.column(Column::kPnlFees);
    CHECK_NEAR(one.term(Term::kPnl), 0.01 * gain, 1e-9);
    CHECK_NEAR(one.term(Term::kSpreadCapture), 0.01 * one.column(Column::kPnlSpread), 1e-9);
    const double moved = one.column(Column::kPnlInventory);
    CHECK_NEAR(one.term(Term::kDampenedPnl), 0.01 * (gain - 0.7 * std::max(0.0, moved)), 1e-9);
    wealth += gain;
    if (!one.arrays.ended(0)) continue;
    CHECK(one.arrays.terminated[0]);
    wealth = 0.0;
  }
  CHECK(wealth != 0.0 || one.arrays.ended(0));
}

// -exp(-0.05 wealth) / 0.05 of the final wealth, less that of 0, over 50 steps.
TEST("environment: cara rewards of an episode add up to the utility of its wealth") {
  EnvParams params = plain_problem();
  params.reward.utility = Utility::kCara;
  params.reward.risk_aversion = 0.05;
  params.tick_value = 0.1;
  One one(params);
  for (int episode = 0; episode < 5; ++episode) {
    double rewards = 0.0;
    double wealth = 0.0;
    for (int step = 0; step < 50; ++step) {
      one.step(some_actions(seed_keys(1), 2, 50 * episode + step));
      rewards += one.arrays.reward[0];
      wealth += 0.1 * (one.column(Column::kPnlSpread) + one.column(Column::kPnlInventory));
    }
    CHECK(one.arrays.terminated[0]);
    const double utility = -std::expm1(-0.05 * wealth) / 0.05;
    CHECK_NEAR(rewards, utility, 1e-9 * (1.0 + std::fabs(utility)));
  }
}

TEST("environment: a reward that is not finite is an error") {
  EnvParams params = taker_problem();
  params.reward.utility = Utility::kCara;
  params.reward.risk_aversion = 1e6;
  One one(params);
  CHECK_THROWS(one.step(kBuyFour), RangeError, "reward: expected a finite number, got -inf");
}

}  // namespace
}  // namespace rlmm
