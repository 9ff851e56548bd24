// A market model made ready to be drawn from; shared by all markets of a batch.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "flow/alias.h"
#include "flow/draws.h"
#include "flow/lanes.h"
#include "market_model.h"
#include "types.h"

namespace rlmm {

// One number per group; those behind are 0 or not looked at.
using Lanes = std::array<float, kLanes>;

// What the intensities are multiplied with, by group: the state of the book drives the baseline
// alone, all else that drives a group drives both parts of its bracket.
struct Factors {
  alignas(32) Lanes baseline{};
  alignas(32) Lanes excitation{};
  bool operator==(const Factors&) const = default;
};

constexpr std::size_t lane(Group group) { return static_cast<std::size_t>(group); }
constexpr bool is_cancel(Group group) { return lane(group) >= 4; }
constexpr Group group_of(std::size_t kind, Side side) {
  return static_cast<Group>(2 * kind + static_cast<std::size_t>(side));
}

// Lifetime classes of the flow's own orders; a pool of the book each.
enum class OrderClass : std::uint8_t { kPatient = 0, kFlickering = 1 };

class SizeTable {
 public:
  SizeTable() = default;
  explicit SizeTable(const SizeLaw& law) : lots_(law.lots), alias_(law.probability) {}
  Lots at(std::uint32_t word) const { return lots_[alias_.at(word)]; }

 private:
  std::vector<Lots> lots_;
  AliasTable alias_;
};

// Finds the bin of a positive integer by its lower edges, the first of which is 1.
class TickBins {
 public:
  TickBins() = default;
  explicit TickBins(const std::vector<Ticks>& lower_edges);
  std::size_t at(Ticks ticks) const {
    const auto index = static_cast<std::size_t>(ticks);
    return index < bins_.size() ? bins_[index] : last_;
  }

 private:
  std::vector<std::uint8_t> bins_;
  std::size_t last_ = 0;
};

class FlowModel {
 public:
  struct LimitPlace {
    SizeTable sizes;
    float flickering_share = 0.0F;
  };
  struct Marks {
    float improving_share = 0.0F;
    AliasTable improving;  // index 0: one tick better than the own best
    AliasTable resting;    // index 0: at the own best
  };

  explicit FlowModel(const MarketModel& market_model);

  std::size_t spread_bin(Ticks spread_ticks) const { return spread_bins_.at(spread_ticks); }
  std::size_t imbalance_bin(Lots bid_lots, Lots ask_lots) const {
    // (bid - ask) / (bid + ask) >= edge, without the division; an empty book is balanced.
    const Float8 total = splat(static_cast<float>(std::max<Lots>(1, bid_lots + ask_lots)));
    const Float8 difference = splat(static_cast<float>(bid_lots - ask_lots));
    Int8 passed{};  // -1 for each edge
    for (const Edges& edges : imbalance_edges_) {
      // A tie belongs to the bin nearer to 0 on both sides, so that the mirror image is exact.
      passed += difference >= lanes_at(edges.of_asks.data()) * total;
      passed += difference > lanes_at(edges.of_bids.data()) * total;
    }
    return static_cast<std::size_t>(-sum_of(passed));
  }
  const Lanes& state_factor(std::size_t spread_bin, std::size_t imbalance_bin) const {
    return state_factors_[spread_bin * n_imbalance_bins_ + imbalance_bin];
  }
  float hit_gap_factor(Ticks gap_ticks) const { return hit_gap_factors_[hit_gaps_.at(gap_ticks)]; }
  bool uses_hit_gap() const { return uses_hit_gap_; }
  const LimitPlace& improving() const { return places_[0]; }
  const LimitPlace& joining() const { return places_[1]; }
  const LimitPlace& deeper() const { return places_[2]; }
  // Where an order lies by how many ticks it is behind the own best price. Without a branch.
  const LimitPlace& place(Ticks behind_ticks) const {
    return places_[static_cast<std::size_t>(behind_ticks >= 0) +
                   static_cast<std::size_t>(behind_ticks > 0)];
  }
  // Of the orders behind the best price that are there at a time: those who wait are there for
  // longer than those who flicker.
  float live_flickering_share() const { return live_flickering_share_; }

  MarketModel params;
  Ticks depth_ticks;
  Lanes baseline_hz{};
  // By clock, as in DrawBatch: the first is the baseline's, which does not decay, and where there
  // is no decay all is 0.
  alignas(32) std::array<float, kLanes> decay_hz{};
  alignas(32) std::array<float, kLanes> decay_s{};  // 1 / decay_hz
  // What one event of a source adds to the intensities of a target, by clock.
  using Kick = std::array<std::array<float, kLanes>, kGroups>;
  alignas(32) std::array<Kick, kGroups> kicks{};
  std::vector<Marks> marks;  // by spread bin
  SizeTable market_sizes;
  AliasTable far_level_orders;
  std::vector<Lanes> regime_factors;
  std::vector<Lanes> season_factors;  // empty: no season
  float patient_hazard;
  float flickering_hazard;
  float refill_share;
  float refill_back_share;
  bool cancels_per_order;
  // A flow whose events beget more than one event each runs away: more than this in one step, or
  // in the warm-up, is taken for that.
  std::int64_t run_events_most = 10'000'000;

 private:
  void read_imbalance_edges();
  void read_kernels();
  void read_marks();

  TickBins spread_bins_;
  TickBins hit_gaps_;
  std::vector<float> hit_gap_factors_{1.0F};
  bool uses_hit_gap_ = false;
  std::array<LimitPlace, 3> places_;  // improving the own best price, joining it, behind it
  float live_flickering_share_ = 0.0F;
  // Inner edges of the imbalance bins, those up to 0 and those above it; infinite where there are
  // no more.
  struct Edges {
    alignas(32) std::array<float, kLanes> of_asks;
    alignas(32) std::array<float, kLanes> of_bids;
  };
  std::vector<Edges> imbalance_edges_;
  std::size_t n_imbalance_bins_;
  std::vector<Lanes> state_factors_;
};

}  // namespace rlmm
