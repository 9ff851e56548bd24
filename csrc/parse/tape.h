// Rows of the canonical event table, column by column, while a recording is read.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "events.h"
#include "parse/defects.h"
#include "parse/reading.h"
#include "types.h"

namespace rlmm::parse {

struct EventColumns {
  std::vector<TimeNs> ts_event;
  std::vector<TimeNs> ts_recv;
  std::vector<std::uint64_t> seq;
  std::vector<std::uint8_t> kind;
  std::vector<std::int8_t> side;
  std::vector<std::int64_t> price;  // in units of the reading, not yet ticks
  std::vector<std::int64_t> size;   // likewise
  std::vector<std::uint64_t> order_id;
  std::vector<std::uint8_t> flags;

  std::size_t rows() const { return kind.size(); }
};

// When a message happened and when it was received.
struct Stamp {
  TimeNs event = 0;
  TimeNs recv = 0;
  TimeNs resolution = 1;  // the clock shows the moments that begin so long a time
};

struct TapeRow {
  EventKind kind;
  std::int64_t side;
  std::int64_t price;
  std::int64_t size;
  std::uint64_t order_id = 0;
  unsigned flags = 0;
};

// Fills of one market order (same time, same side) are marked as belonging together, so the rows
// of the moment that lasts are held back. Trades without a side belong to no order.
class EventTape {
 public:
  // All rows up to the next call are of one message of the source: they share `seq`.
  // By a coarse clock it happened no earlier than what the message knows of.
  void begin(const Stamp& stamp) {
    now_.recv = std::max(stamp.recv, now_.recv);
    const bool same_moment =
        stamp.event <= now_.event && now_.event < stamp.event + stamp.resolution;
    if (!same_moment) {
      last_trade_.reset();
      now_.event = stamp.event;
    }
    ++seq_;
  }

  void add(const TapeRow& row) {
    columns_.ts_event.push_back(now_.event);
    columns_.ts_recv.push_back(now_.recv);
    columns_.seq.push_back(seq_);
    columns_.kind.push_back(static_cast<std::uint8_t>(row.kind));
    columns_.side.push_back(static_cast<std::int8_t>(row.side));
    columns_.price.push_back(row.price);
    columns_.size.push_back(row.size);
    columns_.order_id.push_back(row.order_id);
    columns_.flags.push_back(static_cast<std::uint8_t>(row.flags));
    if (row.kind == EventKind::kTrade && row.side != 0) join_fills(row.side);
    if ((row.flags & kFlagHidden) == 0) widen(price_divisor_, row.price);
    if (row.kind != EventKind::kStatus) widen(size_divisor_, row.size);
  }

  std::size_t rows() const { return columns_.rows(); }

  // The rows whose flags are final; with `all`, the rest too.
  EventColumns take(bool all);

  // Greatest common divisor of all visible prices, and of all sizes; 0 without any.
  std::int64_t price_divisor() const { return price_divisor_; }
  std::int64_t size_divisor() const { return size_divisor_; }

 private:
  static void widen(std::int64_t& divisor, std::int64_t value) {
    if (divisor != 1 && (divisor == 0 || value % divisor != 0)) [[unlikely]]
      join_divisor(divisor, value);
  }
  static void join_divisor(std::int64_t& divisor, std::int64_t value);
  void join_fills(std::int64_t side);

  static constexpr std::size_t kHeldMost = std::size_t{1} << 15U;

  EventColumns columns_;
  Stamp now_{std::numeric_limits<TimeNs>::min(), std::numeric_limits<TimeNs>::min()};
  std::uint64_t seq_ = 0;
  std::optional<std::size_t> last_trade_;  // of the moment that lasts
  std::int64_t last_side_ = 0;
  std::int64_t price_divisor_ = 0;
  std::int64_t size_divisor_ = 0;
};

}  // namespace rlmm::parse
