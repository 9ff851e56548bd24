#include "market/replay_book.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace rlmm {

ReplayBook::ReplayBook(const Tape& tape, const QueueParams& queue)
    : tape_(&tape),
      queue_(queue),
      exact_(tape.by_order() && queue.use_order_ids),
      recorded_(tape.slots()) {}

void ReplayBook::start(TimeNs start_ns, TimeNs end_ns) {
  end_ns_ = end_ns;
  end_ = tape_->events_until(end_ns);
  next_ = std::min(end_, tape_->events_until(start_ns));
  tape_->restore(next_, recorded_);
  origin_ns_ = start_ns;
  own_ = {};
  arrivals_ = 0;
  pending_lots_ = {};
  fills_.clear();
  happened_ = Happened{};
  now_ns_ = 0;
  const auto& events = tape_->events();
  refresh_touch();
  while (!has(Side::kBid) || !has(Side::kAsk)) {
    if (next_ == end_) {
      throw RangeError("market.ranges: expected bids and asks between " + std::to_string(start_ns) +
                       " and " + std::to_string(end_ns) +
                       " ns, got none of one side; leave such times out");
    }
    origin_ns_ = std::max(origin_ns_, events[next_].ts_ns);
    // All rows of one time, whatever they do.
    for (; next_ < end_ && events[next_].ts_ns <= origin_ns_; ++next_) {
      recorded_.apply(events[next_], next_);
    }
    refresh_touch();
  }
  first_mid_ticks_x2_ = mid_ticks_x2();
}

bool ReplayBook::advance(TimeNs stop_ns) {
  fills_.clear();
  const std::vector<TapeEvent>& events = tape_->events();
  if (next_ == end_ || events[next_].ts_ns - origin_ns_ > stop_ns) {
    now_ns_ = stop_ns;
    return false;
  }
  happened_ = Happened{};
  now_ns_ = events[next_].ts_ns - origin_ns_;
  bool goes_on = true;
  while (goes_on) {
    const TapeEvent& event = events[next_];
    apply(event);
    goes_on = (event.flags & kTapeContinues) != 0;
    ++next_;
  }
  happened_.touch_changed = stale_[0] || stale_[1];
  for (const Side side : kSides) {
    if (stale_[index_of(side)]) find_touch(side);
  }
  return true;
}

ReplayBook::Touch ReplayBook::found_touch(Side side) const {
  const RecordedLevel* const level = recorded_.side(side).best_left();
  const Ticks others = level == nullptr ? none(side) : sign(side) * level->key;
  const OwnOrder& own = own_[index_of(side)];
  const Ticks best = better(side, others, own);
  const Lots of_others = level != nullptr && best == others ? level->left_lots() : 0;
  return {best, of_others + (own.price_ticks == best ? own.lots : 0), others};
}

void ReplayBook::find_touch(Side side) {
  touch_[index_of(side)] = found_touch(side);
  stale_[index_of(side)] = false;
}

void ReplayBook::refresh_touch() {
  for (const Side side : kSides) find_touch(side);
  happened_.touch_changed = true;
}

// --- events of the record -----------------------------------------------------------------------

void ReplayBook::apply(const TapeEvent& event) {
  switch (event.op) {
    case TapeOp::kAdd:
      add(event);
      break;
    case TapeOp::kCancel:
      cancel(event);
      break;
    case TapeOp::kTrade:
      trade(event);
      break;
    case TapeOp::kPrint:
      print(event);
      break;
    case TapeOp::kClear:
      clear(event);
      break;
    case TapeOp::kStatus:
    case TapeOp::kNothing:
      recorded_.apply(event, next_);
      break;
  }
}

// Where it met the agent's order it has traded, so far as that went.
void ReplayBook::add(const TapeEvent& event) {
  const Side across = opposite(event.side);
  const OwnOrder& met = own_[index_of(across)];
  OwnOrder* const own = own_at(event.side, event.price_ticks);
  const bool is_new = own != nullptr && comes_into_sight(*own, event);
  if (own != nullptr && !exact_) join_level(*own, event, is_new);
  const Lots fresh = recorded_.add(event, next_);
  const Lots traded = std::min(fresh, met.lots);
  if (traded > 0 && reaches(event.side, event.price_ticks, met.price_ticks) &&
      recorded_.session() == Session::kTrading) {
    recorded_.take(event.side, event.price_ticks, traded, event.slot);
    fill(across, traded);
  }
  if (own != nullptr && exact_) join_order(*own, event, fresh, is_new);
  watch(event.side, event.price_ticks);
}

void ReplayBook::cancel(const TapeEvent& event) {
  OwnOrder* const own = own_at(event.side, event.price_ticks);
  double from_ahead = 0.0;
  if (own != nullptr && !exact_) {
    if ((event.flags & kTapeReach) != 0) {  // out of sight, but there
      reduce(event, nullptr, 0.0);
      return;
    }
    const auto level = static_cast<double>(recorded_.left_at(event.side, event.price_ticks));
    own->ahead_lots = std::min(own->ahead_lots, level);
    const double share = share_ahead(queue_, own->ahead_lots, level - own->ahead_lots);
    from_ahead = share * static_cast<double>(event.lots);
  }
  reduce(event, own, from_ahead);
}

// Takes the event's lots off the record, and off the queue ahead of the agent's order at that price
// what is known, or assumed, to have been there.
void ReplayBook::reduce(const TapeEvent& event, OwnOrder* own, double from_ahead) {
  const Lots gone = recorded_.reduce(event);
  watch(event.side, event.price_ticks);
  if (own == nullptr) return;
  if (exact_) {
    leave_order(*own, event, gone);
    return;
  }
  const auto level = static_cast<double>(recorded_.left_at(event.side, event.price_ticks));
  own->ahead_lots = std::clamp(own->ahead_lots - from_ahead, 0.0, level);
}

void ReplayBook::trade(const TapeEvent& event) {
  count_market_order(event);
  const OwnOrder& own = own_[index_of(event.side)];
  OwnOrder* const here = own_at(event.side, event.price_ticks);
  Lots met = 0;
  if (here == nullptr) {
    const bool passed = own.lots > 0 && reaches(event.side, own.price_ticks, event.price_ticks);
    met = passed ? event.lots : 0;
  } else if (exact_) {
    met = event.lots - std::min(event.lots, ahead_in_order(own, event));
  } else {
    met = event.lots - queue_ahead(static_cast<Slot>(event.side));
  }
  reduce(event, here, static_cast<double>(event.lots));
  if (met > 0) fill(event.side, std::min(met, own.lots));
}

// Lots that were not shown stand behind those that are.
void ReplayBook::print(const TapeEvent& event) {
  count_market_order(event);
  const OwnOrder& own = own_[index_of(event.side)];
  if (own.lots == 0 || !reaches(event.side, own.price_ticks, event.price_ticks)) return;
  const bool waits =
      own.price_ticks == event.price_ticks && queue_ahead(static_cast<Slot>(event.side)) > 0;
  if (!waits) fill(event.side, std::min(event.lots, own.lots));
}

void ReplayBook::clear(const TapeEvent& event) {
  recorded_.clear_side(event);
  OwnOrder& own = own_[index_of(event.side)];
  if (exact_) own.ahead_lots = 0.0;
  own.gone_lots = own.back_lots = own.behind_lots = 0;
  stale_[index_of(event.side)] = true;
}

void ReplayBook::count_market_order(const TapeEvent& event) {
  Lots& pending = pending_lots_[index_of(event.side)];
  pending += event.lots;
  happened_.group = group_of(0, event.side);
  if ((event.flags & kTapeMoreFills) != 0) return;
  happened_.lots = pending;
  pending = 0;
}

void ReplayBook::fill(Side side, Lots lots) {
  OwnOrder& own = own_[index_of(side)];
  own.lots -= lots;
  watch(side, own.price_ticks);
  fills_.push_back({static_cast<Slot>(side), side, kCrowd, own.price_ticks, lots, own.lots});
}

// --- the agent ----------------------------------------------------------------------------------

// Takes what is left on the other side up to his price.
Lots ReplayBook::execute(Side side, Ticks price_ticks, Lots lots,
                         std::vector<Execution>& executions) {
  const Side across = opposite(side);
  Lots filled = 0;
  while (filled < lots) {
    const RecordedLevel* const level = recorded_.side(across).best_left();
    if (level == nullptr) break;
    const Ticks price = sign(across) * level->key;
    if (!reaches(side, price_ticks, price)) break;
    const Lots of_it = std::min(lots - filled, level->left_lots());
    recorded_.take(across, price, of_it);
    executions.push_back({price, of_it});
    filled += of_it;
  }
  return filled;
}

Outcome ReplayBook::submit(Side side, Ticks price_ticks, Lots lots, TimeInForce time_in_force,
                           std::vector<Execution>& executions) {
  fills_.clear();
  Outcome outcome;
  const bool may_trade =
      time_in_force != TimeInForce::kPostOnly && recorded_.session() == Session::kTrading;
  const RecordedLevel* const level = recorded_.side(opposite(side)).best_left();
  const bool crosses =
      level != nullptr && reaches(side, price_ticks, sign(opposite(side)) * level->key);
  if (crosses && !may_trade) {
    outcome.dropped_lots = lots;
    outcome.refused = true;
    return outcome;
  }
  if (crosses) outcome.filled_lots = execute(side, price_ticks, lots, executions);
  const Lots left = lots - outcome.filled_lots;
  if (left > 0 && time_in_force == TimeInForce::kImmediateOrCancel) {
    outcome.dropped_lots = left;
  } else if (left > 0) {
    rest(side, price_ticks, left);
    outcome.slot = static_cast<Slot>(side);
  }
  refresh_touch();
  return outcome;
}

void ReplayBook::rest(Side side, Ticks price_ticks, Lots lots) {
  const Lots ahead = recorded_.left_at(side, price_ticks);
  const TimeNs in_sight_ns = ahead > 0 ? kAlways : kNever;
  own_[index_of(side)] = {price_ticks, lots, ++arrivals_, next_, static_cast<double>(ahead),
                          in_sight_ns};
}

void ReplayBook::cancel(Slot slot) {
  fills_.clear();
  own_[slot].lots = 0;
  refresh_touch();
}

Outcome ReplayBook::amend(Slot slot, Ticks price_ticks, Lots lots, TimeInForce time_in_force,
                          std::vector<Execution>& executions) {
  OwnOrder& own = own_[slot];
  if (price_ticks == own.price_ticks && lots <= own.lots) {
    fills_.clear();
    own.lots = lots;
    find_touch(static_cast<Side>(slot));
    return {slot, 0, 0, false};
  }
  cancel(slot);
  return submit(static_cast<Side>(slot), price_ticks, lots, time_in_force, executions);
}

// --- what there is to see -----------------------------------------------------------------------

Ticks ReplayBook::better(Side side, Ticks others, const OwnOrder& own) const {
  return own.lots > 0 && reaches(side, own.price_ticks, others) ? own.price_ticks : others;
}

Ticks ReplayBook::next_price(Side side, Ticks price_ticks) const {
  const RecordedLevel* const level = recorded_.side(side).next_left(key_of(side, price_ticks));
  const Ticks others = level == nullptr ? none(side) : sign(side) * level->key;
  const OwnOrder& own = own_[index_of(side)];
  const bool further = !reaches(side, own.price_ticks, price_ticks);
  return further ? better(side, others, own) : others;
}

Lots ReplayBook::lots_at(Side side, Ticks price_ticks) const {
  const OwnOrder& own = own_[index_of(side)];
  return recorded_.left_at(side, price_ticks) + (own.price_ticks == price_ticks ? own.lots : 0);
}

Ticks ReplayBook::mid_ticks_x2() const {
  const RecordedLevel* const bid = recorded_.side(Side::kBid).best_left();
  const RecordedLevel* const ask = recorded_.side(Side::kAsk).best_left();
  return bid->key - ask->key;
}

void ReplayBook::save(Writer& out) const {
  out.put(next_);
  out.put(end_);
  out.put(now_ns_);
  out.put(origin_ns_);
  out.put(end_ns_);
  out.put(first_mid_ticks_x2_);
  out.put(own_);
  out.put(arrivals_);
  out.put(pending_lots_);
  out.put_vector(recorded_.taken());
}

void ReplayBook::load(Reader& in) {
  next_ = in.get<std::size_t>();
  end_ = in.get<std::size_t>();
  now_ns_ = in.get<TimeNs>();
  origin_ns_ = in.get<TimeNs>();
  end_ns_ = in.get<TimeNs>();
  first_mid_ticks_x2_ = in.get<Ticks>();
  own_ = in.get<std::array<OwnOrder, 2>>();
  arrivals_ = in.get<std::uint64_t>();
  pending_lots_ = in.get<std::array<Lots, 2>>();
  const auto taken = in.get_vector<RecordedBook::Taken>();
  if (next_ > end_ || end_ > tape_->events().size()) {
    throw std::invalid_argument("state: expected a place in the recording, got event " +
                                std::to_string(next_));
  }
  tape_->restore(next_, recorded_);
  for (const RecordedBook::Taken& one : taken) {
    recorded_.take(static_cast<Side>(one.side & 1U), one.price_ticks, one.lots,
                   static_cast<std::uint32_t>(one.slot));
  }
  fills_.clear();
  happened_ = Happened{};
  refresh_touch();
}

}  // namespace rlmm
