// What the statistical tests have in common. Seeds are fixed, so a test passes always or never; the
// tolerance says how often a correct program would fail it with another seed.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "check.h"

namespace rlmm {

// In standard errors: a correct program exceeds it once in 150 000 seeds.
inline constexpr double kSigmas = 4.5;

// Mean and central moments of a sample.
class Sample {
 public:
  void add(double value) { values_.push_back(value); }
  std::size_t size() const { return values_.size(); }
  double mean() const { return raw_moment(1, 0.0); }
  double moment(int power) const { return raw_moment(power, mean()); }
  double variance() const { return moment(2); }
  double mean_error() const { return std::sqrt(variance() / count()); }
  // Of the variance: sqrt((m4 - m2^2) / n).
  double variance_error() const {
    return std::sqrt((moment(4) - variance() * variance()) / count());
  }
  // Correlation of neighbours; 0 +- 1/sqrt(n) for independent values.
  double lag_correlation() const {
    const double centre = mean();
    double sum = 0.0;
    for (std::size_t i = 1; i < values_.size(); ++i) {
      sum += (values_[i] - centre) * (values_[i - 1] - centre);
    }
    return sum / (count() * variance());
  }
  double count() const { return static_cast<double>(values_.size()); }

 private:
  double raw_moment(int power, double centre) const {
    double sum = 0.0;
    for (const double value : values_) {
      double product = 1.0;
      for (int n = 0; n < power; ++n) product *= value - centre;
      sum += product;
    }
    return sum / count();
  }

  std::vector<double> values_;
};

// Standard error of a frequency with probability p in n trials.
inline double frequency_error(double p, double n) { return std::sqrt(p * (1.0 - p) / n); }

// Pearson's statistic less its degrees of freedom, in its standard errors. Cells with few expected
// counts are pooled into one, because the approximation needs some.
inline double chi_square_sigmas(const std::vector<std::int64_t>& counts,
                                const std::vector<double>& probabilities) {
  constexpr double kExpectedLeast = 10.0;
  double n = 0.0;
  for (const std::int64_t count : counts) n += static_cast<double>(count);
  double statistic = 0.0;
  double pooled_count = 0.0;
  double pooled_expected = 0.0;
  int cells = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = n * probabilities[i];
    const auto count = static_cast<double>(counts[i]);
    if (expected < kExpectedLeast) {
      pooled_count += count;
      pooled_expected += expected;
      continue;
    }
    statistic += (count - expected) * (count - expected) / expected;
    ++cells;
  }
  if (pooled_expected >= 1.0) {
    const double off = pooled_count - pooled_expected;
    statistic += off * off / pooled_expected;
    ++cells;
  }
  const double freedom = cells - 1;
  return (statistic - freedom) / std::sqrt(2.0 * freedom);
}

}  // namespace rlmm

// A frequency that should be `p`, from `hits` among `n` independent trials.
#define CHECK_FREQUENCY(hits, n, p)                                   \
  CHECK_NEAR(static_cast<double>(hits) / static_cast<double>(n), (p), \
             rlmm::kSigmas * rlmm::frequency_error((p), static_cast<double>(n)))
