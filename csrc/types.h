// Units, sides and checks that every other file builds on.
//
// Prices are integer ticks, sizes integer lots, time integer nanoseconds, money integer tick x lot.
// The mid price can lie between two ticks, so everything marked to it is counted in halves (`_x2`).
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>

namespace rlmm {

using Ticks = std::int64_t;
using Lots = std::int64_t;
using TimeNs = std::int64_t;
using Money = std::int64_t;  // tick x lot

inline constexpr double kNsPerS = 1e9;
constexpr double seconds_of(TimeNs ns) { return static_cast<double>(ns) / kNsPerS; }

enum class Side : std::uint8_t { kBid = 0, kAsk = 1 };

// +1 for the side that buys, -1 for the side that sells.
constexpr std::int64_t sign(Side side) { return side == Side::kBid ? 1 : -1; }

inline constexpr std::array<Side, 2> kSides = {Side::kBid, Side::kAsk};
constexpr std::size_t index_of(Side side) { return static_cast<std::size_t>(side); }
constexpr Side opposite(Side side) { return side == Side::kBid ? Side::kAsk : Side::kBid; }

// A broken promise of this library, never of its caller.
class InvariantError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

// A quantity left the range that exact integer accounting can hold.
class RangeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace detail {
template <class A, class B>
[[noreturn, gnu::cold]] void check_failed(const char* expression, const A& left, const B& right) {
  std::ostringstream text;
  text << "invariant broken: " << expression << " with " << left << " and " << right
       << "; please report this";
  throw InvariantError(text.str());
}
}  // namespace detail

// Always on: cheap enough to keep in release builds. Prints both values.
#define RLMM_CHECK_LE(left, right)                                              \
  do {                                                                          \
    const auto& rlmm_left = (left);                                             \
    const auto& rlmm_right = (right);                                           \
    if (!(rlmm_left <= rlmm_right)) [[unlikely]]                                \
      ::rlmm::detail::check_failed(#left " <= " #right, rlmm_left, rlmm_right); \
  } while (false)

// To the nearest integer, halves to even: one instruction, where std::llround is a library call.
inline std::int64_t round_to_integer(double value) { return std::llrint(value); }

[[noreturn, gnu::cold]] inline void left_range(const char* what) {
  throw RangeError(std::string(what) +
                   ": left the range of 64-bit integers; expected smaller prices or sizes, or "
                   "fewer fills");
}

inline std::int64_t checked_add(std::int64_t a, std::int64_t b, const char* what) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) [[unlikely]] {
    left_range(what);
  }
  return sum;
}

inline std::int64_t checked_mul(std::int64_t a, std::int64_t b, const char* what) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) [[unlikely]] {
    left_range(what);
  }
  return product;
}

}  // namespace rlmm
