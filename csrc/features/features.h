// The observation: a declared list of named, normalised features.
//
// `kFeatures` is the one table of them, read by C++ and Python alike. A market fills a `MarketView`
// in natural units; `FeatureWriter` turns the features asked for into one float row.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "params.h"
#include "types.h"

namespace rlmm {

enum class Feature : std::uint8_t {
  kTimeLeft,
  kInventory,
  kMidReturn,
  kMidDisplacement,
  kRealisedVolatility,
  kBidOffset,
  kAskOffset,
  kBidLots,
  kAskLots,
  kMarketSells,
  kMarketBuys,
  kBidFills,
  kAskFills,
  kRegime,
  kRegimeProbability,
  kCount
};

struct FeatureInfo {
  Feature id;
  const char* name;
  const char* unit;
  const char* meaning;
  const char* normalisation;
  bool per_regime;  // one column for each regime
  bool may_be_negative;
};

inline constexpr std::array<FeatureInfo, static_cast<std::size_t>(Feature::kCount)> kFeatures = {{
    {Feature::kTimeLeft, "time_left", "s", "until the horizon", "by the horizon", false, false},
    {Feature::kInventory, "inventory", "lots", "position the agent knows of",
     "by the inventory cap", false, true},
    {Feature::kMidReturn, "mid_return", "ticks", "move of the mid over the last step",
     "by the mean volatility over one step", false, true},
    {Feature::kMidDisplacement, "mid_displacement", "ticks", "move of the mid since the start",
     "by the mean volatility over the horizon", false, true},
    {Feature::kRealisedVolatility, "realised_volatility", "ticks",
     "root of the exponentially weighted mean square return, half-life 16 steps",
     "by the mean volatility over one step", false, false},
    {Feature::kBidOffset, "bid_offset", "ticks", "mid less the standing bid; 0 without one",
     "by the largest offset of the action space", false, true},
    {Feature::kAskOffset, "ask_offset", "ticks", "the standing ask less mid; 0 without one",
     "by the largest offset of the action space", false, true},
    {Feature::kBidLots, "bid_lots", "lots", "size of the standing bid", "by the largest quote",
     false, false},
    {Feature::kAskLots, "ask_lots", "lots", "size of the standing ask", "by the largest quote",
     false, false},
    {Feature::kMarketSells, "market_sells", "orders", "market sell orders in the last step",
     "by the mean number in a step, at least 1", false, false},
    {Feature::kMarketBuys, "market_buys", "orders", "market buy orders in the last step",
     "by the mean number in a step, at least 1", false, false},
    {Feature::kBidFills, "bid_fills", "lots", "bought, heard of in the last step",
     "by the largest quote", false, false},
    {Feature::kAskFills, "ask_fills", "lots", "sold, heard of in the last step",
     "by the largest quote", false, false},
    {Feature::kRegime, "regime", "", "1 for the present regime, else 0", "none", true, false},
    {Feature::kRegimeProbability, "regime_probability", "",
     "probability of each regime given the market orders seen so far (filtered)", "none", true,
     false},
}};

inline constexpr std::size_t kRegimesMax = 8;

// What a market shows, in natural units: one slot for each feature, `kRegimesMax` for each feature
// that has one column per regime.
class MarketView {
 public:
  static constexpr std::size_t kSlots = kFeatures.size() + 2 * (kRegimesMax - 1);

  static constexpr std::size_t slot(Feature feature, std::size_t regime = 0) {
    const auto index = static_cast<std::size_t>(feature);
    const auto second_per_regime = static_cast<std::size_t>(Feature::kRegimeProbability);
    return index + (index == second_per_regime ? kRegimesMax - 1 : 0) + regime;
  }

  template <class T>
  void set(Feature feature, T value) {
    values_[slot(feature)] = static_cast<double>(value);
  }
  template <class T>
  void set(Feature feature, std::size_t regime, T value) {
    values_[slot(feature, regime)] = static_cast<double>(value);
  }
  double at(std::size_t slot) const { return values_[slot]; }

 private:
  std::array<double, kSlots> values_{};
};

// One column of the observation: normalised value = natural value / scale.
struct ObservationColumn {
  std::string name;
  std::string unit;
  double scale;
  double low;
  double high;
};

class FeatureWriter {
 public:
  // Throws std::invalid_argument for a name that is not in `kFeatures`, listing those that are.
  explicit FeatureWriter(const EnvParams& params);

  const std::vector<ObservationColumn>& columns() const { return columns_; }
  std::size_t width() const { return columns_.size(); }
  bool needs_regime_probabilities() const { return needs_regime_probabilities_; }

  // Whether anything beyond time, inventory and regime is asked for.
  bool needs_motion() const { return needs_motion_; }

  // Writes one row; returns how many values were clipped.
  std::int64_t write(const MarketView& view, float* row) const {
    std::int64_t clipped = 0;
    for (const Entry& entry : entries_) {
      const double value = view.at(entry.slot) * entry.inverse_scale;
      const double kept = std::clamp(value, entry.low, entry.high);
      clipped += static_cast<std::int64_t>(kept != value);
      *row++ = static_cast<float>(kept);
    }
    return clipped;
  }

 private:
  struct Entry {
    std::size_t slot;
    double inverse_scale;
    double low;
    double high;
  };
  void add(const FeatureInfo& info, const EnvParams& params);

  std::vector<Entry> entries_;
  std::vector<ObservationColumn> columns_;
  bool needs_regime_probabilities_ = false;
  bool needs_motion_ = false;
};

}  // namespace rlmm
