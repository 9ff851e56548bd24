// Episodes of a replay market: what delays, caps and halts do to the agent's orders, and that
// nothing of the future shows.
#include <vector>

#include "batch_arrays.h"
#include "check.h"
#include "replay_episodes.h"

namespace rlmm {
namespace {

using replay_episodes::Episode;
using replay_episodes::from_the_start;
using replay_episodes::kMs;
using replay_episodes::problem;
using replay_episodes::simulated;
using replay_episodes::table_of;
using replay_tables::Table;
using Kind = EventKind;

// Rows after `now_ns` that mean nothing.
std::vector<BookEvent> poisoned(std::vector<BookEvent> events, TimeNs now_ns) {
  Stream noise({9, 9}, 0, Purpose::kFlow);
  for (BookEvent& event : events) {
    if (event.ts_ns <= now_ns) continue;
    event.kind = static_cast<EventKind>(1 + noise.below(7));
    event.side = noise.below(2) == 0 ? 1 : -1;
    event.price_ticks = 9'900 + static_cast<Ticks>(noise.below(200));
    event.lots = 1 + static_cast<Lots>(noise.below(event.kind == EventKind::kStatus ? 2 : 99));
    event.order_id = noise.below(5000);
    event.flags = static_cast<std::uint8_t>(noise.below(32));
  }
  return events;
}

// Everything is late, and a law of shares.
EnvParams rough_problem(const Table& table) {
  EnvParams params = problem(table);
  params.replay().ranges = {{0, 39'000'000'000}};
  params.replay().queue.law = QueueLaw::kPower;
  params.limits.inventory_cap_lots = 100;
  params.latency.entry = {DelayLaw::kLognormal, 30 * kMs, 0.5, {}};
  params.latency.feed = {DelayLaw::kLognormal, 10 * kMs, 0.5, {}};
  params.episode.step_ns = 100 * kMs;
  params.episode.n_steps = 390;
  return params;
}

std::vector<double> seen(const Episode& episode) {
  const double* slots = episode.market.view().data();
  return {slots, slots + BookView::kSlots};
}

}  // namespace

TEST("replay market: an episode by hand") {
  EnvParams params = from_the_start(table_of({{5, Kind::kTrade, 1, 100, 6},
                                              {5, Kind::kAdd, 1, 100, 1},
                                              {12, Kind::kTrade, -1, 102, 6, 0, kFlagMoreFills},
                                              {12, Kind::kTrade, -1, 103, 2},
                                              {40, Kind::kAdd, 1, 97, 1}}),
                                    40);
  params.fees.maker_ticks_per_lot = -0.5;
  Episode episode(params);
  CHECK_EQ(episode.seen(Feature::kSpread), 2.0);
  CHECK_EQ(episode.seen(Feature::kBidDepth, 1), 4.0);
  CHECK_EQ(episode.seen(Feature::kAskDistance, 1), 2.0);
  CHECK_EQ(episode.seen(Feature::kBidDepth, 2), 0.0);
  CHECK_EQ(episode.seen(Feature::kTimeLeft), 0.04);
  episode.step(100, 3, 103, 2);
  CHECK_EQ(episode.outcome.maker_lots[0], 1);  // six traded, five were ahead
  CHECK_EQ(episode.outcome.market_sells, 1);
  CHECK_EQ(episode.outcome.fees, -1);
  CHECK_EQ(episode.column(Column::kBidQueueAhead), 0.0);
  CHECK_EQ(episode.column(Column::kAskQueueAhead), 7.0);
  CHECK_EQ(episode.column(Column::kEvents), 2.0);
  CHECK_EQ(episode.seen(Feature::kInventory), 1.0);
  CHECK_EQ(episode.seen(Feature::kTradeVolume), 6.0);
  CHECK_EQ(episode.seen(Feature::kBidDepth, 0), 3.0);  // two of them his own
  CHECK_EQ(episode.market.account().mid_ticks_x2(), 202);
  episode.step(100, 3, 103, 2);
  CHECK_EQ(episode.outcome.messages, 0);
  CHECK_EQ(episode.outcome.maker_lots[1], 0);  // two of the seven ahead of him
  CHECK_EQ(episode.outcome.market_buys, 1);
  CHECK_EQ(episode.column(Column::kAskQueueAhead), 5.0);
  CHECK_EQ(episode.column(Column::kSpread), 3.0);
  CHECK_EQ(episode.market.account().mid_ticks_x2(), 203);
  CHECK_EQ(episode.outcome.pnl_inventory_x2, 1);
  CHECK_EQ(episode.seen(Feature::kMidDisplacement), 0.5);
  CHECK(!episode.market.exhausted());
  episode.step(100, 3, 103, 2, 203);
  episode.step(100, 3, 103, 2, 203);
  CHECK(episode.market.exhausted());
}

TEST("replay market: who takes a whole side does not make the price of it") {
  for (const Side side : kSides) {
    const bool buys = side == Side::kBid;
    EnvParams params = from_the_start(
        table_of({{45, Kind::kAdd, 1, 98, 1}, {60, Kind::kAdd, buys ? -1 : 1, buys ? 105 : 97, 2}}),
        60);
    params.limits.inventory_cap_lots = 100;
    Episode episode(params);
    const Lots all = buys ? 13 : 9;
    episode.step(103, buys ? all : 0, 99, buys ? 0 : all);
    CHECK_EQ(episode.inventory(), sign(side) * all);
    // Nobody else is on that side now: his quotes far out mean nothing.
    for (const Ticks away : {Ticks{5}, Ticks{40}, Ticks{80}}) {
      episode.step({{away, away}, {buys ? 0 : 2, buys ? 2 : 0}});
      CHECK_EQ(episode.seen(buys ? Feature::kAskOffset : Feature::kBidOffset),
               static_cast<double>(away));
      CHECK_EQ(episode.market.account().mid_ticks_x2(), 202);
      CHECK_EQ(episode.outcome.pnl_inventory_x2, 0);
      CHECK_EQ(episode.column(Column::kSpread), 2.0);
      CHECK_EQ(episode.seen(Feature::kSpread), 2.0);
      CHECK_EQ(episode.seen(Feature::kOrderFlow), 0.0);
      CHECK_EQ(episode.seen(Feature::kReturn), 0.0);
    }
    episode.step({{0, 0}, {0, 0}});
    episode.step({{0, 0}, {0, 0}});
    CHECK_EQ(episode.market.account().mid_ticks_x2(), buys ? 205 : 200);  // others are back
  }
}

TEST("replay market: behind an order that is alone in front the others make the mid") {
  EnvParams params = from_the_start(table_of({{12, Kind::kCancel, 1, 100, 5},
                                              {25, Kind::kAdd, 1, 100, 2},
                                              {60, Kind::kAdd, 1, 90, 1}}),
                                    60);
  Episode episode(params);
  episode.step({{0, 0}, {1, 0}});  // a bid at 101, between 100 and 102
  CHECK_EQ(episode.column(Column::kSpread), 1.0);
  CHECK_EQ(episode.market.account().mid_ticks_x2(), 202);
  episode.step(101, 1, 0, 0, 202);
  CHECK_EQ(episode.column(Column::kSpread), 1.0);
  CHECK_EQ(episode.market.account().mid_ticks_x2(), 201);
  episode.step(101, 1, 0, 0, 201);
  CHECK_EQ(episode.column(Column::kSpread), 1.0);
  CHECK_EQ(episode.market.account().mid_ticks_x2(), 202);
}

TEST("replay market: delays of orders and of what is heard of them") {
  EnvParams params = from_the_start(
      table_of(
          {{4, Kind::kTrade, 1, 99, 2}, {6, Kind::kTrade, 1, 99, 2}, {60, Kind::kAdd, 1, 90, 1}}),
      60);
  params.latency.entry = {DelayLaw::kConstant, 5 * kMs, 0.0, {}};
  params.latency.response = {DelayLaw::kConstant, 8 * kMs, 0.0, {}};
  Episode episode(params);
  episode.step(101, 5, 0, 0);
  CHECK_EQ(episode.outcome.maker_lots[0], 2);  // the second trade alone
  CHECK_EQ(episode.seen(Feature::kInventory), 0.0);
  episode.step(101, 5, 0, 0);
  CHECK_EQ(episode.seen(Feature::kInventory), 2.0);
  CHECK_EQ(episode.seen(Feature::kBidFills), 2.0);
}

TEST("replay market: the inventory cap, also while fills are on their way") {
  EnvParams params = from_the_start(table_of({{60, Kind::kAdd, 1, 90, 1}}), 60);
  Episode episode(params);
  episode.step(103, 9, 0, 0);
  CHECK_EQ(episode.inventory(), 8);
  CHECK_EQ(episode.outcome.taker_lots, 8);
  episode.step(103, 9, 0, 0, 203);
  CHECK_EQ(episode.inventory(), 8);
  episode.step(0, 0, 99, 9, 203);  // nine lots bid, to sell to; one of his asks rests
  CHECK_EQ(episode.inventory(), -1);
}

TEST("replay market: halts refuse orders, and takers too until trading resumes") {
  EnvParams params = from_the_start(
      table_of(
          {{5, Kind::kStatus, 0, 0, 0}, {25, Kind::kStatus, 0, 0, 2}, {60, Kind::kAdd, 1, 90, 1}}),
      60);
  params.episode.liquidate_at_end = true;
  Episode episode(params);
  episode.step(102, 3, 0, 0);
  CHECK_EQ(episode.inventory(), 3);
  episode.step(102, 3, 0, 0);
  CHECK_EQ(episode.column(Column::kLotsRejected), 3.0);
  episode.step(0, 0, 0, 0);
  for (int i = 0; i < 3; ++i) episode.step(0, 0, 0, 0);
  CHECK_EQ(episode.inventory(), 0);  // liquidated
  EnvParams halted =
      from_the_start(table_of({{15, Kind::kStatus, 0, 0, 0}, {60, Kind::kAdd, 1, 90, 1}}), 60);
  halted.episode.liquidate_at_end = true;
  Episode stuck(halted);
  stuck.step(102, 3, 0, 0);
  for (int i = 0; i < 5; ++i) stuck.step(0, 0, 0, 0);
  CHECK_EQ(stuck.inventory(), 3);
}

TEST("replay market: a quiet agent leaves the book as recorded, row by row") {
  for (const bool by_order : {false, true}) {
    const Table table = simulated(30'000'000'000, by_order);
    const auto tape = table.tape();
    ReplayBook book(*tape, {});
    book.start(tape->first_ns(), tape->last_ns());
    RecordedBook recorded(tape->slots());
    for (std::size_t i = 0; i < tape->events().size(); ++i) {
      recorded.apply(tape->events()[i], i);
      if (i < book.played()) continue;
      CHECK(book.advance(tape->last_ns()));
      CHECK_EQ(book.played(), i + 1);
      for (const Side side : kSides) {
        for (const RecordedLevel& level : recorded.side(side).levels()) {
          CHECK_EQ(book.lots_at(side, sign(side) * level.key), level.lots);
        }
      }
    }
    CHECK(!book.advance(tape->last_ns()));
  }
}

TEST("replay market: nothing depends on what comes later") {
  constexpr TimeNs kNow = 20'000'000'000;
  EventLog log;
  const EnvParams market = book_problems::problem(book_problems::full_model());
  Recorder(market.book(), {7, 8}, 0, 0).run(40'000'000'000, log);
  for (const bool by_order : {false, true}) {
    Episode sound(rough_problem(Table(log.events(), by_order)));
    Episode spoilt(rough_problem(Table(poisoned(log.events(), kNow), by_order)));
    Stream quotes({3, 3}, 0, Purpose::kPolicy);
    Lots traded = 0;
    for (int i = 0; i < 200; ++i) {
      const Quotes quote = book_problems::random_quotes(quotes);
      sound.step(quote);
      spoilt.step(quote);
      traded += sound.outcome.maker_lots[0] + sound.outcome.taker_lots;
      CHECK(sound.columns == spoilt.columns);
      CHECK_EQ(sound.market.account().pnl_x2(), spoilt.market.account().pnl_x2());
      CHECK(seen(sound) == seen(spoilt));
    }
    CHECK(traded > 50);
    for (int i = 0; i < 100; ++i) {
      sound.step({{1, 1}, {5, 5}});
      spoilt.step({{1, 1}, {5, 5}});
    }
    CHECK(seen(sound) != seen(spoilt));  // the poison is one
  }
}

TEST("replay market: threads, other environments and saved states change nothing") {
  for (const bool by_order : {false, true}) {
    EnvParams params = problem(simulated(30'000'000'000, by_order));
    params.episode.n_steps = 20;
    params.episode.step_ns = 100 * kMs;
    params.limits.inventory_cap_lots = 100;
    params.latency.entry = {DelayLaw::kLognormal, 30 * kMs, 0.5, {}};
    params.latency.response = {DelayLaw::kConstant, 60 * kMs, 0.0, {}};
    const std::vector<SeedKey> keys = seed_keys(5);
    DrivenBatch one(params, keys, 1);
    DrivenBatch several(params, keys, 3);
    DrivenBatch resumed(params, keys, 2);
    one.reset();
    several.reset();
    for (int i = 0; i < 70; ++i) {
      if (i == 33) resumed.batch->set_state(one.batch->state());
      one.step(i);
      several.step(i);
      CHECK(one.arrays == several.arrays);
      if (i < 33) continue;
      resumed.step(i);
      CHECK(one.arrays.obs == resumed.arrays.obs);
      CHECK(one.arrays.reward == resumed.arrays.reward);
      CHECK(one.arrays.columns == resumed.arrays.columns);
    }
  }
}

}  // namespace rlmm
