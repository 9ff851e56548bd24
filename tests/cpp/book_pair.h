// The order book and its oracle, driven together and compared after every operation.
#pragma once

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "book/order_book.h"
#include "book_oracle.h"
#include "serialize.h"

namespace rlmm {

// What the differential test looks for.
class Difference : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Operation {
  enum class Kind : std::uint8_t {
    kSubmit,
    kRest,  // one tick behind the other side's best if the price would cross
    kExecute,
    kCancel,
    kReduce,
    kAmend,
    kAmendSize,  // the order's own price
    kTrack,
    kBadDoor,  // an order outside the contract: as given, the price or the size is wrong
    kReload,   // goes on with a book loaded from the bytes of this one
    kClear,
    kCount,
  };
  Kind kind = Kind::kSubmit;
  Submission order;        // as far as the kind needs it
  std::uint64_t pick = 0;  // which of the live orders is meant
};

inline std::string text_of(const Operation& operation) {
  std::ostringstream out;
  const Submission& order = operation.order;
  out << "kind " << static_cast<int>(operation.kind) << ", side " << static_cast<int>(order.side)
      << ", price " << order.price_ticks << ", lots " << order.lots << ", time in force "
      << static_cast<int>(order.time_in_force) << ", self-trade "
      << static_cast<int>(order.self_trade) << ", owner " << order.owner << ", pool "
      << static_cast<int>(order.pool) << ", pick " << operation.pick;
  return out.str();
}

class BookPair {
 public:
  using Handle = OracleBook::Handle;
  using Trade = OracleBook::Trade;

  const OrderBook& book() const { return book_; }
  const OracleBook& oracle() const { return oracle_; }

  // Throws Difference, or what the book throws.
  void apply(const Operation& operation) {
    fills_.clear();
    oracle_.forget_gone();
    dispatch(operation);
    for (const OracleOrder& gone : oracle_.gone()) {
      same("a gone order is live", book_.is_live(gone.slot, gone.arrival), false);
      std::erase_if(tracked_, [&](const Tracked& tracked) { return tracked.slot == gone.slot; });
    }
    compare_touch();
    compare_around(operation);
  }

  // Everything, and the bytes of the book in a second one.
  void compare_whole() {
    compare_side(Side::kBid);
    compare_side(Side::kAsk);
    compare_pools();
    book_.check_invariants();
    OrderBook second = reloaded();
    Writer again;
    second.save(again);
    Writer out;
    book_.save(out);
    same("bytes after loading", again.bytes() == out.bytes(), true);
  }

 private:
  using Kind = Operation::Kind;
  static constexpr std::size_t kTrackedMost = 6;
  struct Tracked {
    Slot slot;
    Handle order;
  };

  template <class A, class B>
  static void same(const char* what, const A& book, const B& oracle) {
    if (book == oracle) [[likely]]
      return;
    std::ostringstream text;
    text << what << ": the book says " << book << ", the oracle " << oracle;
    throw Difference(text.str());
  }

  static bool is_price(Ticks price_ticks) {
    return -OrderBook::kPriceMax <= price_ticks && price_ticks <= OrderBook::kPriceMax;
  }

  auto sink() {
    return [this](const Fill& fill) {
      same("lots of an order when its fill is told", book_.order(fill.slot).lots, fill.left_lots);
      fills_.push_back(
          {fill.slot, fill.side, fill.owner, fill.price_ticks, fill.lots, fill.left_lots});
    };
  }

  void dispatch(const Operation& operation) {
    const Submission& order = operation.order;
    switch (operation.kind) {
      case Kind::kSubmit:
        submit(order);
        break;
      case Kind::kRest:
        rest(order);
        break;
      case Kind::kExecute:
        execute(order);
        break;
      case Kind::kBadDoor:
        knock(operation);
        break;
      case Kind::kReload:
        book_ = reloaded();
        break;
      case Kind::kClear:
        book_.clear();
        oracle_.clear();
        tracked_.clear();
        last_arrival_ = 0;
        break;
      default:
        if (oracle_.orders() > 0) change(operation, picked(operation.pick));
    }
  }

  void submit(const Submission& order) {
    const Outcome outcome = book_.submit(order, sink());
    compare_outcome(outcome, oracle_.submit(order));
  }

  void rest(Submission order) {
    if (oracle_.crosses(order.side, order.price_ticks)) {
      order.price_ticks = oracle_.best(OracleBook::other(order.side)) - sign(order.side);
      if (!is_price(order.price_ticks)) return;
    }
    const Slot slot =
        book_.rest(order.side, order.price_ticks, order.lots, order.owner, order.pool);
    name(oracle_.rest(order.side, order.price_ticks, order.lots, order.owner, order.pool), slot);
  }

  void execute(const Submission& order) {
    const Side resting = OracleBook::other(order.side);
    const Lots filled = book_.execute(resting, order.lots, order.price_ticks, sink());
    const OracleBook::Result result = oracle_.execute(resting, order.lots, order.price_ticks);
    same("executed lots", filled, result.filled_lots);
    compare_trades(result.trades);
  }

  void knock(const Operation& operation) {
    const Submission& order = operation.order;
    refused([&] { (void)book_.submit(order, sink()); });
    if (oracle_.orders() == 0) return;
    refused([&] {
      (void)book_.amend(picked(operation.pick)->slot, order.price_ticks, order.lots,
                        order.time_in_force, order.self_trade, sink());
    });
  }

  template <class Body>
  static void refused(const Body& body) {
    try {
      body();
    } catch (const std::invalid_argument&) {
      return;
    }
    throw Difference("an order outside the contract was let in");
  }

  void change(const Operation& operation, Handle order) {
    const Submission& wanted = operation.order;
    const Slot slot = order->slot;
    switch (operation.kind) {
      case Kind::kCancel:
        book_.cancel(slot);
        oracle_.cancel(order);
        break;
      case Kind::kReduce:
        if (order->lots > 1) {
          const Lots lots = 1 + wanted.lots % (order->lots - 1);
          book_.reduce(slot, lots);
          oracle_.reduce(order, lots);
        }
        break;
      case Kind::kTrack:
        track(order);
        break;
      case Kind::kAmend:
        amend(order, wanted.price_ticks, wanted);
        break;
      default:
        amend(order, order->price_ticks, wanted);
    }
  }

  void amend(Handle order, Ticks price_ticks, const Submission& wanted) {
    const Outcome outcome = book_.amend(order->slot, price_ticks, wanted.lots, wanted.time_in_force,
                                        wanted.self_trade, sink());
    compare_outcome(outcome, oracle_.amend(order, price_ticks, wanted.lots, wanted.time_in_force,
                                           wanted.self_trade));
  }

  void track(Handle order) {
    const bool known = std::ranges::find(tracked_, order->slot, &Tracked::slot) != tracked_.end();
    if (!known && tracked_.size() == kTrackedMost) return;
    book_.track(order->slot);
    if (!known) tracked_.push_back({order->slot, order});
  }

  // Any live order: the pools are gone round from a place that `pick` names.
  Handle picked(std::uint64_t pick) const {
    for (std::uint64_t i = pick % 8;; ++i) {
      const auto& members =
          oracle_.members(static_cast<Side>(i % 2), static_cast<Pool>(i / 2 % OrderBook::kPools));
      if (!members.empty()) return members[(pick / 8) % members.size()];
    }
  }

  // A new order: the book's name for it is kept in the oracle's.
  void name(Handle order, Slot slot) {
    order->slot = slot;
    order->arrival = book_.order(slot).arrival;
    same("a later order has a later arrival", order->arrival > last_arrival_, true);
    same("a new order is live", book_.is_live(slot, order->arrival), true);
    last_arrival_ = order->arrival;
  }

  void compare_outcome(const Outcome& outcome, const OracleBook::Result& result) {
    same("refused", outcome.refused, result.refused);
    same("filled lots", outcome.filled_lots, result.filled_lots);
    same("dropped lots", outcome.dropped_lots, result.dropped_lots);
    same("whether something rests", outcome.slot != kNoSlot, result.rests);
    compare_trades(result.trades);
    if (!result.rests) return;
    if (result.rest->slot == kNoSlot) name(result.rest, outcome.slot);
    same("where the rest lies", outcome.slot, result.rest->slot);
  }

  void compare_trades(const std::vector<Trade>& trades) const {
    same("number of fills", fills_.size(), trades.size());
    for (std::size_t i = 0; i < fills_.size(); ++i) {
      if (fills_[i] == trades[i]) continue;
      same("slot of a fill", fills_[i].slot, trades[i].slot);
      same("price of a fill", fills_[i].price_ticks, trades[i].price_ticks);
      same("lots of a fill", fills_[i].lots, trades[i].lots);
      same("lots left after a fill", fills_[i].left_lots, trades[i].left_lots);
      throw Difference("side or owner of a fill");
    }
  }

  void compare_touch() const {
    for (const Side side : {Side::kBid, Side::kAsk}) {
      same("whether a side has orders", book_.has(side), oracle_.has(side));
      const Ticks none = side == Side::kBid ? OrderBook::kNoBid : OrderBook::kNoAsk;
      const Ticks best = oracle_.has(side) ? oracle_.best(side) : none;
      same("best price", book_.best(side), best);
      same("lots at the best price", book_.best_lots(side), oracle_.lots_at(side, best));
      same("lots of a side", book_.side_lots(side), oracle_.side_lots(side));
    }
    same("live orders", book_.live_orders(), oracle_.orders());
  }

  // Places that the operation names: its price, and some order.
  void compare_around(const Operation& operation) const {
    const Ticks price = operation.order.price_ticks;
    if (is_price(price)) {
      same("lots at the operation's price", book_.lots_at(price),
           oracle_.lots_at(Side::kBid, price) + oracle_.lots_at(Side::kAsk, price));
    }
    for (const Tracked& tracked : tracked_) {
      same("lots ahead of a tracked order", book_.queue_ahead(tracked.slot),
           oracle_.queue_ahead(tracked.order));
    }
    if (oracle_.orders() == 0) return;
    const auto order = picked(operation.pick * 0x9E3779B97F4A7C15U >> 32U);
    same("lots ahead of some order", book_.queue_ahead(order->slot), oracle_.queue_ahead(order));
    same("price of some order", book_.order(order->slot).price_ticks, order->price_ticks);
    same("lots of some order", book_.order(order->slot).lots, order->lots);
    same("next price behind some order", book_.next_price(order->side, order->price_ticks),
         next_price(order->side, order->price_ticks));
  }

  Ticks next_price(Side side, Ticks price_ticks) const {
    const auto& levels = oracle_.levels(side);
    auto level = levels.find(price_ticks);
    if (side == Side::kAsk) return ++level == levels.end() ? OrderBook::kNoAsk : level->first;
    return level == levels.begin() ? OrderBook::kNoBid : std::prev(level)->first;
  }

  void compare_side(Side side) const {
    Ticks price = book_.best(side);
    Lots total = 0;
    for (std::size_t i = 0; i < oracle_.levels(side).size(); ++i) {
      const auto level = oracle_.levels(side).find(price);
      same("a level where the oracle has one", level != oracle_.levels(side).end(), true);
      total += compare_level(book_.level(price), level->second);
      price = book_.next_price(side, price);
    }
    same("price after the last level", price,
         side == Side::kBid ? OrderBook::kNoBid : OrderBook::kNoAsk);
    same("lots of a side, counted", book_.side_lots(side), total);
  }

  Lots compare_level(const Level& level, const OracleBook::Queue& queue) const {
    Slot slot = level.front;
    Slot previous = kNoSlot;
    Lots total = 0;
    for (const OracleOrder& expected : queue) {
      same("slot in a queue", slot, expected.slot);
      const Order& order = book_.order(slot);
      same("arrival", order.arrival, expected.arrival);
      same("price", order.price_ticks, expected.price_ticks);
      same("lots", order.lots, expected.lots);
      same("owner", order.owner, expected.owner);
      same("pool", int{order.pool}, int{expected.pool});
      same("side", order.side == expected.side, true);
      same("link to the front", order.previous, previous);
      total += expected.lots;
      previous = slot;
      slot = order.next;
    }
    same("slot after the last of a queue", slot, kNoSlot);
    same("back of a level", level.back, previous);
    same("lots of a level", level.lots, total);
    return total;
  }

  void compare_pools() const {
    for (std::size_t i = 0; i < 2 * OrderBook::kPools; ++i) {
      const auto side = static_cast<Side>(i % 2);
      const auto pool = static_cast<Pool>(i / 2);
      const std::vector<Slot>& members = book_.pool(side, pool);
      const std::vector<Handle>& expected = oracle_.members(side, pool);
      same("size of a pool", members.size(), expected.size());
      for (std::size_t at = 0; at < members.size(); ++at) {
        same("member of a pool", members[at], expected[at]->slot);
      }
    }
  }

  OrderBook reloaded() const {
    Writer out;
    book_.save(out);
    OrderBook second;
    Reader in(out.bytes());
    second.load(in);
    same("bytes left after loading", in.left(), std::size_t{0});
    return second;
  }

  OrderBook book_;
  OracleBook oracle_;
  std::vector<Trade> fills_;
  std::vector<Tracked> tracked_;
  std::uint64_t last_arrival_ = 0;
};

}  // namespace rlmm
