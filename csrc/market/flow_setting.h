// A market with a book whose other orders come from a flow that reacts to the agent's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "flow/flow_model.h"
#include "market/flow_book.h"
#include "market/regime_filter.h"
#include "market/scenario.h"
#include "params.h"
#include "rng.h"
#include "types.h"

namespace rlmm {

class FlowSetting {
 public:
  using Book = FlowBook;

  explicit FlowSetting(const EnvParams& params)
      : flow(params.book().model), scenario(params.book().shocks), market_(params.book()) {}

  // The book refers to `flow`.
  Book make() const {
    return {flow, market_.mirrored, {market_.reaction_full_lots, market_.reaction_budget_hz}};
  }
  void start(Book& book, SeedKey key, std::uint64_t episode) const {
    book.start(key, episode, market_.mid_initial_ticks, market_.session_start_ns,
               market_.warmup_ns);
  }
  // Whose message goes out first.
  Side first_side() const { return market_.mirrored ? Side::kAsk : Side::kBid; }
  bool taker_allowed() const { return market_.taker_allowed; }
  std::size_t n_regimes() const { return flow.regime_factors.size(); }
  static RegimeFilterModel regime_filter(const EnvParams& params) {
    return {params.book(), params.step_s()};
  }
  // What the mid has moved from.
  Ticks first_mid_ticks_x2(const Book&) const { return 2 * market_.mid_initial_ticks; }
  static Lots lots_at(const OrderBook& book, Side, Ticks price_ticks) {
    return book.lots_at(price_ticks);
  }

  FlowModel flow;
  Scenario scenario;

 private:
  BookMarketParams market_;
};

}  // namespace rlmm
