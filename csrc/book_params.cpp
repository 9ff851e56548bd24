#include "book_params.h"

#include <cmath>
#include <string>

#include "checks.h"
#include "regimes.h"

namespace rlmm {
namespace {

constexpr std::size_t kShocksMax = 1024;
constexpr double kMultiplierMax = 1e3;
constexpr double kMoveTicksMax = 1e6;

void require_whole(const std::string& field, double value) {
  if (value != std::floor(value)) refuse(field, "a whole number", value);
}

// What `value` may be, by kind.
void validate_value(const std::string& at, const ShockParams& shock,
                    const BookMarketParams& market) {
  const std::string field = at + ".value";
  switch (shock.kind) {
    case ShockKind::kRegime:
      require_between(field, shock.value, 0.0, static_cast<double>(market.model.n_regimes() - 1));
      require_whole(field, shock.value);
      break;
    case ShockKind::kIntensity:
    case ShockKind::kLimitSizes:
    case ShockKind::kMarketSizes:
    case ShockKind::kLatency:
    case ShockKind::kFees:
      require_between(field, shock.value, 0.0, kMultiplierMax);
      break;
    case ShockKind::kFeedOutage:
    case ShockKind::kHalt:
      if (shock.value != 1.0) refuse(field, "1 where it is not used", shock.value);
      break;
    case ShockKind::kPriceJump:
      require_between(field, shock.value, -kMoveTicksMax, kMoveTicksMax);
      require_whole(field, shock.value);
      break;
    case ShockKind::kDrift:
      require_between(field, shock.value, -kMoveTicksMax, kMoveTicksMax);
      if (market.model.informed.volatility_ticks == 0.0) {
        refuse(at + ".kind", "no drift without informed flow (informed.volatility_ticks above 0)",
               std::string("drift"));
      }
      break;
  }
}

void validate_shock(const std::string& at, const ShockParams& shock,
                    const BookMarketParams& market) {
  require_between(at + ".start_ns", shock.start_ns, TimeNs{0}, kHorizonNsMax);
  if (shock.kind == ShockKind::kPriceJump) {
    require_between(at + ".duration_ns", shock.duration_ns, TimeNs{0}, TimeNs{0});
  } else {
    require_between(at + ".duration_ns", shock.duration_ns, TimeNs{1}, kHorizonNsMax);
  }
  validate_value(at, shock, market);
  const std::size_t groups = shock.by_group.size();
  if (groups != 0 && (shock.kind != ShockKind::kIntensity || groups != kGroups)) {
    refuse(at + ".by_group", "6 values with kind intensity, or none", groups);
  }
  require_each_between(at + ".by_group", shock.by_group, 0.0, kMultiplierMax);
}

bool overlap(const ShockParams& a, const ShockParams& b) {
  if (a.kind != b.kind) return false;
  if (a.start_ns == b.start_ns) return true;
  return a.start_ns < b.start_ns + b.duration_ns && b.start_ns < a.start_ns + a.duration_ns;
}

void validate_shocks(const BookMarketParams& market) {
  const std::vector<ShockParams>& shocks = market.shocks;
  if (shocks.size() > kShocksMax) refuse("market.shocks", "at most 1024", shocks.size());
  for (std::size_t i = 0; i < shocks.size(); ++i) {
    validate_shock(place_of("market.shocks", i), shocks[i], market);
    for (std::size_t j = 0; j < i; ++j) {
      if (overlap(shocks[j], shocks[i])) {
        refuse("market.shocks", "shocks of one kind apart in time",
               text_of(j) + " and " + text_of(i) + " together");
      }
    }
  }
}

}  // namespace

void BookMarketParams::validate() const {
  model.validate();
  // A side may be swept and must still find prices above 0.
  const Ticks room = 4 * model.depth_ticks() + model.typical.spread_ticks;
  require_between("market.mid_initial_ticks", mid_initial_ticks, room + 1, kMidTicksMax);
  require_between("market.warmup_ns", warmup_ns, TimeNs{0}, 24 * kHourNs);
  require_between("market.session_start_ns", session_start_ns, TimeNs{0}, 24 * kHourNs);
  require_positive("market.reaction_full_lots", reaction_full_lots);
  require_between("market.reaction_budget_hz", reaction_budget_hz, 0.0, kRateMax);
  validate_shocks(*this);
}

void BookMarketParams::validate_step(double step_s) const {
  require_between(
      "market.model.groups: events in a step (baselines x largest factors / (1 - radius) x step)",
      model.events_hz_bound() * step_s, 0.0, kStepEventsMax);
  require_few_switches("market.model", model.switch_rates_hz, step_s);
}

}  // namespace rlmm
