#include <cstdint>
#include <limits>

#include "agent/account.h"
#include "check.h"
#include "rng.h"

namespace rlmm {
namespace {

__extension__ using Wide = __int128;
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

// Sold 2 at 101 and bought 3 at 98 around a mid of 100, then the mid moves to 100.5 (x2: 201).
TEST("account: hand-worked fills, marks and an odd mid") {
  Account account;
  account.open(5, 200);
  CHECK_EQ(account.pnl_x2(), 0);
  CHECK_EQ(account.fill(Side::kAsk, 101, 2, 7), 4);  // 2 lots x 1 tick x 2
  CHECK_EQ(account.inventory_lots(), 3);
  CHECK_EQ(account.cash(), 202);
  CHECK_EQ(account.fees(), 7);
  CHECK_EQ(account.spread_pnl_x2(), 4);
  CHECK_EQ(account.fill(Side::kBid, 98, 3, -1), 12);
  CHECK_EQ(account.inventory_lots(), 6);
  CHECK_EQ(account.cash(), 202 - 294);
  CHECK_EQ(account.fees(), 6);
  CHECK_EQ(account.spread_pnl_x2(), 4 + 12);
  CHECK_EQ(account.mark(201), 6);  // 6 lots x 1 half tick
  CHECK_EQ(account.inventory_pnl_x2(), 6);
  CHECK_EQ(account.mid_ticks_x2(), 201);
  // Wealth: 2 (-92 - 6) + 6 x 201 - 5 x 200 = -196 + 1206 - 1000 = 10 = 16 + 6 - 2 x 6.
  CHECK_EQ(account.pnl_x2(), 10);
  // Bought at 101 while the mid is 100.5: half a tick lost on each of 4 lots.
  CHECK_EQ(account.fill(Side::kBid, 101, 4, 0), -4);
  CHECK_EQ(account.spread_pnl_x2(), 16 - 4);
  CHECK_EQ(account.pnl_x2(), 10 - 4);
}

TEST("account: open forgets everything") {
  Account account;
  account.open(1, 100);
  account.fill(Side::kBid, 49, 2, 3);
  account.mark(120);
  account.open(-2, 80);
  CHECK_EQ(account.inventory_lots(), -2);
  CHECK_EQ(account.cash() + account.fees(), 0);
  CHECK_EQ(account.spread_pnl_x2() + account.inventory_pnl_x2(), 0);
  CHECK_EQ(account.pnl_x2(), 0);
}

// The same in numbers twice as wide, straight from the definition of wealth.
TEST("account: spread + inventory - fees = pnl, exactly, and as in a wide twin") {
  Stream stream({11, 12}, 0, Purpose::kMid);
  const auto draw = [&stream](std::int64_t low, std::int64_t high) {
    return low +
           static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(high - low + 1)));
  };
  for (int run = 0; run < 50; ++run) {
    const Lots opening = draw(-1000, 1000);
    const Ticks mid_first_x2 = draw(2, std::int64_t{1} << 41U);
    Account account;
    account.open(opening, mid_first_x2);
    Wide cash = 0;
    Wide fees = 0;
    Wide inventory = opening;
    Wide mid_x2 = mid_first_x2;
    for (int i = 0; i < 200; ++i) {
      if (draw(0, 1) == 0) {
        const Ticks moved_x2 = draw(2, std::int64_t{1} << 41U);
        account.mark(moved_x2);
        mid_x2 = moved_x2;
      } else {
        const Side side = draw(0, 1) == 0 ? Side::kBid : Side::kAsk;
        const Ticks price = draw(1, std::int64_t{1} << 40U);
        const Lots lots = draw(1, 2000);
        const Money fee = draw(-100, 100);
        account.fill(side, price, lots, fee);
        cash -= Wide{sign(side)} * price * lots;
        inventory += Wide{sign(side)} * lots;
        fees += fee;
      }
      const Wide wealth_x2 = 2 * (cash - fees) + inventory * mid_x2;
      const Wide pnl_x2 = wealth_x2 - Wide{opening} * mid_first_x2;
      CHECK(pnl_x2 == account.pnl_x2());
      CHECK_EQ(account.spread_pnl_x2() + account.inventory_pnl_x2() - 2 * account.fees(),
               account.pnl_x2());
      CHECK(cash == account.cash() && fees == account.fees());
      CHECK(inventory == account.inventory_lots());
    }
  }
}

TEST("account: leaving 64 bits is an error, not a wrong number") {
  Account account;
  CHECK_THROWS(account.open(kMost / 2, 3), RangeError, "opening value: left the range");
  account.open(0, 200);
  CHECK_THROWS(account.fill(Side::kBid, kMost / 8, 9, 0), RangeError, "notional of a fill");
  account.open(0, kMost / 4 * 2);  // sells at the mid, so that nothing but cash adds up
  account.fill(Side::kAsk, kMost / 4, 3, 0);
  CHECK_THROWS(account.fill(Side::kAsk, kMost / 4, 2, 0), RangeError, "cash");
  account.open(0, 200);
  account.fill(Side::kBid, 100, 1, kMost);
  CHECK_THROWS(account.fill(Side::kBid, 100, 1, 1), RangeError, "fees");
  account.open(kMost, 0);
  CHECK_THROWS(account.fill(Side::kBid, 1, 1, 0), RangeError, "inventory");
  account.open(0, 0);
  CHECK_THROWS(account.fill(Side::kBid, kMost / 4, 3, 0), RangeError, "spread");
  account.open(kMost / 4, 0);
  CHECK_THROWS(account.mark(5), RangeError, "gain of the inventory");
  account.open(0, 200);
  account.fill(Side::kBid, 100, 1, -kMost);  // wealth 2^63 - 101, and twice that in halves
  CHECK_THROWS(account.pnl_x2(), RangeError, "cash");
}

// 2.5 bps + 0.5 per lot: 10 000 x 3 x 0.00025 + 3 x 0.5 = 7.5 + 1.5 = 9; as a taker at 4 bps:
// 12. Maker again on 1 lot: 2.5 + 0.5 = 3; on 1 lot at 1000: 0.25 + 0.5 = 0.75, so 0 now and
// 0.75 carried; once more: 1.5, so 1 now and 0.5 carried.
TEST("fees: hand-worked, maker and taker, with what is carried") {
  FeeSchedule fees({2.5, 4.0, 0.5, 0.0});
  CHECK_EQ(fees.charge(10'000, 3, true), 9);
  CHECK_EQ(fees.charge(10'000, 3, false), 12);
  CHECK_EQ(fees.charge(10'000, 1, true), 3);
  CHECK_EQ(fees.carried_e9(), 0);
  CHECK_EQ(fees.charge(1000, 1, true), 0);
  CHECK_EQ(fees.carried_e9(), 750'000'000);
  CHECK_EQ(fees.charge(1000, 1, true), 1);
  CHECK_EQ(fees.carried_e9(), 500'000'000);
  fees.set_carried_e9(999'999'999);
  CHECK_EQ(fees.charge(4, 1, false), 1);  // 0.999999999 + 0.0016
}

// A rebate of 0.25 per lot: -0.25 is charged as -1 with 0.75 carried, then 0, 0, 0, then -1.
TEST("fees: rebates are rounded down too") {
  FeeSchedule fees({0.0, 0.0, -0.25, 0.0});
  for (const Money expected : {-1, 0, 0, 0, -1, 0, 0, 0, -1}) {
    CHECK_EQ(fees.charge(100, 1, true), expected);
    CHECK(fees.carried_e9() >= 0 && fees.carried_e9() < 1'000'000'000);
  }
}

// Rates in 1e-9 of the notional and of a lot: 0.37 bps = 37 000, -0.12 bps = -12 000,
// 0.013 / lot = 13 000 000, -0.021 / lot = -21 000 000.
TEST("fees: many tiny fills add up to the exact fee rounded down") {
  FeeSchedule fees({-0.12, 0.37, -0.021, 0.013});
  Stream stream({13, 14}, 0, Purpose::kMid);
  Wide exact_e9 = 0;
  Money charged = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto price = static_cast<Ticks>(1 + stream.below(30'000));
    const auto lots = static_cast<Lots>(1 + stream.below(3));
    const bool maker = stream.below(2) == 0;
    charged += fees.charge(price, lots, maker);
    exact_e9 += Wide{price} * lots * (maker ? -12'000 : 37'000) +
                Wide{lots} * (maker ? -21'000'000 : 13'000'000);
    CHECK(exact_e9 == Wide{charged} * 1'000'000'000 + fees.carried_e9());
    CHECK(fees.carried_e9() >= 0 && fees.carried_e9() < 1'000'000'000);
  }
  CHECK(charged > 0);
}

}  // namespace
}  // namespace rlmm
