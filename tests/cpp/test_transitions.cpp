// The ring of transitions, the chances of its rows and the tree that they are drawn by.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "check.h"
#include "rng.h"
#include "transitions/priorities.h"
#include "transitions/ring.h"
#include "transitions/sum_tree.h"

namespace rlmm {
namespace {

// --- sum tree -----------------------------------------------------------------------------------

// Integers, so that sums have no rounding and the search by running sums finds the same place.
TEST("sum tree: finds what a search through all running sums finds") {
  for (const std::size_t size : {1U, 2U, 16U, 17U, 256U, 300U, 5000U}) {
    Stream draws({3, size}, 0, Purpose::kReset);
    SumTree tree(size);
    std::vector<double> values(size);
    for (int round = 0; round < 3; ++round) {
      for (std::size_t i = 0; i < size; ++i) {
        if (draws.below(3) == 0) continue;  // as it was
        values[i] = static_cast<double>(draws.below(4));
        tree.set(i, values[i]);
      }
      values[size / 2] = 2.0;  // never all 0
      tree.set(size / 2, 2.0);
      double total = 0.0;
      for (std::size_t i = 0; i < size; ++i) {
        CHECK_EQ(tree.at(i), values[i]);
        for (double part = 0.0; part < values[i]; part += 0.5) {
          CHECK_EQ(tree.find(total + part), i);
        }
        total += values[i];
      }
      CHECK_EQ(tree.total(), total);
    }
  }
}

TEST("sum tree: past the end it finds the last number above 0") {
  SumTree tree(400);
  tree.set(3, 1.0);
  tree.set(270, 2.0);
  CHECK_EQ(tree.find(2.9), 270U);
  CHECK_EQ(tree.find(3.0), 270U);
  CHECK_EQ(tree.find(9.0), 270U);
}

// --- ring ---------------------------------------------------------------------------------------

constexpr std::size_t kTimes = 9;
constexpr std::size_t kEnvs = 4;
constexpr std::size_t kWidth = 2;

// A rollout in which every number says where it is from; episodes end at random.
struct Rollout {
  std::vector<float> obs, final_obs, last_obs;
  std::vector<std::int64_t> actions;
  std::vector<double> reward, counts;
  std::array<bool, kTimes * kEnvs> terminated{}, truncated{};

  explicit Rollout(std::uint64_t seed) {
    Stream draws({7, seed}, 0, Purpose::kReset);
    for (std::size_t at = 0; at < kTimes * kEnvs; ++at) {
      for (std::size_t i = 0; i < kWidth; ++i) {
        obs.push_back(static_cast<float>(10 * at + i));
        final_obs.push_back(static_cast<float>(10000 + 10 * at + i));
      }
      actions.push_back(static_cast<std::int64_t>(draws.below(50)));
      reward.push_back(draws.normal());
      counts.push_back(1.0 + static_cast<double>(draws.below(5)));
      terminated.at(at) = draws.below(6) == 0;
      truncated.at(at) = draws.below(6) == 0;
    }
    for (std::size_t i = 0; i < kEnvs * kWidth; ++i) {
      last_obs.push_back(static_cast<float>(5000 + i));
    }
  }

  CollectedSteps<std::int64_t> steps() const {
    CollectedSteps<std::int64_t> view;
    view.n_steps = kTimes;
    view.n_envs = kEnvs;
    view.obs = obs.data();
    view.actions = actions.data();
    view.reward = reward.data();
    view.counts = counts.data();
    view.terminated = terminated.data();
    view.truncated = truncated.data();
    view.final_obs = final_obs.data();
    view.last_obs = last_obs.data();
    return view;
  }
};

struct Rows {
  std::vector<float> obs, actions, next_obs, discount;
  std::vector<double> reward, counts;

  explicit Rows(std::size_t n, std::size_t width = kWidth)
      : obs(n * width), actions(n), next_obs(n * width), discount(n), reward(n), counts(n) {}

  TransitionArrays arrays() {
    return {obs.data(),    actions.data(),  reward.data(),
            counts.data(), next_obs.data(), discount.data()};
  }
};

std::vector<std::int64_t> all_places(const TransitionRing& ring) {
  std::vector<std::int64_t> places(ring.size());
  std::iota(places.begin(), places.end(), 0);
  return places;
}

// The row of environment `env` from step `t` on, by its definition.
void check_row(const Rollout& rollout, const Rows& rows, std::size_t row, std::size_t t,
               std::size_t env, std::size_t horizon, double gamma) {
  double reward = 0.0;
  double counts = 0.0;
  double discount = 0.0;
  float after = -1.0F;
  for (std::size_t k = 0; k < horizon && after < 0.0F; ++k) {
    const std::size_t at = (t + k) * kEnvs + env;
    reward += std::pow(gamma, k) * rollout.reward[at];
    counts += std::pow(gamma, k) * rollout.counts[at];
    discount = std::pow(gamma, k + 1);
    if (rollout.terminated.at(at) || rollout.truncated.at(at)) {
      after = rollout.final_obs[at * kWidth];
      if (rollout.terminated.at(at)) discount = 0.0;
    } else if (t + k + 1 == kTimes) {
      after = rollout.last_obs[env * kWidth];
    }
  }
  if (after < 0.0F) after = rollout.obs[((t + horizon) * kEnvs + env) * kWidth];
  const std::size_t first = t * kEnvs + env;
  CHECK_EQ(rows.obs[row * kWidth + 1], rollout.obs[first * kWidth + 1]);
  CHECK_EQ(rows.actions[row], static_cast<float>(rollout.actions[first]));
  CHECK_EQ(rows.next_obs[row * kWidth], after);
  CHECK_EQ(rows.next_obs[row * kWidth + 1], after + 1.0F);
  CHECK_NEAR(rows.reward[row], reward, 1e-12);
  CHECK_NEAR(rows.counts[row], counts, 1e-12);
  CHECK_NEAR(rows.discount[row], static_cast<float>(discount), 1e-6);
}

TEST("transitions: rows are sums that stop where episodes end") {
  for (const std::size_t horizon : {1U, 3U, 5U, 40U}) {
    const Rollout rollout(horizon);
    TransitionRing ring({100, kWidth, 1});
    ring.add(rollout.steps(), horizon, 0.9);
    CHECK_EQ(ring.size(), kTimes * kEnvs);
    Rows rows(ring.size());
    ring.gather(all_places(ring), rows.arrays());
    for (std::size_t at = 0; at < ring.size(); ++at) {
      check_row(rollout, rows, at, at / kEnvs, at % kEnvs, horizon, 0.9);
    }
  }
}

TEST("transitions: the oldest rows make room, also of one long rollout") {
  const Rollout first(1);
  const Rollout second(2);
  TransitionRing ring({50, kWidth, 1});
  ring.add(first.steps(), 1, 1.0);
  ring.add(second.steps(), 1, 1.0);
  CHECK_EQ(ring.size(), 50U);
  CHECK_EQ(ring.added(), 2 * kTimes * kEnvs);
  Rows rows(50);
  ring.gather(all_places(ring), rows.arrays());
  for (std::size_t i = 0; i < 50; ++i) {
    const std::size_t added = i < 22 ? 50 + i : i;  // 72 rows came
    const Rollout& from = added < 36 ? first : second;
    const std::size_t at = added % 36;
    check_row(from, rows, i, at / kEnvs, at % kEnvs, 1, 1.0);
  }
  TransitionRing small({5, kWidth, 1});
  small.add(first.steps(), 2, 1.0);
  Rows few(5);
  small.gather(all_places(small), few.arrays());
  for (std::size_t i = 0; i < 5; ++i) {
    const std::size_t at = i == 0 ? 35 : 30 + i;
    check_row(first, few, i, at / kEnvs, at % kEnvs, 2, 1.0);
  }
}

TEST("transitions: a draw is a share of the rows") {
  TransitionRing ring({100, kWidth, 1});
  const Rollout rollout(1);
  ring.add(rollout.steps(), 1, 1.0);
  const std::vector<double> draws{0.0, 0.5, 0.999, 1.0 - 0x1p-53, 17.5 / 36.0};
  std::vector<std::int64_t> places(draws.size());
  ring.draw(draws, places.data());
  CHECK_EQ(places, (std::vector<std::int64_t>{0, 18, 35, 35, 17}));
}

TEST("transitions: what is restored goes on like what was saved") {
  const Rollout rollout(1);
  TransitionRing one({50, kWidth, 1});
  one.add(rollout.steps(), 2, 0.5);
  TransitionRing other({50, kWidth, 1});
  other.add(Rollout(3).steps(), 1, 1.0);
  other.add(Rollout(4).steps(), 1, 1.0);
  other.restore(one.rows(), one.added());
  const Rollout next(5);
  for (TransitionRing* ring : {&one, &other}) ring->add(next.steps(), 2, 0.5);
  CHECK_EQ(one.added(), other.added());
  Rows rows(50);
  Rows again(50);
  one.gather(all_places(one), rows.arrays());
  other.gather(all_places(other), again.arrays());
  CHECK_EQ(rows.obs, again.obs);
  CHECK_EQ(rows.reward, again.reward);
  CHECK_EQ(rows.discount, again.discount);
}

// --- priorities ---------------------------------------------------------------------------------

TEST("priorities: a row of each stratum, with weights that undo its chance") {
  Priorities priorities(6, 0.5);
  priorities.add(4);
  CHECK_EQ(priorities.size(), 4U);
  const std::vector<std::int64_t> told{0, 1, 2, 3, 1};
  const std::vector<float> errors{0.0F, 9.0F, 4.0F, 9.0F, 1.0F};
  priorities.set(told, errors.data());
  const std::array<double, 4> powers{std::sqrt(1e-6), std::sqrt(1.0 + 1e-6), std::sqrt(4.0 + 1e-6),
                                     std::sqrt(9.0 + 1e-6)};
  const double total = powers[0] + powers[1] + powers[2] + powers[3];
  for (std::size_t i = 0; i < 4; ++i) CHECK_NEAR(priorities.powers()[i], powers.at(i), 1e-12);
  const std::vector<double> draws{0.5, 0.1, 0.9, 0.3, 0.0, 0.0, 0.0, 0.9};
  std::vector<std::int64_t> places(8);
  std::vector<float> weights(8);
  priorities.draw(draws, 4, 0.7, places.data(), weights.data());
  for (std::size_t block = 0; block < 2; ++block) {
    double most = 0.0;
    std::array<double, 4> expected{};
    for (std::size_t i = 0; i < 4; ++i) {
      double sum = (static_cast<double>(i) + draws[4 * block + i]) / 4.0 * total;
      std::size_t place = 0;
      while (sum >= powers.at(place)) sum -= powers.at(place++);
      CHECK_EQ(places[4 * block + i], static_cast<std::int64_t>(place));
      expected.at(i) = std::pow(4.0 * powers.at(place) / total, -0.7);
      most = std::max(most, expected.at(i));
    }
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK_NEAR(weights[4 * block + i], expected.at(i) / most, 1e-6);
    }
  }
}

TEST("priorities: new rows have the most there is, in the place of the oldest") {
  Priorities priorities(4, 1.0);
  priorities.add(4);
  const std::vector<std::int64_t> told{0, 1, 2, 3};
  const std::vector<float> errors{0.5F, 5.0F, 0.5F, 0.5F};
  priorities.set(told, errors.data());
  priorities.add(1);
  CHECK_NEAR(priorities.powers()[0], 5.0, 1e-5);
  CHECK_NEAR(priorities.powers()[2], 0.5, 1e-5);
}

TEST("priorities: what is restored has the same chances") {
  Priorities one(10, 0.5);
  one.add(7);
  const std::vector<std::int64_t> told{2, 5};
  const std::vector<float> errors{3.0F, 2.0F};
  one.set(told, errors.data());
  Priorities other(10, 0.5);
  other.add(25);
  other.restore(one.powers(), one.most(), one.added());
  for (Priorities* each : {&one, &other}) each->add(2);
  CHECK_EQ(one.powers(), other.powers());
  CHECK_EQ(one.added(), other.added());
  const std::vector<double> draws{0.2, 0.99};
  std::vector<std::int64_t> places(2), again(2);
  std::vector<float> weights(2);
  one.draw(draws, 2, 1.0, places.data(), weights.data());
  other.draw(draws, 2, 1.0, again.data(), weights.data());
  CHECK_EQ(places, again);
}

// --- refusals -----------------------------------------------------------------------------------

TEST("transitions: what makes no sense is refused") {
  CHECK_THROWS(TransitionRing({0, 1, 1}), std::invalid_argument, "capacity: expected");
  CHECK_THROWS(TransitionRing({1, 0, 1}), std::invalid_argument, "obs_width: expected");
  CHECK_THROWS(TransitionRing({1, 1, 0}), std::invalid_argument, "n_actions: expected");
  CHECK_THROWS(Priorities(0, 0.5), std::invalid_argument, "capacity: expected");
  CHECK_THROWS(Priorities(4, 1.5), std::invalid_argument, "exponent: expected");
  TransitionRing ring({100, kWidth, 1});
  const std::vector<double> draws{0.5, 1.0};
  std::vector<std::int64_t> places{0, 36};
  CHECK_THROWS(ring.draw(draws, places.data()), std::invalid_argument,
               "transitions: expected rows to draw from");
  const Rollout rollout(1);
  CHECK_THROWS(ring.add(rollout.steps(), 0, 1.0), std::invalid_argument, "horizon: expected");
  CHECK_THROWS(ring.add(rollout.steps(), 1, 1.5), std::invalid_argument, "gamma: expected");
  ring.add(rollout.steps(), 1, 1.0);
  CHECK_THROWS(ring.draw(draws, places.data()), std::invalid_argument, "draws[1]: expected");
  const std::vector<double> below{-0.1};
  CHECK_THROWS(ring.draw(below, places.data()), std::invalid_argument, "draws[0]: expected");
  Rows rows(2);
  CHECK_THROWS(ring.gather(places, rows.arrays()), std::invalid_argument,
               "places[1]: expected one from 0 to 35, got 36");
  places[1] = -1;
  CHECK_THROWS(ring.gather(places, rows.arrays()), std::invalid_argument, "places[1]: expected");
  CHECK_THROWS(ring.restore(ring.rows(), 35), std::invalid_argument, "rows: expected a length");
}

TEST("priorities: what makes no sense is refused") {
  Priorities priorities(4, 1.0);
  const std::vector<double> draws{0.5, 0.5};
  std::vector<std::int64_t> places{0, 1};
  std::vector<float> weights(2);
  CHECK_THROWS(priorities.draw(draws, 2, 1.0, places.data(), weights.data()), std::invalid_argument,
               "rows to draw from");
  priorities.add(2);
  for (const float bad :
       {-1.0F, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const std::vector<float> errors{0.5F, bad};
    CHECK_THROWS(priorities.set(places, errors.data()), std::invalid_argument,
                 "errors[1]: expected a finite");
  }
  CHECK_EQ(priorities.powers()[0], 1.0);  // all or none
  places[0] = 2;
  const std::vector<float> errors{0.5F, 0.5F};
  CHECK_THROWS(priorities.set(places, errors.data()), std::invalid_argument, "places[0]: expected");
  CHECK_THROWS(priorities.restore({}, 1.0, 3), std::invalid_argument, "powers: expected a length");
}

}  // namespace
}  // namespace rlmm
