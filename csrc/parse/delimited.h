// Delimited text whose columns are named by a layout: most vendors' files are an instance of it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "parse/fields.h"
#include "parse/merge.h"

namespace rlmm::parse {

enum class TableKind : std::uint8_t {
  kTrades,   // a row is a fill
  kChanges,  // a row is a level's new size; rows of one time are one message
  kLevels    // a row is all that is visible: bids and asks, the best first
};

enum class Role : std::uint8_t {
  kTime,
  kReceived,
  kPrice,
  kSize,
  kSide,
  kSnapshot,  // "true": the row is part of a snapshot
  kSymbol,
  kSuspicious,  // anything but 0 leaves the row out
  kId,          // of a trade; of several columns, all together
  kFacility,    // where a trade was reported
  kBid,         // prices and sizes of the visible levels, in order
  kBidSize,
  kAsk,
  kAskSize,
  kCount
};

inline constexpr std::size_t kRoles = static_cast<std::size_t>(Role::kCount);
const char* name_of(Role role);

struct LayoutColumn {
  Role role;
  std::string name;       // where there is a header
  std::size_t index = 0;  // where there is none
};

enum class Header : std::uint8_t { kNone, kAlways, kMaybe };

// A clock's offset from UTC, from a moment of that clock on.
struct ZoneOffset {
  TimeNs from;
  TimeNs offset;
};

struct Layout {
  // Digits that a unit has behind the point to be nanoseconds; or one of these.
  static constexpr int kIsoTime = -1;
  static constexpr int kGuessUnit = -2;  // by the number of digits before the point

  TableKind kind = TableKind::kTrades;
  char delimiter = ',';
  Header header = Header::kAlways;
  std::vector<LayoutColumn> columns;
  int time_places = 0;
  std::vector<ZoneOffset> zone;  // of the clock, sorted; empty: UTC
  // Times of day that are kept, by the source's clock; from == until: all.
  TimeNs hours_from = 0;
  TimeNs hours_until = 0;
  // Time of day, UTC, when there is no market: then a new day's book begins. Below 0: never.
  TimeNs night = -1;
  std::string symbol;                  // wanted; empty: all must be the same
  std::vector<std::string> bid_words;  // what the side of a resting bid is called
  std::vector<std::string> ask_words;
  // Facilities of trades that were made on no exchange; empty: any but 0 and nothing.
  std::vector<std::string> off_exchange_words;
  bool one_sided = false;    // levels: a side whose best price is 0 or empty is not in the row
  std::string block_marker;  // levels: a line that begins with it has the time of the rows below
};

class DelimitedStream final : public Stream {
 public:
  DelimitedStream(std::size_t input, Workshop& workshop, Layout layout);

  void feed(std::string_view bytes, bool last_of_file) override {
    lines_.feed(bytes, last_of_file);
  }
  void end() override { lines_.end(); }
  void begin_file(TimeNs time_base) override { time_base_ = time_base; }
  Got next() override;
  TimeNs turn() const override { return turn_; }
  TimeNs happened() const override {
    return wants(Role::kReceived) ? message_.row.stamp.event : turn_;
  }
  void apply(DepthTape& depth) override;

 private:
  struct Row {
    Place place;
    Stamp stamp;
    std::int64_t sign = 0;
    Level level{};
    bool is_snapshot = false;
    bool off_exchange = false;
    std::int64_t day = 0;
  };
  // A message: a trade, a group of changes, or a view.
  struct Message {
    Row row;  // its first row
    bool is_restart = false;
    bool has_bids = false;
    bool has_asks = false;
    std::array<std::vector<Level>, 2> levels;
  };

  Got next_row();
  Got next_group();
  Got next_block();
  Got finish();
  bool find_columns(std::string_view line);
  bool wants(Role role) const { return !at_[static_cast<std::size_t>(role)].empty(); }
  std::string_view field(Role role, std::size_t n = 0) const {
    return fields_[at_[static_cast<std::size_t>(role)][n]];
  }
  // Each is false, and has reported why, where the row is left out.
  bool read_row(std::string_view line);
  bool read_symbol();
  bool read_time(std::string_view text, const char* name, TimeNs& value);
  bool read_times();
  bool read_side();
  bool read_flag(Role role, bool& value);
  bool read_trade();
  bool is_off_exchange() const;
  bool is_new_id();
  bool read_change();
  bool read_levels();
  bool read_level(Role price, Role size, std::size_t n, std::size_t side);
  bool read_marker(std::string_view line);

  static constexpr std::size_t kGroupMost = std::size_t{1} << 21U;

  LineReader lines_;
  Reading reading_;
  Layout layout_;
  std::string symbol_;
  bool asked_;
  std::array<std::vector<std::size_t>, kRoles> at_;
  std::size_t width_ = 0;
  std::vector<std::string_view> fields_;
  std::string last_id_;
  std::string id_;
  std::string sides_;  // the words for them
  TimeNs time_base_ = 0;
  TimeNs of_day_ = 0;
  Row row_;                 // the row that has been read
  bool row_waits_ = false;  // it begins the next message
  std::vector<Row> group_;
  bool was_snapshot_ = false;
  bool block_open_ = false;
  Place block_place_;
  Stamp block_stamp_;
  std::array<std::vector<Level>, 2> levels_;  // of the row or block that is being read
  std::size_t depth_ = 0;                     // as many levels as were ever visible
  Message message_;
  TimeNs turn_ = 0;
  bool any_turn_ = false;
};

}  // namespace rlmm::parse
