#include "policy/policy.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "policy/isa.h"
#include "types.h"

namespace rlmm {
namespace {

void require_numbers(const char* name, std::span<const double> values, std::size_t n,
                     bool negative_allowed) {
  if (values.size() != n) {
    throw std::invalid_argument(std::string(name) + ": expected " + std::to_string(n) +
                                " numbers, got " + std::to_string(values.size()));
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (std::isfinite(values[i]) && (negative_allowed || values[i] >= 0.0)) continue;
    throw std::invalid_argument(std::string(name) + "[" + std::to_string(i) + "]: expected a " +
                                (negative_allowed ? "finite number" : "finite number, at least 0") +
                                ", got " + std::to_string(values[i]));
  }
}

Normaliser checked_normaliser(const PolicyShape& shape, const PolicyWeights& weights) {
  if (weights.obs_mean.empty() && weights.obs_variance.empty()) return {};
  const auto n = static_cast<std::size_t>(shape.obs_width);
  require_numbers("obs_mean", weights.obs_mean, n, true);
  require_numbers("obs_variance", weights.obs_variance, n, false);
  if (!(shape.obs_epsilon > 0.0) || !std::isfinite(shape.obs_epsilon)) {
    throw std::invalid_argument("obs_epsilon: expected a positive number, got " +
                                std::to_string(shape.obs_epsilon));
  }
  if (!(shape.obs_clip > 0.0)) {
    throw std::invalid_argument("obs_clip: expected a positive number, got " +
                                std::to_string(shape.obs_clip));
  }
  return {weights.obs_mean, weights.obs_variance, shape.obs_epsilon, shape.obs_clip};
}

// Before its output width is asked for.
PolicyShape checked(PolicyShape shape) {
  shape.head.validate();
  return shape;
}

void require_finite(const float* obs, std::size_t n_rows, std::size_t width) {
  const float* const end = obs + n_rows * width;
  const float* const bad =
      std::find_if_not(obs, end, [](float value) { return std::isfinite(value); });
  if (bad == end) return;
  const auto at = static_cast<std::size_t>(bad - obs);
  throw std::invalid_argument("obs[" + std::to_string(at / width) + ", " +
                              std::to_string(at % width) + "]: expected a finite number, got " +
                              std::to_string(*bad));
}

}  // namespace

MlpShape PolicyShape::actor() const {
  return {obs_width, hidden_widths, head.output_width(), activation};
}

MlpShape PolicyShape::value() const {
  return {obs_width, value_hidden_widths, 1, value_activation};
}

Policy::Workspace::Workspace(const Policy& policy, std::size_t n_rows)
    : normalised_(static_cast<std::size_t>(policy.shape_.obs_width) * n_rows),
      actor_(policy.actor_, n_rows),
      head_(policy.head_) {
  if (policy.value_) value_ = Mlp::Buffers(*policy.value_, n_rows);
}

Policy::Policy(const PolicyShape& shape, const PolicyWeights& weights, const std::string& isa)
    : shape_(checked(shape)),
      kernels_(&kernels_named(isa)),
      normaliser_(checked_normaliser(shape, weights)),
      actor_(shape.actor(), weights.actor, *kernels_, "actor"),
      head_(shape.head, weights.log_std, *kernels_) {
  if (shape.has_value) {
    value_.emplace(shape.value(), weights.value, *kernels_, "value");
  } else if (!weights.value.empty()) {
    throw std::invalid_argument("value: expected none for a policy without a value network");
  }
}

Rows Policy::normalised(const float* obs, std::size_t n_rows, Workspace& workspace) const {
  const auto width = static_cast<std::size_t>(shape_.obs_width);
  if (!normaliser_.changes()) return {obs, width, n_rows};
  float* const rows = workspace.normalised_.data();
  for (std::size_t row = 0; row < n_rows; ++row) {
    normaliser_.apply(obs + row * width, rows + row * width);
  }
  return {rows, width, n_rows};
}

Policy::Outputs Policy::evaluate(const float* obs, std::size_t n_rows, Workspace& workspace) const {
  const Rows rows = normalised(obs, n_rows, workspace);
  Outputs outputs{actor_.forward(rows, workspace.actor_), actor_.output_stride(), nullptr, 0};
  if (value_) {
    outputs.values = value_->forward(rows, workspace.value_);
    outputs.value_stride = value_->output_stride();
  }
  return outputs;
}

float Policy::value_of(const float* obs, Workspace& workspace) const {
  if (!value_) throw std::logic_error("policy: expected one with a value network");
  return *value_->forward(normalised(obs, 1, workspace), workspace.value_);
}

template <class Action>
void Policy::act(const float* obs, std::size_t n_rows, const DecisionArrays<Action>& arrays,
                 Workspace& workspace) const {
  const auto width = static_cast<std::size_t>(shape_.obs_width);
  require_finite(obs, n_rows, width);
  for (std::size_t first = 0; first < n_rows; first += kBlockRows) {
    const std::size_t rows = std::min(kBlockRows, n_rows - first);
    act_on_block(obs + first * width, first, rows, arrays, workspace);
  }
}

template <class Action>
void Policy::act_on_block(const float* obs, std::size_t first, std::size_t n_rows,
                          const DecisionArrays<Action>& arrays, Workspace& workspace) const {
  const Outputs outputs = evaluate(obs, n_rows, workspace);
  const auto numbers = static_cast<std::size_t>(shape_.head.numbers());
  for (std::size_t i = 0; i < n_rows; ++i) {
    const std::size_t row = first + i;
    const float* const of_row = outputs.actor + i * outputs.actor_stride;
    float* const pre_squash =
        arrays.pre_squash == nullptr ? nullptr : arrays.pre_squash + row * numbers;
    Stream draws;
    if (arrays.draws != nullptr) draws = arrays.draws[row].stream();
    const float log_prob = decide(of_row, arrays.draws == nullptr ? nullptr : &draws,
                                  arrays.actions + row * numbers, pre_squash, workspace);
    if (arrays.log_prob != nullptr) arrays.log_prob[row] = log_prob;
    if (arrays.value != nullptr) arrays.value[row] = outputs.values[i * outputs.value_stride];
    if (arrays.entropy != nullptr) {
      arrays.entropy[row] = static_cast<float>(head_.entropy(of_row, workspace.head_));
    }
  }
}

template void Policy::act(const float*, std::size_t, const DecisionArrays<float>&,
                          Workspace&) const;
template void Policy::act(const float*, std::size_t, const DecisionArrays<std::int64_t>&,
                          Workspace&) const;

}  // namespace rlmm
