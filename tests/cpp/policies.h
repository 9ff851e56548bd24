// Policies with random weights, for tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "policy/policy.h"
#include "rng.h"

namespace rlmm {

inline std::vector<float> random_floats(std::uint64_t seed, std::size_t n, double scale) {
  Stream stream({seed, 0xF10A7}, 0, Purpose::kReset);
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(scale * stream.normal());
  return values;
}

// A shape with the weights that fit it.
struct PolicyParts {
  PolicyShape shape;
  std::vector<float> actor;
  std::vector<float> log_std;
  std::vector<float> value;
  std::vector<double> obs_mean;
  std::vector<double> obs_variance;

  Policy made(const std::string& isa = "auto") const {
    return {shape, {actor, log_std, value, obs_mean, obs_variance}, isa};
  }
};

inline PolicyParts random_policy(std::int64_t obs_width, const HeadShape& head, bool has_value) {
  PolicyParts parts;
  parts.shape.obs_width = obs_width;
  parts.shape.head = head;
  parts.shape.hidden_widths = {24, 17};
  parts.shape.has_value = has_value;
  parts.shape.value_hidden_widths = {16};
  parts.shape.value_activation = Activation::kRelu;
  parts.actor = random_floats(1, parts.shape.actor().weight_count(), 0.3);
  if (head.kind == HeadKind::kGaussian) {
    parts.log_std = random_floats(2, static_cast<std::size_t>(head.action_width), 0.5);
  }
  if (has_value) parts.value = random_floats(3, parts.shape.value().weight_count(), 0.3);
  for (std::int64_t i = 0; i < obs_width; ++i) {
    parts.obs_mean.push_back(0.1 * static_cast<double>(i));
    parts.obs_variance.push_back(0.25 + static_cast<double>(i));
  }
  return parts;
}

inline HeadShape gaussian_head(std::int64_t width) {
  return {.kind = HeadKind::kGaussian, .action_width = width, .choices = {}};
}
inline HeadShape squashed_head(std::int64_t width) {
  return {.kind = HeadKind::kTanhGaussian, .action_width = width, .choices = {}};
}
inline HeadShape categorical_head(std::vector<std::int64_t> choices) {
  return {.kind = HeadKind::kCategorical, .action_width = 0, .choices = std::move(choices)};
}

}  // namespace rlmm
