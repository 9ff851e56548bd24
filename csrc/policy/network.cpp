#include "policy/network.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace rlmm {
namespace {

// More is no policy but a mistake, and its sizes could overflow.
constexpr std::int64_t kWidthMax = 65'536;
constexpr std::size_t kHiddenLayersMax = 64;

void require_width(const std::string& name, std::int64_t width) {
  if (width >= 1 && width <= kWidthMax) return;
  throw std::invalid_argument(name + ": expected from 1 to " + std::to_string(kWidthMax) +
                              ", got " + std::to_string(width));
}

void require_finite(std::span<const float> weights, const std::string& name) {
  const auto bad =
      std::ranges::find_if_not(weights, [](float value) { return std::isfinite(value); });
  if (bad == weights.end()) return;
  throw std::invalid_argument(name + "[" + std::to_string(bad - weights.begin()) +
                              "]: expected a finite number, got " + std::to_string(*bad));
}

}  // namespace

void MlpShape::validate(const std::string& name) const {
  require_width(name + ".input_width", input_width);
  require_width(name + ".output_width", output_width);
  if (hidden_widths.size() > kHiddenLayersMax) {
    throw std::invalid_argument(name + ".hidden: expected at most " +
                                std::to_string(kHiddenLayersMax) + " layers, got " +
                                std::to_string(hidden_widths.size()));
  }
  for (const std::int64_t width : hidden_widths) require_width(name + ".hidden", width);
}

std::size_t MlpShape::weight_count() const {
  std::size_t count = 0;
  auto inputs = static_cast<std::size_t>(input_width);
  for (const std::int64_t width : hidden_widths) {
    const auto outputs = static_cast<std::size_t>(width);
    count += (inputs + 1) * outputs;
    inputs = outputs;
  }
  return count + (inputs + 1) * static_cast<std::size_t>(output_width);
}

Mlp::Mlp(const MlpShape& shape, std::span<const float> weights, const Kernels& kernels,
         const std::string& name)
    : kernels_(&kernels), output_width_(static_cast<std::size_t>(shape.output_width)) {
  shape.validate(name);
  if (weights.size() != shape.weight_count()) {
    throw std::invalid_argument(name + ": expected " + std::to_string(shape.weight_count()) +
                                " numbers, kernel and bias of each layer, got " +
                                std::to_string(weights.size()));
  }
  require_finite(weights, name);
  const float* next = weights.data();
  auto inputs = static_cast<std::size_t>(shape.input_width);
  for (const std::int64_t width : shape.hidden_widths) {
    const auto outputs = static_cast<std::size_t>(width);
    next = add_layer(inputs, outputs, shape.activation, next);
    inputs = outputs;
  }
  add_layer(inputs, output_width_, Activation::kNone, next);
}

const float* Mlp::add_layer(std::size_t n_inputs, std::size_t n_outputs, Activation activation,
                            const float* weights) {
  Layer layer{AlignedFloats(padded(n_outputs) * n_inputs), AlignedFloats(padded(n_outputs)),
              n_inputs, n_outputs, activation};
  for (std::size_t input = 0; input < n_inputs; ++input) {
    for (std::size_t output = 0; output < n_outputs; ++output) {
      const std::size_t panel = output / kPanel;
      layer.weights.data()[(panel * n_inputs + input) * kPanel + output % kPanel] = *weights++;
    }
  }
  std::copy_n(weights, n_outputs, layer.bias.data());
  widest_ = std::max(widest_, padded(n_outputs));
  layers_.push_back(std::move(layer));
  return weights + n_outputs;
}

// A panel more than the rows need: who reads the outputs may read whole panels from any of them.
Mlp::Buffers::Buffers(const Mlp& mlp, std::size_t n_rows)
    : halves_{AlignedFloats(mlp.widest_ * n_rows + kPanel),
              AlignedFloats(mlp.widest_ * n_rows + kPanel)} {}

const float* Mlp::forward(const Rows& in, Buffers& buffers) const {
  Rows rows = in;
  std::size_t half = 0;
  for (const Layer& layer : layers_) {
    float* const out = buffers.halves_[half].data();
    const std::size_t stride = padded(layer.n_outputs);
    const LayerView view{layer.weights.data(), layer.bias.data(), layer.n_inputs,
                         panels_for(layer.n_outputs), layer.activation};
    kernels_->layer(view, rows, out, stride);
    rows = {out, stride, in.n};
    half = 1 - half;
  }
  return rows.data;
}

}  // namespace rlmm
