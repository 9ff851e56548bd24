#include "risk/gate.h"

#include <algorithm>
#include <limits>

#include "checks.h"

namespace rlmm {
namespace {

__extension__ using Wide = __int128;

constexpr TimeNs kDayNs = 24 * kHourNs;
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMessagesMost = 1'000'000'000;
constexpr std::int64_t kOpenMost = 4096;

bool is_between(std::int64_t value, std::int64_t low, std::int64_t high) {
  return low <= value && value <= high;
}

Wide magnitude(Wide value) { return value < 0 ? -value : value; }

Money narrowed(Wide value) { return static_cast<Money>(std::clamp<Wide>(value, kLeast, kMost)); }

}  // namespace

void RiskLimits::validate() const {
  require_between("position_lots_max", position_lots_max, Lots{0}, RiskGate::kLotsMost);
  require_between("notional_max", notional_max, Money{0}, Money{kMost});
  require_between("order_lots_max", order_lots_max, Lots{0}, RiskGate::kLotsMost);
  require_between("order_notional_max", order_notional_max, Money{0}, Money{kMost});
  require_between("orders_per_s", orders_per_s, std::int64_t{1}, kMessagesMost);
  require_between("cancels_per_s", cancels_per_s, std::int64_t{1}, kMessagesMost);
  require_between("open_orders_max", open_orders_max, std::int64_t{1}, kOpenMost);
  require_between("collar_ticks", collar_ticks, Ticks{0}, RiskGate::kPriceMost);
  require_between("daily_loss_max", daily_loss_max, Money{0}, Money{kMost});
  require_between("drawdown_max", drawdown_max, Money{0}, Money{kMost});
  require_between("stale_ns", stale_ns, TimeNs{1}, kDayNs);
}

MessageBudget::MessageBudget(std::int64_t per_s) : per_s_(per_s), left_e9_(per_s * kOneE9) {}

void MessageBudget::advance(TimeNs elapsed_ns) {
  const Wide gained = Wide{elapsed_ns} * per_s_;
  left_e9_ = static_cast<std::int64_t>(std::min(Wide{left_e9_} + gained, Wide{per_s_} * kOneE9));
}

RiskGate::RiskGate(const RiskLimits& limits)
    : limits_((limits.validate(), limits)),
      orders_(limits.orders_per_s),
      cancels_(limits.cancels_per_s) {
  open_.reserve(static_cast<std::size_t>(limits.open_orders_max));
}

// --- what is about to be sent
// -----------------------------------------------------------------------

RiskReason RiskGate::submit(std::uint64_t id, Side side, Ticks price_ticks, Lots lots,
                            TimeNs now_ns) {
  advance(now_ns);
  if (state_ == RiskState::kHalted) return RiskReason::kHalted;
  const RiskReason order = check_order(side, price_ticks, lots);
  if (order != RiskReason::kPassed) return order;
  const Lots worst = worst_lots(side) + lots;
  const RiskReason exposure = check_exposure(side, lots, worst);
  if (exposure != RiskReason::kPassed) return exposure;
  if (state_ == RiskState::kReducing && worst > 0) return RiskReason::kReducing;
  if (id <= last_id_) return RiskReason::kDuplicateId;
  if (std::ssize(open_) >= limits_.open_orders_max) return RiskReason::kOpenOrders;
  const auto same = [&](const Order& one) {
    return one.side == side && one.price_ticks == price_ticks && one.lots == lots;
  };
  if (std::ranges::any_of(open_, same)) return RiskReason::kDuplicateOrder;
  if (!orders_.has_one()) return RiskReason::kOrderRate;
  orders_.take_one();
  last_id_ = id;
  open_.push_back({id, price_ticks, price_ticks, lots, 0, side});
  open_lots_[index_of(side)] += lots;
  return RiskReason::kPassed;
}

RiskReason RiskGate::amend(std::uint64_t id, Ticks price_ticks, Lots lots, TimeNs now_ns) {
  advance(now_ns);
  if (state_ == RiskState::kHalted) return RiskReason::kHalted;
  Order* const order = find(id);
  if (order == nullptr) return RiskReason::kUnknownOrder;
  const RiskReason wrong = check_order(order->side, price_ticks, lots);
  if (wrong != RiskReason::kPassed) return wrong;
  const Lots more = std::max<Lots>(0, lots - order->lots);
  const Lots worst = worst_lots(order->side) + more;
  if (more > 0) {
    const RiskReason exposure = check_exposure(order->side, lots, worst);
    if (exposure != RiskReason::kPassed) return exposure;
  }
  const bool shrinks = price_ticks == order->price_ticks && more == 0;
  if (state_ == RiskState::kReducing && worst > 0 && !shrinks) return RiskReason::kReducing;
  if (!orders_.has_one()) return RiskReason::kOrderRate;
  orders_.take_one();
  order->price_ticks = price_ticks;
  order->lots += more;
  ++order->pending;
  open_lots_[index_of(order->side)] += more;
  return RiskReason::kPassed;
}

RiskReason RiskGate::cancel(std::uint64_t id, TimeNs now_ns) {
  advance(now_ns);
  if (find(id) == nullptr) return RiskReason::kUnknownOrder;
  if (state_ == RiskState::kHalted) return RiskReason::kPassed;
  if (!cancels_.has_one()) return RiskReason::kCancelRate;
  cancels_.take_one();
  return RiskReason::kPassed;
}

// What does not depend on what else is open.
RiskReason RiskGate::check_order(Side side, Ticks price_ticks, Lots lots) const {
  if (!is_between(price_ticks, 1, kPriceMost)) return RiskReason::kBadPrice;
  if (!is_between(lots, 1, kLotsMost)) return RiskReason::kBadSize;
  if (mid_ticks_x2_ == 0) return RiskReason::kNoMarket;
  if (Wide{now_ns_} - market_ns_ > limits_.stale_ns) return RiskReason::kStaleData;
  if (lots > limits_.order_lots_max) return RiskReason::kOrderSize;
  if (Wide{price_ticks} * lots > limits_.order_notional_max) return RiskReason::kOrderNotional;
  if (magnitude(Wide{2} * price_ticks - mid_ticks_x2_) > Wide{2} * limits_.collar_ticks) {
    return RiskReason::kPriceCollar;
  }
  if (meets_own(side, price_ticks)) return RiskReason::kSelfTrade;
  return RiskReason::kPassed;
}

// What brings the position nearer to zero passes even while it is beyond the limit.
RiskReason RiskGate::check_exposure(Side side, Lots order_lots, Lots worst_lots) const {
  if (sign(side) * position_lots_ + order_lots > limits_.position_lots_max) {
    return RiskReason::kPosition;
  }
  if (worst_lots > limits_.position_lots_max) return RiskReason::kExposure;
  if (worst_lots > 0 && Wide{worst_lots} * mid_ticks_x2_ > Wide{2} * limits_.notional_max) {
    return RiskReason::kNotional;
  }
  return RiskReason::kPassed;
}

bool RiskGate::meets_own(Side side, Ticks price_ticks) const {
  return std::ranges::any_of(open_, [&](const Order& one) {
    if (one.side == side) return false;
    return sign(side) * (price_ticks - one.price_ticks) >= 0 ||
           sign(side) * (price_ticks - one.resting_ticks) >= 0;
  });
}

// --- what the exchange says
// -------------------------------------------------------------------------

void RiskGate::on_market(Ticks mid_ticks_x2, TimeNs now_ns) {
  advance(now_ns);
  if (!is_between(mid_ticks_x2, 1, 2 * kPriceMost)) {
    halt(RiskReason::kBadReport);
    return;
  }
  if (mark_ticks_x2_ == 0) opening_x2_ += Wide{position_lots_} * mid_ticks_x2;
  mid_ticks_x2_ = mark_ticks_x2_ = mid_ticks_x2;
  market_ns_ = now_ns_;
  check_losses();
}

void RiskGate::on_amended(std::uint64_t id, Ticks price_ticks, Lots lots) {
  if (!is_between(price_ticks, 1, kPriceMost) || !is_between(lots, 1, kLotsMost)) {
    halt(RiskReason::kBadReport);
    return;
  }
  Order* const order = find(id);
  if (order == nullptr || lots > order->lots) {
    halt(RiskReason::kMismatch);
    return;
  }
  order->resting_ticks = price_ticks;
  order->pending = std::max<std::int64_t>(0, order->pending - 1);
  if (order->pending > 0) return;  // what is under way may still make it larger again
  open_lots_[index_of(order->side)] -= order->lots - lots;
  order->price_ticks = price_ticks;
  order->lots = lots;
}

void RiskGate::on_fill(std::uint64_t id, Ticks price_ticks, Lots lots, std::int64_t fee_e9,
                       TimeNs now_ns) {
  advance(now_ns);
  Order* const order = find(id);
  if (!is_between(price_ticks, 1, kPriceMost) || !is_between(lots, 1, kLotsMost)) {
    halt(RiskReason::kBadReport);
    return;
  }
  if (order == nullptr) {
    halt(RiskReason::kUnknownFill);
    return;
  }
  const Lots expected = std::min(lots, order->lots);
  if (expected < lots) halt(RiskReason::kOverfill);
  open_lots_[index_of(order->side)] -= expected;
  order->lots -= expected;
  const Lots signed_lots = sign(order->side) * lots;
  if (!is_between(position_lots_ + signed_lots, -kPositionMost, kPositionMost)) {
    halt(RiskReason::kBadReport);
    return;
  }
  position_lots_ += signed_lots;
  cash_ -= Wide{signed_lots} * price_ticks;
  fees_e9_ += fee_e9;
  if (order->lots == 0) on_closed(id);
  settle_position();
  check_losses();
}

void RiskGate::on_closed(std::uint64_t id) {
  Order* const order = find(id);
  if (order == nullptr) return;
  open_lots_[index_of(order->side)] -= order->lots;
  open_.erase(open_.begin() + (order - open_.data()));
}

void RiskGate::on_reconciled(Lots position_lots, const std::vector<Order>& open) {
  const auto is_sound = [](const Order& one) {
    return is_between(one.price_ticks, 1, kPriceMost) && is_between(one.lots, 1, kLotsMost);
  };
  if (!is_between(position_lots, -kPositionMost, kPositionMost) || std::ssize(open) > kOpenMost ||
      !std::ranges::all_of(open, is_sound)) {
    halt(RiskReason::kBadReport);
    return;
  }
  if (reconciled_ && position_lots != position_lots_) halt(RiskReason::kMismatch);
  reconciled_ = true;
  // A position that nobody saw coming is worth what it is worth now: neither gain nor loss.
  opening_x2_ += (Wide{position_lots} - position_lots_) * mark_ticks_x2_;
  position_lots_ = position_lots;
  open_.clear();
  open_lots_ = {};
  for (const Order& one : open) {
    open_.push_back({one.id, one.price_ticks, one.price_ticks, one.lots, 0, one.side});
    open_lots_[index_of(one.side)] += one.lots;
    last_id_ = std::max(last_id_, one.id);
  }
  settle_position();
}

// --- states
// -----------------------------------------------------------------------------------------

void RiskGate::halt(RiskReason why) {
  if (state_ == RiskState::kHalted) return;
  state_ = RiskState::kHalted;
  why_ = why;
}

void RiskGate::reduce(RiskReason why) {
  if (state_ != RiskState::kActive) return;
  state_ = RiskState::kReducing;
  why_ = why;
}

void RiskGate::clear() {
  state_ = RiskState::kActive;
  why_ = RiskReason::kPassed;
  rebase();
  settle_position();
}

// A position beyond its limit, wherever it came from, may only shrink.
void RiskGate::settle_position() {
  const bool beyond = magnitude(position_lots_) > limits_.position_lots_max;
  if (beyond) {
    reduce(RiskReason::kPosition);
  } else if (state_ == RiskState::kReducing && why_ == RiskReason::kPosition) {
    state_ = RiskState::kActive;
    why_ = RiskReason::kPassed;
  }
}

void RiskGate::rebase() { day_start_x2_ = peak_x2_ = pnl_x2(); }

void RiskGate::check_losses() {
  const Wide now_x2 = pnl_x2();
  peak_x2_ = std::max(peak_x2_, now_x2);
  if (day_start_x2_ - now_x2 > Wide{2} * limits_.daily_loss_max) halt(RiskReason::kDailyLoss);
  if (peak_x2_ - now_x2 > Wide{2} * limits_.drawdown_max) halt(RiskReason::kDrawdown);
}

void RiskGate::advance(TimeNs now_ns) {
  if (now_ns <= now_ns_) return;
  const Wide elapsed = Wide{now_ns} - now_ns_;
  orders_.advance(narrowed(elapsed));
  cancels_.advance(narrowed(elapsed));
  now_ns_ = now_ns;
  if (now_ns / kDayNs == day_) return;
  day_ = now_ns / kDayNs;
  day_start_x2_ = pnl_x2();
}

RiskGate::Order* RiskGate::find(std::uint64_t id) {
  const auto found = std::ranges::find(open_, id, &Order::id);
  return found == open_.end() ? nullptr : &*found;
}

Money RiskGate::pnl() const { return narrowed(pnl_x2() / 2); }
Money RiskGate::day_pnl() const { return narrowed((pnl_x2() - day_start_x2_) / 2); }
Money RiskGate::drawdown() const { return narrowed((peak_x2_ - pnl_x2()) / 2); }

}  // namespace rlmm
