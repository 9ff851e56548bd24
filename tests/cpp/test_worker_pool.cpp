#include <pthread.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "batch/worker_pool.h"
#include "check.h"

namespace rlmm {
namespace {

// Comes back when all threads of the pool are at the job: nobody comes too late.
class Meeting {
 public:
  explicit Meeting(int n_threads) : awaited_(n_threads) {}
  void attend() {
    --awaited_;
    while (awaited_.load() > 0) std::this_thread::yield();
  }

 private:
  std::atomic<int> awaited_;
};

TEST("worker pool: every index once a round, over many rounds") {
  for (const int n_threads : {1, 2, 5}) {
    WorkerPool pool(n_threads);
    CHECK_EQ(pool.n_threads(), n_threads);
    std::vector<int> runs(static_cast<std::size_t>(n_threads), 0);  // each written by one thread
    constexpr int kRounds = 200;
    for (int round = 1; round <= kRounds; ++round) {
      Meeting all(n_threads);
      pool.run([&](int index) {
        ++runs[static_cast<std::size_t>(index)];
        all.attend();
      });
      for (const int count : runs) CHECK_EQ(count, round);
    }
  }
}

TEST("worker pool: each index keeps its thread, the caller's is index 0") {
  WorkerPool pool(3);
  const auto threads = [&pool] {
    Meeting all(3);
    std::vector<std::thread::id> ids(3);
    pool.run([&](int index) {
      ids[static_cast<std::size_t>(index)] = std::this_thread::get_id();
      all.attend();
    });
    return ids;
  };
  const std::vector<std::thread::id> first = threads();
  CHECK(first[0] == std::this_thread::get_id());
  CHECK_EQ((std::set<std::thread::id>(first.begin(), first.end()).size()), 3U);
  CHECK(first == threads());
}

// Longer than the spinning lasts, so that workers and caller go to sleep and must be woken.
TEST("worker pool: wakes up sleepers, on both sides") {
  WorkerPool pool(3);
  std::atomic<int> runs{0};
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    Meeting all(3);
    pool.run([&](int index) {
      all.attend();
      if (index == 2) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      ++runs;
    });
    CHECK_EQ(runs.load(), 3 * (round + 1));
  }
}

TEST("worker pool: who comes late is not waited for, and nobody stays behind") {
  constexpr int kThreads = 8;
  WorkerPool pool(kThreads);
  int late = 0;
  for (int round = 0; round < 20'000 && late < 100; ++round) {
    std::array<std::atomic<int>, kThreads> runs{};
    std::atomic<int> at_it{0};
    pool.run([&](int index) {
      ++at_it;
      ++runs.at(static_cast<std::size_t>(index));
      --at_it;
    });
    CHECK_EQ(at_it.load(), 0);
    CHECK_EQ(runs[0].load(), 1);
    for (const std::atomic<int>& count : runs) {
      CHECK(count.load() <= 1);
      late += static_cast<int>(count.load() == 0);
    }
  }
  CHECK(late > 0);
}

#ifdef __GLIBC__
// A stack as large as the whole address space cannot be had.
TEST("worker pool: says so when the system gives no more threads") {
  pthread_attr_t before;
  pthread_attr_t greedy;
  CHECK_EQ(pthread_getattr_default_np(&before), 0);
  CHECK_EQ(pthread_getattr_default_np(&greedy), 0);
  CHECK_EQ(pthread_attr_setstacksize(&greedy, std::size_t{1} << 47U), 0);
  CHECK_EQ(pthread_setattr_default_np(&greedy), 0);
  CHECK_THROWS(WorkerPool(3), std::runtime_error,
               "n_threads: expected as many as the system gives, got 3 and a refusal after 1 (");
  CHECK_EQ(pthread_setattr_default_np(&before), 0);
  pthread_attr_destroy(&greedy);
  pthread_attr_destroy(&before);
}
#endif

TEST("worker pool: can be destroyed unused, spinning or asleep") {
  for (const int wait_ms : {0, 0, 20}) {
    const auto unused = std::make_unique<WorkerPool>(5);
    const auto used = std::make_unique<WorkerPool>(2);
    used->run([](int) {});
    std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
  }
}

}  // namespace
}  // namespace rlmm
