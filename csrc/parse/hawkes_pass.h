// What the likelihood of self-exciting event groups with shared decays needs, in one pass.
//
// With X_{p,h}(t) = sum over past events of group h of exp(-b_p (t - t_k)), the intensity of a
// group is linear in its parameters: baseline x 1 + sum over p, h of excitation x b_p X_{p,h}.
// So the likelihood needs the features b_p X_{p,h} just before each event, and their integrals
// over time, by cell of a known or fitted factor. Some factors drive the baseline alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "market_model.h"

namespace rlmm::parse {

// Rows in time order: events of the model's groups, and others (any group from kGroups up) that
// only change what holds after them. The last row's book holds for no time.
struct HawkesRows {
  std::span<const double> t_s;
  std::span<const std::uint8_t> group;
  // By group: the factor that holds after the row, and the cell that its time counts in; a cell
  // below 0: the time does not count.
  std::array<std::span<const double>, kGroups> factor;
  std::array<std::span<const std::int32_t>, kGroups> cell;
};

// Values of a feature row: 1, then b_p X_{p,h} by decay, then group.
inline std::size_t feature_count(std::size_t decays) { return 1 + decays * kGroups; }

// Features just before each row for which `wanted` is above 0, row after row into `features`.
void hawkes_features(const HawkesRows& rows, std::span<const double> decays_hz,
                     std::span<const std::uint8_t> wanted, double* features);

// Integrals of factor x feature by group and cell, added up into `sums`: [group][cell][feature].
void hawkes_exposures(const HawkesRows& rows, std::span<const double> decays_hz, std::size_t cells,
                      double* sums);

// Expected events of its own group since the last one of it, just before each event, as if the
// time that does not count did not pass. `of_baseline`: what multiplies the baseline besides the
// factor after each row, [group][row]; `parameters`: [group][feature]. Rows that are no events, or
// do not count, stay untouched.
void hawkes_residuals(const HawkesRows& rows, const double* of_baseline,
                      std::span<const double> decays_hz, const double* parameters,
                      double* residuals);

}  // namespace rlmm::parse
