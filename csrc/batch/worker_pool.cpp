#include "batch/worker_pool.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <system_error>

#include "batch/placement.h"

namespace rlmm {
namespace {

// A step takes tens of microseconds and the next one follows at once: waiting for it awake for
// about as long as a wake-up by the kernel costs saves that cost.
constexpr int kSpins = 4'000;
// For how long a worker may fail to come before it is sent elsewhere.
constexpr std::chrono::microseconds kMissedMost{500};

void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

constexpr std::uint64_t kWorker = 1;
constexpr std::uint64_t kOpen = std::uint64_t{1} << 31U;
constexpr std::uint64_t kRound = std::uint64_t{1} << 32U;

constexpr std::uint64_t workers_in(std::uint64_t round) { return round & (kOpen - 1); }

// Returns the value for which `is_over` first holds.
template <class Condition>
std::uint64_t wait_until(const std::atomic<std::uint64_t>& value, const Condition& is_over) {
  for (int spin = 0; spin < kSpins; ++spin) {
    const std::uint64_t now = value.load(std::memory_order_acquire);
    if (is_over(now)) return now;
    pause_briefly();
  }
  for (;;) {
    const std::uint64_t now = value.load(std::memory_order_acquire);
    if (is_over(now)) return now;
    value.wait(now, std::memory_order_acquire);
  }
}

}  // namespace

WorkerPool::WorkerPool(int n_threads) {
  workers_.reserve(static_cast<std::size_t>(n_threads - 1));
  try {
    for (int index = 1; index < n_threads; ++index) {
      workers_.emplace_back([this, index] { work(index); });
    }
  } catch (const std::system_error& error) {
    const std::size_t started = workers_.size() + 1;
    stop();
    throw std::runtime_error("n_threads: expected as many as the system gives, got " +
                             std::to_string(n_threads) + " and a refusal after " +
                             std::to_string(started) + " (" + error.what() + "); ask for fewer");
  }
}

WorkerPool::~WorkerPool() { stop(); }

void WorkerPool::stop() {
  stopping_.store(true, std::memory_order_release);
  round_.fetch_add(kRound, std::memory_order_release);
  round_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void WorkerPool::run(const std::function<void(int)>& job) {
  if (workers_.empty()) {
    job(0);
    return;
  }
  job_ = &job;
  const std::uint64_t came_before = came_.load(std::memory_order_relaxed);
  round_.fetch_add(kRound | kOpen, std::memory_order_release);
  round_.notify_all();
  job(0);
  round_.fetch_and(~kOpen, std::memory_order_relaxed);
  wait_until(round_, [](std::uint64_t now) { return workers_in(now) == 0; });
  const std::uint64_t came = came_.load(std::memory_order_relaxed) - came_before;
  if (came < workers_.size()) [[unlikely]] {
    look_for_missing();
  } else {
    missed_since_ = Clock::time_point::max();
  }
}

// A sleeping worker may be woken on the caller's own processor, where it waits for the caller's
// time slice to end while others are free: up to tens of milliseconds. Rounds can also be missed
// because they are short, so this costs little and is done seldom.
void WorkerPool::look_for_missing() {
  const Clock::time_point now = Clock::now();
  missed_since_ = std::min(missed_since_, now);
  if (now - missed_since_ < kMissedMost) return;
  missed_since_ = now;
  const int here = current_processor();
  for (std::thread& worker : workers_) move_off(worker.native_handle(), here);
}

void WorkerPool::work(int index) {
  std::uint64_t seen = 0;
  for (;;) {
    std::uint64_t now =
        wait_until(round_, [seen](std::uint64_t round) { return round / kRound != seen; });
    if (stopping_.load(std::memory_order_acquire)) return;
    while ((now & kOpen) != 0 &&
           !round_.compare_exchange_weak(now, now + kWorker, std::memory_order_acquire)) {
    }
    seen = now / kRound;
    if ((now & kOpen) == 0) continue;  // too late
    came_.fetch_add(1, std::memory_order_relaxed);
    (*job_)(index);
    const std::uint64_t left = round_.fetch_sub(kWorker, std::memory_order_release) - kWorker;
    if ((left & kOpen) == 0 && workers_in(left) == 0) round_.notify_all();
  }
}

}  // namespace rlmm
