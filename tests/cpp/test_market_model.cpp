#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "check.h"
#include "flow/draws.h"
#include "market_model.h"
#include "params.h"
#include "problems.h"
#include "refusals.h"

namespace rlmm {
namespace {

static_assert(MarketModel::kDecaysMax == kDecaysMax);

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Every list has something in it: two spread bins, three imbalance bins, two regimes, one decay.
MarketModel full_model() {
  MarketModel model;
  model.spread_bin_ticks = {1, 2};
  model.imbalance_bin_edges = {-0.3, 0.3};
  model.groups.assign(kGroups, {0.5, std::vector<double>(6, 1.0), {1.0, 2.0}, {0.5, 1.5, 1.0}});
  model.decays_hz = {10.0};
  model.excitation.assign(kGroups * kGroups, 0.1);  // radius 0.6
  model.limit_marks = {{{}, {0.5, 0.3, 0.2}}, {{0.25, 0.25}, {0.25, 0.125, 0.125}}};
  model.improving = {{{1, 5}, {0.75, 0.25}}, 0.5};
  model.joining = {{{1}, {1.0}}, 0.0};
  model.deeper = {{{2}, {1.0}}, 1.0};
  model.market_orders = {0.25, 0.25, 0.25, {{1, 3}, {0.5, 0.5}}};
  model.hit_gap_bin_ticks = {1, 4};
  model.hit_gap_factor = {1.0, 2.0};
  model.cancels = {true, 0.5, 4.0, 0.1, {1.0, 0.5}};
  model.far_level_orders = {0.5, 0.5};
  model.switch_rates_hz = {{0.0, 0.1}, {0.2, 0.0}};
  model.initial_regime_probabilities = {0.5, 0.5};
  model.regime_volatility_factor = {1.0, 2.0};
  model.season_bin_s = 1800.0;
  model.informed.volatility_ticks = 1.0;
  return model;
}

EnvParams book_problem() {
  EnvParams params = still_problem();
  BookMarketParams market;
  market.model = full_model();
  market.mid_initial_ticks = 1000;
  ShockParams tripled{ShockKind::kIntensity, 10, 5, 1.0, std::vector<double>(kGroups, 3.0)};
  ShockParams down{ShockKind::kPriceJump, 20, 0, -12.0, {}};
  market.shocks = {tripled, down};
  params.market = market;
  return params;
}

using P = EnvParams;

void check_refusals(const std::vector<Refusal>& refusals) {
  check_refusals(book_problem(), refusals);
}
MarketModel& model_of(P& p) { return p.book().model; }
ShockParams& shock_of(P& p) { return p.book().shocks[0]; }

TEST("market model: bins and groups") {
  check_refusals({
      {"market.model.spread_bin_ticks", "1 to 64 values",
       [](P& p) { model_of(p).spread_bin_ticks.clear(); }},
      {"market.model.spread_bin_ticks", "1 as the first",
       [](P& p) { model_of(p).spread_bin_ticks[0] = 0; }},
      {"market.model.spread_bin_ticks", "rising",
       [](P& p) { model_of(p).spread_bin_ticks[1] = 1; }},
      {"market.model.spread_bin_ticks", "at most 4096",
       [](P& p) { model_of(p).spread_bin_ticks[1] = 4097; }},
      {"market.model.imbalance_bin_edges", "rising",
       [](P& p) { model_of(p).imbalance_bin_edges[1] = -0.3; }},
      {"market.model.imbalance_bin_edges", "between -1 and 1, got 1",
       [](P& p) { model_of(p).imbalance_bin_edges[1] = 1.0; }},
      {"market.model.imbalance_bin_edges", "got nan",
       [](P& p) { model_of(p).imbalance_bin_edges[1] = kNan; }},
      {"market.model.groups", "6 groups", [](P& p) { model_of(p).groups.pop_back(); }},
      {"market.model.groups[2].baseline_hz", "from 0",
       [](P& p) { model_of(p).groups[2].baseline_hz = -1.0; }},
      {"market.model.groups[1].state_factor", "none or 6 values, got 5",
       [](P& p) { model_of(p).groups[1].state_factor.pop_back(); }},
      {"market.model.groups[1].state_factor", "got nan",
       [](P& p) { model_of(p).groups[1].state_factor[3] = kNan; }},
      {"market.model.groups[5].regime_factor", "none or 2 values",
       [](P& p) { model_of(p).groups[5].regime_factor.pop_back(); }},
      {"market.model.groups[3].season_factor", "none or 3 values, got 2",
       [](P& p) { model_of(p).groups[3].season_factor.pop_back(); }},
      {"market.model.season_bin_s", "with a season_factor",
       [](P& p) { model_of(p).season_bin_s = 0.0; }},
      {"market.model.season_bin_s", "0.001 to 86400",
       [](P& p) { model_of(p).season_bin_s = 86'401.0; }},
      {"market.model.season_bin_s", "0 without",
       [](P& p) {
         for (GroupParams& group : model_of(p).groups) group.season_factor.clear();
       }},
      {"market.model.regime_volatility_factor", "none or 2",
       [](P& p) { model_of(p).regime_volatility_factor.pop_back(); }},
      {"market.model.switch_rates_hz", "zero diagonal",
       [](P& p) { model_of(p).switch_rates_hz[1][1] = 1.0; }},
      {"market.model.switch_rates_hz", "1 to 8", [](P& p) { model_of(p).switch_rates_hz.clear(); }},
      {"market.model.initial_regime_probabilities: their sum", "got 0.9",
       [](P& p) { model_of(p).initial_regime_probabilities[0] = 0.4; }},
  });
}

TEST("market model: kernels") {
  check_refusals({
      {"market.model.decays_hz", "0 to 7 values, got 8",
       [](P& p) { model_of(p).decays_hz.assign(8, 1.0); }},
      {"market.model.decays_hz", "got 0", [](P& p) { model_of(p).decays_hz[0] = 0.0; }},
      {"market.model.decays_hz", "1e-06 to 1e+06", [](P& p) { model_of(p).decays_hz[0] = 1.1e6; }},
      {"market.model.decays_hz", "distinct", [](P& p) { model_of(p).decays_hz = {10.0, 10.0}; }},
      {"market.model.excitation", "decays x 6 x 6 = 36 values, got 35",
       [](P& p) { model_of(p).excitation.pop_back(); }},
      {"market.model.excitation", "from 0", [](P& p) { model_of(p).excitation[7] = -0.1; }},
      {"market.model.excitation", "branching radius of at most 0.97 (",
       [](P& p) { model_of(p).excitation.assign(36, 0.17); }},
  });
}

TEST("market model: marks, sizes, cancels") {
  check_refusals({
      {"market.model.limit_marks", "one per spread bin",
       [](P& p) { model_of(p).limit_marks.pop_back(); }},
      {"market.model.limit_marks[0].resting", "1 to 1024",
       [](P& p) { model_of(p).limit_marks[0].resting.clear(); }},
      {"market.model.limit_marks[1].resting", "as many values",
       [](P& p) { model_of(p).limit_marks[1].resting.pop_back(); }},
      {"market.model.limit_marks[1].improving", "0 to 1",
       [](P& p) { model_of(p).limit_marks[1].improving = {-0.5, 1.0}; }},
      {"market.model.limit_marks[1]: their sum", "got 0.75",
       [](P& p) { model_of(p).limit_marks[1].improving.pop_back(); }},
      {"market.model.limit_marks[1].resting", "a sum above 0",
       [](P& p) { model_of(p).limit_marks[1] = {{1.0}, {0.0, 0.0, 0.0}}; }},
      {"market.model.limit_marks[0].improving", "no room",
       [](P& p) { model_of(p).limit_marks[0] = {{0.5}, {0.5, 0.0, 0.0}}; }},
      {"market.model.improving.sizes.lots", "1 to 4096 values, got 0",
       [](P& p) { model_of(p).improving.sizes = {}; }},
      {"market.model.joining.sizes.lots", "1 to 1000000",
       [](P& p) { model_of(p).joining.sizes.lots[0] = 0; }},
      {"market.model.deeper.sizes.probability", "one value per value of lots",
       [](P& p) { model_of(p).deeper.sizes.probability.clear(); }},
      {"market.model.deeper.sizes.probability: their sum", "got 0.9",
       [](P& p) { model_of(p).deeper.sizes.probability[0] = 0.9; }},
      {"market.model.improving.flickering_share", "0 to 1",
       [](P& p) { model_of(p).improving.flickering_share = 1.5; }},
      {"market.model.market_orders: whole_queue + beyond_queue + within_queue", "got 1.25",
       [](P& p) { model_of(p).market_orders.whole_queue = 0.75; }},
      {"market.model.cancels.patient_hazard", "one of the two hazards above 0",
       [](P& p) {
         model_of(p).cancels.patient_hazard = 0.0;
         model_of(p).cancels.flickering_hazard = 0.0;
       }},
      {"market.model.cancels.distance_factor", "0 to 1",
       [](P& p) { model_of(p).cancels.distance_factor[1] = 1.1; }},
      {"market.model.cancels.company_factor", "0 to 1",
       [](P& p) { model_of(p).cancels.company_factor = 1.5; }},
      {"market.model.refill.share", "0 to 1", [](P& p) { model_of(p).refill.share = -0.5; }},
      {"market.model.refill.back_share", "0 to 1",
       [](P& p) { model_of(p).refill.back_share = 1.5; }},
      {"market.model.hit_gap_factor", "one value per bin",
       [](P& p) { model_of(p).hit_gap_factor.clear(); }},
      {"market.model.hit_gap_factor", "none or 2",
       [](P& p) { model_of(p).hit_gap_factor.pop_back(); }},
      {"market.model.exciting_levels", "0 to 1000", [](P& p) { model_of(p).exciting_levels = -1; }},
      {"market.model.far_level_orders", "1 to 65 values, got 66",
       [](P& p) { model_of(p).far_level_orders.assign(66, 1.0 / 66.0); }},
      {"market.model.far_level_orders: their sum", "got 0.5",
       [](P& p) { model_of(p).far_level_orders.pop_back(); }},
  });
}

TEST("market model: informed flow and typical values") {
  check_refusals({
      {"market.model.informed.volatility_ticks", "from 0",
       [](P& p) { model_of(p).informed.volatility_ticks = -1.0; }},
      {"market.model.informed.gap_scale_ticks", "got 0",
       [](P& p) { model_of(p).informed.gap_scale_ticks = 0.0; }},
      {"market.model.informed.gap_clip", "to 10",
       [](P& p) { model_of(p).informed.gap_clip = 10.5; }},
      {"market.model.informed.interval_ns", "1000000 to 1000000000000",
       [](P& p) { model_of(p).informed.interval_ns = 999'999; }},
      {"market.model.informed.market_tilt", "-4 to 10",
       [](P& p) { model_of(p).informed.market_tilt = 10.5; }},
      {"market.model.informed.sign_shrink", "0 to 1",
       [](P& p) { model_of(p).informed.sign_shrink = 1.5; }},
      {"market.model.typical.spread_ticks", "from 1",
       [](P& p) { model_of(p).typical.spread_ticks = 0; }},
      {"market.model.typical.touch_lots", "from 1",
       [](P& p) { model_of(p).typical.touch_lots = 0.99; }},
  });
}

TEST("market model: what may be left out is not asked for") {
  EnvParams params = book_problem();
  MarketModel& model = model_of(params);
  CHECK_NEAR(model.events_hz_bound(), 6 * 0.5 * 1.0 * 2.0 * 1.5 / (1.0 - 0.6), 1e-9);
  for (GroupParams& group : model.groups) group = {0.5, {}, {}, {}};
  model.season_bin_s = 0.0;
  model.hit_gap_bin_ticks.clear();
  model.hit_gap_factor.clear();
  model.cancels.patient_hazard = 0.0;  // one of the two hazards is enough
  params.validate();
  CHECK_NEAR(model.events_hz_bound(), 6 * 0.5 / (1.0 - 0.6), 1e-9);
  model.cancels = {true, 1.0, 0.0, 0.0, {}};
  params.validate();
}

// Only a first bin that ends below a spread of two has no room for an improving order.
TEST("market model: a first spread bin with room takes improving orders") {
  EnvParams params = book_problem();
  model_of(params).spread_bin_ticks = {1, 3};
  model_of(params).limit_marks[0] = {{0.5}, {0.5, 0.0, 0.0}};
  params.validate();
  model_of(params).spread_bin_ticks = {1};
  model_of(params).limit_marks.resize(1);
  for (GroupParams& group : model_of(params).groups) group.state_factor.resize(3);
  params.validate();
}

TEST("book market: start, reaction, events in a step") {
  check_refusals({
      {"market.mid_initial_ticks",
       "from 14 to",  // 4 x 3 + 1: the deepest prices that are swept to
       [](P& p) { p.book().mid_initial_ticks = 13; }},
      {"market.warmup_ns", "from 0", [](P& p) { p.book().warmup_ns = -1; }},
      {"market.session_start_ns", "86400000000000",
       [](P& p) { p.book().session_start_ns = 86'400'000'000'001; }},
      {"market.reaction_full_lots", "above 0", [](P& p) { p.book().reaction_full_lots = 0.0; }},
      {"market.reaction_budget_hz", "from 0", [](P& p) { p.book().reaction_budget_hz = kNan; }},
      // 6 groups x 1e6 / 6 x 1 x 2 x 1.5 / (1 - 0.6) x 0.5 s
      {"market.model.groups: events in a step (baselines x largest factors / (1 - radius) x "
       "step)",
       "0 to 1e+06, got 3",
       [](P& p) {
         for (GroupParams& group : model_of(p).groups) group.baseline_hz = 1e6 / 6.0;
       }},
      {"market.model.switch_rates_hz: switches in a step", "got 1500000",
       [](P& p) { model_of(p).switch_rates_hz[0][1] = 3e6; }},
      {"action.offset_max_ticks", "below market.mid_initial_ticks=50",
       [](P& p) { p.book().mid_initial_ticks = 50; }},
  });
}

TEST("book market: shocks by their kind") {
  check_refusals({
      {"market.shocks[0].start_ns", "from 0", [](P& p) { shock_of(p).start_ns = -1; }},
      {"market.shocks[0].duration_ns", "from 1", [](P& p) { shock_of(p).duration_ns = 0; }},
      {"market.shocks[1].duration_ns", "0 to 0", [](P& p) { p.book().shocks[1].duration_ns = 1; }},
      {"market.shocks[0].value", "0 to 1000", [](P& p) { shock_of(p).value = 1001.0; }},
      {"market.shocks[0].by_group", "6 values", [](P& p) { shock_of(p).by_group.pop_back(); }},
      {"market.shocks[0].by_group", "0 to 1000", [](P& p) { shock_of(p).by_group[2] = -1.0; }},
      {"market.shocks[0].by_group", "with kind intensity",
       [](P& p) { shock_of(p).kind = ShockKind::kFees; }},
      {"market.shocks[1].value", "whole", [](P& p) { p.book().shocks[1].value = 0.5; }},
      {"market.shocks[0].value", "whole",
       [](P& p) { shock_of(p) = {ShockKind::kRegime, 0, 1, 0.5, {}}; }},
      {"market.shocks", "apart in time, got 0 and 2 together",
       [](P& p) { p.book().shocks.push_back({ShockKind::kIntensity, 10, 1, 2.0, {}}); }},
      {"market.shocks", "at most 1024, got 1025", [](P& p) { p.book().shocks.resize(1025); }},
      {"market.shocks[0].value", "0 to 1",
       [](P& p) { shock_of(p) = {ShockKind::kRegime, 0, 1, 2.0, {}}; }},
      {"market.shocks[0].value", "1 where it is not used",
       [](P& p) { shock_of(p) = {ShockKind::kHalt, 0, 1, 2.0, {}}; }},
      {"market.shocks[0].kind", "no drift without informed flow",
       [](P& p) {
         shock_of(p) = {ShockKind::kDrift, 0, 1, 2.0, {}};
         model_of(p).informed.volatility_ticks = 0.0;
       }},
      {"market.shocks[0].kind", "no latency shock without a delay",
       [](P& p) { shock_of(p) = {ShockKind::kLatency, 0, 1, 10.0, {}}; }},
      {"market.shocks[0].kind", "no fees shock without a fee above 0",
       [](P& p) {
         shock_of(p) = {ShockKind::kFees, 0, 1, 10.0, {}};
         p.fees.maker_bps = -0.2;
       }},
      {"market.shocks", "apart in time, got 0 and 2 together",
       [](P& p) { p.book().shocks.push_back({ShockKind::kIntensity, 14, 5, 2.0, {}}); }},
  });
  EnvParams params = book_problem();
  params.book().shocks.push_back({ShockKind::kIntensity, 15, 5, 2.0, {}});  // right behind
  params.book().shocks.push_back({ShockKind::kIntensity, 5, 5, 2.0, {}});   // right before
  for (const ShockKind kind : {ShockKind::kRegime, ShockKind::kHalt, ShockKind::kFeedOutage}) {
    params.book().shocks.push_back({kind, 0, 5, 1.0, {}});
  }
  params.book().shocks.push_back({ShockKind::kDrift, 0, 5, -2.5, {}});
  params.book().shocks.push_back({ShockKind::kFees, 0, 5, 10.0, {}});
  params.fees = {-0.2, 0.0, 0.0, 0.1};
  params.book().shocks.push_back({ShockKind::kLatency, 0, 5, 10.0, {}});
  params.latency.response = {DelayLaw::kEmpirical, 0, 0.0, {0, 5}};
  params.validate();
}

double radius_of(const std::vector<double>& excitation) {
  MarketModel model;
  model.decays_hz.assign(excitation.size() / (kGroups * kGroups), 1.0);
  model.excitation = excitation;
  return model.branching_radius();
}

TEST("branching radius: hand-worked matrices") {
  std::vector<double> kernels(2 * kGroups * kGroups, 0.0);
  CHECK_EQ(radius_of(kernels), 0.0);
  CHECK_EQ(radius_of({}), 0.0);
  kernels[1] = 5.0;  // 1 begets 0, who begets nobody
  CHECK_EQ(radius_of(kernels), 0.0);
  kernels[36 + kGroups] = 0.05;  // through the other decay 0 begets 1: a cycle of length two
  CHECK_NEAR(radius_of(kernels), 0.5, 1e-12);
  CHECK_NEAR(radius_of(std::vector<double>(36, 0.1)), 0.6, 1e-12);
  // A Jordan block, on which power iteration crawls.
  std::vector<double> block(36, 0.0);
  for (std::size_t i = 0; i < kGroups; ++i) block[i * kGroups + i] = 0.9;
  for (std::size_t i = 0; i + 1 < kGroups; ++i) block[i * kGroups + i + 1] = 1.0;
  CHECK_NEAR(radius_of(block), 0.9, 1e-9);
}

TEST("fingerprint: tells the kinds of market and their values apart") {
  const EnvParams params = book_problem();
  CHECK_EQ(params.fingerprint(), book_problem().fingerprint());
  EnvParams changed = params;
  changed.book().model.limit_marks[1].resting[2] = 0.25;
  CHECK(changed.fingerprint() != params.fingerprint());
  CHECK(still_problem().fingerprint() != params.fingerprint());
}

TEST("accessors: what every market has") {
  const EnvParams params = book_problem();
  CHECK(params.is_book());
  CHECK(!still_problem().is_book());
  CHECK_EQ(params.book().mid_initial_ticks, 1000);
  CHECK_EQ(params.n_regimes(), std::size_t{2});
  CHECK(params.regime_observed());
  CHECK_EQ(regime_problem().n_regimes(), std::size_t{3});
}

}  // namespace
}  // namespace rlmm
