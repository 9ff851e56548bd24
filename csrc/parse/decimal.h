// Decimal text as integers, exactly: no number on its way from text to ticks is ever a float.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>

namespace rlmm::parse {

enum class Decimal : std::uint8_t { kOk, kSyntax, kTooFine, kTooLarge };

inline constexpr int kPlacesMost = 18;

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

namespace detail {

// value x 10 + digit; false where that is too large.
inline bool append_digit(std::int64_t& value, int digit) {
  return !__builtin_mul_overflow(value, std::int64_t{10}, &value) &&
         !__builtin_add_overflow(value, std::int64_t{digit}, &value);
}

// The point and the digits behind it, if there are any; takes the places that they fill off `left`.
inline Decimal append_fraction(const char*& at, const char* end, std::int64_t& value, int& left) {
  if (at == end || *at != '.') return Decimal::kOk;
  ++at;
  bool too_fine = false;
  for (; at != end && is_digit(*at); ++at) {
    if (left == 0) {
      too_fine = too_fine || *at != '0';
      continue;
    }
    --left;
    if (!append_digit(value, *at - '0')) return Decimal::kTooLarge;
  }
  return too_fine ? Decimal::kTooFine : Decimal::kOk;
}

Decimal parse_scientific(std::string_view text, int places, std::int64_t& value);

// A number that is so short that it cannot be too large; false where it may be, or is no number.
inline bool parse_short(std::string_view text, int places, std::int64_t& value) {
  constexpr std::array<std::int64_t, 10> kPowers = {
      1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};
  constexpr std::size_t kShort = 9;
  if (text.empty() || text.size() > kShort || places > 9) return false;
  std::int64_t sum = 0;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    sum = sum * 10 + (c - '0');
  }
  value = sum * kPowers[static_cast<std::size_t>(places)];
  return true;
}

inline Decimal parse_checked(std::string_view text, int places, std::int64_t& value) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const bool negative = at != end && *at == '-';
  at += negative ? 1 : 0;
  if (at == end || !is_digit(*at)) return Decimal::kSyntax;
  std::int64_t sum = 0;
  while (at != end && is_digit(*at)) {
    if (!append_digit(sum, *at++ - '0')) return Decimal::kTooLarge;
  }
  int left = places;
  const Decimal fraction = append_fraction(at, end, sum, left);
  if (fraction == Decimal::kTooLarge) return fraction;
  if (at != end) {
    if (*at == 'e' || *at == 'E') return parse_scientific(text, places, value);
    return Decimal::kSyntax;
  }
  if (fraction != Decimal::kOk) return fraction;
  for (; left > 0; --left) {
    if (!append_digit(sum, 0)) return Decimal::kTooLarge;
  }
  value = negative ? -sum : sum;
  return Decimal::kOk;
}

}  // namespace detail

// `text` x 10^places as an integer: "12.5" with 3 places is 12500. Digits beyond the places must be
// zeros. An exponent ("1e-05") is exact too. No sign but '-', no spaces, no NaN.
inline Decimal parse_decimal(std::string_view text, int places, std::int64_t& value) {
  if (detail::parse_short(text, places, value)) return Decimal::kOk;
  return detail::parse_checked(text, places, value);
}

}  // namespace rlmm::parse
