#include "parse/decimal.h"

#include <string>

namespace rlmm::parse::detail {

// The point moved by the exponent, as plain text; then there is one way to read it.
Decimal parse_scientific(std::string_view text, int places, std::int64_t& value) {
  constexpr std::int64_t kExponentMost = 40;
  const std::size_t mark = text.find_first_of("eE");
  std::string_view power = text.substr(mark + 1);
  if (power.starts_with('+')) power.remove_prefix(1);
  std::int64_t exponent = 0;
  if (power.find_first_of("eE.") != std::string_view::npos ||
      parse_decimal(power, 0, exponent) != Decimal::kOk) {
    return Decimal::kSyntax;
  }
  if (exponent > kExponentMost) return Decimal::kTooLarge;
  if (exponent < -kExponentMost) return Decimal::kTooFine;
  std::string digits(text.substr(0, mark));
  const bool negative = digits.starts_with('-');
  if (negative) digits.erase(0, 1);
  std::size_t point = digits.find('.');
  if (point == std::string::npos) point = digits.size();
  digits.erase(point, 1);
  if (exponent < 0) {
    const auto moved = static_cast<std::size_t>(-exponent);
    digits.insert(0, moved, '0');
  } else {
    const auto moved = static_cast<std::size_t>(exponent);
    digits.append(moved, '0');
    point += moved;
  }
  digits.insert(point, 1, '.');
  if (negative) digits.insert(digits.begin(), '-');
  return parse_decimal(digits, places, value);
}

}  // namespace rlmm::parse::detail
