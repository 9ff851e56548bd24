#include "parse/delimited.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace rlmm::parse {
namespace {

constexpr TimeNs kDayNs = TimeNs{86'400} * 1'000'000'000;
constexpr TimeNs kTimeMost = std::int64_t{7'258'118'400} * 1'000'000'000;  // the year 2200

int places_by_digits(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits <= 11) return 9;
  if (digits <= 14) return 6;
  return digits <= 17 ? 3 : 0;
}

bool is_one_of(std::string_view word, const std::vector<std::string>& words) {
  return std::ranges::find(words, word) != words.end();
}

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ", ";
    text += word;
  }
  return text;
}

}  // namespace

const char* name_of(Role role) {
  constexpr std::array<const char*, kRoles> kNames = {
      "time",       "received", "price",    "size", "side",     "snapshot", "symbol",
      "suspicious", "id",       "facility", "bid",  "bid_size", "ask",      "ask_size"};
  return kNames[static_cast<std::size_t>(role)];
}

DelimitedStream::DelimitedStream(std::size_t input, Workshop& workshop, Layout layout)
    : lines_(input, workshop.defects),
      reading_(workshop.reading),
      layout_(std::move(layout)),
      symbol_(layout_.symbol),
      asked_(!symbol_.empty()) {
  sides_ = "one of " + listed(layout_.bid_words) + ", " + listed(layout_.ask_words);
}

Got DelimitedStream::next() {
  if (!layout_.block_marker.empty()) return next_block();
  if (layout_.kind == TableKind::kChanges) return next_group();
  const Got got = next_row();
  if (got != Got::kItem) return got;
  message_.row = row_;
  return finish();
}

// A message that is earlier than the one before it counts from that one's time.
Got DelimitedStream::finish() {
  if (layout_.kind != TableKind::kChanges) std::swap(message_.levels, levels_);
  for (std::vector<Level>& levels : levels_) levels.clear();
  if (layout_.kind == TableKind::kLevels) {
    message_.has_bids = !layout_.one_sided || !message_.levels[0].empty();
    message_.has_asks = !layout_.one_sided || !message_.levels[1].empty();
    for (const std::vector<Level>& levels : message_.levels) {
      depth_ = std::max(depth_, levels.size());
    }
  }
  const TimeNs turn = message_.row.stamp.recv;
  if (any_turn_ && turn < turn_) {
    reading_.set_place(message_.row.place);
    reading_.report(Reason::kOutOfOrder, "time", "not earlier than the row before",
                    std::to_string(turn));
  } else {
    turn_ = turn;
  }
  any_turn_ = true;
  return Got::kItem;
}

Got DelimitedStream::next_row() {
  for (;;) {
    std::string_view line;
    const Got got = lines_.next(line);
    if (got != Got::kItem) return got;
    reading_.set_place(lines_.place());
    if (read_row(line)) return Got::kItem;
  }
}

// Rows of one time, one after the other, are one message. What was begun is kept while the input
// has no bytes.
Got DelimitedStream::next_group() {
  for (;;) {
    if (!row_waits_) {
      const Got got = next_row();
      if (got == Got::kNeedsBytes || (got == Got::kEnd && group_.empty())) return got;
      if (got == Got::kEnd) break;
    }
    const bool joins = group_.empty() || (group_.front().stamp.recv == row_.stamp.recv &&
                                          group_.front().stamp.event == row_.stamp.event &&
                                          group_.front().is_snapshot == row_.is_snapshot);
    row_waits_ = !joins;
    if (!joins) break;
    group_.push_back(row_);
    if (group_.size() > kGroupMost) {
      reading_.report(Reason::kTooMany, "time", "at most 2 million rows of one time", "more");
    }
  }
  message_.row = group_.front();
  for (std::vector<Level>& levels : message_.levels) levels.clear();
  for (const Row& row : group_) message_.levels[row.sign > 0 ? 0 : 1].push_back(row.level);
  group_.clear();
  message_.is_restart = message_.row.is_snapshot && !was_snapshot_;
  was_snapshot_ = message_.row.is_snapshot;
  return finish();
}

// At the first line of each file: where the columns are.
bool DelimitedStream::find_columns(std::string_view line) {
  const bool named = layout_.header == Header::kAlways ||
                     (layout_.header == Header::kMaybe && !is_digit(line.front()));
  for (std::vector<std::size_t>& at : at_) at.clear();
  width_ = fields_.size();
  for (const LayoutColumn& column : layout_.columns) {
    const auto found = std::ranges::find(fields_, column.name);
    const std::size_t index =
        named ? static_cast<std::size_t>(found - fields_.begin()) : column.index;
    if (index >= width_) {
      const std::string wanted = "a column " + column.name + " for the " + name_of(column.role);
      reading_.report(Reason::kNotThisFormat, "header", wanted.c_str(), line);
    }
    at_[static_cast<std::size_t>(column.role)].push_back(index);
  }
  depth_ = std::max(depth_, at_[static_cast<std::size_t>(Role::kBid)].size());
  return named;
}

bool DelimitedStream::read_row(std::string_view line) {
  const bool split = split_fields(line, layout_.delimiter, fields_);
  const bool is_first = lines_.is_first_of_file() || width_ == 0;
  if (split && is_first && find_columns(line)) return false;
  if (!split || fields_.size() != width_) {
    reading_.report(Reason::kFieldCount, "line", "as many fields as the line before, quotes paired",
                    line);
    return false;
  }
  row_ = Row{};
  row_.place = lines_.place();
  if (!read_symbol()) return false;
  bool suspicious = false;
  if (wants(Role::kSuspicious) && !read_flag(Role::kSuspicious, suspicious)) return false;
  if (suspicious) {
    reading_.report(Reason::kSuspicious, "suspicious", "0", field(Role::kSuspicious));
    return false;
  }
  if (wants(Role::kTime) && !read_times()) return false;
  if (layout_.kind == TableKind::kTrades) return read_trade();
  return layout_.kind == TableKind::kChanges ? read_change() : read_levels();
}

bool DelimitedStream::read_symbol() {
  if (!wants(Role::kSymbol)) return true;
  const std::string_view symbol = field(Role::kSymbol);
  if (symbol_.empty()) symbol_ = symbol;
  if (symbol == symbol_) return true;
  reading_.report(asked_ ? Reason::kOtherSymbol : Reason::kMixedSymbols, "symbol", "one symbol",
                  symbol);
  return false;
}

// Nanoseconds UTC; the time of day by the source's own clock is `of_day`.
bool DelimitedStream::read_time(std::string_view text, const char* name, TimeNs& value) {
  if (layout_.time_places == Layout::kIsoTime) {
    if (!parse_iso_time(text, value)) {
      reading_.report(Reason::kBadTime, name, "a time like 2025-01-31T09:30:00.5", text);
      return false;
    }
  } else {
    const int places =
        layout_.time_places == Layout::kGuessUnit ? places_by_digits(text) : layout_.time_places;
    if (!reading_.time(name, text, places, value)) return false;
  }
  if (value < 0 || value > kTimeMost) {
    reading_.report(Reason::kBadTime, name, "a time from 1970 to 2200", text);
    return false;
  }
  of_day_ = value % kDayNs;
  value += time_base_;
  const auto after = [](TimeNs time, const ZoneOffset& zone) { return time < zone.from; };
  const auto zone = std::upper_bound(layout_.zone.begin(), layout_.zone.end(), value, after);
  if (zone != layout_.zone.begin()) value -= std::prev(zone)->offset;
  return true;
}

bool DelimitedStream::read_times() {
  const std::string_view text = field(Role::kTime);
  if (!read_time(text, "time", row_.stamp.event)) return false;
  if (layout_.hours_from != layout_.hours_until &&
      (of_day_ < layout_.hours_from || of_day_ >= layout_.hours_until)) {
    reading_.report(Reason::kOutsideHours, "time", "one of the hours asked for", text);
    return false;
  }
  row_.stamp.recv = row_.stamp.event;
  if (layout_.night >= 0) row_.day = (row_.stamp.event - layout_.night) / kDayNs;
  return !wants(Role::kReceived) || read_time(field(Role::kReceived), "received", row_.stamp.recv);
}

bool DelimitedStream::read_flag(Role role, bool& value) {
  const std::string_view text = field(role);
  value = text == "1" || text == "true" || text == "True" || text == "TRUE";
  if (value || text == "0" || text == "false" || text == "False" || text == "FALSE") return true;
  reading_.report(Reason::kBadType, name_of(role), "true, false, 1 or 0", text);
  return false;
}

bool DelimitedStream::read_side() {
  const std::string_view word = field(Role::kSide);
  row_.sign = is_one_of(word, layout_.bid_words) ? 1 : -1;
  if (row_.sign > 0 || is_one_of(word, layout_.ask_words)) return true;
  reading_.report(Reason::kBadSide, "side", sides_.c_str(), word);
  return false;
}

bool DelimitedStream::read_trade() {
  if (wants(Role::kSide) && !read_side()) return false;
  if (!reading_.price("price", field(Role::kPrice), row_.level.price, Grid::kAny) ||
      !reading_.size("size", field(Role::kSize), row_.level.size)) {
    return false;
  }
  if (row_.level.size == 0) {
    reading_.report(Reason::kBadSize, "size", "a size above 0", field(Role::kSize));
    return false;
  }
  row_.off_exchange = is_off_exchange();
  return is_new_id();
}

bool DelimitedStream::is_off_exchange() const {
  if (!wants(Role::kFacility)) return false;
  const std::string_view facility = field(Role::kFacility);
  if (!layout_.off_exchange_words.empty()) return is_one_of(facility, layout_.off_exchange_words);
  return !facility.empty() && facility != "0";
}

bool DelimitedStream::is_new_id() {
  id_.clear();
  for (std::size_t n = 0; n < at_[static_cast<std::size_t>(Role::kId)].size(); ++n) {
    if (n > 0) id_ += '/';
    id_ += field(Role::kId, n);
  }
  if (!id_.empty() && id_ == last_id_) {
    reading_.report(Reason::kDuplicate, "id", "each trade once", id_);
    return false;
  }
  std::swap(last_id_, id_);
  return true;
}

bool DelimitedStream::read_change() {
  return read_side() && (!wants(Role::kSnapshot) || read_flag(Role::kSnapshot, row_.is_snapshot)) &&
         reading_.price("price", field(Role::kPrice), row_.level.price) &&
         reading_.size("size", field(Role::kSize), row_.level.size);
}

bool DelimitedStream::read_levels() {
  const std::size_t depth = at_[static_cast<std::size_t>(Role::kBid)].size();
  const std::array<std::size_t, 2> before = {levels_[0].size(), levels_[1].size()};
  for (std::size_t n = 0; n < depth; ++n) {
    if (!read_level(Role::kBid, Role::kBidSize, n, 0) ||
        !read_level(Role::kAsk, Role::kAskSize, n, 1)) {
      levels_[0].resize(before[0]);
      levels_[1].resize(before[1]);
      return false;
    }
  }
  return true;
}

// No price, or the price 0: there is no such level.
bool DelimitedStream::read_level(Role price, Role size, std::size_t n, std::size_t side) {
  const std::string_view text = field(price, n);
  std::int64_t zero = 1;
  if (text.empty() || text == "NaN" || text == "nan" ||
      (parse_decimal(text, 0, zero) == Decimal::kOk && zero == 0)) {
    return true;
  }
  Level level{};
  if (!reading_.price(name_of(price), text, level.price) ||
      !reading_.size(name_of(size), field(size, n), level.size)) {
    return false;
  }
  levels_[side].push_back(level);
  return true;
}

bool DelimitedStream::read_marker(std::string_view line) {
  reading_.set_place(lines_.place());
  block_place_ = lines_.place();
  if (!split_fields(line, layout_.delimiter, fields_) || fields_.size() < 2) {
    reading_.report(Reason::kFieldCount, "line", "the marker and a time", line);
    return false;
  }
  if (!read_time(fields_[1], "time", block_stamp_.event)) return false;
  block_stamp_.recv = block_stamp_.event;
  return true;
}

// A line with the time, then rows with one level of both sides each, until the next such line.
Got DelimitedStream::next_block() {
  for (;;) {
    std::string_view line;
    const Got got = lines_.next(line);
    if (got == Got::kNeedsBytes) return got;
    if (got == Got::kItem && !line.starts_with(layout_.block_marker)) {
      reading_.set_place(lines_.place());
      if (block_open_) read_row(line);  // before the first marker there is a header
      continue;
    }
    const bool complete = block_open_;
    message_.row = Row{.place = block_place_, .stamp = block_stamp_};
    block_open_ = got == Got::kItem && read_marker(line);
    if (complete) return finish();
    if (got == Got::kEnd) return got;
  }
}

void DelimitedStream::apply(DepthTape& depth) {
  const Row& row = message_.row;
  depth.set_place(row.place);
  depth.begin_day(row.stamp, row.day);
  if (row.off_exchange) {
    depth.print(row.stamp, row.level.price, row.level.size);
  } else if (layout_.kind == TableKind::kTrades) {
    const std::int64_t sign = row.sign != 0 ? row.sign : depth.resting_side(row.level.price);
    depth.trade(row.stamp, sign, row.level.price, row.level.size);
  } else if (layout_.kind == TableKind::kLevels) {
    const std::span<const Level> bids(message_.levels[0]);
    const std::span<const Level> asks(message_.levels[1]);
    depth.view(row.stamp, message_.has_bids ? &bids : nullptr, message_.has_asks ? &asks : nullptr,
               depth_);
  } else if (message_.is_restart || (!depth.started() && row.is_snapshot)) {
    depth.snapshot(row.stamp, message_.levels[0], message_.levels[1]);
  } else {
    depth.change(row.stamp, message_.levels[0], message_.levels[1]);
  }
}

}  // namespace rlmm::parse
