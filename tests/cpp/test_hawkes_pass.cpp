// The passes for the likelihood against sums over all pairs of events.
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "check.h"
#include "parse/hawkes_pass.h"
#include "rng.h"

namespace rlmm::parse {
namespace {

constexpr std::size_t kCells = 3;
const std::vector<double> kDecaysHz{0.7, 9.0};

// Events of all groups, and rows that are none, at random times; factors and cells at random.
struct Table {
  std::vector<double> t_s;
  std::vector<std::uint8_t> group;
  std::array<std::vector<double>, kGroups> factor;
  std::array<std::vector<std::int32_t>, kGroups> cell;
  std::vector<double> of_baseline;  // [group][row]

  HawkesRows rows() const {
    HawkesRows view{t_s, group, {}, {}};
    for (std::size_t g = 0; g < kGroups; ++g) {
      view.factor[g] = factor[g];
      view.cell[g] = cell[g];
    }
    return view;
  }
};

Table random_table(std::size_t rows) {
  Stream draws({1, 2}, 0, Purpose::kReset);
  Table table;
  double now_s = 0.0;
  for (std::size_t i = 0; i < rows; ++i) {
    now_s += i % 5 == 2 ? 0.0 : draws.exponential() / 3.0;  // some at the same time
    table.t_s.push_back(now_s);
    table.group.push_back(static_cast<std::uint8_t>(draws.below(kGroups + 2)));
    for (std::size_t g = 0; g < kGroups; ++g) {
      table.factor[g].push_back(0.5 + draws.uniform());
      table.cell[g].push_back(static_cast<std::int32_t>(draws.below(kCells + 1)) - 1);
    }
  }
  for (std::size_t i = 0; i < kGroups * rows; ++i) table.of_baseline.push_back(draws.uniform());
  return table;
}

// b times the sum over the first `n` rows' events of group h of exp(-b (t - t_k)).
double excitement(const Table& table, std::size_t n, std::size_t h, double b, double t_s) {
  double sum = 0.0;
  for (std::size_t k = 0; k < n; ++k) {
    if (table.group[k] == h) sum += std::exp(-b * (t_s - table.t_s[k]));
  }
  return b * sum;
}

// The same from row i to the next, integrated.
double exposure(const Table& table, std::size_t i, std::size_t h, double b) {
  const double from = excitement(table, i + 1, h, b, table.t_s[i]);
  const double to = excitement(table, i + 1, h, b, table.t_s[i + 1]);
  return (from - to) / b;
}

std::size_t feature_of(std::size_t decay, std::size_t h) { return 1 + decay * kGroups + h; }

TEST("Hawkes features: those just before the wanted rows") {
  const Table table = random_table(60);
  std::vector<std::uint8_t> wanted(60);
  std::size_t n = 0;
  for (std::size_t i = 0; i < 60; ++i) n += wanted[i] = i % 3 == 0 ? 1 : 0;
  const std::size_t width = feature_count(2);
  std::vector<double> features(n * width, -1.0);
  hawkes_features(table.rows(), kDecaysHz, wanted, features.data());
  const double* row = features.data();
  for (std::size_t i = 0; i < 60; i += 3, row += width) {
    CHECK_EQ(row[0], 1.0);
    for (std::size_t p = 0; p < 2; ++p) {
      for (std::size_t h = 0; h < kGroups; ++h) {
        const double expected = excitement(table, i, h, kDecaysHz[p], table.t_s[i]);
        CHECK_NEAR(row[feature_of(p, h)], expected, 1e-9);
      }
    }
  }
}

TEST("Hawkes exposures: integrals by group and cell; time that does not count is left out") {
  const Table table = random_table(50);
  const std::size_t width = feature_count(2);
  std::vector<double> sums(kGroups * kCells * width);
  hawkes_exposures(table.rows(), kDecaysHz, kCells, sums.data());
  std::vector<double> expected(sums.size());
  for (std::size_t i = 0; i + 1 < 50; ++i) {
    for (std::size_t g = 0; g < kGroups; ++g) {
      const std::int32_t cell = table.cell[g][i];
      if (cell < 0) continue;
      double* sum = expected.data() + (g * kCells + static_cast<std::size_t>(cell)) * width;
      sum[0] += table.factor[g][i] * (table.t_s[i + 1] - table.t_s[i]);
      for (std::size_t p = 0; p < 2; ++p) {
        for (std::size_t h = 0; h < kGroups; ++h) {
          sum[feature_of(p, h)] += table.factor[g][i] * exposure(table, i, h, kDecaysHz[p]);
        }
      }
    }
  }
  for (std::size_t k = 0; k < sums.size(); ++k) CHECK_NEAR(sums[k], expected[k], 1e-9);
}

TEST("Hawkes residuals: expected events since the last one of the group, where time counts") {
  constexpr std::size_t kRows = 50;
  constexpr double kUntouched = -7.0;
  const Table table = random_table(kRows);
  const std::size_t width = feature_count(2);
  std::vector<double> parameters(kGroups * width);
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    parameters[k] = 0.1 + 0.01 * static_cast<double>(k % 17);
  }
  std::vector<double> residuals(kRows, kUntouched);
  hawkes_residuals(table.rows(), table.of_baseline.data(), kDecaysHz, parameters.data(),
                   residuals.data());
  std::array<double, kGroups> since{};
  for (std::size_t i = 0; i < kRows; ++i) {
    const std::size_t own = table.group[i];
    const bool counts = own < kGroups && i > 0 && table.cell[own][i - 1] >= 0;
    CHECK_NEAR(residuals[i], counts ? since[own] : kUntouched, 1e-9);
    if (counts) since[own] = 0.0;
    if (i + 1 == kRows) break;
    for (std::size_t g = 0; g < kGroups; ++g) {
      if (table.cell[g][i] < 0) continue;
      const double* parameter = parameters.data() + g * width;
      const double of_baseline = table.of_baseline[g * kRows + i];
      double sum = of_baseline * parameter[0] * (table.t_s[i + 1] - table.t_s[i]);
      for (std::size_t p = 0; p < 2; ++p) {
        for (std::size_t h = 0; h < kGroups; ++h) {
          sum += parameter[feature_of(p, h)] * exposure(table, i, h, kDecaysHz[p]);
        }
      }
      since[g] += table.factor[g][i] * sum;
    }
  }
}

}  // namespace
}  // namespace rlmm::parse
