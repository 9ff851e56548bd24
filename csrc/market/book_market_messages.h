// Messages between the agent's desk and the book, and what is heard back of them.
#pragma once

#include <algorithm>

#include "market/book_market.h"

namespace rlmm {

template <class Setting>
void BookMarketOf<Setting>::send(const Quotes& quotes) {
  const Packet packet = desk_.decide(quotes, state_.seen_mid_ticks_x2, now_ns());
  extra_.refused = desk_.refused();
  outcome_.messages = static_cast<std::int64_t>(packet.size);
  if (trace_ != nullptr) trace_decision(packet);
  if (packet.size == 0) return;
  const TimeNs delay = state_.feed_ns + delay_ns(model_->entry, entry_stream_);
  for (std::size_t i = 0; i < packet.size; ++i) {
    Message message = packet.messages[i];
    message.arrival_ns = entry_line_.arrival_ns(now_ns(), delay);
    in_flight_.push_back(message);
    if (trace_ == nullptr) continue;
    const auto what = static_cast<AgentEvent>(static_cast<int>(AgentEvent::kNew) +
                                              static_cast<int>(message.kind));
    const TimeNs left_ns = now_ns() + state_.feed_ns;
    trace_->add(what, {.ts_ns = left_ns,
                       .side = sign(message.side),
                       .order = static_cast<std::int64_t>(message.order),
                       .price_ticks = message.price_ticks,
                       .qty_lots = message.lots,
                       .delay_ns = message.arrival_ns - left_ns});
  }
}

// What stands as the agent decides, and how old the observation is by then.
template <class Setting>
void BookMarketOf<Setting>::trace_decision(const Packet& packet) {
  trace_->add(
      AgentEvent::kDecision,
      {.ts_ns = now_ns(), .qty_lots = static_cast<Lots>(packet.size), .delay_ns = state_.feed_ns});
  for (const Side side : kSides) {
    trace_standing(AgentEvent::kStanding, side, standing_[index_of(side)].order);
  }
}

// An order of the agent as it is in the book; without lots if it is not.
template <class Setting>
void BookMarketOf<Setting>::trace_standing(AgentEvent what, Side side, std::uint64_t order) {
  AgentRow row{.ts_ns = now_ns(), .side = sign(side), .order = static_cast<std::int64_t>(order)};
  if (is_alive(side)) {
    const auto own = market_.book().order(static_cast<Slot>(standing_[index_of(side)].slot));
    row.price_ticks = own.price_ticks;
    row.qty_lots = own.lots;
    row.ahead_lots = queue_ahead(side);
  }
  trace_->add(what, row);
}

template <class Setting>
void BookMarketOf<Setting>::run_until(TimeNs end_ns) {
  for (;;) {
    if (now_ns() >= state_.change_ns) apply_scenario();
    while (!in_flight_.empty() && in_flight_.front().arrival_ns <= now_ns()) {
      const Message message = in_flight_.front();
      in_flight_.erase(in_flight_.begin());
      deliver(message);
    }
    if (now_ns() >= end_ns) return;
    TimeNs stop_ns = std::min(end_ns, state_.change_ns);
    if (!in_flight_.empty()) stop_ns = std::min(stop_ns, in_flight_.front().arrival_ns);
    while (market_.advance(stop_ns)) after_event();
  }
}

template <class Setting>
bool BookMarketOf<Setting>::is_alive(Side side) const {
  const Standing& standing = standing_[index_of(side)];
  return standing.slot != kNoSlot &&
         market_.book().is_live(static_cast<Slot>(standing.slot), standing.arrival);
}

template <class Setting>
void BookMarketOf<Setting>::deliver(const Message& message) {
  switch (message.kind) {
    case MessageKind::kNew:
      place(message);
      break;
    case MessageKind::kReplace:
      replace(message);
      break;
    case MessageKind::kCancel:
      withdraw(message);
      break;
  }
  if (trace_ != nullptr) trace_standing(AgentEvent::kArrived, message.side, message.order);
  after_change();
}

// An order on its way in: what the risk check leaves of it, and whether it may come in at all.
// Own orders on the other side that it would meet are taken off first.
template <class Setting>
Lots BookMarketOf<Setting>::admitted_lots(const Message& message, Lots lots) {
  if (is_halted()) return 0;
  const Side across = opposite(message.side);
  if (is_alive(across)) {
    const Standing& standing = standing_[index_of(across)];
    const auto own = market_.book().order(static_cast<Slot>(standing.slot));
    if (sign(message.side) * (message.price_ticks - own.price_ticks) >= 0) {
      notify(across, standing.order, 0, own.lots);
      market_.cancel(static_cast<Slot>(standing.slot));
      standing_[index_of(across)] = Standing{};
    }
  }
  const Lots room =
      model_->params.limits.inventory_cap_lots - sign(message.side) * account_.inventory_lots();
  return std::clamp<Lots>(lots, 0, room);
}

template <class Setting>
void BookMarketOf<Setting>::place(const Message& message) {
  const Lots lots = admitted_lots(message, message.lots);
  Outcome outcome;
  executions_.clear();
  if (lots > 0)
    outcome = market_.submit(message.side, message.price_ticks, lots, force(), executions_);
  settle_order(message, outcome, message.lots - lots);
}

// What was filled while the message was under way comes off the new size as well, so that never
// more is bought or sold than was asked for.
template <class Setting>
void BookMarketOf<Setting>::replace(const Message& message) {
  Standing& standing = standing_[index_of(message.side)];
  const bool alive = is_alive(message.side) && standing.order == message.order;
  const auto slot = static_cast<Slot>(standing.slot);
  const Lots open_lots = alive ? Lots{market_.book().order(slot).lots} : 0;
  const Lots wanted = message.lots - (message.open_lots - open_lots);
  Outcome outcome;
  executions_.clear();
  if (!alive) {
    if (wanted > 0) settle_order(message, outcome, wanted);  // too late
    return;
  }
  const Lots lots = admitted_lots(message, std::max<Lots>(0, wanted));
  if (lots == 0) {
    market_.cancel(slot);
  } else {
    outcome = market_.amend(slot, message.price_ticks, lots, force(), executions_);
  }
  const Standing before = standing;
  standing = Standing{};
  settle_order(message, outcome, std::max<Lots>(0, wanted) - lots);
  if (standing.arrival == before.arrival) standing.since_ns = before.since_ns;  // kept its place
}

template <class Setting>
void BookMarketOf<Setting>::withdraw(const Message& message) {
  Standing& standing = standing_[index_of(message.side)];
  if (!is_alive(message.side) || standing.order != message.order) return;
  market_.cancel(static_cast<Slot>(standing.slot));
  standing = Standing{};
}

template <class Setting>
TimeInForce BookMarketOf<Setting>::force() const {
  return model_->setting.taker_allowed() ? TimeInForce::kGoodTillCancel : TimeInForce::kPostOnly;
}

template <class Setting>
void BookMarketOf<Setting>::settle_order(const Message& message, const Outcome& outcome,
                                         Lots cut_lots) {
  for (const typename Book::Execution& execution : executions_) {
    fill(message.side, execution.price_ticks, execution.lots, false);
  }
  const Lots dropped = outcome.dropped_lots + cut_lots;
  extra_.rejected_lots += dropped;
  if (outcome.filled_lots > 0 || dropped > 0) {
    notify(message.side, message.order, outcome.filled_lots, dropped);
  }
  if (outcome.slot == kNoSlot) return;
  standing_[index_of(message.side)] = {outcome.slot, market_.book().order(outcome.slot).arrival,
                                       message.order, now_ns()};
}

template <class Setting>
void BookMarketOf<Setting>::notify(Side side, std::uint64_t order, Lots filled_lots,
                                   Lots dropped_lots) {
  const TimeNs delay = delay_ns(model_->response, response_stream_);
  Notice notice;
  notice.heard_ns = response_line_.arrival_ns(now_ns(), delay);
  notice.order = order;
  notice.filled_lots = filled_lots;
  notice.dropped_lots = dropped_lots;
  notice.side = side;
  notices_.push_back(notice);
  if (trace_ == nullptr) return;
  trace_->add(AgentEvent::kNotice, {.ts_ns = now_ns(),
                                    .side = sign(side),
                                    .order = static_cast<std::int64_t>(order),
                                    .qty_lots = filled_lots,
                                    .dropped_lots = dropped_lots,
                                    .delay_ns = notice.heard_ns - now_ns()});
}

template <class Setting>
void BookMarketOf<Setting>::hear() {
  const TimeNs until_ns = now_ns() + state_.feed_ns;
  std::size_t heard = 0;
  for (; heard < notices_.size() && notices_[heard].heard_ns <= until_ns; ++heard) {
    desk_.hear(notices_[heard]);
    heard_lots_[index_of(notices_[heard].side)] += notices_[heard].filled_lots;
  }
  notices_.erase(notices_.begin(), notices_.begin() + static_cast<std::ptrdiff_t>(heard));
}

}  // namespace rlmm
