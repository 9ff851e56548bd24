// The alias table: its law read off its thresholds, not estimated.
#include <cstdint>
#include <numeric>
#include <vector>

#include "check.h"
#include "flow/alias.h"

namespace rlmm {
namespace {

constexpr std::uint64_t kWords = std::uint64_t{1} << 32U;

// The first word of [first, end) whose index differs from `first`'s, by halving: within a cell the
// words that are kept come before those that are not.
std::uint64_t end_of_run(const AliasTable& table, std::uint64_t first, std::uint64_t end) {
  const std::size_t here = table.at(static_cast<std::uint32_t>(first));
  std::uint64_t low = first;
  while (end - low > 1) {
    const std::uint64_t middle = low + (end - low) / 2;
    (table.at(static_cast<std::uint32_t>(middle)) == here ? low : end) = middle;
  }
  return end;
}

// How many of the 2^32 words give each index.
std::vector<std::uint64_t> words_by_index(const AliasTable& table, std::size_t n) {
  std::vector<std::uint64_t> words(n, 0);
  for (std::uint64_t cell = 0; cell < n; ++cell) {
    const std::uint64_t first = (cell * kWords + n - 1) / n;
    const std::uint64_t end = ((cell + 1) * kWords + n - 1) / n;
    for (std::uint64_t at = first; at < end;) {
      const std::uint64_t next = end_of_run(table, at, end);
      words[table.at(static_cast<std::uint32_t>(at))] += next - at;
      at = next;
    }
  }
  return words;
}

void check_law(const std::vector<double>& weights) {
  const AliasTable table(weights);
  const std::vector<std::uint64_t> words = words_by_index(table, weights.size());
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double got = static_cast<double>(words[i]) * 0x1p-32;
    // One word for the rounding of each cell that holds a part of this index, of its own at least.
    CHECK_NEAR(got, weights[i] / total, 2.0 * static_cast<double>(weights.size()) * 0x1p-32);
    if (weights[i] == 0.0) CHECK_EQ(words[i], std::uint64_t{0});
    all += words[i];
  }
  CHECK_EQ(all, kWords);
}

}  // namespace

TEST("alias: a table gives its law to 2^-32") {
  check_law({1.0});
  check_law({0.6, 0.3, 0.1});
  check_law({1.0, 1.0, 1.0, 1.0});
  check_law({1e-12, 1.0});
  check_law({0.2, 0.3, 0.3, 0.2});
  std::vector<double> geometric(50);
  for (int i = 0; i < 50; ++i) geometric[static_cast<std::size_t>(i)] = std::pow(0.7, i);
  check_law(geometric);
  std::vector<double> uneven(333);
  for (int i = 0; i < 333; ++i) uneven[static_cast<std::size_t>(i)] = i * i % 17;
  check_law(uneven);
}

TEST("alias: an index without weight is never drawn") {
  check_law({0.0, 1.0});
  check_law({1.0, 0.0});
  check_law({0.0, 0.1, 0.0, 0.7, 0.2, 0.0});
  std::vector<double> thirds(1001, 0.0);
  for (std::size_t i = 0; i < thirds.size(); i += 3) thirds[i] = 1.0 / 3.0;
  check_law(thirds);
}

TEST("alias: weights need not sum to one") {
  const AliasTable table({30.0, 10.0});
  CHECK(!table.empty());
  CHECK(AliasTable().empty());
  CHECK_NEAR(static_cast<double>(words_by_index(table, 2)[0]), 0.75 * 0x1p32, 2.0);
}

}  // namespace rlmm
