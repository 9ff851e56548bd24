// Rollouts against single steps with the same policy, and what a policy must fit.
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "batch_arrays.h"
#include "check.h"
#include "market_problems.h"
#include "policies.h"
#include "problems.h"

namespace rlmm {
namespace {

constexpr float kUntouched = -99.0F;

// All arrays of a rollout.
template <class Action>
struct RolloutStorage {
  RolloutStorage(const Batch& batch, const PolicyShape& shape, std::size_t steps)
      : n_steps(steps),
        n(static_cast<std::size_t>(batch.n_envs())),
        width(batch.observation().size()),
        numbers(static_cast<std::size_t>(shape.head.numbers())),
        has_value(shape.has_value),
        obs((n_steps + 1) * n * width, kUntouched),
        final_obs(n_steps * n * width, kUntouched),
        actions(n_steps * n * numbers),
        pre_squash(n_steps * n * numbers, kUntouched),
        log_prob(n_steps * n, kUntouched),
        value(log_prob),
        final_value(log_prob),
        last_value(n, kUntouched),
        reward(n_steps * n),
        columns(n_steps * n * kColumnCount),
        terminated(std::make_unique<bool[]>(n_steps * n)),
        truncated(std::make_unique<bool[]>(n_steps * n)) {}

  RolloutArrays<Action> arrays(std::size_t first, std::size_t steps) {
    RolloutArrays<Action> to;
    const std::size_t rows = first * n;
    to.n_steps = static_cast<std::int64_t>(steps);
    to.obs = obs.data() + rows * width;
    to.last_obs = obs.data() + (rows + steps * n) * width;  // the next step's place
    to.final_obs = final_obs.data() + rows * width;
    to.actions = actions.data() + rows * numbers;
    to.pre_squash = pre_squash.data() + rows * numbers;
    to.log_prob = log_prob.data() + rows;
    to.reward = reward.data() + rows;
    to.columns = columns.data() + rows * kColumnCount;
    to.terminated = terminated.get() + rows;
    to.truncated = truncated.get() + rows;
    if (!has_value) return to;
    to.value = value.data() + rows;
    to.final_value = final_value.data() + rows;
    to.last_value = last_value.data();
    return to;
  }

  bool operator==(const RolloutStorage& other) const {
    const std::size_t rows = n_steps * n;
    return obs == other.obs && final_obs == other.final_obs && actions == other.actions &&
           pre_squash == other.pre_squash && log_prob == other.log_prob && value == other.value &&
           final_value == other.final_value && last_value == other.last_value &&
           reward == other.reward && same_bytes(columns, other.columns) &&
           std::equal(terminated.get(), terminated.get() + rows, other.terminated.get()) &&
           std::equal(truncated.get(), truncated.get() + rows, other.truncated.get());
  }

  // Columns that a market does not have are NaN.
  static bool same_bytes(const std::vector<double>& a, const std::vector<double>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
  }

  std::size_t n_steps, n, width, numbers;
  bool has_value;
  std::vector<float> obs, final_obs;
  std::vector<Action> actions;
  std::vector<float> pre_squash, log_prob, value, final_value, last_value;
  std::vector<double> reward, columns;
  std::unique_ptr<bool[]> terminated, truncated;
};

// Policy::act and Batch::step in turn.
template <class Action>
void step_by_step(Batch& batch, const Policy& policy, RolloutStorage<Action>& to) {
  Policy::Workspace workspace(policy);
  std::vector<DrawName> names(to.n);
  batch.observe(to.obs.data());
  for (std::size_t t = 0; t < to.n_steps; ++t) {
    const RolloutArrays<Action> at = to.arrays(t, 1);
    batch.draw_names(names.data());
    policy.act<Action>(at.obs, to.n,
                       {names.data(), at.actions, at.pre_squash, at.log_prob, at.value, nullptr},
                       workspace);
    batch.step(StepArrays<Action>{at.actions, at.last_obs, at.final_obs, at.reward, at.terminated,
                                  at.truncated, at.columns});
    if (!to.has_value) continue;
    for (std::size_t env = 0; env < to.n; ++env) {
      const float* const ended = at.final_obs + env * to.width;
      at.final_value[env] = at.truncated[env] ? policy.value_of(ended, workspace) : 0.0F;
      at.last_value[env] = policy.value_of(at.last_obs + env * to.width, workspace);
    }
  }
}

struct Started {
  Started(const EnvParams& params, std::size_t n_envs, std::int64_t n_threads)
      : batch(make_batch(params, seed_keys(n_envs), n_threads)) {
    std::vector<float> obs(n_envs * batch->observation().size());
    batch->reset(obs.data(), nullptr);
  }
  std::unique_ptr<Batch> batch;
};

EnvParams problem_of(ActionKind kind, bool truncated, EnvParams params = full_problem()) {
  params.action.kind = kind;
  if (kind == ActionKind::kDiscrete) params.action.sizes = false;
  params.episode.n_steps = 7;
  if (truncated) params.episode.horizon_ends = HorizonEnd::kTruncated;
  return params;
}

HeadShape head_for(const EnvParams& params, bool squashed) {
  const ActionReader reader(params.action);
  if (params.action.kind == ActionKind::kContinuous) {
    return squashed ? squashed_head(reader.width()) : gaussian_head(reader.width());
  }
  const auto* const first = reader.choices().data();
  return categorical_head({first, first + reader.width()});
}

template <class Action>
void check_equal_to_steps(const EnvParams& params, bool squashed, bool has_value,
                          const std::vector<std::size_t>& batch_sizes = {1, 5, 70}) {
  constexpr std::size_t kSteps = 18;
  for (const std::size_t n_envs : batch_sizes) {
    Started reference(params, n_envs, 1);
    const auto width = static_cast<std::int64_t>(reference.batch->observation().size());
    const Policy policy = random_policy(width, head_for(params, squashed), has_value).made();
    RolloutStorage<Action> expected(*reference.batch, policy.shape(), kSteps);
    step_by_step(*reference.batch, policy, expected);
    for (const std::int64_t n_threads : {1, 2, 4}) {
      if (std::cmp_greater(n_threads, n_envs)) continue;
      Started started(params, n_envs, n_threads);
      RolloutStorage<Action> got(*started.batch, policy.shape(), kSteps);
      started.batch->rollout(policy, got.arrays(0, kSteps));
      CHECK(got == expected);
      CHECK(started.batch->state() == reference.batch->state());
      // In pieces, the second on another batch that went on from the state.
      Started first(params, n_envs, 1);
      Started second(params, n_envs, n_threads);
      RolloutStorage<Action> pieces(*started.batch, policy.shape(), kSteps);
      first.batch->rollout(policy, pieces.arrays(0, 5));
      second.batch->set_state(first.batch->state());
      second.batch->rollout(policy, pieces.arrays(5, kSteps - 5));
      CHECK(pieces == expected);
    }
  }
}

TEST("a rollout equals single steps, whatever the threads, the batch and the pieces") {
  for (const bool truncated : {true, false}) {
    const EnvParams continuous = problem_of(ActionKind::kContinuous, truncated);
    check_equal_to_steps<float>(continuous, false, true);
    check_equal_to_steps<float>(continuous, true, false);
    check_equal_to_steps<std::int64_t>(problem_of(ActionKind::kDiscrete, truncated), false, true);
    check_equal_to_steps<std::int64_t>(problem_of(ActionKind::kMultidiscrete, truncated), false,
                                       true);
  }
}

TEST("a rollout in a book equals single steps as well") {
  const EnvParams book = full_problems()[1];
  check_equal_to_steps<float>(problem_of(ActionKind::kContinuous, true, book), true, true, {5});
  check_equal_to_steps<std::int64_t>(problem_of(ActionKind::kMultidiscrete, false, book), false,
                                     false, {5});
}

TEST("the value of the last observation is written where the episode was truncated only") {
  for (const bool truncated : {true, false}) {
    const EnvParams params = problem_of(ActionKind::kContinuous, truncated);
    Started started(params, 3, 1);
    const auto width = static_cast<std::int64_t>(started.batch->observation().size());
    const Policy policy = random_policy(width, head_for(params, false), true).made();
    RolloutStorage<float> got(*started.batch, policy.shape(), 7);
    RolloutArrays<float> arrays = got.arrays(0, 7);
    arrays.final_obs = nullptr;
    arrays.columns = nullptr;
    arrays.pre_squash = nullptr;
    started.batch->rollout(policy, arrays);
    for (std::size_t row = 0; row < 7 * got.n; ++row) {
      const bool last = row >= 6 * got.n;
      CHECK_EQ(got.truncated[row], truncated && last);
      CHECK_EQ(got.final_value[row] != 0.0F, truncated && last);
    }
  }
}

TEST("a deterministic rollout draws nothing") {
  const EnvParams params = problem_of(ActionKind::kContinuous, true);
  Started started(params, 2, 1);
  const auto width = static_cast<std::int64_t>(started.batch->observation().size());
  PolicyParts parts = random_policy(width, head_for(params, false), false);
  std::ranges::fill(parts.actor, 0.0F);
  const Policy policy = parts.made();
  RolloutStorage<float> got(*started.batch, policy.shape(), 4);
  RolloutArrays<float> arrays = got.arrays(0, 4);
  arrays.deterministic = true;
  started.batch->rollout(policy, arrays);
  CHECK(std::ranges::all_of(got.actions, [](float action) { return action == 0.0F; }));
}

template <class Action>
void check_misfit(const EnvParams& params, const HeadShape& head, std::int64_t more_width,
                  const std::string& message) {
  Started started(params, 2, 1);
  const auto width = static_cast<std::int64_t>(started.batch->observation().size());
  const Policy policy = random_policy(width + more_width, head, false).made();
  RolloutStorage<Action> storage(*started.batch, policy.shape(), 1);
  CHECK_THROWS(started.batch->rollout(policy, storage.arrays(0, 1)), std::invalid_argument,
               message);
}

TEST("a policy for another problem is refused") {
  const EnvParams continuous = problem_of(ActionKind::kContinuous, true);
  const EnvParams discrete = problem_of(ActionKind::kDiscrete, true);
  check_misfit<float>(continuous, gaussian_head(4), 1, "policy: expected one for observations of");
  check_misfit<float>(continuous, gaussian_head(2), 0,
                      "policy: expected one with a continuous head of 4 numbers, got 2");
  check_misfit<std::int64_t>(continuous, categorical_head({3}), 0, "got a categorical one");
  check_misfit<std::int64_t>(discrete, categorical_head({3, 4}), 0, "got (3, 4)");
  check_misfit<float>(discrete, gaussian_head(1), 0, "got a continuous one");
}

TEST("a failure inside a rollout names the environment and stops the batch") {
  for (const EnvParams& market : full_problems()) {
    const EnvParams params = problem_of(ActionKind::kContinuous, true, market);
    Started started(params, 6, 2);
    const auto width = static_cast<std::int64_t>(started.batch->observation().size());
    PolicyParts parts = random_policy(width, head_for(params, false), false);
    std::ranges::fill(parts.actor, 3e38F);
    const Policy policy = parts.made();
    RolloutStorage<float> storage(*started.batch, policy.shape(), 3);
    CHECK_THROWS(started.batch->rollout(policy, storage.arrays(0, 3)), RangeError,
                 "environment 0, episode 0, step 0, seed (0x3e8, 0x7): policy: expected finite");
    CHECK_THROWS(started.batch->rollout(policy, storage.arrays(0, 3)), std::logic_error,
                 "an earlier step failed half-way");
  }
}

TEST("a batch that was not reset does not roll out") {
  const EnvParams params = problem_of(ActionKind::kContinuous, true);
  const std::unique_ptr<Batch> batch = make_batch(params, seed_keys(2), 1);
  const auto width = static_cast<std::int64_t>(batch->observation().size());
  const Policy policy = random_policy(width, head_for(params, false), false).made();
  RolloutStorage<float> storage(*batch, policy.shape(), 1);
  CHECK_THROWS(batch->rollout(policy, storage.arrays(0, 1)), std::logic_error, "expected reset()");
  std::vector<DrawName> names(2);
  CHECK_THROWS(batch->draw_names(names.data()), std::logic_error, "expected reset()");
}

}  // namespace
}  // namespace rlmm
