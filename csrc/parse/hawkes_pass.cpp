#include "parse/hawkes_pass.h"

#include <cmath>

namespace rlmm::parse {
namespace {

// b_p X_{p,h} as time goes by.
class Excitement {
 public:
  explicit Excitement(std::span<const double> decays_hz)
      : decays_hz_(decays_hz.begin(), decays_hz.end()),
        now_(decays_hz.size() * kGroups),
        over_(decays_hz.size() * kGroups) {}

  const std::vector<double>& now() const { return now_; }
  // Integrals over the time of the last `pass`.
  const std::vector<double>& over() const { return over_; }

  void pass(double seconds) {
    for (std::size_t p = 0; p < decays_hz_.size(); ++p) {
      const double gone = -std::expm1(-decays_hz_[p] * seconds);
      const double mean_s = gone / decays_hz_[p];
      for (std::size_t h = 0; h < kGroups; ++h) {
        double& value = now_[p * kGroups + h];
        over_[p * kGroups + h] = value * mean_s;
        value -= value * gone;
      }
    }
  }

  void happen(std::size_t group) {
    if (group >= kGroups) return;
    for (std::size_t p = 0; p < decays_hz_.size(); ++p) {
      now_[p * kGroups + group] += decays_hz_[p];
    }
  }

 private:
  std::vector<double> decays_hz_;
  std::vector<double> now_;
  std::vector<double> over_;
};

}  // namespace

void hawkes_features(const HawkesRows& rows, std::span<const double> decays_hz,
                     std::span<const std::uint8_t> wanted, double* features) {
  Excitement excitement(decays_hz);
  for (std::size_t i = 0; i < rows.t_s.size(); ++i) {
    if (i > 0) excitement.pass(rows.t_s[i] - rows.t_s[i - 1]);
    if (wanted[i] != 0) {
      *features++ = 1.0;
      for (const double value : excitement.now()) *features++ = value;
    }
    excitement.happen(rows.group[i]);
  }
}

void hawkes_exposures(const HawkesRows& rows, std::span<const double> decays_hz, std::size_t cells,
                      double* sums) {
  Excitement excitement(decays_hz);
  const std::size_t width = feature_count(decays_hz.size());
  for (std::size_t i = 0; i + 1 < rows.t_s.size(); ++i) {
    excitement.happen(rows.group[i]);
    const double seconds = rows.t_s[i + 1] - rows.t_s[i];
    excitement.pass(seconds);
    const std::vector<double>& over = excitement.over();
    for (std::size_t g = 0; g < kGroups; ++g) {
      if (rows.cell[g][i] < 0) continue;
      const double factor = rows.factor[g][i];
      double* sum = sums + (g * cells + static_cast<std::size_t>(rows.cell[g][i])) * width;
      *sum++ += factor * seconds;
      for (const double value : over) *sum++ += factor * value;
    }
  }
}

void hawkes_residuals(const HawkesRows& rows, const double* of_baseline,
                      std::span<const double> decays_hz, const double* parameters,
                      double* residuals) {
  Excitement excitement(decays_hz);
  const std::size_t width = feature_count(decays_hz.size());
  std::array<double, kGroups> expected{};
  for (std::size_t i = 0; i < rows.t_s.size(); ++i) {
    const std::size_t group = rows.group[i];
    if (group < kGroups && i > 0 && rows.cell[group][i - 1] >= 0) {
      residuals[i] = expected[group];
      expected[group] = 0.0;
    }
    excitement.happen(group);
    if (i + 1 == rows.t_s.size()) break;
    const double seconds = rows.t_s[i + 1] - rows.t_s[i];
    excitement.pass(seconds);
    const std::vector<double>& over = excitement.over();
    for (std::size_t g = 0; g < kGroups; ++g) {
      if (rows.cell[g][i] < 0) continue;
      const double* parameter = parameters + g * width;
      double sum = of_baseline[g * rows.t_s.size() + i] * *parameter++ * seconds;
      for (const double value : over) sum += *parameter++ * value;
      expected[g] += rows.factor[g][i] * sum;
    }
  }
}

}  // namespace rlmm::parse
