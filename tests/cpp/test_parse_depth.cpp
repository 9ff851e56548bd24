// Levels and the trades between them as rows; the tape that collects them; the pass that reads
// them.
#include <string>
#include <vector>

#include "check.h"
#include "parse/book_pass.h"
#include "parse/depth.h"
#include "parse/order_map.h"
#include "parse_reading.h"

namespace rlmm::parse {
namespace {

struct Bench {
  explicit Bench(Crossing crossing = Crossing::kDefect, bool strict = false, std::int64_t tick = 0)
      : defects(strict), reading(defects, {.tick = tick}), depth(tape, reading, crossing) {}

  std::vector<std::string> rows() {
    const EventColumns columns = tape.take(true);
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < columns.rows(); ++i) {
      std::string line = text_of(columns, i);
      lines.push_back(line.substr(0, line.find(" @")));
    }
    return lines;
  }
  void view(const std::vector<Level>& bids, const std::vector<Level>& asks, std::size_t levels) {
    const std::span<const Level> b(bids);
    const std::span<const Level> a(asks);
    depth.view({1, 1}, &b, &a, levels);
  }

  EventTape tape;
  Defects defects;
  Reading reading;
  DepthTape depth;
};

using Rows = std::vector<std::string>;
using Levels = std::vector<Level>;

}  // namespace

TEST("parse depth: a change less the trades before it") {
  Bench bench;
  bench.depth.snapshot({1, 1}, Levels{{100, 5}, {99, 7}}, Levels{{101, 4}, {102, 0}});
  CHECK_EQ(bench.rows(),
           (Rows{"clear +0 0x0", "snapshot +1 100x5", "snapshot +1 99x7", "snapshot -1 101x4"}));
  bench.depth.trade({2, 2}, 1, 100, 2);
  bench.depth.change({3, 3}, Levels{{100, 1}, {99, 9}}, Levels{{101, 0}, {102, 3}});
  CHECK_EQ(bench.rows(), (Rows{"trade +1 100x2 REMAINS", "cancel +1 100x2 REMAINS",
                               "cancel -1 101x4", "add +1 99x2", "add -1 102x3"}));
  CHECK(bench.depth.started());
  CHECK_EQ(bench.depth.side(0).best().size, 1);
}

TEST("parse depth: levels that a message does not name are as they were") {
  Bench bench;
  bench.depth.snapshot({1, 1}, Levels{{100, 5}}, Levels{{101, 4}});
  (void)bench.rows();
  bench.depth.trade({2, 2}, -1, 101, 4);
  bench.depth.change({3, 3}, {}, {});
  CHECK_EQ(bench.rows(), (Rows{"trade -1 101x4", "add -1 101x4"}));
  bench.depth.trade({4, 4}, -1, 101, 4);
  bench.depth.change({5, 5}, {}, Levels{{101, 0}, {103, 1}});
  CHECK_EQ(bench.rows(), (Rows{"trade -1 101x4", "add -1 103x1"}));
  CHECK_EQ(bench.defects.count(Reason::kAbsentLevel), 0);
  bench.depth.change({6, 6}, {}, Levels{{105, 0}});
  CHECK_EQ(bench.defects.count(Reason::kAbsentLevel), 1);
}

TEST("parse depth: trades that the book does not show") {
  Bench bench(Crossing::kDefect, false, 2);
  bench.depth.trade({1, 1}, 1, 100, 1);  // no book yet
  bench.depth.snapshot({1, 1}, Levels{{100, 5}}, Levels{{108, 4}});
  (void)bench.rows();
  bench.depth.trade({2, 2}, 1, 100, 8);   // more than is there
  bench.depth.trade({2, 2}, 1, 104, 1);   // inside the spread
  bench.depth.trade({2, 2}, -1, 109, 1);  // between two ticks
  bench.depth.trade({2, 2}, 0, 106, 1);   // of nobody knows which side
  bench.depth.trade({2, 2}, -1, 110, 3);  // behind the best
  CHECK_EQ(bench.rows(), (Rows{"add +1 100x3 REACH", "trade +1 100x8 MORE", "trade +1 104x1 HIDDEN",
                               "trade -1 109x1 MORE HIDDEN", "trade +0 106x1 HIDDEN",
                               "add -1 110x3 REACH", "trade -1 110x3"}));
  CHECK_EQ(bench.defects.count(Reason::kHiddenTrade), 3);
  CHECK_EQ(bench.defects.count(Reason::kUnsignedTrade), 1);
  CHECK_EQ(bench.defects.count(Reason::kUnseenLots), 2);
}

TEST("parse depth: on a consolidated tape the quote stands until the tape takes it away") {
  Bench bench(Crossing::kNormal);
  bench.depth.snapshot({1, 1}, Levels{{100, 5}}, Levels{{101, 4}});
  (void)bench.rows();
  bench.depth.trade({2, 2}, -1, 101, 1);
  bench.depth.trade({3, 3}, -1, 101, 3);  // of several venues: this one's quote is still there
  bench.depth.trade({4, 4}, -1, 101, 9);
  bench.depth.trade({5, 5}, -1, 103, 2);  // behind it
  CHECK_EQ(bench.rows(), (Rows{"trade -1 101x1 REMAINS", "add -1 101x4 REACH",
                               "trade -1 101x3 REMAINS", "add -1 101x9 REACH",
                               "trade -1 101x9 REMAINS", "add -1 103x2 REACH", "trade -1 103x2"}));
  CHECK_EQ(bench.defects.count(Reason::kUnseenLots), 3);
  bench.view({{100, 5}}, {{102, 6}}, 1);
  CHECK_EQ(bench.rows(), (Rows{"cancel -1 101x4", "add -1 102x6 REACH"}));
}

TEST("parse depth: a trade that was only reported takes from no book, and parts no market order") {
  Bench bench(Crossing::kNormal);
  bench.depth.snapshot({1, 1}, Levels{{100, 5}}, Levels{{101, 4}});
  (void)bench.rows();
  bench.depth.trade({2, 2}, -1, 101, 1);
  bench.depth.print({2, 2}, 101, 400);
  bench.depth.trade({2, 2}, -1, 101, 1);
  CHECK_EQ(bench.rows(), (Rows{"trade -1 101x1 REMAINS MORE", "trade +0 101x400 HIDDEN",
                               "trade -1 101x1 REMAINS"}));
  CHECK_EQ(bench.depth.side(1).best().size, 2);
  CHECK_EQ(bench.defects.count(Reason::kOffExchange), 1);
}

TEST("parse depth: a snapshot in the middle starts again") {
  Bench bench;
  bench.depth.snapshot({1, 1}, Levels{{100, 5}}, Levels{{101, 4}});
  bench.depth.trade({1, 1}, 1, 100, 1);
  (void)bench.rows();
  bench.depth.snapshot({2, 2}, Levels{{98, 1}, {98, 2}}, {});
  CHECK_EQ(bench.rows(), (Rows{"clear +0 0x0", "snapshot +1 98x2"}));
  CHECK_EQ(bench.defects.count(Reason::kReset), 1);
  CHECK_EQ(bench.defects.count(Reason::kDuplicate), 1);
  bench.depth.change({3, 3}, {}, {});  // the trade before the snapshot is forgotten
  CHECK(bench.rows().empty());
}

TEST("parse depth: the last word about a price counts, in any order") {
  Bench bench;
  bench.depth.snapshot({1, 1}, Levels{{100, 5}}, Levels{{105, 4}});
  (void)bench.rows();
  bench.depth.change({2, 2}, Levels{{99, 1}, {100, 7}, {98, 2}, {99, 3}}, {});
  CHECK_EQ(bench.rows(), (Rows{"add +1 98x2", "add +1 99x3", "add +1 100x2"}));
  CHECK_EQ(bench.defects.count(Reason::kDuplicate), 1);
}

TEST("parse depth: no row crosses the book, and stale levels go") {
  Bench bench;
  bench.depth.snapshot({1, 1}, Levels{{100, 5}}, Levels{{101, 4}, {102, 1}});
  (void)bench.rows();
  bench.depth.change({2, 2}, Levels{{101, 3}}, Levels{{101, 0}});
  CHECK_EQ(bench.rows(), (Rows{"cancel -1 101x4", "add +1 101x3"}));
  bench.depth.change({3, 3}, Levels{{103, 3}}, {});
  CHECK_EQ(bench.rows(), (Rows{"add +1 103x3", "cancel -1 102x1 REACH"}));
  bench.depth.change({3, 3}, {}, Levels{{101, 2}});
  CHECK_EQ(bench.rows(), (Rows{"add -1 101x2", "cancel +1 103x3 REACH", "cancel +1 101x3 REACH"}));
  CHECK_EQ(bench.defects.count(Reason::kCrossed), 2);
  Bench strict(Crossing::kDefect, true);
  CHECK_THROWS(strict.depth.snapshot({1, 1}, Levels{{100, 5}}, Levels{{100, 4}}), ParseError,
               "crossed");
  Bench tape(Crossing::kNormal, true);
  tape.depth.snapshot({1, 1}, Levels{{100, 5}}, Levels{{100, 4}});
  CHECK_EQ(tape.defects.count(Reason::kLockedBook), 1);
}

TEST("parse depth: what is visible only so deep") {
  Bench bench;
  bench.view({{100, 5}, {99, 6}}, {{101, 4}, {102, 3}}, 2);
  (void)bench.rows();
  bench.view({{100, 5}, {98, 2}}, {{102, 3}, {101, 9}}, 2);  // 98 was behind what was shown
  CHECK_EQ(bench.rows(), (Rows{"cancel +1 99x6", "add +1 98x2 REACH", "add -1 101x5"}));
  bench.view({{101, 1}, {100, 5}}, {{103, 1}}, 2);  // 98 is pushed out; asks show all there is
  CHECK_EQ(bench.rows(), (Rows{"cancel +1 98x2 REACH", "cancel -1 102x3", "cancel -1 101x9",
                               "add +1 101x1", "add -1 103x1 REACH"}));
  bench.depth.trade({5, 5}, 1, 101, 1);
  bench.view({{100, 5}}, {{103, 1}, {105, 1}, {105, 0}}, 2);
  CHECK_EQ(bench.rows(), (Rows{"trade +1 101x1"}));
}

TEST("parse depth: one side after the other") {
  Bench bench(Crossing::kNormal);
  const Levels bid = {{100, 5}};
  const Levels ask = {{101, 2}};
  const std::span<const Level> bids(bid);
  const std::span<const Level> asks(ask);
  bench.depth.view({1, 1}, &bids, nullptr, 1);
  bench.depth.view({1, 1}, nullptr, &asks, 1);
  CHECK_EQ(bench.rows(), (Rows{"clear +0 0x0", "add +1 100x5", "add -1 101x2"}));
}

TEST("parse depth: the side of a trade that does not say it") {
  Bench bench;
  CHECK_EQ(bench.depth.resting_side(100), 0);
  CHECK_EQ(bench.depth.resting_side(100), 0);
  CHECK_EQ(bench.depth.resting_side(101), -1);  // a rise was a purchase
  bench.depth.snapshot({1, 1}, Levels{{100, 5}}, Levels{{104, 4}});
  CHECK_EQ(bench.depth.resting_side(101), 1);
  CHECK_EQ(bench.depth.resting_side(103), -1);
  CHECK_EQ(bench.depth.resting_side(102), 1);  // in the middle, after a fall
}

TEST("parse depth: a side of a hundred thousand levels is no book") {
  Bench bench;
  Levels many;
  for (std::int64_t price = 1; price <= (1 << 17); ++price) many.push_back({price, 1});
  bench.depth.snapshot({1, 1}, many, {});
  CHECK_THROWS(bench.depth.change({2, 2}, Levels{{1 << 20, 1}}, {}), ParseError, "too_many");
}

TEST("parse depth: levels far from the best are found") {
  LevelSide side(-1);
  for (std::int64_t price = 100; price > 0; --price) side.set(price, price);
  CHECK_EQ(side.best().price, 1);
  for (std::int64_t price = 1; price <= 100; ++price) CHECK_EQ(side.size_at(price), price);
  CHECK_EQ(side.size_at(0), 0);
  CHECK_EQ(side.size_at(101), 0);
  side.set(50, 0);
  side.set(50, 0);
  CHECK_EQ(side.size_at(50), 0);
  side.set(50, 3);
  CHECK_EQ(side.size_at(50), 3);
  CHECK_EQ(side.levels().size(), std::size_t{100});
}

TEST("parse tape: fills of one market order are marked, also across pieces") {
  EventTape tape;
  const auto trade = [&](TimeNs ts, std::int64_t side) {
    tape.begin({ts, ts});
    tape.add({.kind = EventKind::kTrade, .side = side, .price = 6, .size = 4});
  };
  trade(1, 1);
  trade(1, 1);
  CHECK_EQ(tape.take(false).rows(), std::size_t{1});
  trade(1, 1);
  trade(1, -1);
  trade(2, -1);
  const EventColumns columns = tape.take(true);
  CHECK_EQ(columns.flags, (std::vector<std::uint8_t>{kFlagMoreFills, 0, 0, 0}));
  CHECK_EQ(columns.seq, (std::vector<std::uint64_t>{2, 3, 4, 5}));
  trade(2, -1);  // what is gone cannot be marked any more
  CHECK_EQ(tape.take(true).flags, (std::vector<std::uint8_t>{0}));
  CHECK_EQ(tape.price_divisor(), 6);
  CHECK_EQ(tape.size_divisor(), 4);
  tape.begin({1, 1});  // the clock goes back: the row counts from now
  tape.add({.kind = EventKind::kAdd, .side = 1, .price = 9, .size = 2});
  const EventColumns late = tape.take(false);
  CHECK_EQ(late.ts_event[0], 1);
  CHECK_EQ(late.ts_recv[0], 2);
  CHECK_EQ(tape.price_divisor(), 3);
  trade(3, 1);
  for (int i = 0; i < 40'000; ++i)
    tape.add({.kind = EventKind::kAdd, .side = 1, .price = 1, .size = 1});
  CHECK_EQ(tape.take(false).rows(), std::size_t{40'001});
}

TEST("parse orders: thousands come and go") {
  OrderMap orders;
  // Scattered, so that some come upon others' places.
  const auto id_of = [](std::uint64_t n) { return n * n * 2654435761U + n; };
  for (std::uint64_t n = 1; n <= 5000; ++n)
    orders.insert({id_of(n), 1, static_cast<std::int64_t>(n), 1});
  for (std::uint64_t id = 1; id <= 5000; id += 2) orders.erase(orders.find(id_of(id)));
  CHECK_EQ(orders.size(), std::size_t{2500});
  for (std::uint64_t id = 1; id <= 5000; ++id) {
    const LiveOrder* order = orders.find(id_of(id));
    CHECK_EQ(order != nullptr, id % 2 == 0);
    if (order != nullptr) CHECK_EQ(order->size, static_cast<std::int64_t>(id));
  }
  orders.clear();
  CHECK(orders.find(id_of(2)) == nullptr);
}

TEST("parse book pass: the book of a table") {
  BookPass pass;
  const auto apply = [&](EventKind kind, std::int64_t side, std::int64_t price, std::int64_t lots,
                         std::uint64_t id = 0,
                         unsigned flags = 0) { pass.apply({kind, side, price, lots, id, flags}); };
  apply(EventKind::kSnapshot, 1, 100, 5);
  apply(EventKind::kAdd, 1, 100, 3, 7);
  apply(EventKind::kAdd, -1, 103, 4, 8);
  CHECK_EQ(pass.bids().best().size, 8);
  CHECK_EQ(pass.first_missing_row(), -1);
  apply(EventKind::kModify, 1, 99, 6, 7);  // the order moves
  CHECK_EQ(pass.bids().best().size, 5);
  CHECK_EQ(pass.bids().size_at(99), 6);
  apply(EventKind::kModify, 1, 99, 0, 7);
  apply(EventKind::kModify, -1, 103, 9);
  apply(EventKind::kModify, 1, 98, 2, 9);
  CHECK_EQ(pass.asks().best().size, 9);
  CHECK_EQ(pass.bids().size_at(98), 2);
  apply(EventKind::kTrade, -1, 103, 2, 8);
  apply(EventKind::kTrade, -1, 103, 2, 8);
  apply(EventKind::kTrade, -1, 103, 9, 0, kFlagHidden);
  apply(EventKind::kTrade, 0, 103, 9);
  apply(EventKind::kStatus, 0, 0, 1);
  CHECK_EQ(pass.asks().best().size, 5);
  apply(EventKind::kCancel, 1, 100, 7);
  CHECK_EQ(pass.missing_lots(), 2);
  CHECK_EQ(pass.first_missing_row(), 12);
  apply(EventKind::kCancel, 1, 100, 7);
  CHECK_EQ(pass.missing_rows(), 2);
  CHECK_EQ(pass.first_missing_row(), 12);
  apply(EventKind::kAdd, -1, 104, 1, 8);
  apply(EventKind::kAdd, -1, 104, 1, 8);
  apply(EventKind::kClear, -1, 0, 0);
  CHECK(pass.asks().empty());
  CHECK(!pass.bids().empty());
  apply(EventKind::kClear, 0, 0, 0);
  CHECK(pass.bids().empty());
}

}  // namespace rlmm::parse
