#include "market/flow_book.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace rlmm {
FlowBook::FlowBook(const FlowModel& model, bool is_mirrored, const AgentReaction& reaction)
    : model_(&model),
      mirrored_(is_mirrored),
      reaction_(reaction),
      flow_(model, is_mirrored),
      background_(model, is_mirrored) {}

void FlowBook::start_empty(SeedKey key, std::uint64_t episode, TimeNs now_ns) {
  book_.clear();
  flow_.start(key, episode);
  const std::size_t bids = mirrored_ ? 1 : 0;
  far_streams_[bids] = Stream(key, episode, Purpose::kFarBids);
  far_streams_[1 - bids] = Stream(key, episode, Purpose::kFarAsks);
  now_ns_ = now_ns;
  bend_ = Bend{};
  waiting_jump_ticks_ = 0;
  happened_ = Happened{};
  agent_fills_.clear();
  reaction_budget_ = reaction_.budget_hz;
  reaction_ns_ = now_ns_;
  lots_entered_ = 0;
  lots_left_ = 0;
  lost_ticks_ = {};
}

void FlowBook::start(SeedKey key, std::uint64_t episode, Ticks mid_ticks, TimeNs season_ns,
                     TimeNs warmup_ns) {
  start_empty(key, episode, -warmup_ns);
  background_.start(key, episode, now_ns_, season_ns, 0.0);
  place_first_book(mid_ticks);
  for (std::int64_t events = 1; advance(0); ++events) check_not_runaway(events);
  expected_ = {};
}

void FlowBook::start_from(SeedKey key, std::uint64_t episode, const Opening& opening) {
  start_empty(key, episode, 0);
  background_.start(key, episode, now_ns_, opening.season_ns, opening.gap_ticks, opening.regime);
  flow_.recall(opening.past);
  for (const Opening::Resting& order : opening.orders) {
    rest(order.side, order.price_ticks, order.lots, order.order_class, 0);
  }
  for (const Side side : kSides) {
    Ticks& deepest = reach_[index_of(side)];
    deepest = book_.best(side);
    for (Ticks price = deepest; price != OrderBook::kNone[index_of(side)];
         price = book_.next_price(side, price)) {
      deepest = price;
    }
  }
  begin_at_touch();
  expected_ = {};
}

void FlowBook::refuse_runaway() const {
  throw RangeError("events: expected at most " + std::to_string(model_->run_events_most) +
                   " in one step or warm-up, got more; the flow runs away: use smaller "
                   "market.model.excitation or regime, state and season factors");
}

void FlowBook::place_first_book(Ticks mid_ticks) {
  const Ticks spread = model_->params.typical.spread_ticks;
  const Ticks bid = mid_ticks - spread / 2;
  const std::array<Ticks, 2> first{bid, bid + spread};
  for (const Side side : kSides) {
    const Lots lots = model_->joining().sizes.at(far_word(side));
    rest(side, first[index_of(side)], lots, OrderClass::kPatient, kFlagReach);
    reach_[index_of(side)] = first[index_of(side)];
  }
  begin_at_touch();
}

void FlowBook::begin_at_touch() {
  for (const Side side : kSides) keep_reach(side);
  touch_ = touch();
  mid_ticks_x2_ = touch_.price[0] + touch_.price[1];
  first_mid_ticks_x2_ = mid_ticks_x2_;
  for (const Side side : kSides) refresh_gap(side);
  refresh_tilt();
  slow_factors_stale_ = true;
}

// --- intensities --------------------------------------------------------------------------------

// The gap between the hidden price and the mid draws market orders and improving quotes.
void FlowBook::refresh_tilt() {
  const InformedFlowParams& informed = model_->params.informed;
  if (informed.volatility_ticks <= 0.0) return;
  const double moved = 0.5 * static_cast<double>(mid_ticks_x2_ - first_mid_ticks_x2_);
  const double gap = (background_.price_ticks() - moved) / informed.gap_scale_ticks;
  gap_ = std::clamp(gap, -informed.gap_clip, informed.gap_clip);
  const Float8 tilt =
      splat(-2.0F * static_cast<float>(std::fabs(gap_))) *
      Float8{static_cast<float>(informed.market_tilt), static_cast<float>(informed.limit_tilt)};
  const Float8 drawn = splat(2.0F) / (splat(1.0F) + exp_of(tilt));
  // A price above the mid draws buyers: they hit asks and improve bids.
  const auto asks = static_cast<std::size_t>(gap_ >= 0.0);
  market_tilt_[asks] = drawn[0];
  market_tilt_[1 - asks] = 2.0F - drawn[0];
  limit_tilt_[1 - asks] = drawn[1];
  limit_tilt_[asks] = 2.0F - drawn[1];
}

// A queue with a wide gap behind it is hit more often, but by no more orders that follow others.
void FlowBook::refresh_gap(Side side) {
  const std::size_t s = index_of(side);
  second_stale_[s] = false;
  if (!model_->uses_hit_gap() || !book_.has(side)) return;
  const Ticks best = book_.best(side);
  second_[s] = book_.next_price(side, best);
  const float factor = model_->hit_gap_factor(std::abs(best - second_[s]));
  slow_factors_stale_ = slow_factors_stale_ || factor != gap_factor_[s];
  gap_factor_[s] = factor;
}

void FlowBook::refresh_slow_factors() {
  const bool whole = book_.has(Side::kBid) && book_.has(Side::kAsk);
  const Ticks spread = whole ? touch_.price[1] - touch_.price[0] : OrderBook::kRingTicks;
  spread_bin_ = model_->spread_bin(spread);
  const float improving = spread > 1 ? model_->marks[spread_bin_].improving_share : 0.0F;
  Lanes whole_bracket = bend_.halted == 0 ? background_.factor() : Lanes{};
  for (const Side side : kSides) {
    const std::size_t s = index_of(side);
    whole_bracket[s] *= book_.has(side) ? market_tilt_[s] : 0.0F;
    whole_bracket[2 + s] *= (1.0F - improving) + improving * limit_tilt_[s];
  }
  slow_factors_ = {whole_bracket, whole_bracket};
  for (const Side side : kSides) {
    slow_factors_.baseline[index_of(side)] *= gap_factor_[index_of(side)];
  }
  slow_factors_stale_ = false;
}

// --- time ---------------------------------------------------------------------------------------

RLMM_LANE_CLONES bool FlowBook::advance(TimeNs stop_ns) {
  agent_fills_.clear();
  const bool knows_levels = model_->params.exciting_levels > 0;
  for (;;) {
    factors();
    const TimeNs until_ns = std::min(stop_ns, background_.next_ns());
    const EventFlow::Wait wait = flow_.next(factors_);
    const double wait_ns = static_cast<double>(wait.seconds) * kNsPerS;
    if (wait_ns < static_cast<double>(until_ns - now_ns_)) {
      if (expects_) expect(wait.seconds);
      now_ns_ += round_to_integer(wait_ns);
      const Slot cancelled = drawn_cancel(wait.group);
      const bool is_nothing = is_cancel(wait.group) && cancelled == kNoSlot;
      const bool counts = !is_nothing && (!knows_levels || is_seen(wait.group, cancelled));
      flow_.take(wait, counts ? 1.0F : 0.0F);
      happened_ = {wait.group, 0, false};
      if (!is_nothing) happen(wait.group, cancelled);
      return true;
    }
    if (until_ns > now_ns_) {
      const auto seconds = static_cast<float>(seconds_of(until_ns - now_ns_));
      if (expects_) expect(seconds);
      flow_.pass(seconds);
    }
    now_ns_ = until_ns;
    if (background_.next_ns() <= now_ns_) {
      background_.reach(now_ns_);
      refresh_tilt();
      slow_factors_stale_ = true;
    }
    if (now_ns_ == stop_ns) return false;
  }
}

inline void FlowBook::happen(Group group, Slot cancelled) {
  const auto side = static_cast<Side>(lane(group) % 2);
  const std::array<Ticks, 2> lost = std::exchange(lost_ticks_, {});
  switch (lane(group) / 2) {
    case 0:
      trade(side);
      break;
    case 1:
      add_limit(side, lost[index_of(side)]);
      break;
    default:
      cancel_one(cancelled);
      break;
  }
  after_change();
}

void FlowBook::price_changed(const Touch& before) {
  slow_factors_stale_ = true;
  for (const Side side : kSides) {
    if (touch_.price[index_of(side)] == before.price[index_of(side)]) continue;
    keep_reach(side);
    second_stale_[index_of(side)] = true;
  }
  touch_ = touch();  // a side that was swept away may have been found again
  for (const Side side : kSides) {
    const Ticks worse = sign(side) * (before.price[index_of(side)] - touch_.price[index_of(side)]);
    lost_ticks_[index_of(side)] = book_.has(side) ? std::max<Ticks>(0, worse) : 0;
  }
  if (!book_.has(Side::kBid) || !book_.has(Side::kAsk)) return;
  mid_ticks_x2_ = touch_.price[0] + touch_.price[1];
  if (touch_.price[0] <= 2 * model_->depth_ticks) [[unlikely]] {
    throw RangeError("mid price: expected to stay above " +
                     std::to_string(2 * model_->depth_ticks) + " ticks, got a best bid of " +
                     std::to_string(touch_.price[0]) +
                     "; use a finer tick or a higher market.mid_initial_ticks");
  }
  refresh_tilt();
}

// --- events of the flow -------------------------------------------------------------------------

Lots FlowBook::bent(Lots lots, double factor) const {
  if (factor == 1.0) return lots;
  constexpr auto kMost = static_cast<double>(OrderBook::kOrderLotsMax);
  return round_to_integer(std::clamp(static_cast<double>(lots) * factor, 1.0, kMost));
}

// Where an order at the own best price would lie; a side without orders is given a typical spread.
Ticks FlowBook::reference_price(Side side) const {
  if (book_.has(side)) return book_.best(side);
  const Ticks spread = model_->params.typical.spread_ticks;
  if (book_.has(opposite(side))) return book_.best(opposite(side)) - sign(side) * spread;
  return (mid_ticks_x2_ - sign(side) * spread) / 2;
}

// How far the new order improves its side's best price; 0 if it does not. Right after this price
// has become worse by `lost_ticks`, some orders come to take the place of what has gone.
inline Ticks FlowBook::improving_ticks(Side side, Ticks lost_ticks, const EventDraws& draws) const {
  if (!book_.has(Side::kBid) || !book_.has(Side::kAsk)) return 0;
  const Ticks room = book_.best(Side::kAsk) - book_.best(Side::kBid) - 1;
  if (room < 1) return 0;
  const FlowModel::Marks& marks = model_->marks[spread_bin_];
  const float tilt = limit_tilt_[index_of(side)];
  const float refilling = lost_ticks > 0 ? model_->refill_share : 0.0F;
  const float improving = refilling + (1.0F - refilling) * marks.improving_share;
  const float at =
      uniform_of(word_of(draws, Draw::kPlace)) * ((1.0F - improving) + improving * tilt);
  if (!(at < improving * tilt)) return 0;
  const bool is_back = at < refilling * tilt &&
                       uniform_of(word_of(draws, Draw::kRefill)) < model_->refill_back_share;
  if (is_back || !(marks.improving_share > 0.0F)) return std::min(lost_ticks, room);
  const auto ticks = static_cast<Ticks>(marks.improving.at(word_of(draws, Draw::kMark))) + 1;
  return std::min(ticks, room);
}

// How far behind its side's best price the order with these draws lies; negative: it improves.
inline Ticks FlowBook::behind_ticks(Side side, Ticks lost_ticks, const EventDraws& draws) const {
  const Ticks better = improving_ticks(side, lost_ticks, draws);
  const AliasTable& resting = model_->marks[spread_bin_].resting;
  if (better != 0 || resting.empty()) return -better;
  return static_cast<Ticks>(resting.at(word_of(draws, Draw::kMark)));
}

inline void FlowBook::add_limit(Side side, Ticks lost_ticks) {
  const EventDraws& draws = flow_.draws();
  const Ticks behind = behind_ticks(side, lost_ticks, draws);
  const FlowModel::LimitPlace& place = model_->place(behind);
  const Lots lots = bent(place.sizes.at(word_of(draws, Draw::kSize)), bend_.limit_sizes);
  const bool flickers = uniform_of(word_of(draws, Draw::kClass)) < place.flickering_share;
  const Ticks price = reference_price(side) - sign(side) * behind;
  rest(side, price, lots, flickers ? OrderClass::kFlickering : OrderClass::kPatient, 0);
  happened_.lots = lots;
}

// Are fewer than `exciting_levels` levels better than this price?
bool FlowBook::excites(Side side, Ticks price_ticks) const {
  Ticks level = book_.best(side);
  for (std::int64_t n = model_->params.exciting_levels; n > 0; --n) {
    if (sign(side) * (level - price_ticks) <= 0) return true;
    level = book_.next_price(side, level);
  }
  return model_->params.exciting_levels == 0;
}

// The same of the event that comes next.
bool FlowBook::is_seen(Group group, Slot cancelled) const {
  const auto side = static_cast<Side>(lane(group) % 2);
  if (lane(group) < 2) return true;
  if (is_cancel(group)) return excites(side, book_.order(cancelled).price_ticks);
  const Ticks behind = behind_ticks(side, lost_ticks_[index_of(side)], flow_.coming_draws());
  return excites(side, reference_price(side) - sign(side) * behind);
}

inline void FlowBook::trade(Side resting_side) {
  const EventDraws& draws = flow_.draws();
  const MarketOrderParams& law = model_->params.market_orders;
  const double at_law = uniform_of(word_of(draws, Draw::kPlace));
  const Lots queue = book_.best_lots(resting_side);
  Lots lots = queue;
  if (at_law >= law.whole_queue) {
    lots = bent(model_->market_sizes.at(word_of(draws, Draw::kSize)), bend_.market_sizes);
    if (at_law < law.whole_queue + law.beyond_queue) {
      lots += queue;
    } else if (at_law < law.whole_queue + law.beyond_queue + law.within_queue) {
      lots = std::min(lots, queue);
    }
  }
  if (lots > queue && lots > lots_in_reach(resting_side)) [[unlikely]] {
    reach_out(resting_side, lots, -sign(resting_side) * OrderBook::kPriceMax);
  }
  happened_.lots = execute(resting_side, lots, reach_[index_of(resting_side)]);
}

// Share of the cancels of this order that happen.
inline double FlowBook::cancels_kept(Side side, const Order& order) const {
  const CancelParams& law = model_->params.cancels;
  const auto away = static_cast<std::size_t>(std::abs(book_.best(side) - order.price_ticks));
  const bool has_company = order.previous != kNoSlot || order.next != kNoSlot;
  const double factor = away == 0 && has_company ? law.company_factor : 1.0;
  if (law.distance_factor.empty()) return factor;
  return factor * law.distance_factor[std::min(away, law.distance_factor.size() - 1)];
}

// The order that the coming event takes off; none if its distance prevents that, or if the event is
// no cancel.
inline Slot FlowBook::drawn_cancel(Group group) const {
  if (!is_cancel(group)) return kNoSlot;
  const auto side = static_cast<Side>(lane(group) % 2);
  const EventDraws& draws = flow_.coming_draws();
  const CancelParams& law = model_->params.cancels;
  const std::vector<Slot>& patient = book_.pool(side, 0);
  const std::vector<Slot>& flickering = book_.pool(side, 1);
  const double patient_weight = law.patient_hazard * static_cast<double>(patient.size());
  const double all =
      patient_weight + law.flickering_hazard * static_cast<double>(flickering.size());
  const bool flickers = uniform_of(word_of(draws, Draw::kPlace)) * all >= patient_weight;
  const std::vector<Slot>& chosen = book_.pool(side, static_cast<Pool>(flickers));
  if (chosen.empty()) return kNoSlot;
  const Slot slot = chosen[below(word_of(draws, Draw::kMark), chosen.size())];
  const double kept = cancels_kept(side, book_.order(slot));
  return uniform_of(word_of(draws, Draw::kKeep)) < kept ? slot : kNoSlot;
}

inline void FlowBook::cancel_one(Slot slot) {
  const EventDraws& draws = flow_.draws();
  const CancelParams& law = model_->params.cancels;
  Lots lots = book_.order(slot).lots;
  const bool in_part = uniform_of(word_of(draws, Draw::kClass)) < law.partial_share;
  if (in_part && lots > 1) {
    lots = 1 + static_cast<Lots>(
                   below(word_of(draws, Draw::kSize), static_cast<std::size_t>(lots - 1)));
  }
  happened_.lots = lots;
  take_off(slot, lots, 0);
}

// --- the book -----------------------------------------------------------------------------------

void FlowBook::write_log(EventKind kind, Side side, Ticks price_ticks, Lots lots,
                         std::uint64_t order_id, std::uint8_t flags) {
  log_->add(
      {now_ns_, price_ticks, lots, order_id, kind, static_cast<std::int8_t>(sign(side)), flags},
      book_);
}

Lots FlowBook::execute(Side resting_side, Lots lots, Ticks limit_ticks) {
  Lots left = lots;
  const Lots executed = book_.execute(resting_side, lots, limit_ticks, [&](const Fill& fill) {
    left -= fill.lots;
    lots_left_ += fill.lots;
    if (fill.owner != kCrowd) agent_fills_.push_back(fill);
    const int flags = (fill.left_lots > 0 ? kFlagRemains : 0) | (left > 0 ? kFlagMoreFills : 0) |
                      (fill.owner != kCrowd ? kFlagAgent : 0);
    log(EventKind::kTrade, fill.side, fill.price_ticks, fill.lots, book_.order(fill.slot).arrival,
        static_cast<std::uint8_t>(flags));
  });
  if (log_ != nullptr && left > 0) log_->end_fills(executed);
  return executed;
}

}  // namespace rlmm
