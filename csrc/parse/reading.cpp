#include "parse/reading.h"

#include <algorithm>
#include <array>

namespace rlmm::parse {
namespace {

constexpr std::int64_t kValueMost = std::int64_t{1} << 60U;
constexpr TimeNs kSecondNs = 1'000'000'000;

// Exactly so many digits from `at` on.
bool parse_digits(std::string_view text, std::size_t at, std::size_t count, std::int64_t& value) {
  if (at + count > text.size()) return false;
  value = 0;
  for (const char c : text.substr(at, count)) {
    if (!is_digit(c)) return false;
    value = value * 10 + (c - '0');
  }
  return true;
}

bool is_leap(std::int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

std::int64_t days_of(std::int64_t year, std::int64_t month, std::int64_t day) {
  constexpr std::array<std::int64_t, 12> kBefore = {0,   31,  59,  90,  120, 151,
                                                    181, 212, 243, 273, 304, 334};
  const std::int64_t past = year - 1;
  const std::int64_t days = past * 365 + past / 4 - past / 100 + past / 400;
  const std::int64_t leap = month > 2 && is_leap(year) ? 1 : 0;
  constexpr std::int64_t kDaysTo1970 = 719'162;
  return days - kDaysTo1970 + kBefore[static_cast<std::size_t>(month - 1)] + leap + day - 1;
}

std::int64_t days_in(std::int64_t year, std::int64_t month) {
  return month == 12 ? 31 : days_of(year, month + 1, 1) - days_of(year, month, 1);
}

// ".5" as nanoseconds, taken off the text; nothing is 0.
bool parse_fraction(std::string_view& text, TimeNs& fraction) {
  fraction = 0;
  if (!text.starts_with('.')) return true;
  std::size_t digits = 1;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  TimeNs scale = kSecondNs;
  for (std::size_t i = 1; i < digits; ++i) {
    if (scale == 1 && text[i] != '0') return false;  // finer than a nanosecond
    scale /= 10;
    fraction += scale * (text[i] - '0');
    scale = std::max(scale, TimeNs{1});
  }
  if (digits == 1) return false;
  text.remove_prefix(digits);
  return true;
}

// "", "Z" or "+hh:mm" as the nanoseconds to take off.
bool parse_zone(std::string_view text, TimeNs& offset) {
  offset = 0;
  if (text.empty() || text == "Z") return true;
  std::int64_t hours = 0;
  std::int64_t minutes = 0;
  if ((text[0] != '+' && text[0] != '-') || text.size() != 6 || text[3] != ':' ||
      !parse_digits(text, 1, 2, hours) || !parse_digits(text, 4, 2, minutes) || hours > 15 ||
      minutes > 59) {
    return false;
  }
  offset = (hours * 60 + minutes) * 60 * kSecondNs * (text[0] == '-' ? -1 : 1);
  return true;
}

}  // namespace

bool parse_iso_time(std::string_view text, TimeNs& value) {
  std::array<std::int64_t, 6> parts{};  // year, month, day, hour, minute, second
  constexpr std::array<std::size_t, 6> kAt = {0, 5, 8, 11, 14, 17};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!parse_digits(text, kAt[i], i == 0 ? 4 : 2, parts[i])) return false;
  }
  const char mark = text[10];
  if (text[4] != '-' || text[7] != '-' || text[13] != ':' || text[16] != ':' ||
      (mark != 'T' && mark != 'D' && mark != ' ')) {
    return false;
  }
  const auto [year, month, day, hour, minute, second] = parts;
  if (year < 1970 || year > 2200 || month < 1 || month > 12 || day < 1 ||
      day > days_in(year, month) || hour > 23 || minute > 59 || second > 59) {
    return false;
  }
  std::string_view rest = text.substr(19);
  TimeNs fraction = 0;
  if (!parse_fraction(rest, fraction)) return false;
  TimeNs offset = 0;
  if (!parse_zone(rest, offset)) return false;
  const TimeNs seconds = ((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
  value = seconds * kSecondNs + fraction - offset;
  return true;
}

bool Reading::decimal(Reason reason, const char* field, const char* expected, std::string_view text,
                      int places, std::int64_t& value) const {
  const Decimal outcome = parse_decimal(text, places, value);
  if (outcome == Decimal::kOk) [[likely]]
    return true;
  if (outcome == Decimal::kTooFine) expected = "fewer places after the point";
  if (outcome == Decimal::kTooLarge) expected = "a smaller number";
  defects_->report(reason, place_, field, expected, text);
  return false;
}

bool Reading::time(const char* field, std::string_view text, int places, TimeNs& value) const {
  constexpr int kFiner = 3;  // enough to round by
  if (parse_decimal(text, places, value) == Decimal::kOk) [[likely]]
    return true;
  const std::size_t point = text.find('.');
  const std::size_t kept = point + 1 + static_cast<std::size_t>(places + kFiner);
  if (point == std::string_view::npos || text.size() < kept ||
      text.find_first_not_of("0123456789", point + 1) != std::string_view::npos ||
      parse_decimal(text.substr(0, kept), places + kFiner, value) != Decimal::kOk) {
    return decimal(Reason::kBadTime, field, "a time as a decimal number", text, places, value);
  }
  value = (value + 500) / 1000;
  defects_->report(Reason::kTimeRounded, place_, field, "whole nanoseconds", text);
  return true;
}

bool Reading::price(const char* field, std::string_view text, std::int64_t& value,
                    Grid grid) const {
  if (!decimal(Reason::kBadNumber, field, "a decimal number", text, units_.price_places, value)) {
    return false;
  }
  if (value <= 0 || value > kValueMost) [[unlikely]] {
    defects_->report(Reason::kBadPrice, place_, field, "a price above 0, not too large", text);
    return false;
  }
  if (grid == Grid::kTick && units_.tick > 1 && value % units_.tick != 0) [[unlikely]] {
    defects_->report(Reason::kOffTick, place_, field, "a multiple of the tick size", text);
    return false;
  }
  return true;
}

bool Reading::size(const char* field, std::string_view text, std::int64_t& value) const {
  if (!decimal(Reason::kBadNumber, field, "a decimal number", text, units_.size_places, value)) {
    return false;
  }
  if (value < 0 || value > kValueMost) [[unlikely]] {
    defects_->report(Reason::kBadSize, place_, field, "a size of 0 or above, not too large", text);
    return false;
  }
  if (units_.lot > 1 && value % units_.lot != 0) [[unlikely]] {
    defects_->report(Reason::kOffLot, place_, field, "a multiple of the lot size", text);
    return false;
  }
  return true;
}

}  // namespace rlmm::parse
