#include "parse/depth_stream.h"

#include <algorithm>
#include <utility>

namespace rlmm::parse {
namespace {

constexpr TimeNs kMsNs = 1'000'000;
constexpr std::int64_t kMsMost = 7'258'118'400'000;     // the year 2200
constexpr std::int64_t kUsLeast = 100'000'000'000'000;  // more cannot be milliseconds
constexpr std::int64_t kProbation = 16;
constexpr std::size_t kWaitingLevelsMost = std::size_t{1} << 22U;
constexpr std::size_t kWaitingMost = std::size_t{1} << 17U;

}  // namespace

Got DepthStream::next() {
  for (;;) {
    if (release_) {
      if (take_waiting()) return Got::kItem;
      release_ = false;
    }
    std::string_view line;
    const Got got = lines_.next(line);
    if (got == Got::kEnd && !waiting_.empty()) {
      reading_.set_place(waiting_.front().place);
      if (!started_) {
        reading_.report(Reason::kNoSnapshot, "lastUpdateId", "a snapshot among the files", "none");
      }
      release_ = started_ = at_end_ = true;
      continue;
    }
    if (got != Got::kItem) return got;
    reading_.set_place(lines_.place());
    if (decode(line) && take_turn()) return Got::kItem;
  }
}

bool DepthStream::decode(std::string_view line) {
  if (!parse_depth_message(line, reading_, message_)) return false;
  item_ = Item{};
  item_.place = lines_.place();
  return vendor_ == DepthVendor::kBybit ? decode_bybit() : decode_binance();
}

// Messages count from the end of their millisecond, so that its trades go before them.
bool DepthStream::take_time(std::optional<std::int64_t> ms, const char* field) {
  if (!ms.has_value()) {
    reading_.report(Reason::kMissingField, field, "a time in milliseconds", "none");
    return false;
  }
  const bool is_us = *ms >= kUsLeast;  // Binance's spot market from 2025 on
  if (*ms > kMsMost * (is_us ? 1000 : 1)) {
    reading_.report(Reason::kBadTime, field, "a time before 2200", std::to_string(*ms));
    return false;
  }
  item_.ts = *ms * (is_us ? 1000 : kMsNs);
  return true;
}

// A message that is earlier than the one before it counts from that one's time.
bool DepthStream::take_turn() {
  const bool is_whole_ms = item_.kind != Kind::kTrade && item_.ts % kMsNs == 0;
  const TimeNs turn = item_.ts + (is_whole_ms ? kMsNs - 1 : 0);
  if (any_turn_ && item_.ts < last_ts_) {
    reading_.set_place(item_.place);
    reading_.report(Reason::kOutOfOrder, "ts", "not earlier than the message before",
                    std::to_string(item_.ts));
  } else {
    last_ts_ = item_.ts;
  }
  turn_ = any_turn_ ? std::max(turn_, turn) : turn;
  any_turn_ = true;
  return true;
}

bool DepthStream::is_symbol() {
  if (message_.symbol.empty()) return true;
  if (symbol_.empty()) symbol_ = message_.symbol;
  if (message_.symbol == symbol_) return true;
  reading_.report(asked_ ? Reason::kOtherSymbol : Reason::kMixedSymbols, "s", "one symbol",
                  message_.symbol);
  return false;
}

void DepthStream::take_levels() {
  std::swap(item_.bids, message_.bids);
  std::swap(item_.asks, message_.asks);
}

bool DepthStream::decode_bybit() {
  if (!is_symbol()) return false;
  const bool is_snapshot = message_.type == "snapshot";
  if (!is_snapshot && message_.type != "delta") {
    reading_.report(Reason::kBadType, "type", "snapshot or delta", message_.type);
    return false;
  }
  if (!message_.has_bids && !message_.has_asks) {
    reading_.report(Reason::kMissingField, "data", "levels under b or a", "none");
    return false;
  }
  if (!message_.cts.has_value() || !message_.last_update.has_value()) {
    reading_.report(Reason::kNoCounter, "u", "u and cts", "not both");
  }
  const bool timed =
      message_.cts.has_value() ? take_time(message_.cts, "cts") : take_time(message_.ts, "ts");
  if (!timed || !follows_bybit(is_snapshot)) return false;
  item_.kind = is_snapshot ? Kind::kSnapshot : Kind::kChange;
  take_levels();
  return true;
}

// u grows by one with each message, except in files that were converted from elsewhere.
bool DepthStream::follows_bybit(bool is_snapshot) {
  if (!started_ && !is_snapshot) {
    reading_.report(Reason::kNoSnapshot, "type", "a snapshot first", "delta");
    return false;
  }
  started_ = true;
  const std::int64_t u = message_.last_update.value_or(-1);
  const std::int64_t before = std::exchange(last_, u);
  if (u < 0 || before < 0) {
    return true;
  }
  if (u == before) {
    reading_.report(Reason::kRepeated, "u", "a new number", std::to_string(u));
    return false;
  }
  ++steps_;
  if (is_snapshot || !counts_ || u == before + 1) return true;
  if (u > before && steps_ <= kProbation) {
    counts_ = false;
    reading_.report(Reason::kCounterLeaps, "u", "one more than before", std::to_string(u));
    return true;
  }
  reading_.report(Reason::kGap, "u", "one more than before", std::to_string(u));
  return true;
}

bool DepthStream::decode_trade() {
  item_.kind = Kind::kTrade;
  const auto time = message_.trade_time.has_value() ? message_.trade_time : message_.event_time;
  if (!take_time(time, "T")) return false;
  if (!reading_.price("p", message_.price, item_.trade.price) ||
      !reading_.size("q", message_.size, item_.trade.size)) {
    return false;
  }
  if (item_.trade.size == 0) {
    reading_.report(Reason::kBadSize, "q", "a size above 0", message_.size);
    return false;
  }
  if (message_.buyer_is_maker != "true" && message_.buyer_is_maker != "false") {
    reading_.report(Reason::kBadSide, "m", "true or false", message_.buyer_is_maker);
    return false;
  }
  item_.sign = message_.buyer_is_maker == "true" ? 1 : -1;
  if (started_ && !waiting_.empty()) return wait(std::move(item_));
  return true;
}

bool DepthStream::decode_binance() {
  if (!is_symbol()) return false;
  if (message_.event == "trade" || message_.event == "aggTrade") return decode_trade();
  if (message_.last_update_id.has_value()) {
    start_binance(*message_.last_update_id);
    return false;  // it waits in front of the changes that come after it
  }
  if (!message_.event.empty() && message_.event != "depthUpdate") {
    reading_.report(Reason::kOtherRecord, "e", "depthUpdate or a trade", message_.event);
    return false;
  }
  if (!message_.last_update.has_value() || !message_.first_update.has_value() ||
      !message_.has_bids || !message_.has_asks) {
    reading_.report(Reason::kMissingField, "u", "U, u, b and a", "not all of them");
    return false;
  }
  const auto time = message_.trade_time.has_value() ? message_.trade_time : message_.event_time;
  if (!take_time(time, "E")) return false;
  item_.first = *message_.first_update;
  item_.last = *message_.last_update;
  item_.previous = message_.previous.value_or(-1);
  take_levels();
  if (!started_ || !waiting_.empty()) return wait(std::move(item_));
  return follows_binance();
}

// Changes wait for the snapshot that they belong to.
bool DepthStream::wait(Item&& item) {
  waiting_levels_ += item.bids.size() + item.asks.size();
  waiting_.push_back(std::move(item));
  if (started_) {
    release_ = true;
  } else if (waiting_levels_ > kWaitingLevelsMost || waiting_.size() > kWaitingMost) {
    reading_.report(Reason::kNoSnapshot, "lastUpdateId", "a snapshot by now", "none");
    release_ = started_ = true;
  }
  return false;
}

// The snapshot has no time of its own on the spot market: it gets that of the change behind it.
void DepthStream::start_binance(std::int64_t id) {
  if (!message_.has_bids || !message_.has_asks) {
    reading_.report(Reason::kMissingField, "bids", "bids and asks", "not both");
    return;
  }
  if (started_ && id <= last_) {
    reading_.report(Reason::kRepeated, "lastUpdateId", "a newer snapshot", std::to_string(id));
    return;
  }
  Item snapshot;
  snapshot.kind = Kind::kSnapshot;
  snapshot.place = lines_.place();
  std::swap(snapshot.bids, message_.bids);
  std::swap(snapshot.asks, message_.asks);
  if (!waiting_.empty() && waiting_.front().kind == Kind::kSnapshot) waiting_.pop_front();
  last_ = id;
  started_ = true;
  drop_before_snapshot();
  steps_ = 0;
  release_ = !waiting_.empty();
  waiting_.push_front(std::move(snapshot));
}

void DepthStream::drop_before_snapshot() {
  while (!waiting_.empty() && waiting_.front().kind == Kind::kChange &&
         waiting_.front().last <= last_) {
    reading_.set_place(waiting_.front().place);
    reading_.report(Reason::kBeforeSnapshot, "u", "above lastUpdateId",
                    std::to_string(waiting_.front().last));
    waiting_.pop_front();
  }
}

bool DepthStream::take_waiting() {
  while (!waiting_.empty()) {
    item_ = std::move(waiting_.front());
    waiting_.pop_front();
    reading_.set_place(item_.place);
    if (item_.kind == Kind::kSnapshot) {
      drop_before_snapshot();
      if (!waiting_.empty()) {
        item_.ts = waiting_.front().ts;
        return take_turn();
      }
      if (!at_end_) {  // it has no time yet
        waiting_.push_front(std::move(item_));
        return false;
      }
      reading_.report(Reason::kMissingField, "E", "a change behind the snapshot", "none");
    } else if (item_.kind == Kind::kTrade || follows_binance()) {
      return take_turn();
    }
  }
  waiting_levels_ = 0;
  return false;
}

// Futures: pu is the last u; spot: U is one more than it. Right behind a snapshot, the snapshot
// lies between U and u.
bool DepthStream::follows_binance() {
  const std::int64_t before = last_;
  if (item_.last <= before) {
    reading_.report(Reason::kBeforeSnapshot, "u", "above the last u", std::to_string(item_.last));
    return false;
  }
  last_ = item_.last;
  const bool joins = item_.previous >= 0 ? item_.previous == before : item_.first == before + 1;
  const bool behind_snapshot = steps_ == 0 && item_.first <= before + 1;
  ++steps_;
  if (before >= 0 && !joins && !behind_snapshot) {
    reading_.report(Reason::kGap, item_.previous >= 0 ? "pu" : "U", "the number after the last u",
                    std::to_string(item_.previous >= 0 ? item_.previous : item_.first));
  }
  return true;
}

void DepthStream::apply(DepthTape& depth) {
  depth.set_place(item_.place);
  const bool is_whole_ms = item_.kind != Kind::kTrade && item_.ts % kMsNs == 0;
  const Stamp stamp{item_.ts, item_.ts, is_whole_ms ? kMsNs : 1};
  switch (item_.kind) {
    case Kind::kSnapshot:
      depth.snapshot(stamp, item_.bids, item_.asks);
      break;
    case Kind::kChange:
      depth.change(stamp, item_.bids, item_.asks);
      break;
    case Kind::kTrade:
      depth.trade(stamp, item_.sign, item_.trade.price, item_.trade.size);
      break;
  }
}

}  // namespace rlmm::parse
