// Chances of a ring's rows by what was last wrong about them (proportional prioritisation).
//
//   P(i) = p_i^a / sum p^a        p_i: |error| + epsilon; of a row that is new the most there is
//   w_i  = (n P(i))^-b / max w    b: the correction; 1 undoes what uneven chances do to means
//
// Contract
//  - Places are those of a TransitionRing of the same capacity that gets as many rows.
//  - The caller's draws decide which rows come; of a row that is told twice the last error counts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "transitions/sum_tree.h"

namespace rlmm {

class Priorities {
 public:
  static constexpr double kEpsilon = 1e-6;

  // `exponent` a: 0 makes all rows equally likely.
  Priorities(std::size_t capacity, double exponent);

  // As many rows are new.
  void add(std::size_t count);

  // One row of each of as many strata as a block has rows, block after block: `draws` are shares
  // of a stratum, from 0 up to 1. Weights are over the largest of their block.
  void draw(std::span<const double> draws, std::size_t block, double correction,
            std::int64_t* places, float* weights) const;

  // How wrong was what these rows were thought to be worth: finite, at least 0.
  void set(std::span<const std::int64_t> places, const float* errors);

  std::size_t size() const { return std::min(added_, capacity_); }

  // All that `restore` needs.
  std::vector<double> powers() const;
  double most() const { return most_; }
  std::size_t added() const { return added_; }
  void restore(std::span<const double> powers, double most, std::size_t added);

 private:
  std::size_t capacity_;
  double exponent_;
  SumTree powers_;
  double most_ = 1.0;
  std::size_t added_ = 0;
};

}  // namespace rlmm
