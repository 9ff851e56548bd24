// A multilayer perceptron in float32: hidden layers with one activation, a linear last layer.
//
// Contract
//  - Weights come as one flat array, layer by layer: kernel (inputs, outputs) in row-major order,
//    as Keras has it, then bias (outputs,). They are copied; every one must be finite.
//  - A row's outputs depend on that row alone, bit for bit (see policy/kernels.h): not on the
//    number of rows, the instruction set or the thread.
//  - `forward` is const and may run in several threads, each with buffers of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "policy/aligned.h"
#include "policy/kernels.h"

namespace rlmm {

// Values of hidden layers' activations in Python.
inline constexpr std::array<const char*, 3> enum_names(Activation) {
  return {"tanh", "relu", "silu"};
}

struct MlpShape {
  std::int64_t input_width = 0;
  std::vector<std::int64_t> hidden_widths;
  std::int64_t output_width = 0;
  Activation activation = Activation::kTanh;

  // Throws std::invalid_argument that begins with `name`.
  void validate(const std::string& name) const;
  std::size_t weight_count() const;
};

class Mlp {
 public:
  // What flows through a network of this shape, for up to `n_rows` rows.
  class Buffers {
   public:
    Buffers() = default;
    Buffers(const Mlp& mlp, std::size_t n_rows);

   private:
    friend class Mlp;
    AlignedFloats halves_[2];
  };

  // `name` is the array's in messages. `kernels` must outlive the network.
  Mlp(const MlpShape& shape, std::span<const float> weights, const Kernels& kernels,
      const std::string& name);

  // Outputs of all rows, in `buffers`: rows `output_stride()` floats apart, valid until the next
  // call. At most as many rows as the buffers are for.
  const float* forward(const Rows& in, Buffers& buffers) const;

  std::size_t output_stride() const { return padded(output_width_); }

 private:
  struct Layer {
    AlignedFloats weights;
    AlignedFloats bias;
    std::size_t n_inputs;
    std::size_t n_outputs;
    Activation activation;
  };
  const float* add_layer(std::size_t n_inputs, std::size_t n_outputs, Activation activation,
                         const float* weights);

  const Kernels* kernels_;
  std::vector<Layer> layers_;
  std::size_t output_width_ = 0;
  std::size_t widest_ = 0;  // padded
};

}  // namespace rlmm
