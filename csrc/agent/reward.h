// The reward: a weighted sum of named terms.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "params.h"

namespace rlmm {

// What the terms are computed from, in account currency, lots and seconds.
struct RewardInput {
  double spread_gain;     // distance of the step's fills from the mid
  double inventory_gain;  // what the mid's moves did to the position
  double fees;
  double pnl_after;  // since the start of the episode; needed for a utility only
  double inventory_squared_s;
  double inventory_absolute_s;
  double soft_excess_squared_s;
  double final_inventory_lots;  // 0 unless the episode terminates
  double taker_lots;
  double traded_lots;
};

enum class Term : std::uint8_t {
  kPnl,
  kSpreadCapture,
  kDampenedPnl,
  kInventoryQuadratic,
  kInventoryLinear,
  kSoftLimit,
  kTerminalQuadratic,
  kCrossing,
  kTurnover,
  kCount
};

inline constexpr std::size_t kTermCount = static_cast<std::size_t>(Term::kCount);
using RewardTerms = std::array<double, kTermCount>;

class Reward {
 public:
  explicit Reward(const RewardParams& params)
      : params_(params),
        // Gains count with their weight, penalties against it.
        weights_{params.pnl,
                 params.spread_capture,
                 params.dampened_pnl,
                 -params.inventory_quadratic,
                 -params.inventory_linear,
                 -params.soft_limit,
                 -params.terminal_quadratic,
                 -params.crossing,
                 -params.turnover},
        is_plain_(params.utility == Utility::kLinear && params.spread_capture == 0.0 &&
                  params.dampened_pnl == 0.0 && params.inventory_linear == 0.0 &&
                  params.soft_limit == 0.0 && params.crossing == 0.0 && params.turnover == 0.0) {}

  bool needs_pnl_after() const { return params_.utility == Utility::kCara; }

  // Whether only gain and squared inventory count, as in most problems: then `plain` gives the same
  // number as all terms would, for a third of the work.
  bool is_plain() const { return is_plain_; }
  double plain(double gain, double inventory_squared_s, double final_inventory_lots) const {
    return 0.0 + weights_[0] * gain + weights_[3] * inventory_squared_s +
           weights_[6] * (final_inventory_lots * final_inventory_lots);
  }

  RewardTerms terms(const RewardInput& in) const {
    const double gain = in.spread_gain + in.inventory_gain - in.fees;
    return {needs_pnl_after() ? utility_gain(gain, in.pnl_after) : gain,
            in.spread_gain,
            gain - params_.dampening * std::max(0.0, in.inventory_gain),
            in.inventory_squared_s,
            in.inventory_absolute_s,
            in.soft_excess_squared_s,
            in.final_inventory_lots * in.final_inventory_lots,
            in.taker_lots,
            in.traded_lots};
  }

  double weighted(const RewardTerms& terms) const {
    double sum = 0.0;
    for (std::size_t i = 0; i < kTermCount; ++i) sum += weights_[i] * terms[i];
    return sum;
  }

 private:
  // Change of -exp(-gamma pnl) / gamma over a step that gained `gain`.
  double utility_gain(double gain, double pnl_after) const {
    const double gamma = params_.risk_aversion;
    return std::exp(-gamma * pnl_after) * std::expm1(gamma * gain) / gamma;
  }

  RewardParams params_;
  RewardTerms weights_;
  bool is_plain_;
};

}  // namespace rlmm
