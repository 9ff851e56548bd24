// What the agent owns and owes, in exact integers.
//
// Wealth = cash + inventory x mid - fees, counted in half tick x lots (`_x2`) because the mid can
// lie between two ticks. Its change since the start splits without remainder into
//   spread (distance of each fill from the mid at that time), inventory (what the mid's moves did
//   to the position held) and fees.
#pragma once

#include "params.h"
#include "types.h"

namespace rlmm {

// Charges the exact cumulative fee rounded down to whole tick x lots: the part of a unit that a
// fill leaves over is carried to the next one, so nothing drifts however small the fills are.
class FeeSchedule {
 public:
  explicit FeeSchedule(const FeeParams& params);

  // Fee of one fill; negative is a rebate.
  Money charge(Ticks price_ticks, Lots lots, bool maker);

  // The part of a tick x lot not yet charged, in 1e-9 of it; from 0 up to 1e9 - 1.
  std::int64_t carried_e9() const { return carried_e9_; }
  void set_carried_e9(std::int64_t carried_e9) { carried_e9_ = carried_e9; }

 private:
  struct Rates {
    std::int64_t notional_e9;  // share of the notional, in 1e-9
    std::int64_t per_lot_e9;   // ticks per lot, in 1e-9
  };
  Rates maker_;
  Rates taker_;
  std::int64_t carried_e9_ = 0;
};

class Account {
 public:
  void open(Lots inventory_lots, Ticks mid_ticks_x2);

  // Buys (bid) or sells (ask) `lots` at `price_ticks`; returns what that earns against the present
  // mid, before the fee.
  Money fill(Side side, Ticks price_ticks, Lots lots, Money fee);

  // Moves the mark; returns what that did to the position.
  Money mark(Ticks mid_ticks_x2) {
    const Money moved =
        checked_mul(inventory_lots_, mid_ticks_x2 - mid_ticks_x2_, "gain of the inventory");
    inventory_pnl_x2_ = checked_add(inventory_pnl_x2_, moved, "gain of the inventory");
    mid_ticks_x2_ = mid_ticks_x2;
    return moved;
  }

  Lots inventory_lots() const { return inventory_lots_; }
  Money cash() const { return cash_; }
  Money fees() const { return fees_; }
  Money spread_pnl_x2() const { return spread_pnl_x2_; }
  Money inventory_pnl_x2() const { return inventory_pnl_x2_; }
  Ticks mid_ticks_x2() const { return mid_ticks_x2_; }

  // Marked to the mid, less what the opening inventory was worth: 0 at the start.
  Money pnl_x2() const;

 private:
  Lots inventory_lots_ = 0;
  Money cash_ = 0;  // before fees
  Money fees_ = 0;
  Money spread_pnl_x2_ = 0;
  Money inventory_pnl_x2_ = 0;
  Money opening_value_x2_ = 0;
  Ticks mid_ticks_x2_ = 0;
};

}  // namespace rlmm
