#include "regimes.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "checks.h"

namespace rlmm {

void require_regime_chain(const std::string& market, std::size_t n,
                          const std::vector<std::vector<double>>& switch_rates_hz,
                          const std::vector<double>& initial_probabilities) {
  const std::string rates = market + ".switch_rates_hz";
  if (switch_rates_hz.size() != n) refuse(rates, "one row per regime", switch_rates_hz.size());
  for (std::size_t i = 0; i < n; ++i) {
    const std::vector<double>& row = switch_rates_hz[i];
    if (row.size() != n) refuse(rates, "one column per regime", row.size());
    if (row[i] != 0.0) refuse(rates, "a zero diagonal", row[i]);
    require_each_between(rates, row, 0.0, kRateMax);
  }
  const std::string initial = market + ".initial_regime_probabilities";
  if (initial_probabilities.size() != n) {
    refuse(initial, "one number per regime", initial_probabilities.size());
  }
  require_each_between(initial, initial_probabilities, 0.0, 1.0);
  require_sum_of_one(initial, sum_in_order(initial_probabilities));
}

void require_few_switches(const std::string& market,
                          const std::vector<std::vector<double>>& switch_rates_hz, double step_s) {
  for (const std::vector<double>& row : switch_rates_hz) {
    for (const double rate : row) {
      require_between(market + ".switch_rates_hz: switches in a step", rate * step_s, 0.0,
                      kStepEventsMax);
    }
  }
}

// By scaling and squaring of its Taylor series.
std::vector<double> matrix_exponential(std::vector<double> matrix, std::size_t k) {
  double norm = 0.0;
  for (const double value : matrix) norm = std::max(norm, std::fabs(value));
  int halvings = 0;
  for (; norm * static_cast<double>(k) > 0.25; norm *= 0.5) ++halvings;
  for (double& value : matrix) value = std::ldexp(value, -halvings);
  const auto multiply = [k](const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> product(k * k, 0.0);
    for (std::size_t i = 0; i < k; ++i) {
      for (std::size_t m = 0; m < k; ++m) {
        for (std::size_t j = 0; j < k; ++j) product[i * k + j] += a[i * k + m] * b[m * k + j];
      }
    }
    return product;
  };
  std::vector<double> result(k * k, 0.0);
  for (std::size_t i = 0; i < k; ++i) result[i * k + i] = 1.0;
  std::vector<double> term = result;
  constexpr int kTerms = 14;
  for (int n = 1; n <= kTerms; ++n) {
    term = multiply(term, matrix);
    for (double& value : term) value /= n;
    for (std::size_t i = 0; i < k * k; ++i) result[i] += term[i];
  }
  for (int n = 0; n < halvings; ++n) result = multiply(result, result);
  return result;
}

std::vector<double> regime_kernel(const std::vector<std::vector<double>>& switch_rates_hz,
                                  double seconds) {
  const std::size_t k = switch_rates_hz.size();
  std::vector<double> generator(k * k, 0.0);
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < k; ++j) generator[i * k + j] = switch_rates_hz[i][j] * seconds;
    generator[i * k + i] = -sum_in_order(switch_rates_hz[i]) * seconds;
  }
  return matrix_exponential(std::move(generator), k);
}

std::vector<double> stationary_regimes(const std::vector<std::vector<double>>& switch_rates_hz,
                                       const std::vector<double>& initial_probabilities) {
  using Kernel = std::vector<std::vector<double>>;
  const Kernel& rates = switch_rates_hz;
  const std::size_t k = rates.size();
  double fastest = 0.0;
  for (const std::vector<double>& row : rates) {
    fastest = std::max(fastest, std::accumulate(row.begin(), row.end(), 0.0));
  }
  if (fastest == 0.0) return initial_probabilities;
  // The lazy uniformised chain converges for every chain, to the law that the initial
  // probabilities lead to. Squaring its kernel doubles the steps, so that slow switching beside
  // fast switching gets there too; rows are kept at sum 1 against rounding.
  constexpr int kSquarings = 64;
  Kernel kernel = rates;
  for (std::size_t i = 0; i < k; ++i) {
    for (double& share : kernel[i]) share *= 0.5 / fastest;
    kernel[i][i] = 1.0 - std::accumulate(kernel[i].begin(), kernel[i].end(), 0.0);
  }
  for (int n = 0; n < kSquarings; ++n) {
    Kernel square(k, std::vector<double>(k, 0.0));
    for (std::size_t i = 0; i < k; ++i) {
      for (std::size_t m = 0; m < k; ++m) {
        for (std::size_t j = 0; j < k; ++j) square[i][j] += kernel[i][m] * kernel[m][j];
      }
      const double total = std::accumulate(square[i].begin(), square[i].end(), 0.0);
      for (double& share : square[i]) share /= total;
    }
    kernel = std::move(square);
  }
  std::vector<double> share(k, 0.0);
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < k; ++j) {
      share[j] += initial_probabilities[i] * kernel[i][j];
    }
  }
  return share;
}

}  // namespace rlmm
