#include "policy/head.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

#include "types.h"

namespace rlmm {
namespace {

constexpr double kHalfLogTwoPi = 0.91893853320467274178;
constexpr std::int64_t kNumbersMax = 64;
constexpr std::int64_t kOutputsMax = 65'536;

[[noreturn, gnu::cold]] void refuse_output(float output) {
  throw RangeError("policy: expected finite outputs of its network, got " + std::to_string(output) +
                   "; use smaller weights");
}

float finite(float output) {
  if (!std::isfinite(output)) [[unlikely]] {
    refuse_output(output);
  }
  return output;
}

double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }

// log of d tanh(u) / du = log(1 - tanh(u)^2), exact where the difference would cancel.
double log_slope(double u) { return 2.0 * (std::numbers::ln2 - u - softplus(-2.0 * u)); }

void require(bool holds, const std::string& message) {
  if (!holds) throw std::invalid_argument(message);
}

}  // namespace

void HeadShape::validate() const {
  if (!discrete()) {
    require(action_width >= 1 && action_width <= kNumbersMax,
            "action_width: expected from 1 to " + std::to_string(kNumbersMax) + ", got " +
                std::to_string(action_width));
    require(log_std_min <= log_std_max && std::isfinite(log_std_min) && log_std_max <= 80.0,
            "log_std_min, log_std_max: expected finite numbers in order, at most 80, got " +
                std::to_string(log_std_min) + " and " + std::to_string(log_std_max));
    return;
  }
  require(!choices.empty() && std::ssize(choices) <= kNumbersMax,
          "choices: expected from 1 to " + std::to_string(kNumbersMax) + " numbers, got " +
              std::to_string(choices.size()));
  std::int64_t sum = 0;
  for (const std::int64_t n : choices) {
    require(n >= 1 && n <= kOutputsMax - sum,
            "choices: expected positive numbers that sum to at "
            "most " +
                std::to_string(kOutputsMax) + ", got " + std::to_string(n));
    sum += n;
  }
}

std::int64_t HeadShape::numbers() const { return discrete() ? std::ssize(choices) : action_width; }

std::int64_t HeadShape::output_width() const {
  if (discrete()) return std::accumulate(choices.begin(), choices.end(), std::int64_t{0});
  return kind == HeadKind::kGaussian ? action_width : 2 * action_width;
}

Head::Buffers::Buffers(const Head& head) {
  if (!head.shape_.discrete()) return;
  const auto most = static_cast<std::size_t>(std::ranges::max(head.shape_.choices));
  weights_ = AlignedFloats(padded(most));
  running_.resize(most);
}

Head::Head(HeadShape shape, std::span<const float> log_std, const Kernels& kernels)
    : shape_(std::move(shape)), kernels_(&kernels) {
  shape_.validate();
  const std::size_t expected = shape_.kind == HeadKind::kGaussian
                                   ? static_cast<std::size_t>(shape_.action_width)
                                   : std::size_t{0};
  require(log_std.size() == expected, "log_std: expected " + std::to_string(expected) +
                                          " numbers, got " + std::to_string(log_std.size()));
  for (const float value : log_std) {
    require(std::fabs(value) <= 80.0F,
            "log_std: expected numbers from -80 to 80, got " + std::to_string(value));
    fixed_.push_back({0.0, value, std::exp(static_cast<double>(value))});
  }
}

Head::Normal Head::normal_at(const float* outputs, std::size_t i) const {
  const double mean = finite(outputs[i]);
  if (shape_.kind == HeadKind::kGaussian) return {mean, fixed_[i].log_std, fixed_[i].std};
  const double free = finite(outputs[static_cast<std::size_t>(shape_.action_width) + i]);
  const double log_std = std::clamp(free, shape_.log_std_min, shape_.log_std_max);
  return {mean, log_std, std::exp(log_std)};
}

double Head::decide(const float* outputs, Stream* draws, float* action, float* pre_squash,
                    Buffers&) const {
  const auto n = static_cast<std::size_t>(shape_.action_width);
  const bool squashed = shape_.kind == HeadKind::kTanhGaussian;
  double log_prob = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const Normal normal = normal_at(outputs, i);
    const double noise = draws == nullptr ? 0.0 : draws->normal();
    const float u = finite(static_cast<float>(normal.mean + normal.std * noise));
    const double z = (u - normal.mean) / normal.std;
    log_prob -= 0.5 * z * z + normal.log_std + kHalfLogTwoPi;
    if (squashed) log_prob -= log_slope(u);
    if (squashed && pre_squash != nullptr) pre_squash[i] = u;
    action[i] = squashed ? static_cast<float>(std::tanh(static_cast<double>(u))) : u;
  }
  return log_prob;
}

double Head::log_prob(const float* outputs, const float* action) const {
  const auto n = static_cast<std::size_t>(shape_.action_width);
  double log_prob = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const Normal normal = normal_at(outputs, i);
    const double z = (action[i] - normal.mean) / normal.std;
    log_prob -= 0.5 * z * z + normal.log_std + kHalfLogTwoPi;
    if (shape_.kind == HeadKind::kTanhGaussian) log_prob -= log_slope(action[i]);
  }
  return log_prob;
}

Head::Group Head::group_at(const float* logits, std::size_t n, Buffers& buffers) const {
  float largest = finite(logits[0]);
  for (std::size_t i = 1; i < n; ++i) largest = std::max(largest, finite(logits[i]));
  float* const weights = buffers.weights_.data();
  kernels_->exponentials(logits, largest, weights, panels_for(n));
  double total = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    total += weights[i];
    buffers.running_[i] = total;
  }
  return {logits, n, largest, total};
}

double Head::decide(const float* outputs, Stream* draws, std::int64_t* action, float*,
                    Buffers& buffers) const {
  double log_prob = 0.0;
  for (std::size_t number = 0; number < shape_.choices.size(); ++number) {
    const auto n = static_cast<std::size_t>(shape_.choices[number]);
    const Group group = group_at(outputs, n, buffers);
    std::size_t choice = 0;
    if (draws == nullptr) {
      choice = static_cast<std::size_t>(std::max_element(outputs, outputs + n) - outputs);
    } else {
      // A uniform draw below 1 times the total may round to the total: the last choice then.
      const double reached = draws->uniform() * group.total;
      const auto end = buffers.running_.begin() + static_cast<std::ptrdiff_t>(n) - 1;
      choice = static_cast<std::size_t>(std::upper_bound(buffers.running_.begin(), end, reached) -
                                        buffers.running_.begin());
    }
    action[number] = static_cast<std::int64_t>(choice);
    log_prob += static_cast<double>(outputs[choice]) - group.largest - std::log(group.total);
    outputs += n;
  }
  return log_prob;
}

double Head::log_prob(const float* outputs, const std::int64_t* action, Buffers& buffers) const {
  double log_prob = 0.0;
  for (std::size_t number = 0; number < shape_.choices.size(); ++number) {
    const auto n = static_cast<std::size_t>(shape_.choices[number]);
    const Group group = group_at(outputs, n, buffers);
    log_prob +=
        static_cast<double>(outputs[action[number]]) - group.largest - std::log(group.total);
    outputs += n;
  }
  return log_prob;
}

double Head::entropy(const float* outputs, Buffers& buffers) const {
  if (shape_.kind == HeadKind::kTanhGaussian) return std::numeric_limits<double>::quiet_NaN();
  double entropy = 0.0;
  for (const Normal& normal : fixed_) entropy += normal.log_std + kHalfLogTwoPi + 0.5;
  for (const std::int64_t choices : shape_.choices) {
    const auto n = static_cast<std::size_t>(choices);
    const Group group = group_at(outputs, n, buffers);
    double mean = 0.0;  // of the logits below the largest
    for (std::size_t i = 0; i < n; ++i) {
      const double below = static_cast<double>(outputs[i]) - group.largest;
      mean += static_cast<double>(buffers.weights_.data()[i]) * below;
    }
    entropy += std::log(group.total) - mean / group.total;
    outputs += n;
  }
  return entropy;
}

}  // namespace rlmm
