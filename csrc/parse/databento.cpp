#include "parse/databento.h"

#include <algorithm>

namespace rlmm::parse {

std::size_t DatabentoSource::advance(std::size_t rows_enough) {
  while (tape_.rows() < rows_enough) {
    const Got got = reader_.next(record_);
    if (got == Got::kNeedsBytes) return 0;
    if (got == Got::kEnd) {
      if (event_open_) end_event();
      done_ = true;
      break;
    }
    if (!is_usable()) continue;
    if (record_.has_levels) {
      write_levels();
    } else {
      begin_event();
      write();
      if ((record_.flags & kLastOfEvent) != 0) end_event();
    }
  }
  return kNothingNeeded;
}

bool DatabentoSource::is_instrument() {
  if (instrument_ == 0) instrument_ = record_.instrument;
  if (record_.instrument == instrument_) return true;
  reading_.report(asked_ ? Reason::kOtherSymbol : Reason::kMixedSymbols, "instrument_id",
                  "one instrument", std::to_string(record_.instrument));
  return false;
}

bool DatabentoSource::has_price() {
  constexpr std::int64_t kPriceMost = std::int64_t{1} << 60U;
  if (record_.price <= 0 || record_.price > kPriceMost) {
    reading_.report(Reason::kBadPrice, "price", "a price above 0", std::to_string(record_.price));
    return false;
  }
  const std::int64_t tick = reading_.units().tick;
  if (tick <= 1 || record_.price % tick == 0) return true;
  reading_.report(Reason::kOffTick, "price", "a multiple of the tick size",
                  std::to_string(record_.price));
  return false;
}

bool DatabentoSource::is_usable() {
  if (!is_instrument()) return false;
  constexpr std::string_view kActions = "ACMRTFN";
  const std::string_view action(&record_.action, 1);
  if (kActions.find(record_.action) == std::string_view::npos) {
    reading_.report(Reason::kBadType, "action", "A, C, M, R, T, F or N", action);
    return false;
  }
  const std::string_view side(&record_.side, 1);
  const bool needs_side = !record_.has_levels &&
                          std::string_view("ACMF").find(record_.action) != std::string_view::npos;
  if (sign() == 0 && (record_.side != 'N' || needs_side)) {
    reading_.report(Reason::kBadSide, "side", "A or B (N where there is none)", side);
    return false;
  }
  const bool is_trade = record_.action == 'T' || record_.action == 'F';
  const bool needs_price = !record_.has_levels || is_trade;
  if (record_.action != 'R' && record_.action != 'N' && needs_price) {
    if (!has_price()) return false;
    if (record_.size == 0) {
      reading_.report(Reason::kBadSize, "size", "a size above 0", "0");
      return false;
    }
  }
  if (needs_side && record_.order_id == 0) {
    reading_.report(Reason::kBadNumber, "order_id", "a number above 0", "0");
    return false;
  }
  if (record_.stamp.recv < last_recv_ && (record_.flags & kBadReceived) == 0) {
    reading_.report(Reason::kOutOfOrder, "ts_recv", "not earlier than the record before",
                    std::to_string(record_.stamp.recv));
  }
  last_recv_ = std::max(last_recv_, record_.stamp.recv);
  return true;
}

// --- MBP ----------------------------------------------------------------------------------------

// A record shows the book as it is after all but a trade, which only the next one has taken off.
void DatabentoSource::write_levels() {
  depth_.set_place(record_.place);
  if (record_.action == 'T') {
    depth_.trade(record_.stamp, -sign(), record_.price, record_.size);
    return;
  }
  if ((record_.flags & kLastOfEvent) == 0) return;
  const std::span<const Level> bids(record_.levels[0]);
  const std::span<const Level> asks(record_.levels[1]);
  if (record_.action == 'R') {
    depth_.snapshot(record_.stamp, bids, asks);
  } else {
    depth_.view(record_.stamp, &bids, &asks, reader_.depth());
  }
}

// --- MBO ----------------------------------------------------------------------------------------

void DatabentoSource::begin_event() {
  if (event_open_) return;
  event_open_ = true;
  tape_.begin(record_.stamp);
}

void DatabentoSource::write() {
  switch (record_.action) {
    case 'A':
      add();
      break;
    case 'F':
      fill();
      break;
    case 'C':
      cancel();
      break;
    case 'M':
      modify();
      break;
    case 'T':
      untold_ += record_.size;
      trade_price_ = record_.price;
      trade_sign_ = -sign();
      break;
    case 'R':
      orders_.clear();
      if (any_rows_) reading_.report(Reason::kReset, "action", "one R", "another");
      tape_.add({.kind = EventKind::kClear, .side = 0, .price = 0, .size = 0});
      break;
    default:  // N says nothing about the book
      break;
  }
}

void DatabentoSource::add() {
  if (orders_.find(record_.order_id) != nullptr) {
    reading_.report(Reason::kDuplicate, "order_id", "an order that is not there yet",
                    std::to_string(record_.order_id));
    return;
  }
  if (orders_.size() >= orders_most_) {
    reading_.report(Reason::kTooMany, "order_id", "fewer live orders", "more");
  }
  orders_.insert({record_.order_id, record_.price, record_.size, sign()});
  any_rows_ = true;
  const bool was_there = (record_.flags & kOfSnapshot) != 0;
  tape_.add({.kind = was_there ? EventKind::kSnapshot : EventKind::kAdd,
             .side = sign(),
             .price = record_.price,
             .size = record_.size,
             .order_id = record_.order_id});
}

// Takes lots off an order and says so; the order goes when nothing is left.
void DatabentoSource::reduce(LiveOrder& order, std::int64_t lots, EventKind kind) {
  if (lots > order.size) {
    reading_.report(Reason::kOverfill, "size", "at most the lots of the order",
                    std::to_string(lots));
    lots = order.size;
  }
  order.size -= lots;
  if (lots > 0) {
    tape_.add({.kind = kind,
               .side = order.sign,
               .price = order.price,
               .size = lots,
               .order_id = order.id,
               .flags = order.size > 0 ? kFlagRemains : 0U});
  }
}

void DatabentoSource::fill() {
  untold_ = std::max(untold_ - record_.size, std::int64_t{0});
  LiveOrder* order = orders_.find(record_.order_id);
  if (order == nullptr) {
    reading_.report(Reason::kUnknownOrder, "order_id", "an order that was added", "another");
    tape_.add({.kind = EventKind::kTrade,
               .side = sign(),
               .price = record_.price,
               .size = record_.size,
               .order_id = record_.order_id,
               .flags = kFlagHidden});
    return;
  }
  filled_[record_.order_id] += record_.size;
  reduce(*order, record_.size, EventKind::kTrade);
}

void DatabentoSource::cancel() {
  LiveOrder* order = orders_.find(record_.order_id);
  if (order == nullptr) {
    reading_.report(Reason::kUnknownOrder, "order_id", "an order that was added", "another");
    return;
  }
  std::int64_t lots = record_.size;
  const auto filled = filled_.find(record_.order_id);
  if (filled != filled_.end()) {  // that much is gone already
    const std::int64_t known = std::min(filled->second, lots);
    filled->second -= known;
    lots -= known;
  }
  reduce(*order, lots, EventKind::kCancel);
  if (order->size == 0) orders_.erase(order);
}

// A smaller size at the same price keeps the order's place in the queue; all else is a new order.
void DatabentoSource::modify() {
  LiveOrder* order = orders_.find(record_.order_id);
  if (order == nullptr) {
    reading_.report(Reason::kUnknownOrder, "order_id", "an order that was added", "another");
    add();
    return;
  }
  filled_.erase(record_.order_id);
  if (order->price == record_.price && order->sign == sign() && record_.size <= order->size) {
    reduce(*order, order->size - record_.size, EventKind::kCancel);
    return;
  }
  reduce(*order, order->size, EventKind::kCancel);
  orders_.erase(order);
  add();
}

void DatabentoSource::end_event() {
  event_open_ = false;
  filled_.clear();
  if (untold_ == 0) return;
  tape_.add({.kind = EventKind::kTrade,
             .side = trade_sign_,
             .price = trade_price_,
             .size = untold_,
             .flags = kFlagHidden});
  untold_ = 0;
}

}  // namespace rlmm::parse
