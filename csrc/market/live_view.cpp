#include "market/live_view.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "book/order_book.h"

namespace rlmm {
namespace {

FeatureWriter features_of(const EnvParams& params) {
  if (params.is_analytic()) {
    throw std::invalid_argument(
        "market: expected one with a book, got 'analytic', which shows no market data");
  }
  return FeatureWriter(params);
}

}  // namespace

LiveView::LiveView(const EnvParams& params)
    : features_(features_of(params)),
      model_(params, features_),
      queue_(params.is_replay() ? params.replay().queue : QueueParams{}),
      joins_fills_(params.is_book()),
      step_ns_(params.episode.step_ns),
      n_steps_(params.episode.n_steps),
      observer_(params),
      desk_(params.limits.inventory_cap_lots, std::nullopt, Side::kBid),
      desk_before_(desk_) {
  if (features_.shows(Feature::kRegime) || features_.needs_regime_probabilities()) {
    throw std::invalid_argument(
        "observation.features: expected what a market shows, got the regime; train without "
        "'regime' and 'regime_probability'");
  }
  desk_.open(0);
}

// --- market data
// ------------------------------------------------------------------------------------

void LiveView::clear_book(TimeNs ts_ns) {
  levels_ = {};
  pending_lots_ = {};
  if (started_ && ts_ns < step_end_ns_ + step_ns_ * n_steps_) return;
  started_ = false;
}

void LiveView::set_level(Side side, Ticks price_ticks, Lots lots) {
  levels_[index_of(side)][-sign(side) * price_ticks] = lots;
}

void LiveView::start(TimeNs ts_ns) {
  if (!has_both()) return;
  if (started_) {
    look();
    return;
  }
  started_ = true;
  observer_.open(others_best(Side::kBid) + others_best(Side::kAsk));
  look();
  observer_.begin_step();
  step_end_ns_ = ts_ns + step_ns_;
  steps_done_ = 0;
  first_mid_ticks_x2_ = observer_.mid_ticks_x2();
  market_sells_ = market_buys_ = 0;
  heard_lots_ = {};
  show();
}

bool LiveView::has_both() const {
  return others_best(Side::kBid) != OrderBook::kNoBid &&
         others_best(Side::kAsk) != OrderBook::kNoAsk;
}

bool LiveView::is_own(const Row& row) const {
  if ((row.flags & kFlagAgent) != 0) return true;
  return row.order_id != 0 &&
         std::ranges::any_of(own_, [&](const Own& one) { return one.order_id == row.order_id; });
}

Lots LiveView::level_lots(Side side, Ticks price_ticks) const {
  const Levels& levels = levels_[index_of(side)];
  const auto level = levels.find(-sign(side) * price_ticks);
  return level == levels.end() ? 0 : level->second;
}

void LiveView::apply(const Row& row) {
  const Side side = row.side > 0 ? Side::kBid : Side::kAsk;
  bool happened = true;
  switch (row.kind) {
    case EventKind::kAdd:
    case EventKind::kSnapshot:
      add(side, row);
      happened = !is_own(row);
      break;
    case EventKind::kCancel:
      take(side, row);
      happened = !is_own(row);
      break;
    case EventKind::kTrade:
      if (row.side == 0) break;
      count_market_order(side, row);
      if ((row.flags & kFlagHidden) == 0) take(side, row);
      happened = !joins_fills_ || (row.flags & kFlagMoreFills) == 0;
      break;
    case EventKind::kClear:
      for (const Side one : kSides) {
        if (row.side == 0 || one == side) levels_[index_of(one)].clear();
      }
      break;
    case EventKind::kStatus:
      break;
    case EventKind::kModify:
      throw std::invalid_argument("row: expected changes of a level, got what it holds now");
  }
  if (happened) ++observer_.tally().events;
  const bool goes_on =
      joins_fills_ && row.kind == EventKind::kTrade && (row.flags & kFlagMoreFills) != 0;
  if (started_ && !goes_on) look();
}

void LiveView::add(Side side, const Row& row) {
  levels_[index_of(side)][-sign(side) * row.price_ticks] += row.lots;
  Own& own = own_[index_of(side)];
  const bool joins = own_lots_at(side, row.price_ticks) > 0 && !is_own(row);
  if (joins && row.order_id != 0) own.behind.insert(row.order_id);
}

void LiveView::take(Side side, const Row& row) {
  Levels& levels = levels_[index_of(side)];
  const auto level = levels.find(-sign(side) * row.price_ticks);
  if (level == levels.end() || level->second < row.lots) {
    throw std::invalid_argument("row: expected lots that are there, got " +
                                std::to_string(row.lots) + " off a level of " +
                                std::to_string(level == levels.end() ? 0 : level->second) + " at " +
                                std::to_string(row.price_ticks));
  }
  if (own_lots_at(side, row.price_ticks) > 0 && !is_own(row)) pass_queue(side, row);
  level->second -= row.lots;
  if (level->second == 0) levels.erase(level);
}

// Lots of others leave the level at which the agent waits.
void LiveView::pass_queue(Side side, const Row& row) {
  Own& own = own_[index_of(side)];
  const auto lots = static_cast<double>(row.lots);
  const auto others =
      static_cast<double>(level_lots(side, row.price_ticks) - own_lots_at(side, row.price_ticks));
  const auto behind = own.behind.find(row.order_id);
  double from_ahead = lots;
  if (row.order_id != 0 && behind != own.behind.end()) {
    from_ahead = 0.0;
    if ((row.flags & kFlagRemains) == 0) own.behind.erase(behind);
  } else if (row.order_id == 0 && row.kind == EventKind::kCancel) {
    from_ahead = share_ahead(queue_, own.ahead_lots, std::max(0.0, others - own.ahead_lots)) * lots;
  }
  own.ahead_lots = std::clamp(own.ahead_lots - from_ahead, 0.0, std::max(0.0, others - lots));
}

void LiveView::count_market_order(Side side, const Row& row) {
  Lots& pending = pending_lots_[index_of(side)];
  pending += row.lots;
  if ((row.flags & kFlagMoreFills) != 0) return;
  const bool sold = side == Side::kBid;
  ++(sold ? market_sells_ : market_buys_);
  (sold ? observer_.tally().sold : observer_.tally().bought) += pending;
  pending = 0;
}

// The best price among the others' orders.
Ticks LiveView::others_best(Side side) const {
  for (const auto& [key, lots] : levels_[index_of(side)]) {
    const Ticks price = -sign(side) * key;
    if (lots > own_lots_at(side, price)) return price;
  }
  return side == Side::kBid ? OrderBook::kNoBid : OrderBook::kNoAsk;
}

// While the others lack a side everything stays as it last was, as in training.
void LiveView::look() {
  const std::array<Ticks, 2> best{others_best(Side::kBid), others_best(Side::kAsk)};
  if (best[0] == OrderBook::kNoBid || best[1] == OrderBook::kNoAsk) return;
  for (const Side side : kSides) {
    const auto& [key, lots] = *levels_[index_of(side)].begin();
    observer_.see_touch(side, -sign(side) * key, lots);
  }
  observer_.see_mid(best[0] + best[1]);
}

bool LiveView::end_step() {
  if (!started_) throw std::logic_error("end_step: expected a start before, got none");
  observer_.end_step(model_);
  step_end_ns_ += step_ns_;
  ++steps_done_;
  if (steps_done_ == n_steps_) {
    steps_done_ = 0;
    first_mid_ticks_x2_ = observer_.mid_ticks_x2();
  }
  show();
  observer_.begin_step();
  market_sells_ = market_buys_ = 0;
  heard_lots_ = {};
  return has_both();
}

void LiveView::show() {
  seen_mid_ticks_x2_ = observer_.mid_ticks_x2();
  BookObserver::Moment moment;
  moment.steps_done = steps_done_;
  moment.first_mid_ticks_x2 = first_mid_ticks_x2_;
  moment.inventory_lots = desk_.inventory_lots();
  moment.market_sells = market_sells_;
  moment.market_buys = market_buys_;
  moment.heard_lots = heard_lots_;
  observer_.show_moment(model_, moment, view_);
  if (!model_.shows_motion) return;
  for (const Side side : kSides) {
    if (!model_.shows_quotes) break;
    const Own& own = own_[index_of(side)];
    const auto ahead = static_cast<Lots>(std::ceil(own.lots > 0 ? own.ahead_lots : 0.0));
    observer_.show_quote(side, {desk_.price_ticks(side), desk_.open_lots(side), ahead}, view_);
  }
  if (model_.shows_touch) observer_.show_touch(view_);
  if (model_.levels > 0) {
    std::array<Levels::const_iterator, 2> at{levels_[0].begin(), levels_[1].begin()};
    const auto here = [&](Side side) {
      const std::size_t s = index_of(side);
      if (at[s] == levels_[s].end()) return s == 0 ? OrderBook::kNoBid : OrderBook::kNoAsk;
      return -sign(side) * at[s]->first;
    };
    const auto next = [&](Side side, Ticks) {
      ++at[index_of(side)];
      return here(side);
    };
    const auto lots_at = [&](Side side, Ticks) { return at[index_of(side)]->second; };
    observer_.show_depth(model_, here, next, lots_at, {OrderBook::kNoBid, OrderBook::kNoAsk},
                         view_);
  }
  if (model_.shows_history) observer_.show_history(view_);
}

// --- the agent
// --------------------------------------------------------------------------------------

void LiveView::reconcile(Lots inventory_lots) {
  desk_.open(inventory_lots);
  own_ = {};
}

void LiveView::on_order(Side side, std::uint64_t order_id, Ticks price_ticks, Lots lots,
                        Lots ahead_lots) {
  Own& own = own_[index_of(side)];
  if (lots == 0) {
    if (own.order_id == order_id) own = Own{};
    return;
  }
  const bool keeps = own.order_id == order_id && own.price_ticks == price_ticks && lots <= own.lots;
  if (!keeps) {
    own.behind.clear();
    own.ahead_lots = static_cast<double>(ahead_lots);
  }
  own.order_id = order_id;
  own.price_ticks = price_ticks;
  own.lots = lots;
}

void LiveView::hear(const Notice& notice) {
  desk_.hear(notice);
  heard_lots_[index_of(notice.side)] += notice.filled_lots;
}

Packet LiveView::decide(const Quotes& quotes) {
  desk_before_ = desk_;
  return desk_.decide(quotes, seen_mid_ticks_x2_, step_end_ns_ - step_ns_);
}

void LiveView::take_back(Side side) { desk_.take_back(side, desk_before_); }

}  // namespace rlmm
