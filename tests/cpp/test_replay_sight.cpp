// What a record shows only in part: levels that come into sight and leave it, lots of no order
// among orders, hidden trades.
#include <algorithm>
#include <vector>

#include "check.h"
#include "replay_tables.h"

namespace rlmm {
namespace {

using replay_tables::Row;
using replay_tables::small_book;
using replay_tables::Stage;
using replay_tables::Table;
using Kind = EventKind;

constexpr QueueParams kAverse{QueueLaw::kRiskAverse, 1.0, 1.0, true};

}  // namespace

TEST("replay sight: a level that leaves and comes back has no more ahead than before") {
  const std::vector<Row> rows = {{0, Kind::kCancel, 1, 99, 4, 0, kFlagReach},
                                 {0, Kind::kAdd, 1, 99, 6, 0, kFlagReach},
                                 {0, Kind::kAdd, 1, 99, 2, 21},  // behind him
                                 {0, Kind::kCancel, 1, 99, 1, 21},
                                 {0, Kind::kCancel, 1, 99, 1, 51},  // one of the two new ones
                                 {0, Kind::kTrade, 1, 99, 5, 51}};
  for (const bool by_order : {false, true}) {
    std::vector<Row> given = rows;
    for (Row& row : given) row.order_id = by_order ? row.order_id : 0;
    Stage stage(by_order, kAverse, given);
    stage.quote(Side::kBid, 99, 3);
    CHECK_EQ(stage.ahead(Side::kBid), 4);
    stage.play();
    CHECK_EQ(stage.book.lots_at(Side::kBid, 99), 3);  // his own
    stage.play();
    CHECK_EQ(stage.ahead(Side::kBid), 4);
    stage.play(3);
    CHECK_EQ(stage.ahead(Side::kBid), 4);
    CHECK_EQ(stage.play(), 1);
    CHECK_EQ(stage.ahead(Side::kBid), 0);
  }
}

TEST("replay sight: of a level that went while he was behind fifty and before twenty") {
  Stage stage(true, kAverse,
              {{0, Kind::kAdd, 1, 98, 50, 11},
               {0, Kind::kAdd, 1, 98, 20, 12},
               {0, Kind::kCancel, 1, 98, 50, 11, kFlagReach},
               {0, Kind::kCancel, 1, 98, 20, 12, kFlagReach},
               {0, Kind::kAdd, 1, 98, 70, 0, kFlagReach},
               {0, Kind::kCancel, 1, 98, 25, 11},
               {0, Kind::kCancel, 1, 98, 45, 0, kFlagReach},
               {0, Kind::kAdd, 1, 98, 30, 13, kFlagReach},
               {0, Kind::kAdd, 1, 98, 30, 14, kFlagReach},
               {0, Kind::kTrade, 1, 98, 30, 13},
               {0, Kind::kTrade, 1, 98, 20, 14}});
  stage.play();
  stage.quote(Side::kBid, 98, 9);
  stage.play();
  CHECK_EQ(stage.ahead(Side::kBid), 50);
  stage.play(2);
  CHECK_EQ(stage.ahead(Side::kBid), 0);
  stage.play();
  CHECK_EQ(stage.ahead(Side::kBid), 50);
  stage.play();  // twenty from behind, and five
  CHECK_EQ(stage.ahead(Side::kBid), 45);
  stage.play(3);
  CHECK_EQ(stage.ahead(Side::kBid), 45);
  CHECK_EQ(stage.play(), 0);
  CHECK_EQ(stage.ahead(Side::kBid), 15);
  CHECK_EQ(stage.play(), 5);
}

TEST("replay sight: a level that he has never seen is ahead as a whole") {
  Stage stage(true, kAverse,
              {{0, Kind::kAdd, 1, 98, 6, 0, kFlagReach}, {0, Kind::kTrade, 1, 98, 8}});
  stage.quote(Side::kBid, 98, 3);
  stage.play();
  CHECK_EQ(stage.ahead(Side::kBid), 6);
}

TEST("replay sight: lots that turn up at a level in sight are behind him") {
  Stage stage(false, kAverse,
              {{0, Kind::kAdd, 1, 100, 3, 0, kFlagReach}, {0, Kind::kTrade, 1, 100, 8}});
  stage.quote(Side::kBid, 100, 9);
  stage.play();
  CHECK_EQ(stage.ahead(Side::kBid), 5);
  CHECK_EQ(stage.play(), 3);
}

TEST("replay sight: a level that comes order by order is ahead as a whole") {
  Table table(small_book(false));
  table.add({10, Kind::kAdd, 1, 98, 3, 0, kFlagReach});
  table.add({10, Kind::kAdd, 1, 98, 2, 0, kFlagReach});
  table.add({20, Kind::kAdd, 1, 98, 2, 0, kFlagReach});
  const auto tape = table.tape();
  ReplayBook book(*tape, kAverse);
  book.start(0, 30);
  std::vector<ReplayBook::Execution> executions;
  book.submit(Side::kBid, 98, 5, TimeInForce::kPostOnly, executions);
  for (int i = 0; i < 3; ++i) CHECK(book.advance(30));
  CHECK_EQ(book.queue_ahead(0), 5);
}

TEST("replay sight: a level's lots go from those of no order, then from the latest") {
  Stage stage(true, kAverse,
              {{0, Kind::kAdd, 1, 100, 3, 11},
               {0, Kind::kSnapshot, 1, 100, 12, 0},  // the level: four more, of no order
               {0, Kind::kAdd, 1, 100, 2, 12},
               {0, Kind::kCancel, 1, 100, 5, 0},  // these four, and one of 12
               {0, Kind::kModify, 1, 100, 7, 0},  // the other of 12, and one of 11
               {0, Kind::kModify, 1, 100, 9, 0},
               {0, Kind::kModify, 1, 100, 9, 0},
               {0, Kind::kCancel, 1, 100, 99, 0}});
  stage.play(3);
  CHECK_EQ(stage.book.lots_at(Side::kBid, 100), 14);
  const auto lots_of_orders = [&] {
    std::vector<Lots> lots;
    for (const auto& [slot, order] : stage.book.recorded().snapshot().orders) {
      if (order.price_ticks == 100) lots.push_back(order.lots);
    }
    std::ranges::sort(lots);
    return lots;
  };
  CHECK_EQ(lots_of_orders(), (std::vector<Lots>{2, 3, 4, 5}));
  stage.play();
  CHECK_EQ(lots_of_orders(), (std::vector<Lots>{1, 3, 5}));
  stage.play();
  CHECK_EQ(lots_of_orders(), (std::vector<Lots>{2, 5}));
  stage.play(2);
  CHECK_EQ(lots_of_orders(), (std::vector<Lots>{2, 2, 5}));
  stage.play();
  CHECK(lots_of_orders().empty());
}

TEST("replay sight: a hidden trade leaves the order it names as it is") {
  constexpr std::uint8_t kHidden = 16;
  Stage stage(true, kAverse,
              {{0, Kind::kTrade, 1, 100, 2, 1, kHidden}, {0, Kind::kTrade, 1, 99, 2, 2, kHidden}});
  stage.quote(Side::kBid, 100, 3);
  CHECK_EQ(stage.play(), 0);
  CHECK_EQ(stage.ahead(Side::kBid), 5);
  CHECK_EQ(stage.play(), 2);
  CHECK_EQ(stage.book.lots_at(Side::kBid, 99), 4);
}

TEST("replay sight: what he took is not there again after a reset") {
  for (const bool by_order : {false, true}) {
    Table table(small_book(by_order));
    const auto reset = [&](TimeNs ts_ns, Lots lots) {
      const auto id = [&](std::uint64_t number) { return by_order ? number : 0; };
      const auto stamp = static_cast<std::uint64_t>(ts_ns);
      table.add({ts_ns, Kind::kClear, 0, 0, 0});
      table.add({ts_ns, Kind::kSnapshot, 1, 100, 5, id(stamp + 1)});
      table.add({ts_ns, Kind::kSnapshot, -1, 102, lots, id(stamp + 2)});
    };
    reset(10, 9);
    reset(20, 2);
    reset(30, 6);
    table.add({40, Kind::kClear, -1, 0, 0});
    table.add({50, Kind::kAdd, -1, 102, 6, by_order ? std::uint64_t{60} : 0});
    const auto tape = table.tape();
    ReplayBook book(*tape, kAverse);
    book.start(0, 100);
    std::vector<ReplayBook::Execution> executions;
    const auto buy = [&] {
      return book.submit(Side::kBid, 102, 6, TimeInForce::kImmediateOrCancel, executions)
          .filled_lots;
    };
    const auto play_until = [&](TimeNs ts_ns) {
      while (book.advance(ts_ns)) {
      }
    };
    CHECK_EQ(buy(), 6);
    play_until(10);
    CHECK_EQ(book.lots_at(Side::kAsk, 102), 3);
    play_until(20);
    CHECK_EQ(book.lots_at(Side::kAsk, 102), 0);
    play_until(30);
    CHECK_EQ(buy(), 4);
    play_until(50);
    CHECK_EQ(buy(), 6);  // these have come since
  }
}

}  // namespace rlmm
