// What is seen of a book step by step, and how a view is made of it: the one code behind the
// observations of a simulated market, of a recorded one, and of live market data.
//
// Whoever has a book tells of each change of its touch and of its mid, and of events and market
// orders; the observer keeps what the features look back on.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "features/features.h"
#include "features/step_history.h"
#include "params.h"
#include "types.h"

namespace rlmm {

// What the observation does not show is not computed.
struct BookObserverModel {
  BookObserverModel(const EnvParams& params, const FeatureWriter& features);

  double step_s;
  double horizon_s;
  double return_memory;  // weight of the past in the mean square return
  std::size_t levels;    // of the book that are shown; 0: none
  bool shows_motion;
  bool shows_quotes;
  bool shows_touch;
  bool shows_history;
};

class BookObserver {
 public:
  // What the observer is told for a view, beside the book.
  struct Moment {
    std::int64_t steps_done = 0;
    Ticks first_mid_ticks_x2 = 0;
    Lots inventory_lots = 0;
    std::int64_t market_sells = 0;  // in the last step
    std::int64_t market_buys = 0;
    std::array<Lots, 2> heard_lots{};  // filled, heard of in the last step
  };
  // The agent's order of a side.
  struct Quote {
    Ticks price_ticks = 0;
    Lots open_lots = 0;
    Lots queue_ahead_lots = 0;
  };

  explicit BookObserver(const EnvParams& params) : history_(params.observation.horizons_steps) {}

  // An episode begins. Unless a side is empty from the start, the book says at once what its touch
  // is.
  void open(Ticks mid_ticks_x2) {
    state_ = State{};
    state_.mid_ticks_x2 = mid_ticks_x2;
    state_.touch_ticks = {mid_ticks_x2 / 2, mid_ticks_x2 - mid_ticks_x2 / 2};
    tally_ = StepTally{};
    history_.clear();
  }
  void begin_step() {
    tally_ = StepTally{};
    state_.step_mid_ticks_x2 = state_.mid_ticks_x2;
  }
  void end_step(const BookObserverModel& model) {
    tally_.return_x2 = state_.mid_ticks_x2 - state_.step_mid_ticks_x2;
    tally_.return_squared_x4 = tally_.return_x2 * tally_.return_x2;
    if (model.shows_history) history_.push(tally_);
    const double moved = 0.5 * static_cast<double>(tally_.return_x2);
    state_.mean_square_return_ticks2 = model.return_memory * state_.mean_square_return_ticks2 +
                                       (1.0 - model.return_memory) * moved * moved;
  }

  // Of the step under way.
  StepTally& tally() { return tally_; }
  const StepTally& tally() const { return tally_; }

  // The best price of all orders and its lots.
  void see_touch(Side side, Ticks price_ticks, Lots lots) {
    tally_.order_flow += sign(side) * flow_of(side, price_ticks, lots);
    state_.touch_ticks[index_of(side)] = price_ticks;
    state_.touch_lots[index_of(side)] = lots;
  }
  void see_mid(Ticks mid_ticks_x2) { state_.mid_ticks_x2 = mid_ticks_x2; }

  Ticks mid_ticks_x2() const { return state_.mid_ticks_x2; }  // of the others' orders
  const std::array<Ticks, 2>& touch_ticks() const { return state_.touch_ticks; }

  void show_moment(const BookObserverModel& model, const Moment& moment, BookView& view) const {
    view.set(Feature::kTimeLeft,
             model.horizon_s - static_cast<double>(moment.steps_done) * model.step_s);
    view.set(Feature::kInventory, moment.inventory_lots);
    if (!model.shows_motion) return;
    const auto start_x2 = static_cast<double>(moment.first_mid_ticks_x2);
    view.set(Feature::kMidReturn, 0.5 * static_cast<double>(tally_.return_x2));
    view.set(Feature::kMidDisplacement,
             0.5 * (static_cast<double>(state_.mid_ticks_x2) - start_x2));
    view.set(Feature::kRealisedVolatility, std::sqrt(state_.mean_square_return_ticks2));
    view.set(Feature::kMarketSells, moment.market_sells);
    view.set(Feature::kMarketBuys, moment.market_buys);
    view.set(Feature::kBidFills, moment.heard_lots[0]);
    view.set(Feature::kAskFills, moment.heard_lots[1]);
  }
  void show_quote(Side side, const Quote& quote, BookView& view) const {
    const bool bid = side == Side::kBid;
    const double distance =
        0.5 * static_cast<double>(sign(side) * (state_.mid_ticks_x2 - 2 * quote.price_ticks));
    view.set(bid ? Feature::kBidOffset : Feature::kAskOffset, quote.open_lots > 0 ? distance : 0.0);
    view.set(bid ? Feature::kBidLots : Feature::kAskLots, quote.open_lots);
    view.set(bid ? Feature::kBidQueueAhead : Feature::kAskQueueAhead, quote.queue_ahead_lots);
  }
  void show_touch(BookView& view) const {
    const auto [bid, ask] = state_.touch_ticks;
    const auto bid_lots = static_cast<double>(state_.touch_lots[0]);
    const auto ask_lots = static_cast<double>(state_.touch_lots[1]);
    view.set(Feature::kSpread, ask - bid);
    const double tilt = ratio(bid_lots - ask_lots, bid_lots + ask_lots);
    const double own_mid = 0.5 * static_cast<double>(bid + ask - state_.mid_ticks_x2);
    view.set(Feature::kMicroprice, own_mid + 0.5 * static_cast<double>(ask - bid) * tilt);
  }
  // `best(side)` and `next(side, price)` are nothing_there(side) where there is no level.
  template <class Best, class Next, class LotsAt>
  void show_depth(const BookObserverModel& model, const Best& best, const Next& next,
                  const LotsAt& lots_at, const std::array<Ticks, 2>& nothing_there,
                  BookView& view) const {
    std::array<Ticks, 2> price{best(Side::kBid), best(Side::kAsk)};
    std::array<double, 2> sums{};
    for (std::size_t level = 0; level < model.levels; ++level) {
      for (const Side side : kSides) {
        const std::size_t s = index_of(side);
        const bool there = price[s] != nothing_there[s];
        const auto lots = there ? static_cast<double>(lots_at(side, price[s])) : 0.0;
        const double distance =
            there ? 0.5 * static_cast<double>(sign(side) * (state_.mid_ticks_x2 - 2 * price[s]))
                  : 0.0;
        view.set(s == 0 ? Feature::kBidDistance : Feature::kAskDistance, level, distance);
        view.set(s == 0 ? Feature::kBidDepth : Feature::kAskDepth, level, lots);
        sums[s] += lots;
        if (there) price[s] = next(side, price[s]);
      }
      view.set(Feature::kImbalance, level, ratio(sums[0] - sums[1], sums[0] + sums[1]));
    }
  }
  void show_history(BookView& view) const;

  void save(Writer& out) const;
  void load(Reader& in);

 private:
  struct State {
    Ticks mid_ticks_x2 = 0;
    Ticks step_mid_ticks_x2 = 0;  // when the step began
    double mean_square_return_ticks2 = 0.0;
    std::array<Ticks, 2> touch_ticks{};  // of all orders, while the others have both sides
    std::array<Lots, 2> touch_lots{};
  };

  static double ratio(double part, double whole) { return whole > 0.0 ? part / whole : 0.0; }
  // Order-flow imbalance of one side: lots that came to its best price less lots that went.
  Lots flow_of(Side side, Ticks price_ticks, Lots lots) const {
    const std::int64_t better = sign(side) * (price_ticks - state_.touch_ticks[index_of(side)]);
    return (better >= 0 ? lots : 0) - (better <= 0 ? state_.touch_lots[index_of(side)] : 0);
  }

  State state_;
  StepTally tally_;  // of the step under way
  StepHistory history_;
};

}  // namespace rlmm
