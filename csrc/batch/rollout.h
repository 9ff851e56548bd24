// Many steps of many environments with the policy inside.
//
// Contract
//  - The arrays are time-major, (T, N, ...) and the caller's; those that may be null are left out.
//  - A rollout equals T times {obs, Policy::act on it, Batch::step}, bit for bit, whatever the
//    number of threads; and T steps now and T' later equal T + T' steps.
//  - Workers do not wait for each other: each takes its environments in blocks through all steps.
//  - Where an environment fails, the rest of the arrays is undefined. Of several failures, which
//    one is reported may depend on the number of threads.
#pragma once

#include <cstdint>

#include "agent/quotes.h"
#include "features/features.h"
#include "params.h"
#include "policy/policy.h"

namespace rlmm {

template <class Action>
struct RolloutArrays {
  std::int64_t n_steps = 0;
  bool deterministic = false;    // the policy's mode instead of a draw
  float* obs = nullptr;          // (T, N, observation width): what the policy saw
  Action* actions = nullptr;     // (T, N, action width): as the policy emitted them
  float* pre_squash = nullptr;   // (T, N, action width): of a tanh-squashed head; may be null
  float* log_prob = nullptr;     // (T, N)
  float* value = nullptr;        // (T, N): of obs; null without a value network
  double* reward = nullptr;      // (T, N)
  bool* terminated = nullptr;    // (T, N)
  bool* truncated = nullptr;     // (T, N)
  float* final_value = nullptr;  // (T, N): where truncated, of the episode's last obs; else 0
  float* final_obs = nullptr;    // (T, N, observation width): only rows that ended; may be null
  double* columns = nullptr;     // (T, N, kColumnCount); may be null
  float* last_obs = nullptr;     // (N, observation width): after the last step
  float* last_value = nullptr;   // (N,): of last_obs
};

// Throws std::invalid_argument where the policy is not one for such observations and actions.
void require_fitting(const PolicyShape& shape, const FeatureWriter& features,
                     const ActionReader& reader, ActionKind kind);

}  // namespace rlmm
