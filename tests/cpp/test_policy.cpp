// A whole policy: normaliser, networks and head together, in blocks of any size.
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "check.h"
#include "policies.h"
#include "policy/isa.h"

namespace rlmm {
namespace {

constexpr std::size_t kObsWidth = 5;

// What `act` writes for `n` rows.
template <class Action>
struct Acted {
  Acted(const Policy& policy, const std::vector<float>& obs, bool drawn, std::size_t first,
        std::size_t n)
      : actions(n * static_cast<std::size_t>(policy.shape().head.numbers())),
        pre_squash(actions.size()),
        log_prob(n),
        value(n) {
    std::vector<DrawName> names;
    names.reserve(n);
    for (std::size_t i = 0; i < n; ++i) names.push_back({{first + i, 5}, 9});
    DecisionArrays<Action> to;
    to.draws = drawn ? names.data() : nullptr;
    to.actions = actions.data();
    to.pre_squash = pre_squash.data();
    to.log_prob = log_prob.data();
    to.value = policy.has_value() ? value.data() : nullptr;
    Policy::Workspace workspace(policy);
    policy.act(obs.data() + first * kObsWidth, n, to, workspace);
  }

  std::vector<Action> actions;
  std::vector<float> pre_squash;
  std::vector<float> log_prob;
  std::vector<float> value;
};

template <class Action>
void check_rows_alone_and_together(const HeadShape& head, bool drawn) {
  constexpr std::size_t kRows = 2 * Policy::kBlockRows + 5;
  const PolicyParts parts = random_policy(kObsWidth, head, true);
  const std::vector<float> obs = random_floats(20, kRows * kObsWidth, 2.0);
  const Acted<Action> all(parts.made("plain"), obs, drawn, 0, kRows);
  const auto numbers = static_cast<std::size_t>(head.numbers());
  for (const Kernels* kernels : available_kernels()) {
    const Policy policy = parts.made(kernels->name);
    const Acted<Action> together(policy, obs, drawn, 0, kRows);
    CHECK(together.actions == all.actions);
    CHECK(together.log_prob == all.log_prob);
    CHECK(together.value == all.value);
    CHECK(together.pre_squash == all.pre_squash);
    for (std::size_t row = 0; row < kRows; ++row) {
      const Acted<Action> alone(policy, obs, drawn, row, 1);
      for (std::size_t i = 0; i < numbers; ++i) {
        CHECK_EQ(alone.actions[i], all.actions[row * numbers + i]);
      }
      CHECK_EQ(alone.log_prob[0], all.log_prob[row]);
      CHECK_EQ(alone.value[0], all.value[row]);
    }
  }
}

TEST("a row alone and among others gives the same bits on every instruction set") {
  for (const bool drawn : {true, false}) {
    check_rows_alone_and_together<float>(gaussian_head(2), drawn);
    check_rows_alone_and_together<float>(squashed_head(4), drawn);
    check_rows_alone_and_together<std::int64_t>(categorical_head({121}), drawn);
    check_rows_alone_and_together<std::int64_t>(categorical_head({5, 5, 3, 3}), drawn);
  }
}

TEST("other decisions and other environments draw other actions") {
  const Policy policy = random_policy(kObsWidth, gaussian_head(1), false).made();
  const std::vector<float> obs(kObsWidth, 0.5F);
  Policy::Workspace workspace(policy);
  std::vector<float> seen;
  for (const DrawName name : {DrawName{{1, 2}, 0}, {{1, 2}, 1}, {{2, 2}, 0}, {{1, 2}, 0}}) {
    float action = 0.0F;
    DecisionArrays<float> to;
    to.draws = &name;
    to.actions = &action;
    policy.act(obs.data(), 1, to, workspace);
    seen.push_back(action);
  }
  CHECK(seen[0] != seen[1]);
  CHECK(seen[0] != seen[2]);
  CHECK_EQ(seen[0], seen[3]);
}

TEST("entropy is written where it is asked for; without a normaliser obs go in as they are") {
  PolicyParts parts = random_policy(kObsWidth, categorical_head({2}), false);
  parts.obs_mean.clear();
  parts.obs_variance.clear();
  std::ranges::fill(parts.actor, 0.0F);
  const Policy policy = parts.made();
  const std::vector<float> obs(kObsWidth, 1e30F);
  std::int64_t action = -1;
  float entropy = 0.0F;
  DecisionArrays<std::int64_t> to;
  to.actions = &action;
  to.entropy = &entropy;
  Policy::Workspace workspace(policy);
  policy.act(obs.data(), 1, to, workspace);
  CHECK_NEAR(entropy, std::log(2.0), 1e-6);
  CHECK_EQ(action, 0);
}

TEST("entropy of a continuous policy does not depend on what it sees") {
  const PolicyParts parts = random_policy(kObsWidth, gaussian_head(2), true);
  const Policy policy = parts.made();
  const std::vector<float> obs = random_floats(21, 2 * kObsWidth, 1.0);
  std::vector<float> actions(4);
  std::vector<float> entropy(2);
  DecisionArrays<float> to;
  to.actions = actions.data();
  to.entropy = entropy.data();
  Policy::Workspace workspace(policy);
  policy.act(obs.data(), 2, to, workspace);
  const double expected = std::log(2.0 * std::numbers::pi * std::numbers::e) +
                          static_cast<double>(parts.log_std[0]) + parts.log_std[1];
  CHECK_NEAR(entropy[0], expected, 1e-6);
  CHECK_EQ(entropy[0], entropy[1]);
  CHECK(actions[0] != actions[2]);
}

TEST("a policy without a value network has no values") {
  const Policy policy = random_policy(kObsWidth, gaussian_head(1), false).made();
  const std::vector<float> obs(kObsWidth, 0.5F);
  Policy::Workspace workspace(policy);
  CHECK_THROWS(policy.value_of(obs.data(), workspace), std::logic_error, "with a value network");
}

TEST("an observation that is not finite is refused by its place") {
  const Policy policy = random_policy(kObsWidth, gaussian_head(1), false).made();
  std::vector<float> obs(2 * kObsWidth, 0.0F);
  obs[kObsWidth + 3] = std::numeric_limits<float>::infinity();
  CHECK_THROWS(Acted<float>(policy, obs, true, 0, 2), std::invalid_argument,
               "obs[1, 3]: expected a finite number, got inf");
}

template <class Change>
void check_refused(const std::string& part, const Change& change) {
  PolicyParts parts = random_policy(kObsWidth, gaussian_head(1), true);
  change(parts);
  CHECK_THROWS(parts.made(), std::invalid_argument, part);
}

TEST("parts that do not fit are refused by name") {
  check_refused("obs_mean: expected 5 numbers, got 4", [](auto& p) { p.obs_mean.pop_back(); });
  check_refused("obs_variance: expected 5", [](auto& p) { p.obs_variance.clear(); });
  check_refused("obs_variance[1]: expected a finite number, at least 0",
                [](auto& p) { p.obs_variance[1] = -1.0; });
  check_refused("obs_mean[0]: expected a finite number",
                [](auto& p) { p.obs_mean[0] = std::numeric_limits<double>::infinity(); });
  check_refused("obs_mean: expected 5 numbers, got 0", [](auto& p) { p.obs_mean.clear(); });
  check_refused("obs_epsilon", [](auto& p) { p.shape.obs_epsilon = 0.0; });
  check_refused("obs_epsilon: expected a positive number, got inf",
                [](auto& p) { p.shape.obs_epsilon = std::numeric_limits<double>::infinity(); });
  check_refused("obs_clip", [](auto& p) { p.shape.obs_clip = -1.0; });
  check_refused("value: expected none", [](auto& p) { p.shape.has_value = false; });
  check_refused("value: expected", [](auto& p) { p.value.pop_back(); });
  check_refused("actor: expected", [](auto& p) { p.actor.pop_back(); });
}

}  // namespace
}  // namespace rlmm
