// What the risk gate allows: the same names, fields and units as `rlmm_tf.kernels.risk.RiskLimits`.
#pragma once

#include <cstdint>

#include "types.h"

namespace rlmm {

struct RiskLimits {
  Lots position_lots_max = 0;
  Money notional_max = 0;
  Lots order_lots_max = 0;
  Money order_notional_max = 0;
  std::int64_t orders_per_s = 1;  // submits and amendments, a second's worth at once
  std::int64_t cancels_per_s = 1;
  std::int64_t open_orders_max = 1;
  Ticks collar_ticks = 0;
  Money daily_loss_max = 0;
  Money drawdown_max = 0;
  TimeNs stale_ns = 1;

  // Throws std::invalid_argument that names the field, what was expected and what came.
  void validate() const;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("position_lots_max", self.position_lots_max);
    visit("notional_max", self.notional_max);
    visit("order_lots_max", self.order_lots_max);
    visit("order_notional_max", self.order_notional_max);
    visit("orders_per_s", self.orders_per_s);
    visit("cancels_per_s", self.cancels_per_s);
    visit("open_orders_max", self.open_orders_max);
    visit("collar_ticks", self.collar_ticks);
    visit("daily_loss_max", self.daily_loss_max);
    visit("drawdown_max", self.drawdown_max);
    visit("stale_ns", self.stale_ns);
  }
};

}  // namespace rlmm
