// A batch as its caller has it: the arrays that belong to it, and steps with given actions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "agent/columns.h"
#include "batch/batch.h"

namespace rlmm {

inline std::vector<SeedKey> seed_keys(std::size_t n) {
  std::vector<SeedKey> keys;
  keys.reserve(n);
  for (std::size_t i = 0; i < n; ++i) keys.push_back({1000 + i, 7});
  return keys;
}

struct BatchArrays {
  explicit BatchArrays(const Batch& batch)
      : n(static_cast<std::size_t>(batch.n_envs())),
        width(batch.observation().size()),
        obs(n * width, kUntouched),
        final_obs(n * width, kUntouched),
        reward(n, 0.0),
        terminated(std::make_unique<bool[]>(n)),
        truncated(std::make_unique<bool[]>(n)),
        columns(n * kColumnCount, -1.0) {}

  template <class Action>
  StepArrays<Action> with(const std::vector<Action>& actions) {
    return {actions.data(),   obs.data(),      final_obs.data(), reward.data(),
            terminated.get(), truncated.get(), columns.data()};
  }

  template <class Action>
  StepArrays<Action> without_columns(const std::vector<Action>& actions) {
    StepArrays<Action> arrays = with(actions);
    arrays.columns = nullptr;
    return arrays;
  }

  double column(std::size_t env, Column which) const {
    return columns[env * kColumnCount + static_cast<std::size_t>(which)];
  }
  double term(std::size_t env, std::size_t which) const {
    return columns[env * kColumnCount + static_cast<std::size_t>(Column::kTermPnl) + which];
  }
  bool ended(std::size_t env) const { return terminated[env] || truncated[env]; }

  bool operator==(const BatchArrays& other) const {
    return obs == other.obs && final_obs == other.final_obs && reward == other.reward &&
           columns == other.columns &&
           std::equal(terminated.get(), terminated.get() + n, other.terminated.get()) &&
           std::equal(truncated.get(), truncated.get() + n, other.truncated.get());
  }

  static constexpr float kUntouched = -99.0F;
  std::size_t n;
  std::size_t width;
  std::vector<float> obs;
  std::vector<float> final_obs;
  std::vector<double> reward;
  std::unique_ptr<bool[]> terminated;
  std::unique_ptr<bool[]> truncated;
  std::vector<double> columns;
};

// Actions that depend on the environment's name and the step only, a little beyond [-1, 1].
inline std::vector<float> some_actions(const std::vector<SeedKey>& keys, std::int64_t width,
                                       int step) {
  std::vector<float> actions;
  for (const SeedKey& key : keys) {
    Stream stream(key, static_cast<std::uint64_t>(step) + 1'000'000, Purpose::kReset);
    for (std::int64_t i = 0; i < width; ++i) {
      actions.push_back(static_cast<float>(2.2 * stream.uniform() - 1.1));
    }
  }
  return actions;
}

// A batch with its arrays, driven by `some_actions`.
class DrivenBatch {
 public:
  DrivenBatch(const EnvParams& params, std::vector<SeedKey> given, int n_threads)
      : keys(std::move(given)), batch(make_batch(params, keys, n_threads)), arrays(*batch) {}

  void reset() { batch->reset(arrays.obs.data(), nullptr); }
  void step(int number) { batch->step(arrays.with(actions_of(number))); }
  void step_without_columns(int number) { batch->step(arrays.without_columns(actions_of(number))); }
  void run(int first, int end) {
    for (int i = first; i < end; ++i) step(i);
  }

  std::vector<SeedKey> keys;
  std::unique_ptr<Batch> batch;
  BatchArrays arrays;

 private:
  std::vector<float> actions_of(int step) const {
    return some_actions(keys, batch->action_reader().width(), step);
  }
};

}  // namespace rlmm
