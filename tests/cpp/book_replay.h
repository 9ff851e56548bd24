// A book rebuilt from what was logged of it, and nothing else.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "book/order_book.h"
#include "check.h"
#include "market/event_log.h"

class BookReplay {
 public:
  void apply(const std::vector<rlmm::BookEvent>& events) {
    for (const rlmm::BookEvent& event : events) apply(event);
  }
  void apply(const rlmm::BookEvent& event) {
    using rlmm::EventKind;
    CHECK(event.ts_ns >= last_ns_);
    last_ns_ = event.ts_ns;
    if (event.kind == EventKind::kStatus || event.kind == EventKind::kClear) return;
    CHECK(event.lots > 0);
    Levels& levels = levels_of(event.side);
    const rlmm::Ticks key = -event.side * event.price_ticks;
    if (event.kind == EventKind::kAdd || event.kind == EventKind::kSnapshot) {
      add(event, levels[key]);
      return;
    }
    if (event.kind == EventKind::kTrade) {
      ++trades_;
      if (agents_.contains(event.order_id)) lots_of_agent_ += event.lots;
      CHECK_EQ(levels.begin()->first, key);  // the best price and the earliest order
      CHECK_EQ(levels.begin()->second.begin()->first, event.order_id);
    }
    const auto level = levels.find(key);
    CHECK(level != levels.end());
    if (level == levels.end()) return;
    take_off(event, level->second);
    if (level->second.empty()) levels.erase(level);
  }

  // Every level of both sides, in order, holds the same lots.
  void check_same(const rlmm::OrderBook& book) const {
    using rlmm::Side;
    for (const Side side : {Side::kBid, Side::kAsk}) {
      const auto& levels = levels_of(rlmm::sign(side));
      rlmm::Ticks price = book.best(side);
      for (const auto& [key, orders] : levels) {
        CHECK_EQ(price, -rlmm::sign(side) * key);
        rlmm::Lots lots = 0;
        for (const auto& [id, order_lots] : orders) lots += order_lots;
        CHECK_EQ(book.lots_at(price), lots);
        price = book.next_price(side, price);
      }
      CHECK_EQ(price, side == Side::kBid ? rlmm::OrderBook::kNoBid : rlmm::OrderBook::kNoAsk);
    }
  }

  // As `EventLog::depth` notes it after an event.
  std::vector<std::int64_t> depth(std::size_t n_levels) const {
    std::vector<std::int64_t> row(4 * n_levels, 0);
    for (const std::int64_t side : {-1, 1}) {
      std::size_t at = side < 0 ? 0 : 2;
      for (const auto& [key, orders] : levels_of(side)) {
        if (at >= row.size()) break;
        row[at] = -side * key;
        for (const auto& [id, lots] : orders) row[at + 1] += lots;
        at += 4;
      }
    }
    return row;
  }

  std::int64_t trades() const { return trades_; }
  // Traded by the agent's resting orders since the last call.
  rlmm::Lots lots_of_agent() { return std::exchange(lots_of_agent_, 0); }

  // The best price of an order that is not the agent's.
  std::optional<rlmm::Ticks> best_of_others(rlmm::Side side) const {
    for (const auto& [key, orders] : levels_of(rlmm::sign(side))) {
      for (const auto& [id, lots] : orders) {
        if (!agents_.contains(id)) return -rlmm::sign(side) * key;
      }
    }
    return std::nullopt;
  }

 private:
  // By distance outward: the best price comes first on both sides.
  using Orders = std::map<std::uint64_t, rlmm::Lots>;
  using Levels = std::map<rlmm::Ticks, Orders>;

  Levels& levels_of(std::int64_t side) { return side > 0 ? bids_ : asks_; }
  const Levels& levels_of(std::int64_t side) const { return side > 0 ? bids_ : asks_; }

  void add(const rlmm::BookEvent& event, Orders& level) {
    // Of orders that were there before, only those of one level follow in order of their age.
    if (event.kind == rlmm::EventKind::kAdd) CHECK(event.order_id > last_id_);
    last_id_ = std::max(last_id_, event.order_id);
    CHECK(level.empty() || level.rbegin()->first < event.order_id);
    level.emplace(event.order_id, event.lots);
    if ((event.flags & rlmm::kFlagAgent) != 0) agents_.insert(event.order_id);
  }

  void take_off(const rlmm::BookEvent& event, Orders& level) {
    const auto order = level.find(event.order_id);
    CHECK(order != level.end());
    if (order == level.end()) return;
    order->second -= event.lots;
    CHECK(order->second >= 0);
    CHECK_EQ(order->second > 0, (event.flags & rlmm::kFlagRemains) != 0);
    if (order->second > 0) return;
    level.erase(order);
    agents_.erase(event.order_id);
  }

  Levels bids_;
  Levels asks_;
  std::set<std::uint64_t> agents_;  // orders
  std::uint64_t last_id_ = 0;
  rlmm::TimeNs last_ns_ = INT64_MIN;
  std::int64_t trades_ = 0;
  rlmm::Lots lots_of_agent_ = 0;
};
