// Models for tests of the event flow, and the statistics they share.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "book_problems.h"
#include "flow/flow_model.h"

namespace flow_models {

// The same of both parts of each intensity.
inline constexpr rlmm::Factors whole(const rlmm::Lanes& factors) { return {factors, factors}; }
inline constexpr rlmm::Factors kOnes = whole({1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F});

// Kernels of the given decays whose entries all differ; `strength` is about the branching radius.
inline rlmm::MarketModel exciting_model(const std::vector<double>& decays_hz, double strength) {
  using rlmm::kGroups;
  rlmm::MarketModel model = book_problems::bare_model();
  const double baseline_hz[kGroups] = {0.5, 0.7, 1.0, 0.9, 0.3, 0.2};
  for (std::size_t g = 0; g < kGroups; ++g) model.groups[g].baseline_hz = baseline_hz[g];
  model.decays_hz = decays_hz;
  const double scale = strength / (6.0 * static_cast<double>(decays_hz.size()));
  for (std::size_t p = 0; p < decays_hz.size(); ++p) {
    for (std::size_t target = 0; target < kGroups; ++target) {
      for (std::size_t source = 0; source < kGroups; ++source) {
        const auto uneven = static_cast<double>((7 * p + 3 * target + 5 * source) % 11);
        model.excitation.push_back(scale * (0.5 + 0.1 * uneven));
      }
    }
  }
  return model;
}

// How many times the usual size a run shall be: for the long recorded runs.
inline std::int64_t scaled(std::int64_t n) {
  const char* const asked = std::getenv("RLMM_THEORY_SCALE");
  return asked != nullptr ? n * std::strtoll(asked, nullptr, 10) : n;
}

// Kolmogorov's statistic x sqrt(n) of values that should be exponential with mean 1.
inline double exponential_ks(std::vector<double> values) {
  std::ranges::sort(values);
  const auto n = static_cast<double>(values.size());
  double most = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double law = -std::expm1(-values[i]);
    most = std::max({most, law - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - law});
  }
  return most * std::sqrt(n);
}

// Kolmogorov's bound for six groups that shall all pass with 99 %: 2 exp(-2 x^2) = 0.01 / 6.
inline constexpr double kKsOfSix = 1.883;

}  // namespace flow_models
