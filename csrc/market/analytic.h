// The market without a book: Poisson market orders in continuous time, a fill law, a diffusing mid
// price, switching regimes. Simple enough to be solved exactly, so it is the proof of the rest.
//
// Within a step the quotes' prices are held. Each side has a clock of market orders; an order that
// arrives carries a mark, drawn whether or not the agent quotes, that says how deep it reaches, and
// fills the quote if that is deep enough. The mid moves at the end of the step by a draw of its
// exact law over the step. The regime of the step's variance and rates is exact in continuous time.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "agent/latency.h"
#include "market/market.h"

namespace rlmm {

// Everything a step needs that does not change, computed once for all environments of a batch.
class AnalyticModel {
 public:
  struct Regime {
    std::array<double, 2> order_rate_hz;  // [bid]: market sells, [ask]: market buys; x fill_cap
    double leave_rate_hz;
    double variance_ticks2;       // of the mid, per second
    double step_deviation_ticks;  // of the mid, over a whole step spent in this regime
    double penalty_scale;
    double decay_per_tick;
    std::vector<double> jump_cumulative;  // over target regimes, last is leave_rate_hz
  };

  AnalyticModel(const EnvParams& params, const FeatureWriter& features);

  double kept_seconds(double before_end_s, double seconds) const;

  // Whether a market order with this mark fills a quote `depth_ticks` from the mid.
  bool filled(std::size_t regime, Ticks depth_ticks, Stream& mark) const;

  EnvParams params;
  std::vector<Regime> regimes;
  std::vector<double> initial_cumulative;
  double step_s;
  double horizon_s;
  double mid_initial_ticks;
  double log_fill_cap;
  double soft_limit_lots;
  double reversion;  // exp(-mid_reversion_hz * step_s)
  double jumps_per_step;
  double return_memory;  // weight of the past in the mean square return
  bool taker_allowed;
  bool has_latency;
  bool shows_motion;
  bool filters_regime;
  Delay feed;
  Delay entry;
  Delay response;
  std::vector<double> quiet_step;  // K x K: regime kernel over a step in which no order arrives
};

class AnalyticMarket {
 public:
  using Model = AnalyticModel;

  // `model` must outlive the market.
  explicit AnalyticMarket(const AnalyticModel& model) : model_(&model), fees_(model.params.fees) {}

  void reset(SeedKey key, std::uint64_t episode);
  StepOutcome step(const Quotes& quotes);
  const MarketView& view() const { return view_; }
  const Account& account() const { return account_; }
  std::int64_t steps_done() const { return state_.steps_done; }
  std::size_t regime() const { return state_.regime; }
  FillLog& fill_log() { return fill_log_; }
  void save(Writer& out) const;
  void load(Reader& in);

 private:
  // A quote as the market holds it: an absolute price.
  struct Standing {
    std::array<Ticks, 2> price_ticks{};
    std::array<Lots, 2> lots{};
  };
  struct InFlight {
    TimeNs arrival_ns;
    Standing quotes;
  };
  struct UnheardFill {
    TimeNs heard_ns;
    Lots signed_lots;
  };
  struct Streams {
    Stream mid;
    Stream jump;
    Stream regime;
    std::array<Stream, 2> order;  // clocks, by the side they hit
    std::array<Stream, 2> mark;
    Stream feed;
    Stream entry;
    Stream response;

    bool sound() const {
      return mid.sound() && jump.sound() && regime.sound() && order[0].sound() &&
             order[1].sound() && mark[0].sound() && mark[1].sound() && feed.sound() &&
             entry.sound() && response.sound();
    }
  };
  struct State {
    double mid_ticks = 0.0;               // exact; the quoted mid is this rounded
    std::array<double, 2> order_clock{};  // unit-rate time left until the next market order
    double regime_clock = 0.0;
    std::size_t regime = 0;
    std::int64_t steps_done = 0;
    double mean_square_return_ticks2 = 0.0;  // exponentially weighted
    Lots unheard_lots = 0;
    TimeNs feed_ns = 0;  // age of the present observation when the agent gets it
    Standing standing;
    Standing sent;  // the newest quotes on their way or standing
  };

  const AnalyticModel::Regime& regime_now() const { return model_->regimes[state_.regime]; }
  Ticks mid_ticks() const { return account_.mid_ticks_x2() / 2; }
  TimeNs now_ns() const { return state_.steps_done * model_->params.episode.step_ns; }
  Lots room_lots(Side side) const;

  void send(const Quotes& quotes, StepOutcome& outcome);
  void cross(TimeNs at_ns, StepOutcome& outcome);
  bool is_quiet(double seconds) const;
  void elapse(double seconds, StepOutcome& outcome);
  double run_clocks(StepOutcome& outcome);  // returns the step's deviation of the mid in ticks
  void meet_order(Side side, double at_s, StepOutcome& outcome);
  void book_fill(Side side, Ticks price_ticks, Lots lots, bool maker, TimeNs at_ns,
                 StepOutcome& outcome);
  void switch_regime();
  double move_mid(double deviation_ticks, StepOutcome& outcome);  // returns the move in ticks
  double jump_ticks();
  std::array<Lots, 2> hear_fills();  // lots heard of, bought and sold
  void update_filter(const StepOutcome& outcome);
  void show_basics();
  void show_motion(const StepOutcome& outcome, const std::array<Lots, 2>& heard_lots,
                   double return_ticks);
  void show_regime();

  const AnalyticModel* model_;
  Account account_;
  State state_;
  MarketView view_;
  FeeSchedule fees_;
  FillLog fill_log_;
  Streams streams_;
  std::vector<InFlight> in_flight_;
  std::vector<UnheardFill> unheard_;
  Line entry_line_;
  Line response_line_;
  std::vector<double> regime_probabilities_;
};

// The hot path: a step in which nothing arrives costs a handful of comparisons and one draw.

inline bool AnalyticMarket::is_quiet(double seconds) const {
  const AnalyticModel::Regime& regime = regime_now();
  return state_.order_clock[0] > regime.order_rate_hz[0] * seconds &&
         state_.order_clock[1] > regime.order_rate_hz[1] * seconds &&
         state_.regime_clock > regime.leave_rate_hz * seconds;
}

inline void AnalyticMarket::elapse(double seconds, StepOutcome& outcome) {
  const AnalyticModel::Regime& regime = regime_now();
  state_.order_clock[0] -= regime.order_rate_hz[0] * seconds;
  state_.order_clock[1] -= regime.order_rate_hz[1] * seconds;
  state_.regime_clock -= regime.leave_rate_hz * seconds;
  const double inventory = std::fabs(static_cast<double>(account_.inventory_lots()));
  const double weight = regime.penalty_scale * seconds;
  const double excess = std::max(0.0, inventory - model_->soft_limit_lots);
  outcome.inventory_squared_s += inventory * inventory * weight;
  outcome.inventory_absolute_s += inventory * weight;
  outcome.soft_excess_squared_s += excess * excess * weight;
}

inline void AnalyticMarket::send(const Quotes& quotes, StepOutcome& outcome) {
  const Ticks mid = mid_ticks();
  // As at the desk of markets with a book, no price is below one tick.
  const Standing wanted{{std::max<Ticks>(1, mid - quotes.offset_ticks[0]),
                         std::max<Ticks>(1, mid + quotes.offset_ticks[1])},
                        quotes.lots};
  for (std::size_t side = 0; side < 2; ++side) {
    const Lots before = state_.sent.lots[side];
    const bool repriced = wanted.price_ticks[side] != state_.sent.price_ticks[side];
    const bool resized = wanted.lots[side] != before;
    outcome.messages += static_cast<std::int64_t>(resized || (repriced && before != 0));
  }
  state_.sent = wanted;
  if (model_->has_latency) {
    const TimeNs delay_ns = state_.feed_ns + model_->entry.draw_ns(streams_.entry);
    in_flight_.push_back({entry_line_.arrival_ns(now_ns(), delay_ns), wanted});
    return;
  }
  state_.standing = wanted;
  if (model_->taker_allowed) cross(now_ns(), outcome);
}

inline double AnalyticMarket::move_mid(double deviation_ticks, StepOutcome& outcome) {
  const double initial = model_->mid_initial_ticks;
  const double before = state_.mid_ticks;
  double after =
      initial + (before - initial) * model_->reversion + deviation_ticks * streams_.mid.normal();
  if (model_->jumps_per_step > 0.0) after += jump_ticks();
  constexpr double kPriceMax = 0x1p40;
  if (!(after >= 1.0 && after <= kPriceMax)) [[unlikely]] {
    throw RangeError("mid price: expected from 1 to 2^40 ticks, got " + std::to_string(after) +
                     "; use a finer tick, a higher mid_initial_ticks, or less volatility");
  }
  state_.mid_ticks = after;
  outcome.pnl_inventory_x2 = account_.mark(2 * round_to_integer(after));
  return after - before;
}

inline void AnalyticMarket::show_basics() {
  const double gone_s = static_cast<double>(state_.steps_done) * model_->step_s;
  view_.set(Feature::kTimeLeft, model_->horizon_s - gone_s);
  view_.set(Feature::kInventory, account_.inventory_lots() - state_.unheard_lots);
}

inline StepOutcome AnalyticMarket::step(const Quotes& quotes) {
  StepOutcome outcome;
  send(quotes, outcome);
  double deviation_ticks = regime_now().step_deviation_ticks;
  if (is_quiet(model_->step_s) && in_flight_.empty()) [[likely]] {
    elapse(model_->step_s, outcome);
  } else {
    deviation_ticks = run_clocks(outcome);
  }
  ++state_.steps_done;
  if (fill_log_.is_on()) fill_log_.settle(now_ns(), account_.mid_ticks_x2());
  const double return_ticks = move_mid(deviation_ticks, outcome);
  const std::array<Lots, 2> heard_lots = model_->has_latency ? hear_fills() : outcome.maker_lots;
  if (model_->shows_motion) show_motion(outcome, heard_lots, return_ticks);
  if (model_->filters_regime) update_filter(outcome);
  show_basics();
  return outcome;
}

}  // namespace rlmm
