// Episodes of a book market that a test plays move by move.
#pragma once

#include <array>
#include <utility>
#include <vector>

#include "flow_books.h"
#include "market/book_market.h"

namespace rlmm::market_scripts {

using flow_books::kS;
using flow_books::still_model;

inline constexpr SeedKey kKey{61, 62};
inline constexpr TimeNs kMs = kS / 1000;

inline EnvParams still_problem(const MarketModel& model = still_model(4)) {
  EnvParams params = book_problems::problem(model);
  params.book().warmup_ns = 0;
  params.book().taker_allowed = true;
  params.action.offset_min_ticks = -50;
  params.action.offset_max_ticks = 50;
  return params;
}

inline DelayParams constant(TimeNs ns) { return {DelayLaw::kConstant, ns, 0.0, {}}; }

struct Script {
  explicit Script(EnvParams given)
      : params(std::move(given)), writer(params), model(params, writer), market(model) {
    market.reset(kKey, 0);
  }
  // A bid and an ask by their prices, for a mid of `mid_x2`; no lots is no quote.
  void step(Ticks bid, Lots bid_lots, Ticks ask, Lots ask_lots, Ticks mid_x2 = 20'001) {
    Quotes quotes;
    quotes.offset_ticks = {mid_x2 / 2 - bid, ask - (mid_x2 + 1) / 2};
    quotes.lots = {bid_lots, ask_lots};
    outcome = market.step(quotes);
    ColumnRow row(columns.data());
    market.write_columns(row);
  }
  void idle() { step(0, 0, 0, 0); }
  double column(Column which, std::size_t i = 0) const {
    return columns[static_cast<std::size_t>(which) + i];
  }
  double seen(Feature feature) const { return market.view().at(BookView::slot(feature)); }
  std::size_t agent_orders(Side side) const {
    return market.flow_book().book().pool(side, kAgentPool).size();
  }
  Lots inventory() const { return market.account().inventory_lots(); }

  EnvParams params;
  FeatureWriter writer;
  BookModel model;
  BookMarket market;
  StepOutcome outcome;
  std::array<double, kColumnCount> columns{};
};

inline EnvParams shocked(EnvParams params, std::vector<ShockParams> shocks) {
  params.book().shocks = std::move(shocks);
  return params;
}

// All features: motion and levels are shown.
inline EnvParams seeing(EnvParams params) {
  for (const FeatureInfo& info : kFeatures) {
    if (info.id == Feature::kTimeLeft || info.id == Feature::kInventory) continue;
    params.observation.features.emplace_back(info.name);
  }
  return params;
}

// A market buy of three lots comes as soon as the asks at the touch are more than four times the
// bids: once, if the agent's order makes them so.
inline MarketModel one_buyer_model() {
  MarketModel model = still_model(4);
  model.market_orders.sizes = {{3}, {1.0}};
  model.imbalance_bin_edges = {-0.6};
  model.groups[lane(Group::kMarketBuy)].baseline_hz = 1e6;
  model.groups[lane(Group::kMarketBuy)].state_factor = {1.0, 0.0, 0.0, 0.0};
  return model;
}

}  // namespace rlmm::market_scripts
