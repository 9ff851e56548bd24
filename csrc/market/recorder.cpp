#include "market/recorder.h"

#include <algorithm>
#include <utility>

namespace rlmm {

Recorder::Recorder(BookMarketParams params, SeedKey key, std::uint64_t episode, std::size_t levels)
    : params_(std::move(params)),
      model_(params_.model),
      scenario_(params_.shocks),
      market_(model_, params_.mirrored, {}),
      levels_(levels) {
  market_.start(key, episode, params_.mid_initial_ticks, params_.session_start_ns,
                params_.warmup_ns);
}

void Recorder::write_snapshot(EventLog& log) const {
  const OrderBook& book = market_.book();
  log.add_whole(EventKind::kClear, market_.now_ns(), 0, book);
  for (const Side side : {Side::kBid, Side::kAsk}) {
    const Ticks none = side == Side::kBid ? OrderBook::kNoBid : OrderBook::kNoAsk;
    for (Ticks price = book.best(side); price != none; price = book.next_price(side, price)) {
      for (Slot slot = book.level(price).front; slot != kNoSlot; slot = book.order(slot).next) {
        const Order& order = book.order(slot);
        log.add({market_.now_ns(), price, order.lots, order.arrival, EventKind::kSnapshot,
                 static_cast<std::int8_t>(sign(side)), 0},
                book);
      }
    }
  }
  if (market_.halted()) log.add_whole(EventKind::kStatus, market_.now_ns(), kStatusHalted, book);
}

void Recorder::apply_scenario() {
  change_ns_ = scenario_.next_change_ns(market_.now_ns());
  if (scenario_.empty()) return;
  scenario_.apply_to(market_);
}

void Recorder::run(TimeNs until_ns, EventLog& log) {
  log.set_levels(levels_);
  if (!begun_) write_snapshot(log);
  begun_ = true;
  market_.record(&log);
  count(until_ns);
  market_.record(nullptr);
}

std::int64_t Recorder::count(TimeNs until_ns) {
  std::int64_t events = 0;
  while (market_.now_ns() < until_ns || market_.now_ns() >= change_ns_) {
    if (market_.now_ns() >= change_ns_) apply_scenario();
    while (market_.advance(std::min(until_ns, change_ns_))) ++events;
  }
  return events;
}

}  // namespace rlmm
