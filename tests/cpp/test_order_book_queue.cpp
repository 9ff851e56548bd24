// Slots, pools and queue positions of the order book.
#include <cstdint>
#include <vector>

#include "book/order_book.h"
#include "book_under_test.h"
#include "check.h"
#include "serialize.h"

namespace rlmm {
namespace {

TEST("book: a slot is used again, its old arrival is dead") {
  BookUnderTest t;
  const Slot slot = t.add(kBuy, 10, 1);
  const std::uint64_t arrival = t.book.order(slot).arrival;
  CHECK(t.book.is_live(slot, arrival));
  t.cancel(slot);
  CHECK(!t.book.is_live(slot, arrival));
  CHECK_EQ(t.add(kBuy, 10, 1), slot);
  CHECK(!t.book.is_live(slot, arrival));
  CHECK(!t.book.is_live(slot + 1, arrival));
  CHECK(!t.book.is_live(kNoSlot, arrival));
}

TEST("book: the last of a pool takes the place of one that leaves") {
  BookUnderTest t;
  std::vector<Slot> slots;
  for (Ticks price = 1; price <= 5; ++price) slots.push_back(t.add(kBuy, price, 1, kCrowd, 3));
  const Slot elsewhere = t.add(kSell, 10, 1, kCrowd, 3);
  t.cancel(slots[1]);
  CHECK_EQ(t.book.pool(kBuy, 3), (std::vector<Slot>{slots[0], slots[4], slots[2], slots[3]}));
  t.cancel(slots[3]);
  CHECK_EQ(t.book.pool(kBuy, 3), (std::vector<Slot>{slots[0], slots[4], slots[2]}));
  t.execute(kBuy, 1, 5);
  CHECK_EQ(t.book.pool(kBuy, 3), (std::vector<Slot>{slots[0], slots[2]}));
  CHECK_EQ(t.book.pool(kSell, 3), std::vector<Slot>{elsewhere});
  CHECK(t.book.pool(kBuy, 0).empty());
}

// The count of a tracked order and the walk to an untracked one must agree.
TEST("book: queue-ahead follows what happens ahead, and nothing that happens behind") {
  for (const bool tracked : {false, true}) {
    BookUnderTest t;
    const Slot first = t.add(kBuy, 10, 8);
    const Slot second = t.add(kBuy, 10, 4);
    const Slot third = t.add(kBuy, 10, 2);
    const Slot mine = t.add(kBuy, 10, 1, 7);
    const Slot behind = t.add(kBuy, 10, 6);
    if (tracked) t.book.track(mine);
    if (tracked) t.book.track(mine);  // again: no harm
    CHECK_EQ(t.book.queue_ahead(first), 0);
    CHECK_EQ(t.book.queue_ahead(mine), 14);
    t.cancel(behind);
    t.add(kBuy, 10, 60);
    t.add(kBuy, 9, 5);
    CHECK_EQ(t.book.queue_ahead(mine), 14);
    t.cancel(second);
    CHECK_EQ(t.book.queue_ahead(mine), 10);
    t.execute(kBuy, 3, 10);
    CHECK_EQ(t.book.queue_ahead(mine), 7);
    t.book.reduce(first, 1);
    t.amend(first, 10, 2);
    CHECK_EQ(t.book.queue_ahead(mine), 4);
    t.amend(third, 10, 9);  // to the back
    CHECK_EQ(t.book.queue_ahead(mine), 2);
    t.execute(kBuy, 2, 10);
    CHECK_EQ(t.book.queue_ahead(mine), 0);
    CHECK_EQ(t.execute(kBuy, 1, 10), 1);
    CHECK_EQ(t.fills[0].owner, 7);
  }
}

TEST("book: a tracked order that is gone leaves nothing behind") {
  BookUnderTest t;
  t.add(kBuy, 10, 8);
  const Slot mine = t.add(kBuy, 10, 3, 7);
  t.book.track(mine);
  t.cancel(mine);
  const Slot reused = t.add(kBuy, 12, 1);
  CHECK_EQ(reused, mine);
  CHECK_EQ(t.book.queue_ahead(reused), 0);
  CHECK_EQ(t.book.queue_ahead(t.add(kBuy, 10, 1)), 8);
}

TEST("book: cleared, it is as new") {
  BookUnderTest t;
  for (Ticks price = -9000; price < 0; price += 333) t.add(kBuy, price, 5);
  for (Ticks price = 1; price < 9000; price += 333) t.add(kSell, price, 5, 1, 2);
  t.book.track(t.book.pool(kSell, 2)[0]);
  t.book.clear();
  t.book.check_invariants();
  CHECK(!t.book.has(kBuy) && !t.book.has(kSell));
  CHECK_EQ(t.book.live_orders(), 0U);
  CHECK_EQ(t.book.side_lots(kBuy) + t.book.side_lots(kSell), 0);
  Writer cleared;
  t.book.save(cleared);
  Writer fresh;
  OrderBook().save(fresh);
  CHECK(cleared.bytes() == fresh.bytes());
  CHECK_EQ(t.add(kSell, -5, 1), Slot{0});
  CHECK_EQ(t.book.order(0).arrival, std::uint64_t{1});
}

}  // namespace
}  // namespace rlmm
