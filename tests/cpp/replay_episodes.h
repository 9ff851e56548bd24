// Episodes of a replay market that a test plays move by move.
#pragma once

#include <array>
#include <utility>
#include <vector>

#include "book_problems.h"
#include "market/recorder.h"
#include "market/replay_market.h"
#include "replay_tables.h"

namespace rlmm::replay_episodes {

using replay_tables::Row;
using replay_tables::small_book;
using replay_tables::Table;
using Kind = EventKind;

inline constexpr TimeNs kMs = 1'000'000;
inline constexpr SeedKey kKey{71, 72};

inline EnvParams problem(const Table& table) {
  EnvParams params;
  ReplayMarketParams replay;
  replay.recording = "table";
  replay.taker_allowed = true;
  replay.tape = table.tape(16);
  replay.tape_checksum = replay.tape->checksum();
  params.market = replay;
  params.limits.inventory_cap_lots = 8;
  params.episode.n_steps = 4;
  params.episode.step_ns = 10 * kMs;
  params.action.offset_min_ticks = -10;
  params.action.offset_max_ticks = 10;
  params.action.lots_max = 9;
  params.action.lots_min = 0;
  params.action.sizes = true;
  params.observation.features.clear();
  for (const FeatureInfo& info : kFeatures) {
    if (info.repeat != Repeat::kRegime) params.observation.features.emplace_back(info.name);
  }
  params.observation.levels = 3;
  params.observation.horizons_steps = {1, 4};
  return params;
}

// The small book, then rows at times in ms.
inline Table table_of(const std::vector<Row>& rows, bool by_order = false) {
  Table table(small_book(by_order));
  for (Row row : rows) {
    row.ts_ns *= kMs;
    table.add(row);
  }
  return table;
}

struct Episode {
  explicit Episode(EnvParams given)
      : params(std::move(given)), writer(params), model(params, writer), market(model) {
    market.reset(kKey, 0);
  }
  void step(const Quotes& quotes) {
    outcome = market.step(quotes);
    ColumnRow row(columns.data());
    market.write_columns(row);
  }
  // A bid and an ask by their prices, for a mid of `mid_x2`; no lots is no quote.
  void step(Ticks bid, Lots bid_lots, Ticks ask, Lots ask_lots, Ticks mid_x2 = 202) {
    step({{mid_x2 / 2 - bid, ask - (mid_x2 + 1) / 2}, {bid_lots, ask_lots}});
  }
  double column(Column which) const { return columns[static_cast<std::size_t>(which)]; }
  double seen(Feature feature, std::size_t i = 0) const {
    return market.view().at(BookView::slot(feature, i));
  }
  Lots inventory() const { return market.account().inventory_lots(); }

  EnvParams params;
  FeatureWriter writer;
  ReplayModel model;
  ReplayMarket market;
  StepOutcome outcome;
  std::array<double, kColumnCount> columns{};
};

// A table that starts at its first row and whose episodes have room for `ms`.
inline EnvParams from_the_start(const Table& table, TimeNs ms) {
  EnvParams params = problem(table);
  params.replay().ranges = {{0, 1}};
  params.replay().ranges[0].end_ns = ms * kMs;
  params.episode.n_steps = ms / 10;
  return params;
}

inline Table simulated(TimeNs until_ns, bool by_order) {
  const EnvParams params = book_problems::problem(book_problems::full_model());
  EventLog log;
  Recorder recorder(params.book(), {7, 8}, 0, 0);
  recorder.run(until_ns, log);
  return Table(log.events(), by_order);
}

}  // namespace rlmm::replay_episodes
