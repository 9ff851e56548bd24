#include <cmath>

#include "agent/reward.h"
#include "check.h"

namespace rlmm {
namespace {

RewardInput some_input() {
  RewardInput in{};
  in.spread_gain = 10.0;
  in.inventory_gain = 4.0;
  in.fees = 3.0;
  in.inventory_squared_s = 2.5;
  in.inventory_absolute_s = 1.5;
  in.soft_excess_squared_s = 0.75;
  in.final_inventory_lots = -3.0;
  in.taker_lots = 2.0;
  in.traded_lots = 7.0;
  return in;
}

double reward_of(const RewardParams& params, const RewardInput& in) {
  const Reward reward(params);
  return reward.weighted(reward.terms(in));
}

// Gain 10 + 4 - 3 = 11; dampened by half of the 4 gained on the inventory: 9.
TEST("reward: every term by hand") {
  RewardParams params;
  const RewardTerms terms = Reward(params).terms(some_input());
  const RewardTerms expected = {11.0, 10.0, 9.0, 2.5, 1.5, 0.75, 9.0, 2.0, 7.0};
  CHECK_EQ(terms, expected);
}

TEST("reward: a loss on the inventory is not dampened") {
  RewardInput in = some_input();
  in.inventory_gain = -4.0;
  CHECK_EQ(Reward(RewardParams{}).terms(in)[static_cast<std::size_t>(Term::kDampenedPnl)], 3.0);
}

// One weight at a time: gains count with it, penalties against it.
TEST("reward: each weight multiplies its own term, with the right sign") {
  struct Weight {
    double RewardParams::* field;
    double expected;
  };
  const Weight weights[] = {{&RewardParams::pnl, 22.0},
                            {&RewardParams::spread_capture, 20.0},
                            {&RewardParams::dampened_pnl, 18.0},
                            {&RewardParams::inventory_quadratic, -5.0},
                            {&RewardParams::inventory_linear, -3.0},
                            {&RewardParams::soft_limit, -1.5},
                            {&RewardParams::terminal_quadratic, -18.0},
                            {&RewardParams::crossing, -4.0},
                            {&RewardParams::turnover, -14.0}};
  for (const auto& [field, expected] : weights) {
    RewardParams params;
    params.pnl = 0.0;
    params.*field = 2.0;
    CHECK_EQ(reward_of(params, some_input()), expected);
  }
}

TEST("reward: terms add up") {
  RewardParams params;
  params.inventory_quadratic = 2.0;
  params.turnover = 0.5;
  CHECK_EQ(reward_of(params, some_input()), 11.0 - 5.0 - 3.5);
}

// 2 x 11 - 3 x 2.5 - 5 x 9 = -30.5.
TEST("reward: the plain way where only gain and squared inventory count") {
  RewardParams params;
  params.pnl = 2.0;
  params.inventory_quadratic = 3.0;
  params.terminal_quadratic = 5.0;
  CHECK(Reward(params).is_plain());
  CHECK_EQ(Reward(params).plain(11.0, 2.5, -3.0), -30.5);
  CHECK_EQ(reward_of(params, some_input()), -30.5);
  for (double RewardParams::* weight :
       {&RewardParams::spread_capture, &RewardParams::dampened_pnl, &RewardParams::inventory_linear,
        &RewardParams::soft_limit, &RewardParams::crossing, &RewardParams::turnover}) {
    RewardParams other = params;
    other.*weight = -0.1;
    CHECK(!Reward(other).is_plain());
  }
  params.utility = Utility::kCara;
  params.risk_aversion = 1.0;
  CHECK(!Reward(params).is_plain());
}

// With u(w) = -exp(-0.1 w) / 0.1 from w = 0: the steps' rewards add up to u(final) - u(0).
TEST("reward: cara adds up to the utility of the final wealth") {
  RewardParams params;
  params.utility = Utility::kCara;
  params.risk_aversion = 0.1;
  CHECK(Reward(params).needs_pnl_after());
  CHECK(!Reward(RewardParams{}).needs_pnl_after());
  double wealth = 0.0;
  double total = 0.0;
  for (const double gain : {3.0, -8.0, 0.0, 12.5, -1e-9}) {
    RewardInput in{};
    in.spread_gain = gain + 1.0;
    in.fees = 1.0;
    wealth += gain;
    in.pnl_after = wealth;
    total += reward_of(params, in);
    CHECK_NEAR(total, -10.0 * std::expm1(-0.1 * wealth), 1e-12);
  }
}

TEST("reward: cara with little risk aversion is the gain itself") {
  RewardParams params;
  params.utility = Utility::kCara;
  params.risk_aversion = 1e-9;
  RewardInput in{};
  in.spread_gain = 5.0;
  in.pnl_after = 20.0;
  CHECK_NEAR(reward_of(params, in), 5.0, 1e-6);
}

}  // namespace
}  // namespace rlmm
