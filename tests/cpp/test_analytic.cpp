// The agent's side of the analytic market, by hand.
#include <cmath>
#include <cstdlib>
#include <vector>

#include "check.h"
#include "market/analytic.h"
#include "problems.h"
#include "statistics.h"

namespace rlmm {
namespace {

constexpr SeedKey kKey = {71, 72};

// Steps of 1 ms; nothing arrives, but a quote beyond the touch (2 ticks from the mid of 100 000)
// executes at once.
EnvParams taker_problem() {
  EnvParams params = still_problem();
  params.episode.step_ns = 1'000'000;
  params.analytic().taker_allowed = true;
  params.analytic().half_spread_ticks = 2;
  params.action.lots_max = 10;
  return params;
}

TEST("reset: time, inventory, regime and account start anew") {
  EnvParams params = full_problem();
  params.latency = {};
  MarketUnderTest test(params);
  RandomAgent agent(73, 40, 5);
  test.market.reset(kKey, 5);
  Writer fresh;
  test.market.save(fresh);
  for (int i = 0; i < 20; ++i) test.market.step(agent());
  CHECK_EQ(test.market.steps_done(), 20);
  test.market.reset(kKey, 5);
  Writer again;
  test.market.save(again);
  CHECK(again.bytes() == fresh.bytes());
  CHECK_EQ(test.market.steps_done(), 0);
  CHECK_EQ(test.shown(Feature::kTimeLeft), 25.0);
  CHECK_EQ(test.shown(Feature::kInventory),
           static_cast<double>(test.market.account().inventory_lots()));
  CHECK_EQ(test.shown(Feature::kRegimeProbability, 1), 0.5);
}

TEST("reset: the opening inventory is uniform on its range") {
  EnvParams params = still_problem();
  params.episode.initial_inventory_min_lots = -2;
  params.episode.initial_inventory_max_lots = 3;
  MarketUnderTest test(params);
  std::vector<std::int64_t> counts(6, 0);
  for (std::uint64_t episode = 0; episode < 60'000; ++episode) {
    test.market.reset(kKey, episode);
    ++counts.at(static_cast<std::size_t>(test.market.account().inventory_lots() + 2));
    CHECK_EQ(test.market.account().pnl_x2(), 0);
  }
  CHECK_NEAR(chi_square_sigmas(counts, std::vector<double>(6, 1.0 / 6.0)), 0.0, kSigmas);
}

TEST("quotes: no price is below one tick, however low the mid has come") {
  EnvParams params = plain_problem();
  params.analytic().mid_initial_ticks = 10;
  params.analytic().regimes[0].volatility_ticks = 0.0;
  params.action.offset_min_ticks = 0;
  params.action.offset_max_ticks = 9;
  params.limits.inventory_cap_lots = 1000;
  MarketUnderTest test(params);
  test.market.reset(kKey, 0);
  std::int64_t bought = 0;
  for (int i = 0; i < 50; ++i) bought += test.market.step({{12, 0}, {1, 0}}).maker_lots[0];
  CHECK(bought > 10);
  // A bid at 1, 9 ticks below the mid.
  CHECK_EQ(test.market.account().pnl_x2(), bought * 2 * 9);
}

TEST("cap: fills are cut to it, and it is reached but never passed") {
  EnvParams params = plain_problem();
  params.limits.inventory_cap_lots = 5;
  params.analytic().market_order_lots = 2;
  params.analytic().taker_allowed = true;
  params.action.lots_max = 4;
  MarketUnderTest test(params);
  RandomAgent agent(74, 40, 4);
  int at_cap = 0;
  int cut = 0;
  for (std::uint64_t episode = 0; episode < 50; ++episode) {
    test.market.reset(kKey, episode);
    for (int i = 0; i < 50; ++i) {
      const StepOutcome outcome = test.market.step(agent());
      const Lots inventory = test.market.account().inventory_lots();
      CHECK(std::abs(inventory) <= 5);
      at_cap += std::abs(inventory) == 5 ? 1 : 0;
      cut += outcome.maker_lots[0] % 2 == 1 ? 1 : 0;
    }
  }
  CHECK(at_cap > 100);
  CHECK(cut > 10);
}

TEST("quotes of no lots never trade") {
  MarketUnderTest test(plain_problem());
  test.market.reset(kKey, 0);
  for (int i = 0; i < 50; ++i) {
    const StepOutcome outcome = test.market.step(quotes_at(-50, -50, 0));
    CHECK_EQ(outcome.maker_lots[0] + outcome.maker_lots[1] + outcome.messages, 0);
  }
  CHECK_EQ(test.market.account().inventory_lots(), 0);
}

// Slippage 0.6 per lot: 4 lots slip round(2.4) = 2 ticks beyond the touch at +-2, so each costs 4:
// -16 tick lots of spread. 100 004 x 4 at 1 bp = 40.0016 and 0.5 per lot = 2: 42 charged.
TEST("taker: price, slippage, fee and cost by hand") {
  EnvParams params = taker_problem();
  params.analytic().slippage_ticks_per_lot = 0.6;
  params.fees = {100.0, 1.0, -7.0, 0.5};
  MarketUnderTest test(params);
  test.market.reset(kKey, 0);
  const StepOutcome bought = test.market.step({{-5, 50}, {4, 1}});
  CHECK_EQ(bought.taker_lots, 4);
  CHECK_EQ(bought.maker_lots[0], 0);
  CHECK_EQ(bought.pnl_spread_x2, -32);
  CHECK_EQ(bought.fees, 42);
  CHECK_EQ(test.market.account().cash(), -4 * 100'004);
  CHECK_EQ(test.market.account().inventory_lots(), 4);
  // 1 lot slips round(0.6) = 1 tick: sold at 100 000 - 2 - 1. Fee 9.9997 + 0.5 + 0.0016 carried.
  const StepOutcome sold = test.market.step({{50, -30}, {0, 1}});
  CHECK_EQ(sold.taker_lots, 1);
  CHECK_EQ(sold.pnl_spread_x2, -6);
  CHECK_EQ(sold.fees, 10);
  CHECK_EQ(test.market.account().cash(), -4 * 100'004 + 99'997);
}

// Touch at +2, limit at +4: 3 lots slip 1.8 ticks, 4 would slip 2.4 and pay more than the limit.
TEST("taker: nothing executes beyond the quote's own price") {
  EnvParams params = taker_problem();
  params.analytic().slippage_ticks_per_lot = 0.6;
  MarketUnderTest test(params);
  test.market.reset(kKey, 0);
  const StepOutcome bought = test.market.step({{-4, 50}, {4, 1}});
  CHECK_EQ(bought.taker_lots, 3);
  CHECK_EQ(test.market.account().cash(), -3 * 100'004);
  CHECK_EQ(test.market.step({{-2, 50}, {4, 1}}).taker_lots, 0);  // no slack at the touch itself
}

TEST("taker: without slippage all of it executes at the touch, be the number minus 0") {
  for (const double slippage : {0.0, -0.0}) {
    EnvParams params = taker_problem();
    params.analytic().slippage_ticks_per_lot = slippage;
    MarketUnderTest test(params);
    test.market.reset(kKey, 0);
    const StepOutcome bought = test.market.step({{-5, 50}, {4, 1}});
    CHECK_EQ(bought.taker_lots, 4);
    CHECK_EQ(test.market.account().cash(), -4 * 100'002);
  }
}

TEST("taker: a tick short of the touch rests; both sides can cross; not where it is not allowed") {
  EnvParams params = taker_problem();
  MarketUnderTest test(params);
  test.market.reset(kKey, 0);
  CHECK_EQ(test.market.step(quotes_at(-1, -1, 3)).taker_lots, 0);
  CHECK_EQ(test.market.step(quotes_at(-2, -2, 3)).taker_lots, 6);
  CHECK_EQ(test.market.account().inventory_lots(), 0);
  CHECK_EQ(test.market.account().pnl_x2(), -24);  // 6 lots x 2 ticks, in halves
  params.analytic().taker_allowed = false;
  params.analytic().half_spread_ticks = 0;
  MarketUnderTest resting(params);
  resting.market.reset(kKey, 0);
  CHECK_EQ(resting.market.step(quotes_at(-50, -50, 3)).taker_lots, 0);
}

TEST("taker: the cap cuts it, and what does not execute does not rest") {
  EnvParams params = taker_problem();
  params.limits.inventory_cap_lots = 7;
  params.analytic().regimes[0].market_sell_rate_hz = 1e6;  // 1000 in a step, all reaching the bid
  params.analytic().regimes[0].fill_decay_per_tick = 1e-9;
  MarketUnderTest test(params);
  test.market.reset(kKey, 0);
  const StepOutcome cut = test.market.step({{-5, 0}, {10, 0}});
  CHECK_EQ(cut.taker_lots, 7);
  CHECK_EQ(cut.maker_lots[0], 0);
  CHECK_EQ(test.market.step({{-5, 0}, {10, 0}}).taker_lots, 0);
  CHECK_EQ(test.market.account().inventory_lots(), 7);
  // Sold 2 by crossing; then its bid, which no longer stands, buys nothing back.
  const StepOutcome sold = test.market.step({{0, -5}, {0, 2}});
  CHECK_EQ(sold.taker_lots, 2);
  CHECK_EQ(sold.maker_lots[0], 0);
  CHECK_EQ(test.market.account().inventory_lots(), 5);
}

// Inventory 3 throughout: 3^2 and 3 for 1 ms, excess over the soft limit of 1 squared 4, times the
// regime's weight 2.5.
TEST("penalties: integrals of the position over the step, in the regime's weight") {
  EnvParams params = still_problem();
  params.episode.step_ns = 1'000'000;
  params.episode.initial_inventory_min_lots = -3;
  params.episode.initial_inventory_max_lots = -3;
  params.reward.soft_limit_lots = 1;
  params.analytic().regimes[0].inventory_penalty_scale = 2.5;
  MarketUnderTest test(params);
  test.market.reset(kKey, 0);
  const StepOutcome outcome = test.market.step(kNoQuotes);
  CHECK_NEAR(outcome.inventory_squared_s, 0.0225, 1e-15);
  CHECK_NEAR(outcome.inventory_absolute_s, 0.0075, 1e-15);
  CHECK_NEAR(outcome.soft_excess_squared_s, 0.01, 1e-15);
}

// A message for a new quote, for a new price or size of one that stands, and to withdraw it; none
// for a quote that stays, nor for the price of one that does not exist.
TEST("messages: only what changes is sent") {
  MarketUnderTest test(still_problem());
  test.market.reset(kKey, 0);
  const auto messages = [&test](const Quotes& quotes) { return test.market.step(quotes).messages; };
  CHECK_EQ(messages(kNoQuotes), 0);
  CHECK_EQ(messages({{10, 10}, {1, 1}}), 2);
  CHECK_EQ(messages({{10, 10}, {1, 1}}), 0);
  CHECK_EQ(messages({{11, 10}, {1, 1}}), 1);
  CHECK_EQ(messages({{11, 10}, {1, 2}}), 1);
  CHECK_EQ(messages({{12, 9}, {2, 1}}), 2);
  CHECK_EQ(messages({{12, 9}, {0, 1}}), 1);
  CHECK_EQ(messages({{13, 9}, {0, 1}}), 0);
  CHECK_EQ(messages({{0, 0}, {0, 0}}), 1);
}

// A mid that moves takes a quote at a fixed offset with it: repriced. The book's sides are told
// apart by the return.
TEST("messages: a quote that keeps its distance from a moving mid is repriced") {
  EnvParams params = still_problem();
  params.analytic().regimes[0].volatility_ticks = 1000.0;
  MarketUnderTest test(params);
  test.market.reset(kKey, 0);
  CHECK_EQ(test.market.step(quotes_at(5, 5, 1)).messages, 2);
  for (int i = 0; i < 20; ++i) CHECK_EQ(test.market.step(quotes_at(5, 5, 1)).messages, 2);
}

TEST("view: standing quotes, fills and orders of the last step") {
  EnvParams params = still_problem();
  params.analytic().regimes[0] = {1e4, 1e4, 1e-9, 0.0, 1.0};
  params.limits.inventory_cap_lots = 1000;
  params.episode.step_ns = 1'000'000;
  params.action.lots_max = 3;
  params.analytic().market_order_lots = 2;
  params.observation.features = {"bid_lots"};
  MarketUnderTest test(params);
  test.market.reset(kKey, 0);
  const StepOutcome outcome = test.market.step({{7, -4}, {3, 1}});
  CHECK(outcome.market_sells > 0 && outcome.market_buys > 0);
  CHECK_EQ(test.shown(Feature::kMarketSells), static_cast<double>(outcome.market_sells));
  CHECK_EQ(test.shown(Feature::kMarketBuys), static_cast<double>(outcome.market_buys));
  CHECK_EQ(test.shown(Feature::kBidFills), 2.0 * static_cast<double>(outcome.market_sells));
  CHECK_EQ(test.shown(Feature::kAskFills), static_cast<double>(outcome.market_buys));
  CHECK_EQ(test.shown(Feature::kBidOffset), 7.0);
  CHECK_EQ(test.shown(Feature::kAskOffset), -4.0);
  CHECK_EQ(test.shown(Feature::kBidLots), 3.0);
  CHECK_EQ(test.shown(Feature::kAskLots), 1.0);
  test.market.step({{7, -4}, {0, 0}});
  CHECK_EQ(test.shown(Feature::kBidOffset), 0.0);
  CHECK_EQ(test.shown(Feature::kAskOffset), 0.0);
  CHECK_EQ(test.shown(Feature::kBidFills), 0.0);
}

struct Delays {
  TimeNs feed_ns;
  TimeNs entry_ns;
  TimeNs response_ns;
};

// Asks for one lot in the first step, then for nothing. Returns the steps (from 1) at the end of
// which the lot is first held, and first known of.
std::pair<int, int> held_and_known(const Delays& delays) {
  EnvParams params = taker_problem();
  params.latency.feed.median_ns = delays.feed_ns;
  params.latency.entry.median_ns = delays.entry_ns;
  params.latency.response.median_ns = delays.response_ns;
  MarketUnderTest test(params);
  test.market.reset(kKey, 0);
  int held = 0;
  int known = 0;
  for (int step = 1; step <= 50; ++step) {
    test.market.step(step == 1 ? Quotes{{-10, 0}, {1, 0}} : kNoQuotes);
    if (held == 0 && test.market.account().inventory_lots() == 1) held = step;
    if (known == 0 && test.shown(Feature::kInventory) == 1.0) known = step;
  }
  CHECK_EQ(test.market.account().inventory_lots(), 1);
  return {held, known};
}

// Steps of 1 ms. Sent at 0 after a feed of f, the order arrives at f + entry and is heard of at
// f + entry + response, by an observation made at n ms and read at n ms + f.
TEST("latency: when an order trades and when the agent knows of it") {
  using Steps = std::pair<int, int>;
  CHECK(held_and_known({0, 0, 0}) == Steps(1, 1));
  CHECK(held_and_known({0, 2'500'000, 0}) == Steps(3, 3));
  CHECK(held_and_known({0, 2'500'000, 1'700'000}) == Steps(3, 5));        // heard at 4.2
  CHECK(held_and_known({300'000, 2'500'000, 1'100'000}) == Steps(3, 4));  // 3.9, read at 4.3
  CHECK(held_and_known({300'000, 2'500'000, 1'700'000}) == Steps(3, 5));  // 4.5, read at 5.3
  CHECK(held_and_known({1'000'000, 2'000'000, 0}) == Steps(4, 4));        // 3.0: in the fourth
  CHECK(held_and_known({0, 0, 3'000'000}) == Steps(1, 3));                // 3.0, read at 3.0
}

// The quote is a price, not a distance: sent at a mid of 100 000, it is still there after the mid
// has moved.
TEST("latency: a quote on its way keeps its price") {
  EnvParams params = taker_problem();
  params.latency.entry.median_ns = 1'500'000;
  params.analytic().regimes[0].volatility_ticks = 1000.0;  // 31.6 in a step
  params.analytic().regimes[0].market_sell_rate_hz = 1e5;
  params.analytic().regimes[0].fill_decay_per_tick = 1e-6;
  params.analytic().taker_allowed = false;
  params.analytic().half_spread_ticks = 0;
  params.limits.inventory_cap_lots = 1;
  params.observation.features = {"bid_offset"};
  MarketUnderTest test(params);
  test.market.reset(kKey, 0);
  test.market.step({{10, 0}, {1, 0}});
  CHECK_EQ(test.market.account().inventory_lots(), 0);
  const Ticks mid = test.market.account().mid_ticks_x2() / 2;
  CHECK(mid != 100'000);
  // What the agent sees is what it has sent, at its distance from where the mid is now.
  CHECK_EQ(test.shown(Feature::kBidLots), 1.0);
  CHECK_EQ(test.shown(Feature::kBidOffset), static_cast<double>(mid - 99'990));
  test.market.step(kNoQuotes);
  CHECK_EQ(test.market.account().cash(), -99'990);
}

TEST("latency: fills show when they are heard of, not before") {
  EnvParams params = taker_problem();
  params.latency.response.median_ns = 1'500'000;  // of steps of 1 ms
  params.observation.features = {"bid_fills", "inventory"};
  MarketUnderTest test(params);
  test.market.reset(kKey, 0);
  test.market.step({{-2, 50}, {1, 0}});  // executes at 0 ms, heard of at 1.5 ms
  CHECK_EQ(test.market.account().inventory_lots(), 1);
  CHECK_EQ(test.shown(Feature::kBidFills), 0.0);
  CHECK_EQ(test.shown(Feature::kInventory), 0.0);
  test.market.step(kNoQuotes);
  CHECK_EQ(test.shown(Feature::kBidFills), 1.0);
  CHECK_EQ(test.shown(Feature::kInventory), 1.0);
}

TEST("save and load: a market goes on as if nothing had happened") {
  const EnvParams params = full_problem();
  MarketUnderTest first(params);
  MarketUnderTest second(params);
  RandomAgent agent(75, 40, 5);
  first.market.reset(kKey, 0);
  second.market.reset({1, 2}, 9);
  for (int i = 0; i < 50; ++i) {
    Writer saved;
    first.market.save(saved);
    Reader in(saved.bytes());
    second.market.load(in);
    CHECK_EQ(in.left(), 0U);
    const Quotes quotes = agent();
    const StepOutcome expected = first.market.step(quotes);
    CHECK_EQ(second.market.step(quotes).inventory_squared_s, expected.inventory_squared_s);
    Writer after_first;
    Writer after_second;
    first.market.save(after_first);
    second.market.save(after_second);
    CHECK(after_first.bytes() == after_second.bytes());
  }
}

}  // namespace
}  // namespace rlmm
