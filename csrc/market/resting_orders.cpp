#include "market/resting_orders.h"

#include <string>

#include "book/order_book.h"
#include "checks.h"
#include "market/replay_book.h"

namespace rlmm {
namespace {

std::string place_of_order(std::size_t i) { return "order " + std::to_string(i) + ": "; }

void validate(const Tape& tape, const RestingOrder& order, std::size_t i) {
  const std::string place = place_of_order(i);
  require_between(place + "lots", order.lots, Lots{1}, OrderBook::kOrderLotsMax);
  require_between(place + "price_ticks", order.price_ticks, -kPriceMax, kPriceMax);
  require_between(place + "start_ns", order.start_ns, tape.first_ns(), tape.last_ns());
  require_between(place + "end_ns", order.end_ns, order.start_ns, tape.last_ns());
}

}  // namespace

RestingFills resting_fills(const Tape& tape, const QueueParams& queue,
                           const std::vector<RestingOrder>& orders) {
  RestingFills found;
  found.has_rested.reserve(orders.size());
  ReplayBook book(tape, queue);
  std::vector<ReplayBook::Execution> executions;
  for (std::size_t i = 0; i < orders.size(); ++i) {
    const RestingOrder& order = orders[i];
    validate(tape, order, i);
    try {
      book.start(order.start_ns, order.end_ns);
    } catch (const RangeError& empty) {
      throw RangeError(place_of_order(i) + empty.what());
    }
    const Outcome outcome =
        book.submit(order.side, order.price_ticks, order.lots, TimeInForce::kPostOnly, executions);
    found.has_rested.push_back(outcome.slot == kNoSlot ? 0 : 1);
    const TimeNs stop_ns = order.end_ns - book.origin_ns();
    Lots left = outcome.slot == kNoSlot ? 0 : order.lots;
    while (left > 0 && book.advance(stop_ns)) {
      for (const Fill& fill : book.agent_fills()) {
        found.fills.push_back({i, book.origin_ns() + book.now_ns(), fill.lots});
        left -= fill.lots;
      }
    }
  }
  return found;
}

}  // namespace rlmm
