#include "batch/shares.h"

#include <algorithm>

namespace rlmm {
namespace {

// A piece is what is left divided by this: few claims while there is much, small pieces at the end,
// where a large one would keep everybody waiting. (A worker that is stopped right after its first
// claim holds half its share back.) From others less is taken: their items have to come over from
// their cache, and back again next time.
constexpr std::size_t kOwnDivisor = 2;
constexpr std::size_t kOthersDivisor = 4;

}  // namespace

Shares::Shares(int n_workers) : shares_(static_cast<std::size_t>(n_workers)) {}

void Shares::deal(std::size_t n_items, std::size_t grain) {
  grain_ = grain;
  const std::size_t n = shares_.size();
  for (std::size_t i = 0; i < n; ++i) {
    shares_[i].next.store(n_items * i / n, std::memory_order_relaxed);
    shares_[i].end = n_items * (i + 1) / n;
  }
}

Shares::Piece Shares::claim(int worker) {
  const std::size_t n = shares_.size();
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t divisor = i == 0 ? kOwnDivisor : kOthersDivisor;
    const Piece piece = claim_from(shares_[(static_cast<std::size_t>(worker) + i) % n], divisor);
    if (!piece.empty()) return piece;
  }
  return {};
}

Shares::Piece Shares::claim_from(Share& share, std::size_t divisor) const {
  std::size_t begin = share.next.load(std::memory_order_relaxed);
  std::size_t end = begin;
  do {
    const std::size_t left = share.end - begin;
    if (left == 0) return {};
    const std::size_t pieces = std::max<std::size_t>(1, left / divisor / grain_);
    end = begin + std::min(left, shares_.size() == 1 ? left : pieces * grain_);
  } while (!share.next.compare_exchange_weak(begin, end, std::memory_order_relaxed));
  return {begin, end};
}

}  // namespace rlmm
