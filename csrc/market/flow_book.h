// A book and the flow that lives in it: the market without an agent.
//
// The flow reacts to the whole book, so whoever rests an order in it is reacted to. Only levels
// within reach of the touch (`MarketModel::depth_ticks`) take part; a level that comes into reach
// gets orders from the law of far levels, and one that is left more than twice as far behind is
// emptied of the flow's own orders. An order that takes more than is in reach, the agent's or the
// flow's, meets the levels behind it one by one; what it still wants where nothing more is to be
// found is dropped.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "book/order_book.h"
#include "flow/background.h"
#include "flow/event_flow.h"
#include "flow/flow_model.h"
#include "market/event_log.h"
#include "market/opening.h"
#include "rng.h"
#include "serialize.h"
#include "types.h"

namespace rlmm {

inline constexpr Owner kAgent = 1;
inline constexpr Pool kAgentPool = 2;

class FlowBook {
 public:
  // What the last event was.
  struct Happened {
    Group group = Group::kMarketSell;
    Lots lots = 0;               // traded, added or taken off; 0 if nothing came of it
    bool touch_changed = false;  // a best price or the lots at one
  };
  // How a scenario bends the flow.
  struct Bend {
    // Of the baselines: the flow that events beget follows, and cannot run away by it.
    std::array<double, kGroups> baseline{1.0, 1.0, 1.0, 1.0, 1.0, 1.0};
    double limit_sizes = 1.0;
    double market_sizes = 1.0;
    std::uint64_t halted = 0;  // 0 or 1: no events at all
  };
  struct AgentReaction {
    double full_lots = 1.0;  // limit orders and cancels of this size excite like a whole event
    double budget_hz = 1.0;  // whole events per second at most, by messages that do not trade
  };

  // `model` must outlive this.
  FlowBook(const FlowModel& model, bool is_mirrored, const AgentReaction& reaction);

  // An empty past, a first book around the mid, then `warmup_ns` of flow up to time 0.
  void start(SeedKey key, std::uint64_t episode, Ticks mid_ticks, TimeNs season_ns,
             TimeNs warmup_ns);

  // From this book and past at time 0; levels beyond those of `opening`, within reach, are drawn.
  void start_from(SeedKey key, std::uint64_t episode, const Opening& opening);

  // Runs to the next event of the flow, or to `stop_ns` if that is earlier. True if an event
  // happened: then `happened` and `agent_fills` describe it.
  bool advance(TimeNs stop_ns);

  // More than `FlowModel::run_events_most` events since the step or the warm-up began?
  void check_not_runaway(std::int64_t events) const {
    if (events > model_->run_events_most) [[unlikely]] {
      refuse_runaway();
    }
  }

  const Happened& happened() const { return happened_; }
  // Fills of resting orders that are not the crowd's, by the last event or by the last call below.
  const std::vector<Fill>& agent_fills() const { return agent_fills_; }

  // --- the agent ------------------------------------------------------------------------------

  // What an order of the agent's met at once.
  struct Execution {
    Ticks price_ticks;
    Lots lots;
  };
  // Orders of several owners can be there; those of one must not meet each other.
  Outcome submit(Side side, Ticks price_ticks, Lots lots, TimeInForce time_in_force,
                 std::vector<Execution>& executions, Owner owner = kAgent);
  void cancel(Slot slot);
  Outcome amend(Slot slot, Ticks price_ticks, Lots lots, TimeInForce time_in_force,
                std::vector<Execution>& executions);

  // --- shocks ---------------------------------------------------------------------------------

  void bend(const Bend& bend);
  bool halted() const { return bend_.halted != 0; }
  void hold_regime(std::optional<std::size_t> regime);
  std::optional<std::size_t> held_regime() const { return background_.held_regime(); }
  void set_drift(double ticks_per_s) { background_.set_drift(ticks_per_s); }
  // News: everything up to `ticks` beyond the touch trades, and the side left behind follows. While
  // trading is halted it waits: the first call after the halt makes the jumps of the halt too.
  // True if the price jumped.
  bool jump_price(Ticks ticks);

  // --- what there is to see -------------------------------------------------------------------

  const OrderBook& book() const { return book_; }
  TimeNs now_ns() const { return now_ns_; }
  // Of all orders; the last one there was while a side is empty.
  Ticks mid_ticks_x2() const { return mid_ticks_x2_; }
  std::size_t regime() const { return background_.regime(); }
  const EventFlow& flow() const { return flow_; }
  const Factors& factors();  // of the groups' intensities, as the book is now
  double informed_gap() const { return gap_; }
  Lots lots_entered() const { return lots_entered_; }
  Lots lots_left() const { return lots_left_; }

  // Walks everything and throws InvariantError at the first contradiction.
  void check_invariants() const;

  // From now on, sums up what `take_expected` returns; costs time with every event.
  void expect_orders(bool wanted) { expects_ = wanted; }
  // Market and limit orders of each side that were to be expected since the last call by what
  // everybody sees: were every factor of the regime 1, and the hidden price that of the mid.
  // Cancels are not among them: how many are due depends on which orders flicker.
  static constexpr std::size_t kSeenGroups = 4;
  using Expected = std::array<double, kSeenGroups>;
  Expected take_expected() { return std::exchange(expected_, Expected{}); }

  // Every change of the book goes to `log` from now on; null: none does.
  void record(EventLog* log) { log_ = log; }

  void save(Writer& out) const;
  void load(Reader& in);

 private:
  struct Touch {
    std::array<Ticks, 2> price;
    std::array<Lots, 2> lots;
  };

  [[noreturn]] void refuse_runaway() const;
  Touch touch() const {
    return {{book_.best(Side::kBid), book_.best(Side::kAsk)},
            {book_.best_lots(Side::kBid), book_.best_lots(Side::kAsk)}};
  }
  void refresh_tilt();
  void refresh_gap(Side side);
  void refresh_slow_factors();
  void expect(float seconds);
  // An order has come to rest here: is this now the price behind the best one?
  void watch_new_second(Side side, Ticks price_ticks) {
    const std::size_t s = index_of(side);
    const bool ahead = sign(side) * (price_ticks - second_[s]) > 0;
    const bool behind = sign(side) * (touch_.price[s] - price_ticks) > 0;
    second_stale_[s] |= ahead && behind;
  }
  void after_change();
  void price_changed(const Touch& before);

  void happen(Group group, Slot cancelled);
  void add_limit(Side side, Ticks lost_ticks);
  Ticks behind_ticks(Side side, Ticks lost_ticks, const EventDraws& draws) const;
  bool excites(Side side, Ticks price_ticks) const;
  bool is_seen(Group group, Slot cancelled) const;
  void trade(Side resting_side);
  double cancels_kept(Side side, const Order& order) const;
  Slot drawn_cancel(Group group) const;
  void cancel_one(Slot slot);
  Ticks improving_ticks(Side side, Ticks lost_ticks, const EventDraws& draws) const;
  Ticks reference_price(Side side) const;
  Slot rest(Side side, Ticks price_ticks, Lots lots, OrderClass order_class, std::uint8_t flags);
  void take_off(Slot slot, Lots lots, std::uint8_t flags);
  Lots execute(Side resting_side, Lots lots, Ticks limit_ticks);
  Lots bent(Lots lots, double factor) const;
  std::uint32_t far_word(Side side) {
    return static_cast<std::uint32_t>(far_streams_[static_cast<std::size_t>(side)].word());
  }

  void start_empty(SeedKey key, std::uint64_t episode, TimeNs now_ns);
  void place_first_book(Ticks mid_ticks);
  void begin_at_touch();
  void keep_reach(Side side);
  void leave_other_side(Side side);
  Ticks searched_ticks() const { return 8 * model_->depth_ticks; }  // in vain, at most
  Lots lots_in_reach(Side side) const;
  bool reach_out(Side side, Lots lots, Ticks limit_ticks);
  void meet_far_levels(Submission& order);
  void draw_level(Side side, Ticks price_ticks);
  void clear_level(Side side, Ticks price_ticks);
  void rest_anew(Side side, Ticks price_ticks);
  void set_bend(const Bend& bend);
  void excite_by_agent(Group group, Ticks price_ticks, Lots lots);
  void log(EventKind kind, Side side, Ticks price_ticks, Lots lots, std::uint64_t order_id,
           std::uint8_t flags) {
    if (log_ != nullptr) [[unlikely]] {
      write_log(kind, side, price_ticks, lots, order_id, flags);
    }
  }
  void write_log(EventKind kind, Side side, Ticks price_ticks, Lots lots, std::uint64_t order_id,
                 std::uint8_t flags);

  const FlowModel* model_;
  bool mirrored_;
  AgentReaction reaction_;
  OrderBook book_;
  EventFlow flow_;
  Background background_;
  std::array<Stream, 2> far_streams_;
  TimeNs now_ns_ = 0;
  Ticks mid_ticks_x2_ = 0;
  Ticks first_mid_ticks_x2_ = 0;
  std::array<Ticks, 2> reach_{};  // the deepest price of each side that has been drawn
  Bend bend_;
  Ticks waiting_jump_ticks_ = 0;  // news of a halt
  Touch touch_{};
  Factors factors_;
  Factors slow_factors_;            // of what changes seldom: prices, tilts, regime, season, halt
  bool slow_factors_stale_ = true;  // out of date
  std::array<Ticks, 2> second_{};   // the price behind the best one
  std::array<bool, 2> second_stale_{true, true};
  std::array<Ticks, 2> lost_ticks_{};  // by which the last event made the best price worse
  std::array<float, 2> gap_factor_{1.0F, 1.0F};
  double gap_ = 0.0;
  std::array<float, 2> market_tilt_{1.0F, 1.0F};  // by the side that is hit
  std::array<float, 2> limit_tilt_{1.0F, 1.0F};
  std::size_t spread_bin_ = 0;
  double reaction_budget_ = 0.0;
  TimeNs reaction_ns_ = 0;
  Lots lots_entered_ = 0;
  Lots lots_left_ = 0;
  bool expects_ = false;
  Expected expected_{};
  Happened happened_;
  std::vector<Fill> agent_fills_;
  EventLog* log_ = nullptr;
};

}  // namespace rlmm

#include "market/flow_book_inline.h"
