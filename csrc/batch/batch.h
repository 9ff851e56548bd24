// N environments stepped together by worker threads.
//
// Contract
//  - The caller owns every array and keeps it alive for the length of the call; nothing is kept.
//  - A step with a bad action throws before anything has moved. Nobody may write to the actions
//    while the step runs.
//  - An environment that ends its episode starts the next one in the same step: `obs` is then the
//    first observation of the new episode and `final_obs` the last of the old one. Rows of
//    `final_obs` whose environment did not end are left as they were.
//  - Results do not depend on the number of threads, nor on which other environments there are.
//  - An exception from an environment is rethrown with its index, episode, step and seed (the
//    lowest index if there are several). The batch then refuses to step until it is reset or
//    restored, because other environments have moved on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/quotes.h"
#include "batch/rollout.h"
#include "batch/worker_pool.h"
#include "features/features.h"
#include "market/fill_log.h"
#include "market/trace.h"
#include "params.h"
#include "rng.h"

namespace rlmm {

// Row-major arrays with one row per environment; `columns` may be null.
template <class Action>
struct StepArrays {
  const Action* actions = nullptr;  // (N, action width)
  float* obs = nullptr;             // (N, observation width)
  float* final_obs = nullptr;       // (N, observation width)
  double* reward = nullptr;         // (N,)
  bool* terminated = nullptr;       // (N,)
  bool* truncated = nullptr;        // (N,)
  double* columns = nullptr;        // (N, kColumnCount)
};

class Batch {
 public:
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  virtual ~Batch() = default;

  virtual std::int64_t n_envs() const = 0;
  int n_threads() const { return pool_.n_threads(); }
  const EnvParams& params() const { return params_; }
  const ActionReader& action_reader() const { return action_reader_; }
  const std::vector<ObservationColumn>& observation() const { return features_.columns(); }

  // New streams for all environments; they must be reset before the next step.
  virtual void reseed(const std::vector<SeedKey>& keys) = 0;

  // Starts the next episode of the environments whose `mask` is not 0 (all if it is null) and
  // writes their rows of `obs`.
  virtual void reset(float* obs, const std::uint8_t* mask) = 0;

  // Writes the present observation of every environment.
  virtual void observe(float* obs) = 0;

  virtual void step(const StepArrays<float>& arrays) = 0;
  virtual void step(const StepArrays<std::int64_t>& arrays) = 0;

  // T steps with the policy inside; see batch/rollout.h. A policy that does not fit throws before
  // anything has moved.
  virtual void rollout(const Policy& policy, const RolloutArrays<float>& arrays) = 0;
  virtual void rollout(const Policy& policy, const RolloutArrays<std::int64_t>& arrays) = 0;

  // Writes the name of each environment's next decision: what Policy::act needs to draw as
  // `rollout` would.
  virtual void draw_names(DrawName* names) const = 0;

  // From now on, or no longer, every fill of the agents is kept for `take_fills`. In `state`, and
  // through the restarts of episodes, they are kept too. Off forgets them.
  virtual void log_fills(bool on) = 0;

  // The fills that are complete (all their horizons have passed, or their episode has ended) and
  // have not been taken before: by environment, then time. Throws std::logic_error if none are
  // kept.
  virtual FillTable take_fills() = 0;

  // From now to the end of the present episode of each environment its market is written down,
  // with so many levels after each event. Throws std::invalid_argument without a book.
  virtual void trace(std::size_t levels) = 0;

  // What was written of an environment since the last call.
  virtual Trace take_trace(std::size_t env) = 0;

  virtual std::string state() const = 0;
  virtual void set_state(const std::string& bytes) = 0;

 protected:
  Batch(const EnvParams& params, std::size_t n_envs, std::int64_t n_threads);

  void check_ready() const;
  void check_policy(const Policy& policy) const;

  const EnvParams params_;
  const FeatureWriter features_;
  const ActionReader action_reader_;
  WorkerPool pool_;
  bool failed_ = false;
  bool all_started_ = false;
};

// One key per environment; n_threads from 1 up to the number of environments. Throws
// std::invalid_argument for parameters that are not valid.
std::unique_ptr<Batch> make_batch(const EnvParams& params, const std::vector<SeedKey>& keys,
                                  std::int64_t n_threads);

}  // namespace rlmm
