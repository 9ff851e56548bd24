#include "features/step_history.h"

#include <algorithm>

namespace rlmm {

StepTally& StepTally::operator+=(const StepTally& other) {
  return_x2 += other.return_x2;
  return_squared_x4 += other.return_squared_x4;
  bought += other.bought;
  sold += other.sold;
  order_flow += other.order_flow;
  events += other.events;
  return *this;
}

StepTally& StepTally::operator-=(const StepTally& other) {
  return_x2 -= other.return_x2;
  return_squared_x4 -= other.return_squared_x4;
  bought -= other.bought;
  sold -= other.sold;
  order_flow -= other.order_flow;
  events -= other.events;
  return *this;
}

StepHistory::StepHistory(const std::vector<std::int64_t>& horizons_steps)
    : horizons_(horizons_steps),
      ring_(static_cast<std::size_t>(std::ranges::max(horizons_steps))),
      sums_(horizons_steps.size()) {}

void StepHistory::clear() {
  std::ranges::fill(ring_, StepTally{});
  std::ranges::fill(sums_, StepTally{});
  pushed_ = 0;
}

void StepHistory::push(const StepTally& step) {
  const auto size = static_cast<std::int64_t>(ring_.size());
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    sums_[i] += step;
    const std::int64_t leaving = pushed_ - horizons_[i];
    if (leaving >= 0) sums_[i] -= ring_[static_cast<std::size_t>(leaving % size)];
  }
  ring_[static_cast<std::size_t>(pushed_ % size)] = step;
  ++pushed_;
}

std::int64_t StepHistory::steps(std::size_t i) const {
  return std::clamp<std::int64_t>(pushed_, 1, horizons_[i]);
}

void StepHistory::save(Writer& out) const {
  out.put_vector(ring_);
  out.put_vector(sums_);
  out.put(pushed_);
}

void StepHistory::load(Reader& in) {
  std::vector<StepTally> ring = in.get_vector<StepTally>();
  std::vector<StepTally> sums = in.get_vector<StepTally>();
  if (ring.size() != ring_.size() || sums.size() != sums_.size()) {
    throw std::invalid_argument("state: expected a history of the same horizons");
  }
  ring_ = std::move(ring);
  sums_ = std::move(sums);
  pushed_ = in.get<std::int64_t>();
}

}  // namespace rlmm
