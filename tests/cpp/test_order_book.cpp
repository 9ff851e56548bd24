// The rules of matching in the order book, one by one.
#include <cstdint>
#include <limits>
#include <vector>

#include "book/order_book.h"
#include "book_under_test.h"
#include "check.h"

namespace rlmm {
namespace {

using Queue = std::vector<Lots>;

TEST("book: an empty one") {
  BookUnderTest t;
  t.book.check_invariants();
  CHECK(!t.book.has(kBuy) && !t.book.has(kSell));
  CHECK_EQ(t.book.best(kBuy), OrderBook::kNoBid);
  CHECK_EQ(t.book.best(kSell), OrderBook::kNoAsk);
  CHECK_EQ(t.book.best_lots(kBuy), 0);
  CHECK_EQ(t.book.lots_at(0), 0);
  CHECK(!t.book.crosses(kBuy, OrderBook::kPriceMax));
  CHECK(!t.book.crosses(kSell, -OrderBook::kPriceMax));
  CHECK(!t.book.is_live(0, 0));
  CHECK_EQ(t.execute(kBuy, 5, -OrderBook::kPriceMax), 0);
  CHECK_EQ(t.execute(kSell, 5, OrderBook::kPriceMax), 0);
  CHECK_EQ(t.submit({.side = kBuy,
                     .price_ticks = 7,
                     .lots = 3,
                     .time_in_force = TimeInForce::kImmediateOrCancel})
               .dropped_lots,
           3);
  CHECK_EQ(t.book.live_orders(), 0U);
}

TEST("book: first come, first served at a price; the better price before the earlier order") {
  BookUnderTest t;
  t.add(kSell, 101, 5, 1);
  t.add(kSell, 100, 2, 2);
  t.add(kSell, 100, 3, 3);
  t.add(kSell, 100, 4, 4);
  const Outcome outcome = t.submit({.side = kBuy, .price_ticks = 101, .lots = 11});
  CHECK_EQ(t.traded(), "100x2(0) 100x3(0) 100x4(0) 101x2(3) ");
  CHECK_EQ(t.fills[1].owner, 3);
  CHECK(t.fills[1].side == kSell);
  CHECK_EQ(outcome.filled_lots, 11);
  CHECK_EQ(outcome.slot, kNoSlot);
  CHECK_EQ(t.queue(101), Queue{3});
  CHECK_EQ(t.book.best(kSell), 101);
  CHECK_EQ(t.book.side_lots(kSell), 3);
}

TEST("book: a partly filled order keeps its place, and the incoming rest lies at its limit") {
  BookUnderTest t;
  const Slot first = t.add(kBuy, 50, 10);
  t.add(kBuy, 50, 7);
  t.submit({.side = kSell, .price_ticks = 50, .lots = 4});
  CHECK_EQ(t.queue(50), (Queue{6, 7}));
  CHECK_EQ(t.book.level(50).front, first);
  const Outcome outcome = t.submit({.side = kSell, .price_ticks = 49, .lots = 20});
  CHECK_EQ(t.traded(), "50x6(0) 50x7(0) ");
  CHECK_EQ(outcome.filled_lots, 13);
  CHECK_EQ(outcome.dropped_lots, 0);
  CHECK_EQ(t.book.order(outcome.slot).lots, 7);
  CHECK_EQ(t.book.order(outcome.slot).price_ticks, 49);
  CHECK_EQ(t.book.best(kSell), 49);
  CHECK(!t.book.has(kBuy));
}

TEST("book: a fill is told while the order is still there") {
  BookUnderTest t;
  const Slot slot = t.add(kSell, 10, 5, 9, 2);
  int told = 0;
  t.book.submit({.side = kBuy, .price_ticks = 10, .lots = 5}, [&](const Fill& fill) {
    ++told;
    CHECK_EQ(fill.slot, slot);
    CHECK_EQ(fill.left_lots, 0);
    CHECK_EQ(t.book.order(slot).lots, 0);
    CHECK_EQ(t.book.pool(kSell, 2).size(), 1U);
    CHECK_EQ(t.book.live_orders(), 1U);
    CHECK_EQ(t.book.side_lots(kSell), 0);
  });
  CHECK_EQ(told, 1);
  CHECK_EQ(t.book.live_orders(), 0U);
}

TEST("book: immediate-or-cancel drops the rest") {
  BookUnderTest t;
  t.add(kSell, 10, 5);
  t.add(kSell, 12, 5);
  const Outcome outcome = t.submit({.side = kBuy,
                                    .price_ticks = 11,
                                    .lots = 8,
                                    .time_in_force = TimeInForce::kImmediateOrCancel});
  CHECK_EQ(outcome.filled_lots, 5);
  CHECK_EQ(outcome.dropped_lots, 3);
  CHECK(!outcome.refused);
  CHECK(!t.book.has(kBuy));
}

TEST("book: post-only is refused at the touch and rests behind it") {
  BookUnderTest t;
  t.add(kSell, 10, 5, 1);
  Submission order{
      .side = kBuy, .price_ticks = 10, .lots = 8, .time_in_force = TimeInForce::kPostOnly};
  Outcome outcome = t.submit(order);
  CHECK(outcome.refused);
  CHECK_EQ(outcome.dropped_lots, 8);
  CHECK_EQ(t.queue(10), Queue{5});
  order.owner = 1;  // an order of its own in the way counts too, and stays
  CHECK(t.submit(order).refused);
  CHECK_EQ(t.queue(10), Queue{5});
  order.price_ticks = 9;
  outcome = t.submit(order);
  CHECK(!outcome.refused);
  CHECK_EQ(t.queue(9), Queue{8});
}

TEST("book: fill-or-kill trades whole or not at all") {
  BookUnderTest t;
  t.add(kBuy, 100, 5);
  t.add(kBuy, 98, 5);
  t.add(kBuy, 90, 50);
  Submission order{
      .side = kSell, .price_ticks = 98, .lots = 11, .time_in_force = TimeInForce::kFillOrKill};
  Outcome outcome = t.submit(order);
  CHECK(outcome.refused);
  CHECK_EQ(outcome.dropped_lots, 11);
  CHECK_EQ(t.traded(), "");
  CHECK_EQ(t.book.side_lots(kBuy), 60);
  order.lots = 10;
  outcome = t.submit(order);
  CHECK(!outcome.refused);
  CHECK_EQ(outcome.filled_lots, 10);
  CHECK_EQ(t.traded(), "100x5(0) 98x5(0) ");
  order.price_ticks = 91;
  CHECK(t.submit(order).refused);
}

TEST("book: fill-or-kill does not count orders of the same owner") {
  BookUnderTest t;
  t.add(kSell, 10, 5, 1);
  t.add(kSell, 10, 5, 7);
  t.add(kSell, 11, 5, 2);
  Submission order{.side = kBuy,
                   .price_ticks = 11,
                   .lots = 11,
                   .time_in_force = TimeInForce::kFillOrKill,
                   .owner = 7};
  CHECK(t.submit(order).refused);  // 10 of the 15 are others'
  order.lots = 10;
  order.self_trade = SelfTrade::kCancelIncoming;
  CHECK(t.submit(order).refused);  // stops at its own order after 5
  order.self_trade = SelfTrade::kCancelBoth;
  CHECK(t.submit(order).refused);
  CHECK_EQ(t.book.live_orders(), 3U);  // refused before its own order was cancelled
  order.self_trade = SelfTrade::kCancelResting;
  CHECK_EQ(t.submit(order).filled_lots, 10);
  CHECK_EQ(t.traded(), "10x5(0) 11x5(0) ");
  CHECK(!t.book.has(kSell));
}

TEST("book: fill-or-kill that ends just before its own order trades") {
  for (const SelfTrade self_trade :
       {SelfTrade::kCancelResting, SelfTrade::kCancelIncoming, SelfTrade::kCancelBoth}) {
    BookUnderTest t;
    t.add(kSell, 10, 5, 1);
    t.add(kSell, 10, 5, 7);
    const Outcome outcome = t.submit({.side = kBuy,
                                      .price_ticks = 10,
                                      .lots = 5,
                                      .time_in_force = TimeInForce::kFillOrKill,
                                      .self_trade = self_trade,
                                      .owner = 7});
    CHECK_EQ(outcome.filled_lots, 5);
    CHECK_EQ(t.queue(10), Queue{5});  // its own is not met any more
  }
}

// Two of others, one of the incoming order's owner between them.
struct OwnOrderInTheWay : BookUnderTest {
  OwnOrderInTheWay() {
    add(kSell, 10, 4, 1);
    add(kSell, 10, 5, 7);
    add(kSell, 10, 6, 1);
  }
  Outcome meet(SelfTrade self_trade) {
    return submit(
        {.side = kBuy, .price_ticks = 10, .lots = 12, .self_trade = self_trade, .owner = 7});
  }
};

TEST("book: self-trade, the resting order is cancelled") {
  OwnOrderInTheWay t;
  const Outcome outcome = t.meet(SelfTrade::kCancelResting);
  CHECK_EQ(t.traded(), "10x4(0) 10x6(0) ");
  CHECK_EQ(outcome.filled_lots, 10);
  CHECK_EQ(t.book.order(outcome.slot).lots, 2);
  CHECK(!t.book.has(kSell));
}

TEST("book: self-trade, the incoming order is cancelled") {
  OwnOrderInTheWay t;
  const Outcome outcome = t.meet(SelfTrade::kCancelIncoming);
  CHECK_EQ(t.traded(), "10x4(0) ");
  CHECK_EQ(outcome.filled_lots, 4);
  CHECK_EQ(outcome.dropped_lots, 8);
  CHECK(!outcome.refused);
  CHECK_EQ(t.queue(10), (Queue{5, 6}));
  CHECK(!t.book.has(kBuy));
}

TEST("book: self-trade, both are cancelled") {
  OwnOrderInTheWay t;
  const Outcome outcome = t.meet(SelfTrade::kCancelBoth);
  CHECK_EQ(t.traded(), "10x4(0) ");
  CHECK_EQ(outcome.dropped_lots, 8);
  CHECK_EQ(t.queue(10), Queue{6});
  CHECK(!t.book.has(kBuy));
}

TEST("book: the crowd trades with itself, and `execute` is of the crowd") {
  BookUnderTest t;
  t.add(kSell, 10, 4);
  CHECK_EQ(t.submit({.side = kBuy, .price_ticks = 10, .lots = 3}).filled_lots, 3);
  t.add(kSell, 10, 4, 7);
  CHECK_EQ(t.execute(kSell, 5, 10), 5);
  CHECK_EQ(t.traded(), "10x1(0) 10x4(0) ");
}

TEST("book: `execute` stops at its limit and says what it filled") {
  BookUnderTest t;
  for (const Ticks price : {100, 98, 97}) t.add(kBuy, price, 5);
  CHECK_EQ(t.execute(kBuy, 100, 98), 10);
  CHECK_EQ(t.traded(), "100x5(0) 98x5(0) ");
  CHECK_EQ(t.execute(kBuy, 2, -OrderBook::kPriceMax), 2);
  CHECK_EQ(t.execute(kBuy, 0, -OrderBook::kPriceMax), 0);
  CHECK_EQ(t.prices(kBuy), std::vector<Ticks>{97});
}

TEST("book: cancelling at the front, in the middle, at the back, and the last of a level") {
  BookUnderTest t;
  std::vector<Slot> slots;
  for (const Lots lots : {1, 2, 3, 4, 5}) slots.push_back(t.add(kBuy, 20, lots));
  t.add(kBuy, 15, 9);
  t.cancel(slots[0]);
  t.cancel(slots[2]);
  t.cancel(slots[4]);
  CHECK_EQ(t.queue(20), (Queue{2, 4}));
  CHECK_EQ(t.book.best_lots(kBuy), 6);
  t.cancel(slots[1]);
  t.cancel(slots[3]);
  CHECK_EQ(t.book.best(kBuy), 15);
  CHECK_THROWS(t.book.cancel(slots[3]), InvariantError, "order.lots");
  CHECK_THROWS(t.book.reduce(slots[3], 1), InvariantError, "order.lots");
  CHECK_THROWS(t.book.track(slots[3]), InvariantError, "order.lots");
  CHECK_THROWS(t.amend(slots[3], 20, 1), InvariantError, "before.lots");
}

TEST("book: reducing keeps the place; to nothing or below is refused") {
  BookUnderTest t;
  const Slot slot = t.add(kSell, 20, 10);
  t.add(kSell, 20, 1);
  t.book.reduce(slot, 9);
  t.book.check_invariants();
  CHECK_EQ(t.queue(20), (Queue{1, 1}));
  CHECK_EQ(t.book.level(20).front, slot);
  CHECK_THROWS(t.book.reduce(slot, 1), InvariantError, "order.lots");
  CHECK_THROWS(t.book.reduce(slot, 0), InvariantError, "1 <= lots");
  CHECK_THROWS(t.book.reduce(slot, -3), InvariantError, "1 <= lots");
  CHECK_EQ(t.book.side_lots(kSell), 2);
}

TEST("book: amended to no more lots at its price, an order keeps its place") {
  BookUnderTest t;
  const Slot slot = t.add(kBuy, 20, 10, 3, 1);
  t.add(kBuy, 20, 5);
  for (const Lots lots : {10, 7, 1}) {
    const Outcome outcome = t.amend(slot, 20, lots, TimeInForce::kFillOrKill);
    CHECK_EQ(outcome.slot, slot);
    CHECK(!outcome.refused);
    CHECK_EQ(outcome.dropped_lots, 0);
    CHECK_EQ(t.queue(20), (Queue{lots, 5}));
  }
}

TEST("book: amended to more lots or another price, an order goes to the back") {
  BookUnderTest t;
  const Slot slot = t.add(kBuy, 20, 10, 3, 1);
  const std::uint64_t arrival = t.book.order(slot).arrival;
  t.add(kBuy, 20, 5);
  Outcome outcome = t.amend(slot, 20, 11);
  CHECK_EQ(t.queue(20), (Queue{5, 11}));
  CHECK(t.book.order(outcome.slot).arrival > arrival);
  CHECK_EQ(t.book.order(outcome.slot).owner, 3);
  CHECK_EQ(t.book.pool(kBuy, 1), std::vector<Slot>{outcome.slot});
  t.add(kBuy, 19, 8);
  outcome = t.amend(outcome.slot, 19, 2);
  CHECK_EQ(t.queue(19), (Queue{8, 2}));
  CHECK_EQ(t.queue(20), Queue{5});
}

TEST("book: an amended order may trade, or be refused and gone") {
  BookUnderTest t;
  t.add(kSell, 25, 4, 1);
  Slot slot = t.add(kBuy, 20, 10, 3);
  Outcome outcome = t.amend(slot, 25, 10);
  CHECK_EQ(t.traded(), "25x4(0) ");
  CHECK_EQ(t.queue(25), Queue{6});
  t.add(kSell, 30, 1);
  slot = outcome.slot;
  const std::uint64_t arrival = t.book.order(slot).arrival;
  outcome = t.amend(slot, 30, 6, TimeInForce::kPostOnly);
  CHECK(outcome.refused);
  CHECK_EQ(outcome.dropped_lots, 6);
  CHECK_EQ(outcome.slot, kNoSlot);
  CHECK(!t.book.is_live(slot, arrival));
  CHECK(!t.book.has(kBuy));
}

TEST("book: prices and sizes outside the contract are refused at the door") {
  BookUnderTest t;
  const Slot slot = t.add(kBuy, 1, 1);
  const auto refused = [&](Ticks price_ticks, Lots lots, const char* message) {
    CHECK_THROWS(t.book.submit({.price_ticks = price_ticks, .lots = lots}, t.sink()),
                 std::invalid_argument, message);
    CHECK_THROWS(t.amend(slot, price_ticks, lots), std::invalid_argument, message);
  };
  const Ticks most = OrderBook::kPriceMax;
  refused(most + 1, 1, "price_ticks: expected from -2^40 to 2^40, got 1099511627777");
  refused(-most - 1, 1, "price_ticks: expected from -2^40 to 2^40, got -1099511627777");
  refused(std::numeric_limits<Ticks>::min(), 1, "price_ticks: expected");
  refused(OrderBook::kNoAsk, 1, "price_ticks: expected");
  refused(0, 0, "lots: expected from 1 to 2147483647, got 0");
  refused(0, -1, "lots: expected from 1 to 2147483647, got -1");
  refused(0, Lots{1} << 31, "lots: expected from 1 to 2147483647, got 2147483648");
  CHECK_EQ(t.book.live_orders(), 1U);
  t.submit({.side = kBuy, .price_ticks = -most, .lots = OrderBook::kOrderLotsMax});
  t.submit({.side = kSell, .price_ticks = most, .lots = OrderBook::kOrderLotsMax});
  CHECK_EQ(t.prices(kBuy), (std::vector<Ticks>{1, -most}));
  CHECK_EQ(t.prices(kSell), std::vector<Ticks>{most});
}

TEST("book: sizes add up beyond 32 bits") {
  BookUnderTest t;
  for (int i = 0; i < 5; ++i) t.add(kSell, 10, OrderBook::kOrderLotsMax);
  CHECK_EQ(t.book.best_lots(kSell), 5 * OrderBook::kOrderLotsMax);
  CHECK_EQ(t.book.queue_ahead(t.book.level(10).back), 4 * OrderBook::kOrderLotsMax);
  CHECK_EQ(t.execute(kSell, 6 * OrderBook::kOrderLotsMax, 10), 5 * OrderBook::kOrderLotsMax);
}

}  // namespace
}  // namespace rlmm
