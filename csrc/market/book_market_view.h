// What the agent sees of a book market, what is recorded of a step, and the saved state.
#pragma once

#include <cmath>

#include "market/book_market.h"

namespace rlmm {
namespace detail {

inline double ratio(double part, double whole) { return whole > 0.0 ? part / whole : 0.0; }

}  // namespace detail

template <class Setting>
void BookMarketOf<Setting>::show() {
  state_.seen_mid_ticks_x2 = state_.mid_ticks_x2;
  const double step_s = model_->params.step_s();
  view_.set(Feature::kTimeLeft,
            model_->horizon_s - static_cast<double>(state_.steps_done) * step_s);
  view_.set(Feature::kInventory, desk_.inventory_lots());
  for (std::size_t k = 0; k < model_->setting.n_regimes(); ++k) {
    view_.set(Feature::kRegime, k, k == market_.regime() ? 1.0 : 0.0);
  }
  for (std::size_t k = 0; model_->filters_regime && k < regime_filter_.probabilities().size();
       ++k) {
    view_.set(Feature::kRegimeProbability, k, regime_filter_.probabilities()[k]);
  }
  if (!model_->shows_motion) return;
  const auto start_x2 = static_cast<double>(model_->setting.first_mid_ticks_x2(market_));
  view_.set(Feature::kMidReturn, 0.5 * static_cast<double>(tally_.return_x2));
  view_.set(Feature::kMidDisplacement, 0.5 * (static_cast<double>(state_.mid_ticks_x2) - start_x2));
  view_.set(Feature::kRealisedVolatility, std::sqrt(state_.mean_square_return_ticks2));
  view_.set(Feature::kMarketSells, outcome_.market_sells);
  view_.set(Feature::kMarketBuys, outcome_.market_buys);
  view_.set(Feature::kBidFills, heard_lots_[0]);
  view_.set(Feature::kAskFills, heard_lots_[1]);
  if (model_->shows_quotes) show_quotes();
  if (model_->shows_touch) show_touch();
  if (model_->levels > 0) show_depth();
  if (model_->shows_history) show_history();
}

template <class Setting>
void BookMarketOf<Setting>::show_quotes() {
  for (const Side side : kSides) {
    const std::size_t s = index_of(side);
    const Lots open_lots = desk_.open_lots(side);
    const double distance =
        0.5 * static_cast<double>(sign(side) * (state_.mid_ticks_x2 - 2 * desk_.price_ticks(side)));
    view_.set(s == 0 ? Feature::kBidOffset : Feature::kAskOffset, open_lots > 0 ? distance : 0.0);
    view_.set(s == 0 ? Feature::kBidLots : Feature::kAskLots, open_lots);
    view_.set(s == 0 ? Feature::kBidQueueAhead : Feature::kAskQueueAhead, queue_ahead(side));
  }
}

template <class Setting>
Lots BookMarketOf<Setting>::queue_ahead(Side side) const {
  if (!is_alive(side)) return 0;
  return market_.book().queue_ahead(static_cast<Slot>(standing_[index_of(side)].slot));
}

template <class Setting>
void BookMarketOf<Setting>::show_touch() {
  const auto [bid, ask] = state_.touch_ticks;
  const auto bid_lots = static_cast<double>(state_.touch_lots[0]);
  const auto ask_lots = static_cast<double>(state_.touch_lots[1]);
  view_.set(Feature::kSpread, ask - bid);
  const double tilt = detail::ratio(bid_lots - ask_lots, bid_lots + ask_lots);
  const double own_mid = 0.5 * static_cast<double>(bid + ask - state_.mid_ticks_x2);
  view_.set(Feature::kMicroprice, own_mid + 0.5 * static_cast<double>(ask - bid) * tilt);
}

template <class Setting>
void BookMarketOf<Setting>::show_depth() {
  const auto& book = market_.book();
  std::array<Ticks, 2> price{book.best(Side::kBid), book.best(Side::kAsk)};
  std::array<double, 2> sums{};
  for (std::size_t level = 0; level < model_->levels; ++level) {
    for (const Side side : kSides) {
      const std::size_t s = index_of(side);
      const bool there = price[s] != OrderBook::kNoBid && price[s] != OrderBook::kNoAsk;
      const auto lots = there ? static_cast<double>(Setting::lots_at(book, side, price[s])) : 0.0;
      const double distance =
          there ? 0.5 * static_cast<double>(sign(side) * (state_.mid_ticks_x2 - 2 * price[s]))
                : 0.0;
      view_.set(s == 0 ? Feature::kBidDistance : Feature::kAskDistance, level, distance);
      view_.set(s == 0 ? Feature::kBidDepth : Feature::kAskDepth, level, lots);
      sums[s] += lots;
      if (there) price[s] = book.next_price(side, price[s]);
    }
    view_.set(Feature::kImbalance, level, detail::ratio(sums[0] - sums[1], sums[0] + sums[1]));
  }
}

template <class Setting>
void BookMarketOf<Setting>::show_history() {
  for (std::size_t i = 0; i < history_.horizons(); ++i) {
    const StepTally& sum = history_.sum(i);
    const auto steps = static_cast<double>(history_.steps(i));
    const auto bought = static_cast<double>(sum.bought);
    const auto sold = static_cast<double>(sum.sold);
    view_.set(Feature::kReturn, i, 0.5 * static_cast<double>(sum.return_x2));
    view_.set(Feature::kVolatility, i,
              0.5 * std::sqrt(static_cast<double>(sum.return_squared_x4) / steps));
    view_.set(Feature::kOrderFlow, i, static_cast<double>(sum.order_flow) / steps);
    view_.set(Feature::kTradeSign, i, detail::ratio(bought - sold, bought + sold));
    view_.set(Feature::kTradeVolume, i, (bought + sold) / steps);
    view_.set(Feature::kActivity, i, static_cast<double>(sum.events) / steps);
  }
}

template <class Setting>
void BookMarketOf<Setting>::write_columns(ColumnRow& row) const {
  row.set(Column::kSpread, state_.touch_ticks[1] - state_.touch_ticks[0]);
  row.set(Column::kBidQueueAhead, queue_ahead(Side::kBid));
  row.set(Column::kAskQueueAhead, queue_ahead(Side::kAsk));
  row.set(Column::kEvents, extra_.events);
  row.set(Column::kMessagesRefused, extra_.refused);
  row.set(Column::kLotsRejected, extra_.rejected_lots);
  for (std::size_t h = 0; h < kMarkouts; ++h) {
    row.set(Column::kMarkout, h, 0.5 * static_cast<double>(extra_.markouts.gain_x2[h]));
    row.set(Column::kMarkoutLots, h, extra_.markouts.lots[h]);
  }
}

template <class Setting>
void BookMarketOf<Setting>::save(Writer& out) const {
  market_.save(out);
  out.put(account_);
  out.put(fees_.carried_e9());
  desk_.save(out);
  markouts_.save(out);
  fill_log_.save(out);
  history_.save(out);
  regime_filter_.save(out);
  out.put(tally_);
  out.put(state_);
  out.put(standing_);
  out.put_vector(in_flight_);
  out.put_vector(notices_);
  out.put(entry_line_);
  out.put(response_line_);
  out.put(feed_stream_);
  out.put(entry_stream_);
  out.put(response_stream_);
  out.put(view_);
}

template <class Setting>
void BookMarketOf<Setting>::load(Reader& in) {
  if (trace_ != nullptr) trace(nullptr);
  market_.load(in);
  account_ = in.get<Account>();
  const auto carried = in.get<std::int64_t>();
  desk_.load(in);
  markouts_.load(in);
  fill_log_.load(in);
  history_.load(in);
  regime_filter_.load(in);
  tally_ = in.get<StepTally>();
  state_ = in.get<State>();
  standing_ = in.get<std::array<Standing, 2>>();
  in_flight_ = in.get_vector<Message>();
  notices_ = in.get_vector<Notice>();
  entry_line_ = in.get<Line>();
  response_line_ = in.get<Line>();
  feed_stream_ = in.get<Stream>();
  entry_stream_ = in.get<Stream>();
  response_stream_ = in.get<Stream>();
  view_ = in.get<BookView>();
  if (!feed_stream_.sound() || !entry_stream_.sound() || !response_stream_.sound()) {
    throw std::invalid_argument("state: expected sound streams");
  }
  set_fees(model_->setting.scenario.at(now_ns()).fees);
  fees_.set_carried_e9(carried);
  check_step_ = state_.steps_done + 1;
}

}  // namespace rlmm
