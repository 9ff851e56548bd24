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
#include "regimes.h"
#include "types.h"

namespace rlmm {

enum class Feature : std::uint8_t {
  // What every market has.
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
  // What only a market with a book has.
  kSpread,
  kMicroprice,
  kBidQueueAhead,
  kAskQueueAhead,
  kBidDistance,
  kAskDistance,
  kBidDepth,
  kAskDepth,
  kImbalance,
  kOrderFlow,
  kReturn,
  kVolatility,
  kTradeSign,
  kTradeVolume,
  kActivity,
  kCount
};

// How many columns a feature has: one, or one for each of these.
enum class Repeat : std::uint8_t { kOnce, kRegime, kLevel, kHorizon };
inline constexpr std::array<const char*, 4> enum_names(Repeat) {
  return {"once", "regime", "level", "horizon"};
}

struct FeatureInfo {
  Feature id;
  const char* name;
  const char* unit;
  const char* meaning;
  const char* normalisation;
  Repeat repeat;
  bool may_be_negative;
  bool needs_book;
};

inline constexpr std::array<FeatureInfo, static_cast<std::size_t>(Feature::kCount)> kFeatures = {{
    {Feature::kTimeLeft, "time_left", "s", "until the horizon", "by the horizon", Repeat::kOnce,
     false, false},
    {Feature::kInventory, "inventory", "lots", "position the agent knows of",
     "by the inventory cap", Repeat::kOnce, true, false},
    {Feature::kMidReturn, "mid_return", "ticks", "move of the mid over the last step",
     "by the mean volatility over one step", Repeat::kOnce, true, false},
    {Feature::kMidDisplacement, "mid_displacement", "ticks", "move of the mid since the start",
     "by the mean volatility over the horizon", Repeat::kOnce, true, false},
    {Feature::kRealisedVolatility, "realised_volatility", "ticks",
     "root of the exponentially weighted mean square return, half-life 16 steps",
     "by the mean volatility over one step", Repeat::kOnce, false, false},
    {Feature::kBidOffset, "bid_offset", "ticks", "mid less the standing bid; 0 without one",
     "by the largest offset of the action space", Repeat::kOnce, true, false},
    {Feature::kAskOffset, "ask_offset", "ticks", "the standing ask less mid; 0 without one",
     "by the largest offset of the action space", Repeat::kOnce, true, false},
    {Feature::kBidLots, "bid_lots", "lots", "size of the standing bid", "by the largest quote",
     Repeat::kOnce, false, false},
    {Feature::kAskLots, "ask_lots", "lots", "size of the standing ask", "by the largest quote",
     Repeat::kOnce, false, false},
    {Feature::kMarketSells, "market_sells", "orders", "market sell orders in the last step",
     "by the mean number in a step, at least 1", Repeat::kOnce, false, false},
    {Feature::kMarketBuys, "market_buys", "orders", "market buy orders in the last step",
     "by the mean number in a step, at least 1", Repeat::kOnce, false, false},
    {Feature::kBidFills, "bid_fills", "lots", "bought, heard of in the last step",
     "by the largest quote", Repeat::kOnce, false, false},
    {Feature::kAskFills, "ask_fills", "lots", "sold, heard of in the last step",
     "by the largest quote", Repeat::kOnce, false, false},
    {Feature::kRegime, "regime", "", "1 for the present regime, else 0", "none", Repeat::kRegime,
     false, false},
    {Feature::kRegimeProbability, "regime_probability", "",
     "probability of each regime given what has been seen so far (filtered)", "none",
     Repeat::kRegime, false, false},
    {Feature::kSpread, "spread", "ticks", "best ask less best bid", "by the typical spread",
     Repeat::kOnce, false, true},
    {Feature::kMicroprice, "microprice", "ticks",
     "mean of the best prices, each weighted by the lots on the other side, less mid",
     "by the typical spread", Repeat::kOnce, true, true},
    {Feature::kBidQueueAhead, "bid_queue_ahead", "lots", "with priority over the standing bid",
     "by the typical lots at the touch", Repeat::kOnce, false, true},
    {Feature::kAskQueueAhead, "ask_queue_ahead", "lots", "with priority over the standing ask",
     "by the typical lots at the touch", Repeat::kOnce, false, true},
    {Feature::kBidDistance, "bid_distance", "ticks", "mid less the price of the bid level",
     "by the typical spread", Repeat::kLevel, false, true},
    {Feature::kAskDistance, "ask_distance", "ticks", "price of the ask level less mid",
     "by the typical spread", Repeat::kLevel, false, true},
    {Feature::kBidDepth, "bid_depth", "lots", "at the bid level",
     "by the typical lots at the touch", Repeat::kLevel, false, true},
    {Feature::kAskDepth, "ask_depth", "lots", "at the ask level",
     "by the typical lots at the touch", Repeat::kLevel, false, true},
    {Feature::kImbalance, "imbalance", "",
     "(bid - ask) / (bid + ask) lots over this level and those before it", "none", Repeat::kLevel,
     true, true},
    {Feature::kOrderFlow, "order_flow", "lots",
     "order-flow imbalance at the touch (Cont, Kukanov, Stoikov), mean per step over the horizon",
     "by the typical lots at the touch", Repeat::kHorizon, true, true},
    {Feature::kReturn, "return", "ticks", "move of the mid over the horizon",
     "by the typical volatility over the horizon", Repeat::kHorizon, true, true},
    {Feature::kVolatility, "volatility", "ticks",
     "root of the mean square return of a step over the horizon",
     "by the typical volatility over one step", Repeat::kHorizon, false, true},
    {Feature::kTradeSign, "trade_sign", "",
     "bought less sold lots of market orders over their sum, over the horizon", "none",
     Repeat::kHorizon, true, true},
    {Feature::kTradeVolume, "trade_volume", "lots",
     "of market orders, mean per step over the horizon",
     "by the typical lots at the touch x market orders in a step, at least the former",
     Repeat::kHorizon, false, true},
    {Feature::kActivity, "activity", "events", "of the book, mean per step over the horizon",
     "by 100", Repeat::kHorizon, false, true},
}};

inline constexpr std::size_t kLevelsMax = 32;
inline constexpr std::size_t kHorizonsMax = 8;

constexpr std::size_t most_columns(Repeat repeat) {
  constexpr std::array<std::size_t, 4> kMost = {1, kRegimesMax, kLevelsMax, kHorizonsMax};
  return kMost[static_cast<std::size_t>(repeat)];
}

// The first slot of a feature; those of one with several columns follow each other.
constexpr std::size_t first_slot(Feature feature) {
  std::size_t slot = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(feature); ++i) {
    slot += most_columns(kFeatures[i].repeat);
  }
  return slot;
}

// What a market shows, in natural units: one slot for each column that a feature may have.
template <std::size_t Slots>
class View {
 public:
  static constexpr std::size_t kSlots = Slots;

  static constexpr std::size_t slot(Feature feature, std::size_t column = 0) {
    constexpr auto kFirst = [] {
      std::array<std::size_t, kFeatures.size()> first{};
      for (std::size_t i = 0; i < first.size(); ++i) first[i] = first_slot(kFeatures[i].id);
      return first;
    }();
    return kFirst[static_cast<std::size_t>(feature)] + column;
  }

  template <class T>
  void set(Feature feature, T value) {
    values_[slot(feature)] = static_cast<double>(value);
  }
  template <class T>
  void set(Feature feature, std::size_t column, T value) {
    values_[slot(feature, column)] = static_cast<double>(value);
  }
  double at(std::size_t slot) const { return values_[slot]; }
  const double* data() const { return values_.data(); }

 private:
  std::array<double, Slots> values_{};
};

using MarketView = View<first_slot(Feature::kSpread)>;  // without a book
using BookView = View<first_slot(Feature::kCount)>;

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
  // Throws std::invalid_argument for a name that is not in `kFeatures` or that this market does
  // not have, listing those that there are.
  explicit FeatureWriter(const EnvParams& params);

  const std::vector<ObservationColumn>& columns() const { return columns_; }
  std::size_t width() const { return columns_.size(); }
  bool shows(Feature feature) const { return shown_[static_cast<std::size_t>(feature)]; }
  bool needs_regime_probabilities() const { return shows(Feature::kRegimeProbability); }

  // Whether anything beyond time, inventory and regime is asked for.
  bool needs_motion() const { return needs_motion_; }

  // Writes one row from a view's slots; returns how many values were clipped.
  std::int64_t write(const double* view, float* row) const {
    std::int64_t clipped = 0;
    for (const Entry& entry : entries_) {
      const double value = view[entry.slot] * entry.inverse_scale;
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
  std::array<bool, static_cast<std::size_t>(Feature::kCount)> shown_{};
  bool needs_motion_ = false;
};

}  // namespace rlmm
