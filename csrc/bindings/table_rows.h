// The rows of an event table as Python gives them: an array for each column.
#pragma once

#include <cstdint>

#include "bindings/arrays.h"

namespace rlmm {

// Borrowed from the arrays.
struct TableRows {
  py::ssize_t count;
  const std::uint8_t* kind;
  const std::int8_t* side;
  const std::int64_t* price_ticks;
  const std::int64_t* lots;
  const std::uint64_t* order_id;
  const std::uint8_t* flags;
};

inline TableRows take_rows(ArrayGate& gate, py::ssize_t count, const Array<std::uint8_t>& kind,
                           const Array<std::int8_t>& side, const Array<std::int64_t>& price_ticks,
                           const Array<std::int64_t>& qty_lots,
                           const Array<std::uint64_t>& order_id, const Array<std::uint8_t>& flags) {
  return {count,
          gate.take<std::uint8_t>(kind, "kind", {count}, Access::kRead),
          gate.take<std::int8_t>(side, "side", {count}, Access::kRead),
          gate.take<std::int64_t>(price_ticks, "price_ticks", {count}, Access::kRead),
          gate.take<std::int64_t>(qty_lots, "qty_lots", {count}, Access::kRead),
          gate.take<std::uint64_t>(order_id, "order_id", {count}, Access::kRead),
          gate.take<std::uint8_t>(flags, "flags", {count}, Access::kRead)};
}

}  // namespace rlmm
