#include "market_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "checks.h"
#include "regimes.h"

namespace rlmm {
namespace {

constexpr double kFactorMax = 1e6;
constexpr std::size_t kBinsMax = 64;
constexpr Ticks kBinTicksMax = 4096;  // the book's ring
constexpr std::size_t kSizesMax = 4096;
constexpr std::size_t kDepthTicksMax = 1024;
constexpr std::size_t kFarOrdersMax = 64;
constexpr std::int64_t kExcitingLevelsMax = 1000;
constexpr double kDecayHzLeast = 1e-6;
constexpr double kDecayHzMost = 1e6;
constexpr double kSeasonBinSLeast = 1e-3;
constexpr double kDayS = 86400.0;

void require_count(const std::string& field, std::size_t count, std::size_t low, std::size_t high) {
  if (count < low || count > high) {
    refuse(field, text_of(low) + " to " + text_of(high) + " values", count);
  }
}

// Either nothing, or factors of a given number.
void require_factors(const std::string& field, const std::vector<double>& factors,
                     std::size_t count) {
  if (!factors.empty() && factors.size() != count) {
    refuse(field, "none or " + text_of(count) + " values", factors.size());
  }
  require_each_between(field, factors, 0.0, kFactorMax);
}

void require_law(const std::string& field, const std::vector<double>& probabilities) {
  require_each_between(field, probabilities, 0.0, 1.0);
  require_sum_of_one(field, sum_in_order(probabilities));
}

void require_tick_bins(const std::string& field, const std::vector<Ticks>& lower_edges) {
  require_count(field, lower_edges.size(), 1, kBinsMax);
  if (lower_edges.front() != 1) refuse(field, "1 as the first lower edge", lower_edges.front());
  for (std::size_t i = 1; i < lower_edges.size(); ++i) {
    if (lower_edges[i] <= lower_edges[i - 1]) refuse(field, "rising edges", lower_edges[i]);
  }
  if (lower_edges.back() > kBinTicksMax) {
    refuse(field, "edges of at most 4096 ticks", lower_edges.back());
  }
}

void validate_bins(const std::string& at, const MarketModel& model) {
  require_tick_bins(at + "spread_bin_ticks", model.spread_bin_ticks);
  const std::vector<double>& edges = model.imbalance_bin_edges;
  require_count(at + "imbalance_bin_edges", edges.size(), 0, kBinsMax);
  double before = -1.0;
  for (const double edge : edges) {
    if (!(before < edge && edge < 1.0)) {
      refuse(at + "imbalance_bin_edges", "rising values between -1 and 1", edge);
    }
    before = edge;
  }
  if (model.hit_gap_bin_ticks.empty() != model.hit_gap_factor.empty()) {
    refuse(at + "hit_gap_factor", "one value per bin of hit_gap_bin_ticks",
           model.hit_gap_factor.size());
  }
  if (model.hit_gap_bin_ticks.empty()) return;
  require_tick_bins(at + "hit_gap_bin_ticks", model.hit_gap_bin_ticks);
  require_factors(at + "hit_gap_factor", model.hit_gap_factor, model.hit_gap_bin_ticks.size());
}

void validate_groups(const std::string& at, const MarketModel& model) {
  if (model.groups.size() != kGroups) {
    refuse(at + "groups", "6 groups (market, limit, cancel x bid, ask)", model.groups.size());
  }
  std::size_t season_bins = 0;
  for (std::size_t g = 0; g < kGroups; ++g) {
    const GroupParams& group = model.groups[g];
    const std::string place = place_of(at + "groups", g);
    require_between(place + ".baseline_hz", group.baseline_hz, 0.0, kRateMax);
    require_factors(place + ".state_factor", group.state_factor, model.n_states());
    require_factors(place + ".regime_factor", group.regime_factor, model.n_regimes());
    const std::size_t bins = group.season_factor.size();
    require_factors(place + ".season_factor", group.season_factor,
                    season_bins == 0 ? bins : season_bins);
    if (bins > 0) season_bins = bins;
  }
  const double bin_s = model.season_bin_s;
  if (season_bins == 0 && bin_s != 0.0) {
    refuse(at + "season_bin_s", "0 without any season_factor", bin_s);
  }
  if (season_bins > 0 && !(kSeasonBinSLeast <= bin_s && bin_s <= kDayS)) {
    refuse(at + "season_bin_s", "a value from 0.001 to 86400 with a season_factor", bin_s);
  }
}

void validate_kernels(const std::string& at, const MarketModel& model) {
  const std::vector<double>& decays = model.decays_hz;
  require_count(at + "decays_hz", decays.size(), 0, MarketModel::kDecaysMax);
  for (std::size_t i = 0; i < decays.size(); ++i) {
    require_between(at + "decays_hz", decays[i], kDecayHzLeast, kDecayHzMost);
    if (std::find(decays.begin(), decays.begin() + static_cast<std::ptrdiff_t>(i), decays[i]) !=
        decays.begin() + static_cast<std::ptrdiff_t>(i)) {
      refuse(at + "decays_hz", "distinct values", decays[i]);
    }
  }
  const std::size_t entries = decays.size() * kGroups * kGroups;
  if (model.excitation.size() != entries) {
    refuse(at + "excitation", "decays x 6 x 6 = " + text_of(entries) + " values",
           model.excitation.size());
  }
  require_each_between(at + "excitation", model.excitation, 0.0, kFactorMax);
  const double radius = model.branching_radius();
  if (!(radius <= MarketModel::kBranchingRadiusMax)) {
    refuse(at + "excitation",
           "a branching radius of at most " + text_of(MarketModel::kBranchingRadiusMax) +
               " (the largest eigenvalue of the kernels' sum; else the flow explodes)",
           radius);
  }
}

void validate_sizes(const std::string& at, const SizeLaw& law) {
  require_count(at + ".lots", law.lots.size(), 1, kSizesMax);
  for (const Lots lots : law.lots) require_between(at + ".lots", lots, Lots{1}, kSizeMax);
  if (law.probability.size() != law.lots.size()) {
    refuse(at + ".probability", "one value per value of lots", law.probability.size());
  }
  require_law(at + ".probability", law.probability);
}

void validate_marks(const std::string& at, const MarketModel& model) {
  if (model.limit_marks.size() != model.n_spread_bins()) {
    refuse(at + "limit_marks", "one per spread bin", model.limit_marks.size());
  }
  const std::size_t depth = model.limit_marks.front().resting.size();
  for (std::size_t i = 0; i < model.limit_marks.size(); ++i) {
    const LimitMarks& marks = model.limit_marks[i];
    const std::string place = place_of(at + "limit_marks", i);
    require_count(place + ".resting", marks.resting.size(), 1, kDepthTicksMax);
    if (marks.resting.size() != depth) {
      refuse(place + ".resting", "as many values as in the first spread bin", marks.resting.size());
    }
    require_count(place + ".improving", marks.improving.size(), 0, kDepthTicksMax);
    require_each_between(place + ".improving", marks.improving, 0.0, 1.0);
    require_each_between(place + ".resting", marks.resting, 0.0, 1.0);
    const double improving = sum_in_order(marks.improving);
    const double resting = sum_in_order(marks.resting);
    // An order that finds no room to improve the price has to lie somewhere.
    if (!(resting > 0.0)) refuse(place + ".resting", "a sum above 0", resting);
    require_sum_of_one(place, improving + resting);
    const bool only_one_tick =
        i == 0 && model.n_spread_bins() > 1 && model.spread_bin_ticks[1] == 2;
    if (only_one_tick && improving > 0.0) {
      refuse(place + ".improving", "a sum of 0 in the bin of spread 1, where there is no room",
             improving);
    }
  }
}

void validate_place(const std::string& at, const LimitPlaceParams& place) {
  validate_sizes(at + ".sizes", place.sizes);
  require_between(at + ".flickering_share", place.flickering_share, 0.0, 1.0);
}

void validate_market_orders(const std::string& at, const MarketOrderParams& orders) {
  require_between(at + ".whole_queue", orders.whole_queue, 0.0, 1.0);
  require_between(at + ".beyond_queue", orders.beyond_queue, 0.0, 1.0);
  require_between(at + ".within_queue", orders.within_queue, 0.0, 1.0);
  require_between(at + ": whole_queue + beyond_queue + within_queue",
                  orders.whole_queue + orders.beyond_queue + orders.within_queue, 0.0, 1.0 + 1e-9);
  validate_sizes(at + ".sizes", orders.sizes);
}

void validate_cancels(const std::string& at, const CancelParams& cancels) {
  require_between(at + ".patient_hazard", cancels.patient_hazard, 0.0, kFactorMax);
  require_between(at + ".flickering_hazard", cancels.flickering_hazard, 0.0, kFactorMax);
  if (cancels.patient_hazard == 0.0 && cancels.flickering_hazard == 0.0) {
    refuse(at + ".patient_hazard", "one of the two hazards above 0", 0.0);
  }
  require_between(at + ".partial_share", cancels.partial_share, 0.0, 1.0);
  require_count(at + ".distance_factor", cancels.distance_factor.size(), 0, kDepthTicksMax);
  require_each_between(at + ".distance_factor", cancels.distance_factor, 0.0, 1.0);
  require_between(at + ".company_factor", cancels.company_factor, 0.0, 1.0);
}

void validate_informed(const std::string& at, const InformedFlowParams& informed) {
  constexpr TimeNs kIntervalLeast = 1'000'000;
  constexpr TimeNs kIntervalMost = 1'000'000'000'000;
  // Below, exp(2 x gap_clip x |tilt|) would leave the floats.
  constexpr double kTiltLeast = -4.0;
  constexpr double kTiltMost = 10.0;
  require_between(at + ".volatility_ticks", informed.volatility_ticks, 0.0, kFactorMax);
  require_between(at + ".gap_scale_ticks", informed.gap_scale_ticks, 1e-6, kFactorMax);
  require_between(at + ".gap_clip", informed.gap_clip, 1e-6, 10.0);
  require_between(at + ".interval_ns", informed.interval_ns, kIntervalLeast, kIntervalMost);
  require_between(at + ".market_tilt", informed.market_tilt, kTiltLeast, kTiltMost);
  require_between(at + ".limit_tilt", informed.limit_tilt, kTiltLeast, kTiltMost);
  require_between(at + ".sign_shrink", informed.sign_shrink, 0.0, 1.0);
  require_between(at + ".slow_below_hz", informed.slow_below_hz, 0.0, kRateMax);
}

double largest(const std::vector<double>& factors) {
  return factors.empty() ? 1.0 : *std::ranges::max_element(factors);
}

}  // namespace

void require_typical(const std::string& at, const TypicalParams& typical) {
  require_between(at + ".spread_ticks", typical.spread_ticks, Ticks{1}, kBinTicksMax);
  require_between(at + ".touch_lots", typical.touch_lots, 1.0, kMagnitudeMax);
  require_positive(at + ".volatility_ticks", typical.volatility_ticks);
  require_positive(at + ".market_orders_hz", typical.market_orders_hz);
}

// ||A^m||^(1/m) for m = 2^52, by squaring: exact to many digits for every matrix without negative
// entries, also where power iteration would cycle.
double MarketModel::branching_radius() const {
  using Matrix = std::array<std::array<double, kGroups>, kGroups>;
  constexpr int kSquarings = 52;
  Matrix power{};
  for (std::size_t i = 0; i < excitation.size(); ++i) {
    power[i / kGroups % kGroups][i % kGroups] += excitation[i];
  }
  double log_norm = 0.0;
  for (int n = 0; n <= kSquarings; ++n) {
    double norm = 0.0;
    for (const auto& row : power) {
      for (const double entry : row) norm = std::max(norm, entry);
    }
    if (!(norm > 0.0)) return norm;
    log_norm += std::log(norm) / std::ldexp(1.0, n);
    for (auto& row : power) {
      for (double& entry : row) entry /= norm;
    }
    Matrix square{};
    for (std::size_t i = 0; i < kGroups; ++i) {
      for (std::size_t j = 0; j < kGroups; ++j) {
        for (std::size_t k = 0; k < kGroups; ++k) square[i][j] += power[i][k] * power[k][j];
      }
    }
    power = square;
  }
  return std::exp(log_norm);
}

double MarketModel::events_hz_bound() const {
  double sum = 0.0;
  for (const GroupParams& group : groups) {
    sum += group.baseline_hz * largest(group.state_factor) * largest(group.regime_factor) *
           largest(group.season_factor);
  }
  return sum / (1.0 - branching_radius());
}

void MarketModel::validate() const {
  const std::string at = "market.model.";
  require_count(at + "switch_rates_hz", n_regimes(), 1, kRegimesMax);
  require_regime_chain("market.model", n_regimes(), switch_rates_hz, initial_regime_probabilities);
  require_factors(at + "regime_volatility_factor", regime_volatility_factor, n_regimes());
  validate_bins(at, *this);
  validate_groups(at, *this);
  validate_kernels(at, *this);
  validate_marks(at, *this);
  require_between(at + "refill.share", refill.share, 0.0, 1.0);
  require_between(at + "refill.back_share", refill.back_share, 0.0, 1.0);
  validate_place(at + "improving", improving);
  validate_place(at + "joining", joining);
  validate_place(at + "deeper", deeper);
  validate_market_orders(at + "market_orders", market_orders);
  validate_cancels(at + "cancels", cancels);
  require_between(at + "exciting_levels", exciting_levels, std::int64_t{0}, kExcitingLevelsMax);
  require_count(at + "far_level_orders", far_level_orders.size(), 1, kFarOrdersMax + 1);
  require_law(at + "far_level_orders", far_level_orders);
  validate_informed(at + "informed", informed);
  require_typical(at + "typical", typical);
}

}  // namespace rlmm
