#include "agent/account.h"

#include <cmath>

namespace rlmm {
namespace {

__extension__ using Wide = __int128;
constexpr std::int64_t kE9 = 1'000'000'000;

std::int64_t to_e9(double value) { return round_to_integer(value * static_cast<double>(kE9)); }

}  // namespace

FeeSchedule::FeeSchedule(const FeeParams& params)
    : maker_{to_e9(params.maker_bps * 1e-4), to_e9(params.maker_ticks_per_lot)},
      taker_{to_e9(params.taker_bps * 1e-4), to_e9(params.taker_ticks_per_lot)} {}

Money FeeSchedule::charge(Ticks price_ticks, Lots lots, bool maker) {
  const Rates& rates = maker ? maker_ : taker_;
  const Wide notional = static_cast<Wide>(price_ticks) * lots;
  const Wide due_e9 =
      notional * rates.notional_e9 + static_cast<Wide>(rates.per_lot_e9) * lots + carried_e9_;
  Wide charged = due_e9 / kE9;
  if (charged * kE9 > due_e9) --charged;  // round down for rebates too: what is carried is >= 0
  carried_e9_ = static_cast<std::int64_t>(due_e9 - charged * kE9);
  return static_cast<Money>(charged);
}

void Account::open(Lots inventory_lots, Ticks mid_ticks_x2) {
  *this = Account();
  inventory_lots_ = inventory_lots;
  mid_ticks_x2_ = mid_ticks_x2;
  opening_value_x2_ = checked_mul(inventory_lots, mid_ticks_x2, "opening value");
}

Money Account::fill(Side side, Ticks price_ticks, Lots lots, Money fee) {
  const std::int64_t direction = sign(side);
  const Money notional = checked_mul(price_ticks, lots, "notional of a fill");
  const Money edge_x2 = checked_mul(direction * (mid_ticks_x2_ - 2 * price_ticks), lots, "spread");
  cash_ = checked_add(cash_, -direction * notional, "cash");
  fees_ = checked_add(fees_, fee, "fees");
  inventory_lots_ = checked_add(inventory_lots_, direction * lots, "inventory");
  spread_pnl_x2_ = checked_add(spread_pnl_x2_, edge_x2, "spread");
  return edge_x2;
}

Money Account::pnl_x2() const {
  const Money value_x2 = checked_mul(inventory_lots_, mid_ticks_x2_, "value of the inventory");
  const Money net_cash_x2 = checked_mul(2, checked_add(cash_, -fees_, "cash"), "cash");
  return checked_add(checked_add(net_cash_x2, value_x2, "wealth"), -opening_value_x2_, "wealth");
}

}  // namespace rlmm
