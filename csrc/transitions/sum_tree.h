// Numbers at places 0, 1, ..., and the place that a part of their sum falls on.
//
// A tree of sixteen branches, so that a node's are two cache lines. Each sum is that of its
// branches from left to right whenever one of them has changed: it depends on the numbers there
// are, not on those that were there before.
#pragma once

#include <cstddef>
#include <vector>

namespace rlmm {

class SumTree {
 public:
  // All 0. `size` >= 1.
  explicit SumTree(std::size_t size);

  // `value` >= 0.
  void set(std::size_t place, double value);

  double at(std::size_t place) const { return levels_.front()[place]; }
  double total() const { return levels_.back().front(); }

  // The first place whose number, with those before it, adds up to more than `sum`; where rounding
  // leads past the end, the last number above 0. `total()` > 0.
  std::size_t find(double sum) const;

 private:
  static constexpr std::size_t kBranches = 16;

  std::vector<std::vector<double>> levels_;  // the numbers, their sums, ..., the sum of all
};

}  // namespace rlmm
