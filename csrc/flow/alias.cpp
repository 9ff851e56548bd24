#include "flow/alias.h"

#include <numeric>

namespace rlmm {

AliasTable::AliasTable(const std::vector<double>& weights) {
  const std::size_t n = weights.size();
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<double> share(n);  // 1 is a full cell
  std::vector<std::size_t> poor;
  std::vector<std::size_t> rich;
  for (std::size_t i = 0; i < n; ++i) {
    share[i] = weights[i] / total * static_cast<double>(n);
    (share[i] < 1.0 ? poor : rich).push_back(i);
  }
  constexpr double kWords = 0x1p32;
  cells_.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    cells_[i] = {static_cast<std::uint32_t>(kWords - 1.0), static_cast<std::uint32_t>(i)};
  }
  while (!poor.empty() && !rich.empty()) {
    const std::size_t low = poor.back();
    const std::size_t high = rich.back();
    poor.pop_back();
    cells_[low] = {static_cast<std::uint32_t>(share[low] * kWords),
                   static_cast<std::uint32_t>(high)};
    share[high] -= 1.0 - share[low];
    if (share[high] < 1.0) {
      rich.pop_back();
      poor.push_back(high);
    }
  }
}

}  // namespace rlmm
