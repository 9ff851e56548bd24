#include "agent/latency.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace rlmm {

Delay::Delay(DelayParams params) : params_(std::move(params)) {}

TimeNs Delay::draw_ns(Stream& stream) const {
  switch (params_.law) {
    case DelayLaw::kConstant:
      return params_.median_ns;
    case DelayLaw::kLognormal: {
      const double scale = std::exp(params_.log_sd * stream.normal());
      const double drawn_ns = static_cast<double>(params_.median_ns) * scale;
      // A guard, not a part of the law: validated parameters get here once in 10^15 draws, and
      // the sum of times must not leave the clock's 64 bits even then.
      return round_to_integer(std::min(drawn_ns, static_cast<double>(kDelayMaxNs)));
    }
    case DelayLaw::kEmpirical:
      break;
  }
  const std::vector<TimeNs>& quantiles = params_.quantiles_ns;
  const double position = stream.uniform() * static_cast<double>(quantiles.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const double weight = position - static_cast<double>(below);
  const auto low = static_cast<double>(quantiles[below]);
  const auto high = static_cast<double>(quantiles[std::min(below + 1, quantiles.size() - 1)]);
  return round_to_integer(low + weight * (high - low));
}

}  // namespace rlmm
