// What every market is: an episode of decision steps with the agent's quotes in it.
//
// A market is a plain class that satisfies `Market`; the batch is a template over it, so that a
// step costs no virtual call.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>

#include "agent/account.h"
#include "agent/quotes.h"
#include "features/features.h"
#include "market/fill_log.h"
#include "params.h"
#include "rng.h"
#include "serialize.h"
#include "types.h"

namespace rlmm {

// What one step did. Time integrals are in lots and seconds, scaled by the regime's
// `inventory_penalty_scale`.
struct StepOutcome {
  Money pnl_spread_x2 = 0;
  Money pnl_inventory_x2 = 0;
  Money fees = 0;
  std::array<Lots, 2> maker_lots{};  // bought by the bid, sold by the ask
  Lots taker_lots = 0;
  std::int64_t market_sells = 0;
  std::int64_t market_buys = 0;
  std::int64_t messages = 0;
  double inventory_squared_s = 0.0;
  double inventory_absolute_s = 0.0;
  double soft_excess_squared_s = 0.0;
};

template <class M>
concept Market =
    requires(M& market, const M& view, SeedKey key, const Quotes& quotes, Writer& out, Reader& in) {
      // Shared by all markets of a batch: what can be computed once from valid parameters.
      typename M::Model;
      requires std::constructible_from<typename M::Model, const EnvParams&, const FeatureWriter&>;
      requires std::constructible_from<M, const typename M::Model&>;
      // Starts the episode that (key, episode) names, whatever happened before.
      market.reset(key, std::uint64_t{});
      // Holds the quotes for one decision step.
      { market.step(quotes) } -> std::same_as<StepOutcome>;
      // What the agent sees now.
      { view.view().data() } -> std::same_as<const double*>;
      { view.account() } -> std::same_as<const Account&>;
      { view.steps_done() } -> std::same_as<std::int64_t>;
      { view.regime() } -> std::same_as<std::size_t>;
      // The agent's fills, kept if it is turned on.
      { market.fill_log() } -> std::same_as<FillLog&>;
      view.save(out);
      market.load(in);
    };

}  // namespace rlmm
