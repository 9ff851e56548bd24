// Saving and restoring a batch, and what it does after an error.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "batch_arrays.h"
#include "check.h"
#include "flow_books.h"
#include "market_problems.h"
#include "problems.h"

namespace rlmm {
namespace {

// The checksum of a state, over everything before it: FNV-1a.
std::string sealed(const std::string& payload) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char byte : payload) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3;
  std::string bytes = payload;
  bytes.append(reinterpret_cast<const char*>(&hash), sizeof(hash));
  return bytes;
}

std::string payload_of(const std::string& state) { return state.substr(0, state.size() - 8); }

TEST("state: n steps, save, load into another batch, n steps: as 2 n steps") {
  for (const EnvParams& params : full_problems()) {
    for (const int half : {1, 13, 40}) {
      DrivenBatch straight(params, seed_keys(5), 2);
      straight.reset();
      for (int i = 0; i < half; ++i) straight.step(i);
      const std::string state = straight.batch->state();
      DrivenBatch resumed(params, seed_keys(5), 3);
      resumed.batch->set_state(state);
      CHECK(resumed.batch->state() == state);
      resumed.arrays.obs = straight.arrays.obs;
      resumed.arrays.final_obs = straight.arrays.final_obs;
      for (int i = half; i < 2 * half; ++i) {
        straight.step(i);
        resumed.step(i);
        CHECK(straight.arrays == resumed.arrays);
      }
      CHECK(straight.batch->state() == resumed.batch->state());
    }
  }
}

TEST("state: restoring goes back in time") {
  for (const EnvParams& params : full_problems()) {
    DrivenBatch driven(params, seed_keys(2), 1);
    driven.reset();
    driven.step(0);
    const std::string state = driven.batch->state();
    driven.step(1);
    const std::vector<double> columns = driven.arrays.columns;
    for (int i = 2; i < 70; ++i) driven.step(i);
    driven.batch->set_state(state);
    driven.step(1);
    CHECK_EQ(driven.arrays.columns, columns);
  }
}

TEST("state: damaged and truncated ones are refused, and change nothing") {
  for (const EnvParams& params : full_problems()) {
    DrivenBatch driven(params, seed_keys(2), 1);
    driven.reset();
    for (int i = 0; i < 10; ++i) driven.step(i);
    const std::string state = driven.batch->state();
    for (std::size_t at = 0; at < state.size(); at += 7) {
      std::string damaged = state;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
      CHECK_THROWS(driven.batch->set_state(damaged), std::invalid_argument, "state: expected");
      CHECK_THROWS(driven.batch->set_state(state.substr(0, at)), std::invalid_argument, "state: ");
    }
    CHECK_THROWS(driven.batch->set_state(""), std::invalid_argument,
                 "state: expected more bytes, got only 0");
    CHECK_THROWS(driven.batch->set_state(state + "x"), std::invalid_argument, "its checksum");
    CHECK(driven.batch->state() == state);
  }
}

TEST("state: of other parameters, another number of environments or another version") {
  for (const EnvParams& params : full_problems()) {
    DrivenBatch driven(params, seed_keys(2), 1);
    driven.reset();
    const std::string state = driven.batch->state();
    EnvParams other = params;
    other.reward.pnl = 1.5;
    DrivenBatch elsewhere(other, seed_keys(2), 1);
    CHECK_THROWS(elsewhere.batch->set_state(state), std::invalid_argument,
                 "state: expected one saved with the same parameters");
    DrivenBatch more(params, seed_keys(3), 1);
    CHECK_THROWS(more.batch->set_state(state), std::invalid_argument,
                 "state: expected one of 3 environments, got 2");
    std::string versioned = payload_of(state);
    ++versioned[0];
    CHECK_THROWS(driven.batch->set_state(sealed(versioned)), std::invalid_argument,
                 "state: expected version ");
    driven.batch->set_state(sealed(payload_of(state)));
  }
}

// Slow enough that quotes are on their way and fills unheard of whenever it is saved.
EnvParams slow_problem() {
  EnvParams params = full_problem();
  params.latency.entry = {DelayLaw::kConstant, 1'200'000'000, 0.0, {}};
  params.latency.response = {DelayLaw::kConstant, 10'000'000'000, 0.0, {}};
  return params;
}

// With a checksum that holds, as another build of the program might write them: cut anywhere
// behind version, fingerprint and number of environments.
TEST("state: one that is too short leaves the batch unusable until restored") {
  DrivenBatch driven(slow_problem(), seed_keys(1), 1);
  driven.reset();
  driven.run(0, 10);
  const std::string state = driven.batch->state();
  const std::string payload = payload_of(state);
  for (std::size_t size = 17; size < payload.size(); ++size) {
    CHECK_THROWS(driven.batch->set_state(sealed(payload.substr(0, size))), std::invalid_argument,
                 "state: expected");
    CHECK_THROWS(driven.step(0), std::logic_error, "an earlier step failed half-way");
  }
  driven.batch->set_state(state);
  CHECK(driven.batch->state() == state);
  driven.step(10);
}

TEST("state: one that is too long is refused") {
  for (const EnvParams& params : full_problems()) {
    DrivenBatch driven(params, seed_keys(2), 1);
    driven.reset();
    const std::string payload = payload_of(driven.batch->state());
    CHECK_THROWS(driven.batch->set_state(sealed(payload + "four")), std::invalid_argument,
                 "state: expected nothing behind its last environment, got 4 bytes too many");
    CHECK_THROWS(driven.batch->state(), std::logic_error, "call reset() or set_state() first");
    driven.reset();
    driven.step(0);
  }
}

// A mid of 1000 ticks that moves by 2100 in a step: a third of the environments fall below 1 tick
// at once.
EnvParams falling_problem() {
  EnvParams params = still_problem();
  params.analytic().mid_initial_ticks = 1000;
  params.analytic().regimes[0].volatility_ticks = 3000.0;
  return params;
}

// Step at which the environment leaves the range, by itself; -1 if not within 20.
int fails_at(const EnvParams& params, std::size_t env) {
  const auto batch = make_batch(params, {seed_keys(env + 1)[env]}, 1);
  BatchArrays arrays(*batch);
  batch->reset(arrays.obs.data(), nullptr);
  for (int step = 0; step < 20; ++step) {
    try {
      batch->step(arrays.with(std::vector<float>{0.0F, 0.0F}));
    } catch (const RangeError&) {
      return step;
    }
  }
  return -1;
}

TEST("errors: name the environment, the lowest of several, with any number of threads") {
  constexpr std::size_t kEnvs = 16;
  const EnvParams params = falling_problem();
  int first_step = 20;
  std::vector<int> failing(kEnvs);
  for (std::size_t env = 0; env < kEnvs; ++env) {
    failing[env] = fails_at(params, env);
    if (failing[env] >= 0) first_step = std::min(first_step, failing[env]);
  }
  CHECK(std::count(failing.begin(), failing.end(), first_step) > 1);
  const auto lowest = std::find(failing.begin(), failing.end(), first_step) - failing.begin();
  std::ostringstream expected;
  expected << "environment " << lowest << ", episode 0, step " << first_step << ", seed (0x"
           << std::hex << 1000 + lowest << ", 0x7): mid price: expected from 1 to 2^40 ticks";
  for (const int n_threads : {1, 2, 3, 4}) {
    DrivenBatch driven(params, seed_keys(kEnvs), n_threads);
    driven.reset();
    for (int step = 0; step < first_step; ++step) driven.step(step);
    CHECK_THROWS(driven.step(first_step), RangeError, expected.str());
  }
}

TEST("errors: of a book name the environment too") {
  MarketModel sinking = flow_books::still_model(4);
  sinking = flow_books::only(sinking, Group::kMarketSell, 10.0);
  EnvParams params = book_problems::problem(sinking);
  params.book().mid_initial_ticks = 20;
  params.book().warmup_ns = 0;
  DrivenBatch driven(params, seed_keys(3), 2);
  driven.reset();
  const auto until_it_fails = [&driven] { driven.run(0, 200); };
  CHECK_THROWS(until_it_fails(), RangeError, "environment ");
  CHECK_THROWS(driven.step(0), std::logic_error, "an earlier step failed half-way");
  driven.reset();
  CHECK_THROWS(until_it_fails(), RangeError, "mid price: expected to stay above 8 ticks");
}

TEST("errors: of discrete actions too") {
  EnvParams params = falling_problem();
  params.action.kind = ActionKind::kDiscrete;
  DrivenBatch driven(params, seed_keys(1), 1);
  driven.reset();
  const std::vector<std::int64_t> action = {1};
  const auto until_it_fails = [&driven, &action] {
    for (int step = 0; step < 200; ++step) driven.batch->step(driven.arrays.with(action));
  };
  CHECK_THROWS(until_it_fails(), RangeError, "environment 0, episode ");
}

TEST("errors: after one, the batch steps again only when reset or restored") {
  DrivenBatch driven(falling_problem(), seed_keys(16), 2);
  driven.reset();
  const std::string state = driven.batch->state();
  const auto until_it_fails = [&driven] {
    for (int step = 0; step < 20; ++step) driven.step(step);
  };
  CHECK_THROWS(until_it_fails(), RangeError, "environment ");
  const char* const expected = "batch: expected a whole state, but an earlier step failed half-way";
  CHECK_THROWS(driven.step(0), std::logic_error, expected);
  CHECK_THROWS(driven.batch->state(), std::logic_error, expected);
  const std::uint8_t mask[16] = {1};
  driven.batch->reset(driven.arrays.obs.data(), mask);
  CHECK_THROWS(driven.step(0), std::logic_error, expected);
  driven.batch->set_state(state);
  CHECK(driven.batch->state() == state);
  CHECK_THROWS(until_it_fails(), RangeError, "environment ");
  driven.reset();
  CHECK(!driven.batch->state().empty());
}

// 10^9 lots at 2^40 ticks are more than 2^63.
TEST("errors: an opening that cannot be counted is named too") {
  EnvParams params = still_problem();
  params.analytic().mid_initial_ticks = Ticks{1} << 40U;
  params.limits.inventory_cap_lots = 1'000'000'000;
  params.episode.initial_inventory_min_lots = 1'000'000'000;
  params.episode.initial_inventory_max_lots = 1'000'000'000;
  DrivenBatch driven(params, seed_keys(1), 1);
  CHECK_THROWS(driven.reset(), RangeError,
               "environment 0, episode 0, step 0, seed (0x3e8, 0x7): opening value");
}

TEST("errors: a bad action leaves everything as it was") {
  for (const EnvParams& params : full_problems()) {
    DrivenBatch driven(params, seed_keys(3), 2);
    driven.reset();
    for (int i = 0; i < 5; ++i) driven.step(i);
    const std::string state = driven.batch->state();
    const std::vector<double> columns = driven.arrays.columns;
    std::vector<float> actions = some_actions(seed_keys(3), 4, 5);
    actions[11] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS(driven.batch->step(driven.arrays.with(actions)), std::invalid_argument,
                 "actions[2, 3]: expected a finite number, got nan");
    CHECK(driven.batch->state() == state);
    CHECK_EQ(driven.arrays.columns, columns);
    driven.step(5);
  }
}

// An inventory beyond the cap cannot come about; here it is written into a state, behind version,
// fingerprint, count, key, episode and the mark of a started one.
TEST("errors: a broken invariant is named with its place") {
  EnvParams params = plain_problem();
  params.analytic().regimes[0].market_sell_rate_hz = 1000.0;
  DrivenBatch driven(params, seed_keys(1), 1);
  driven.reset();
  std::string payload = payload_of(driven.batch->state());
  const Lots beyond = params.limits.inventory_cap_lots + 1;
  std::memcpy(payload.data() + 1 + 8 + 8 + sizeof(SeedKey) + 8 + 8, &beyond, sizeof(beyond));
  driven.batch->set_state(sealed(payload));
  CHECK_THROWS(driven.step(0), InvariantError,
               "environment 0, episode 0, step 0, seed (0x3e8, 0x7): invariant broken: "
               "Lots{0} <= room with 0 and -1; please report this");
}

}  // namespace
}  // namespace rlmm
