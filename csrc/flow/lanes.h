// Four floats at a time: the few functions the event flow needs in bulk.
//
// Plain arithmetic in a fixed order, so the same numbers come from every compiler and machine;
// about 1e-7 relative, which no waiting time can show.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numbers>

namespace rlmm {

using Float4 [[gnu::vector_size(16)]] = float;
using Int4 [[gnu::vector_size(16)]] = std::int32_t;

inline Float4 splat(float value) { return Float4{value, value, value, value}; }

// Without a branch: which lane it is, is chance.
inline std::size_t index_of_least(Float4 x) {
  const auto low = static_cast<std::size_t>(x[1] < x[0]);
  const auto high = 2 + static_cast<std::size_t>(x[3] < x[2]);
  const std::size_t is_high =
      0 - static_cast<std::size_t>(std::min(x[2], x[3]) < std::min(x[0], x[1]));
  return low ^ ((low ^ high) & is_high);
}

// exp(x) for x from -87 to 0; 0 below.
inline Float4 exp_of(Float4 x) {
  constexpr auto kLog2E = std::numbers::log2e_v<float>;
  // ln 2 in two parts, the first of few digits.
  constexpr float kLn2High = 0.693359375F;  // NOLINT(modernize-use-std-numbers)
  constexpr float kLn2Low = -2.12194440e-4F;
  constexpr float kRound = 12582912.0F;  // 1.5 x 2^23: adding it rounds to an integer
  constexpr float kLeast = -87.0F;
  const Int4 in_range = x > splat(kLeast);
  const Float4 kept = in_range ? x : splat(kLeast);
  const Float4 shifted = kept * splat(kLog2E) + splat(kRound);
  const Float4 n = shifted - splat(kRound);
  const Float4 r = kept - n * splat(kLn2High) - n * splat(kLn2Low);
  // In pairs (Estrin), because the next event waits for this.
  const Float4 square = r * r;
  const Float4 low = splat(5.0000001201e-1F) + splat(1.6666665459e-1F) * r;
  const Float4 middle = splat(4.1665795894e-2F) + splat(8.3334519073e-3F) * r;
  const Float4 high = splat(1.3981999507e-3F) + splat(1.9875691500e-4F) * r;
  const Float4 p = low + square * (middle + square * high);
  const Float4 mantissa = p * square + (r + splat(1.0F));
  const Int4 exponent = (__builtin_convertvector(n, Int4) + 127) << 23;
  const Float4 scaled = mantissa * std::bit_cast<Float4>(exponent);
  return in_range ? scaled : splat(0.0F);
}

// log(x) for normal positive x.
inline Float4 log_of(Float4 x) {
  constexpr float kRootHalf = 0.707106781186547524F;
  const auto bits = std::bit_cast<Int4>(x);
  const Int4 mantissa_bits = (bits & 0x007FFFFF) | 0x3F000000;  // in [0.5, 1)
  auto m = std::bit_cast<Float4>(mantissa_bits);
  Float4 e = __builtin_convertvector((bits >> 23) - 126, Float4);
  const Int4 small = m < splat(kRootHalf);
  e = small ? e - splat(1.0F) : e;
  m = (small ? m + m : m) - splat(1.0F);
  const Float4 square = m * m;
  const Float4 fourth = square * square;
  const Float4 p01 = splat(3.3333331174e-1F) + splat(-2.4999993993e-1F) * m;
  const Float4 p23 = splat(2.0000714765e-1F) + splat(-1.6668057665e-1F) * m;
  const Float4 p45 = splat(1.4249322787e-1F) + splat(-1.2420140846e-1F) * m;
  const Float4 p67 = splat(1.1676998740e-1F) + splat(-1.1514610310e-1F) * m;
  const Float4 upper = (p45 + p67 * square) + splat(7.0376836292e-2F) * fourth;
  const Float4 p = (p01 + p23 * square) + upper * fourth;
  constexpr float kLn2High = 0.693359375F;  // NOLINT(modernize-use-std-numbers)
  constexpr float kLn2Low = -2.12194440e-4F;
  const Float4 rest = (m * square) * p + (e * splat(kLn2Low) - square * splat(0.5F));
  return (m + e * splat(kLn2High)) + rest;
}

// log(1 - x) for x from 0 up to just below 1, right for tiny x as well.
inline Float4 log_one_less(Float4 x) {
  const Float4 y = splat(1.0F) - x;
  const Float4 lost = (splat(1.0F) - y) - x;  // what rounding to y dropped
  return log_of(y) + lost / y;
}

}  // namespace rlmm
