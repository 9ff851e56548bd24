// The market against its slow twin (twin.h), step by step.
#include <cmath>
#include <string>

#include "check.h"
#include "problems.h"
#include "twin.h"

namespace rlmm {
namespace {

struct Totals {
  Lots maker_lots = 0;
  Lots taker_lots = 0;
  std::int64_t orders = 0;
};

void check_step(const StepOutcome& got, const TwinStep& expected) {
  CHECK_EQ(got.maker_lots, expected.maker_lots);
  CHECK_EQ(got.taker_lots, expected.taker_lots);
  CHECK_EQ(got.market_sells, expected.orders[0]);
  CHECK_EQ(got.market_buys, expected.orders[1]);
  CHECK_EQ(got.messages, expected.messages);
  const auto near = [](double a, double b) { CHECK_NEAR(a, b, 1e-9 * (1.0 + std::fabs(b))); };
  near(got.inventory_squared_s, expected.inventory_squared_s);
  near(got.inventory_absolute_s, expected.inventory_absolute_s);
  near(got.soft_excess_squared_s, expected.soft_excess_squared_s);
}

void check_state(const MarketUnderTest& test, const Twin& twin) {
  const Account& account = test.market.account();
  CHECK_EQ(account.inventory_lots(), twin.inventory);
  CHECK_EQ(account.cash(), twin.cash);
  CHECK_EQ(account.fees(), twin.fees());
  CHECK_EQ(account.spread_pnl_x2(), twin.spread_pnl_x2);
  CHECK_EQ(account.inventory_pnl_x2(), twin.inventory_pnl_x2);
  CHECK_EQ(account.mid_ticks_x2(), 2 * twin.mid_ticks);
  CHECK_EQ(test.market.regime(), twin.regime);
  CHECK_EQ(test.market.steps_done(), twin.steps);
  CHECK_EQ(test.shown(Feature::kInventory), static_cast<double>(twin.known_inventory()));
  CHECK_EQ(test.shown(Feature::kRegime, twin.regime), 1.0);
  const auto steps_left = static_cast<double>(50 - twin.steps);
  CHECK_NEAR(test.shown(Feature::kTimeLeft), test.params.step_s() * steps_left, 1e-9);
}

// A few episodes with an agent that quotes at random.
Totals compare(const EnvParams& params) {
  constexpr int kEpisodes = 20;
  MarketUnderTest test(params);
  RandomAgent agent(31, 40, params.action.lots_max);
  Totals totals;
  for (std::uint64_t episode = 0; episode < kEpisodes; ++episode) {
    const SeedKey key = {32, episode % 3};
    test.market.reset(key, episode);
    Twin twin(params, key, episode);
    check_state(test, twin);
    for (int step = 0; step < 50; ++step) {
      const Quotes quotes = agent();
      const Money fees_before = twin.fees();
      const Money spread_before = twin.spread_pnl_x2;
      const Money gain_before = twin.inventory_pnl_x2;
      const StepOutcome outcome = test.market.step(quotes);
      const TwinStep expected = twin.step(quotes);
      check_step(outcome, expected);
      check_state(test, twin);
      CHECK_EQ(outcome.fees, twin.fees() - fees_before);
      CHECK_EQ(outcome.pnl_spread_x2, twin.spread_pnl_x2 - spread_before);
      CHECK_EQ(outcome.pnl_inventory_x2, twin.inventory_pnl_x2 - gain_before);
      totals.maker_lots += outcome.maker_lots[0] + outcome.maker_lots[1];
      totals.taker_lots += outcome.taker_lots;
      totals.orders += outcome.market_sells + outcome.market_buys;
    }
  }
  return totals;
}

TEST("twin: a still market") {
  EnvParams params = still_problem();
  params.episode.initial_inventory_max_lots = 3;
  CHECK_EQ(compare(params).orders, 0);
}

TEST("twin: orders of both sides and a moving mid") {
  const Totals totals = compare(plain_problem());
  CHECK(totals.maker_lots > 100);
  CHECK_EQ(totals.taker_lots, 0);
}

TEST("twin: sizes, the cap, fees and the power law") {
  EnvParams params = plain_problem();
  params.action.lots_max = 6;
  params.analytic().market_order_lots = 4;
  params.analytic().fill_law = FillLaw::kPower;
  params.analytic().fill_power = 1.7;
  params.limits.inventory_cap_lots = 5;
  params.fees = {-0.15, 0.35, 0.125, 0.25};
  CHECK(compare(params).maker_lots > 100);
}

TEST("twin: regimes that switch within steps") {
  CHECK(compare(regime_problem()).maker_lots > 100);
}

TEST("twin: a fill law that depends on the regime's volatility, and a cap above 1") {
  EnvParams params = regime_problem();
  params.analytic().regimes[2].volatility_ticks = 5.0;
  params.analytic().fill_volatility_exponent = 1.5;
  params.analytic().volatility_reference_ticks = 25.0;
  params.analytic().fill_cap = 3.0;
  CHECK(compare(params).maker_lots > 100);
}

TEST("twin: reversion and jumps of the mid") {
  EnvParams params = plain_problem();
  params.analytic().mid_reversion_hz = 1.3;
  params.analytic().jump_rate_hz = 2.5;
  params.analytic().jump_ticks = 15.0;
  compare(params);
}

TEST("twin: takers") {
  EnvParams params = plain_problem();
  params.analytic().taker_allowed = true;
  params.analytic().half_spread_ticks = 6;
  params.analytic().slippage_ticks_per_lot = 0.3;
  params.action.lots_max = 5;
  CHECK(compare(params).taker_lots > 100);
}

TEST("twin: each latency alone") {
  const DelayParams delay = {DelayLaw::kLognormal, 300'000'000, 1.0, {}};
  for (DelayParams LatencyParams::* part :
       {&LatencyParams::feed, &LatencyParams::entry, &LatencyParams::response}) {
    EnvParams params = plain_problem();
    params.latency.*part = delay;
    CHECK(compare(params).maker_lots > 100);
  }
}

// Two steps exactly: the quotes arrive as a step begins.
TEST("twin: a latency of whole steps") {
  EnvParams params = plain_problem();
  params.latency.entry.median_ns = 1'000'000'000;
  params.latency.response.median_ns = 500'000'000;
  CHECK(compare(params).maker_lots > 100);
}

TEST("twin: everything at once") {
  const Totals totals = compare(full_problem());
  CHECK(totals.maker_lots > 100);
  CHECK(totals.taker_lots > 100);
}

}  // namespace
}  // namespace rlmm
