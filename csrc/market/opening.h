// A book and a past that a simulation goes on from, such as those of a recorded day.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "flow/event_flow.h"
#include "flow/flow_model.h"
#include "types.h"

namespace rlmm {

struct Opening {
  struct Resting {
    Ticks price_ticks;
    Lots lots;
    Side side;
    OrderClass order_class;
  };
  std::vector<Resting> orders;  // those of one price in order of priority
  EventFlow::Past past{};
  TimeNs season_ns = 0;               // time of day at time 0
  std::optional<std::size_t> regime;  // none: drawn
  double gap_ticks = 0.0;             // of the hidden efficient price over the mid

  // Throws std::invalid_argument that names the order or field for anything the book cannot hold:
  // sides that cross, a side without orders, prices too far apart, a regime the model has not.
  void validate(const FlowModel& model) const;
};

}  // namespace rlmm
