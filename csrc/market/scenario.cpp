#include "market/scenario.h"

#include <algorithm>

namespace rlmm {
namespace {

// A price jump, which has no duration, acts at its own time.
bool acts(const ShockParams& shock, TimeNs now_ns) {
  return shock.start_ns == now_ns ||
         (shock.start_ns < now_ns && now_ns < shock.start_ns + shock.duration_ns);
}

void apply(const ShockParams& shock, Shocked& now) {
  switch (shock.kind) {
    case ShockKind::kRegime:
      now.regime = static_cast<std::size_t>(shock.value);
      break;
    case ShockKind::kIntensity:
      for (std::size_t g = 0; g < kGroups; ++g) {
        const double factor = shock.by_group.empty() ? shock.value : shock.by_group[g];
        now.bend.baseline[g] *= factor;
      }
      break;
    case ShockKind::kLimitSizes:
      now.bend.limit_sizes *= shock.value;
      break;
    case ShockKind::kMarketSizes:
      now.bend.market_sizes *= shock.value;
      break;
    case ShockKind::kLatency:
      now.latency *= shock.value;
      break;
    case ShockKind::kFees:
      now.fees *= shock.value;
      break;
    case ShockKind::kFeedOutage:
      now.outage = true;
      break;
    case ShockKind::kHalt:
      now.halt = true;
      now.bend.halted = 1;
      break;
    case ShockKind::kDrift:
      now.drift_ticks_per_s += shock.value;
      break;
    case ShockKind::kPriceJump:
      now.jump_ticks += round_to_integer(shock.value);
      break;
  }
}

}  // namespace

Scenario::Scenario(const std::vector<ShockParams>& shocks) : shocks_(shocks) {}

TimeNs Scenario::next_change_ns(TimeNs now_ns) const {
  TimeNs next = kNever;
  for (const ShockParams& shock : shocks_) {
    const TimeNs end_ns = shock.start_ns + shock.duration_ns;
    if (shock.start_ns > now_ns) next = std::min(next, shock.start_ns);
    if (end_ns > now_ns) next = std::min(next, end_ns);
  }
  return next;
}

Shocked Scenario::at(TimeNs now_ns) const {
  Shocked now;
  for (const ShockParams& shock : shocks_) {
    if (acts(shock, now_ns)) apply(shock, now);
  }
  return now;
}

bool Scenario::apply_to(FlowBook& market) const {
  const Shocked now = at(market.now_ns());
  market.bend(now.bend);
  market.set_drift(now.drift_ticks_per_s);
  if (market.held_regime() != now.regime) market.hold_regime(now.regime);
  return market.jump_price(now.jump_ticks);
}

}  // namespace rlmm
