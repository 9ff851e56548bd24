// A slow, obvious twin of the analytic market on the same random draws: absolute times, one list of
// events, cumulative hazards, wide integers, and no short cut.
//
// Equality is exact for everything counted in integers; sums of doubles may differ in rounding.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "agent/latency.h"
#include "params.h"
#include "rng.h"

namespace rlmm {

struct TwinStep {
  std::array<Lots, 2> maker_lots{};
  Lots taker_lots = 0;
  std::array<std::int64_t, 2> orders{};  // market sells, market buys
  std::int64_t messages = 0;
  double inventory_squared_s = 0.0;
  double inventory_absolute_s = 0.0;
  double soft_excess_squared_s = 0.0;
};

class Twin {
 public:
  Twin(const EnvParams& params, SeedKey key, std::uint64_t episode);
  TwinStep step(const Quotes& quotes);

  Lots inventory = 0;
  Money cash = 0;
  Money spread_pnl_x2 = 0;
  Money inventory_pnl_x2 = 0;
  std::size_t regime = 0;
  Ticks mid_ticks = 0;
  double exact_mid_ticks = 0.0;
  std::int64_t steps = 0;

  // The exact cumulative fee in whole tick lots, rounded down.
  Money fees() const;
  Lots known_inventory() const;

 private:
  __extension__ using Wide = __int128;
  static constexpr double kNever = std::numeric_limits<double>::infinity();

  // Fires when its hazard, the integral of its rate, reaches the target.
  struct Clock {
    double hazard = 0.0;
    double target = 0.0;
    double seconds_left(double rate_hz) const {
      return rate_hz > 0.0 ? (target - hazard) / rate_hz : kNever;
    }
  };
  struct Order {
    TimeNs arrival_ns = 0;
    std::array<Ticks, 2> price_ticks{};
    std::array<Lots, 2> lots{};
  };
  struct Report {
    TimeNs heard_ns;
    Lots signed_lots;
  };

  Stream stream(Purpose purpose) const { return {key_, episode_, purpose}; }
  double order_rate_hz(std::size_t side) const;
  double leave_rate_hz() const;
  void send(const Quotes& quotes, TwinStep& out);
  void arrive(const Order& order, TwinStep& out);
  void wait(double seconds, TwinStep& out);
  void meet(std::size_t side, TwinStep& out);
  bool reaches(std::size_t side, Ticks depth_ticks);
  void trade(std::size_t side, Ticks price_ticks, Lots lots, bool maker, double at_s);
  void switch_regime();
  void move_mid();
  void hear();

  EnvParams params_;
  SeedKey key_;
  std::uint64_t episode_;
  std::array<Stream, 2> order_stream_;
  std::array<Stream, 2> mark_stream_;
  Stream mid_stream_, jump_stream_, regime_stream_, feed_stream_, entry_stream_, response_stream_;
  Delay feed_, entry_, response_;
  std::array<Clock, 2> order_clock_;
  Clock regime_clock_;
  double now_s_ = 0.0;  // since the start of the step
  double variance_ticks2_ = 0.0;
  Wide fees_e9_ = 0;
  std::vector<Order> in_flight_;
  Order standing_;
  Order newest_;
  std::vector<Report> unheard_;
  TimeNs feed_ns_ = 0;
  TimeNs last_arrival_ns_ = 0;
  TimeNs last_heard_ns_ = 0;
};

inline Twin::Twin(const EnvParams& params, SeedKey key, std::uint64_t episode)
    : params_(params),
      key_(key),
      episode_(episode),
      order_stream_{stream(Purpose::kSellArrival), stream(Purpose::kBuyArrival)},
      mark_stream_{stream(Purpose::kSellMark), stream(Purpose::kBuyMark)},
      mid_stream_(stream(Purpose::kMid)),
      jump_stream_(stream(Purpose::kJump)),
      regime_stream_(stream(Purpose::kRegime)),
      feed_stream_(stream(Purpose::kFeedLatency)),
      entry_stream_(stream(Purpose::kEntryLatency)),
      response_stream_(stream(Purpose::kResponseLatency)),
      feed_(params.latency.feed),
      entry_(params.latency.entry),
      response_(params.latency.response) {
  Stream start = stream(Purpose::kReset);
  const EpisodeParams& range = params.episode;
  const auto span = static_cast<std::uint64_t>(range.initial_inventory_max_lots -
                                               range.initial_inventory_min_lots + 1);
  inventory = range.initial_inventory_min_lots + static_cast<Lots>(start.below(span));
  double at = start.uniform();
  while (at >= params.analytic().initial_regime_probabilities[regime]) {
    at -= params.analytic().initial_regime_probabilities[regime++];
  }
  for (std::size_t side : {0U, 1U}) order_clock_[side].target = order_stream_[side].exponential();
  regime_clock_.target = regime_stream_.exponential();
  mid_ticks = params.analytic().mid_initial_ticks;
  exact_mid_ticks = static_cast<double>(mid_ticks);
  feed_ns_ = feed_.draw_ns(feed_stream_);
}

inline double Twin::order_rate_hz(std::size_t side) const {
  const RegimeParams& now = params_.analytic().regimes[regime];
  return params_.analytic().fill_cap *
         (side == 0 ? now.market_sell_rate_hz : now.market_buy_rate_hz);
}

inline double Twin::leave_rate_hz() const {
  double rate = 0.0;
  for (const double to : params_.analytic().switch_rates_hz[regime]) rate += to;
  return rate;
}

inline TwinStep Twin::step(const Quotes& quotes) {
  TwinStep out;
  now_s_ = 0.0;
  variance_ticks2_ = 0.0;
  send(quotes, out);
  for (;;) {
    const TimeNs end_ns = (steps + 1) * params_.episode.step_ns;
    double next_s = params_.step_s() - now_s_;
    enum { kEnd, kSell, kBuy, kSwitch, kArrive } next = kEnd;
    const auto consider = [&](auto what, double seconds) {
      if (seconds < next_s) {
        next_s = seconds;
        next = what;
      }
    };
    consider(kBuy, order_clock_[1].seconds_left(order_rate_hz(1)));
    consider(kSell, order_clock_[0].seconds_left(order_rate_hz(0)));
    consider(kSwitch, regime_clock_.seconds_left(leave_rate_hz()));
    if (!in_flight_.empty() && in_flight_[0].arrival_ns < end_ns) {
      const TimeNs since_start_ns = in_flight_[0].arrival_ns - steps * params_.episode.step_ns;
      consider(kArrive, static_cast<double>(since_start_ns) / 1e9 - now_s_);
    }
    wait(next_s, out);
    if (next == kEnd) break;
    if (next == kSell) meet(0, out);
    if (next == kBuy) meet(1, out);
    if (next == kSwitch) switch_regime();
    if (next == kArrive) {
      arrive(in_flight_[0], out);
      in_flight_.erase(in_flight_.begin());
    }
  }
  ++steps;
  move_mid();
  hear();
  return out;
}

inline void Twin::send(const Quotes& quotes, TwinStep& out) {
  Order order;
  order.price_ticks = {std::max<Ticks>(1, mid_ticks - quotes.offset_ticks[0]),
                       std::max<Ticks>(1, mid_ticks + quotes.offset_ticks[1])};
  order.lots = quotes.lots;
  for (std::size_t side : {0U, 1U}) {
    const bool there_is_one = newest_.lots[side] > 0;
    const bool wants_one = order.lots[side] > 0;
    const bool same = order.lots[side] == newest_.lots[side] &&
                      order.price_ticks[side] == newest_.price_ticks[side];
    if ((there_is_one || wants_one) && !same) ++out.messages;
  }
  newest_ = order;
  const TimeNs now_ns = steps * params_.episode.step_ns;
  order.arrival_ns = now_ns + feed_ns_ + entry_.draw_ns(entry_stream_);
  order.arrival_ns = std::max(order.arrival_ns, last_arrival_ns_);
  last_arrival_ns_ = order.arrival_ns;
  in_flight_.push_back(order);
}

inline void Twin::arrive(const Order& order, TwinStep& out) {
  standing_ = order;
  if (!params_.analytic().taker_allowed) return;
  const Ticks half = params_.analytic().half_spread_ticks;
  for (std::size_t side : {0U, 1U}) {
    const Ticks direction = side == 0 ? 1 : -1;
    const Ticks touch = mid_ticks + direction * half;
    const bool crosses = direction * (standing_.price_ticks[side] - touch) >= 0;
    if (!crosses) continue;
    const Lots room = params_.limits.inventory_cap_lots - direction * inventory;
    Lots lots = std::min(standing_.lots[side], room);
    const auto slack = static_cast<double>(direction * (standing_.price_ticks[side] - touch));
    const double slip_per_lot = params_.analytic().slippage_ticks_per_lot;
    while (lots > 0 && slip_per_lot * static_cast<double>(lots) > slack) --lots;
    standing_.lots[side] = 0;
    if (lots == 0) continue;
    const double slip = slip_per_lot * static_cast<double>(lots);
    const Ticks price = touch + direction * static_cast<Ticks>(std::nearbyint(slip));
    trade(side, price, lots, false, static_cast<double>(order.arrival_ns) / 1e9);
    out.taker_lots += lots;
  }
}

inline void Twin::wait(double seconds, TwinStep& out) {
  const double from_end_s = params_.step_s() - now_s_;
  for (std::size_t side : {0U, 1U}) order_clock_[side].hazard += order_rate_hz(side) * seconds;
  regime_clock_.hazard += leave_rate_hz() * seconds;
  now_s_ += seconds;
  const RegimeParams& now = params_.analytic().regimes[regime];
  // What comes s before the end is pulled back by exp(-theta s): its variance by exp(-2 theta s).
  const double pull = 2.0 * params_.analytic().mid_reversion_hz;
  const double kept_s =
      pull == 0.0
          ? seconds
          : (std::exp(-pull * (from_end_s - seconds)) - std::exp(-pull * from_end_s)) / pull;
  variance_ticks2_ += now.volatility_ticks * now.volatility_ticks * kept_s;
  const auto lots = static_cast<double>(std::abs(inventory));
  const double excess = lots - static_cast<double>(params_.reward.soft_limit_lots);
  out.inventory_squared_s += lots * lots * seconds * now.inventory_penalty_scale;
  out.inventory_absolute_s += lots * seconds * now.inventory_penalty_scale;
  if (excess > 0.0) {
    out.soft_excess_squared_s += excess * excess * seconds * now.inventory_penalty_scale;
  }
}

inline void Twin::meet(std::size_t side, TwinStep& out) {
  ++out.orders[side];
  order_clock_[side] = {0.0, order_stream_[side].exponential()};
  const Ticks direction = side == 0 ? 1 : -1;
  const Ticks depth = direction * (mid_ticks - standing_.price_ticks[side]);
  if (!reaches(side, depth)) return;
  const Lots room = params_.limits.inventory_cap_lots - direction * inventory;
  const Lots lots = std::min({standing_.lots[side], params_.analytic().market_order_lots, room});
  if (lots == 0) return;
  const double step_start_s = static_cast<double>(steps) * params_.step_s();
  trade(side, standing_.price_ticks[side], lots, true, step_start_s + now_s_);
  out.maker_lots[side] += lots;
}

inline bool Twin::reaches(std::size_t side, Ticks depth_ticks) {
  const AnalyticMarketParams& market = params_.analytic();
  const RegimeParams& now = market.regimes[regime];
  double kappa = now.fill_decay_per_tick;
  if (market.fill_volatility_exponent != 0.0) {
    kappa /= std::pow(now.volatility_ticks / market.volatility_reference_ticks,
                      market.fill_volatility_exponent);
  }
  const double reach = kappa * static_cast<double>(depth_ticks);
  if (market.fill_law == FillLaw::kPower) {
    return mark_stream_[side].uniform() < std::pow(1.0 + std::max(reach, 0.0), -market.fill_power);
  }
  // P(E > reach + ln cap) = exp(-reach) / cap, of cap times as many arrivals.
  return mark_stream_[side].exponential() > reach + std::log(market.fill_cap);
}

inline void Twin::trade(std::size_t side, Ticks price_ticks, Lots lots, bool maker, double at_s) {
  const std::int64_t direction = side == 0 ? 1 : -1;
  inventory += direction * lots;
  cash -= direction * price_ticks * lots;
  spread_pnl_x2 += 2 * direction * (mid_ticks - price_ticks) * lots;
  const FeeParams& fees = params_.fees;
  const double share = (maker ? fees.maker_bps : fees.taker_bps) * 1e-4;
  const double per_lot = maker ? fees.maker_ticks_per_lot : fees.taker_ticks_per_lot;
  fees_e9_ += Wide{price_ticks} * lots * static_cast<std::int64_t>(std::nearbyint(share * 1e9)) +
              Wide{lots} * static_cast<std::int64_t>(std::nearbyint(per_lot * 1e9));
  const auto at_ns = static_cast<TimeNs>(std::nearbyint(at_s * 1e9));
  last_heard_ns_ = std::max(last_heard_ns_, at_ns + response_.draw_ns(response_stream_));
  unheard_.push_back({last_heard_ns_, direction * lots});
}

inline void Twin::switch_regime() {
  double at = regime_stream_.uniform() * leave_rate_hz();
  const std::vector<double>& rates = params_.analytic().switch_rates_hz[regime];
  std::size_t to = 0;
  while (at >= rates[to]) at -= rates[to++];
  regime = to;
  regime_clock_ = {0.0, regime_stream_.exponential()};
}

inline void Twin::move_mid() {
  const AnalyticMarketParams& market = params_.analytic();
  const double theta_dt = market.mid_reversion_hz * params_.step_s();
  const double variance = variance_ticks2_;
  const auto centre = static_cast<double>(market.mid_initial_ticks);
  exact_mid_ticks = centre + (exact_mid_ticks - centre) * std::exp(-theta_dt) +
                    std::sqrt(variance) * mid_stream_.normal();
  if (market.jump_rate_hz > 0.0) {
    const std::int64_t jumps = jump_stream_.poisson(market.jump_rate_hz * params_.step_s());
    double kept = 0.0;  // each jump is pulled back from its own time, uniform in the step
    for (std::int64_t i = 0; i < jumps; ++i) {
      kept += theta_dt > 0.0 ? std::exp(-2.0 * theta_dt * jump_stream_.uniform()) : 1.0;
    }
    exact_mid_ticks += std::sqrt(kept) * market.jump_ticks * jump_stream_.normal();
  }
  const auto moved = static_cast<Ticks>(std::nearbyint(exact_mid_ticks));
  inventory_pnl_x2 += 2 * inventory * (moved - mid_ticks);
  mid_ticks = moved;
}

inline Money Twin::fees() const {
  Wide whole = fees_e9_ / 1'000'000'000;
  if (whole * 1'000'000'000 > fees_e9_) --whole;
  return static_cast<Money>(whole);
}

// The observation of this moment is read `feed_ns_` from now; what was once heard stays so.
inline void Twin::hear() {
  feed_ns_ = feed_.draw_ns(feed_stream_);
  const TimeNs read_ns = steps * params_.episode.step_ns + feed_ns_;
  std::erase_if(unheard_, [=](const Report& report) { return report.heard_ns <= read_ns; });
}

inline Lots Twin::known_inventory() const {
  Lots known = inventory;
  for (const Report& report : unheard_) known -= report.signed_lots;
  return known;
}

}  // namespace rlmm
