// A fixed team of threads that runs one job at a time; the caller is its first member.
#pragma once

#include <atomic>
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

  // Calls job(0), ..., job(n_threads() - 1), each on its own thread, and returns when all are
  // done. The job must not throw.
  void run(const std::function<void(int)>& job);

 private:
  void work(int index);
  void stop();

  std::vector<std::thread> workers_;
  const std::function<void(int)>* job_ = nullptr;
  std::atomic<std::uint64_t> round_{0};
  std::atomic<int> busy_{0};
  std::atomic<bool> stopping_{false};
};

}  // namespace rlmm
