// One worker's loop of a rollout.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "agent/columns.h"
#include "batch/rollout.h"
#include "batch/step_row.h"
#include "policy/policy.h"

namespace rlmm {

// One worker's part of a rollout; `at` always says which environment is under way.
template <Market M, class Action>
class RolloutWorker {
 public:
  RolloutWorker(const Policy& policy, const ActionReader& reader, const FeatureWriter& features,
                std::vector<Environment<M>>& environments, const RolloutArrays<Action>& arrays)
      : policy_(policy),
        reader_(reader),
        features_(features),
        environments_(environments),
        arrays_(arrays),
        workspace_(policy),
        final_obs_(features.width()) {}

  void operator()(std::size_t begin, std::size_t end, std::size_t& at) {
    for (std::size_t first = begin; first < end; first += Policy::kBlockRows) {
      const std::size_t stop = std::min(end, first + Policy::kBlockRows);
      for (at = first; at < stop; ++at) features_.write(environments_[at].view(), obs_at(0, at));
      const auto n_steps = static_cast<std::size_t>(arrays_.n_steps);
      for (std::size_t t = 0; t < n_steps; ++t) step_block(t, first, stop, at);
      at = first;
      if (arrays_.last_value == nullptr) continue;
      const Policy::Outputs last =
          policy_.evaluate(obs_at(n_steps, first), stop - first, workspace_);
      for (std::size_t i = 0; i < stop - first; ++i) {
        arrays_.last_value[first + i] = last.values[i * last.value_stride];
      }
    }
  }

 private:
  std::size_t row_of(std::size_t t, std::size_t env) const {
    return t * environments_.size() + env;
  }

  // Where the observation of step t goes; behind the last step stands `last_obs`.
  float* obs_at(std::size_t t, std::size_t env) const {
    const std::size_t width = features_.width();
    if (t == static_cast<std::size_t>(arrays_.n_steps)) return arrays_.last_obs + env * width;
    return arrays_.obs + row_of(t, env) * width;
  }

  template <class T>
  static T* offset(T* array, std::size_t by) {
    return array == nullptr ? nullptr : array + by;
  }

  void step_block(std::size_t t, std::size_t first, std::size_t stop, std::size_t& at) {
    at = first;
    const Policy::Outputs outputs = policy_.evaluate(obs_at(t, first), stop - first, workspace_);
    for (at = first; at < stop; ++at) {
      const std::size_t i = at - first;
      decide(t, at, outputs.actor + i * outputs.actor_stride);
      if (arrays_.value != nullptr) {
        arrays_.value[row_of(t, at)] = outputs.values[i * outputs.value_stride];
      }
    }
    for (at = first; at < stop; ++at) step(t, at);
  }

  void decide(std::size_t t, std::size_t env, const float* outputs) {
    const std::size_t row = row_of(t, env);
    const auto numbers = static_cast<std::size_t>(reader_.width());
    Stream draws;
    if (!arrays_.deterministic) draws = environments_[env].draw_name().stream();
    arrays_.log_prob[row] = policy_.decide(outputs, arrays_.deterministic ? nullptr : &draws,
                                           arrays_.actions + row * numbers,
                                           offset(arrays_.pre_squash, row * numbers), workspace_);
  }

  void step(std::size_t t, std::size_t env) {
    const std::size_t row = row_of(t, env);
    const std::size_t width = features_.width();
    float* const final_obs =
        arrays_.final_obs == nullptr ? final_obs_.data() : arrays_.final_obs + row * width;
    const StepRow<Action> to = {arrays_.actions + row * static_cast<std::size_t>(reader_.width()),
                                obs_at(t + 1, env),
                                final_obs,
                                arrays_.reward + row,
                                arrays_.terminated + row,
                                arrays_.truncated + row,
                                offset(arrays_.columns, row * kColumnCount)};
    step_row(environments_[env], reader_, features_, to);
    if (arrays_.final_value == nullptr) return;
    arrays_.final_value[row] = *to.truncated ? policy_.value_of(final_obs, workspace_) : 0.0F;
  }

  const Policy& policy_;
  const ActionReader& reader_;
  const FeatureWriter& features_;
  std::vector<Environment<M>>& environments_;
  const RolloutArrays<Action>& arrays_;
  Policy::Workspace workspace_;
  std::vector<float> final_obs_;  // where nobody asked for it
};

}  // namespace rlmm
