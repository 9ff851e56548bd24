// Shocks that are scheduled for an episode: which of them act now, and when that changes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "book_params.h"
#include "market/flow_book.h"
#include "types.h"

namespace rlmm {

// What all shocks that act at one time come to.
struct Shocked {
  FlowBook::Bend bend;
  double latency = 1.0;
  double fees = 1.0;
  double drift_ticks_per_s = 0.0;
  Ticks jump_ticks = 0;  // of the price, now
  std::optional<std::size_t> regime;
  bool outage = false;
  bool halt = false;
};

// The schedule, shared by all markets of a batch.
class Scenario {
 public:
  static constexpr TimeNs kNever = INT64_MAX;

  explicit Scenario(const std::vector<ShockParams>& shocks);

  bool empty() const { return shocks_.empty(); }

  // The first time after `now_ns` at which a shock begins or ends.
  TimeNs next_change_ns(TimeNs now_ns) const;

  Shocked at(TimeNs now_ns) const;

  // Brings the flow, but not the agent's side, to what acts now. True if the price jumped, which
  // may have filled the agent's orders.
  bool apply_to(FlowBook& market) const;

 private:
  std::vector<ShockParams> shocks_;
};

}  // namespace rlmm
