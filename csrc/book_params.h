// A book market as an environment: its model, how it starts, how it takes the agent in, and the
// shocks that are scheduled for it. The same names, fields and units as in
// `rlmm_tf/book_params.py`.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "market_model.h"
#include "types.h"

namespace rlmm {

// What a shock changes while it lasts.
enum class ShockKind : std::uint8_t {
  kRegime,      // holds regime `value`
  kIntensity,   // multiplies the groups' baselines by `by_group`, or all of them by `value`
  kLimitSizes,  // multiplies the sizes of limit orders
  kMarketSizes,
  kLatency,     // multiplies every delay
  kFees,        // multiplies maker and taker fees, but not rebates
  kFeedOutage,  // the agent sees and hears nothing new
  kHalt,        // nothing trades; cancels are taken, new orders refused
  kPriceJump,   // at its start, or after a halt: trades through `value` ticks; has no duration
  kDrift,       // the efficient price drifts by `value` ticks per second: informed, one-sided flow
};
inline constexpr std::array<const char*, 10> enum_names(ShockKind) {
  return {"regime", "intensity",   "limit_sizes", "market_sizes", "latency",
          "fees",   "feed_outage", "halt",        "price_jump",   "drift"};
}

struct ShockParams {
  ShockKind kind = ShockKind::kIntensity;
  TimeNs start_ns = 0;
  TimeNs duration_ns = 0;
  double value = 1.0;
  std::vector<double> by_group;  // kGroups of them, or none

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("kind", self.kind);
    visit("start_ns", self.start_ns);
    visit("duration_ns", self.duration_ns);
    visit("value", self.value);
    visit("by_group", self.by_group);
  }
};

struct BookMarketParams {
  static constexpr const char* kKind = "book";
  static constexpr Ticks kMidTicksMax = Ticks{1} << 39U;  // half of what the book can hold

  MarketModel model;
  Ticks mid_initial_ticks = 1;
  TimeNs warmup_ns = 0;         // of flow without the agent before time 0
  TimeNs session_start_ns = 0;  // time of day at time 0, for the season
  bool taker_allowed = false;   // else every order is post-only
  bool regime_observed = true;
  double reaction_full_lots = 1.0;   // agent's limit orders and cancels of this size excite fully
  double reaction_budget_hz = 10.0;  // at most this many such events a second excite
  bool mirrored = false;             // bid and ask exchanged in every draw
  std::vector<ShockParams> shocks;

  // Throws std::invalid_argument that names the field, what was expected and what came.
  void validate() const;
  // The same for what depends on the length of a decision step.
  void validate_step(double step_s) const;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("model", self.model);
    visit("mid_initial_ticks", self.mid_initial_ticks);
    visit("warmup_ns", self.warmup_ns);
    visit("session_start_ns", self.session_start_ns);
    visit("taker_allowed", self.taker_allowed);
    visit("regime_observed", self.regime_observed);
    visit("reaction_full_lots", self.reaction_full_lots);
    visit("reaction_budget_hz", self.reaction_budget_hz);
    visit("mirrored", self.mirrored);
    visit("shocks", self.shocks);
  }
};

}  // namespace rlmm
