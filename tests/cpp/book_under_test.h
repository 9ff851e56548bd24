// A book with short words for what tests do to it; every call ends with a check of the whole book.
#pragma once

#include <string>
#include <vector>

#include "book/order_book.h"
#include "check.h"

namespace rlmm {

inline constexpr Side kBuy = Side::kBid;
inline constexpr Side kSell = Side::kAsk;

struct BookUnderTest {
  OrderBook book;
  std::vector<Fill> fills;  // of the last call

  auto sink() {
    return [this](const Fill& fill) { fills.push_back(fill); };
  }

  Outcome submit(const Submission& order) {
    fills.clear();
    const Outcome outcome = book.submit(order, sink());
    CHECK_EQ(outcome.filled_lots + outcome.dropped_lots +
                 (outcome.slot == kNoSlot ? 0 : Lots{book.order(outcome.slot).lots}),
             order.lots);
    book.check_invariants();
    return outcome;
  }

  // Rests an order of the crowd, or of `owner`.
  Slot add(Side side, Ticks price_ticks, Lots lots, Owner owner = kCrowd, Pool pool = 0) {
    const Slot slot = book.rest(side, price_ticks, lots, owner, pool);
    book.check_invariants();
    return slot;
  }

  Lots execute(Side resting_side, Lots lots, Ticks limit_ticks) {
    fills.clear();
    const Lots filled = book.execute(resting_side, lots, limit_ticks, sink());
    book.check_invariants();
    return filled;
  }

  Outcome amend(Slot slot, Ticks price_ticks, Lots lots,
                TimeInForce time_in_force = TimeInForce::kGoodTillCancel,
                SelfTrade self_trade = SelfTrade::kCancelResting) {
    fills.clear();
    const Outcome outcome = book.amend(slot, price_ticks, lots, time_in_force, self_trade, sink());
    book.check_invariants();
    return outcome;
  }

  void cancel(Slot slot) {
    book.cancel(slot);
    book.check_invariants();
  }

  // Of the last call: "price x lots (left) ..."
  std::string traded() const {
    std::string text;
    for (const Fill& fill : fills) {
      text += std::to_string(fill.price_ticks) + "x" + std::to_string(fill.lots) + "(" +
              std::to_string(fill.left_lots) + ") ";
    }
    return text;
  }

  // The sizes at a price, front first.
  std::vector<Lots> queue(Ticks price_ticks) const {
    std::vector<Lots> lots;
    for (Slot slot = book.level(price_ticks).front; slot != kNoSlot; slot = book.order(slot).next) {
      lots.push_back(book.order(slot).lots);
    }
    return lots;
  }

  // The occupied prices of a side, best first.
  std::vector<Ticks> prices(Side side) const {
    std::vector<Ticks> found;
    for (Ticks price = book.best(side); price != OrderBook::kNoBid && price != OrderBook::kNoAsk;
         price = book.next_price(side, price)) {
      found.push_back(price);
    }
    return found;
  }
};

}  // namespace rlmm
