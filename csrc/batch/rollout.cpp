#include "batch/rollout.h"

#include <stdexcept>
#include <string>
#include <vector>

namespace rlmm {
namespace {

std::string listed(const std::vector<std::int64_t>& numbers) {
  std::string text;
  for (const std::int64_t number : numbers) {
    text += (text.empty() ? "" : ", ") + std::to_string(number);
  }
  return "(" + text + ")";
}

}  // namespace

void require_fitting(const PolicyShape& shape, const FeatureWriter& features,
                     const ActionReader& reader, ActionKind kind) {
  const auto width = static_cast<std::int64_t>(features.width());
  if (shape.obs_width != width) {
    throw std::invalid_argument("policy: expected one for observations of width " +
                                std::to_string(width) + ", got one for " +
                                std::to_string(shape.obs_width));
  }
  if (kind == ActionKind::kContinuous) {
    if (!shape.head.discrete() && shape.head.action_width == reader.width()) return;
    throw std::invalid_argument(
        "policy: expected one with a continuous head of " + std::to_string(reader.width()) +
        " numbers, got " +
        (shape.head.discrete() ? "a categorical one" : std::to_string(shape.head.action_width)));
  }
  const auto* const first = reader.choices().data();
  const std::vector<std::int64_t> choices(first, first + reader.width());
  if (shape.head.discrete() && shape.head.choices == choices) return;
  throw std::invalid_argument(
      "policy: expected one with a categorical head of choices " + listed(choices) + ", got " +
      (shape.head.discrete() ? listed(shape.head.choices) : "a continuous one"));
}

}  // namespace rlmm
