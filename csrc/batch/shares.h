// Items divided among workers: each begins with a share of its own and helps the others out.
//
// Contract
//  - Shares are contiguous and equal, so that workers write to rows of their own and an item meets
//    the same worker, whose cache still holds it, call after call.
//  - A worker whose share is used up claims from the others'. On a shared machine one processor
//    may run at two thirds of another's speed; without help both would wait for it.
//  - Every item is claimed once; by whom depends on time, so results must not.
#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

namespace rlmm {

class Shares {
 public:
  // Items from `begin` up to `end`; none if they are equal.
  struct Piece {
    std::size_t begin = 0;
    std::size_t end = 0;
    bool empty() const { return begin == end; }
  };

  explicit Shares(int n_workers);

  // Deals out n_items; nobody may be claiming. Pieces are multiples of `grain` (above 0) but for
  // the last of a share.
  void deal(std::size_t n_items, std::size_t grain);

  // The next piece of the worker's own share, else of another's; empty when all are claimed.
  Piece claim(int worker);

 private:
  struct alignas(64) Share {  // a cache line each: workers must not slow each other
    std::atomic<std::size_t> next{0};
    std::size_t end = 0;
  };

  Piece claim_from(Share& share, std::size_t divisor) const;

  std::vector<Share> shares_;
  std::size_t grain_ = 1;
};

}  // namespace rlmm
