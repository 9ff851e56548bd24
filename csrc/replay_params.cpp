#include "replay_params.h"

#include <cmath>

#include "checks.h"

namespace rlmm {
namespace {

constexpr std::size_t kRangesMax = 4096;
constexpr double kPowerMax = 100.0;
constexpr TimeNs kStampMax = TimeNs{1} << 62U;

}  // namespace

double share_ahead(const QueueParams& queue, double ahead_lots, double behind_lots) {
  if (queue.law == QueueLaw::kRiskAverse || ahead_lots <= 0.0) return 0.0;
  if (queue.law == QueueLaw::kPower) {
    // f(ahead) / (f(ahead) + f(behind)), of sizes whose powers may be too large for a double.
    return 1.0 / (1.0 + std::pow(behind_lots / ahead_lots, queue.power));
  }
  const double ahead = std::log1p(ahead_lots / queue.scale_lots);
  const double behind = std::log1p(behind_lots / queue.scale_lots);
  return ahead / (ahead + behind);
}

void ReplayMarketParams::validate() const {
  if (recording.empty()) refuse("market.recording", "a file's name", std::string("none"));
  if (!sha256.empty() &&
      (sha256.size() != 64 || sha256.find_first_not_of("0123456789abcdef") != std::string::npos)) {
    refuse("market.sha256", "64 hexadecimal digits, or none", sha256);
  }
  if (ranges.size() > kRangesMax) refuse("market.ranges", "at most 4096", ranges.size());
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const std::string at = place_of("market.ranges", i);
    require_between(at + ".start_ns", ranges[i].start_ns, -kStampMax, kStampMax);
    require_between(at + ".end_ns", ranges[i].end_ns, ranges[i].start_ns + 1, kStampMax);
  }
  require_between("market.queue.power", queue.power, 0.0, kPowerMax);
  require_positive("market.queue.scale_lots", queue.scale_lots);
  require_typical("market.typical", typical);
}

}  // namespace rlmm
