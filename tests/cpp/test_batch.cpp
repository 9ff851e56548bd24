#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "batch_arrays.h"
#include "check.h"
#include "market_problems.h"
#include "problems.h"

namespace rlmm {
namespace {

TEST("batch: parameters, seeds and threads are checked") {
  EnvParams bad = still_problem();
  bad.tick_value = -1.0;
  CHECK_THROWS(make_batch(bad, seed_keys(1), 1), std::invalid_argument, "tick_value");
  const EnvParams good = still_problem();
  CHECK_THROWS(make_batch(good, {}, 1), std::invalid_argument,
               "seeds: expected at least one row, got none");
  CHECK_THROWS(make_batch(good, seed_keys(2), 0), std::invalid_argument,
               "n_threads: expected from 1 to the number of environments (2), got 0");
  CHECK_THROWS(make_batch(good, seed_keys(2), 3), std::invalid_argument, "(2), got 3");
  CHECK_THROWS(make_batch(good, seed_keys(2), std::int64_t{1} << 40U), std::invalid_argument,
               "(2), got 1099511627776");
  const std::unique_ptr<Batch> batch = make_batch(good, seed_keys(3), 2);
  CHECK_EQ(batch->n_envs(), 3);
  CHECK_EQ(batch->n_threads(), 2);
  CHECK_EQ(batch->params().fingerprint(), good.fingerprint());
  CHECK_THROWS(batch->reseed(seed_keys(2)), std::invalid_argument, "seeds: expected 3 rows, got 2");
}

TEST("batch: an ended episode is followed by the next in the same step") {
  EnvParams params = still_problem();
  params.episode.n_steps = 3;
  params.observation.features = {"time_left", "inventory"};
  params.episode.initial_inventory_min_lots = -20;
  params.episode.initial_inventory_max_lots = 20;
  DrivenBatch driven(params, seed_keys(2), 1);
  driven.reset();
  const std::vector<float> opening = driven.arrays.obs;
  CHECK_EQ(opening[0], 1.0F);
  driven.run(0, 2);
  CHECK_NEAR(driven.arrays.obs[0], 1.0 / 3.0, 1e-6);
  CHECK_EQ(driven.arrays.final_obs, std::vector<float>(4, BatchArrays::kUntouched));
  driven.step(2);
  CHECK(driven.arrays.terminated[0] && driven.arrays.terminated[1]);
  CHECK_EQ(driven.arrays.obs[0], 1.0F);
  CHECK_EQ(driven.arrays.final_obs[0], 0.0F);
  CHECK_EQ(driven.arrays.final_obs[1], opening[1]);
  CHECK_EQ(driven.arrays.column(0, Column::kEpisode), 0.0);
  CHECK_EQ(driven.arrays.column(0, Column::kStep), 2.0);
  driven.step(3);
  CHECK(!driven.arrays.ended(0));
  CHECK_EQ(driven.arrays.column(0, Column::kEpisode), 1.0);
  CHECK_EQ(driven.arrays.column(0, Column::kStep), 0.0);
}

// Rows of final_obs are written where an episode ends and nowhere else; the next episode opens as
// a batch that was never run would open it.
TEST("batch: final_obs of environments that go on is left alone") {
  for (const EnvParams& params : varied_problems()) {
    DrivenBatch driven(params, seed_keys(8), 1);
    driven.reset();
    const std::size_t width = driven.arrays.width;
    int ends = 0;
    int early = 0;
    for (int step = 0; step < 100; ++step) {
      std::fill(driven.arrays.final_obs.begin(), driven.arrays.final_obs.end(),
                BatchArrays::kUntouched);
      driven.step(step);
      for (std::size_t env = 0; env < 8; ++env) {
        const bool written = driven.arrays.final_obs[env * width] != BatchArrays::kUntouched;
        CHECK_EQ(written, driven.arrays.ended(env));
        ends += written ? 1 : 0;
        early += written && driven.arrays.column(env, Column::kStep) < 16.0 ? 1 : 0;
      }
    }
    CHECK(ends > 20);
    CHECK(early > 2 && early < ends);
  }
}

void check_company(const EnvParams& params, std::size_t n_envs, int n_steps) {
  const std::vector<SeedKey> all = seed_keys(n_envs);
  std::vector<DrivenBatch> alone;
  for (std::size_t env = 0; env < n_envs; ++env) {
    alone.emplace_back(params, std::vector<SeedKey>{all[env]}, 1);
    alone.back().reset();
    alone.back().run(0, n_steps);
  }
  for (const std::size_t n : {std::size_t{8}, n_envs}) {
    for (const int n_threads : {1, 2, 3, 4}) {
      DrivenBatch driven(params, seed_keys(n), n_threads);
      driven.reset();
      driven.run(0, n_steps);
      for (std::size_t env = 0; env < n; ++env) {
        const BatchArrays& one = alone[env].arrays;
        const auto row = static_cast<std::ptrdiff_t>(env);
        const auto width = static_cast<std::ptrdiff_t>(one.width);
        CHECK(std::equal(one.obs.begin(), one.obs.end(), driven.arrays.obs.begin() + row * width));
        CHECK(std::equal(
            one.columns.begin(), one.columns.end(),
            driven.arrays.columns.begin() + row * static_cast<std::ptrdiff_t>(kColumnCount)));
        CHECK_EQ(one.reward[0], driven.arrays.reward[env]);
        CHECK_EQ(one.ended(0), driven.arrays.ended(env));
      }
    }
  }
}

TEST("batch: the same bits with any number of threads, and in any company") {
  const std::vector<EnvParams> problems = varied_problems();
  check_company(problems[0], 64, 60);
  check_company(problems[1], 13, 25);
}

TEST("batch: permuted seeds give permuted results") {
  for (const EnvParams& params : varied_problems()) {
    std::vector<SeedKey> keys = seed_keys(5);
    DrivenBatch straight(params, keys, 2);
    std::swap(keys[0], keys[3]);
    std::swap(keys[1], keys[4]);
    DrivenBatch permuted(params, keys, 2);
    straight.reset();
    permuted.reset();
    const std::vector<std::size_t> place = {3, 4, 2, 0, 1};
    for (int step = 0; step < 40; ++step) {
      straight.step(step);
      permuted.step(step);
      for (std::size_t env = 0; env < 5; ++env) {
        CHECK_EQ(straight.arrays.reward[env], permuted.arrays.reward[place[env]]);
        CHECK_EQ(straight.arrays.column(env, Column::kCash),
                 permuted.arrays.column(place[env], Column::kCash));
      }
    }
  }
}

void check_the_same_without_columns(const EnvParams& params) {
  constexpr std::size_t kEnvs = 4;
  DrivenBatch with(params, seed_keys(kEnvs), 1);
  DrivenBatch without(params, seed_keys(kEnvs), 1);
  with.reset();
  without.reset();
  for (int step = 0; step < 40; ++step) {
    with.step(step);
    without.step_without_columns(step);
    CHECK_EQ(with.arrays.reward, without.arrays.reward);
    CHECK_EQ(with.arrays.obs, without.arrays.obs);
  }
  CHECK_EQ(without.arrays.columns, std::vector<double>(kEnvs * kColumnCount, -1.0));
}

TEST("batch: columns are optional and change nothing") {
  for (const EnvParams& params : varied_problems()) check_the_same_without_columns(params);
}

// Without columns a reward of few terms takes a shorter way to the same number.
TEST("batch: rewards are the same without columns, whatever their weights") {
  std::vector<RewardParams> variants(1);
  for (double RewardParams::* weight :
       {&RewardParams::spread_capture, &RewardParams::dampened_pnl,
        &RewardParams::inventory_quadratic, &RewardParams::inventory_linear,
        &RewardParams::soft_limit, &RewardParams::terminal_quadratic, &RewardParams::crossing,
        &RewardParams::turnover}) {
    RewardParams variant;
    variant.soft_limit_lots = 3;
    variant.*weight = 0.3;
    variants.push_back(variant);
  }
  variants.emplace_back();
  variants.back().utility = Utility::kCara;
  variants.back().risk_aversion = 1e-4;
  for (const RewardParams& variant : variants) {
    for (EnvParams params : varied_problems()) {
      params.reward = variant;
      check_the_same_without_columns(params);
    }
  }
}

// Grid -50, 0, 50 and withdraw: the discrete 4 x 2 + 3 is bid 50, no ask; the same as two numbers.
TEST("batch: discrete kinds step as their quotes do") {
  EnvParams params = plain_problem();
  params.action.kind = ActionKind::kDiscrete;
  params.action.offset_choices = 3;
  params.action.withdraw_choice = true;
  DrivenBatch discrete(params, seed_keys(2), 1);
  params.action.kind = ActionKind::kMultidiscrete;
  DrivenBatch multi(params, seed_keys(2), 1);
  discrete.reset();
  multi.reset();
  for (int step = 0; step < 60; ++step) {
    const std::int64_t bid = step % 4;
    const std::int64_t ask = (step / 4) % 4;
    const std::vector<std::int64_t> pair = {bid * 4 + ask, 11};
    const std::vector<std::int64_t> two = {bid, ask, 2, 3};
    discrete.batch->step(discrete.arrays.with(pair));
    multi.batch->step(multi.arrays.with(two));
    CHECK(discrete.arrays == multi.arrays);
    CHECK_EQ(discrete.arrays.column(1, Column::kBidOffset), 50.0);
    CHECK_EQ(discrete.arrays.column(1, Column::kAskLots), 0.0);
  }
  const std::vector<std::int64_t> good = {0, 15};
  discrete.batch->step(discrete.arrays.without_columns(good));
  CHECK_EQ(discrete.arrays.column(1, Column::kStep), 9.0);  // of the step before: 60 = 50 + 10
  const std::vector<std::int64_t> bad = {0, 16};
  CHECK_THROWS(discrete.batch->step(discrete.arrays.with(bad)), std::invalid_argument,
               "actions[1]: expected an integer from 0 to 15, got 16");
}

TEST("batch: a masked reset touches only its rows") {
  for (const EnvParams& params : varied_problems()) {
    DrivenBatch driven(params, seed_keys(4), 2);
    driven.reset();
    driven.run(0, 5);
    const BatchArrays& arrays = driven.arrays;
    const std::vector<float> before = arrays.obs;
    std::vector<double> episode;
    episode.reserve(4);
    for (std::size_t env = 0; env < 4; ++env) {
      episode.push_back(arrays.column(env, Column::kEpisode) + (arrays.ended(env) ? 1.0 : 0.0));
    }
    const std::uint8_t mask[] = {0, 1, 0, 1};
    std::vector<float> obs(before.size(), BatchArrays::kUntouched);
    driven.batch->reset(obs.data(), mask);
    for (std::size_t env = 0; env < 4; ++env) {
      CHECK_EQ(obs[env * arrays.width], mask[env] ? 1.0F : BatchArrays::kUntouched);
    }
    driven.step(5);
    for (std::size_t env = 0; env < 4; ++env) {
      CHECK_EQ(arrays.column(env, Column::kEpisode), episode[env] + (mask[env] ? 1.0 : 0.0));
      CHECK_EQ(arrays.column(env, Column::kStep), mask[env] ? 0.0 : 5.0);
    }
  }
}

TEST("batch: observing again shows what the last step or reset has shown") {
  for (const EnvParams& params : varied_problems()) {
    DrivenBatch driven(params, seed_keys(4), 2);
    std::vector<float> seen(driven.arrays.obs.size());
    CHECK_THROWS(driven.batch->observe(seen.data()), std::logic_error, "expected reset()");
    driven.reset();
    driven.batch->observe(seen.data());
    CHECK_EQ(seen, driven.arrays.obs);
    for (int step = 0; step < 40; ++step) {
      driven.step(step);
      driven.batch->observe(seen.data());
      CHECK_EQ(seen, driven.arrays.obs);
    }
  }
}

TEST("batch: reseeding starts from episode 0, with the new streams, after a reset") {
  for (const EnvParams& params : varied_problems()) {
    DrivenBatch driven(params, seed_keys(2), 1);
    driven.reset();
    driven.run(0, 30);
    driven.keys = {{5, 5}, {6, 6}};
    driven.batch->reseed(driven.keys);
    CHECK_THROWS(driven.step(0), std::logic_error, "expected reset() before the first step()");
    driven.reset();
    DrivenBatch fresh(params, driven.keys, 1);
    fresh.reset();
    CHECK_EQ(driven.arrays.obs, fresh.arrays.obs);
    for (int step = 0; step < 30; ++step) {
      driven.step(step);
      fresh.step(step);
      CHECK_EQ(driven.arrays.columns, fresh.arrays.columns);
    }
  }
}

TEST("batch: a step needs a reset of every environment first") {
  DrivenBatch driven(varied_problems()[0], seed_keys(2), 1);
  const char* const expected = "batch: expected reset() before the first step()";
  CHECK_THROWS(driven.step(0), std::logic_error, expected);
  CHECK_THROWS(driven.batch->state(), std::logic_error, expected);
  const std::uint8_t first[] = {1, 0};
  driven.batch->reset(driven.arrays.obs.data(), first);
  CHECK_THROWS(driven.step(0), std::logic_error, expected);
  const std::uint8_t second[] = {0, 1};
  driven.batch->reset(driven.arrays.obs.data(), second);
  driven.step(0);
}

}  // namespace
}  // namespace rlmm
