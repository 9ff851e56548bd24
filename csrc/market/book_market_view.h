// What the agent sees of a book market, what is recorded of a step, and the saved state.
#pragma once

#include <cmath>

#include "market/book_market.h"

namespace rlmm {
template <class Setting>
void BookMarketOf<Setting>::show() {
  state_.seen_mid_ticks_x2 = observer_.mid_ticks_x2();
  const BookObserverModel& shown = model_->observer;
  BookObserver::Moment moment;
  moment.steps_done = state_.steps_done;
  moment.first_mid_ticks_x2 = model_->setting.first_mid_ticks_x2(market_);
  moment.inventory_lots = desk_.inventory_lots();
  moment.market_sells = outcome_.market_sells;
  moment.market_buys = outcome_.market_buys;
  moment.heard_lots = heard_lots_;
  observer_.show_moment(shown, moment, view_);
  for (std::size_t k = 0; k < model_->setting.n_regimes(); ++k) {
    view_.set(Feature::kRegime, k, k == market_.regime() ? 1.0 : 0.0);
  }
  for (std::size_t k = 0; model_->filters_regime && k < regime_filter_.probabilities().size();
       ++k) {
    view_.set(Feature::kRegimeProbability, k, regime_filter_.probabilities()[k]);
  }
  if (!shown.shows_motion) return;
  for (const Side side : kSides) {
    if (!shown.shows_quotes) break;
    observer_.show_quote(side, {desk_.price_ticks(side), desk_.open_lots(side), queue_ahead(side)},
                         view_);
  }
  if (shown.shows_touch) observer_.show_touch(view_);
  if (shown.levels > 0) show_depth();
  if (shown.shows_history) observer_.show_history(view_);
}

template <class Setting>
Lots BookMarketOf<Setting>::queue_ahead(Side side) const {
  if (!is_alive(side)) return 0;
  return market_.book().queue_ahead(static_cast<Slot>(standing_[index_of(side)].slot));
}

template <class Setting>
void BookMarketOf<Setting>::show_depth() {
  const auto& book = market_.book();
  const auto best = [&book](Side side) { return book.best(side); };
  const auto next = [&book](Side side, Ticks price_ticks) {
    return book.next_price(side, price_ticks);
  };
  const auto lots_at = [&book](Side side, Ticks price_ticks) {
    return Setting::lots_at(book, side, price_ticks);
  };
  observer_.show_depth(model_->observer, best, next, lots_at,
                       {OrderBook::kNoBid, OrderBook::kNoAsk}, view_);
}

template <class Setting>
void BookMarketOf<Setting>::write_columns(ColumnRow& row) const {
  row.set(Column::kSpread, observer_.touch_ticks()[1] - observer_.touch_ticks()[0]);
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
  regime_filter_.save(out);
  observer_.save(out);
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
  regime_filter_.load(in);
  observer_.load(in);
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
