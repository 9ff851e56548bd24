// What a recording says of orders that somebody rested in it: when they were filled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "market/replay_tape.h"
#include "replay_params.h"
#include "types.h"

namespace rlmm {

// Of one order of its own: it is alone with the record.
struct RestingOrder {
  TimeNs start_ns = 0;  // comes to rest, after the events of that time
  TimeNs end_ns = 0;    // is taken off
  Ticks price_ticks = 0;
  Lots lots = 0;
  Side side = Side::kBid;
};

struct RestingFill {
  std::size_t order = 0;
  TimeNs ts_ns = 0;
  Lots lots = 0;
};

struct RestingFills {
  std::vector<RestingFill> fills;        // order by order, then by time
  std::vector<std::uint8_t> has_rested;  // of each order: 0 where it would have traded at once
};

// Throws std::invalid_argument that names the order; RangeError where one side of the book is empty
// to the order's end.
RestingFills resting_fills(const Tape& tape, const QueueParams& queue,
                           const std::vector<RestingOrder>& orders);

}  // namespace rlmm
