// What one decision step did, as one named row per environment.
//
// Money is in tick x lot (multiples of one half, exact in a double up to 2^51), reward terms in
// account currency before their weights. The order is the order of `kColumns`.
// No column is called `episode`: Gymnasium's and Stable-Baselines3's recorders put that key into
// the same infos.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace rlmm {

enum class Column : std::uint8_t {
  kEpisode,
  kStep,
  kTime,
  kMid,
  kInventory,
  kCash,
  kFees,
  kPnlSpread,
  kPnlInventory,
  kPnlFees,
  kBidOffset,
  kAskOffset,
  kBidLots,
  kAskLots,
  kMakerBidLots,
  kMakerAskLots,
  kTakerLots,
  kMarketSells,
  kMarketBuys,
  kMessages,
  kRegime,
  kActionsClipped,
  kFeaturesClipped,
  kSpread,
  kBidQueueAhead,
  kAskQueueAhead,
  kEvents,
  kMessagesRefused,
  kLotsRejected,
  kMarkout,  // one for each horizon, as of the lots below
  kMarkout1S,
  kMarkout10S,
  kMarkout60S,
  kMarkoutLots,
  kMarkoutLots1S,
  kMarkoutLots10S,
  kMarkoutLots60S,
  kTermPnl,
  kTermSpreadCapture,
  kTermDampenedPnl,
  kTermInventoryQuadratic,
  kTermInventoryLinear,
  kTermSoftLimit,
  kTermTerminalQuadratic,
  kTermCrossing,
  kTermTurnover,
  kReward,
  kCount
};

// From here on there are `kBookColumnCount` columns that only a market with a book fills; without
// one they are 0.
inline constexpr Column kFirstBookColumn = Column::kSpread;
inline constexpr std::size_t kBookColumnCount =
    static_cast<std::size_t>(Column::kTermPnl) - static_cast<std::size_t>(Column::kSpread);

inline constexpr std::size_t kColumnCount = static_cast<std::size_t>(Column::kCount);

struct ColumnInfo {
  const char* name;
  const char* unit;
  const char* meaning;
};

inline constexpr std::array<ColumnInfo, kColumnCount> kColumns = {{
    {"episode_index", "", "episodes this environment has finished before this one"},
    {"step", "", "decisions before this one in the episode"},
    {"ts_ns", "ns", "simulated time at the end of the step, since the episode's start"},
    {"mid_ticks_x2", "half ticks", "mid price at the end of the step"},
    {"inventory_lots", "lots", "at the end of the step"},
    {"cash", "tick lots", "at the end of the step, before fees"},
    {"fees", "tick lots", "paid since the episode's start"},
    {"pnl_spread", "tick lots", "this step: distance of the fills from the mid"},
    {"pnl_inventory", "tick lots", "this step: what the mid's moves did to the position"},
    {"pnl_fees", "tick lots", "this step: fees, as a gain (minus what was paid)"},
    {"bid_offset_ticks", "ticks", "asked for: mid less bid price"},
    {"ask_offset_ticks", "ticks", "asked for: ask price less mid"},
    {"bid_lots", "lots", "asked for; 0 is no quote"},
    {"ask_lots", "lots", "asked for; 0 is no quote"},
    {"fills_maker_lots_bid", "lots", "bought by the resting bid"},
    {"fills_maker_lots_ask", "lots", "sold by the resting ask"},
    {"fills_taker_lots", "lots", "executed by quotes that crossed"},
    {"market_sells", "orders", "market sell orders that arrived (x market.fill_cap)"},
    {"market_buys", "orders", "market buy orders that arrived (x market.fill_cap)"},
    {"messages", "", "messages the agent sent to the market"},
    {"regime", "", "index at the end of the step"},
    {"actions_clipped", "", "numbers of the action outside [-1, 1]"},
    {"features_clipped", "", "observed features outside their clip range"},
    {"spread_ticks", "ticks", "best ask less best bid at the end of the step; 0 without a book"},
    {"queue_ahead_bid_lots", "lots", "with priority over the agent's bid; 0 without a book"},
    {"queue_ahead_ask_lots", "lots", "with priority over the agent's ask; 0 without a book"},
    {"events", "", "of the book's flow in this step; 0 without a book"},
    {"messages_refused", "", "held back by limits.messages_hz; 0 without a book"},
    {"lots_rejected", "lots", "asked for but refused by the market; 0 without a book"},
    {"markout_100ms", "tick lots", "of fills 0.1 s ago: mid less price; 0 without a book"},
    {"markout_1s", "tick lots", "of fills 1 s ago: mid less price; 0 without a book"},
    {"markout_10s", "tick lots", "of fills 10 s ago: mid less price; 0 without a book"},
    {"markout_60s", "tick lots", "of fills 60 s ago: mid less price; 0 without a book"},
    {"markout_lots_100ms", "lots", "that markout_100ms is of; 0 without a book"},
    {"markout_lots_1s", "lots", "that markout_1s is of; 0 without a book"},
    {"markout_lots_10s", "lots", "that markout_10s is of; 0 without a book"},
    {"markout_lots_60s", "lots", "that markout_60s is of; 0 without a book"},
    {"term_pnl", "currency", "change of wealth, or of utility"},
    {"term_spread_capture", "currency", "spread part of the change of wealth"},
    {"term_dampened_pnl", "currency", "change of wealth, inventory gains dampened"},
    {"term_inventory_quadratic", "lots^2 s", "integral of inventory squared"},
    {"term_inventory_linear", "lots s", "integral of absolute inventory"},
    {"term_soft_limit", "lots^2 s", "integral of the squared excess over the soft limit"},
    {"term_terminal_quadratic", "lots^2", "inventory squared when the episode terminates"},
    {"term_crossing", "lots", "executed as a taker"},
    {"term_turnover", "lots", "executed at all"},
    {"reward", "", "the weighted sum of the terms"},
}};

// One environment's row of the caller's array, or nothing when the caller wants no columns.
class ColumnRow {
 public:
  explicit ColumnRow(double* values) : values_(values) {}

  bool wanted() const { return values_ != nullptr; }

  template <class T>
  void set(Column column, T value) {
    values_[static_cast<std::size_t>(column)] = static_cast<double>(value);
  }
  template <class T>
  void set(Column first, std::size_t offset, T value) {
    values_[static_cast<std::size_t>(first) + offset] = static_cast<double>(value);
  }

 private:
  double* values_;
};

}  // namespace rlmm
