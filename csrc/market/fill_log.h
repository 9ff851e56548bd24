// Every fill of one environment's agent, with the mid some time after it.
//
// A row waits until its last horizon has passed or its episode has ended, and then for whoever
// takes it: rows come out in the order of the fills. Off, as it is at first, nothing is kept.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "market/markouts.h"
#include "serialize.h"
#include "types.h"

namespace rlmm {

// All numbers of 64 bits: a row's bytes are its value.
struct FillRow {
  std::uint64_t episode = 0;
  TimeNs ts_ns = 0;
  std::int64_t side = 0;  // +1 bought, -1 sold
  Ticks price_ticks = 0;
  Lots qty_lots = 0;
  std::int64_t maker = 0;  // 0 or 1
  TimeNs queue_wait_ns = 0;
  Ticks mid_ticks_x2 = 0;
  std::array<Ticks, kMarkouts> later_mid_ticks_x2{};  // 0: the episode ended before

  bool operator==(const FillRow&) const = default;
};

class FillLog {
 public:
  bool is_on() const { return on_; }

  // Off forgets what there is.
  void turn(bool on);

  // A new episode: what waits of the one before is complete.
  void begin(std::uint64_t episode);

  // Of the present episode; no earlier than the fills before it.
  void add(FillRow row) {
    if (!on_) return;
    row.episode = episode_;
    rows_.push_back(row);
    due_ns_ = std::min(due_ns_, row.ts_ns + kMarkoutHorizonsNs[0]);
  }

  // The mid has been `mid_ticks_x2` up to `now_ns`: notes it for every horizon that ended by then.
  void settle(TimeNs now_ns, Ticks mid_ticks_x2) {
    if (now_ns >= due_ns_) [[unlikely]] {
      settle_due(now_ns, mid_ticks_x2);
    }
  }

  // Moves the complete rows behind those in `to`.
  void take(std::vector<FillRow>& to);

  // Whether it is on is not part of the state: saved by a log that was off, it has no rows; what is
  // loaded into one that is off is dropped.
  void save(Writer& out) const;
  void load(Reader& in);

 private:
  static constexpr TimeNs kNever = std::numeric_limits<TimeNs>::max();
  void settle_due(TimeNs now_ns, Ticks mid_ticks_x2);

  bool on_ = false;
  std::uint64_t episode_ = 0;
  std::vector<FillRow> rows_;
  std::array<std::size_t, kMarkouts> next_{};  // the first row each horizon has not settled
  TimeNs due_ns_ = kNever;
};

// What a row is to whoever reads it: the environment, then the fields of FillRow.
struct FillColumnInfo {
  const char* name;
  const char* unit;
  const char* meaning;
};

inline constexpr std::array<FillColumnInfo, 9 + kMarkouts> kFillColumns = {{
    {"environment", "", "index in the batch"},
    {"episode_index", "", "episodes this environment had finished before"},
    {"ts_ns", "ns", "simulated time of the fill, since the episode's start"},
    {"side", "", "1 bought, -1 sold"},
    {"price_ticks", "ticks", "of the fill"},
    {"qty_lots", "lots", "of the fill"},
    {"maker", "", "1 by a resting order, 0 by one that crossed"},
    {"queue_wait_ns", "ns",
     "since the order took its place in the queue; 0 for a taker and without a book"},
    {"mid_ticks_x2", "half ticks", "mid just before the fill, as the pnl columns mark it"},
    {"mid_ticks_x2_100ms", "half ticks", "mid 0.1 s later; 0 if the episode ended before"},
    {"mid_ticks_x2_1s", "half ticks", "mid 1 s later; 0 if the episode ended before"},
    {"mid_ticks_x2_10s", "half ticks", "mid 10 s later; 0 if the episode ended before"},
    {"mid_ticks_x2_60s", "half ticks", "mid 60 s later; 0 if the episode ended before"},
}};
// One number of a column after the other.
using FillTable = std::array<std::vector<std::int64_t>, kFillColumns.size()>;

void append(const std::vector<FillRow>& rows, std::size_t environment, FillTable& table);

}  // namespace rlmm
