// What reaches a flow's book from outside: the agent's messages, shocks, a saved state.
#include <algorithm>
#include <string>
#include <utility>

#include "market/flow_book.h"

namespace rlmm {
namespace {

constexpr TimeNs kBudgetSpanNs = 1'000'000'000;  // unused reaction budget is kept for this long

}  // namespace

// --- the agent ----------------------------------------------------------------------------------

// Messages that do not trade excite by their size and within a budget, so that sending many of
// them cannot pump the market.
void FlowBook::excite_by_agent(Group group, Ticks price_ticks, Lots lots) {
  if (!excites(static_cast<Side>(lane(group) % 2), price_ticks)) return;
  const double refill = seconds_of(now_ns_ - reaction_ns_) * reaction_.budget_hz;
  const double most = reaction_.budget_hz * seconds_of(kBudgetSpanNs);
  reaction_budget_ = std::min(most, reaction_budget_ + refill);
  reaction_ns_ = now_ns_;
  const double size = std::min(1.0, static_cast<double>(lots) / reaction_.full_lots);
  const double weight = std::min(size, reaction_budget_);
  reaction_budget_ -= weight;
  if (weight > 0.0) flow_.excite(group, static_cast<float>(weight));
}

// Levels up to the order's price come into reach before it is there. Where there are none to be
// found it goes no further, and nothing of it rests there to be followed.
void FlowBook::meet_far_levels(Submission& order) {
  const Side across = opposite(order.side);
  const Ticks reach = reach_[index_of(across)];
  if (sign(order.side) * (order.price_ticks - reach) <= 0) return;
  if (order.time_in_force == TimeInForce::kPostOnly && book_.has(across)) return;  // refused
  if (reach_out(across, order.lots, order.price_ticks)) return;
  order.price_ticks = reach_[index_of(across)];
  if (order.time_in_force == TimeInForce::kFillOrKill) return;  // refused
  order.time_in_force = TimeInForce::kImmediateOrCancel;
}

Outcome FlowBook::submit(Side side, Ticks price_ticks, Lots lots, TimeInForce time_in_force,
                         std::vector<Execution>& executions, Owner owner) {
  agent_fills_.clear();
  Lots left = lots;
  Submission order{side,  price_ticks, lots, time_in_force, SelfTrade::kCancelResting,
                   owner, kAgentPool};
  meet_far_levels(order);
  const Outcome outcome = book_.submit(order, [&](const Fill& fill) {
    left -= fill.lots;
    lots_left_ += fill.lots;
    executions.push_back({fill.price_ticks, fill.lots});
    if (fill.owner != kCrowd) agent_fills_.push_back(fill);
    const int flags = (fill.left_lots > 0 ? kFlagRemains : 0) | (left > 0 ? kFlagMoreFills : 0) |
                      (fill.owner != kCrowd ? kFlagAgent : 0);
    log(EventKind::kTrade, fill.side, fill.price_ticks, fill.lots, book_.order(fill.slot).arrival,
        static_cast<std::uint8_t>(flags));
  });
  if (log_ != nullptr && left > 0) log_->end_fills(outcome.filled_lots);
  if (outcome.filled_lots > 0) flow_.excite(group_of(0, opposite(side)), 1.0F);
  if (outcome.slot != kNoSlot) {
    book_.track(outcome.slot);
    watch_new_second(side, price_ticks);
    const Order& order_now = book_.order(outcome.slot);
    lots_entered_ += order_now.lots;
    log(EventKind::kAdd, side, price_ticks, order_now.lots, order_now.arrival, kFlagAgent);
    excite_by_agent(group_of(1, side), price_ticks, order_now.lots);
  }
  after_change();
  return outcome;
}

void FlowBook::cancel(Slot slot) {
  agent_fills_.clear();
  const Order order = book_.order(slot);
  take_off(slot, order.lots, kFlagAgent);
  excite_by_agent(group_of(2, order.side), order.price_ticks, order.lots);
  after_change();
}

Outcome FlowBook::amend(Slot slot, Ticks price_ticks, Lots lots, TimeInForce time_in_force,
                        std::vector<Execution>& executions) {
  const Order order = book_.order(slot);
  if (price_ticks == order.price_ticks && lots <= order.lots) {
    agent_fills_.clear();
    if (lots == order.lots) return {slot, 0, 0, false};
    take_off(slot, order.lots - lots, kFlagAgent);
    excite_by_agent(group_of(2, order.side), order.price_ticks, order.lots - lots);
    after_change();
    return {slot, 0, 0, false};
  }
  cancel(slot);
  return submit(order.side, price_ticks, lots, time_in_force, executions, order.owner);
}

// --- shocks -------------------------------------------------------------------------------------

void FlowBook::bend(const Bend& bend) {
  const bool changes_status = bend.halted != bend_.halted;
  set_bend(bend);
  if (!changes_status || log_ == nullptr) return;
  log_->add_whole(EventKind::kStatus, now_ns_, halted() ? kStatusHalted : kStatusTrading, book_);
}

void FlowBook::set_bend(const Bend& bend) {
  bend_ = bend;
  Lanes baseline_hz = model_->baseline_hz;
  for (std::size_t g = 0; g < kGroups; ++g) baseline_hz[g] *= static_cast<float>(bend.baseline[g]);
  flow_.set_baseline(baseline_hz);
  slow_factors_stale_ = true;
}

void FlowBook::hold_regime(std::optional<std::size_t> regime) {
  background_.hold_regime(regime, now_ns_);
  slow_factors_stale_ = true;
}

void FlowBook::rest_anew(Side side, Ticks price_ticks) {
  const Lots lots = model_->joining().sizes.at(far_word(side));
  rest(side, price_ticks, bent(lots, bend_.limit_sizes), OrderClass::kPatient, 0);
}

bool FlowBook::jump_price(Ticks ticks) {
  waiting_jump_ticks_ += ticks;
  if (waiting_jump_ticks_ == 0 || halted()) return false;
  const Ticks all = std::exchange(waiting_jump_ticks_, 0);
  const Ticks ahead = mirrored_ ? -all : all;
  agent_fills_.clear();
  const Side hit = ahead > 0 ? Side::kAsk : Side::kBid;
  const Side left = opposite(hit);
  const bool whole = book_.has(hit) && book_.has(left);
  const Ticks spread =
      whole ? std::abs(book_.best(hit) - book_.best(left)) : model_->params.typical.spread_ticks;
  const Ticks target = reference_price(hit) + ahead;
  const Ticks limit = target + sign(hit);
  execute(hit, OrderBook::kOrderLotsMax, limit);
  // Nothing new comes to lie where the price has just passed.
  Ticks& reach = reach_[index_of(hit)];
  if (sign(hit) * (reach - limit) > 0) reach = limit;
  keep_reach(hit);
  if (!book_.has(hit)) rest_anew(hit, target);
  // The side left behind quotes anew as close as before.
  const Ticks anew = book_.best(hit) + sign(hit) * spread;
  rest_anew(left, anew);
  const Ticks behind = touch_.price[index_of(left)];
  for (Ticks away = 1; away <= 2 * model_->depth_ticks; ++away) {
    const Ticks price = anew - sign(left) * away;
    if (price == behind) break;
    draw_level(left, price);
  }
  background_.shift_price(static_cast<double>(all));
  happened_ = {group_of(0, hit), 0, true};
  after_change();
  return true;
}

// --- what is to be expected ---------------------------------------------------------------------

// Without what nobody sees: the regime, and the tilt towards the hidden price.
void FlowBook::expect(float seconds) {
  if (halted()) return;
  const std::size_t imbalance_bin = model_->imbalance_bin(touch_.lots[0], touch_.lots[1]);
  Factors factors{model_->state_factor(spread_bin_, imbalance_bin), background_.season()};
  for (const Side side : kSides) {
    const std::size_t s = index_of(side);
    factors.excitation[s] *= book_.has(side) ? 1.0F : 0.0F;
    factors.baseline[s] *= gap_factor_[s];
  }
  for (std::size_t g = 0; g < kGroups; ++g) factors.baseline[g] *= factors.excitation[g];
  const Lanes sums = flow_.expected_by_model(factors, seconds);
  for (std::size_t g = 0; g < kSeenGroups; ++g) expected_[g] += static_cast<double>(sums[g]);
}

// --- saving -------------------------------------------------------------------------------------

void FlowBook::save(Writer& out) const {
  book_.save(out);
  flow_.save(out);
  background_.save(out);
  out.put(far_streams_);
  out.put(now_ns_);
  out.put(mid_ticks_x2_);
  out.put(first_mid_ticks_x2_);
  out.put(reach_);
  out.put(bend_);
  out.put(waiting_jump_ticks_);
  out.put(reaction_budget_);
  out.put(reaction_ns_);
  out.put(lost_ticks_);
  out.put(lots_entered_);
  out.put(lots_left_);
}

void FlowBook::load(Reader& in) {
  book_.load(in);
  flow_.load(in);
  background_.load(in);
  far_streams_ = in.get<std::array<Stream, 2>>();
  now_ns_ = in.get<TimeNs>();
  mid_ticks_x2_ = in.get<Ticks>();
  first_mid_ticks_x2_ = in.get<Ticks>();
  reach_ = in.get<std::array<Ticks, 2>>();
  set_bend(in.get<Bend>());
  waiting_jump_ticks_ = in.get<Ticks>();
  reaction_budget_ = in.get<double>();
  reaction_ns_ = in.get<TimeNs>();
  lost_ticks_ = in.get<std::array<Ticks, 2>>();
  lots_entered_ = in.get<Lots>();
  lots_left_ = in.get<Lots>();
  if (!far_streams_[0].sound() || !far_streams_[1].sound())
    throw std::invalid_argument("state: expected sound streams");
  happened_ = Happened{};
  agent_fills_.clear();
  expected_ = {};
  touch_ = touch();
  for (const Side side : kSides) refresh_gap(side);
  refresh_tilt();
  slow_factors_stale_ = true;
}

}  // namespace rlmm
