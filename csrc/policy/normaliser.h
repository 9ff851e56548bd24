// (observation - mean) / sqrt(variance + epsilon), kept within +-clip.
//
// In float32: out = min(max((x - mean) * scale, -clip), clip) with mean and scale = 1 /
// sqrt(variance + epsilon) computed in double and rounded once. Without a mean: out = x.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace rlmm {

class Normaliser {
 public:
  Normaliser() = default;
  Normaliser(std::span<const double> mean, std::span<const double> variance, double epsilon,
             double clip)
      : clip_(static_cast<float>(clip)) {
    for (std::size_t i = 0; i < mean.size(); ++i) {
      mean_.push_back(static_cast<float>(mean[i]));
      scale_.push_back(static_cast<float>(1.0 / std::sqrt(variance[i] + epsilon)));
    }
  }

  bool changes() const { return !mean_.empty(); }

  // One row.
  void apply(const float* obs, float* out) const {
    for (std::size_t i = 0; i < mean_.size(); ++i) {
      const float value = (obs[i] - mean_[i]) * scale_[i];
      const float from_below = value < -clip_ ? -clip_ : value;
      out[i] = from_below > clip_ ? clip_ : from_below;
    }
  }

 private:
  std::vector<float> mean_;
  std::vector<float> scale_;
  float clip_ = 0.0F;
};

}  // namespace rlmm
