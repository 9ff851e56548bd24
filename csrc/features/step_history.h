// Sums over the last steps, for features that look back over a horizon.
//
// Everything is counted in integers, so a rolling sum never drifts from the sum it stands for.
#pragma once

#include <cstdint>
#include <vector>

#include "serialize.h"
#include "types.h"

namespace rlmm {

// What one step (or the sum of several) saw.
struct StepTally {
  std::int64_t return_x2 = 0;  // of the mid
  std::int64_t return_squared_x4 = 0;
  Lots bought = 0;  // by market orders
  Lots sold = 0;
  Lots order_flow = 0;  // order-flow imbalance at the touch
  std::int64_t events = 0;

  StepTally& operator+=(const StepTally& other);
  StepTally& operator-=(const StepTally& other);
};

class StepHistory {
 public:
  explicit StepHistory(const std::vector<std::int64_t>& horizons_steps);

  void clear();
  void push(const StepTally& step);

  // Sum over the last `horizons_steps[i]` steps, or over those there have been.
  const StepTally& sum(std::size_t i) const { return sums_[i]; }
  // How many steps that is.
  std::int64_t steps(std::size_t i) const;
  std::size_t horizons() const { return horizons_.size(); }

  void save(Writer& out) const;
  void load(Reader& in);

 private:
  std::vector<std::int64_t> horizons_;
  std::vector<StepTally> ring_;
  std::vector<StepTally> sums_;
  std::int64_t pushed_ = 0;
};

}  // namespace rlmm
