// A batch as Python has it: closed once, used in one process and by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "batch/batch.h"
#include "bindings/zeroed.h"

namespace rlmm {

// Threads do not survive a fork (by `fork`, as Python's os and multiprocessing do it): a batch that
// has some may only be used where it was made.
class PyBatch : public Zeroed {
 public:
  PyBatch(const EnvParams& params, const std::vector<SeedKey>& keys, std::int64_t n_threads);
  ~PyBatch() { let_go(); }
  PyBatch(const PyBatch&) = delete;
  PyBatch& operator=(const PyBatch&) = delete;

  Batch& open() const;
  void close();
  bool closed() const { return batch_ == nullptr; }

  // Work on the batch, which gives up the interpreter lock: until it ends, another Python thread
  // that wants to work on the same batch, or to close it, is refused.
  class Work {
   public:
    explicit Work(const PyBatch& self) : batch_(self.open()), busy_(self.busy_) {
      self.require_idle();
      busy_ = true;
    }
    ~Work() { busy_ = false; }
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

    Batch* operator->() const { return &batch_; }
    Batch& operator*() const { return batch_; }

   private:
    Batch& batch_;
    bool& busy_;
  };

 private:
  void require_idle() const;
  void let_go();

  std::unique_ptr<Batch> batch_;
  unsigned forks_;             // when it was made
  mutable bool busy_ = false;  // read and written with the interpreter lock held
};

}  // namespace rlmm
