// Draws from a finite law in constant time (Walker 1977, Vose 1991).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rlmm {

class AliasTable {
 public:
  AliasTable() = default;
  // Weights need not sum to 1; at least one is positive.
  explicit AliasTable(const std::vector<double>& weights);

  bool empty() const { return cells_.empty(); }

  // One 32-bit word in, one index out. A probability is off by at most its table's size x 2^-32.
  std::size_t at(std::uint32_t word) const {
    const std::uint64_t scaled = std::uint64_t{word} * cells_.size();
    const std::size_t at = scaled >> 32U;
    const Cell& cell = cells_[at];
    // Without a branch: which way it goes is chance.
    const std::size_t keeps =
        0 - static_cast<std::size_t>(static_cast<std::uint32_t>(scaled) < cell.keep_below);
    return cell.other ^ ((cell.other ^ at) & keeps);
  }

 private:
  struct Cell {
    std::uint32_t keep_below;
    std::uint32_t other;
  };
  std::vector<Cell> cells_;
};

}  // namespace rlmm
