// A recorded book with the agent in it: each rule worked out by hand. Bids of 5 and 4 lots lie at
// 100 and 99, asks of 6 and 7 at 102 and 103.
#include "check.h"
#include "replay_tables.h"

namespace rlmm {
namespace {

using replay_tables::Row;
using replay_tables::Stage;
using Kind = EventKind;

constexpr QueueParams kAverse{QueueLaw::kRiskAverse, 1.0, 1.0, true};
constexpr QueueParams kLinear{QueueLaw::kPower, 1.0, 1.0, true};

QueueParams without_ids(QueueParams queue) {
  queue.use_order_ids = false;
  return queue;
}

}  // namespace

TEST("replay book: exact queue: only those that came before are ahead") {
  Stage stage(true, kAverse,
              {{0, Kind::kAdd, 1, 100, 3, 11},      // behind him
               {0, Kind::kCancel, 1, 100, 2, 11},   // behind him
               {0, Kind::kCancel, 1, 100, 1, 1},    // ahead
               {0, Kind::kTrade, 1, 100, 4, 1},     // eats the rest ahead
               {0, Kind::kTrade, 1, 100, 1, 11}});  // behind him: he was first
  CHECK_EQ(stage.quote(Side::kBid, 100, 2).slot, Slot{0});
  CHECK_EQ(stage.ahead(Side::kBid), 5);
  CHECK_EQ(stage.play(2), 0);
  CHECK_EQ(stage.ahead(Side::kBid), 5);
  CHECK_EQ(stage.play(), 0);
  CHECK_EQ(stage.ahead(Side::kBid), 4);
  CHECK_EQ(stage.play(), 0);
  CHECK_EQ(stage.ahead(Side::kBid), 0);
  CHECK_EQ(stage.play(), 1);
  CHECK_EQ(stage.open(Side::kBid), 1);
  CHECK_EQ(stage.book.agent_fills()[0].price_ticks, 100);
  CHECK_EQ(stage.book.agent_fills()[0].left_lots, 1);
  CHECK(!stage.book.advance(1'000'000));
  CHECK(stage.book.agent_fills().empty());
  CHECK_EQ(stage.book.now_ns(), 1'000'000);
}

TEST("replay book: a trade at a worse price passes him by and fills him") {
  Stage stage(false, kAverse,
              {{0, Kind::kTrade, 1, 99, 3},
               {0, Kind::kTrade, -1, 103, 2},
               {0, Kind::kTrade, -1, 102, 2},
               {0, Kind::kTrade, 1, 100, 2}});
  stage.quote(Side::kBid, 100, 5);
  stage.quote(Side::kAsk, 101, 3);
  CHECK_EQ(stage.ahead(Side::kAsk), 0);
  CHECK_EQ(stage.play(), 3);  // no more than was traded
  CHECK_EQ(stage.open(Side::kBid), 2);
  CHECK_EQ(stage.play(), 2);
  CHECK_EQ(stage.play(), 1);  // no more than he has
  CHECK_EQ(stage.open(Side::kAsk), 0);
  CHECK_EQ(stage.play(), 0);  // two of the five ahead
  CHECK_EQ(stage.ahead(Side::kBid), 3);
}

TEST("replay book: a better price than his is none of his business") {
  Stage stage(false, kAverse, {{0, Kind::kTrade, 1, 100, 5}, {0, Kind::kCancel, 1, 99, 1}});
  stage.quote(Side::kBid, 99, 2);
  CHECK_EQ(stage.play(), 0);
  CHECK_EQ(stage.ahead(Side::kBid), 4);
  stage.play();
  CHECK_EQ(stage.ahead(Side::kBid), 3);  // the level has no more
}

TEST("replay book: risk-averse: a cancel advances him no more than the level forces") {
  Stage stage(false, kAverse,
              {{0, Kind::kAdd, 1, 100, 3},      // 8, 5 of them ahead
               {0, Kind::kCancel, 1, 100, 3},   // 5
               {0, Kind::kCancel, 1, 100, 1},   // 4: one of them was ahead
               {0, Kind::kModify, 1, 100, 9},   // five more behind him
               {0, Kind::kTrade, 1, 100, 6}});  // 4 ahead, then he
  stage.quote(Side::kBid, 100, 9);
  stage.play(2);
  CHECK_EQ(stage.ahead(Side::kBid), 5);
  stage.play();
  CHECK_EQ(stage.ahead(Side::kBid), 4);
  stage.play();
  CHECK_EQ(stage.ahead(Side::kBid), 4);
  CHECK_EQ(stage.play(), 2);
  CHECK_EQ(stage.ahead(Side::kBid), 0);
  CHECK_EQ(stage.book.lots_at(Side::kBid, 100), 3 + 7);
}

TEST("replay book: power law: a cancel is shared out by the queues before and behind") {
  const std::vector<Row> rows = {{0, Kind::kAdd, 1, 100, 15},    // 5 ahead, 15 behind
                                 {0, Kind::kCancel, 1, 100, 4},  // one of four lots: 4 and 12
                                 {0, Kind::kCancel, 1, 100, 2},  // half a lot: 3.5 and 10.5
                                 {0, Kind::kTrade, 1, 100, 3},   // 0.5
                                 {0, Kind::kTrade, 1, 100, 2}};  // the half counts as a lot
  Stage stage(false, kLinear, rows);
  stage.quote(Side::kBid, 100, 9);
  stage.play(2);
  CHECK_EQ(stage.ahead(Side::kBid), 4);
  stage.play();
  CHECK_EQ(stage.book.order(0).ahead_lots, 3.5);
  CHECK_EQ(stage.ahead(Side::kBid), 4);
  CHECK_EQ(stage.play(), 0);
  CHECK_EQ(stage.book.order(0).ahead_lots, 0.5);
  CHECK_EQ(stage.play(), 1);
  // The same on a record with order ids that are not to be used.
  std::vector<Row> with_ids = rows;
  with_ids[0].order_id = 11;
  with_ids[1].order_id = with_ids[2].order_id = 11;  // all of it behind, in truth
  with_ids[3].order_id = with_ids[4].order_id = 1;
  Stage by_order(true, without_ids(kLinear), with_ids);
  by_order.quote(Side::kBid, 100, 9);
  by_order.play(3);
  CHECK_EQ(by_order.book.order(0).ahead_lots, 3.5);
  CHECK_EQ(by_order.play(2), 1);
}

TEST("replay book: shares of a cancel by law") {
  CHECK_EQ(share_ahead(kAverse, 4.0, 4.0), 0.0);
  CHECK_EQ(share_ahead(kLinear, 0.0, 4.0), 0.0);
  CHECK_EQ(share_ahead(kLinear, 4.0, 0.0), 1.0);
  CHECK_NEAR(share_ahead({QueueLaw::kPower, 3.0, 1.0, true}, 2.0, 4.0), 8.0 / 72.0, 1e-15);
  CHECK_NEAR(share_ahead({QueueLaw::kPower, 0.0, 1.0, true}, 2.0, 4.0), 0.5, 1e-15);
  CHECK_NEAR(share_ahead({QueueLaw::kLog, 1.0, 2.0, true}, 2.0, 6.0), 1.0 / 3.0, 1e-15);
  CHECK_EQ(share_ahead({QueueLaw::kLog, 1.0, 2.0, true}, 2.0, 0.0), 1.0);
}

TEST("replay book: what he takes stays taken until the record has less") {
  Stage stage(false, kAverse,
              {{0, Kind::kAdd, -1, 102, 2},        // 8, of which 4 are taken
               {0, Kind::kTrade, -1, 102, 3},      // 5
               {0, Kind::kCancel, -1, 102, 2},     // 3: all of them taken
               {0, Kind::kModify, -1, 102, 10}});  // seven new ones
  const Outcome first = stage.quote(Side::kBid, 102, 4);
  CHECK_EQ(first.filled_lots, 4);
  CHECK_EQ(first.slot, kNoSlot);
  CHECK_EQ(stage.book.lots_at(Side::kAsk, 102), 2);
  stage.play();
  CHECK_EQ(stage.book.lots_at(Side::kAsk, 102), 4);
  stage.play();
  CHECK_EQ(stage.book.lots_at(Side::kAsk, 102), 1);
  stage.play();
  CHECK_EQ(stage.book.best(Side::kAsk), 103);  // nothing is left at 102
  CHECK_EQ(stage.book.next_price(Side::kAsk, 100), 103);
  stage.play();
  CHECK_EQ(stage.book.best(Side::kAsk), 102);
  CHECK_EQ(stage.book.best_lots(Side::kAsk), 7);
  CHECK_EQ(stage.quote(Side::kBid, 102, 20).filled_lots, 7);
}

TEST("replay book: he takes from the orders that came first") {
  Stage stage(true, kAverse,
              {{0, Kind::kAdd, -1, 102, 3, 11},
               {0, Kind::kCancel, -1, 102, 1, 11},  // 2, one of them taken
               {0, Kind::kTrade, -1, 102, 6, 3},    // taken before: none of those left
               {0, Kind::kCancel, -1, 102, 1, 11},  // 1, taken
               {0, Kind::kCancel, -1, 102, 1, 11}});
  stage.play();
  CHECK_EQ(stage.quote(Side::kBid, 102, 7).filled_lots, 7);
  CHECK_EQ(stage.book.recorded().taken().size(), std::size_t{2});
  CHECK_EQ(stage.book.lots_at(Side::kAsk, 102), 2);
  stage.play();
  CHECK_EQ(stage.book.lots_at(Side::kAsk, 102), 1);
  stage.play();
  CHECK_EQ(stage.book.lots_at(Side::kAsk, 102), 1);
  stage.play();
  CHECK_EQ(stage.book.lots_at(Side::kAsk, 102), 0);
  stage.play();
  CHECK_EQ(stage.book.best(Side::kAsk), 103);
  CHECK(stage.book.recorded().taken().empty());
}

TEST("replay book: a taker walks the levels and rests what is left") {
  Stage stage(false, kAverse, {{0, Kind::kAdd, -1, 103, 4}, {0, Kind::kAdd, -1, 105, 2}});
  const Outcome outcome = stage.quote(Side::kBid, 103, 16);
  CHECK_EQ(outcome.filled_lots, 13);
  CHECK_EQ(stage.executions.size(), std::size_t{2});
  CHECK_EQ(stage.executions[1].price_ticks, 103);
  CHECK_EQ(stage.executions[1].lots, 7);
  CHECK_EQ(stage.open(Side::kBid), 3);
  CHECK(!stage.book.has(Side::kAsk));
  CHECK_EQ(stage.book.best(Side::kAsk), OrderBook::kNoAsk);
  CHECK_EQ(stage.book.best(Side::kBid), 103);
  CHECK_EQ(stage.play(), 3);  // the newcomer meets him, and three of its lots are his
  CHECK_EQ(stage.book.agent_fills()[0].price_ticks, 103);
  CHECK_EQ(stage.book.lots_at(Side::kAsk, 103), 1);
  CHECK_EQ(stage.play(), 0);
}

TEST("replay book: post-only and immediate orders") {
  Stage stage(false, kAverse, {});
  const Outcome refused =
      stage.book.submit(Side::kBid, 102, 3, TimeInForce::kPostOnly, stage.executions);
  CHECK(refused.refused);
  CHECK_EQ(refused.dropped_lots, 3);
  CHECK_EQ(refused.slot, kNoSlot);
  const Outcome swept =
      stage.book.submit(Side::kBid, 102, 9, TimeInForce::kImmediateOrCancel, stage.executions);
  CHECK_EQ(swept.filled_lots, 6);
  CHECK_EQ(swept.dropped_lots, 3);
  CHECK_EQ(stage.open(Side::kBid), 0);
  const Outcome posted =
      stage.book.submit(Side::kBid, 102, 3, TimeInForce::kPostOnly, stage.executions);
  CHECK_EQ(posted.slot, Slot{0});  // nobody is left there
}

TEST("replay book: an order keeps its place when it shrinks, and loses it otherwise") {
  Stage stage(false, kAverse, {{0, Kind::kTrade, 1, 100, 2}, {0, Kind::kAdd, 1, 100, 4}});
  stage.quote(Side::kBid, 100, 5);
  const std::uint64_t arrival = stage.book.order(0).arrival;
  stage.play(2);
  CHECK_EQ(stage.ahead(Side::kBid), 3);
  const auto amend = [&](Ticks price_ticks, Lots lots) {
    return stage.book.amend(0, price_ticks, lots, TimeInForce::kGoodTillCancel, stage.executions);
  };
  CHECK_EQ(amend(100, 2).slot, Slot{0});
  CHECK(stage.book.is_live(0, arrival));
  CHECK_EQ(stage.ahead(Side::kBid), 3);
  CHECK_EQ(stage.open(Side::kBid), 2);
  amend(100, 3);
  CHECK(!stage.book.is_live(0, arrival));
  CHECK_EQ(stage.ahead(Side::kBid), 7);
  amend(99, 3);
  CHECK_EQ(stage.ahead(Side::kBid), 4);
  CHECK_EQ(stage.book.lots_at(Side::kBid, 99), 7);
  CHECK_EQ(stage.book.next_price(Side::kBid, 100), 99);
  CHECK_EQ(stage.book.next_price(Side::kBid, 99), OrderBook::kNoBid);
  amend(98, 3);
  CHECK_EQ(stage.book.next_price(Side::kBid, 99), 98);
  stage.book.cancel(Slot{0});
  CHECK_EQ(stage.book.next_price(Side::kBid, 99), OrderBook::kNoBid);
}

TEST("replay book: trades with hidden lots fill him where nobody shown is before him") {
  for (const bool by_order : {false, true}) {
    Stage stage(by_order, kAverse,
                {{0, Kind::kTrade, 1, 101, 2},   // no level there
                 {0, Kind::kTrade, 1, 100, 50},  // all five, and 45 that were not shown
                 {0, Kind::kTrade, 0, 90, 5},    // of no side
                 {0, Kind::kTrade, 1, 90, 5}});
    stage.quote(Side::kBid, 100, 9);
    CHECK_EQ(stage.play(), 0);
    // Without ids the trade eats the queue, then him. With ids it is one of hidden lots alone.
    CHECK_EQ(stage.play(), by_order ? 0 : 9);
    CHECK_EQ(stage.play(), 0);
    CHECK_EQ(stage.play(), by_order ? 5 : 0);
    CHECK_EQ(stage.open(Side::kBid), by_order ? 4 : 0);
  }
}

TEST("replay book: hidden lots at his price wait until those shown are gone") {
  Stage stage(true, kAverse,
              {{0, Kind::kTrade, 1, 100, 2},
               {0, Kind::kCancel, 1, 100, 5, 1},
               {0, Kind::kTrade, 1, 100, 2},
               {0, Kind::kTrade, 1, 101, 2}});
  stage.quote(Side::kBid, 100, 9);
  CHECK_EQ(stage.play(), 0);
  CHECK_EQ(stage.play(), 0);
  CHECK_EQ(stage.play(), 2);
  CHECK_EQ(stage.play(), 0);
}

TEST("replay book: after a gap everything may be ahead") {
  const std::vector<Row> gap = {
      {0, Kind::kClear, 0, 0, 0},           {0, Kind::kSnapshot, 1, 100, 8, 21},
      {0, Kind::kSnapshot, -1, 102, 1, 22}, {0, Kind::kAdd, 1, 100, 2, 23},
      {0, Kind::kTrade, 1, 100, 4, 21},     {0, Kind::kTrade, 1, 100, 4, 21},
      {0, Kind::kTrade, 1, 100, 1, 23}};
  Stage exact(true, kAverse, gap);
  exact.quote(Side::kBid, 100, 9);
  exact.play(4);
  CHECK_EQ(exact.ahead(Side::kBid), 8);  // all of the snapshot, but not who came after it
  CHECK_EQ(exact.play(2), 0);
  CHECK_EQ(exact.play(), 1);
  std::vector<Row> levels = gap;
  for (Row& row : levels) row.order_id = 0;
  Stage averse(false, kAverse, levels);
  averse.quote(Side::kBid, 100, 9);
  averse.play();
  CHECK_EQ(averse.ahead(Side::kBid), 0);  // for the moment
  averse.play(3);
  CHECK_EQ(averse.ahead(Side::kBid), 5);  // no more than before the gap
  CHECK_EQ(averse.play(), 0);
  CHECK_EQ(averse.play(), 3);
  // A level that is not in the snapshot has no queue; who comes later is behind him.
  Stage gone(false, kAverse, {{0, Kind::kClear, 1, 0, 0}, {0, Kind::kAdd, 1, 100, 3}});
  gone.quote(Side::kBid, 100, 9);
  gone.play(2);
  CHECK_EQ(gone.ahead(Side::kBid), 0);
  CHECK_EQ(gone.book.best(Side::kAsk), 102);  // only the bids were cleared
}

TEST("replay book: a snapshot across his price fills him") {
  Stage stage(false, kAverse,
              {{0, Kind::kClear, 0, 0, 0},
               {0, Kind::kSnapshot, -1, 98, 4},
               {0, Kind::kSnapshot, -1, 99, 4}});
  stage.quote(Side::kBid, 100, 5);
  CHECK_EQ(stage.play(), 0);
  CHECK_EQ(stage.play(), 4);
  CHECK_EQ(stage.book.agent_fills()[0].price_ticks, 100);
  CHECK_EQ(stage.play(), 1);
  CHECK_EQ(stage.book.best_lots(Side::kAsk), 3);
}

TEST("replay book: orders that replace others") {
  Stage stage(true, kAverse,
              {{0, Kind::kModify, 1, 100, 3, 1},     // smaller: stays ahead
               {0, Kind::kModify, 1, 100, 6, 1},     // larger: goes to the back
               {0, Kind::kModify, 1, 100, 6, 1},     // as it was
               {0, Kind::kModify, 1, 101, 6, 1},     // another price
               {0, Kind::kModify, 1, 101, 0, 1},     // gone
               {0, Kind::kModify, 1, 101, 0, 99},    // never heard of, and nothing
               {0, Kind::kModify, 1, 101, 2, 98}});  // never heard of: here it is
  stage.quote(Side::kBid, 100, 1);
  stage.play();
  CHECK_EQ(stage.ahead(Side::kBid), 3);
  stage.play();
  CHECK_EQ(stage.ahead(Side::kBid), 0);
  stage.play();
  CHECK_EQ(stage.book.lots_at(Side::kBid, 100), 7);
  stage.play();
  CHECK_EQ(stage.book.lots_at(Side::kBid, 100), 1);
  CHECK_EQ(stage.book.lots_at(Side::kBid, 101), 6);
  stage.play();
  CHECK_EQ(stage.book.best(Side::kBid), 100);
  stage.play();
  CHECK_EQ(stage.book.best(Side::kBid), 100);
  stage.play();
  CHECK_EQ(stage.book.best(Side::kBid), 101);
}

TEST("replay book: halts") {
  Stage stage(false, kAverse,
              {{0, Kind::kStatus, 0, 0, 0},
               {0, Kind::kAdd, -1, 100, 2},  // an auction may cross
               {0, Kind::kStatus, 0, 0, 1},
               {0, Kind::kStatus, 0, 0, 2}});
  stage.quote(Side::kBid, 101, 3);
  CHECK(!stage.book.is_halted());
  stage.play();
  CHECK(stage.book.is_halted());
  CHECK_EQ(stage.play(), 0);
  stage.play();
  CHECK(!stage.book.is_halted());
  stage.book.cancel(Slot{0});
  CHECK(stage.quote(Side::kBid, 100, 3).refused);  // one may quote, but not trade
  CHECK_EQ(stage.quote(Side::kBid, 99, 3).slot, Slot{0});
  stage.play();
  CHECK_EQ(stage.quote(Side::kBid, 100, 3).filled_lots, 2);
}

TEST("replay book: a market order is told of once, with its last trade") {
  Stage stage(false, kAverse,
              {{0, Kind::kTrade, -1, 102, 6, 0, kFlagMoreFills},
               {0, Kind::kTrade, -1, 103, 9},  // seven shown, two not
               {0, Kind::kTrade, 1, 100, 1}});
  stage.play();
  CHECK_EQ(stage.book.happened().lots, 0);
  CHECK(stage.book.happened().touch_changed);
  stage.play();
  CHECK(stage.book.happened().group == Group::kMarketBuy);
  CHECK_EQ(stage.book.happened().lots, 15);
  stage.play();
  CHECK(stage.book.happened().group == Group::kMarketSell);
  CHECK_EQ(stage.book.happened().lots, 1);
}

TEST("replay book: starts when there are both sides, and says so when there never are") {
  replay_tables::Table table({{50, Kind::kAdd, 1, 100, 5},
                              {60, Kind::kAdd, -1, 102, 5},
                              {60, Kind::kAdd, -1, 101, 5},
                              {70, Kind::kCancel, -1, 101, 1}});
  const auto tape = table.tape();
  ReplayBook book(*tape, kAverse);
  book.start(0, 70);
  CHECK_EQ(book.origin_ns(), 60);
  CHECK_EQ(book.played(), std::size_t{3});
  CHECK_EQ(book.first_mid_ticks_x2(), 201);
  CHECK(book.advance(10));
  CHECK_EQ(book.lots_at(Side::kAsk, 101), 4);
  CHECK(book.exhausted());
  book.start(65, 68);
  CHECK_EQ(book.origin_ns(), 65);
  CHECK(!book.exhausted());
  CHECK(!book.advance(5));  // what comes after the end is not played
  CHECK(book.exhausted());
  CHECK_THROWS(book.start(0, 55), RangeError, "expected bids and asks between 0 and 55 ns");
}

}  // namespace rlmm
