// Fields of a record as numbers, with a word about each that cannot be one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "parse/decimal.h"
#include "parse/defects.h"
#include "types.h"

namespace rlmm::parse {

// In which units prices and sizes are counted while a recording is read. The tick and the lot are
// known, or 0: then anything goes and the greatest common divisor tells later.
struct Units {
  int price_places = 9;
  int size_places = 8;
  std::int64_t tick = 0;
  std::int64_t lot = 0;
};

// What a parser is told about any source.
struct ParseOptions {
  bool strict = true;
  Units units;
  std::size_t orders_most = std::size_t{1} << 24U;  // live ones; each takes 64 bytes or less
};

enum class Grid : std::uint8_t { kTick, kAny };

class Reading {
 public:
  Reading(Defects& defects, const Units& units) : defects_(&defects), units_(units) {}

  const Units& units() const { return units_; }
  Defects& defects() const { return *defects_; }
  void set_place(const Place& place) { place_ = place; }
  const Place& place() const { return place_; }

  // Each is false, and has reported why, where the field cannot be used.
  bool integer(const char* field, std::string_view text, std::int64_t& value) const {
    return decimal(Reason::kBadNumber, field, "a whole number", text, 0, value);
  }
  // Digits finer than a nanosecond are what a float left behind: they are rounded off.
  bool time(const char* field, std::string_view text, int places, TimeNs& value) const;
  // Above 0 and, unless any will do, on the grid.
  bool price(const char* field, std::string_view text, std::int64_t& value,
             Grid grid = Grid::kTick) const;
  // 0 or above and on the grid.
  bool size(const char* field, std::string_view text, std::int64_t& value) const;

  void report(Reason reason, const char* field, const char* expected, std::string_view got) const {
    defects_->report(reason, place_, field, expected, got);
  }

 private:
  bool decimal(Reason reason, const char* field, const char* expected, std::string_view text,
               int places, std::int64_t& value) const;

  Defects* defects_;
  Units units_;
  Place place_;
};

// Nanoseconds since 1970 of "2014-01-29T04:24:59.489814800" with 'T', 'D' or a space, and with or
// without "Z" or "+02:00" behind; without, the clock is UTC. False where the text is no such time.
bool parse_iso_time(std::string_view text, TimeNs& value);

}  // namespace rlmm::parse
