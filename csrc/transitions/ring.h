// What off-policy learners learn from: the last transitions of all environments, in a ring.
//
// A row is an observation, the action, the rewards of the next n steps, and the observation after
// them. A sum stops where an episode ends: after a truncation the value of its last observation
// counts, after a termination nothing does. The last n - 1 steps of a rollout see fewer rewards.
//
// Contract
//  - Arrays are the caller's. Rows lie side by side in memory, so a drawn row is one or two misses.
//  - The caller's draws decide which rows come: nothing here is random.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace rlmm {

struct TransitionShape {
  std::size_t capacity = 0;
  std::size_t obs_width = 0;
  std::size_t n_actions = 0;
};

// A rollout as it was collected, time-major: (T, N, ...).
template <class Action>
struct CollectedSteps {
  std::size_t n_steps = 0;
  std::size_t n_envs = 0;
  const float* obs = nullptr;
  const Action* actions = nullptr;
  const double* reward = nullptr;
  const double* counts = nullptr;  // of a step: what is added up beside its reward
  const bool* terminated = nullptr;
  const bool* truncated = nullptr;
  const float* final_obs = nullptr;  // of steps that ended an episode
  const float* last_obs = nullptr;   // (N, width), after the last step
};

// As many rows as are asked for.
struct TransitionArrays {
  float* obs = nullptr;
  float* actions = nullptr;
  double* reward = nullptr;  // discounted sum over the steps that were made
  double* counts = nullptr;  // the same sum of the counts
  float* next_obs = nullptr;
  float* discount = nullptr;  // of the value there; 0 where the problem ended
};

class TransitionRing {
 public:
  explicit TransitionRing(const TransitionShape& shape);

  // Takes in a row for each step, in the place of the oldest; `horizon` (n) >= 1 rewards each.
  template <class Action>
  void add(const CollectedSteps<Action>& steps, std::size_t horizon, double gamma);

  // Places of rows that are all equally likely: `draws` are shares of the ring, from 0 up to 1.
  void draw(std::span<const double> draws, std::int64_t* places) const;

  // The rows at these places.
  void gather(std::span<const std::int64_t> places, const TransitionArrays& to) const;

  std::size_t size() const { return std::min(added_, shape_.capacity); }
  const TransitionShape& shape() const { return shape_; }

  // All that `restore` needs: rows as they lie in memory.
  std::size_t row_floats() const { return row_floats_; }
  const std::vector<float>& rows() const { return rows_; }
  std::size_t added() const { return added_; }
  void restore(std::span<const float> rows, std::size_t added);

 private:
  float* next_row();

  TransitionShape shape_;
  std::size_t row_floats_;
  std::vector<float> rows_;  // obs, next_obs, actions, discount, reward, counts
  std::size_t added_ = 0;
};

// Refusals that a ring has in common with its priorities.
std::size_t checked_capacity(std::size_t capacity);
void require_rows(std::size_t size);
void require_shares(std::span<const double> draws);
void require_places(std::span<const std::int64_t> places, std::size_t size);
void require_length(const char* name, std::size_t got, std::size_t expected);

}  // namespace rlmm
