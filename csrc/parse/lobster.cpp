#include "parse/lobster.h"

#include <algorithm>

namespace rlmm::parse {
namespace {

constexpr std::size_t kMessageFields = 6;
constexpr int kTimePlaces = 9;
constexpr TimeNs kDayNs = TimeNs{86'400} * 1'000'000'000;
constexpr std::string_view kNoAsk = "9999999999";
constexpr std::string_view kNoBid = "-9999999999";

}  // namespace

std::size_t LobsterSource::advance(std::size_t rows_enough) {
  while (tape_.rows() < rows_enough) {
    for (std::size_t i = 0; i < inputs(); ++i) {
      if (got_[i] == Got::kNeedsBytes) got_[i] = lines_[i].next(line_[i]);
      if (got_[i] == Got::kNeedsBytes) return i;
    }
    if (with_book_) require_aligned();
    if (got_[kMessages] == Got::kEnd) {
      done_ = true;
      break;
    }
    take_pair();
    for (std::size_t i = 0; i < inputs(); ++i) got_[i] = Got::kNeedsBytes;
  }
  return kNothingNeeded;
}

void LobsterSource::require_aligned() {
  const bool ends_differ = got_[kMessages] != got_[kBook];
  const bool starts_differ =
      got_[kMessages] == Got::kItem && got_[kBook] == Got::kItem &&
      lines_[kMessages].is_first_of_file() != lines_[kBook].is_first_of_file();
  if (!ends_differ && !starts_differ) return;
  const std::size_t longer =
      got_[kMessages] == Got::kItem && !lines_[kMessages].is_first_of_file() ? kMessages : kBook;
  defects_.report(Reason::kRowsDiffer, lines_[longer].place(), "line",
                  "as many messages as rows of the book", line_[longer]);
}

void LobsterSource::take_pair() {
  if (lines_[kMessages].is_first_of_file()) joins_ = continues_;
  if (lines_[kMessages].is_first_of_file() && !joins_) session_open_ = false;
  reading_.set_place(lines_[kMessages].place());
  Message message;
  const bool readable = read_message(message);
  bool shown = false;
  if (with_book_) {
    reading_.set_place(lines_[kBook].place());
    shown = read_book(line_[kBook]);
    if (!shown) is_lost_ = true;
    reading_.set_place(lines_[kMessages].place());
  }
  if (!readable) {
    is_lost_ = true;
    return;
  }
  if (joins_ && session_open_ && with_book_ && !is_lost_ && !follows(message)) {
    session_open_ = false;
  }
  joins_ = false;
  if (!session_open_ && (shown || !with_book_)) start_session(message);
  if (message.ts < last_ts_) {
    reading_.report(Reason::kOutOfOrder, "time", "not earlier than the row before",
                    std::to_string(message.ts));
  }
  last_ts_ = std::max(last_ts_, message.ts);
  remember_reach();
  tape_.begin({message.ts, message.ts});
  write(message);
  if (shown && session_open_) compare();
}

bool LobsterSource::read_message(Message& message) {
  const std::string_view line = line_[kMessages];
  if (!split_fields(line, ',', fields_) || fields_.size() < kMessageFields ||
      fields_.size() > kMessageFields + 1) {  // newer files name the market participant
    reading_.report(Reason::kFieldCount, "line", "six fields", line);
    return false;
  }
  if (!reading_.time("time", fields_[0], kTimePlaces, message.ts)) return false;
  if (message.ts < 0 || message.ts >= 2 * kDayNs) {
    reading_.report(Reason::kBadTime, "time", "seconds after midnight", fields_[0]);
    return false;
  }
  message.ts += midnight_;
  if (!reading_.integer("type", fields_[1], message.type)) return false;
  if (message.type == kHalt) return read_halt(message);
  std::int64_t id = 0;
  if (!reading_.integer("order_id", fields_[2], id) ||
      !reading_.size("size", fields_[3], message.size) ||
      !reading_.integer("direction", fields_[5], message.sign)) {
    return false;
  }
  const bool is_visible = message.type >= kNew && message.type <= kExecuted;
  if (!is_visible && message.type != kHidden && message.type != kCross) {
    reading_.report(Reason::kBadType, "type", "1 to 7", fields_[1]);
    return false;
  }
  if (!reading_.price("price", fields_[4], message.price, is_visible ? Grid::kTick : Grid::kAny)) {
    return false;
  }
  if (message.size == 0) {
    reading_.report(Reason::kBadSize, "size", "a size above 0", fields_[3]);
    return false;
  }
  if (message.sign != 1 && message.sign != -1) {
    reading_.report(Reason::kBadSide, "direction", "1 or -1", fields_[5]);
    return false;
  }
  if (id < 0 || (id == 0 && is_visible)) {
    reading_.report(Reason::kBadNumber, "order_id", "a number above 0", fields_[2]);
    return false;
  }
  message.id = static_cast<std::uint64_t>(id);
  return true;
}

// The price says what: -1 halted, 0 quoting resumes, 1 trading resumes.
bool LobsterSource::read_halt(Message& message) {
  if (!reading_.integer("price", fields_[4], message.price)) return false;
  if (message.price >= -1 && message.price <= 1) return true;
  reading_.report(Reason::kBadType, "price", "-1, 0 or 1 with type 7", fields_[4]);
  return false;
}

bool LobsterSource::read_level(std::size_t at, std::size_t side) {
  const std::string_view price = fields_[at];
  Level level{};
  if (!reading_.size("size", fields_[at + 1], level.size)) return false;
  if (level.size == 0 && (price == kNoAsk || price == kNoBid)) return true;
  if (!reading_.price("price", price, level.price)) return false;
  View& view = shown_[side];
  if (level.size == 0 || (!view.empty() && !is_better(side, view.back().price, level.price))) {
    reading_.report(Reason::kBookDiffers, "price", "levels with sizes, from the best to the worst",
                    price);
    return false;
  }
  view.push_back(level);
  return true;
}

bool LobsterSource::read_book(std::string_view line) {
  for (View& view : shown_) view.clear();
  const bool split = split_fields(line, ',', fields_);
  if (levels_ == 0) levels_ = fields_.size() / 4;
  if (!split || fields_.size() != 4 * levels_ || levels_ == 0) {
    reading_.report(Reason::kFieldCount, "line", "four fields for each level, as above", line);
    return false;
  }
  for (std::size_t at = 0; at < fields_.size(); at += 4) {
    if (!read_level(at, 1) || !read_level(at + 2, 0)) return false;
  }
  if (!shown_[0].empty() && !shown_[1].empty() && shown_[0][0].price >= shown_[1][0].price) {
    reading_.report(Reason::kCrossed, "price", "best bid below best ask", line.substr(0, 60));
  }
  return true;
}

void LobsterSource::remember_reach() {
  for (const std::size_t s : {0U, 1U}) {
    was_full_[s] = levels_ > 0 && book_[s].size() >= levels_;
    old_worst_[s] = book_[s].empty() ? 0 : book_[s].back().price;
  }
}

// Levels behind the last one that is shown leave and come without a message.
template <class Pass, class Correct>
void LobsterSource::each_difference(std::size_t side, const Pass& pass,
                                    const Correct& correct) const {
  const View& shown = shown_[side];
  const bool is_full = shown.size() == levels_;
  auto ours = book_[side].begin();
  auto theirs = shown.begin();
  while (ours != book_[side].end() || theirs != shown.end()) {
    const bool only_ours = theirs == shown.end() || (ours != book_[side].end() &&
                                                     is_better(side, ours->price, theirs->price));
    const bool only_theirs =
        !only_ours && (ours == book_[side].end() || ours->price != theirs->price);
    if (only_ours) {
      const bool left = is_full && is_better(side, shown.back().price, ours->price);
      left ? pass(EventKind::kCancel, *ours) : correct({ours->price, 0}, ours->size);
      ++ours;
    } else if (only_theirs) {
      const bool came = was_full_[side] && is_better(side, old_worst_[side], theirs->price);
      came ? pass(EventKind::kAdd, *theirs) : correct(*theirs, 0);
      ++theirs;
    } else {
      correct(*theirs, ours->size);
      ++ours;
      ++theirs;
    }
  }
}

// Does the row behind the message, the first of its file, follow from the book before it?
bool LobsterSource::follows(const Message& message) {
  const std::array<View, 2> before = book_;
  remember_reach();
  const bool adds = message.type == kNew;
  if (adds || (message.type > kNew && message.type <= kExecuted)) {
    move_level(message.sign > 0 ? 0 : 1, message.price, adds ? message.size : -message.size);
  }
  bool agrees = true;
  for (const std::size_t s : {0U, 1U}) {
    each_difference(
        s, [](EventKind, const Level&) {},
        [&](const Level& level, std::int64_t ours) { agrees = agrees && level.size == ours; });
  }
  book_ = before;
  return agrees;
}

// The book before the first message is the first row without what that message did.
void LobsterSource::start_session(const Message& first) {
  session_open_ = true;
  is_lost_ = false;
  orders_.clear();
  const TimeNs start =
      with_book_ && session_start_ > 0 ? std::min(session_start_, first.ts) : first.ts;
  tape_.begin({start, start});
  if (any_session_) reading_.report(Reason::kReset, "file", "one session", "another");
  tape_.add({.kind = EventKind::kClear, .side = 0, .price = 0, .size = 0});
  any_session_ = true;
  if (!with_book_) return;
  book_ = shown_;
  const std::size_t side = first.sign > 0 ? 0 : 1;
  if (first.type == kNew) {
    move_level(side, first.price, -first.size);
  } else if (first.type > kNew && first.type <= kExecuted) {
    move_level(side, first.price, first.size);
  }
  for (const std::size_t s : {0U, 1U}) {
    for (const Level& level : book_[s]) {
      tape_.add({.kind = EventKind::kSnapshot,
                 .side = s == 0 ? 1 : -1,
                 .price = level.price,
                 .size = level.size});
    }
  }
}

void LobsterSource::write(const Message& message) {
  switch (message.type) {
    case kNew:
      write_new(message);
      break;
    case kHidden:
      write_hidden(message, message.sign);
      break;
    case kCross:
      write_hidden(message, 0);
      break;
    case kHalt:
      tape_.add({.kind = EventKind::kStatus, .side = 0, .price = 0, .size = message.price + 1});
      break;
    default:
      write_reduction(message);
      break;
  }
}

void LobsterSource::write_hidden(const Message& message, std::int64_t side) {
  TapeRow row{EventKind::kTrade, side, message.price, message.size, message.id};
  row.flags = kFlagHidden;
  tape_.add(row);
}

void LobsterSource::write_new(const Message& message) {
  if (orders_.find(message.id) != nullptr) {
    reading_.report(Reason::kDuplicate, "order_id", "an order that is not there yet",
                    std::to_string(message.id));
    is_lost_ = true;
    return;
  }
  if (orders_.size() >= orders_most_) {
    reading_.report(Reason::kTooMany, "order_id", "fewer live orders", "more");
  }
  orders_.insert({message.id, message.price, message.size, message.sign});
  tape_.add({.kind = EventKind::kAdd,
             .side = message.sign,
             .price = message.price,
             .size = message.size,
             .order_id = message.id});
  if (with_book_) move_level(message.sign > 0 ? 0 : 1, message.price, message.size);
}

// What is known of the order after it lost the lots; returns those that it had too few.
std::int64_t LobsterSource::take_off(const Message& message, bool& remains) {
  LiveOrder* order = orders_.find(message.id);
  if (order == nullptr) {
    reading_.report(Reason::kUnknownOrder, "order_id", "an order that was added", "another");
    remains = message.type == kPartCancelled;
    return with_book_ ? 0 : message.size;
  }
  const std::int64_t missing = std::max(message.size - order->size, std::int64_t{0});
  order->size -= message.size;
  remains = message.type == kPartCancelled || (message.type == kExecuted && order->size > 0);
  if (message.type == kCancelled || order->size <= 0) orders_.erase(order);
  return missing;
}

void LobsterSource::write_reduction(const Message& message) {
  const LiveOrder* order = orders_.find(message.id);
  if (order != nullptr && (order->price != message.price || order->sign != message.sign)) {
    reading_.report(Reason::kBookDiffers, "price", "the price and side of the order",
                    std::to_string(message.price));
    is_lost_ = true;
    return;
  }
  bool remains = false;
  const std::int64_t unseen = take_off(message, remains);
  if (unseen > 0 && !with_book_) {  // it was there before anybody looked
    tape_.add({.kind = EventKind::kAdd,
               .side = message.sign,
               .price = message.price,
               .size = unseen,
               .order_id = message.id,
               .flags = kFlagReach});
  }
  std::int64_t size = message.size;
  if (with_book_) {
    const std::int64_t missing = move_level(message.sign > 0 ? 0 : 1, message.price, -message.size);
    if (missing > 0) {
      reading_.report(Reason::kOverfill, "size", "at most the lots of the level",
                      std::to_string(message.size));
      size -= missing;
    }
  }
  if (size == 0) return;
  tape_.add({.kind = message.type == kExecuted ? EventKind::kTrade : EventKind::kCancel,
             .side = message.sign,
             .price = message.price,
             .size = size,
             .order_id = message.id,
             .flags = remains ? kFlagRemains : 0U});
}

// Changes a level of the book; returns the lots that it had too few.
std::int64_t LobsterSource::move_level(std::size_t side, std::int64_t price, std::int64_t by) {
  View& view = book_[side];
  const auto at = std::ranges::find_if(
      view, [&](const Level& level) { return !is_better(side, level.price, price); });
  if (at == view.end() || at->price != price) {
    if (by < 0) return -by;
    view.insert(at, {price, by});
    return 0;
  }
  at->size += by;
  const std::int64_t missing = std::max(-at->size, std::int64_t{0});
  if (at->size <= 0) view.erase(at);
  return missing;
}

void LobsterSource::compare() {
  for (const std::size_t s : {0U, 1U}) {
    if (book_[s] == shown_[s]) continue;
    each_difference(
        s, [&](EventKind kind, const Level& level) { pass_reach(kind, s, level); },
        [&](const Level& level, std::int64_t ours) { correct(s, level, ours); });
    book_[s] = shown_[s];
  }
  is_lost_ = false;
}

void LobsterSource::pass_reach(EventKind kind, std::size_t side, const Level& level) {
  tape_.add({.kind = kind,
             .side = side == 0 ? 1 : -1,
             .price = level.price,
             .size = level.size,
             .flags = kFlagReach});
}

void LobsterSource::correct(std::size_t side, const Level& level, std::int64_t before) {
  if (level.size == before) return;
  if (!is_lost_) {
    reading_.report(Reason::kBookDiffers, "size", "the lots that the messages make",
                    std::to_string(level.size));
  }
  tape_.add({.kind = EventKind::kModify,
             .side = side == 0 ? 1 : -1,
             .price = level.price,
             .size = level.size});
}

}  // namespace rlmm::parse
