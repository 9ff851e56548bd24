#include "parse/databento_record.h"

#include <algorithm>
#include <cstring>

namespace rlmm::parse {
namespace {

constexpr TimeNs kTimeMost = std::int64_t{7'258'118'400} * 1'000'000'000;  // the year 2200
constexpr std::size_t kLevelFields = 6;  // bid and ask price, size and count
constexpr std::int64_t kPriceMost = std::int64_t{1} << 60U;

// DBN's layout, in bytes.
constexpr std::size_t kPrefix = 8;  // "DBN", version, length of the metadata
constexpr std::size_t kMetadataMost = std::size_t{1} << 26U;
constexpr std::size_t kHeader = 16;
constexpr std::size_t kMboBytes = 56;
constexpr std::size_t kMbpBytes = 48;  // before the levels
constexpr std::size_t kLevelBytes = 32;
constexpr std::uint8_t kMbo = 160;
constexpr std::uint8_t kMbp1 = 1;
constexpr std::uint8_t kMbp10 = 10;

template <class T>
T number_at(std::string_view bytes, std::size_t at) {  // little-endian, as the machines we run on
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

}  // namespace

void DatabentoReader::feed(std::string_view bytes, bool last_of_file) {
  if (!binary_) {
    lines_.feed(bytes, last_of_file);
    return;
  }
  if (file_complete_) {
    ++place_.file;
    place_.line = place_.offset = 0;
    metadata_done_ = false;
  }
  buffer_.erase(0, position_);
  position_ = 0;
  buffer_.append(bytes);
  file_complete_ = last_of_file;
}

void DatabentoReader::end() {
  lines_.end();
  ended_ = file_complete_ = true;
}

Got DatabentoReader::next(DatabentoRecord& record) {
  return binary_ ? next_binary(record) : next_line(record);
}

// --- text ---------------------------------------------------------------------------------------

Got DatabentoReader::next_line(DatabentoRecord& record) {
  for (;;) {
    std::string_view line;
    const Got got = lines_.next(line);
    if (got != Got::kItem) return got;
    reading_->set_place(lines_.place());
    if (lines_.is_first_of_file()) {
      read_header(line);
    } else if (read_line(line, record)) {
      return Got::kItem;
    }
  }
}

void DatabentoReader::read_header(std::string_view line) {
  constexpr std::array<std::string_view, static_cast<std::size_t>(Column::kCount)> kNames = {
      "ts_recv", "ts_event", "instrument_id", "action",  "side",
      "price",   "size",     "flags",         "order_id"};
  if (!split_fields(line, ',', fields_)) fields_.clear();
  width_ = fields_.size();
  const auto find = [&](std::string_view name) {
    const auto found = std::ranges::find(fields_, name);
    return found == fields_.end() ? kAbsent : static_cast<std::size_t>(found - fields_.begin());
  };
  for (std::size_t i = 0; i < kNames.size(); ++i) at_[i] = find(kNames[i]);
  first_level_ = find("bid_px_00");
  depth_ = first_level_ == kAbsent ? 0 : (width_ - first_level_) / kLevelFields;
  for (const Column column : {Column::kReceived, Column::kEvent, Column::kAction, Column::kSide,
                              Column::kPrice, Column::kSize, Column::kFlags}) {
    if (!has(column)) {
      reading_->report(Reason::kNotThisFormat, "header",
                       "ts_recv, ts_event, action, side, price, size and flags", line);
    }
  }
  if (depth_ == 0 && !has(Column::kOrder)) {
    reading_->report(Reason::kNotThisFormat, "header", "order_id (MBO) or bid_px_00 (MBP)", line);
  }
}

bool DatabentoReader::read_line(std::string_view line, DatabentoRecord& record) {
  if (!split_fields(line, ',', fields_) || fields_.size() != width_) {
    reading_->report(Reason::kFieldCount, "line", "as many fields as the header", line);
    return false;
  }
  record = DatabentoRecord{};
  record.place = lines_.place();
  std::int64_t number = 0;
  if (has(Column::kInstrument)) {
    if (!reading_->integer("instrument_id", field(Column::kInstrument), number)) return false;
    record.instrument = static_cast<std::uint64_t>(number);
  }
  if (!read_stamp(field(Column::kReceived), "ts_recv", record.stamp.recv) ||
      !read_stamp(field(Column::kEvent), "ts_event", record.stamp.event) ||
      !reading_->integer("flags", field(Column::kFlags), number)) {
    return false;
  }
  record.flags = static_cast<unsigned>(number & 0xFF);
  const std::string_view action = field(Column::kAction);
  const std::string_view side = field(Column::kSide);
  record.action = action.size() == 1 ? action[0] : '?';
  record.side = side.size() == 1 ? side[0] : '?';
  if (!read_price(field(Column::kPrice), record.price) ||
      !reading_->size("size", field(Column::kSize), record.size)) {
    return false;
  }
  if (depth_ > 0) return read_levels(record);
  return read_order(field(Column::kOrder), record.order_id);
}

bool DatabentoReader::read_order(std::string_view text, std::uint64_t& value) const {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  bool good = !text.empty();
  value = 0;
  for (const char c : text) {
    const auto digit = static_cast<std::uint64_t>(c - '0');
    good = good && is_digit(c) && value <= (kMost - digit) / 10;
    value = good ? value * 10 + digit : 0;
  }
  if (good) return true;
  reading_->report(Reason::kBadNumber, "order_id", "a whole number from 0 to 2^64 - 1", text);
  return false;
}

bool DatabentoReader::read_stamp(std::string_view text, const char* field, TimeNs& value) const {
  const bool is_iso = text.find('-') != std::string_view::npos;
  if (is_iso && !parse_iso_time(text, value)) {
    reading_->report(Reason::kBadTime, field, "nanoseconds, or a time like 2025-01-31T09:30Z",
                     text);
    return false;
  }
  if (!is_iso && !reading_->time(field, text, 0, value)) return false;
  if (value >= 0 && value <= kTimeMost) return true;
  reading_->report(Reason::kBadTime, field, "a time from 1970 to 2200", text);
  return false;
}

// Nanounits as a whole number, or a decimal number; nothing where there is no price.
bool DatabentoReader::read_price(std::string_view text, std::int64_t& value) const {
  value = kUndefinedPrice;
  if (text.empty() || text == "9223372036854775807") return true;
  const bool is_decimal = text.find('.') != std::string_view::npos;
  const Decimal read = parse_decimal(text, is_decimal ? 9 : 0, value);
  if (read == Decimal::kOk) return true;
  reading_->report(Reason::kBadNumber, "price", "a decimal number, or a whole one in 1e-9", text);
  return false;
}

bool DatabentoReader::read_levels(DatabentoRecord& record) const {
  record.has_levels = true;
  for (std::size_t n = 0; n < depth_; ++n) {
    for (const std::size_t s : {0U, 1U}) {
      const std::size_t at = first_level_ + n * kLevelFields + s;
      Level level{};
      if (!read_price(fields_[at], level.price) ||
          !reading_->size("size", fields_[at + 2], level.size) ||
          !check_level(level.price, level.size, record.levels[s])) {
        return false;
      }
    }
  }
  return true;
}

bool DatabentoReader::check_level(std::int64_t price, std::int64_t size,
                                  std::vector<Level>& levels) const {
  if (price == kUndefinedPrice || size == 0) return true;
  if (price <= 0 || price > kPriceMost) {
    reading_->report(Reason::kBadPrice, "levels", "prices above 0", std::to_string(price));
    return false;
  }
  const std::int64_t tick = reading_->units().tick;
  if (tick > 1 && price % tick != 0) {
    reading_->report(Reason::kOffTick, "levels", "multiples of the tick size",
                     std::to_string(price));
    return false;
  }
  levels.push_back({price, size});
  return true;
}

// --- DBN ----------------------------------------------------------------------------------------

Got DatabentoReader::next_binary(DatabentoRecord& record) {
  for (;;) {
    if (position_ == buffer_.size()) return ended_ ? Got::kEnd : Got::kNeedsBytes;
    reading_->set_place(place_);
    if (!metadata_done_ && skip_metadata()) continue;
    const std::string_view bytes = std::string_view(buffer_).substr(position_);
    const std::size_t length = static_cast<unsigned char>(bytes[0]) * std::size_t{4};
    if (metadata_done_ && length < kHeader) {
      reading_->report(Reason::kNotThisFormat, "length", "a record of 16 bytes or more",
                       std::to_string(length));
    }
    if (metadata_done_ && bytes.size() >= length) {
      ++place_.line;
      reading_->set_place(place_);
      const bool usable = read_binary(bytes.substr(0, length), record);
      position_ += length;
      place_.offset += static_cast<std::int64_t>(length);
      if (usable) return Got::kItem;
      continue;
    }
    if (!file_complete_) return Got::kNeedsBytes;
    reading_->report(Reason::kTruncatedRecord, "record", "all of its bytes", "the end of the file");
    position_ = buffer_.size();
  }
}

// False while it is not all there.
bool DatabentoReader::skip_metadata() {
  const std::string_view bytes = std::string_view(buffer_).substr(position_);
  if (!std::string_view("DBN").starts_with(bytes.substr(0, 3))) {
    reading_->report(Reason::kNotThisFormat, "file", "a file that begins with DBN",
                     bytes.substr(0, 3));
  }
  if (bytes.size() < kPrefix) return false;
  const std::size_t length = kPrefix + number_at<std::uint32_t>(bytes, 4);
  if (length > kMetadataMost) {
    reading_->report(Reason::kTooMany, "metadata", "at most 64 MiB", std::to_string(length));
  }
  if (bytes.size() < length) return false;
  position_ += length;
  place_.offset += static_cast<std::int64_t>(length);
  metadata_done_ = true;
  return true;
}

std::int64_t DatabentoReader::scaled(std::uint32_t size) const {
  std::int64_t value = size;
  for (int i = 0; i < reading_->units().size_places; ++i) value *= 10;
  return value;
}

bool DatabentoReader::check_times(const DatabentoRecord& record) const {
  const auto [first, last] = std::minmax(record.stamp.event, record.stamp.recv);
  if (first >= 0 && last <= kTimeMost) return true;
  reading_->report(Reason::kBadTime, "ts_recv", "times from 1970 to 2200",
                   std::to_string(first < 0 ? first : last));
  return false;
}

bool DatabentoReader::read_binary(std::string_view bytes, DatabentoRecord& record) {
  const auto type = number_at<std::uint8_t>(bytes, 1);
  const bool is_mbo = type == kMbo && bytes.size() >= kMboBytes;
  const std::size_t depth = type == kMbp10 ? 10 : 1;
  const bool is_mbp =
      (type == kMbp1 || type == kMbp10) && bytes.size() >= kMbpBytes + depth * kLevelBytes;
  if (!is_mbo && !is_mbp) {
    reading_->report(Reason::kOtherRecord, "rtype", "a record of MBO, MBP-1 or MBP-10",
                     std::to_string(type));
    return false;
  }
  record = DatabentoRecord{};
  record.place = place_;
  record.instrument = number_at<std::uint32_t>(bytes, 4);
  record.stamp.event = number_at<std::int64_t>(bytes, 8);
  if (is_mbo) {
    record.order_id = number_at<std::uint64_t>(bytes, 16);
    record.price = number_at<std::int64_t>(bytes, 24);
    record.size = scaled(number_at<std::uint32_t>(bytes, 32));
    record.flags = number_at<std::uint8_t>(bytes, 36);
    record.action = bytes[38];
    record.side = bytes[39];
    record.stamp.recv = number_at<std::int64_t>(bytes, 40);
  } else {
    record.price = number_at<std::int64_t>(bytes, 16);
    record.size = scaled(number_at<std::uint32_t>(bytes, 24));
    record.action = bytes[28];
    record.side = bytes[29];
    record.flags = number_at<std::uint8_t>(bytes, 30);
    record.stamp.recv = number_at<std::int64_t>(bytes, 32);
    record.has_levels = true;
    depth_ = depth;
    for (std::size_t n = 0; n < depth; ++n) {
      const std::string_view level = bytes.substr(kMbpBytes + n * kLevelBytes, kLevelBytes);
      for (const std::size_t s : {0U, 1U}) {
        if (!check_level(number_at<std::int64_t>(level, s * 8),
                         scaled(number_at<std::uint32_t>(level, 16 + s * 4)), record.levels[s])) {
          return false;
        }
      }
    }
  }
  return check_times(record);
}

}  // namespace rlmm::parse
