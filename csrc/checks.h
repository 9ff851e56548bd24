// How parameters are refused: the field, what was expected, what came; and the bounds they share.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "types.h"

namespace rlmm {

inline constexpr double kRateMax = 1e9;
inline constexpr double kMagnitudeMax = 1e15;
inline constexpr Ticks kPriceMax = Ticks{1} << 40U;
inline constexpr Ticks kOffsetMax = Ticks{1} << 31U;
inline constexpr Lots kSizeMax = 1'000'000;
inline constexpr Lots kInventoryMax = 1'000'000'000;
inline constexpr TimeNs kHourNs = TimeNs{3600} * 1'000'000'000;
inline constexpr TimeNs kHorizonNsMax = TimeNs{1} << 53U;  // simulated time is exact in a double
// More events in a step than this would hang it: nothing else bounds the loop over them.
inline constexpr double kStepEventsMax = 1e6;

// The shortest digits that read back as the same number.
template <class T>
  requires std::is_arithmetic_v<T>
std::string text_of(T number) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  return {digits.data(), end};
}
inline std::string text_of(const std::string& text) { return text; }

template <class T>
[[noreturn]] void refuse(const std::string& field, const std::string& expected, const T& got) {
  throw std::invalid_argument(field + ": expected " + expected + ", got " + text_of(got));
}

// Written so that NaN fails.
template <class T>
void require_between(const std::string& field, T value, T low, T high) {
  if (!(low <= value && value <= high)) {
    refuse(field, "a value from " + text_of(low) + " to " + text_of(high), value);
  }
}

inline void require_positive(const std::string& field, double value) {
  if (!(value > 0.0 && value <= kMagnitudeMax)) {
    refuse(field, "a value above 0, at most 1e15", value);
  }
}

inline std::string place_of(const std::string& list, std::size_t index) {
  return list + "[" + text_of(index) + "]";
}

// From left to right, as rlmm_tf/fields.py adds: both sides find the same sum, bit for bit.
inline double sum_in_order(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) sum += value;
  return sum;
}

inline void require_sum_of_one(const std::string& field, double sum) {
  constexpr double kSlack = 1e-9;
  require_between(field + ": their sum", sum, 1.0 - kSlack, 1.0 + kSlack);
}

inline void require_each_between(const std::string& field, const std::vector<double>& values,
                                 double low, double high) {
  for (const double value : values) require_between(field, value, low, high);
}

}  // namespace rlmm
