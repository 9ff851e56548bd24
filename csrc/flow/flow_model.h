// A market model made ready to be drawn from; shared by all markets of a batch.
#pragma once

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

// One number per group.
using Lanes = std::array<float, kGroups>;

constexpr std::size_t lane(Group group) { return static_cast<std::size_t>(group); }
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
  static constexpr std::size_t kBlocks = (kDecaysMax + 3) / 4;

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
  std::size_t imbalance_bin(Lots bid_lots, Lots ask_lots) const;
  const Lanes& state_factor(std::size_t spread_bin, std::size_t imbalance_bin) const {
    return state_factors_[spread_bin * n_imbalance_bins_ + imbalance_bin];
  }
  float hit_gap_factor(Ticks gap_ticks) const { return hit_gap_factors_[hit_gaps_.at(gap_ticks)]; }
  bool uses_hit_gap() const { return hit_gap_factors_.size() > 1; }
  const LimitPlace& place(bool is_improving, Ticks distance_ticks) const {
    if (is_improving) return improving;
    return distance_ticks == 0 ? joining : deeper;
  }

  MarketModel params;
  Ticks depth_ticks;
  std::size_t n_blocks;  // of four decays
  Lanes baseline_hz{};
  std::array<Float4, kBlocks> decay_hz{};
  std::array<Float4, kBlocks> decay_s{};  // 1 / decay_hz; 0 where there is no decay
  // What one event of a source adds to the intensities of a target, by decay.
  using Kick = std::array<std::array<Float4, kBlocks>, kGroups>;
  std::array<Kick, kGroups> kicks{};
  std::vector<Marks> marks;  // by spread bin
  LimitPlace improving;
  LimitPlace joining;
  LimitPlace deeper;
  SizeTable market_sizes;
  AliasTable far_level_orders;
  std::vector<Lanes> regime_factors;
  std::vector<Lanes> season_factors;  // empty: no season
  float patient_hazard;
  float flickering_hazard;
  bool cancels_per_order;
  // A flow whose events beget more than one event each runs away: more than this in one step, or
  // in the warm-up, is taken for that.
  std::int64_t run_events_most = 10'000'000;

 private:
  void read_kernels();
  void read_marks();

  TickBins spread_bins_;
  TickBins hit_gaps_;
  std::vector<float> hit_gap_factors_{1.0F};
  std::vector<float> ask_edges_;  // inner edges of the imbalance bins up to 0
  std::vector<float> bid_edges_;  // and above it
  std::size_t n_imbalance_bins_;
  std::vector<Lanes> state_factors_;
};

}  // namespace rlmm
