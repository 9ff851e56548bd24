// Vectors of floats as wide as the instruction set of the including file, and functions of them.
// For the kernel files alone: everything is private to each.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rlmm {
namespace {  // NOLINT(google-build-namespaces): each kernel file needs a copy of its own

#if defined(__AVX512F__)
inline constexpr std::size_t kLanes = 16;
#elif defined(__AVX2__)
inline constexpr std::size_t kLanes = 8;
#else
inline constexpr std::size_t kLanes = 4;
#endif

using Lanes [[gnu::vector_size(4 * kLanes)]] = float;
using LaneBits [[gnu::vector_size(4 * kLanes)]] = std::int32_t;
// As they lie in memory, at any address of a float.
using StoredLanes [[gnu::vector_size(4 * kLanes), gnu::aligned(4), gnu::may_alias]] = float;

#define RLMM_INLINE [[gnu::always_inline]] inline

RLMM_INLINE Lanes load(const float* from) { return *reinterpret_cast<const StoredLanes*>(from); }
RLMM_INLINE void store(float* to, Lanes value) { *reinterpret_cast<StoredLanes*>(to) = value; }
RLMM_INLINE Lanes splat(float value) { return value - Lanes{}; }
RLMM_INLINE LaneBits bits_of(Lanes value) { return reinterpret_cast<LaneBits>(value); }
RLMM_INLINE Lanes from_bits(LaneBits bits) { return reinterpret_cast<Lanes>(bits); }
RLMM_INLINE Lanes larger(Lanes a, Lanes b) { return a > b ? a : b; }
RLMM_INLINE Lanes smaller(Lanes a, Lanes b) { return a < b ? a : b; }

// For x from -87 to 88 (Cephes' polynomial): x = n ln 2 + r, exp(x) = 2^n exp(r).
RLMM_INLINE Lanes exp_of(Lanes x) {
  // Not from <numbers>: see policy/kernels.h. NOLINTNEXTLINE(modernize-use-std-numbers)
  constexpr float kLog2E = 1.44269504F;
  constexpr float kLn2High = 355.0F / 512.0F;  // few bits: n times it is exact
  constexpr float kLn2Low = -2.12194440e-4F;
  constexpr float kRound = 12582912.0F;  // 1.5 x 2^23: adding it rounds to an integer
  constexpr std::int32_t kOneBits = 0x3F800000;
  const Lanes shifted = x * kLog2E + kRound;
  const Lanes n = shifted - kRound;
  const Lanes r = (x - n * kLn2High) - n * kLn2Low;
  Lanes p = r * 1.9875691500e-4F + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  const Lanes mantissa = p * (r * r) + r + 1.0F;
  return mantissa * from_bits((bits_of(shifted) << 23) + kOneBits);
}

// Near 0 Cephes' odd polynomial, elsewhere 1 - 2 / (exp(2|x|) + 1), of |x| with the sign of x. NaN
// stays.
RLMM_INLINE Lanes tanh_of(Lanes x) {
  constexpr float kNear = 0.625F;
  constexpr float kFar = 9.5F;  // from 9.02 on, the nearest float is 1
  constexpr std::int32_t kSign = INT32_MIN;
  const LaneBits sign = bits_of(x) & kSign;
  const Lanes size = from_bits(bits_of(x) & ~kSign);
  const Lanes z = size * size;
  Lanes p = z * -5.70498872745e-3F + 2.06390887954e-2F;
  p = p * z + -5.37397155531e-2F;
  p = p * z + 1.33314422036e-1F;
  p = p * z + -3.33332819422e-1F;
  const Lanes near = p * z * size + size;
  const Lanes bounded = smaller(size, splat(kFar));
  const Lanes far = 1.0F - 2.0F / (exp_of(bounded + bounded) + 1.0F);
  const Lanes bent = size > splat(kNear) ? far : near;
  return from_bits(bits_of(bent) | sign);
}

// x / (1 + exp(-x)).
RLMM_INLINE Lanes silu_of(Lanes x) {
  const Lanes kept = larger(smaller(-x, splat(87.0F)), splat(-87.0F));
  return x / (1.0F + exp_of(kept));
}

}  // namespace
}  // namespace rlmm
