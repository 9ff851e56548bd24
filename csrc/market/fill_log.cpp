#include "market/fill_log.h"

#include <stdexcept>
#include <string>

namespace rlmm {

void FillLog::turn(bool on) {
  if (on == on_) return;
  const std::uint64_t episode = episode_;
  *this = FillLog();
  on_ = on;
  episode_ = episode;
}

void FillLog::begin(std::uint64_t episode) {
  episode_ = episode;
  next_.fill(rows_.size());
  due_ns_ = kNever;
}

void FillLog::settle_due(TimeNs now_ns, Ticks mid_ticks_x2) {
  due_ns_ = kNever;
  for (std::size_t h = 0; h < kMarkouts; ++h) {
    std::size_t& next = next_[h];
    const TimeNs horizon_ns = kMarkoutHorizonsNs[h];
    while (next < rows_.size() && rows_[next].ts_ns + horizon_ns <= now_ns) {
      rows_[next++].later_mid_ticks_x2[h] = mid_ticks_x2;
    }
    if (next < rows_.size()) due_ns_ = std::min(due_ns_, rows_[next].ts_ns + horizon_ns);
  }
}

void FillLog::take(std::vector<FillRow>& to) {
  const std::size_t taken = next_[kMarkouts - 1];
  const auto end = rows_.begin() + static_cast<std::ptrdiff_t>(taken);
  to.insert(to.end(), rows_.begin(), end);
  rows_.erase(rows_.begin(), end);
  for (std::size_t& next : next_) next -= taken;
}

void FillLog::save(Writer& out) const {
  out.put(episode_);
  out.put_vector(rows_);
  out.put(next_);
  out.put(due_ns_);
}

void FillLog::load(Reader& in) {
  episode_ = in.get<std::uint64_t>();
  rows_ = in.get_vector<FillRow>();
  next_ = in.get<std::array<std::size_t, kMarkouts>>();
  due_ns_ = in.get<TimeNs>();
  bool sound = next_[0] <= rows_.size();
  for (std::size_t h = 1; h < kMarkouts; ++h) sound = sound && next_[h] <= next_[h - 1];
  if (!sound) {
    throw std::invalid_argument("state: expected fills in the order of their horizons, got " +
                                std::to_string(rows_.size()) + " in another");
  }
  if (on_) return;
  rows_.clear();
  next_ = {};
  due_ns_ = kNever;
}

void append(const std::vector<FillRow>& rows, std::size_t environment, FillTable& table) {
  for (const FillRow& row : rows) {
    std::size_t at = 0;
    const auto put = [&](std::int64_t value) { table[at++].push_back(value); };
    put(static_cast<std::int64_t>(environment));
    put(static_cast<std::int64_t>(row.episode));
    put(row.ts_ns);
    put(row.side);
    put(row.price_ticks);
    put(row.qty_lots);
    put(row.maker);
    put(row.queue_wait_ns);
    put(row.mid_ticks_x2);
    for (const Ticks later : row.later_mid_ticks_x2) put(later);
  }
}

}  // namespace rlmm
