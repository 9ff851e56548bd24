// Levels of the order book: the ring around the touch, its bitmap, and the levels far from it.
#include <algorithm>
#include <vector>

#include "book/order_book.h"
#include "book_under_test.h"
#include "check.h"

namespace rlmm {
namespace {

using Prices = std::vector<Ticks>;
constexpr Ticks kRing = OrderBook::kRingTicks;

TEST("book levels: every distance within and beyond the ring is found, up and down") {
  for (const Ticks touch :
       {Ticks{0}, Ticks{-1}, Ticks{63}, Ticks{64}, kRing - 1, -kRing, Ticks{1'000'003}}) {
    for (Ticks gap = 1; gap <= kRing + 130; gap += gap % 64 < 62 && gap > 200 ? 31 : 1) {
      BookUnderTest t;
      t.book.rest(kBuy, touch, 1, kCrowd, 0);
      t.book.rest(kBuy, touch - gap, 1, kCrowd, 0);
      t.book.rest(kSell, touch + 5, 1, kCrowd, 0);
      t.book.rest(kSell, touch + 5 + gap, 1, kCrowd, 0);
      CHECK_EQ(t.prices(kBuy), (Prices{touch, touch - gap}));
      CHECK_EQ(t.prices(kSell), (Prices{touch + 5, touch + 5 + gap}));
      t.book.cancel(t.book.level(touch).front);
      t.book.cancel(t.book.level(touch + 5).front);
      CHECK_EQ(t.book.best(kBuy), touch - gap);
      CHECK_EQ(t.book.best(kSell), touch + 5 + gap);
      t.book.check_invariants();
    }
  }
}

TEST("book levels: a full ring, emptied from the touch") {
  BookUnderTest t;
  for (Ticks price = 0; price < 3 * kRing; ++price) t.book.rest(kSell, price, 1, kCrowd, 0);
  t.book.check_invariants();
  for (Ticks price = 0; price < 3 * kRing; ++price) {
    CHECK_EQ(t.book.best(kSell), price);
    CHECK_EQ(t.book.lots_at(price), 1);
    t.book.execute(kSell, 1, price, t.sink());
    if (price % 500 == 0) t.book.check_invariants();
  }
  CHECK(!t.book.has(kSell));
  CHECK_EQ(t.fills.size(), static_cast<std::size_t>(3 * kRing));
}

TEST("book levels: orders left behind by a touch that wraps the ring many times are found again") {
  for (const Ticks step : {Ticks{1}, Ticks{-1}}) {
    BookUnderTest t;
    Prices left;
    const Side behind = step > 0 ? kBuy : kSell;
    Slot last = kNoSlot;
    for (Ticks i = 0; i < 20 * kRing; i += 37) {
      const Slot slot = t.book.rest(behind, i * step, 1 + i % 7, kCrowd, 0);
      if (i % 3 == 0) {
        left.push_back(i * step);  // stays for good
      } else {
        if (last != kNoSlot) t.book.cancel(last);
        last = slot;
      }
    }
    t.book.check_invariants();
    if (last != kNoSlot) t.book.cancel(last);
    std::ranges::reverse(left);
    CHECK_EQ(t.prices(behind), left);
    // And back again: far levels return to the ring as they become the touch.
    for (const Ticks price : left) {
      CHECK_EQ(t.book.best(behind), price);
      CHECK_EQ(t.book.best_lots(behind), 1 + (price * step) % 7);
      t.book.cancel(t.book.level(price).front);
    }
    t.book.check_invariants();
    CHECK_EQ(t.book.live_orders(), 0U);
  }
}

TEST("book levels: a spread wider than the ring") {
  BookUnderTest t;
  t.add(kBuy, -1'000'000, 3);
  t.add(kSell, 1'000'000, 4);
  t.add(kBuy, -1'000'001, 5);
  t.add(kSell, 1'000'001, 6);
  CHECK_EQ(t.prices(kBuy), (Prices{-1'000'000, -1'000'001}));
  CHECK_EQ(t.prices(kSell), (Prices{1'000'000, 1'000'001}));
  t.add(kBuy, 999'999, 1);  // the touch leaps over everything
  CHECK_EQ(t.prices(kBuy), (Prices{999'999, -1'000'000, -1'000'001}));
  CHECK_EQ(t.execute(kBuy, 9, -1'000'001), 9);
  CHECK_EQ(t.execute(kSell, 5, 1'000'001), 5);
  CHECK_EQ(t.traded(), "1000000x4(0) 1000001x1(5) ");
}

TEST("book levels: a queue far away moves into the ring and out of it whole") {
  BookUnderTest t;
  const Ticks far = 50'000;
  for (const Lots lots : {3, 1, 2}) t.add(kSell, far, lots);
  const Slot mine = t.add(kSell, far, 7, 1);
  t.book.track(mine);
  for (const Ticks touch : {Ticks{0}, far - 1, far - 100'000, far - kRing / 2, Ticks{12}}) {
    const Slot bid = t.add(kBuy, touch, 1);
    const Slot ask = t.add(kSell, touch + 1, 1);
    CHECK_EQ(t.book.lots_at(far), touch + 1 == far ? 14 : 13);
    CHECK_EQ(t.book.queue_ahead(mine), 6);
    t.cancel(ask);
    t.cancel(bid);
  }
  CHECK_EQ(t.queue(far), (std::vector<Lots>{3, 1, 2, 7}));
}

TEST("book levels: prices at the ends of the contract") {
  BookUnderTest t;
  const Ticks most = OrderBook::kPriceMax;
  for (const Ticks price : {most, most - 1, -most + 1, Ticks{0}}) t.add(kSell, price, 1);
  t.add(kBuy, -most, 1);
  CHECK_EQ(t.prices(kSell), (Prices{-most + 1, 0, most - 1, most}));
  CHECK_EQ(t.book.next_price(kBuy, -most), OrderBook::kNoBid);
  CHECK_EQ(t.book.next_price(kSell, most), OrderBook::kNoAsk);
  CHECK_EQ(t.execute(kSell, 10, most), 4);
  CHECK_EQ(t.execute(kBuy, 10, -most), 1);
  CHECK_EQ(t.book.live_orders(), 0U);
}

TEST("book levels: the same price changes sides") {
  BookUnderTest t;
  for (int i = 0; i < 10; ++i) {
    t.submit({.side = kBuy, .price_ticks = 5, .lots = 3});
    t.submit({.side = kSell, .price_ticks = 5, .lots = 7});
    CHECK_EQ(t.book.best(kSell), 5);
    t.submit({.side = kBuy, .price_ticks = 5, .lots = 4});
    CHECK_EQ(t.book.live_orders(), 0U);
  }
}

}  // namespace
}  // namespace rlmm
