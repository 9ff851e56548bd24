#include "market/regime_filter.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "regimes.h"

namespace rlmm {
namespace {

constexpr double kLeast = 1e-300;  // stands for 0 under a logarithm

std::vector<double> moved(const std::vector<double>& law, const std::vector<double>& kernel) {
  const std::size_t k = law.size();
  std::vector<double> after(k, 0.0);
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < k; ++j) after[j] += law[i] * kernel[i * k + j];
  }
  return after;
}

}  // namespace

RegimeFilterModel::RegimeFilterModel(const BookMarketParams& params, double step_s)
    : initial(moved(params.model.initial_regime_probabilities,
                    regime_kernel(params.model.switch_rates_hz, seconds_of(params.warmup_ns)))),
      half_step(regime_kernel(params.model.switch_rates_hz, 0.5 * step_s)) {
  const FlowModel flow(params.model);
  for (const Lanes& of_regime : flow.regime_factors) {
    FlowBook::Expected factor{};
    FlowBook::Expected log_factor{};
    for (std::size_t g = 0; g < factor.size(); ++g) {
      factor[g] = static_cast<double>(of_regime[g]);
      log_factor[g] = std::log(std::max(factor[g], kLeast));
    }
    factors.push_back(factor);
    log_factors.push_back(log_factor);
  }
}

void RegimeFilter::start() {
  counts_ = {};
  probabilities_ = model_->initial;
}

void RegimeFilter::move_chain() { probabilities_ = moved(probabilities_, model_->half_step); }

void RegimeFilter::update(const FlowBook::Expected& expected) {
  move_chain();
  double best = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < probabilities_.size(); ++i) {
    const auto of_group = [&](std::size_t g) {
      return static_cast<double>(counts_[g]) * model_->log_factors[i][g] -
             model_->factors[i][g] * expected[g];
    };
    // In pairs of sides, so that a mirrored market finds the same sum.
    const double seen = (of_group(0) + of_group(1)) + (of_group(2) + of_group(3));
    const double value = std::log(std::max(probabilities_[i], kLeast)) + seen;
    probabilities_[i] = value;
    best = std::max(best, value);
  }
  double total = 0.0;
  for (double& p : probabilities_) total += p = std::exp(p - best);
  for (double& p : probabilities_) p /= total;
  move_chain();
  counts_ = {};
}

void RegimeFilter::load(Reader& in) {
  counts_ = {};
  probabilities_ = in.get_vector<double>();
  const auto is_share = [](double p) { return p >= 0.0 && p <= 1.0 + 1e-9; };
  if (probabilities_.size() != model_->initial.size() ||
      !std::ranges::all_of(probabilities_, is_share)) {
    throw std::invalid_argument("state: expected a probability of each regime, got others");
  }
}

}  // namespace rlmm
