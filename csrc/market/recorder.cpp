#include "market/recorder.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace rlmm {

void write_snapshot(const FlowBook& market, EventLog& log) {
  const OrderBook& book = market.book();
  log.add_whole(EventKind::kClear, market.now_ns(), 0, book);
  for (const Side side : {Side::kBid, Side::kAsk}) {
    const Ticks none = side == Side::kBid ? OrderBook::kNoBid : OrderBook::kNoAsk;
    for (Ticks price = book.best(side); price != none; price = book.next_price(side, price)) {
      for (Slot slot = book.level(price).front; slot != kNoSlot; slot = book.order(slot).next) {
        const Order& order = book.order(slot);
        log.add({market.now_ns(), price, order.lots, order.arrival, EventKind::kSnapshot,
                 static_cast<std::int8_t>(sign(side)), 0},
                book);
      }
    }
  }
  if (market.halted()) log.add_whole(EventKind::kStatus, market.now_ns(), kStatusHalted, book);
}

Recorder::Recorder(BookMarketParams params, SeedKey key, std::uint64_t episode, std::size_t levels)
    : params_(std::move(params)),
      model_(params_.model),
      scenario_(params_.shocks),
      market_(model_, params_.mirrored, {}),
      levels_(levels) {
  market_.start(key, episode, params_.mid_initial_ticks, params_.session_start_ns,
                params_.warmup_ns);
}

void Recorder::apply_scenario() {
  change_ns_ = scenario_.next_change_ns(market_.now_ns());
  if (scenario_.empty()) return;
  scenario_.apply_to(market_);
}

void Recorder::run(TimeNs until_ns, EventLog& log) {
  log.set_levels(levels_);
  if (!begun_) write_snapshot(market_, log);
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

WindowRecorder::WindowRecorder(BookMarketParams params, std::size_t levels)
    : params_(std::move(params)),
      model_(params_.model),
      market_(model_, params_.mirrored, {}),
      levels_(levels) {
  if (!params_.shocks.empty()) {
    throw std::invalid_argument("market.shocks: expected none, got " +
                                std::to_string(params_.shocks.size()) +
                                "; a window has no time of day for them");
  }
}

void WindowRecorder::run(SeedKey key, const Opening& opening, const Length& length, EventLog& log) {
  opening.validate(model_);
  log.set_levels(levels_);
  market_.start_from(key, 0, opening);
  write_snapshot(market_, log);
  market_.record(&log);
  std::size_t seen = log.events().size();
  std::size_t messages = 0;
  while (messages < length.messages && market_.advance(length.until_ns)) {
    for (; seen < log.events().size(); ++seen) {
      messages += (log.events()[seen].flags & kFlagReach) == 0 ? 1 : 0;
    }
    market_.check_not_runaway(static_cast<std::int64_t>(seen));
  }
  market_.record(nullptr);
}

}  // namespace rlmm
