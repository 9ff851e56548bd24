// The rules of a replayed book (market/replay_book.h) once more, slow and obvious: it reads the
// rows themselves, keeps every order in one list in the order of arrival, and walks that list for
// whatever it is asked.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>
#include <vector>

#include "replay_tables.h"

namespace replay_tables {

class Twin {
 public:
  Twin(bool by_order, const rlmm::QueueParams& queue)
      : by_order_(by_order), queue_(queue), exact_(by_order && queue.use_order_ids) {}

  struct Own {
    Ticks price = 0;
    Lots lots = 0;
    double ahead = 0.0;  // by law
    TimeNs in_sight_ns = -1;
    bool has_seen = false;  // its level
    Lots gone = 0;          // ahead, out of sight
    Lots back = 0;          // ahead, of what came into sight
    Lots behind = 0;        // of that too
  };

  // Returns what the row filled of each side's order.
  std::array<Lots, 2> play(const Row& row) {
    filled_ = {};
    const Side side = row.side < 0 ? Side::kAsk : Side::kBid;
    switch (row.kind) {
      case EventKind::kAdd:
        if (Resting* old = by_id(row.order_id)) cancel(*old, old->lots);
        add(side, row, row.lots, false);
        break;
      case EventKind::kCancel:
        if (row.order_id == 0) {
          cancel_level(side, row, row.lots);
        } else if (Resting* order = resting(side, row)) {
          cancel(*order, row.lots, leaves(row));
        }
        break;
      case EventKind::kModify:
        modify(side, row);
        break;
      case EventKind::kTrade:
        if (row.side != 0) trade(side, row);
        break;
      case EventKind::kSnapshot:
        add(side, row, row.lots, true);  // tests show what is not there
        break;
      case EventKind::kClear:
        for (const Side cleared : rlmm::kSides) {
          if (row.side != 0 && side != cleared) continue;
          for (const Resting& order : all_) {
            if (order.side == cleared) taken_[{cleared, order.price, row.ts_ns}] += order.taken;
          }
          std::erase_if(all_, [&](const Resting& order) { return order.side == cleared; });
          mutable_own(cleared).gone = mutable_own(cleared).back = mutable_own(cleared).behind = 0;
        }
        break;
      case EventKind::kStatus:
        session_ = row.lots;
        break;
    }
    std::erase_if(all_, [](const Resting& order) { return order.lots == 0; });
    return filled_;
  }

  // Takes what it may, then rests; returns the lots taken.
  Lots quote(Side side, Ticks price, Lots lots, bool may_take) {
    const Side across = rlmm::opposite(side);
    const bool crosses = has(across) && better(side, price, best_left(across));
    if (crosses && !(may_take && session_ == 2)) return 0;
    Lots taken = 0;
    while (taken < lots && has(across) && better(side, price, best_left(across))) {
      const Ticks at = best_left(across);
      for (Resting& order : all_) {
        if (order.side != across || order.price != at) continue;
        const Lots of_it = std::min(lots - taken, order.left());
        order.taken += of_it;
        taken += of_it;
      }
    }
    if (taken == lots) return taken;
    const Lots level = left_at(side, price);
    mutable_own(side) = {price, lots - taken, static_cast<double>(level), -1, level > 0};
    for (Resting& order : all_) {
      if (order.side != side) continue;
      order.is_ahead = true;
      order.was_hidden = false;
    }
    return taken;
  }
  void withdraw(Side side) { mutable_own(side) = Own{}; }
  void shrink(Side side, Lots lots) { mutable_own(side).lots = lots; }

  const Own& own(Side side) const { return own_[rlmm::index_of(side)]; }
  Lots ahead(Side side) const {
    const Ticks price = own(side).price;
    if (!exact_) {
      const auto level = static_cast<double>(left_at(side, price));
      return static_cast<Lots>(std::ceil(std::min(own(side).ahead, level)));
    }
    Lots sum = own(side).back;
    for (const Resting& order : all_) {
      if (order.side == side && order.price == price && order.is_ahead) sum += order.left();
    }
    return sum;
  }
  Lots left_at(Side side, Ticks price) const {
    Lots sum = 0;
    for (const Resting& order : all_) {
      if (order.side == side && order.price == price) sum += order.left();
    }
    return sum;
  }
  bool has(Side side) const {
    return std::ranges::any_of(
        all_, [&](const Resting& order) { return order.side == side && order.left() > 0; });
  }
  // What the agent has left; there must be some.
  Ticks best_left(Side side) const {
    Ticks best = 0;
    bool found = false;
    for (const Resting& order : all_) {
      if (order.side != side || order.left() == 0) continue;
      if (!found || better(side, order.price, best)) best = order.price;
      found = true;
    }
    return best;
  }
  // An order, or all lots at a price that have none.
  struct Resting {
    std::uint64_t id;
    Side side;
    Ticks price;
    Lots lots;
    Lots taken;
    bool is_ahead;    // was there before the agent
    bool was_hidden;  // has come into sight since
    Lots left() const { return lots - taken; }
  };
  const std::vector<Resting>& all() const { return all_; }

 private:
  Own& mutable_own(Side side) { return own_[rlmm::index_of(side)]; }
  static bool better(Side side, Ticks a, Ticks b) { return rlmm::sign(side) * (a - b) >= 0; }

  Resting* by_id(std::uint64_t id) {
    for (Resting& order : all_) {
      if (id != 0 && order.id == id) return &order;
    }
    return nullptr;
  }
  Resting* nameless(Side side, Ticks price) {
    for (Resting& order : all_) {
      if (order.id == 0 && order.side == side && order.price == price) return &order;
    }
    return nullptr;
  }
  // Whom a cancel or trade of this row concerns.
  Resting* resting(Side side, const Row& row) {
    if ((row.flags & 16) != 0) return nullptr;
    if (by_order_ && row.order_id == 0 && row.kind == EventKind::kTrade) return nullptr;
    Resting* order = by_id(row.order_id);
    return order != nullptr ? order : nameless(side, row.price_ticks);
  }

  void fill(Side side, Lots lots) {
    mutable_own(side).lots -= lots;
    filled_[rlmm::index_of(side)] += lots;
  }
  bool stands(Side side, Ticks price) const {
    return own(side).lots > 0 && own(side).price == price;
  }

  void add(Side side, const Row& row, Lots lots, bool is_snapshot) {
    const Side across = rlmm::opposite(side);
    Lots met = 0;
    if (is_snapshot) {
      Lots& before = taken_[{side, row.price_ticks, row.ts_ns}];
      met = std::min(lots, before);
      before -= met;
    }
    if (own(across).lots > 0 && better(side, row.price_ticks, own(across).price) && session_ == 2) {
      const Lots traded = std::min(lots - met, own(across).lots);
      met += traded;
      fill(across, traded);  // none, if he has had them
    }
    const bool in_reach = (row.flags & rlmm::kFlagReach) != 0 && row.kind == EventKind::kAdd;
    Own& mine = mutable_own(side);
    const bool is_here = stands(side, row.price_ticks);
    if (is_here && in_reach && !mine.has_seen) mine.in_sight_ns = row.ts_ns;
    if (is_here) mine.has_seen = true;
    const bool first = is_here && in_reach && mine.in_sight_ns == row.ts_ns;
    if (first) {
      mine.ahead += static_cast<double>(lots);
    } else if (is_here && !is_snapshot && !in_reach) {
      mine.ahead = std::min(mine.ahead, static_cast<double>(left_at(side, row.price_ticks)));
    }
    Resting* order = row.order_id == 0 ? nameless(side, row.price_ticks) : nullptr;
    if (order == nullptr) {
      all_.push_back({row.order_id, side, row.price_ticks, 0, 0, false, is_snapshot || in_reach});
      order = &all_.back();
    }
    if (is_here && order->was_hidden) {
      Lots ahead = lots - met;
      if (!first && !is_snapshot) ahead = in_reach ? std::min(ahead, mine.gone) : 0;
      if (!first && !is_snapshot) mine.gone -= ahead;
      mine.back += ahead;
      mine.behind += lots - met - ahead;
    }
    order->lots += lots;
    order->taken += met;
  }

  enum class Why : std::uint8_t { kTrade, kCancel, kOutOfSight };

  void remove(Resting& order, Lots lots, Why why) {
    const Lots before = order.left();
    order.lots -= lots;
    order.taken = std::min(order.taken, order.lots);
    if (!stands(order.side, order.price)) return;
    Own& mine = mutable_own(order.side);
    const Lots left = before - order.left();
    Lots ahead = order.is_ahead ? left : 0;
    if (order.was_hidden) {
      ahead =
          why == Why::kTrade ? std::min(left, mine.back) : std::max<Lots>(0, left - mine.behind);
      mine.back -= ahead;
      mine.behind -= left - ahead;
    }
    if (why == Why::kOutOfSight) mine.gone += ahead;
  }

  static bool leaves(const Row& row) {
    return (row.flags & rlmm::kFlagReach) != 0 && row.kind == EventKind::kCancel;
  }

  // Off the lots of no order first, then off those of the latest.
  void cancel_level(Side side, const Row& row, Lots lots) {
    if (Resting* order = nameless(side, row.price_ticks)) {
      const Lots of_it = std::min(lots, order->lots);
      cancel(*order, of_it, leaves(row));
      lots -= of_it;
    }
    for (auto order = all_.rbegin(); order != all_.rend() && lots > 0; ++order) {
      if (order->side != side || order->price != row.price_ticks) continue;
      const Lots of_it = std::min(lots, order->lots);
      cancel(*order, of_it, leaves(row));
      lots -= of_it;
    }
  }

  void cancel(Resting& order, Lots lots, bool out_of_sight = false) {
    lots = std::min(lots, order.lots);
    if (lots == 0) return;
    if (out_of_sight) {
      remove(order, lots, Why::kOutOfSight);
      return;
    }
    const auto level = static_cast<double>(left_at(order.side, order.price));
    Own& mine = mutable_own(order.side);
    double from_ahead = 0.0;
    if (stands(order.side, order.price)) {
      mine.ahead = std::min(mine.ahead, level);
      from_ahead =
          rlmm::share_ahead(queue_, mine.ahead, level - mine.ahead) * static_cast<double>(lots);
    }
    remove(order, lots, Why::kCancel);
    if (!stands(order.side, order.price)) return;
    const auto after = static_cast<double>(left_at(order.side, order.price));
    mine.ahead = std::clamp(mine.ahead - from_ahead, 0.0, after);
  }

  void modify(Side side, const Row& row) {
    if (row.order_id == 0) {
      Lots there = 0;
      for (const Resting& order : all_) {
        if (order.side == side && order.price == row.price_ticks) there += order.lots;
      }
      if (row.lots > there) add(side, row, row.lots - there, false);
      if (row.lots < there) cancel_level(side, row, there - row.lots);
      return;
    }
    Resting* order = by_id(row.order_id);
    const bool stays = order != nullptr && order->price == row.price_ticks && order->side == side;
    if (stays && row.lots <= order->lots) {
      cancel(*order, order->lots - row.lots);
      return;
    }
    if (order != nullptr) cancel(*order, order->lots);
    std::erase_if(all_, [](const Resting& gone) { return gone.lots == 0; });
    if (row.lots > 0) add(side, row, row.lots, false);
  }

  void trade(Side side, const Row& row) {
    Resting* order = resting(side, row);
    const Lots shown = order == nullptr ? 0 : std::min(row.lots, order->lots);
    if (shown > 0) trade_with(*order, shown);
    const Lots hidden = row.lots - shown;
    if (hidden == 0 || own(side).lots == 0) return;
    if (!better(side, own(side).price, row.price_ticks)) return;
    const bool waits = own(side).price == row.price_ticks && ahead(side) > 0;
    if (!waits) fill(side, std::min(hidden, own(side).lots));
  }

  // The order's own side and price count, whatever the row says.
  void trade_with(Resting& order, Lots lots) {
    const Side side = order.side;
    const bool is_here = stands(side, order.price);
    Lots met = 0;
    if (is_here && exact_) {
      const Lots before_him = order.is_ahead ? lots : order.was_hidden ? own(side).back : 0;
      met = std::max<Lots>(0, lots - before_him);
    }
    if (is_here && !exact_) met = std::max<Lots>(0, lots - ahead(side));
    const bool passes = own(side).lots > 0 && better(side, own(side).price, order.price);
    if (!is_here && passes) met = lots;
    remove(order, lots, Why::kTrade);
    if (is_here) {
      const double ahead_lots = own(side).ahead - static_cast<double>(lots);
      const auto level = static_cast<double>(left_at(side, order.price));
      mutable_own(side).ahead = std::clamp(ahead_lots, 0.0, level);
    }
    fill(side, std::min(met, own(side).lots));
  }

  bool by_order_;
  rlmm::QueueParams queue_;
  bool exact_;
  std::vector<Resting> all_;
  std::map<std::tuple<Side, Ticks, TimeNs>, Lots> taken_;  // of what was cleared at that time
  std::array<Own, 2> own_{};
  std::array<Lots, 2> filled_{};
  Lots session_ = 2;
};

}  // namespace replay_tables
