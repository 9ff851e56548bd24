// A second order book with the contract of csrc/book/order_book.h: slow, obvious, its own work.
//
// Levels are a sorted map per side, a queue is a list, whoever wants to know a total walks. A
// matching order is planned as a list of steps first; the steps are carried out only if its time
// in force allows the plan.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <list>
#include <map>
#include <vector>

#include "book/order_book.h"  // for the words of the contract: Submission, Outcome, Owner, ...

namespace rlmm {

struct OracleOrder {
  Side side;
  Ticks price_ticks;
  Lots lots;
  Owner owner;
  Pool pool;
  // What the book under test calls this order; the oracle only passes it on.
  Slot slot = kNoSlot;
  std::uint64_t arrival = 0;
};

class OracleBook {
 public:
  using Queue = std::list<OracleOrder>;
  using Handle = Queue::iterator;
  using Levels = std::map<Ticks, Queue>;

  struct Trade {
    Slot slot;
    Side side;
    Owner owner;
    Ticks price_ticks;
    Lots lots;
    Lots left_lots;
    bool operator==(const Trade&) const = default;
  };
  struct Result {
    bool rests = false;
    Handle rest;
    Lots filled_lots = 0;
    Lots dropped_lots = 0;
    bool refused = false;
    std::vector<Trade> trades;
  };

  void clear() {
    for (Levels& levels : sides_) levels.clear();
    for (auto& of_sides : pools_) {
      for (std::vector<Handle>& members : of_sides) members.clear();
    }
    side_lots_ = {};
    gone_.clear();
  }

  Result submit(const Submission& order) {
    const Plan plan = plan_of(order);
    Result result;
    const bool post_only = order.time_in_force == TimeInForce::kPostOnly;
    const bool whole = plan.filled_lots == order.lots;
    if ((post_only && crosses(order.side, order.price_ticks)) ||
        (order.time_in_force == TimeInForce::kFillOrKill && !whole)) {
      result.refused = true;
      result.dropped_lots = order.lots;
      return result;
    }
    carry_out(plan, result);
    const Lots left = order.lots - plan.filled_lots;
    const bool keeps_rest = post_only || order.time_in_force == TimeInForce::kGoodTillCancel;
    if (left > 0 && keeps_rest && !plan.stopped) {
      result.rests = true;
      result.rest = rest(order.side, order.price_ticks, left, order.owner, order.pool);
    } else {
      result.dropped_lots = left;
    }
    return result;
  }

  // For the crowd, whose orders trade with everybody's, against what is no worse than the limit.
  Result execute(Side resting_side, Lots lots, Ticks limit_ticks) {
    Submission order;
    order.side = other(resting_side);
    order.price_ticks = limit_ticks;
    order.lots = lots;
    order.owner = kCrowd;
    Result result;
    carry_out(plan_of(order), result);
    return result;
  }

  Handle rest(Side side, Ticks price_ticks, Lots lots, Owner owner, Pool pool) {
    Queue& queue = levels(side)[price_ticks];
    queue.push_back({side, price_ticks, lots, owner, pool});
    const auto handle = std::prev(queue.end());
    members(side, pool).push_back(handle);
    side_lots_.at(static_cast<std::size_t>(side)) += lots;
    return handle;
  }

  void cancel(Handle order) {
    gone_.push_back(*order);
    side_lots_.at(static_cast<std::size_t>(order->side)) -= order->lots;
    std::vector<Handle>& list = members(order->side, order->pool);
    // The last of a pool takes the place of whoever leaves it.
    *std::find(list.begin(), list.end(), order) = list.back();
    list.pop_back();
    Levels& side = levels(order->side);
    const auto level = side.find(order->price_ticks);
    level->second.erase(order);
    if (level->second.empty()) side.erase(level);
  }

  void reduce(Handle order, Lots lots) {
    order->lots -= lots;
    side_lots_.at(static_cast<std::size_t>(order->side)) -= lots;
  }

  Result amend(Handle order, Ticks price_ticks, Lots lots, TimeInForce time_in_force,
               SelfTrade self_trade) {
    if (price_ticks == order->price_ticks && lots <= order->lots) {
      if (lots < order->lots) reduce(order, order->lots - lots);
      Result kept;
      kept.rests = true;
      kept.rest = order;
      return kept;
    }
    const OracleOrder before = *order;
    cancel(order);
    return submit(
        {before.side, price_ticks, lots, time_in_force, self_trade, before.owner, before.pool});
  }

  // --- what stands in it --------------------------------------------------------------------

  const Levels& levels(Side side) const { return sides_.at(static_cast<std::size_t>(side)); }
  bool has(Side side) const { return !levels(side).empty(); }
  // Only if there is one.
  Ticks best(Side side) const {
    return side == Side::kBid ? levels(side).rbegin()->first : levels(side).begin()->first;
  }
  bool crosses(Side side, Ticks price_ticks) const {
    if (!has(other(side))) return false;
    const Ticks there = best(other(side));
    return side == Side::kBid ? price_ticks >= there : price_ticks <= there;
  }
  Lots lots_at(Side side, Ticks price_ticks) const {
    const auto level = levels(side).find(price_ticks);
    Lots lots = 0;
    if (level == levels(side).end()) return lots;
    for (const OracleOrder& order : level->second) lots += order.lots;
    return lots;
  }
  Lots side_lots(Side side) const { return side_lots_.at(static_cast<std::size_t>(side)); }
  Lots queue_ahead(Handle order) const {
    Lots ahead = 0;
    for (const OracleOrder& each : levels(order->side).at(order->price_ticks)) {
      if (&each == &*order) break;
      ahead += each.lots;
    }
    return ahead;
  }
  const std::vector<Handle>& members(Side side, Pool pool) const {
    return pools_.at(pool).at(static_cast<std::size_t>(side));
  }

  std::size_t orders() const {
    std::size_t count = 0;
    for (const auto& of_sides : pools_) {
      for (const std::vector<Handle>& members : of_sides) count += members.size();
    }
    return count;
  }

  // Who has left since `forget_gone`.
  const std::vector<OracleOrder>& gone() const { return gone_; }
  void forget_gone() { gone_.clear(); }

  static Side other(Side side) { return side == Side::kBid ? Side::kAsk : Side::kBid; }

 private:
  struct Step {
    Handle order;
    Lots lots;  // 0: cancel it
  };
  struct Plan {
    std::vector<Step> steps;
    Lots filled_lots = 0;
    bool stopped = false;  // by an order of the same owner
  };

  Levels& levels(Side side) { return sides_.at(static_cast<std::size_t>(side)); }
  std::vector<Handle>& members(Side side, Pool pool) {
    return pools_.at(pool).at(static_cast<std::size_t>(side));
  }

  Plan plan_of(const Submission& order) {
    Plan plan;
    if (order.side == Side::kBid) {
      for (auto level = levels(Side::kAsk).begin(); level != levels(Side::kAsk).end(); ++level) {
        if (level->first > order.price_ticks || !plan_level(order, level->second, plan)) break;
      }
    } else {
      for (auto level = levels(Side::kBid).rbegin(); level != levels(Side::kBid).rend(); ++level) {
        if (level->first < order.price_ticks || !plan_level(order, level->second, plan)) break;
      }
    }
    return plan;
  }

  // False: the order is done with.
  static bool plan_level(const Submission& order, Queue& queue, Plan& plan) {
    for (auto each = queue.begin(); each != queue.end(); ++each) {
      const Lots wanted = order.lots - plan.filled_lots;
      if (wanted == 0) return false;
      if (order.owner != kCrowd && each->owner == order.owner) {
        if (order.self_trade != SelfTrade::kCancelIncoming) plan.steps.push_back({each, 0});
        if (order.self_trade == SelfTrade::kCancelResting) continue;
        plan.stopped = true;
        return false;
      }
      const Lots lots = std::min(wanted, each->lots);
      plan.steps.push_back({each, lots});
      plan.filled_lots += lots;
    }
    return true;
  }

  void carry_out(const Plan& plan, Result& result) {
    result.filled_lots = plan.filled_lots;
    for (const Step& step : plan.steps) {
      const OracleOrder order = *step.order;
      if (step.lots > 0) {
        result.trades.push_back({order.slot, order.side, order.owner, order.price_ticks, step.lots,
                                 order.lots - step.lots});
      }
      if (step.lots > 0 && step.lots < order.lots) {
        reduce(step.order, step.lots);
      } else {
        cancel(step.order);
      }
    }
  }

  std::array<Levels, 2> sides_;
  std::array<std::array<std::vector<Handle>, 2>, OrderBook::kPools> pools_;
  std::array<Lots, 2> side_lots_{};
  std::vector<OracleOrder> gone_;
};

}  // namespace rlmm
