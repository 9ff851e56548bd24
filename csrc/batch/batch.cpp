#include "batch/batch.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "agent/columns.h"
#include "batch/environment.h"
#include "batch/failure.h"
#include "batch/rollout_worker.h"
#include "batch/shares.h"
#include "batch/step_row.h"
#include "market/analytic.h"
#include "market/book_market.h"
#include "market/replay_market.h"
#include "serialize.h"

namespace rlmm {
namespace {

constexpr std::uint8_t kStateVersion = 2;

// How few environments a worker claims at once: a step of so many costs far more than a claim.
constexpr std::size_t kLeastClaimed = 4;

// FNV-1a: catches damage, not malice.
std::uint64_t checksum(const std::string& bytes) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3U;
  return hash;
}

// The bytes without their checksum, which must hold.
std::string checked_payload(const std::string& bytes) {
  constexpr std::size_t kSumBytes = sizeof(std::uint64_t);
  const std::size_t size = bytes.size() < kSumBytes ? 0 : bytes.size() - kSumBytes;
  std::string payload = bytes.substr(0, size);
  const std::string sum_bytes = bytes.substr(size);
  if (Reader(sum_bytes).get<std::uint64_t>() != checksum(payload)) {
    throw std::invalid_argument("state: expected its checksum to hold (damaged or truncated?)");
  }
  return payload;
}

EnvParams validated(EnvParams params) {
  params.validate();
  return params;
}

int checked_threads(std::int64_t n_threads, std::size_t n_envs) {
  if (n_envs == 0) throw std::invalid_argument("seeds: expected at least one row, got none");
  if (n_threads < 1 || std::cmp_greater(n_threads, n_envs)) {
    throw std::invalid_argument("n_threads: expected from 1 to the number of environments (" +
                                std::to_string(n_envs) + "), got " + std::to_string(n_threads));
  }
  return static_cast<int>(n_threads);
}

}  // namespace

Batch::Batch(const EnvParams& params, std::size_t n_envs, std::int64_t n_threads)
    : params_(validated(params)),
      features_(params_),
      action_reader_(params_.action),
      pool_(checked_threads(n_threads, n_envs)) {}

void Batch::check_ready() const {
  if (failed_) {
    throw std::logic_error(
        "batch: expected a whole state, but an earlier step failed half-way; call reset() or "
        "set_state() first");
  }
  if (!all_started_) {
    throw std::logic_error("batch: expected reset() before the first step()");
  }
}

void Batch::check_policy(const Policy& policy) const {
  require_fitting(policy.shape(), features_, action_reader_, params_.action.kind);
}

namespace {

template <Market M>
class BatchOf final : public Batch {
 public:
  BatchOf(const EnvParams& params, const std::vector<SeedKey>& keys, std::int64_t n_threads)
      : Batch(params, keys.size(), n_threads),
        model_(params_),
        market_model_(params_, features_),
        shares_(pool_.n_threads()) {
    environments_.reserve(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) environments_.emplace_back(model_, market_model_);
    BatchOf::reseed(keys);
  }

  std::int64_t n_envs() const override { return static_cast<std::int64_t>(environments_.size()); }

  void reseed(const std::vector<SeedKey>& keys) override {
    if (keys.size() != environments_.size()) {
      throw std::invalid_argument("seeds: expected " + std::to_string(environments_.size()) +
                                  " rows, got " + std::to_string(keys.size()));
    }
    for (std::size_t i = 0; i < keys.size(); ++i) environments_[i].reseed(keys[i]);
    all_started_ = false;
  }

  void reset(float* obs, const std::uint8_t* mask) override {
    if (mask == nullptr) failed_ = false;
    for_each_environment([&](std::size_t env) {
      if (mask != nullptr && mask[env] == 0) return;
      environments_[env].reset();
      features_.write(environments_[env].view(), obs + env * features_.width());
    });
    all_started_ = std::ranges::all_of(environments_, &Environment<M>::started);
  }

  void observe(float* obs) override {
    check_ready();
    for_each_environment([&](std::size_t env) {
      features_.write(environments_[env].view(), obs + env * features_.width());
    });
  }

  void step(const StepArrays<float>& arrays) override { step_all(arrays); }
  void step(const StepArrays<std::int64_t>& arrays) override { step_all(arrays); }

  void rollout(const Policy& policy, const RolloutArrays<float>& arrays) override {
    rollout_all(policy, arrays);
  }
  void rollout(const Policy& policy, const RolloutArrays<std::int64_t>& arrays) override {
    rollout_all(policy, arrays);
  }

  void draw_names(DrawName* names) const override {
    check_ready();
    for (const Environment<M>& environment : environments_) *names++ = environment.draw_name();
  }

  void log_fills(bool on) override {
    for (Environment<M>& environment : environments_) environment.fill_log().turn(on);
  }
  FillTable take_fills() override;
  void trace(std::size_t levels) override;
  Trace take_trace(std::size_t env) override;

  std::string state() const override;
  void set_state(const std::string& bytes) override;

 private:
  template <class Action>
  void step_all(const StepArrays<Action>& arrays) {
    check_ready();
    action_reader_.check_all(arrays.actions, n_envs());
    for_each_environment([&](std::size_t env) { step_one(env, arrays); });
  }

  template <class Action>
  void step_one(std::size_t env, const StepArrays<Action>& arrays) {
    const std::size_t width = features_.width();
    step_row<M, Action>(
        environments_[env], action_reader_, features_,
        {arrays.actions + env * static_cast<std::size_t>(action_reader_.width()),
         arrays.obs + env * width, arrays.final_obs + env * width, arrays.reward + env,
         arrays.terminated + env, arrays.truncated + env,
         arrays.columns == nullptr ? nullptr : arrays.columns + env * kColumnCount});
  }

  template <class Action>
  void rollout_all(const Policy& policy, const RolloutArrays<Action>& arrays) {
    check_ready();
    check_policy(policy);
    share_out(Policy::kBlockRows, [&] {
      return RolloutWorker<M, Action>(policy, action_reader_, features_, environments_, arrays);
    });
  }

  template <class Body>
  void for_each_environment(const Body& body) {
    share_out(kLeastClaimed, [&body] {
      return [&body](std::size_t begin, std::size_t end, std::size_t& at) {
        for (at = begin; at < end; ++at) body(at);
      };
    });
  }
  template <class MakeWorker>
  void share_out(std::size_t grain, const MakeWorker& make_worker);
  [[noreturn]] void rethrow_with_place(std::size_t env, const std::exception_ptr& error) const;

  const EnvironmentModel model_;
  const M::Model market_model_;
  std::vector<Environment<M>> environments_;
  std::vector<Trace> traces_;  // of environments that are traced
  Shares shares_;
};

// Each thread calls a worker of its own, `worker(begin, end, at)`, for the environments it claims.
// The worker keeps `at` at the environment under way, whose failure an exception then is. Workers
// are made here and not by the threads: one that cannot be made stops the call before any step.
template <Market M>
template <class MakeWorker>
void BatchOf<M>::share_out(std::size_t grain, const MakeWorker& make_worker) {
  const auto n_threads = static_cast<std::size_t>(pool_.n_threads());
  std::vector<Failure> failures(n_threads);
  std::vector<decltype(make_worker())> workers;
  workers.reserve(n_threads);
  while (workers.size() < n_threads) workers.push_back(make_worker());
  shares_.deal(environments_.size(), grain);
  pool_.run([&](int thread) {
    auto& worker = workers[static_cast<std::size_t>(thread)];
    Failure& lowest = failures[static_cast<std::size_t>(thread)];
    for (Shares::Piece piece = shares_.claim(thread); !piece.empty();
         piece = shares_.claim(thread)) {
      std::size_t at = piece.begin;
      try {
        worker(piece.begin, piece.end, at);
      } catch (...) {  // the other pieces may hold a lower index that fails
        if (at < lowest.env) lowest = {at, std::current_exception()};
      }
    }
  });
  const Failure& first = *std::ranges::min_element(failures, {}, &Failure::env);
  if (!first.error) return;
  failed_ = true;
  rethrow_with_place(first.env, first.error);
}

template <Market M>
void BatchOf<M>::rethrow_with_place(std::size_t env, const std::exception_ptr& error) const {
  const std::string place =
      "environment " + std::to_string(env) + ", " + environments_[env].where() + ": ";
  rethrow_at(place, error);
}

template <Market M>
FillTable BatchOf<M>::take_fills() {
  if (!environments_[0].fill_log().is_on()) {
    throw std::logic_error(
        "batch: expected fills to be logged, got none kept; call log_fills first");
  }
  FillTable table;
  std::vector<FillRow> rows;
  for (std::size_t env = 0; env < environments_.size(); ++env) {
    rows.clear();
    environments_[env].fill_log().take(rows);
    append(rows, env, table);
  }
  return table;
}

template <Market M>
void BatchOf<M>::trace(std::size_t levels) {
  check_ready();
  if constexpr (Environment<M>::kCanTrace) {
    for (Environment<M>& environment : environments_) environment.trace(nullptr);
    traces_ = std::vector<Trace>(environments_.size());
    for (std::size_t env = 0; env < environments_.size(); ++env) {
      traces_[env].book.set_levels(levels);
      environments_[env].trace(&traces_[env]);
    }
  } else {
    throw std::invalid_argument("trace: expected a market with a book, got an analytic one");
  }
}

template <Market M>
Trace BatchOf<M>::take_trace(std::size_t env) {
  if (env >= traces_.size()) {
    throw std::invalid_argument("environment: expected one that is traced, got " +
                                std::to_string(env) + "; call trace first");
  }
  Trace taken = traces_[env];
  traces_[env].book.clear();
  traces_[env].agent.clear();
  return taken;
}

template <Market M>
std::string BatchOf<M>::state() const {
  check_ready();
  Writer out;
  out.put(kStateVersion);
  out.put(params_.fingerprint());
  out.put(environments_.size());
  for (const Environment<M>& environment : environments_) environment.save(out);
  const std::uint64_t sum = checksum(out.bytes());
  out.put(sum);
  return out.bytes();
}

template <Market M>
void BatchOf<M>::set_state(const std::string& bytes) {
  const std::string payload = checked_payload(bytes);
  Reader in(payload);
  const auto version = in.get<std::uint8_t>();
  if (version != kStateVersion) {
    throw std::invalid_argument("state: expected version " + std::to_string(kStateVersion) +
                                ", got " + std::to_string(version));
  }
  if (in.get<std::uint64_t>() != params_.fingerprint()) {
    throw std::invalid_argument("state: expected one saved with the same parameters");
  }
  const auto n = in.get<std::size_t>();
  if (n != environments_.size()) {
    throw std::invalid_argument("state: expected one of " + std::to_string(environments_.size()) +
                                " environments, got " + std::to_string(n));
  }
  failed_ = true;  // until all of it is in place
  for (Environment<M>& environment : environments_) environment.load(in);
  if (in.left() > 0) {
    throw std::invalid_argument("state: expected nothing behind its last environment, got " +
                                std::to_string(in.left()) + " bytes too many");
  }
  all_started_ = true;
  failed_ = false;
}

}  // namespace

std::unique_ptr<Batch> make_batch(const EnvParams& params, const std::vector<SeedKey>& keys,
                                  std::int64_t n_threads) {
  if (params.is_book()) return std::make_unique<BatchOf<BookMarket>>(params, keys, n_threads);
  if (params.is_replay()) return std::make_unique<BatchOf<ReplayMarket>>(params, keys, n_threads);
  return std::make_unique<BatchOf<AnalyticMarket>>(params, keys, n_threads);
}

}  // namespace rlmm
