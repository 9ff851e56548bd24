// Shocks that reach a flow's book: jumps of the price, halts, bends, held regimes.
#include <algorithm>
#include <array>

#include "check.h"
#include "flow_books.h"
#include "market/flow_book.h"

namespace rlmm {
namespace {

using flow_books::kMid;
using flow_books::kS;
using flow_books::only;
using flow_books::still_model;
using flow_books::wait;
using flow_books::World;

bool ends_a_market_order(const BookEvent& event) {
  return event.kind == EventKind::kTrade && (event.flags & kFlagMoreFills) == 0;
}

void check_price_jump(Ticks ticks, bool is_mirrored) {
  MarketModel model = still_model(4);
  model.informed.volatility_ticks = 1e-9;
  World world(model, is_mirrored);
  const Ticks ahead = is_mirrored ? -ticks : ticks;
  const Side hit = ahead > 0 ? Side::kAsk : Side::kBid;
  const Side left = ahead > 0 ? Side::kBid : Side::kAsk;
  const std::array<Ticks, 2> before{world.best(Side::kBid), world.best(Side::kAsk)};
  const Ticks of_hit = ahead > 0 ? before[1] : before[0];
  world.quote(hit, of_hit + ahead / 2, 2);
  world.quote(hit, of_hit + ahead, 2);  // where the price ends
  EventLog log;
  world.market.record(&log);
  world.market.jump_price(ticks);
  CHECK_EQ(world.best(hit), of_hit + ahead);
  CHECK_EQ(world.best(left), (ahead > 0 ? before[0] : before[1]) + ahead);
  CHECK_EQ(world.market.agent_fills().size(), std::size_t{1});
  CHECK_EQ(world.market.agent_fills()[0].lots, 2);
  CHECK_EQ(world.market.mid_ticks_x2(), before[0] + before[1] + 2 * ahead);
  CHECK(world.market.happened().touch_changed);
  CHECK_NEAR(world.market.informed_gap(), 0.0, 1e-6);  // the hidden price has jumped along
  CHECK_EQ(std::ranges::count_if(log.events(), ends_a_market_order), 1);
  for (Ticks away = 1; away < 4; ++away)
    CHECK_EQ(world.at(world.best(left) - sign(left) * away), 1);
  CHECK(world.market.book().live_orders() < 30);
  world.market.book().check_invariants();
  CHECK(world.conserves());
}

}  // namespace

TEST("flow book: a price jump trades through, and the side left behind follows") {
  for (const bool is_mirrored : {false, true}) {
    for (const Ticks ticks : {1, 3, 60, 5000, -1, -3, -60, -5000}) {
      check_price_jump(ticks, is_mirrored);
    }
  }
}

TEST("flow book: a price jumps also where nothing lies, or a side is empty") {
  MarketModel model = still_model(2);
  model.far_level_orders = {1.0};
  for (const Ticks ticks : {10, -10}) {
    World world(model);
    world.market.jump_price(0);
    CHECK_EQ(world.best(Side::kAsk), kMid + 1);
    world.market.jump_price(ticks);
    CHECK_EQ(world.best(Side::kBid), kMid + ticks);
    CHECK_EQ(world.best(Side::kAsk), kMid + 1 + ticks);
    world.quote(Side::kAsk, world.best(Side::kBid), 1);
    CHECK(!world.market.book().has(Side::kBid));
    world.market.jump_price(ticks);
    CHECK_EQ(world.best(Side::kBid), kMid + 2 * ticks);
    CHECK_EQ(world.best(Side::kAsk), kMid + 1 + 2 * ticks);
    CHECK(world.conserves());
  }
}

TEST("flow book: while trading is halted the price's jumps wait, and nothing trades") {
  World world(still_model(4));
  const Outcome ask = world.quote(Side::kAsk, kMid + 3, 2);
  EventLog log;
  world.market.record(&log);
  FlowBook::Bend halt;
  halt.halted = 1;
  world.market.bend(halt);
  CHECK(!world.market.jump_price(5));
  CHECK(!world.market.jump_price(-1));
  CHECK(!world.market.jump_price(0));
  CHECK_EQ(world.best(Side::kAsk), kMid + 1);
  CHECK(world.market.agent_fills().empty());
  Writer saved;
  world.market.save(saved);
  CHECK_EQ(log.events().size(), std::size_t{1});
  CHECK(log.events()[0].kind == EventKind::kStatus);
  CHECK_EQ(log.events()[0].lots, kStatusHalted);
  const auto resume = [&] {
    world.market.bend({});
    CHECK(world.market.jump_price(0));
    CHECK_EQ(world.best(Side::kAsk), kMid + 1 + 4);
    CHECK_EQ(world.market.agent_fills().size(), std::size_t{1});
    CHECK_EQ(world.market.agent_fills()[0].slot, ask.slot);
    CHECK(!world.market.jump_price(0));  // once
    CHECK(world.conserves());
  };
  resume();
  CHECK_EQ(log.events()[1].lots, kStatusTrading);
  CHECK(log.events()[2].kind == EventKind::kTrade);
  const std::size_t logged = log.events().size();
  Reader in(saved.bytes());
  world.market.load(in);
  CHECK_EQ(log.events().size(), logged);  // a saved status is no news
  resume();
}

TEST("flow book: sizes and intensities bend, a halt stops everything") {
  World world(only(only(still_model(4), Group::kLimitBid, 1.0), Group::kMarketSell, 1.0));
  FlowBook::Bend bend;
  bend.baseline = {0.0, 1.0, 1000.0, 1.0, 1.0, 1.0};
  bend.limit_sizes = 7.4;
  world.market.bend(bend);
  for (int n = 0; n < 50; ++n) {
    CHECK(world.market.advance(1'000'000 * kS));
    CHECK(world.market.happened().group == Group::kLimitBid);
    CHECK_EQ(world.market.happened().lots, 7);
  }
  CHECK(world.market.now_ns() < kS);
  bend.baseline = {1000.0, 1.0, 0.0, 1.0, 1.0, 1.0};
  bend.market_sizes = 0.01;
  world.market.bend(bend);
  CHECK(world.market.advance(1'000'000 * kS));
  CHECK_EQ(world.market.happened().lots, 1);  // a size is at least one
  CHECK(!wait(world, 1000 * kS));
  CHECK(world.conserves());
}

TEST("flow book: a held regime holds, and is let go") {
  MarketModel model = only(still_model(4), Group::kLimitBid, 1.0);
  model.switch_rates_hz = {{0.0, 1.0}, {1.0, 0.0}};
  model.initial_regime_probabilities = {1.0, 0.0};
  model.groups[2].regime_factor = {1.0, 8.0};
  model.season_bin_s = 50.0;
  model.groups[2].season_factor = {1.0, 0.5};
  World world(model);
  world.market.hold_regime(1);
  CHECK_EQ(world.market.factors().excitation[2], 8.0F);
  while (world.market.advance(60 * kS)) CHECK_EQ(world.market.regime(), std::size_t{1});
  CHECK(world.market.held_regime() == std::optional<std::size_t>(1));
  CHECK_EQ(world.market.factors().excitation[2], 4.0F);  // the season has changed
  world.market.hold_regime(std::nullopt);
  std::int64_t in_first = 0;
  while (world.market.advance(120 * kS)) in_first += world.market.regime() == 0 ? 1 : 0;
  CHECK(in_first > 5);
}

}  // namespace rlmm
