#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "book_problems.h"
#include "check.h"
#include "features/features.h"
#include "problems.h"

namespace rlmm {
namespace {

// Two regimes visited 3 : 1 (0.5 = rate out of the first, 1.5 back).
EnvParams two_regimes() {
  EnvParams params = still_problem();
  params.analytic().regimes = {{8.0, 4.0, 0.05, 10.0, 1.0}, {24.0, 0.0, 0.05, 30.0, 1.0}};
  params.analytic().switch_rates_hz = {{0.0, 0.5}, {1.5, 0.0}};
  params.analytic().initial_regime_probabilities = {1.0, 0.0};
  params.action.offset_min_ticks = -60;
  params.action.offset_max_ticks = 40;
  params.action.lots_max = 5;
  return params;
}

ObservationColumn column_of(EnvParams params, const std::string& name) {
  params.observation.features = {name};
  return FeatureWriter(params).columns().at(0);
}

// 50 steps of 0.5 s, cap 20. Mean variance per second 3/4 x 100 + 1/4 x 900 = 300, over a step 150,
// over the horizon 7500. Orders in a step: sells (6 + 6) / 2 = 6; buys 3 / 2 = 1.5.
TEST("features: each one's scale") {
  const EnvParams params = two_regimes();
  const auto scale = [&params](const char* name) { return column_of(params, name).scale; };
  CHECK_NEAR(scale("time_left"), 25.0, 1e-12);
  CHECK_NEAR(scale("inventory"), 20.0, 0.0);
  CHECK_NEAR(scale("mid_return"), std::sqrt(150.0), 1e-9);
  CHECK_NEAR(scale("realised_volatility"), std::sqrt(150.0), 1e-9);
  CHECK_NEAR(scale("mid_displacement"), std::sqrt(7500.0), 1e-9);
  for (const char* name : {"bid_offset", "ask_offset"}) CHECK_NEAR(scale(name), 60.0, 0.0);
  for (const char* name : {"bid_lots", "ask_lots", "bid_fills", "ask_fills"}) {
    CHECK_NEAR(scale(name), 5.0, 0.0);
  }
  CHECK_NEAR(scale("market_sells"), 6.0, 1e-9);
  CHECK_NEAR(scale("market_buys"), 1.5, 1e-9);
  EnvParams capped = params;
  capped.analytic().fill_cap = 3.0;  // three times as many orders arrive, of which fewer fill
  CHECK_NEAR(column_of(capped, "market_sells").scale, 18.0, 1e-9);
  CHECK_NEAR(scale("regime"), 1.0, 0.0);
  CHECK_NEAR(scale("regime_probability"), 1.0, 0.0);
}

TEST("features: where nothing moves or arrives, the scale is 1") {
  for (const char* name :
       {"mid_return", "realised_volatility", "mid_displacement", "market_sells", "market_buys"}) {
    CHECK_EQ(column_of(still_problem(), name).scale, 1.0);
  }
}

TEST("features: bounds, and one column for each regime") {
  EnvParams params = two_regimes();
  params.observation.clip = 3.0;
  params.observation.features.clear();
  for (const FeatureInfo& info : kFeatures) {
    if (!info.needs_book) params.observation.features.emplace_back(info.name);
  }
  const FeatureWriter writer(params);
  CHECK_EQ(writer.width(), params.observation.features.size() + 2);
  for (const ObservationColumn& column : writer.columns()) {
    const bool per_regime = column.name.starts_with("regime");
    const bool negative = column.name == "inventory" || column.name == "mid_return" ||
                          column.name == "mid_displacement" || column.name == "bid_offset" ||
                          column.name == "ask_offset";
    CHECK_EQ(column.high, per_regime ? 1.0 : 3.0);
    CHECK_EQ(column.low, negative ? -3.0 : 0.0);
  }
  CHECK_EQ(writer.columns()[13].name, std::string("regime_0"));
  CHECK_EQ(writer.columns()[16].name, std::string("regime_probability_1"));
  CHECK_EQ(writer.columns()[0].unit, std::string("s"));
}

// Inventory 30 of 20 is 1.5; a return of 120 at scale 10 is 12, clipped to 10; -2.5 s left is
// clipped to 0.
TEST("features: a row is scaled, clipped and the clips are counted") {
  EnvParams params = plain_problem();
  // 10 over half a second
  params.analytic().regimes[0].volatility_ticks = 10.0 * std::numbers::sqrt2;
  params.observation.features = {"mid_return", "inventory", "time_left"};
  const FeatureWriter writer(params);
  MarketView view;
  view.set(Feature::kInventory, 30);
  view.set(Feature::kMidReturn, -37.0);
  view.set(Feature::kTimeLeft, 12.5);
  std::vector<float> row(4, 99.0F);
  CHECK_EQ(writer.write(view.data(), row.data()), 0);
  CHECK_NEAR(row[0], -3.7, 1e-6);
  CHECK_NEAR(row[1], 1.5, 1e-6);
  CHECK_NEAR(row[2], 0.5, 1e-6);
  CHECK_EQ(row[3], 99.0F);
  view.set(Feature::kMidReturn, 120.0);
  view.set(Feature::kTimeLeft, -2.5);
  CHECK_EQ(writer.write(view.data(), row.data()), 2);
  CHECK_EQ(row[0], 10.0F);
  CHECK_EQ(row[2], 0.0F);
}

TEST("features: per-regime columns read slots of their own") {
  EnvParams params = two_regimes();
  params.observation.features = {"regime_probability", "regime"};
  const FeatureWriter writer(params);
  MarketView view;
  view.set(Feature::kRegime, 1, 1.0);
  view.set(Feature::kRegimeProbability, 0, 0.25);
  view.set(Feature::kRegimeProbability, 1, 0.75);
  std::vector<float> row(4);
  CHECK_EQ(writer.write(view.data(), row.data()), 0);
  CHECK_EQ(row, (std::vector<float>{0.25F, 0.75F, 0.0F, 1.0F}));
  std::vector<int> uses(BookView::kSlots, 0);
  for (const FeatureInfo& info : kFeatures) {
    for (std::size_t k = 0; k < most_columns(info.repeat); ++k) {
      ++uses.at(BookView::slot(info.id, k));
    }
  }
  CHECK_EQ(uses, std::vector<int>(BookView::kSlots, 1));
}

TEST("features: the table is in the order of the enum") {
  for (std::size_t i = 0; i < kFeatures.size(); ++i)
    CHECK_EQ(kFeatures[i].id, static_cast<Feature>(i));
}

TEST("features: an unknown name is refused, and the known ones listed") {
  EnvParams params = still_problem();
  params.observation.features = {"inventory", "mid"};
  CHECK_THROWS(FeatureWriter(params), std::invalid_argument,
               "expected names from (time_left, inventory, mid_return, mid_displacement, "
               "realised_volatility, bid_offset, ask_offset, bid_lots, ask_lots, market_sells, "
               "market_buys, bid_fills, ask_fills, regime, regime_probability), got mid");
}

TEST("features: a hidden regime cannot be observed, its probability can") {
  EnvParams params = two_regimes();
  params.analytic().regime_observed = false;
  params.observation.features = {"regime_probability"};
  CHECK(FeatureWriter(params).needs_regime_probabilities());
  params.observation.features = {"inventory", "regime"};
  CHECK_THROWS(FeatureWriter(params), std::invalid_argument, "use 'regime_probability'");
  params.analytic().regime_observed = true;
  CHECK(!FeatureWriter(params).needs_regime_probabilities());
}

TEST("features: of a book too a hidden regime is known by its probability alone") {
  EnvParams params = book_problems::problem(book_problems::full_model());
  params.observation.features = {"inventory", "regime"};
  CHECK_EQ(FeatureWriter(params).width(), std::size_t{3});
  params.book().regime_observed = false;
  CHECK_THROWS(FeatureWriter(params), std::invalid_argument,
               "expected no 'regime' while market.regime_observed is false, got it");
  params.observation.features = {"regime_probability"};
  CHECK(FeatureWriter(params).needs_regime_probabilities());
}

TEST("features: only what is more than time, inventory and regime needs the motion") {
  EnvParams params = two_regimes();
  params.observation.features = {"time_left", "inventory", "regime", "regime_probability"};
  CHECK(!FeatureWriter(params).needs_motion());
  for (const FeatureInfo& info : kFeatures) {
    const bool basic = info.repeat == Repeat::kRegime || info.id == Feature::kTimeLeft ||
                       info.id == Feature::kInventory;
    if (basic || info.needs_book) continue;
    params.observation.features = {"time_left", info.name, "inventory"};
    CHECK(FeatureWriter(params).needs_motion());
  }
}

}  // namespace
}  // namespace rlmm
