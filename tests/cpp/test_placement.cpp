#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "batch/placement.h"
#include "batch/worker_pool.h"
#include "check.h"

namespace rlmm {
namespace {

using Clock = std::chrono::steady_clock;

cpu_set_t mask_of(pthread_t thread) {
  cpu_set_t mask;
  CHECK_EQ(pthread_getaffinity_np(thread, sizeof mask, &mask), 0);
  return mask;
}

// Allows the calling thread one processor for as long as this lives.
class Pinned {
 public:
  explicit Pinned(int processor) : before_(mask_of(pthread_self())) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(processor), &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
  }
  ~Pinned() { pthread_setaffinity_np(pthread_self(), sizeof before_, &before_); }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

 private:
  cpu_set_t before_;
};

TEST("placement: a thread leaves a processor at once and may come back") {
  const cpu_set_t before = mask_of(pthread_self());
  if (CPU_COUNT(&before) < 2) return;  // nowhere to go
  for (int i = 0; i < 20; ++i) {
    const int here = current_processor();
    CHECK(here >= 0);
    CHECK(move_off(pthread_self(), here));
    const cpu_set_t after = mask_of(pthread_self());
    CHECK(CPU_EQUAL(&before, &after));
  }
}

TEST("placement: who is allowed nowhere else stays") {
  const int here = current_processor();
  const Pinned pinned(here);
  CHECK(!move_off(pthread_self(), here));
  CHECK_EQ(current_processor(), here);
  const cpu_set_t after = mask_of(pthread_self());
  CHECK_EQ(CPU_COUNT(&after), 1);
}

// The worker sleeps on the processor that the caller is then pinned to, and that he never leaves to
// others by himself: without being sent away the worker would have to wait for the kernel.
TEST("worker pool: a worker that does not come is sent to where he can run, and no further") {
  WorkerPool pool(2);
  const cpu_set_t before = mask_of(pthread_self());
  std::atomic<int> worker_at{-1};
  std::atomic<bool> free_again{false};
  const auto job = [&](int index) {
    if (index == 1) {
      const cpu_set_t mask = mask_of(pthread_self());
      if (CPU_EQUAL(&mask, &before)) free_again = true;
      worker_at = current_processor();
    }
    const Clock::time_point end = Clock::now() + std::chrono::microseconds(20);
    while (Clock::now() < end) {
    }
  };
  for (int i = 0; i < 2000 && worker_at < 0; ++i) pool.run(job);
  CHECK(worker_at >= 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(2));  // he falls asleep
  const Pinned pinned(worker_at);
  worker_at = -1;
  const Clock::time_point end = Clock::now() + std::chrono::seconds(5);
  while (worker_at < 0 && Clock::now() < end) pool.run(job);
  CHECK(worker_at >= 0);
  free_again = false;
  while (!free_again && Clock::now() < end) pool.run(job);
  CHECK(free_again);
}

// Rounds that are over before anybody can come are no reason to wait or to fail.
TEST("worker pool: rounds too short for workers") {
  WorkerPool pool(3);
  int rounds = 0;
  const Clock::time_point end = Clock::now() + std::chrono::milliseconds(5);
  while (Clock::now() < end) {
    pool.run([&](int index) {
      if (index == 0) ++rounds;
    });
  }
  CHECK(rounds > 0);
}

}  // namespace
}  // namespace rlmm
