// A continuous-time chain of regimes, as every market has one.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace rlmm {

inline constexpr std::size_t kRegimesMax = 8;

// Throws std::invalid_argument unless both describe a chain of `n` regimes; `market` is the place
// of their fields in messages.
void require_regime_chain(const std::string& market, std::size_t n,
                          const std::vector<std::vector<double>>& switch_rates_hz,
                          const std::vector<double>& initial_probabilities);

// The same for the switches in one step of `step_s`.
void require_few_switches(const std::string& market,
                          const std::vector<std::vector<double>>& switch_rates_hz, double step_s);

// exp(matrix) of a small square matrix with `k` rows, row major.
std::vector<double> matrix_exponential(std::vector<double> matrix, std::size_t k);

// The chain over so many seconds: row i holds the law of the regime after regime i, row major.
std::vector<double> regime_kernel(const std::vector<std::vector<double>>& switch_rates_hz,
                                  double seconds);

// Long-run shares of the regimes, started from the initial probabilities.
std::vector<double> stationary_regimes(const std::vector<std::vector<double>>& switch_rates_hz,
                                       const std::vector<double>& initial_probabilities);

}  // namespace rlmm
