// Eight floats at a time: the few functions the event flow needs in bulk.
//
// Plain arithmetic in a fixed order, so the same numbers come from every compiler and machine;
// about 1e-7 relative, which no waiting time can show. Always inlined: how a vector of eight is
// passed depends on the instruction set that the caller is compiled for. (So no std::bit_cast,
// which is a function of its own where nothing is optimised.)
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numbers>

namespace rlmm {

using Float8 [[gnu::vector_size(32)]] = float;
using Int8 [[gnu::vector_size(32)]] = std::int32_t;
inline constexpr std::size_t kLanes = 8;

#define RLMM_LANES [[gnu::always_inline]] inline

// A function whose inlined lanes are compiled twice, for processors with AVX2 and for all; which
// one runs is decided at load. Both give the same bits: no operation is fused or reordered. Clang,
// which reads the code for clang-tidy, knows the attribute but wants it at every declaration.
#if defined(RLMM_TARGET_CLONES) && !defined(__clang__)
#define RLMM_LANE_CLONES [[gnu::target_clones("avx2", "default")]]
#else
#define RLMM_LANE_CLONES
#endif

RLMM_LANES Float8 splat(float value) {
  return Float8{value, value, value, value, value, value, value, value};
}

RLMM_LANES Float8 lanes_at(const float* first) {
  Float8 lanes;
  __builtin_memcpy(&lanes, first, sizeof lanes);
  return lanes;
}

RLMM_LANES void store_lanes(Float8 lanes, float* first) {
  __builtin_memcpy(first, &lanes, sizeof lanes);
}

template <class Vector>
RLMM_LANES Vector lesser(Vector a, Vector b) {
  return a < b ? a : b;
}

// The least of all lanes, in every lane. Not for NaN.
template <class Vector>
RLMM_LANES Vector least_of(Vector x) {
  x = lesser(x, __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3));
  x = lesser(x, __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5));
  return lesser(x, __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6));
}

template <class Vector>
RLMM_LANES auto sum_of(Vector x) {
  x += __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3);
  x += __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5);
  return x[0] + x[1];
}

// Which lane of numbers from 0 up is the least; of lanes that agree in all but their last three
// bits, the first. Without a branch: which lane it is, is chance.
RLMM_LANES std::size_t index_of_least(Float8 x) {
  // Bits of numbers from 0 up are in the numbers' order.
  const Int8 keys = (__builtin_bit_cast(Int8, x) & ~7) | Int8{0, 1, 2, 3, 4, 5, 6, 7};
  return static_cast<std::size_t>(least_of(keys)[0] & 7);
}

// exp(x) for x from -87 to 0; 0 below.
RLMM_LANES Float8 exp_of(Float8 x) {
  constexpr auto kLog2E = std::numbers::log2e_v<float>;
  // ln 2 in two parts, the first of few digits.
  constexpr float kLn2High = 0.693359375F;  // NOLINT(modernize-use-std-numbers)
  constexpr float kLn2Low = -2.12194440e-4F;
  constexpr float kRound = 12582912.0F;  // 1.5 x 2^23: adding it rounds to an integer
  constexpr float kLeast = -87.0F;
  const Int8 in_range = x > splat(kLeast);
  const Float8 kept = in_range ? x : splat(kLeast);
  const Float8 shifted = kept * splat(kLog2E) + splat(kRound);
  const Float8 n = shifted - splat(kRound);
  const Float8 r = kept - n * splat(kLn2High) - n * splat(kLn2Low);
  // In pairs (Estrin), because the next event waits for this.
  const Float8 square = r * r;
  const Float8 low = splat(5.0000001201e-1F) + splat(1.6666665459e-1F) * r;
  const Float8 middle = splat(4.1665795894e-2F) + splat(8.3334519073e-3F) * r;
  const Float8 high = splat(1.3981999507e-3F) + splat(1.9875691500e-4F) * r;
  const Float8 p = low + square * (middle + square * high);
  const Float8 mantissa = p * square + (r + splat(1.0F));
  const Int8 exponent = (__builtin_convertvector(n, Int8) + 127) << 23;
  const Float8 scaled = mantissa * __builtin_bit_cast(Float8, exponent);
  return in_range ? scaled : splat(0.0F);
}

// log(x) for normal positive x.
RLMM_LANES Float8 log_of(Float8 x) {
  constexpr float kRootHalf = 0.707106781186547524F;
  const auto bits = __builtin_bit_cast(Int8, x);
  const Int8 mantissa_bits = (bits & 0x007FFFFF) | 0x3F000000;  // in [0.5, 1)
  auto m = __builtin_bit_cast(Float8, mantissa_bits);
  Float8 e = __builtin_convertvector((bits >> 23) - 126, Float8);
  const Int8 small = m < splat(kRootHalf);
  e = small ? e - splat(1.0F) : e;
  m = (small ? m + m : m) - splat(1.0F);
  const Float8 square = m * m;
  const Float8 fourth = square * square;
  const Float8 p01 = splat(3.3333331174e-1F) + splat(-2.4999993993e-1F) * m;
  const Float8 p23 = splat(2.0000714765e-1F) + splat(-1.6668057665e-1F) * m;
  const Float8 p45 = splat(1.4249322787e-1F) + splat(-1.2420140846e-1F) * m;
  const Float8 p67 = splat(1.1676998740e-1F) + splat(-1.1514610310e-1F) * m;
  const Float8 upper = (p45 + p67 * square) + splat(7.0376836292e-2F) * fourth;
  const Float8 p = (p01 + p23 * square) + upper * fourth;
  constexpr float kLn2High = 0.693359375F;  // NOLINT(modernize-use-std-numbers)
  constexpr float kLn2Low = -2.12194440e-4F;
  const Float8 rest = (m * square) * p + (e * splat(kLn2Low) - square * splat(0.5F));
  return (m + e * splat(kLn2High)) + rest;
}

// log(1 - x) for x from 0 up to just below 1, right for tiny x as well.
RLMM_LANES Float8 log_one_less(Float8 x) {
  const Float8 y = splat(1.0F) - x;
  // What rounding to y dropped; above x = 1/2 nothing is, so that dividing it by y would change
  // the result by less than its last digit.
  const Float8 lost = (splat(1.0F) - y) - x;
  return log_of(y) + lost;
}

}  // namespace rlmm
