#include "market/replay_tape.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

#include "market/tape_maker.h"

namespace rlmm {
namespace {

std::uint64_t checksum_of(const std::vector<TapeEvent>& events) {
  std::uint64_t sum = 0xCBF29CE484222325;
  for (const TapeEvent& event : events) {
    std::array<std::uint64_t, 4> words{};
    std::memcpy(words.data(), &event, sizeof(event));
    for (const std::uint64_t word : words) sum = std::rotl((sum ^ word) * 0x100000001B3U, 23);
  }
  return sum;
}

}  // namespace

Tape::Tape(const Columns& columns, std::size_t checkpoint_events) {
  if (columns.rows == 0) throw std::invalid_argument("rows: expected at least one, got none");
  if (columns.rows > kNoOrder) {
    throw std::invalid_argument("rows: expected fewer than 2^32, got " +
                                std::to_string(columns.rows));
  }
  by_order_ = columns.order_ids != nullptr &&
              std::any_of(columns.order_ids, columns.order_ids + columns.rows,
                          [](std::uint64_t id) { return id != 0; });
  TapeMaker(*this, columns, checkpoint_events).make();
  checksum_ = checksum_of(events_);
}

std::vector<Tape::Stretch> Tape::stretches() const {
  std::vector<Stretch> all{{first_ns(), first_ns()}};
  for (const TapeEvent& event : events_) {
    if (event.ts_ns - all.back().last_ns > kSilenceNs) {
      all.push_back({event.ts_ns, event.ts_ns});
    }
    all.back().last_ns = event.ts_ns;
  }
  return all;
}

std::size_t Tape::events_until(TimeNs ts_ns) const {
  const auto end = std::ranges::upper_bound(events_, ts_ns, {}, &TapeEvent::ts_ns);
  return static_cast<std::size_t>(end - events_.begin());
}

void Tape::restore(std::size_t n_events, RecordedBook& book) const {
  const auto after = std::ranges::upper_bound(checkpoints_, n_events, {}, &Checkpoint::n_events);
  const Checkpoint& checkpoint = *(after - 1);
  book.restore(checkpoint.book);
  for (std::size_t i = checkpoint.n_events; i < n_events; ++i) book.apply(events_[i], i);
}

std::size_t Tape::checkpoint_bytes() const {
  std::size_t bytes = 0;
  for (const Checkpoint& checkpoint : checkpoints_) {
    for (const auto& levels : checkpoint.book.levels) bytes += levels.size() * sizeof(levels[0]);
    bytes += checkpoint.book.orders.size() * sizeof(checkpoint.book.orders[0]);
  }
  return bytes;
}

}  // namespace rlmm
