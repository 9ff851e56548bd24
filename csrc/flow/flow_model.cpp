#include "flow/flow_model.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace rlmm {
namespace {

FlowModel::LimitPlace make_place(const LimitPlaceParams& params) {
  return {SizeTable(params.sizes), static_cast<float>(params.flickering_share)};
}

// Each class lives for one over its hazard, on average; of a class that is never cancelled there is
// all in the end.
double live_share(double arriving_share, const CancelParams& cancels) {
  if (arriving_share <= 0.0 || arriving_share >= 1.0) return arriving_share;
  const double flickering = arriving_share * cancels.patient_hazard;
  const double patient = (1.0 - arriving_share) * cancels.flickering_hazard;
  return flickering / (flickering + patient);
}

// Column i of a per-group list; 1 where the list is empty.
template <class Member>
Lanes lanes_of(const MarketModel& params, Member member, std::size_t i) {
  Lanes lanes{};
  for (std::size_t g = 0; g < kGroups; ++g) {
    const std::vector<double>& values = params.groups[g].*member;
    lanes[g] = values.empty() ? 1.0F : static_cast<float>(values[i]);
  }
  return lanes;
}

std::size_t season_bins(const MarketModel& params) {
  std::size_t n = 0;
  for (const GroupParams& group : params.groups) n = std::max(n, group.season_factor.size());
  return n;
}

}  // namespace

TickBins::TickBins(const std::vector<Ticks>& lower_edges) : last_(lower_edges.size() - 1) {
  for (Ticks ticks = 0; ticks < lower_edges.back(); ++ticks) {
    const auto above = std::ranges::upper_bound(lower_edges, std::max<Ticks>(ticks, 1));
    bins_.push_back(static_cast<std::uint8_t>(above - lower_edges.begin() - 1));
  }
}

FlowModel::FlowModel(const MarketModel& market_model)
    : params(market_model),
      depth_ticks(market_model.depth_ticks()),
      market_sizes(market_model.market_orders.sizes),
      far_level_orders(market_model.far_level_orders),
      patient_hazard(static_cast<float>(market_model.cancels.patient_hazard)),
      flickering_hazard(static_cast<float>(market_model.cancels.flickering_hazard)),
      refill_share(static_cast<float>(market_model.refill.share)),
      refill_back_share(static_cast<float>(market_model.refill.back_share)),
      cancels_per_order(market_model.cancels.per_order),
      spread_bins_(market_model.spread_bin_ticks),
      places_{make_place(market_model.improving), make_place(market_model.joining),
              make_place(market_model.deeper)},
      live_flickering_share_(static_cast<float>(
          live_share(market_model.deeper.flickering_share, market_model.cancels))),
      n_imbalance_bins_(market_model.n_imbalance_bins()) {
  for (std::size_t g = 0; g < kGroups; ++g) {
    baseline_hz[g] = static_cast<float>(params.groups[g].baseline_hz);
  }
  for (std::size_t i = 0; i < params.n_states(); ++i) {
    state_factors_.push_back(lanes_of(params, &GroupParams::state_factor, i));
  }
  for (std::size_t i = 0; i < params.n_regimes(); ++i) {
    regime_factors.push_back(lanes_of(params, &GroupParams::regime_factor, i));
  }
  for (std::size_t i = 0; i < season_bins(params); ++i) {
    season_factors.push_back(lanes_of(params, &GroupParams::season_factor, i));
  }
  read_imbalance_edges();
  if (!params.hit_gap_factor.empty()) {
    hit_gaps_ = TickBins(params.hit_gap_bin_ticks);
    hit_gap_factors_.assign(params.hit_gap_factor.begin(), params.hit_gap_factor.end());
    uses_hit_gap_ = hit_gap_factors_.size() > 1;
  }
  read_kernels();
  read_marks();
}

// Slow kernels among market orders keep their sum and lose part of their same-less-opposite
// difference, which the informed flow brings in its place.
void FlowModel::read_kernels() {
  const std::size_t n_decays = params.decays_hz.size();
  const auto norm = [this](std::size_t decay, std::size_t target, std::size_t source) {
    return params.excitation[(decay * kGroups + target) * kGroups + source];
  };
  for (std::size_t p = 0; p < n_decays; ++p) {
    const double rate = params.decays_hz[p];
    const std::size_t clock = 1 + p;
    decay_hz[clock] = static_cast<float>(rate);
    decay_s[clock] = static_cast<float>(1.0 / rate);
    const bool slow = rate < params.informed.slow_below_hz;
    const double shrink = slow ? params.informed.sign_shrink : 1.0;
    for (std::size_t target = 0; target < kGroups; ++target) {
      for (std::size_t source = 0; source < kGroups; ++source) {
        double value = norm(p, target, source);
        if (target < 2 && source < 2) {
          const double twin = norm(p, target, 1 - source);
          value = 0.5 * (value + twin) + 0.5 * (value - twin) * shrink;
        }
        kicks[source][target][clock] = static_cast<float>(value * rate);
      }
    }
  }
}

void FlowModel::read_marks() {
  for (const LimitMarks& given : params.limit_marks) {
    Marks ready;
    const double share = std::accumulate(given.improving.begin(), given.improving.end(), 0.0);
    ready.improving_share = static_cast<float>(share);
    if (share > 0.0) ready.improving = AliasTable(given.improving);
    if (share < 1.0) ready.resting = AliasTable(given.resting);
    marks.push_back(std::move(ready));
  }
}

void FlowModel::read_imbalance_edges() {
  constexpr float kNone = std::numeric_limits<float>::infinity();
  std::size_t n_asks = 0;
  std::size_t n_bids = 0;
  for (const double edge : params.imbalance_bin_edges) {
    std::size_t& n = edge > 0.0 ? n_bids : n_asks;
    if (n / kLanes == imbalance_edges_.size()) {
      imbalance_edges_.emplace_back();
      imbalance_edges_.back().of_asks.fill(kNone);
      imbalance_edges_.back().of_bids.fill(kNone);
    }
    Edges& edges = imbalance_edges_[n / kLanes];
    (edge > 0.0 ? edges.of_bids : edges.of_asks)[n % kLanes] = static_cast<float>(edge);
    ++n;
  }
}

}  // namespace rlmm
