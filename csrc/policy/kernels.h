// The arithmetic of a policy's networks, compiled once for each instruction set.
//
// Numerics
//  - One output's sum is always the same sum: its bias, then weight x input for input 0, 1, ...,
//    each product rounded before it is added. Lanes hold different outputs, never parts of a sum,
//    and products are not fused: a result depends neither on the instruction set, nor on the number
//    of rows, a row's place among them, or the thread. (Fused products were measured: no faster
//    here, and without the instruction the same bits would take a library call per product.)
//  - tanh and exp are polynomials in such arithmetic: tanh within 1e-7 of the true value
//    (absolute), exp within 2e-7 (relative).
#pragma once

#include <cstddef>
#include <cstdint>

// No other header here and no function with a body: the files compiled for AVX-512 include this
// one, and the linker may keep their copy of an inline function for every machine.

namespace rlmm {

enum class Activation : std::uint8_t { kTanh, kRelu, kSilu, kNone };

// Outputs of a layer come in panels of so many; storage is padded to whole panels.
inline constexpr std::size_t kPanel = 16;
inline constexpr std::size_t kCacheLineBytes = 64;

// Weights by panel, then input, then output within the panel; both arrays start on a cache line.
struct LayerView {
  const float* weights;
  const float* bias;
  std::size_t n_inputs;
  std::size_t n_panels;
  Activation activation;
};

// Rows of floats, `stride` apart.
struct Rows {
  const float* data;
  std::size_t stride;
  std::size_t n;
};

struct Kernels {
  const char* name;
  // Writes whole panels: rows of `out` start on a cache line and are `out_stride` apart.
  void (*layer)(const LayerView& layer, const Rows& in, float* out, std::size_t out_stride);
  // out[i] = exp(in[i] - shift), kept from falling below exp(-87); reads and writes whole panels.
  void (*exponentials)(const float* in, float shift, float* out, std::size_t n_panels);
  // out[i] = tanh(in[i]); whole panels.
  void (*hyperbolic_tangents)(const float* in, float* out, std::size_t n_panels);
};

extern const Kernels kPlainKernels;
#if defined(RLMM_X86_KERNELS)
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
#endif

}  // namespace rlmm
