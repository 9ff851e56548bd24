#include "batch/worker_pool.h"

#include <stdexcept>
#include <string>
#include <system_error>

namespace rlmm {
namespace {

// A step takes tens of microseconds and the next one follows at once: waiting for it awake for
// about as long as a wake-up by the kernel costs saves that cost.
constexpr int kSpins = 4'000;

void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Returns when `value` is no longer `old`.
template <class T>
void wait_while(const std::atomic<T>& value, T old) {
  for (int spin = 0; spin < kSpins; ++spin) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause_briefly();
  }
  value.wait(old, std::memory_order_acquire);
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
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void WorkerPool::run(const std::function<void(int)>& job) {
  if (workers_.empty()) {
    job(0);
    return;
  }
  job_ = &job;
  busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  job(0);
  for (int left = busy_.load(std::memory_order_acquire); left != 0;
       left = busy_.load(std::memory_order_acquire)) {
    wait_while(busy_, left);
  }
}

void WorkerPool::work(int index) {
  std::uint64_t seen = 0;
  for (;;) {
    wait_while(round_, seen);
    seen = round_.load(std::memory_order_acquire);
    if (stopping_.load(std::memory_order_acquire)) return;
    (*job_)(index);
    busy_.fetch_sub(1, std::memory_order_release);
    busy_.notify_one();
  }
}

}  // namespace rlmm
