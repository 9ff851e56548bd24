// An adversary for the risk gate: random actions and reports, from the usual to the ends of the
// integers, with an exchange that fills whatever can be filled in whatever order.
//
// What is open is kept a second time, slowly: after every action the worst case of each side is
// added up anew. `honest` exchanges report what happens; others report anything.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "risk/gate.h"
#include "rng.h"

namespace rlmm {

class RiskAdversary {
 public:
  RiskAdversary(std::uint64_t seed, std::uint64_t slice, bool honest)
      : stream_({seed, 0x7269736BU}, slice, Purpose::kFlow),
        limits_(drawn_limits()),
        gate_(limits_),
        honest_(honest) {}

  // Throws std::logic_error at the first limit that is not held.
  void run(std::uint64_t actions) {
    for (std::uint64_t i = 0; i < actions; ++i) {
      act();
      check();
    }
  }

  std::uint64_t passed() const { return passed_; }
  std::uint64_t fills() const { return fills_; }
  std::uint64_t halts() const { return halts_; }

 private:
  // What the exchange holds, and what is on its way to it.
  struct Held {
    std::uint64_t id;
    Side side;
    Ticks price_ticks;
    Lots open_lots;
    Lots filled_lots = 0;
    struct Change {
      Ticks price_ticks;
      Lots total_lots;
    };
    std::vector<Change> under_way;
  };

  Lots below(Lots n) { return static_cast<Lots>(stream_.below(static_cast<std::uint64_t>(n))); }
  bool chance(Lots one_in) { return below(one_in) == 0; }

  RiskLimits drawn_limits() {
    RiskLimits limits;
    limits.position_lots_max = chance(8) ? RiskGate::kLotsMost : 1 + below(400);
    limits.notional_max = chance(2) ? std::numeric_limits<Money>::max() : 1 + below(200'000);
    limits.order_lots_max = chance(8) ? RiskGate::kLotsMost : 1 + below(60);
    limits.order_notional_max = chance(2) ? std::numeric_limits<Money>::max() : 1 + below(100'000);
    limits.orders_per_s = 1 + below(1000);
    limits.cancels_per_s = 1 + below(1000);
    limits.open_orders_max = 1 + below(12);
    limits.collar_ticks = chance(4) ? RiskGate::kPriceMost : below(40);
    limits.daily_loss_max = chance(2) ? std::numeric_limits<Money>::max() : below(50'000);
    limits.drawdown_max = chance(2) ? std::numeric_limits<Money>::max() : below(50'000);
    limits.stale_ns = 1 + below(2'000'000'000);
    return limits;
  }

  // Mostly near what is usual.
  std::int64_t any_number() {
    constexpr std::array kEnds{std::numeric_limits<std::int64_t>::min(),
                               std::numeric_limits<std::int64_t>::max(),
                               std::int64_t{0},
                               std::int64_t{-1},
                               std::int64_t{1} << 40U,
                               (std::int64_t{1} << 40U) + 1};
    if (chance(2)) return kEnds[static_cast<std::size_t>(below(std::ssize(kEnds)))];
    return static_cast<std::int64_t>(stream_.word());
  }
  Ticks any_price() { return chance(20) ? any_number() : 1000 + below(60) - 30; }
  Ticks price_for(Side side) { return chance(4) ? any_price() : 1000 - sign(side) * below(15); }
  Lots any_lots() { return chance(20) ? any_number() : 1 + below(80); }
  Side any_side() { return chance(2) ? Side::kBid : Side::kAsk; }
  TimeNs later() {
    if (chance(1'000'000)) now_ns_ = any_number();
    if (now_ns_ < std::numeric_limits<TimeNs>::max() / 2) now_ns_ += below(10'000'000);
    return now_ns_;
  }
  std::uint64_t any_id() {
    if (held_.empty() || chance(16)) return chance(2) ? stream_.word() % 64 : last_id_;
    return held_[static_cast<std::size_t>(below(std::ssize(held_)))].id;
  }

  void act() {
    worst_before_ = {gate_.worst_lots(Side::kBid), gate_.worst_lots(Side::kAsk)};
    raised_ = {false, false};
    switch (below(10)) {
      case 0:
      case 1:
      case 2:
        submit();
        break;
      case 3:
        amend();
        break;
      case 4:
        cancel();
        break;
      case 5:
      case 6:
        answer();
        break;
      case 7:
        fill();
        break;
      case 8:
        gate_.on_market(2000 + below(40) - 20, later());
        break;
      default:
        rarely();
    }
  }

  void submit() {
    const std::uint64_t id = chance(16) ? any_id() : ++last_id_;
    const Side side = any_side();
    const Ticks price = price_for(side);
    const Lots lots = any_lots();
    if (gate_.submit(id, side, price, lots, later()) != RiskReason::kPassed) return;
    passed(side);
    if (lots > limits_.order_lots_max || (honest_ && held(id) != nullptr)) {
      fail("an order it should refuse");
    }
    last_id_ = std::max(last_id_, id);
    held_.push_back({id, side, price, lots, 0, {}});
  }

  void amend() {
    const std::uint64_t id = any_id();
    Held* const order = held(id);
    const Ticks price = price_for(order == nullptr ? any_side() : order->side);
    const Lots lots = any_lots();
    if (gate_.amend(id, price, lots, later()) != RiskReason::kPassed) return;
    if (order == nullptr) {
      if (honest_) fail("an amendment of nothing");
      return;
    }
    passed(order->side);
    order->under_way.push_back({price, lots + order->filled_lots});
  }

  void cancel() {
    const std::uint64_t id = any_id();
    if (gate_.cancel(id, later()) != RiskReason::kPassed) return;
    ++passed_;
    if (chance(2)) close(id);  // else it is filled before the cancel gets there
  }

  void answer() {
    Held* const order = held(any_id());
    if (order == nullptr || order->under_way.empty()) return;
    const Held::Change change = order->under_way.front();
    order->under_way.erase(order->under_way.begin());
    const Lots open = change.total_lots - order->filled_lots;
    if (open <= 0) {
      close(order->id);
      return;
    }
    if (!chance(8)) {  // else it was refused, and all stays as it was
      order->open_lots = open;
      order->price_ticks = change.price_ticks;
    }
    gate_.on_amended(order->id, order->price_ticks, order->open_lots);
  }

  void fill() {
    Held* const order = held(any_id());
    if (order == nullptr) return;
    const Lots lots = chance(3) ? order->open_lots : 1 + below(order->open_lots);
    order->open_lots -= lots;
    order->filled_lots += lots;
    position_lots_ += sign(order->side) * lots;
    ++fills_;
    const std::uint64_t id = order->id;
    const bool done = order->open_lots == 0;
    gate_.on_fill(id, order->price_ticks, lots, below(5) - 2, later());
    if (done) close(id);
  }

  void rarely() {
    if (gate_.state() == RiskState::kHalted) {
      ++halts_;
      if (chance(2)) gate_.clear();
      return;
    }
    if (chance(20)) gate_.on_feed_lost();
    if (chance(200)) gate_.reduce(RiskReason::kKillSwitch);
    if (chance(200)) gate_.halt(RiskReason::kKillSwitch);
    if (!honest_ && chance(20)) lie();
  }

  void lie() {
    switch (below(5)) {
      case 0:
        gate_.on_fill(any_id(), any_price(), any_lots(), any_number(), any_number());
        break;
      case 1:
        gate_.on_amended(any_id(), any_price(), any_lots());
        break;
      case 2:
        gate_.on_market(any_number(), any_number());
        break;
      case 3:
        gate_.on_closed(any_id());
        break;
      default:
        gate_.on_reconciled(chance(2) ? any_number() : below(400) - 200,
                            {{any_id(), any_price(), any_price(), any_lots(), 0, any_side()}});
    }
  }

  void passed(Side side) {
    ++passed_;
    raised_[index_of(side)] = true;
    if (gate_.state() == RiskState::kHalted) fail("an action while halted");
  }

  Held* held(std::uint64_t id) {
    const auto found = std::ranges::find(held_, id, &Held::id);
    return found == held_.end() ? nullptr : &*found;
  }

  void close(std::uint64_t id) {
    gate_.on_closed(id);
    std::erase_if(held_, [id](const Held& one) { return one.id == id; });
  }

  // The most that can still be filled of an order, whenever its amendments get there.
  static Lots most_of(const Held& one) {
    Lots most = one.open_lots;
    for (const Held::Change& change : one.under_way) {
      most = std::max(most, change.total_lots - one.filled_lots);
    }
    return most;
  }

  void check() {
    for (const Side side : kSides) {
      const Lots worst = gate_.worst_lots(side);
      const bool rose = raised_[index_of(side)] && worst > worst_before_[index_of(side)];
      if (rose && worst > limits_.position_lots_max) fail("worst case of an action over the limit");
      if (!honest_) continue;
      Lots slow = sign(side) * position_lots_;
      for (const Held& one : held_) slow += one.side == side ? most_of(one) : 0;
      if (slow > limits_.position_lots_max) fail("worst case over the limit");
      if (slow > worst) fail("worst case larger than the gate believes");
    }
    if (honest_ && gate_.position_lots() != position_lots_) fail("position");
    Lots open = 0;
    for (const RiskGate::Order& one : gate_.open()) open += sign(one.side) * one.lots;
    const Lots believed = gate_.worst_lots(Side::kBid) - gate_.worst_lots(Side::kAsk);
    if (believed != 2 * gate_.position_lots() + open) fail("open orders");
  }

  [[noreturn]] void fail(const std::string& what) const {
    std::ostringstream text;
    text << what << ": position " << position_lots_ << " (gate " << gate_.position_lots()
         << "), worst " << gate_.worst_lots(Side::kBid) << " and " << gate_.worst_lots(Side::kAsk)
         << ", limit " << limits_.position_lots_max;
    throw std::logic_error(text.str());
  }

  Stream stream_;
  RiskLimits limits_;
  RiskGate gate_;
  bool honest_;
  std::vector<Held> held_;
  std::uint64_t last_id_ = 0;
  TimeNs now_ns_ = 0;
  Lots position_lots_ = 0;
  std::array<Lots, 2> worst_before_{};
  std::array<bool, 2> raised_{};
  std::uint64_t passed_ = 0;
  std::uint64_t fills_ = 0;
  std::uint64_t halts_ = 0;
};

struct RiskTally {
  std::uint64_t actions = 0;
  std::uint64_t passed = 0;
  std::uint64_t fills = 0;
  std::uint64_t halts = 0;
};

// Slices of limits of their own, two honest exchanges out of three.
inline constexpr std::uint64_t kRiskSliceActions = 100'000;
inline void run_risk_slice(std::uint64_t seed, std::uint64_t slice, std::uint64_t actions,
                           RiskTally& tally) {
  RiskAdversary adversary(seed, slice, slice % 3 != 2);
  try {
    adversary.run(actions);
  } catch (const std::logic_error& error) {
    throw std::logic_error("slice " + std::to_string(slice) + ": " + error.what());
  }
  tally.actions += actions;
  tally.passed += adversary.passed();
  tally.fills += adversary.fills();
  tally.halts += adversary.halts();
}

}  // namespace rlmm
