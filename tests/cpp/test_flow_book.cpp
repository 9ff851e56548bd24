// The flow's own events, one kind at a time: where they land, what they weigh, what is in reach.
#include <map>

#include "book_replay.h"
#include "check.h"
#include "flow_books.h"
#include "flow_models.h"
#include "market/flow_book.h"
#include "statistics.h"

namespace rlmm {
namespace {

using flow_books::kMid;
using flow_books::kS;
using flow_books::only;
using flow_books::still_model;
using flow_books::World;

constexpr TimeNs kForever = 1'000'000 * kS;

}  // namespace

// The builds for sanitizers and for coverage run the form of the flow for every processor, other
// builds the one for this processor: one number holds them to the same bits. It changes with the
// order of draws or of arithmetic, on purpose only.
TEST("flow book: the same events whatever the processor can do") {
  World world(flow_models::exciting_model({2000.0, 100.0, 5.0, 0.3, 0.02}, 0.5));
  std::uint64_t hash = 0xCBF29CE484222325;
  const auto add = [&hash](std::int64_t value) {
    hash = (hash ^ static_cast<std::uint64_t>(value)) * 0x100000001B3U;
  };
  for (int n = 0; n < 20'000; ++n) {
    CHECK(world.market.advance(kForever));
    add(world.market.now_ns());
    for (const Side side : kSides) {
      add(world.best(side));
      add(world.market.book().side_lots(side));
    }
  }
  CHECK_EQ(hash, 14848017548817913507U);
}

TEST("flow book: the first book lies around the mid, as deep as the reach") {
  MarketModel model = still_model(4);
  model.typical.spread_ticks = 3;
  const World world(model);
  CHECK_EQ(world.best(Side::kBid), kMid - 1);
  CHECK_EQ(world.best(Side::kAsk), kMid + 2);
  for (Ticks away = 0; away < 4; ++away) {
    CHECK_EQ(world.at(kMid - 1 - away), 1);
    CHECK_EQ(world.at(kMid + 2 + away), 1);
  }
  CHECK_EQ(world.market.book().live_orders(), std::size_t{8});
  CHECK_EQ(world.market.mid_ticks_x2(), 2 * kMid + 1);
  CHECK_EQ(world.market.now_ns(), 0);
  CHECK(world.conserves());
}

TEST("flow book: levels come into reach as the touch moves, and are cleared far behind it") {
  World world(only(still_model(4), Group::kMarketBuy, 10.0));
  const Ticks first = world.best(Side::kAsk);
  for (Ticks moved = 1; moved <= 20; ++moved) {
    CHECK(world.market.advance(kForever));
    CHECK_EQ(world.market.happened().lots, 1);
    CHECK(world.market.happened().touch_changed);
    CHECK_EQ(world.best(Side::kAsk), first + moved);
    for (Ticks away = 0; away < 4; ++away) CHECK_EQ(world.at(first + moved + away), 1);
    CHECK_EQ(world.at(first + moved + 4), 0);
    CHECK(world.conserves());
  }
  const Ticks bid = world.best(Side::kBid);
  world.quote(Side::kBid, bid + 5, 1);  // now 5 + 3 behind: kept, twice the depth is 8
  CHECK_EQ(world.at(bid - 3), 1);
  world.quote(Side::kBid, bid + 8, 1);
  CHECK_EQ(world.at(bid), 1);
  CHECK_EQ(world.at(bid - 1), 0);  // 9 behind
  CHECK(world.conserves());
}

TEST("flow book: the agent's orders are never cleared") {
  World world(still_model(4));
  const Ticks bid = world.best(Side::kBid);
  world.quote(Side::kBid, bid - 3, 7);
  const Outcome far = world.quote(Side::kBid, bid - 30, 2);
  world.market.jump_price(20);
  CHECK_EQ(world.at(bid - 3), 7);  // the flow's own order there is gone
  CHECK_EQ(world.at(bid - 30), 2);
  CHECK_EQ(world.at(bid - 2), 0);
  world.market.cancel(far.slot);
  CHECK_EQ(world.at(bid - 30), 0);
  CHECK(world.conserves());
}

TEST("flow book: a market order beyond the reach meets the levels behind it") {
  MarketModel model = only(still_model(4), Group::kMarketSell, 10.0);
  model.market_orders.sizes = {{6}, {1.0}};
  World world(model);
  const Ticks bid = world.best(Side::kBid);
  CHECK(world.market.advance(kForever));
  CHECK_EQ(world.market.happened().lots, 6);
  CHECK_EQ(world.best(Side::kBid), bid - 6);
  CHECK_EQ(world.at(bid - 9), 1);
  CHECK(world.conserves());
  model.far_level_orders = {1.0};  // nothing lies further out
  World empty(model);
  CHECK(empty.market.advance(kForever));
  CHECK(!empty.market.book().has(Side::kBid));
  CHECK_EQ(empty.market.mid_ticks_x2(), 2 * kMid + 1);  // the last there was
  CHECK(!empty.market.advance(kS));                     // nothing is left to sell to
  CHECK(empty.conserves());
}

TEST("flow book: an empty side comes back a typical spread from the other") {
  for (const Side side : {Side::kBid, Side::kAsk}) {
    MarketModel model = still_model(2);
    model.typical.spread_ticks = 3;
    model.far_level_orders = {1.0};
    model.groups[2 + static_cast<std::size_t>(side)].baseline_hz = 1.0;
    World world(model);
    const Ticks best = world.best(side);
    const Side other = side == Side::kBid ? Side::kAsk : Side::kBid;
    world.quote(other, best, 1);  // takes the only order of this side
    CHECK(!world.market.book().has(side));
    CHECK(world.market.advance(kForever));
    CHECK_EQ(world.best(side), world.best(other) - 3 * sign(side));
    CHECK(world.conserves());
  }
}

TEST("flow book: two empty sides come back around the last mid") {
  MarketModel model = still_model(1);
  model.far_level_orders = {1.0};
  model.groups[lane(Group::kLimitBid)].baseline_hz = 1.0;
  World world(model);
  world.quote(Side::kAsk, world.best(Side::kBid), 1);
  world.quote(Side::kBid, world.best(Side::kAsk), 1);
  CHECK_EQ(world.market.book().live_orders(), std::size_t{0});
  CHECK(world.market.advance(kForever));
  CHECK_EQ(world.best(Side::kBid), kMid);
}

TEST("flow book: never crosses an agent who has swept a side") {
  for (const Side side : {Side::kBid, Side::kAsk}) {
    World world(still_model(2));
    const Ticks before = world.best(side);
    const Side other = side == Side::kBid ? Side::kAsk : Side::kBid;
    const Ticks price = before + sign(side) * 40;
    world.quote(side, price, 1000);
    CHECK_EQ(world.executions.size(), std::size_t{40});  // whatever lay between was his to take
    CHECK_EQ(world.best(side), price);
    CHECK(world.market.book().has(other));
    CHECK_EQ(world.best(other), price + sign(side));
    world.market.book().check_invariants();
    CHECK(world.conserves());
  }
}

TEST("flow book: an agent's lone order far out does not fill the way to it") {
  MarketModel model = only(still_model(4), Group::kMarketSell, 10.0);
  model.market_orders.sizes = {{1000}, {1.0}};
  World world(model);
  const Ticks bid = world.best(Side::kBid);
  world.quote(Side::kBid, bid - 5000, 2000);
  CHECK(world.market.advance(kForever));
  CHECK_EQ(world.market.happened().lots, 1000);  // of those who bid better than he
  CHECK(world.market.agent_fills().empty());
  CHECK_EQ(world.best(Side::kBid), bid - 1000);
  CHECK(world.market.book().live_orders() < 20);
  model.far_level_orders = {1.0};
  World alone(model);
  alone.quote(Side::kBid, kMid - 5000, 2000);
  CHECK(alone.market.advance(kForever));
  CHECK_EQ(alone.best(Side::kBid), kMid - 5000);
  CHECK(alone.conserves());
}

TEST("flow book: limit orders take their places and sizes from the marks") {
  MarketModel model = only(still_model(4), Group::kLimitBid, 10.0);
  model.limit_marks = {{{}, {0.5, 0.25, 0.125, 0.125}},
                       {{0.2, 0.3}, {0.25, 0.125, 0.0625, 0.0625}}};
  model.typical.spread_ticks = 4;
  model.improving = {{{10}, {1.0}}, 1.0};
  model.joining = {{{1}, {1.0}}, 0.25};
  model.deeper = {{{3}, {1.0}}, 0.0};
  std::map<Ticks, std::int64_t> places;
  std::int64_t flickering = 0;
  constexpr int kTrials = 8000;
  const FlowModel ready(model);
  FlowBook market(ready, false, {});
  for (int n = 0; n < kTrials; ++n) {
    market.start(flow_books::kKey, static_cast<std::uint64_t>(n), kMid, 0, 0);
    EventLog log;
    market.record(&log);
    CHECK(market.advance(kForever));
    market.record(nullptr);
    const BookEvent& added = log.events().front();
    CHECK(added.kind == EventKind::kAdd && added.side == 1 && added.flags == 0);
    const Ticks better = added.price_ticks - (kMid - 2);
    ++places[better];
    CHECK_EQ(added.lots, better > 0 ? 10 : better == 0 ? 1 : 3);
    if (better == 0) flickering += market.book().pool(Side::kBid, 1).size() == 1 ? 1 : 0;
    if (better > 0) CHECK_EQ(market.book().pool(Side::kBid, 1).size(), std::size_t{1});
  }
  CHECK_FREQUENCY(places[1], kTrials, 0.2);
  CHECK_FREQUENCY(places[2], kTrials, 0.3);
  CHECK_FREQUENCY(places[0], kTrials, 0.25);
  CHECK_FREQUENCY(places[-1], kTrials, 0.125);
  CHECK_FREQUENCY(places[-3], kTrials, 0.0625);
  CHECK_FREQUENCY(flickering, places[0], 0.25);
}

TEST("flow book: an improving order never reaches the other side") {
  MarketModel model = only(still_model(2), Group::kLimitAsk, 10.0);
  model.limit_marks = {{{}, {1.0, 0.0}}, {{0.0, 0.0, 0.0, 0.0, 1.0}, {1e-300, 0.0}}};
  model.typical.spread_ticks = 3;
  World world(model);
  CHECK(world.market.advance(kForever));  // five ticks better, where there is room for two
  CHECK_EQ(world.best(Side::kAsk), world.best(Side::kBid) + 1);
  CHECK(world.market.advance(kForever));  // no room at all
  CHECK_EQ(world.best(Side::kAsk), world.best(Side::kBid) + 1);
  CHECK_EQ(world.market.book().best_lots(Side::kAsk), 2);
}

TEST("flow book: market orders take the queue, beyond it, within it, or their own size") {
  MarketModel model = only(still_model(4), Group::kMarketSell, 10.0);
  model.joining.sizes = {{6}, {1.0}};
  model.deeper.sizes = {{100}, {1.0}};
  model.market_orders = {0.4, 0.3, 0.2, {{2, 9}, {0.5, 0.5}}};
  const FlowModel ready(model);
  FlowBook market(ready, false, {});
  std::map<Lots, std::int64_t> sizes;
  constexpr int kTrials = 8000;
  for (int n = 0; n < kTrials; ++n) {
    market.start(flow_books::kKey, static_cast<std::uint64_t>(n), kMid, 0, 0);
    CHECK(market.advance(kForever));
    CHECK(market.happened().group == Group::kMarketSell);
    ++sizes[market.happened().lots];
  }
  CHECK_FREQUENCY(sizes[6], kTrials, 0.4 + 0.1);   // the queue, or nine within it
  CHECK_FREQUENCY(sizes[8], kTrials, 0.15);        // two beyond it
  CHECK_FREQUENCY(sizes[15], kTrials, 0.15);       // nine beyond it
  CHECK_FREQUENCY(sizes[2], kTrials, 0.1 + 0.05);  // two within it, or as they are
  CHECK_FREQUENCY(sizes[9], kTrials, 0.05);
}

TEST("flow book: cancels pick by hazard and are thinned by distance") {
  MarketModel model = only(still_model(3), Group::kCancelBid, 1.0);
  model.deeper = {{{5}, {1.0}}, 1.0};  // two flickering orders behind a patient one
  model.cancels = {true, 1.0, 2.0, 0.25, {1.0, 0.5}};
  const FlowModel ready(model);
  FlowBook market(ready, false, {});
  std::array<std::int64_t, 3> hit{};
  std::int64_t in_part = 0;
  std::int64_t nothing = 0;
  constexpr int kTrials = 8000;
  for (int n = 0; n < kTrials; ++n) {
    market.start(flow_books::kKey, static_cast<std::uint64_t>(n), kMid, 0, 0);
    CHECK_NEAR(market.factors().excitation[4], 1.0 + 2.0 * 2.0, 1e-6);
    CHECK(market.advance(kForever));
    const Lots lots = market.happened().lots;
    nothing += lots == 0 ? 1 : 0;
    in_part += lots > 0 && lots < 5 && market.book().best(Side::kBid) == kMid ? 1 : 0;
    for (Ticks away = 0; away < 3; ++away) {
      const Lots before = away == 0 ? 1 : 5;
      hit[static_cast<std::size_t>(away)] += market.book().lots_at(kMid - away) < before ? 1 : 0;
    }
  }
  CHECK_FREQUENCY(hit[0], kTrials, 0.2);
  CHECK_FREQUENCY(hit[1], kTrials, 0.4 * 0.5);  // the last factor goes on for all further ticks
  CHECK_FREQUENCY(hit[2], kTrials, 0.4 * 0.5);
  CHECK_FREQUENCY(nothing, kTrials, 0.4);
  CHECK_FREQUENCY(in_part, kTrials, 0.4 * 0.25);
}

TEST("flow book: cancels whose rate is the group's do not count orders") {
  MarketModel model = only(still_model(3), Group::kCancelAsk, 1.0);
  model.cancels = {false, 0.0, 1.0, 0.0, {}};
  World none(model);  // no flickering order, and patient ones weigh nothing
  CHECK_EQ(none.market.factors().excitation[5], 0.0F);
  CHECK(!none.market.advance(kS));
  model.cancels.patient_hazard = 0.5;
  World world(model);
  CHECK_EQ(world.market.factors().baseline[5], 1.0F);
  const Ticks ask = world.best(Side::kAsk);
  world.quote(Side::kAsk, ask, 5);
  for (int n = 0; n < 20; ++n) world.market.advance(kForever);
  CHECK_EQ(world.at(ask), 5);  // the agent's order is not the flow's to cancel
}

TEST("flow book: the informed gap draws buyers when the hidden price is above the mid") {
  for (const double ahead : {3.0, -3.0, 100.0}) {
    MarketModel model = still_model(4);
    for (GroupParams& group : model.groups) group.baseline_hz = 1.0;
    model.limit_marks[1] = {{0.5}, {0.5, 0.0, 0.0, 0.0}};
    model.typical.spread_ticks = 4;
    model.informed = {1e-9, 2.0, 5.0, kS, 0.4, 0.3, 1.0, 1.0};
    World world(model);
    world.market.set_drift(ahead);
    CHECK(!world.market.advance(1));
    FlowBook::Bend halt;
    halt.halted = 1;
    world.market.bend(halt);
    CHECK(!world.market.advance(kS + 1));
    world.market.bend({});
    const double gap = std::clamp(ahead / 2.0, -5.0, 5.0);
    CHECK_NEAR(world.market.informed_gap(), gap, 1e-6);
    const Lanes factors = world.market.factors().excitation;
    CHECK_EQ(factors, world.market.factors().baseline);
    CHECK_NEAR(factors[0], 1.0 - std::tanh(0.4 * gap), 1e-6);
    CHECK_NEAR(factors[1], 1.0 + std::tanh(0.4 * gap), 1e-6);
    CHECK_NEAR(factors[2], 0.5 + 0.5 * (1.0 + std::tanh(0.3 * gap)), 1e-6);
    CHECK_NEAR(factors[3], 0.5 + 0.5 * (1.0 - std::tanh(0.3 * gap)), 1e-6);
  }
}

TEST("flow book: a price near 0 is refused") {
  MarketModel model = only(still_model(4), Group::kMarketSell, 10.0);
  const FlowModel ready(model);
  FlowBook market(ready, false, {});
  market.start(flow_books::kKey, 1, 20, 0, 0);
  const auto run = [&market] {
    while (market.advance(kForever)) {
    }
  };
  CHECK_THROWS(run(), RangeError, "expected to stay above 8 ticks, got a best bid of 8");
}

TEST("runaway flow: is stopped") {
  MarketModel params = only(still_model(4), Group::kCancelBid, 1e9);
  params.cancels.distance_factor = {0.0};  // nothing comes of them: the cheapest events there are
  FlowModel model(params);
  model.run_events_most = 1000;
  FlowBook market(model, false, {});
  CHECK_THROWS(
      market.start(flow_books::kKey, 1, kMid, 0, kS), RangeError,
      "events: expected at most 1000 in one step or warm-up, got more; the flow runs away");
  constexpr TimeNs kWarmupNs = 200;
  std::int64_t events = 0;
  market.start(flow_books::kKey, 1, kMid, 0, 0);
  while (market.advance(kWarmupNs)) ++events;
  CHECK(events > 100);
  model.run_events_most = events;
  market.start(flow_books::kKey, 1, kMid, 0, kWarmupNs);
  model.run_events_most = events - 1;
  CHECK_THROWS(market.start(flow_books::kKey, 1, kMid, 0, kWarmupNs), RangeError, "runs away");
}

TEST("flow book: a side with nothing left keeps the factor of its last gap") {
  MarketModel params = only(still_model(2), Group::kMarketSell, 10.0);
  params.far_level_orders = {1.0};  // nothing lies behind the touch
  params.market_orders.sizes = {{1000}, {1.0}};
  params.hit_gap_bin_ticks = {1, 4};
  params.hit_gap_factor = {0.5, 2.0};
  World world(params);
  CHECK_EQ(world.market.factors().baseline[lane(Group::kMarketSell)], 2.0F);
  CHECK(world.market.advance(kForever));
  CHECK(!world.market.book().has(Side::kBid));
  CHECK_EQ(world.market.factors().baseline[lane(Group::kMarketSell)], 0.0F);  // nothing to hit
  world.quote(Side::kBid, kMid - 3, 1);
  world.quote(Side::kBid, kMid - 4, 1);
  CHECK_EQ(world.market.factors().baseline[lane(Group::kMarketSell)], 0.5F);
}

}  // namespace rlmm
