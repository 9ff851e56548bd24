// Saving and loading the order book: what is damaged is refused, whatever it is.
#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "book/order_book.h"
#include "book_operations.h"
#include "book_under_test.h"
#include "check.h"
#include "serialize.h"

namespace rlmm {
namespace {

// The fields of a saved book, in their order.
struct State {
  struct SavedLevel {
    Ticks price_ticks;
    Level level;
  };
  struct SavedTracked {
    std::uint64_t slot;
    std::uint64_t arrival;
    Ticks price_ticks;
    Lots ahead_lots;
  };

  std::vector<Order> orders;
  std::vector<Slot> free;
  std::vector<SavedLevel> levels;
  std::array<std::vector<Slot>, 2 * OrderBook::kPools> pools;
  std::vector<SavedTracked> tracked;
  std::array<Ticks, 2> best;
  std::array<Lots, 2> side_lots;
  Ticks ring_low;
  std::uint64_t arrivals;
  std::size_t live;

  explicit State(const std::string& bytes) {
    Reader in(bytes);
    orders = in.get_vector<Order>();
    free = in.get_vector<Slot>();
    levels = in.get_vector<SavedLevel>();
    for (std::vector<Slot>& members : pools) members = in.get_vector<Slot>();
    tracked = in.get_vector<SavedTracked>();
    best = in.get<std::array<Ticks, 2>>();
    side_lots = in.get<std::array<Lots, 2>>();
    ring_low = in.get<Ticks>();
    arrivals = in.get<std::uint64_t>();
    live = in.get<std::size_t>();
    CHECK_EQ(in.left(), 0U);
  }

  std::string bytes() const {
    Writer out;
    out.put_vector(orders);
    out.put_vector(free);
    out.put_vector(levels);
    for (const std::vector<Slot>& members : pools) out.put_vector(members);
    out.put_vector(tracked);
    out.put(best);
    out.put(side_lots);
    out.put(ring_low);
    out.put(arrivals);
    out.put(live);
    return out.bytes();
  }
};

// Slots 0 to 4 are bids: 100, 100, 100, 99 and 20 000 ticks below; 5 an ask; 6 and 7 free. Slot 2
// is tracked; slot 5 is in pool 3, the others in pool 0.
std::string some_book() {
  BookUnderTest t;
  for (const Lots lots : {5, 6, 7}) t.add(kBuy, 100, lots, 1);
  t.add(kBuy, 99, 2);
  t.add(kBuy, -20'000, 4);
  t.add(kSell, 103, 9, 2, 3);
  const Slot sixth = t.add(kBuy, 97, 1);
  const Slot seventh = t.add(kBuy, 96, 1);
  t.cancel(sixth);
  t.cancel(seventh);
  t.book.track(2);
  Writer out;
  t.book.save(out);
  return out.bytes();
}

void load(OrderBook& book, const std::string& bytes) {
  Reader in(bytes);
  book.load(in);
}

std::string saved(const OrderBook& book) {
  Writer out;
  book.save(out);
  return out.bytes();
}

TEST("book state: loaded over another book, it is the saved one") {
  OrderBook book;
  for (Ticks price = 0; price < 20'000; price += 99) book.rest(kSell, price, 3, kCrowd, 1);
  load(book, some_book());
  CHECK(saved(book) == some_book());
  CHECK_EQ(book.queue_ahead(2), 11);
  CHECK_EQ(book.best(kBuy), 100);
  CHECK_EQ(book.next_price(kBuy, 99), -20'000);
  CHECK_EQ(book.rest(kBuy, 50, 1, kCrowd, 0), Slot{7});  // the slot freed last
  CHECK_EQ(book.rest(kBuy, 50, 1, kCrowd, 0), Slot{6});
  CHECK_EQ(book.rest(kBuy, 50, 1, kCrowd, 0), Slot{8});
  book.check_invariants();
}

TEST("book state: truncated anywhere it is refused, and the book is empty") {
  const std::string bytes = some_book();
  OrderBook book;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    load(book, bytes);
    CHECK_THROWS(load(book, bytes.substr(0, size)), std::invalid_argument, "state: expected");
    CHECK_EQ(book.live_orders(), 0U);
    CHECK(!book.has(kBuy) && !book.has(kSell));
    book.check_invariants();
  }
  CHECK(saved(book) == saved(OrderBook()));
}

// Of each contradiction, the message that names it.
struct Damage {
  const char* message;
  std::function<void(State&)> apply;
};

void refuse_all(const std::vector<Damage>& damages) {
  for (const Damage& damage : damages) {
    State state(some_book());
    damage.apply(state);
    OrderBook book;
    CHECK_THROWS(
        load(book, state.bytes()), std::invalid_argument,
        std::string("state: expected a sound order book, but order book: ") + damage.message);
    CHECK(saved(book) == saved(OrderBook()));
  }
}

constexpr auto kMost = std::numeric_limits<Ticks>::max();

TEST("book state: damaged orders are refused") {
  CHECK(State(some_book()).bytes() == some_book());
  refuse_all({
      {"a pool's members know", [](State& s) { s.orders[1].lots = 0; }},
      {"a pool's members know", [](State& s) { s.orders[1].lots = -6; }},
      {"a level's lots are", [](State& s) { s.orders[1].lots = 8; }},
      {"an order lies at its price", [](State& s) { s.orders[1].price_ticks = 99; }},
      {"a queue is in order of arrival", [](State& s) { s.orders[1].arrival = 1; }},
      {"an order has arrived", [](State& s) { s.orders[5].arrival = 9; }},
      {"links agree", [](State& s) { s.orders[1].previous = 2; }},
      {"links lead to slots", [](State& s) { s.orders[2].next = 8; }},
      {"links agree", [](State& s) { s.orders[2].next = 0; }},  // a circle
      {"an order lies at its price", [](State& s) { s.orders[2].next = 3; }},
      {"a queued order has lots", [](State& s) { s.orders[2].next = 6; }},
      {"a level's back is", [](State& s) { s.orders[1].next = kNoSlot; }},
      {"an order has a side", [](State& s) { s.orders[1].side = static_cast<Side>(2); }},
      {"an order has a side", [](State& s) { s.orders[1].side = static_cast<Side>(255); }},
      {"an order is in its own pool", [](State& s) { s.orders[1].side = kSell; }},
      {"an order is in its own pool", [](State& s) { s.orders[1].pool = 200; }},
      {"an order's padding is 0", [](State& s) { s.orders[1].padding = 1; }},
      {"a free slot is an empty one", [](State& s) { s.orders[6].lots = 1; }},
  });
}

// A side beyond 1 that fits the list of another pool, whose number it would be mistaken for.
TEST("book state: an order of no side, in the pool it seems to be in, is refused") {
  refuse_all({{"an order has a side", [](State& s) {
                 s.orders[5] = {
                     s.orders[5].price_ticks, 6, 9, kNoSlot, kNoSlot, 0, 2, 0, Side{7}, 0};
               }}});
}

TEST("book state: damaged lists of slots are refused") {
  refuse_all({
      {"a slot is live or free", [](State& s) { s.free.pop_back(); }},
      {"a slot is live or free", [](State& s) { s.orders.push_back(s.orders[6]); }},
      {"a free slot is an empty one", [](State& s) { s.free[0] = 8; }},
      {"a free slot is an empty one", [](State& s) { s.free[0] = kNoSlot; }},
      {"a free slot is an empty one", [](State& s) { s.free[0] = 1; }},
      {"a free slot is listed once", [](State& s) { s.free[0] = s.free[1]; }},
      {"a pool holds slots", [](State& s) { s.pools[0][1] = 8; }},
      {"a pool's members know", [](State& s) { std::swap(s.pools[0][0], s.pools[0][1]); }},
      {"a pool's members know", [](State& s) { s.pools[0].push_back(0); }},
      {"an order is in its own pool", [](State& s) { s.pools[1].swap(s.pools[0]); }},
      {"every live order is in a pool", [](State& s) { s.pools[0].pop_back(); }},
      {"every live order is in a pool", [](State& s) { ++s.live; }},
  });
}

TEST("book state: damaged levels are refused") {
  // Levels are saved from the lowest price up: -20 000, 99, 100, 103.
  refuse_all({
      {"a level's lots are", [](State& s) { ++s.levels[2].level.lots; }},
      {"the bitmap marks", [](State& s) { s.levels[2].level.front = kNoSlot; }},
      {"a level's ends", [](State& s) { s.levels[0].level.front = kNoSlot; }},
      {"a level's ends", [](State& s) { s.levels[2].level.back = 8; }},
      {"a level's back is", [](State& s) { s.levels[2].level.back = 1; }},
      {"links agree", [](State& s) { s.levels[2].level.front = 1; }},
      {"an order lies at its price", [](State& s) { s.levels[1].price_ticks = 98; }},
      {"a level lies within", [](State& s) { s.levels[0].price_ticks = -kMost - 1; }},
      {"a level lies within", [](State& s) { s.levels[0].price_ticks = kMost; }},
      {"far levels are sorted", [](State& s) { s.levels.push_back(s.levels[0]); }},
      {"the ring lies", [](State& s) { s.ring_low = kMost; }},
      {"the ring lies", [](State& s) { s.ring_low = -kMost - 1; }},
      {"the best prices", [](State& s) { s.best[0] = 99; }},
      {"the best prices", [](State& s) { s.best[1] = OrderBook::kNoAsk; }},
      {"the book is not crossed", [](State& s) { s.best[1] = 100; }},
      {"a side's lots", [](State& s) { ++s.side_lots[1]; }},
      {"every live order is in a queue",
       [](State& s) {
         s.levels.erase(s.levels.begin() + 1);
         s.side_lots[0] -= 2;
       }},
      {"a level has one side",
       [](State& s) {
         s.orders[2].side = kSell;
         s.orders[2].pool_index = 0;
         s.pools[0] = {0, 1, 4, 3};
         s.orders[4].pool_index = 2;
         s.pools[1] = {2};
       }},
      {"no bid lies above an ask",
       [](State& s) {
         s.levels[3].price_ticks = 98;
         s.orders[5].price_ticks = 98;
       }},
  });
}

TEST("book state: damaged counts of lots ahead are refused") {
  refuse_all({
      {"the count of lots ahead", [](State& s) { ++s.tracked[0].ahead_lots; }},
      {"a tracked order's price", [](State& s) { ++s.tracked[0].price_ticks; }},
      {"a tracked order is live", [](State& s) { ++s.tracked[0].arrival; }},
      {"a tracked order is live", [](State& s) { s.tracked[0].slot = 6; }},
      {"a tracked order is live", [](State& s) { s.tracked[0].slot = 8; }},
      {"a tracked order is live", [](State& s) { s.tracked[0].slot += std::uint64_t{1} << 32; }},
      {"an order has arrived", [](State& s) { s.arrivals = 5; }},
  });
}

// Whatever passes must be a book that can be worked with.
TEST("book state: any flipped byte is refused, or harmless") {
  const std::string bytes = some_book();
  int accepted = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xFF}) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      BookUnderTest t;
      try {
        load(t.book, damaged);
      } catch (const std::invalid_argument&) {
        continue;
      }
      ++accepted;
      for (int i = 0; i < 4; ++i) t.add(kBuy, 90, 3);
      t.execute(kBuy, 100, 80);
      t.execute(kSell, 100, 200);
    }
  }
  CHECK(accepted > 0);  // owners and the links of free slots may be anything
}

TEST("book state: a walk of check_invariants sees what the bytes cannot show") {
  BookUnderTest t;
  t.add(kBuy, 5, 2);
  const_cast<Order&>(t.book.order(0)).lots = 3;
  CHECK_THROWS(t.book.check_invariants(), InvariantError,
               "order book: a level's lots are those of its orders; please report this");
}

}  // namespace
}  // namespace rlmm
