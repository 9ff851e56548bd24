// The kernels, written once; each kernel file includes them with its own width of vectors.
#pragma once

#include "policy/kernels.h"
#include "policy/lanes.h"

namespace rlmm {
namespace {  // NOLINT(google-build-namespaces): each kernel file needs a copy of its own

inline constexpr std::size_t kVectorsPerPanel = kPanel / kLanes;

// How many rows and panels are worked on at once: as many sums as there are registers for, and for
// a single row enough of them to hide the latency of an addition.
#if defined(__AVX512F__)
inline constexpr std::size_t kTileRows = 4;
inline constexpr std::size_t kTilePanels = 4;
inline constexpr std::size_t kRowPanels = 4;
#elif defined(__AVX2__)
inline constexpr std::size_t kTileRows = 4;
inline constexpr std::size_t kTilePanels = 1;
inline constexpr std::size_t kRowPanels = 4;
#else
inline constexpr std::size_t kTileRows = 2;
inline constexpr std::size_t kTilePanels = 1;
inline constexpr std::size_t kRowPanels = 2;
#endif

template <Activation Kind>
RLMM_INLINE Lanes activated(Lanes sum) {
  if constexpr (Kind == Activation::kTanh) return tanh_of(sum);
  if constexpr (Kind == Activation::kRelu) return larger(sum, Lanes{});
  if constexpr (Kind == Activation::kSilu) return silu_of(sum);
  return sum;
}

// `RowCount` rows by `PanelCount` panels, starting at `panel`.
template <Activation Kind, std::size_t RowCount, std::size_t PanelCount>
RLMM_INLINE void tile(const LayerView& layer, std::size_t panel, const float* in,
                      std::size_t in_stride, float* out, std::size_t out_stride) {
  constexpr std::size_t kVectors = PanelCount * kVectorsPerPanel;
  const std::size_t panel_size = layer.n_inputs * kPanel;
  const float* const weights = layer.weights + panel * panel_size;
  const float* const bias = layer.bias + panel * kPanel;
  Lanes sum[RowCount][kVectors];
#pragma GCC unroll 8
  for (std::size_t r = 0; r < RowCount; ++r) {
#pragma GCC unroll 8
    for (std::size_t v = 0; v < kVectors; ++v) sum[r][v] = load(bias + v * kLanes);
  }
  for (std::size_t i = 0; i < layer.n_inputs; ++i) {
    Lanes weight[kVectors];
#pragma GCC unroll 8
    for (std::size_t v = 0; v < kVectors; ++v) {
      weight[v] = load(weights + (v / kVectorsPerPanel) * panel_size + i * kPanel +
                       (v % kVectorsPerPanel) * kLanes);
    }
#pragma GCC unroll 8
    for (std::size_t r = 0; r < RowCount; ++r) {
      const Lanes input = splat(in[r * in_stride + i]);
#pragma GCC unroll 8
      for (std::size_t v = 0; v < kVectors; ++v) sum[r][v] = sum[r][v] + weight[v] * input;
    }
  }
#pragma GCC unroll 8
  for (std::size_t r = 0; r < RowCount; ++r) {
#pragma GCC unroll 8
    for (std::size_t v = 0; v < kVectors; ++v) {
      store(out + r * out_stride + panel * kPanel + v * kLanes, activated<Kind>(sum[r][v]));
    }
  }
}

template <Activation Kind, std::size_t RowCount, std::size_t PanelCount>
RLMM_INLINE void panels_of_rows(const LayerView& layer, const float* in, std::size_t in_stride,
                                float* out, std::size_t out_stride) {
  std::size_t panel = 0;
  for (; panel + PanelCount <= layer.n_panels; panel += PanelCount) {
    tile<Kind, RowCount, PanelCount>(layer, panel, in, in_stride, out, out_stride);
  }
  if constexpr (PanelCount > 1) {
    for (; panel < layer.n_panels; ++panel) {
      tile<Kind, RowCount, 1>(layer, panel, in, in_stride, out, out_stride);
    }
  }
}

template <Activation Kind>
void layer_as(const LayerView& layer, const Rows& in, float* out, std::size_t out_stride) {
  std::size_t row = 0;
  for (; row + kTileRows <= in.n; row += kTileRows) {
    panels_of_rows<Kind, kTileRows, kTilePanels>(layer, in.data + row * in.stride, in.stride,
                                                 out + row * out_stride, out_stride);
  }
  for (; row < in.n; ++row) {
    panels_of_rows<Kind, 1, kRowPanels>(layer, in.data + row * in.stride, in.stride,
                                        out + row * out_stride, out_stride);
  }
}

void layer(const LayerView& layer, const Rows& in, float* out, std::size_t out_stride) {
  switch (layer.activation) {
    case Activation::kTanh:
      layer_as<Activation::kTanh>(layer, in, out, out_stride);
      break;
    case Activation::kRelu:
      layer_as<Activation::kRelu>(layer, in, out, out_stride);
      break;
    case Activation::kSilu:
      layer_as<Activation::kSilu>(layer, in, out, out_stride);
      break;
    case Activation::kNone:
      layer_as<Activation::kNone>(layer, in, out, out_stride);
      break;
  }
}

void exponentials(const float* in, float shift, float* out, std::size_t n_panels) {
  for (std::size_t i = 0; i < n_panels * kPanel; i += kLanes) {
    store(out + i, exp_of(larger(load(in + i) - shift, splat(-87.0F))));
  }
}

void hyperbolic_tangents(const float* in, float* out, std::size_t n_panels) {
  for (std::size_t i = 0; i < n_panels * kPanel; i += kLanes) {
    store(out + i, tanh_of(load(in + i)));
  }
}

}  // namespace
}  // namespace rlmm
