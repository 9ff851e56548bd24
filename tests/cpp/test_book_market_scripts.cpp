// Episodes worked out by hand: the flow is silent, so whatever happens is the agent's doing or a
// shock's. Bids lie at 10 000, 9 999, ..., asks at 10 001, 10 002, ..., one lot each.
#include "check.h"
#include "market_scripts.h"

namespace rlmm {
namespace {

using market_scripts::constant;
using market_scripts::kKey;
using market_scripts::kMs;
using market_scripts::kS;
using market_scripts::one_buyer_model;
using market_scripts::Script;
using market_scripts::seeing;
using market_scripts::shocked;
using market_scripts::still_model;
using market_scripts::still_problem;

}  // namespace

TEST("book market script: a taker walks the book, pays, and rests what is left") {
  EnvParams params = seeing(still_problem());
  params.fees = {0.0, 0.0, 0.0, 0.4};
  Script script(params);
  script.step(10'003, 5, 0, 0);
  const Account& account = script.market.account();
  CHECK_EQ(account.inventory_lots(), 3);
  CHECK_EQ(account.cash(), -(10'001 + 10'002 + 10'003));
  CHECK_EQ(account.fees(), 1);  // 0.4, 0.8, 1.2: the rest is carried
  CHECK_EQ(script.outcome.taker_lots, 3);
  CHECK_EQ(script.outcome.maker_lots[0], 0);
  CHECK_EQ(script.outcome.pnl_spread_x2, 3 * 20'001 - 2 * 30'006);
  // The bid at 10 003 is his own: the others' are at 10 000 and 10 004.
  CHECK_EQ(account.mid_ticks_x2(), 20'004);
  CHECK_EQ(script.outcome.pnl_inventory_x2, 3 * 3);
  CHECK_EQ(account.pnl_x2(), -9 + 9 - 2);
  CHECK_EQ(script.column(Column::kSpread), 1.0);
  CHECK_EQ(script.agent_orders(Side::kBid), std::size_t{1});
  CHECK_EQ(script.seen(Feature::kBidLots), 2.0);
  CHECK_EQ(script.seen(Feature::kBidOffset), -1.0);
  CHECK_EQ(script.seen(Feature::kInventory), 3.0);
  CHECK_EQ(script.seen(Feature::kBidFills), 3.0);
  CHECK_EQ(script.seen(Feature::kMidReturn), 1.5);
  CHECK_EQ(script.seen(Feature::kSpread), 1.0);
  script.step(10'003, 2, 0, 0, 20'004);
  CHECK_EQ(script.outcome.messages, 0);
  script.step(10'006, 2, 0, 0, 20'004);
  CHECK_EQ(account.fees(), 2);  // 2.0, after 0.2 was carried
}

TEST("book market script: post-only orders that would trade are refused") {
  EnvParams params = seeing(still_problem());
  params.book().taker_allowed = false;
  Script script(params);
  script.step(10'001, 5, 10'000, 2);
  CHECK_EQ(script.column(Column::kLotsRejected), 7.0);
  CHECK_EQ(script.outcome.messages, 2);
  CHECK_EQ(script.inventory(), 0);
  CHECK_EQ(script.agent_orders(Side::kBid), std::size_t{0});
  CHECK_EQ(script.seen(Feature::kBidLots), 0.0);  // heard of
  script.step(10'000, 5, 10'002, 2);
  CHECK_EQ(script.column(Column::kLotsRejected), 0.0);
  CHECK_EQ(script.column(Column::kBidQueueAhead), 1.0);
  CHECK_EQ(script.column(Column::kAskQueueAhead), 1.0);
  CHECK_EQ(script.seen(Feature::kBidQueueAhead), 1.0);
  CHECK_EQ(script.seen(Feature::kAskOffset), 1.5);
  script.step(10'000, 3, 10'002, 6);
  CHECK_EQ(script.column(Column::kBidQueueAhead), 1.0);
  CHECK_EQ(script.outcome.messages, 2);
}

TEST("book market script: offsets and marks do not see his own orders") {
  MarketModel model = still_model(4);
  model.typical.spread_ticks = 5;  // 9 998 and 10 003
  EnvParams params = seeing(still_problem(model));
  Script script(params);
  script.step(10'001, 4, 10'002, 4);
  CHECK_EQ(script.market.account().mid_ticks_x2(), 20'001);
  CHECK_EQ(script.column(Column::kSpread), 1.0);
  CHECK_EQ(script.seen(Feature::kMidReturn), 0.0);
  CHECK_EQ(script.seen(Feature::kMicroprice), 1.0);  // 10 001.5, the sizes are equal
  script.step(10'001, 4, 10'002, 4);
  CHECK_EQ(script.outcome.messages, 0);
}

TEST("book market script: an order that would meet his own takes it off first") {
  MarketModel model = still_model(4);
  model.typical.spread_ticks = 5;
  EnvParams params = still_problem(model);
  params.book().taker_allowed = false;
  Script script(params);
  script.step(0, 0, 10'000, 3);
  CHECK_EQ(script.agent_orders(Side::kAsk), std::size_t{1});
  script.step(10'000, 2, 10'000, 3);
  CHECK_EQ(script.agent_orders(Side::kAsk), std::size_t{0});
  CHECK_EQ(script.agent_orders(Side::kBid), std::size_t{1});
  CHECK_EQ(script.inventory(), 0);
  script.step(10'000, 2, 10'001, 3);  // he has heard of it and sends another ask
  CHECK_EQ(script.outcome.messages, 1);
  CHECK_EQ(script.agent_orders(Side::kAsk), std::size_t{1});
}

TEST("book market script: a replacement loses what was filled on its way") {
  EnvParams params = seeing(still_problem(one_buyer_model()));
  params.latency.entry = constant(300 * kMs);
  params.latency.response = constant(400 * kMs);
  params.fees = {0.0, 0.0, -0.3, 0.0};
  Script script(params);
  script.step(0, 0, 10'001, 5);  // comes at 0.3 s, and two of it are bought at once
  CHECK_EQ(script.outcome.maker_lots[1], 2);
  CHECK_EQ(script.outcome.market_buys, 1);
  CHECK_EQ(script.inventory(), -2);
  CHECK_EQ(script.outcome.fees, -1);  // 0.6 of a rebate, rounded down for the payer
  CHECK_EQ(script.seen(Feature::kInventory), 0.0);
  CHECK_EQ(script.seen(Feature::kAskLots), 5.0);
  script.step(0, 0, 10'001, 6);  // from five believed to six; three are open when it comes
  CHECK_EQ(script.inventory(), -2);
  CHECK_EQ(script.agent_orders(Side::kAsk), std::size_t{1});
  CHECK_EQ(script.market.flow_book().book().lots_at(10'001), 4);
  CHECK_EQ(script.seen(Feature::kInventory), -2.0);
  CHECK_EQ(script.seen(Feature::kAskLots), 4.0);
  CHECK_EQ(script.seen(Feature::kAskFills), 2.0);
  CHECK_EQ(script.seen(Feature::kMarketBuys), 0.0);
}

TEST("book market script: a smaller size that is filled on its way leaves nothing") {
  EnvParams params = seeing(still_problem(one_buyer_model()));
  params.latency.entry = constant(300 * kMs);
  params.latency.response = constant(400 * kMs);
  Script script(params);
  script.step(0, 0, 10'001, 5);
  script.step(0, 0, 10'001, 2);  // all of what he still wanted has been sold
  CHECK_EQ(script.inventory(), -2);
  CHECK_EQ(script.agent_orders(Side::kAsk), std::size_t{0});
  CHECK_EQ(script.seen(Feature::kAskLots), 0.0);
  CHECK_EQ(script.column(Column::kLotsRejected), 0.0);
}

TEST("book market script: fills race a replacement and a cancel") {
  for (const bool cancels : {false, true}) {
    EnvParams params = seeing(still_problem());
    params.latency.entry = constant(300 * kMs);
    Script script(shocked(params, {{ShockKind::kPriceJump, 600 * kMs, 0, 1.0, {}}}));
    script.step(0, 0, 10'001, 2);
    script.step(0, 0, 10'003, cancels ? 0 : 5);  // on its way when the price jumps through
    CHECK_EQ(script.outcome.maker_lots[1], 2);
    CHECK_EQ(script.market.account().cash(), 2 * 10'001);
    CHECK_EQ(script.outcome.pnl_spread_x2, 2 * (2 * 10'001 - 20'001));
    CHECK_EQ(script.outcome.pnl_inventory_x2, -2 * 2);
    CHECK_EQ(script.column(Column::kLotsRejected), cancels ? 0.0 : 3.0);
    CHECK_EQ(script.agent_orders(Side::kAsk), std::size_t{0});
    CHECK_EQ(script.seen(Feature::kAskLots), 0.0);
    CHECK_EQ(script.seen(Feature::kInventory), -2.0);
  }
}

TEST("book market script: a replacement of fewer lots than were filled is too late in silence") {
  EnvParams params = seeing(still_problem());
  params.latency.entry = constant(300 * kMs);
  Script script(shocked(params, {{ShockKind::kPriceJump, 600 * kMs, 0, 1.0, {}}}));
  script.step(0, 0, 10'001, 4);
  script.step(0, 0, 10'001, 3);
  CHECK_EQ(script.inventory(), -4);
  CHECK_EQ(script.column(Column::kLotsRejected), 0.0);
  CHECK_EQ(script.seen(Feature::kAskLots), 0.0);
}

TEST("book market script: the inventory cap holds whatever the desk has heard") {
  for (const Side side : {Side::kBid, Side::kAsk}) {
    EnvParams params = still_problem();
    params.limits.inventory_cap_lots = 3;
    params.latency.response = constant(100 * kS);
    Script script(params);
    const auto ask_for = [&](Lots lots) {
      side == Side::kBid ? script.step(10'010, lots, 0, 0) : script.step(0, 0, 9'990, lots);
    };
    ask_for(2);
    CHECK_EQ(script.inventory(), 2 * sign(side));
    ask_for(0);
    ask_for(2);
    CHECK_EQ(script.inventory(), 3 * sign(side));
    CHECK_EQ(script.column(Column::kLotsRejected), 1.0);
    ask_for(0);
    ask_for(2);
    CHECK_EQ(script.inventory(), 3 * sign(side));
    CHECK_EQ(script.column(Column::kLotsRejected), 2.0);
  }
}

TEST("book market script: the last position is traded away") {
  for (const Side side : {Side::kBid, Side::kAsk}) {
    EnvParams params = still_problem();
    params.episode.n_steps = 2;
    params.episode.liquidate_at_end = true;
    Script script(params);
    side == Side::kBid ? script.step(10'002, 2, 10'008, 1) : script.step(9'990, 1, 9'999, 2);
    CHECK_EQ(script.inventory(), 2 * sign(side));
    script.step(9'990, 1, 10'008, 1);
    CHECK_EQ(script.inventory(), 0);
    CHECK_EQ(script.outcome.taker_lots, 2);
    CHECK_EQ(script.market.account().cash(), -(1 + 3));  // two lots a tick apart, there and back
    CHECK_EQ(script.agent_orders(Side::kBid) + script.agent_orders(Side::kAsk), std::size_t{0});
  }
}

TEST("book market script: nothing to trade away, or no trading") {
  EnvParams params = still_problem();
  params.episode.n_steps = 1;
  params.episode.liquidate_at_end = true;
  Script flat(params);
  flat.idle();
  CHECK_EQ(flat.outcome.taker_lots, 0);
  params.episode.initial_inventory_min_lots = 4;
  params.episode.initial_inventory_max_lots = 4;
  Script halted(shocked(params, {{ShockKind::kHalt, 0, kS, 1.0, {}}}));
  halted.idle();
  CHECK_EQ(halted.inventory(), 4);
  CHECK_EQ(halted.market.account().pnl_x2(), 0);
}

TEST("book market script: markouts come a tenth of a second and a second later") {
  Script script(shocked(still_problem(), {{ShockKind::kPriceJump, 700 * kMs, 0, 4.0, {}}}));
  script.step(10'001, 1, 0, 0);
  CHECK_EQ(script.column(Column::kMarkoutLots), 1.0);
  CHECK_EQ(script.column(Column::kMarkout), 0.0);  // the mid is 10 001 then
  CHECK_EQ(script.column(Column::kMarkoutLots, 1), 0.0);
  script.step(0, 0, 0, 0);
  CHECK_EQ(script.column(Column::kMarkoutLots), 0.0);
  CHECK_EQ(script.column(Column::kMarkoutLots, 1), 1.0);
  CHECK_EQ(script.column(Column::kMarkout, 1), 4.0);  // from 10 004 to 10 006
  CHECK_EQ(script.outcome.pnl_inventory_x2, 8);
  script.step(0, 0, 10'004, 1, 20'010);  // sold again, at what he bought it for and three more
  CHECK_EQ(script.market.account().cash(), 3);
}

TEST("book market script: while the feed is out nothing is seen or heard") {
  EnvParams params = seeing(still_problem());
  Script script(shocked(params, {{ShockKind::kFeedOutage, 100 * kMs, 900 * kMs, 1.0, {}},
                                 {ShockKind::kPriceJump, 200 * kMs, 0, 2.0, {}}}));
  const double time_left = script.seen(Feature::kTimeLeft);
  script.step(10'001, 1, 0, 0);
  CHECK_EQ(script.inventory(), 1);
  CHECK_EQ(script.seen(Feature::kInventory), 0.0);
  CHECK_EQ(script.seen(Feature::kTimeLeft), time_left);
  script.step(10'001, 1, 0, 0);  // around the mid he has seen last; he believes it stands
  CHECK_EQ(script.outcome.messages, 0);
  CHECK_EQ(script.seen(Feature::kInventory), 1.0);
  CHECK_EQ(script.seen(Feature::kTimeLeft), time_left - 1.0);
  CHECK_EQ(script.seen(Feature::kBidLots), 0.0);
}

TEST("book market script: a halt takes cancels and refuses orders") {
  Script script(shocked(still_problem(), {{ShockKind::kHalt, 500 * kMs, kS, 1.0, {}}}));
  script.step(9'999, 2, 10'002, 2);
  script.step(9'999, 0, 10'003, 2);
  CHECK_EQ(script.agent_orders(Side::kBid), std::size_t{0});
  CHECK_EQ(script.agent_orders(Side::kAsk), std::size_t{0});  // its replacement was refused
  CHECK_EQ(script.column(Column::kLotsRejected), 2.0);
  script.step(9'999, 1, 0, 0);
  CHECK_EQ(script.column(Column::kLotsRejected), 1.0);
  script.step(9'999, 1, 10'003, 2);
  CHECK_EQ(script.agent_orders(Side::kBid), std::size_t{1});
  CHECK_EQ(script.agent_orders(Side::kAsk), std::size_t{1});
}

TEST("book market script: what jumps in a halt fills when trading resumes") {
  Script script(shocked(still_problem(), {{ShockKind::kHalt, 400 * kMs, 500 * kMs, 1.0, {}},
                                          {ShockKind::kPriceJump, 450 * kMs, 0, 5.0, {}}}));
  script.step(9'999, 2, 10'003, 2);
  CHECK_EQ(script.inventory(), 0);
  CHECK_EQ(script.market.account().mid_ticks_x2(), 20'001);
  script.step(9'999, 2, 10'003, 2);
  CHECK_EQ(script.inventory(), -2);
  CHECK_EQ(script.outcome.maker_lots[1], 2);
  CHECK_EQ(script.market.account().mid_ticks_x2(), 20'011);
  // Whoever takes his orders off in the halt is not run over.
  script.market.reset(kKey, 0);
  script.step(9'999, 2, 10'003, 2);
  script.step(9'999, 0, 10'003, 0);
  CHECK_EQ(script.inventory(), 0);
}

TEST("book market script: a jump at time 0 comes before the first mark") {
  EnvParams params = still_problem();
  params.episode.initial_inventory_min_lots = 3;
  params.episode.initial_inventory_max_lots = 3;
  Script script(shocked(params, {{ShockKind::kPriceJump, 0, 0, 6.0, {}}}));
  CHECK_EQ(script.market.account().mid_ticks_x2(), 20'013);
  CHECK_EQ(script.market.account().pnl_x2(), 0);
  script.idle();
  CHECK_EQ(script.outcome.pnl_inventory_x2, 0);
}

TEST("book market script: slower lines, while it lasts") {
  EnvParams params = still_problem();
  params.latency.feed = constant(100 * kMs);
  params.latency.entry = constant(200 * kMs);
  Script script(shocked(params, {{ShockKind::kLatency, 0, kS, 2.0, {}}}));
  script.step(9'999, 1, 0, 0);  // comes at 0.6 s
  CHECK_EQ(script.agent_orders(Side::kBid), std::size_t{0});
  script.step(9'999, 1, 0, 0);
  CHECK_EQ(script.agent_orders(Side::kBid), std::size_t{1});
  script.step(9'999, 1, 10'003, 1);  // sent at 1 s, when lines are as usual
  CHECK_EQ(script.agent_orders(Side::kAsk), std::size_t{1});
}

TEST("book market script: fees are multiplied while it lasts, and what is carried stays") {
  EnvParams params = still_problem();
  params.fees = {0.0, 0.0, 0.0, 0.75};
  Script script(shocked(params, {{ShockKind::kFees, 400 * kMs, 500 * kMs, 10.0, {}}}));
  script.step(10'001, 1, 0, 0);  // at 0 s
  CHECK_EQ(script.market.account().fees(), 0);
  script.step(10'002, 1, 0, 0);  // at 0.5 s: 0.75 + 7.5
  CHECK_EQ(script.market.account().fees(), 8);
  script.step(10'003, 1, 0, 0);  // at 1 s: 0.25 + 0.75
  CHECK_EQ(script.market.account().fees(), 9);
  CHECK_EQ(script.inventory(), 3);
  script.market.reset(kKey, 1);
  script.step(10'001, 1, 0, 0);
  CHECK_EQ(script.market.account().fees(), 0);  // nothing is carried into another episode
}

TEST("book market script: inventory is integrated up to every fill") {
  EnvParams params = still_problem();
  params.latency.entry = constant(200 * kMs);
  params.reward.soft_limit_lots = 1;
  params.episode.initial_inventory_min_lots = -1;
  params.episode.initial_inventory_max_lots = -1;
  Script script(params);
  script.step(0, 0, 9'999, 2);  // from -1 to -3 at 0.2 s
  CHECK_NEAR(script.outcome.inventory_squared_s, 0.2 * 1 + 0.3 * 9, 1e-12);
  CHECK_NEAR(script.outcome.inventory_absolute_s, 0.2 * 1 + 0.3 * 3, 1e-12);
  CHECK_NEAR(script.outcome.soft_excess_squared_s, 0.3 * 4, 1e-12);
}

TEST("book market script: messages are held back by the limit") {
  EnvParams params = still_problem();
  params.limits.messages_hz = 2.0;
  Script script(params);
  script.step(9'999, 1, 10'002, 1);
  CHECK_EQ(script.column(Column::kMessagesRefused), 0.0);
  script.step(9'998, 1, 10'003, 1);
  CHECK_EQ(script.column(Column::kMessagesRefused), 1.0);
  CHECK_EQ(script.outcome.messages, 1);
}

TEST("book market script: regimes and shocks of the flow last as scheduled") {
  MarketModel model = flow_books::only(still_model(4), Group::kLimitBid, 10.0);
  model.switch_rates_hz = {{0.0, 0.0}, {0.0, 0.0}};
  model.initial_regime_probabilities = {1.0, 0.0};
  model.informed.volatility_ticks = 1e-9;
  EnvParams params = still_problem(model);
  Script script(shocked(params, {{ShockKind::kRegime, 500 * kMs, 500 * kMs, 1.0, {}},
                                 {ShockKind::kIntensity, 0, 500 * kMs, 0.0, {}},
                                 {ShockKind::kDrift, 0, 500 * kMs, 8.0, {}}}));
  script.idle();
  CHECK_EQ(script.column(Column::kEvents), 0.0);
  CHECK_EQ(script.market.regime(), std::size_t{1});  // from the end of the step on
  script.idle();
  CHECK(script.column(Column::kEvents) > 0.0);
  CHECK_EQ(script.market.regime(), std::size_t{1});
  CHECK_EQ(script.seen(Feature::kTimeLeft), 49.0);
  CHECK(script.market.flow_book().informed_gap() > 2.9);
  script.idle();
  CHECK_EQ(script.market.steps_done(), 3);
}

TEST("book market: while a side is empty, the mid and what is shown of the book stay") {
  for (const Side side : kSides) {
    MarketModel model = flow_books::only(still_model(4), group_of(0, side), 0.2);
    model.far_level_orders = {1.0};  // nothing lies behind the touch
    model.market_orders.sizes = {{3}, {1.0}};
    Script script(seeing(still_problem(model)));
    const double spread = script.seen(Feature::kSpread);
    while (script.market.flow_book().book().has(side)) script.idle();
    CHECK_EQ(script.market.account().mid_ticks_x2(), 20'001);
    CHECK_EQ(script.seen(Feature::kSpread), spread);
    const Ticks price = side == Side::kBid ? 9'998 : 10'003;  // the first to come back is the agent
    const bool is_bid = side == Side::kBid;
    script.step(is_bid ? price : 0, is_bid ? 9 : 0, is_bid ? 0 : price, is_bid ? 0 : 9);
    CHECK_EQ(script.agent_orders(side), std::size_t{1});
    CHECK_EQ(script.market.account().mid_ticks_x2(), 20'001);
    CHECK_EQ(script.seen(Feature::kSpread), 1.0);
    CHECK_EQ(script.seen(Feature::kOrderFlow), 0.0);
  }
}

TEST("book market: a flow that runs away in a step is stopped") {
  book_problems::World world(
      still_problem(flow_books::only(still_model(4), Group::kCancelBid, 1000.0)));
  BookMarket market(world.model);
  market.reset(kKey, 0);
  market.step({{0, 0}, {0, 0}});
  world.model.setting.flow.run_events_most = 3;
  CHECK_THROWS(market.step({{0, 0}, {0, 0}}), RangeError,
               "events: expected at most 3 in one step or warm-up, got more; the flow runs away");
}

}  // namespace rlmm
