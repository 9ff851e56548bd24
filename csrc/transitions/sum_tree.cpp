#include "transitions/sum_tree.h"

namespace rlmm {

SumTree::SumTree(std::size_t size) {
  do {
    const std::size_t nodes = (size + kBranches - 1) / kBranches;
    levels_.emplace_back(nodes * kBranches);
    size = nodes;
  } while (size > 1);
  levels_.emplace_back(1);
}

void SumTree::set(std::size_t place, double value) {
  levels_.front()[place] = value;
  for (std::size_t level = 1; level < levels_.size(); ++level) {
    place /= kBranches;
    const double* const branches = levels_[level - 1].data() + place * kBranches;
    double sum = 0.0;
    for (std::size_t i = 0; i < kBranches; ++i) sum += branches[i];
    levels_[level][place] = sum;
  }
}

std::size_t SumTree::find(double sum) const {
  std::size_t place = 0;
  for (std::size_t level = levels_.size() - 1; level-- > 0;) {
    const double* const branches = levels_[level].data() + place * kBranches;
    std::size_t chosen = 0;
    double within = 0.0;  // of the chosen branch
    for (std::size_t i = 0; i < kBranches; ++i) {
      if (branches[i] == 0.0) continue;
      chosen = i;
      within = sum;
      if (sum < branches[i]) break;
      sum -= branches[i];
    }
    place = place * kBranches + chosen;
    sum = within;
  }
  return place;
}

}  // namespace rlmm
