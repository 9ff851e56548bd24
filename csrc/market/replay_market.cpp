#include "market/replay_market.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "market/book_market_all.h"

namespace rlmm {
namespace {

std::string span_text(const RangeParams& range) {
  return std::to_string(range.start_ns) + " to " + std::to_string(range.end_ns) + " ns";
}

}  // namespace

ReplaySetting::ReplaySetting(const EnvParams& params)
    : tape_(params.replay().tape),
      queue_(params.replay().queue),
      taker_allowed_(params.replay().taker_allowed) {
  if (!tape_) {
    throw std::invalid_argument("market.recording: expected it to be loaded, got no tape");
  }
  const RangeParams whole{tape_->first_ns(), tape_->last_ns()};
  std::vector<RangeParams> ranges = params.replay().ranges;
  if (ranges.empty()) {
    for (const auto& [first_ns, last_ns] : tape_->stretches())
      ranges.push_back({first_ns, last_ns});
  }
  const TimeNs horizon_ns = params.episode.step_ns * params.episode.n_steps;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const TimeNs start_ns = std::max(ranges[i].start_ns, whole.start_ns);
    const TimeNs end_ns = std::min(ranges[i].end_ns, whole.end_ns);
    if (start_ns > end_ns) {
      throw std::invalid_argument("market.ranges[" + std::to_string(i) +
                                  "]: expected a part of the recording (" + span_text(whole) +
                                  "), got " + span_text(ranges[i]));
    }
    const TimeNs last_ns = std::max(start_ns, end_ns - horizon_ns);
    const auto starts = static_cast<std::uint64_t>(last_ns - start_ns) + 1;
    ranges_.push_back({start_ns, starts, end_ns});
    starts_ += starts;
  }
}

// Every nanosecond that leaves room for the horizon is as likely as every other.
void ReplaySetting::start(Book& book, SeedKey key, std::uint64_t episode) const {
  Stream stream(key, episode, Purpose::kReplayStart);
  std::uint64_t drawn = stream.below(starts_);
  auto range = ranges_.begin();
  for (; drawn >= range->starts; ++range) drawn -= range->starts;
  book.start(range->first_start_ns + static_cast<TimeNs>(drawn), range->end_ns);
}

template class BookModelOf<ReplaySetting>;
template class BookMarketOf<ReplaySetting>;

}  // namespace rlmm
