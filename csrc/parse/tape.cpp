#include "parse/tape.h"

#include <numeric>
#include <utility>

namespace rlmm::parse {
namespace {

// Calls `visit` with each column of both.
template <class Visit>
void each_column(EventColumns& a, EventColumns& b, const Visit& visit) {
  visit(a.ts_event, b.ts_event);
  visit(a.ts_recv, b.ts_recv);
  visit(a.seq, b.seq);
  visit(a.kind, b.kind);
  visit(a.side, b.side);
  visit(a.price, b.price);
  visit(a.size, b.size);
  visit(a.order_id, b.order_id);
  visit(a.flags, b.flags);
}

}  // namespace

void EventTape::join_divisor(std::int64_t& divisor, std::int64_t value) {
  divisor = std::gcd(divisor, value);
}

void EventTape::join_fills(std::int64_t side) {
  if (last_trade_.has_value() && last_side_ == side) {
    std::uint8_t& flags = columns_.flags[*last_trade_];
    flags = static_cast<std::uint8_t>(flags | kFlagMoreFills);
  }
  last_trade_ = columns_.rows() - 1;
  last_side_ = side;
}

EventColumns EventTape::take(bool all) {
  const std::size_t rows = columns_.rows();
  std::size_t ready = rows;
  if (!all && last_trade_.has_value() && rows - *last_trade_ < kHeldMost) ready = *last_trade_;
  EventColumns held;
  each_column(columns_, held, [&](auto& column, auto& rest) {
    rest.assign(column.begin() + static_cast<std::ptrdiff_t>(ready), column.end());
    column.resize(ready);
  });
  std::swap(columns_, held);
  if (last_trade_.has_value() && ready <= *last_trade_) {
    *last_trade_ -= ready;
  } else {
    last_trade_.reset();
  }
  return held;
}

}  // namespace rlmm::parse
