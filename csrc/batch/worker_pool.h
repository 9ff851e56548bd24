// A fixed team of threads that runs one job at a time; the caller is its first member.
//
// Contract
//  - The caller's part is done when there is nothing left for anybody (see Shares), so a worker who
//    has not come by then is not waited for: on a busy machine he may be let in milliseconds late.
//    One who keeps not coming is sent to another processor: he may be queued behind the caller.
//  - Who came in is waited for; nobody is at the job any more when `run` returns.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace rlmm {

class WorkerPool {
 public:
  // Throws std::runtime_error when the system gives fewer threads.
  explicit WorkerPool(int n_threads);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  int n_threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls job(0), and job(1) to job(n_threads() - 1) on their own threads, at most once each. The
  // job must not throw.
  void run(const std::function<void(int)>& job);

 private:
  using Clock = std::chrono::steady_clock;

  void work(int index);
  void stop();
  void look_for_missing();

  std::vector<std::thread> workers_;
  const std::function<void(int)>* job_ = nullptr;
  // The round's number, whether it may still be entered, and how many workers are at it: one word,
  // so that nobody enters a round that has ended.
  std::atomic<std::uint64_t> round_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> came_{0};                         // workers, to all rounds
  Clock::time_point missed_since_ = Clock::time_point::max();  // some worker, every round
};

}  // namespace rlmm
