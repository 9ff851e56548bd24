// From an event table to the events of a market model: who sent what into which book.
//
// One row per market order, limit order, cancel and hidden trade, and one for each time at which
// the book changes without any of them (levels that come into view, snapshots, clears, halts). A
// row has the book *after* it, which holds until the next row: the book before an event is that of
// the row before. What is said of an event itself (its place, its queue) is of the book before it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "events.h"
#include "parse/flow_levels.h"
#include "types.h"

namespace rlmm::parse {

inline constexpr std::uint8_t kHiddenTrade = 6;  // behind the model's groups
inline constexpr std::uint8_t kNoEvent = 255;

// Bits of a flow row's flags.
inline constexpr std::uint8_t kFlowPartial = 1;   // cancel: a part of the order is left
inline constexpr std::uint8_t kFlowAgeKnown = 2;  // cancel: of an order that was seen to arrive
inline constexpr std::uint8_t kFlowAgent = 4;     // the resting order is an agent's

// How a known order's life ended.
enum class LifeEnd : std::uint8_t { kCancelled, kFilled, kOutOfSight };

struct FlowSettings {
  TimeNs cluster_ns = 100'000;  // fills of one side closer than this are of one market order
  Ticks reach_ticks = 1024;     // limit orders behind it are no events of the model
  double order_lots = 0.0;      // of an anonymous order; 0: each level is one
  std::vector<Ticks> distance_edges{0};  // lower edges of the bins of `at_risk`, rising from 0
  // Hazard of an order at risk by its place and age, kAgeBins values each; empty: 1.
  std::vector<double> age_weights;
  double anonymous_weight = 1.0;  // of an order of unknown age
};

// Eight bins to each doubling of the age in ns.
inline constexpr std::size_t kAgeBins = 512;
std::size_t age_bin(TimeNs age_ns);

struct FlowColumns {
  std::vector<TimeNs> ts_ns;
  std::vector<std::int64_t> row;  // of the table; of a market order the first
  std::vector<std::uint8_t> group;
  std::vector<std::uint8_t> flags;
  // Ticks behind the own best price, negative if better; of a market order how deep it reached.
  std::vector<Ticks> away_ticks;
  std::vector<Lots> lots;
  // Market order: the best queue that it hit; limit order: its level; cancel: its order.
  std::vector<Lots> queue_lots;
  std::vector<TimeNs> age_ns;  // of a cancelled order; -1 where unknown
  // The book after the row; bid, ask.
  std::array<std::vector<Ticks>, 2> price_ticks;
  std::array<std::vector<Lots>, 2> touch_lots;
  std::array<std::vector<Ticks>, 2> gap_ticks;      // to the second level; 0: there is none
  std::array<std::vector<std::int64_t>, 2> levels;  // within reach
  std::array<std::vector<Ticks>, 2> extent_ticks;   // from the best to the last of them
  std::array<std::vector<Lots>, 2> lots_at_risk;    // within twice the reach
  std::vector<float> at_risk;                       // orders: by side, then by distance
  std::vector<std::uint8_t> open;                   // 1: both sides are there, and trading is on
};

// Lives of the orders that were seen to arrive, in the order of their ends.
struct LifeColumns {
  std::vector<TimeNs> birth_ns;
  std::vector<TimeNs> end_ns;
  std::vector<std::uint8_t> end;  // LifeEnd
  std::vector<std::int8_t> side;
  std::vector<Ticks> away_ticks;  // at birth
};

class FlowPass {
 public:
  struct Row {
    TimeNs ts_ns;
    EventKind kind;
    std::int64_t side;
    Ticks price_ticks;
    Lots lots;
    std::uint64_t order_id;
    unsigned flags;
  };

  explicit FlowPass(FlowSettings settings);

  void apply(const Row& row);
  // There are no more rows: what waits is finished, and orders that still live are out of sight.
  void finish();

  // What is complete; the last rows wait for those that may still belong to them.
  FlowColumns take();
  LifeColumns take_lives();
  // Lots that were cancelled or traded where there were not so many.
  std::int64_t missing_lots() const { return missing_lots_; }

 private:
  struct Event {
    std::uint8_t group = kNoEvent;
    std::uint8_t flags = 0;
    Ticks away_ticks = 0;
    Lots lots = 0;
    Lots queue_lots = 0;
    TimeNs age_ns = -1;
  };
  struct Found {
    std::int64_t sign;
    Ticks price_ticks;
  };

  // One side of the book as a row of the columns has it.
  struct SideState {
    Ticks price_ticks = 0;
    Lots touch_lots = 0;
    Ticks gap_ticks = 0;
    std::int64_t levels = 0;
    Ticks extent_ticks = 0;
    Lots lots_at_risk = 0;
    std::vector<float> at_risk;
    bool stale = true;
  };

  static std::size_t side_of(std::int64_t sign) { return sign > 0 ? 0 : 1; }
  static std::uint8_t group_of(std::size_t kind, std::int64_t sign) {
    return static_cast<std::uint8_t>(2 * kind + side_of(sign));
  }

  bool is_soon(TimeNs ts_ns) const {
    return more_fills_ || ts_ns - last_fill_ns_ < settings_.cluster_ns;
  }
  bool is_among_fills(const Row& row) const;
  bool is_handed_over(const Row& row) const;
  void play(const Row& row, std::int64_t number);
  void fill(const Row& row);
  void close_market_order();
  void add(const Row& row);
  void cancel(const Row& row);
  void modify(const Row& row);
  void set_level(const Row& row);
  void show(const Row& row);
  void clear(std::int64_t sign);

  void rest(const Row& row, Ticks away_ticks, bool born_here);
  // Takes lots off a level, and off the order if it is known; returns the order as it was.
  std::optional<RestingOrder> take_off(const Row& row, LifeEnd end);
  void end_life(const RestingOrder& order, std::int64_t sign, LifeEnd end);
  void forget_level(FlowLevel& level, std::int64_t sign);
  void drop_if_empty(std::size_t side, Ticks price_ticks);

  void emit(const Event& event);
  void write_state(std::size_t at);
  void look_at(std::size_t side);
  double orders_at(const FlowLevel& level) const;
  double weight_of(const RestingOrder& order) const;

  FlowSettings settings_;
  std::array<FlowLevels, 2> sides_ = {FlowLevels(1), FlowLevels(-1)};
  std::unordered_map<std::uint64_t, Found> orders_;
  FlowColumns out_;
  LifeColumns lives_;
  std::array<SideState, 2> states_;
  TimeNs now_ns_ = 0;
  std::int64_t rows_ = 0;
  std::int64_t row_ = 0;
  // The only level of a side went out of sight: perhaps because a better one came.
  std::optional<Row> waiting_;
  bool halted_ = false;
  bool finished_ = false;
  // The market order that goes on filling: its row in `out_`.
  bool filling_ = false;
  std::size_t filling_at_ = 0;
  std::int64_t filling_sign_ = 0;
  TimeNs last_fill_ns_ = 0;
  bool more_fills_ = false;
  std::int64_t missing_lots_ = 0;
};

}  // namespace rlmm::parse
