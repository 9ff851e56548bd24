// The risk gate's rules, one by one; and a short run of its adversary.
#include <limits>
#include <vector>

#include "check.h"
#include "checks.h"
#include "risk/gate.h"
#include "risk_adversary.h"

namespace rlmm {
namespace {

constexpr TimeNs kS = 1'000'000'000;
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();

RiskLimits wide() {
  RiskLimits limits;
  limits.position_lots_max = 20;
  limits.notional_max = kMost;
  limits.order_lots_max = 10;
  limits.order_notional_max = kMost;
  limits.orders_per_s = 100;
  limits.cancels_per_s = 100;
  limits.open_orders_max = 8;
  limits.collar_ticks = 50;
  limits.daily_loss_max = kMost;
  limits.drawdown_max = kMost;
  limits.stale_ns = kS;
  return limits;
}

// With a market at 100 ticks, a second after time 0.
RiskGate gate_with(const RiskLimits& limits) {
  RiskGate gate(limits);
  gate.on_market(200, kS);
  return gate;
}

void is(RiskReason got, RiskReason wanted) { CHECK_EQ(got, wanted); }

RiskReason bid(RiskGate& gate, std::uint64_t id, Ticks price, Lots lots, TimeNs now = kS) {
  return gate.submit(id, Side::kBid, price, lots, now);
}
RiskReason ask(RiskGate& gate, std::uint64_t id, Ticks price, Lots lots, TimeNs now = kS) {
  return gate.submit(id, Side::kAsk, price, lots, now);
}

}  // namespace

TEST("risk: what is no price or size, and what came before any market") {
  RiskGate gate(wide());
  is(bid(gate, 1, 99, 1), RiskReason::kNoMarket);
  gate.on_market(200, kS);
  for (const Ticks price : {Ticks{0}, kLeast, kMost, RiskGate::kPriceMost + 1}) {
    is(bid(gate, 1, price, 1), RiskReason::kBadPrice);
  }
  for (const Lots lots : {Lots{0}, kLeast, kMost, RiskGate::kLotsMost + 1}) {
    is(bid(gate, 1, 99, lots), RiskReason::kBadSize);
  }
  is(bid(gate, 1, 99, 1), RiskReason::kPassed);
  gate.on_feed_lost();
  is(bid(gate, 2, 98, 1), RiskReason::kNoMarket);
}

TEST("risk: size, notional and collar of one order") {
  RiskLimits limits = wide();
  limits.order_notional_max = 500;
  RiskGate gate = gate_with(limits);
  is(bid(gate, 1, 99, 11), RiskReason::kOrderSize);
  is(bid(gate, 1, 99, 6), RiskReason::kOrderNotional);
  is(bid(gate, 1, 49, 1), RiskReason::kPriceCollar);
  is(ask(gate, 1, 151, 1), RiskReason::kPriceCollar);
  is(bid(gate, 1, 50, 10), RiskReason::kPassed);  // both to the limit
}

TEST("risk: position, exposure and notional, with everything that is open") {
  RiskLimits limits = wide();
  limits.order_lots_max = 30;
  RiskGate gate = gate_with(limits);
  is(bid(gate, 1, 99, 21), RiskReason::kPosition);
  is(bid(gate, 1, 99, 12), RiskReason::kPassed);
  is(bid(gate, 2, 98, 9), RiskReason::kExposure);
  is(bid(gate, 2, 98, 8), RiskReason::kPassed);
  is(ask(gate, 3, 101, 20), RiskReason::kPassed);  // sides count apart
  CHECK_EQ(gate.worst_lots(Side::kBid), 20);
  CHECK_EQ(gate.worst_lots(Side::kAsk), 20);
  limits.notional_max = 1999;
  gate = gate_with(limits);
  is(bid(gate, 1, 99, 20), RiskReason::kNotional);
  is(bid(gate, 1, 99, 19), RiskReason::kPassed);
}

TEST("risk: orders and cancels are counted apart, by the second") {
  RiskLimits limits = wide();
  limits.orders_per_s = 2;
  limits.cancels_per_s = 1;
  RiskGate gate = gate_with(limits);
  is(bid(gate, 1, 99, 1), RiskReason::kPassed);
  is(bid(gate, 2, 98, 1), RiskReason::kPassed);
  is(bid(gate, 3, 97, 1), RiskReason::kOrderRate);
  is(gate.amend(1, 98, 1, kS), RiskReason::kOrderRate);
  is(gate.cancel(1, kS), RiskReason::kPassed);
  is(gate.cancel(2, kS), RiskReason::kCancelRate);
  is(bid(gate, 3, 97, 1, kS + kS / 2 - 1), RiskReason::kOrderRate);
  is(bid(gate, 3, 97, 1, kS + kS / 2), RiskReason::kPassed);
  gate.halt(RiskReason::kKillSwitch);
  is(gate.cancel(2, kS), RiskReason::kPassed);  // however many
  is(gate.cancel(3, kS), RiskReason::kPassed);
}

TEST("risk: stale data, and time that goes back") {
  RiskGate gate = gate_with(wide());
  is(bid(gate, 1, 99, 1, 2 * kS), RiskReason::kPassed);
  is(bid(gate, 2, 98, 1, 2 * kS + 1), RiskReason::kStaleData);
  is(bid(gate, 2, 98, 1, 0), RiskReason::kStaleData);  // an earlier time is the latest
  is(bid(gate, 2, 98, 1, kMost), RiskReason::kStaleData);
  gate.on_market(200, kLeast);
  is(bid(gate, 2, 98, 1, kMost), RiskReason::kPassed);
}

TEST("risk: duplicates, own orders, orders that are not there, and too many") {
  RiskLimits limits = wide();
  limits.open_orders_max = 3;
  RiskGate gate = gate_with(limits);
  is(bid(gate, 5, 99, 1), RiskReason::kPassed);
  is(bid(gate, 5, 98, 1), RiskReason::kDuplicateId);
  is(bid(gate, 4, 98, 1), RiskReason::kDuplicateId);
  is(bid(gate, 6, 99, 1), RiskReason::kDuplicateOrder);
  is(ask(gate, 6, 99, 1), RiskReason::kSelfTrade);
  is(ask(gate, 6, 98, 1), RiskReason::kSelfTrade);
  is(ask(gate, 6, 100, 1), RiskReason::kPassed);
  is(gate.amend(6, 99, 1, kS), RiskReason::kSelfTrade);
  is(gate.amend(7, 99, 1, kS), RiskReason::kUnknownOrder);
  is(gate.cancel(7, kS), RiskReason::kUnknownOrder);
  is(bid(gate, 7, 97, 1), RiskReason::kPassed);
  is(bid(gate, 8, 96, 1), RiskReason::kOpenOrders);
  // The old price counts until the amendment is answered.
  is(gate.amend(5, 90, 1, kS), RiskReason::kPassed);
  is(gate.amend(6, 99, 1, kS), RiskReason::kSelfTrade);
  gate.on_amended(5, 90, 1);
  is(gate.amend(6, 99, 1, kS), RiskReason::kPassed);
}

TEST("risk: an amendment counts with the larger size until it is answered") {
  RiskGate gate = gate_with(wide());
  is(bid(gate, 1, 99, 10), RiskReason::kPassed);
  is(gate.amend(1, 99, 2, kS), RiskReason::kPassed);
  CHECK_EQ(gate.worst_lots(Side::kBid), 10);
  is(gate.amend(1, 99, 4, kS), RiskReason::kPassed);
  gate.on_amended(1, 99, 2);
  CHECK_EQ(gate.worst_lots(Side::kBid), 10);  // another one is under way
  gate.on_amended(1, 99, 4);
  CHECK_EQ(gate.worst_lots(Side::kBid), 4);
  is(bid(gate, 2, 98, 10), RiskReason::kPassed);
  is(gate.amend(1, 99, 11, kS), RiskReason::kOrderSize);
  is(gate.amend(1, 99, 10, kS), RiskReason::kPassed);
  is(bid(gate, 3, 97, 1), RiskReason::kExposure);
  gate.on_amended(1, 99, 11);  // more than was asked for
  CHECK_EQ(gate.why(), RiskReason::kMismatch);
}

TEST("risk: fills move the position; those that cannot be halt") {
  RiskGate gate = gate_with(wide());
  is(bid(gate, 1, 99, 10), RiskReason::kPassed);
  gate.on_fill(1, 99, 4, 0, kS);
  CHECK_EQ(gate.position_lots(), 4);
  CHECK_EQ(gate.worst_lots(Side::kBid), 10);
  CHECK_EQ(gate.pnl(), 4);
  gate.on_fill(1, 99, 6, 3'000'000'000, kS);
  CHECK_EQ(gate.pnl(), 7);
  CHECK(gate.open().empty());
  gate.on_fill(1, 99, 1, 0, kS);
  CHECK_EQ(gate.why(), RiskReason::kUnknownFill);
  CHECK_EQ(gate.position_lots(), 10);
  gate.clear();
  is(ask(gate, 2, 101, 5), RiskReason::kPassed);
  gate.on_fill(2, 101, 6, 0, kS);
  CHECK_EQ(gate.why(), RiskReason::kOverfill);
  CHECK_EQ(gate.position_lots(), 4);
  for (const std::int64_t bad : {std::int64_t{0}, kLeast, kMost}) {
    gate.clear();
    gate.on_fill(2, bad, 1, 0, kS);
    CHECK_EQ(gate.why(), RiskReason::kBadReport);
    gate.clear();
    gate.on_fill(2, 100, bad, 0, kS);
    CHECK_EQ(gate.why(), RiskReason::kBadReport);
    gate.clear();
    gate.on_market(bad, kS);
    CHECK_EQ(gate.why(), RiskReason::kBadReport);
    gate.clear();
    gate.on_amended(2, bad, 1);
    CHECK_EQ(gate.why(), RiskReason::kBadReport);
  }
  CHECK_EQ(gate.position_lots(), 4);
}

TEST("risk: the daily loss and the drawdown halt until they are cleared") {
  RiskLimits limits = wide();
  limits.daily_loss_max = 50;
  limits.drawdown_max = 80;
  RiskGate gate = gate_with(limits);
  is(bid(gate, 1, 99, 10), RiskReason::kPassed);
  gate.on_fill(1, 99, 10, 0, kS);
  gate.on_market(188, kS);  // -50: at the limit
  CHECK_EQ(gate.state(), RiskState::kActive);
  gate.on_market(187, kS);
  CHECK_EQ(gate.why(), RiskReason::kDailyLoss);
  is(ask(gate, 2, 101, 1), RiskReason::kHalted);
  is(gate.amend(2, 101, 1, kS), RiskReason::kHalted);
  gate.on_market(300, kS);
  CHECK_EQ(gate.state(), RiskState::kHalted);  // whatever the market does
  gate.clear();
  CHECK_EQ(gate.day_pnl(), 0);
  constexpr TimeNs kTomorrow = 25 * kHourNs;
  gate.on_market(292, kTomorrow - kHourNs - 1);
  gate.on_market(290, kTomorrow);  // another day: 50 lost, 40 of them yesterday
  CHECK_EQ(gate.state(), RiskState::kActive);
  CHECK_EQ(gate.drawdown(), 50);
  gate.on_market(283, kTomorrow);
  CHECK_EQ(gate.why(), RiskReason::kDrawdown);
}

TEST("risk: while reducing, only what brings the position nearer to zero passes") {
  RiskGate gate = gate_with(wide());
  is(bid(gate, 1, 99, 10), RiskReason::kPassed);
  gate.on_fill(1, 99, 4, 0, kS);
  gate.reduce(RiskReason::kKillSwitch);
  CHECK_EQ(gate.state(), RiskState::kReducing);
  is(bid(gate, 2, 98, 1), RiskReason::kReducing);
  is(gate.amend(1, 100, 6, kS), RiskReason::kReducing);  // no larger, but nearer
  is(gate.amend(1, 99, 3, kS), RiskReason::kPassed);
  is(ask(gate, 2, 101, 5), RiskReason::kReducing);  // through zero
  is(ask(gate, 2, 101, 3), RiskReason::kPassed);
  is(ask(gate, 3, 102, 2), RiskReason::kReducing);
  is(gate.amend(2, 101, 4, kS), RiskReason::kPassed);
  is(gate.cancel(1, kS), RiskReason::kPassed);
  gate.halt(RiskReason::kKillSwitch);
  gate.reduce(RiskReason::kPosition);
  CHECK_EQ(gate.state(), RiskState::kHalted);
  gate.clear();
  CHECK_EQ(gate.state(), RiskState::kActive);
  CHECK_EQ(gate.why(), RiskReason::kPassed);
}

TEST("risk: what the exchange holds takes the place of what was believed") {
  RiskGate gate(wide());
  gate.on_reconciled(30, {{7, 99, 99, 5, 0, Side::kAsk}});
  CHECK_EQ(gate.state(), RiskState::kReducing);  // beyond the limit
  gate.on_market(200, kS);
  CHECK_EQ(gate.pnl(), 0);
  is(bid(gate, 8, 98, 1), RiskReason::kPosition);
  is(ask(gate, 7, 101, 1), RiskReason::kDuplicateId);
  is(ask(gate, 8, 101, 10), RiskReason::kPassed);
  gate.on_fill(8, 101, 10, 0, kS);
  CHECK_EQ(gate.state(), RiskState::kActive);
  CHECK_EQ(gate.pnl(), 10);
  gate.on_reconciled(20, {});
  CHECK_EQ(gate.state(), RiskState::kActive);
  CHECK_EQ(gate.worst_lots(Side::kAsk), -20);
  gate.on_reconciled(-5, {});
  CHECK_EQ(gate.why(), RiskReason::kMismatch);
  CHECK_EQ(gate.position_lots(), -5);
  CHECK_EQ(gate.pnl(), 10);
  gate.clear();
  gate.on_reconciled(kMost, {});
  CHECK_EQ(gate.why(), RiskReason::kBadReport);
  gate.clear();
  gate.on_reconciled(0, {{9, 99, 99, kMost, 0, Side::kBid}});
  CHECK_EQ(gate.why(), RiskReason::kBadReport);
  CHECK_EQ(gate.position_lots(), -5);
}

TEST("risk: limits that are none are refused by name") {
  const auto refused = [](auto change, const char* field) {
    RiskLimits limits = wide();
    change(limits);
    CHECK_THROWS(RiskGate(limits), std::invalid_argument, field);
  };
  refused([](RiskLimits& l) { l.position_lots_max = -1; }, "position_lots_max");
  refused([](RiskLimits& l) { l.notional_max = -1; }, "notional_max");
  refused([](RiskLimits& l) { l.order_lots_max = kMost; }, "order_lots_max");
  refused([](RiskLimits& l) { l.order_notional_max = -1; }, "order_notional_max");
  refused([](RiskLimits& l) { l.orders_per_s = 0; }, "orders_per_s");
  refused([](RiskLimits& l) { l.cancels_per_s = kMost; }, "cancels_per_s");
  refused([](RiskLimits& l) { l.open_orders_max = 0; }, "open_orders_max");
  refused([](RiskLimits& l) { l.collar_ticks = kLeast; }, "collar_ticks");
  refused([](RiskLimits& l) { l.daily_loss_max = -1; }, "daily_loss_max");
  refused([](RiskLimits& l) { l.drawdown_max = -1; }, "drawdown_max");
  refused([](RiskLimits& l) { l.stale_ns = 0; }, "stale_ns");
}

TEST("risk: no adversary brings the worst case over a limit") {
  RiskTally tally;
  for (std::uint64_t slice = 0; slice < 12; ++slice) {
    run_risk_slice(3, slice, kRiskSliceActions, tally);
  }
  CHECK(tally.passed > 20'000);
  CHECK(tally.fills > 5'000);
}

TEST("risk: the table of reasons is in the order of the reasons") {
  for (std::size_t i = 0; i < kRiskReasons.size(); ++i) {
    CHECK_EQ(static_cast<std::size_t>(kRiskReasons[i].id), i);
  }
}

}  // namespace rlmm
