// Networks against a naive one in double, and the arrays they refuse.
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "policies.h"
#include "policy/isa.h"
#include "policy/network.h"
#include "policy/normaliser.h"

namespace rlmm {
namespace {

double activated(Activation kind, double x) {
  if (kind == Activation::kTanh) return std::tanh(x);
  if (kind == Activation::kRelu) return std::max(x, 0.0);
  return kind == Activation::kSilu ? x / (1.0 + std::exp(-x)) : x;
}

std::vector<double> naive_forward(const MlpShape& shape, const std::vector<float>& weights,
                                  std::vector<double> x) {
  const float* w = weights.data();
  for (std::size_t layer = 0; layer <= shape.hidden_widths.size(); ++layer) {
    const bool last = layer == shape.hidden_widths.size();
    const std::int64_t width = last ? shape.output_width : shape.hidden_widths[layer];
    const auto n = static_cast<std::size_t>(width);
    std::vector<double> y(n);
    for (std::size_t j = 0; j < n; ++j) {
      y[j] = w[x.size() * n + j];
      for (std::size_t i = 0; i < x.size(); ++i) y[j] += x[i] * static_cast<double>(w[i * n + j]);
      y[j] = activated(last ? Activation::kNone : shape.activation, y[j]);
    }
    w += (x.size() + 1) * n;
    x = y;
  }
  return x;
}

void check_against_naive(const MlpShape& shape) {
  constexpr std::size_t kRows = 7;
  const auto width = static_cast<std::size_t>(shape.input_width);
  const std::vector<float> weights = random_floats(11, shape.weight_count(), 0.2);
  const std::vector<float> in = random_floats(12, kRows * width, 1.0);
  for (const Kernels* kernels : available_kernels()) {
    const Mlp mlp(shape, weights, *kernels, "actor");
    Mlp::Buffers buffers(mlp, kRows);
    const float* const out = mlp.forward({in.data(), width, kRows}, buffers);
    for (std::size_t row = 0; row < kRows; ++row) {
      const auto first = in.begin() + static_cast<std::ptrdiff_t>(row * width);
      const auto expected =
          naive_forward(shape, weights, {first, first + static_cast<std::ptrdiff_t>(width)});
      for (std::size_t j = 0; j < expected.size(); ++j) {
        const double size = 1.0 + std::fabs(expected[j]);
        CHECK_NEAR(out[row * mlp.output_stride() + j], expected[j], 2e-5 * size);
      }
    }
  }
}

TEST("a network equals a naive one in double") {
  check_against_naive({9, {64, 64}, 4, Activation::kTanh});
  check_against_naive({3, {256, 256}, 2, Activation::kRelu});
  check_against_naive({5, {33, 1, 100}, 130, Activation::kSilu});
  check_against_naive({20, {}, 1, Activation::kTanh});
}

TEST("silu keeps its limits") {
  const MlpShape shape{1, {1}, 1, Activation::kSilu};
  const std::vector<float> weights = {1.0F, 0.0F, 1.0F, 0.0F};
  const Mlp mlp(shape, weights, kernels_named("auto"), "actor");
  Mlp::Buffers buffers(mlp, 1);
  for (const float x : {-1e30F, -200.0F, 200.0F, 1e30F}) {
    CHECK_NEAR(*mlp.forward({&x, 1, 1}, buffers), std::max(x, 0.0F), 1e-5);
  }
}

TEST("weights that do not fit are refused by name") {
  const MlpShape shape{3, {4}, 2, Activation::kTanh};
  std::vector<float> weights(shape.weight_count(), 0.5F);
  CHECK_EQ(weights.size(), 4 * 4 + 5 * 2);
  const Kernels& kernels = kPlainKernels;
  weights.pop_back();
  CHECK_THROWS(Mlp(shape, weights, kernels, "value"), std::invalid_argument,
               "value: expected 26 numbers, kernel and bias of each layer, got 25");
  weights.push_back(std::numeric_limits<float>::quiet_NaN());
  CHECK_THROWS(Mlp(shape, weights, kernels, "actor"), std::invalid_argument,
               "actor[25]: expected a finite number");
  const MlpShape no_inputs{0, {4}, 2, Activation::kTanh};
  CHECK_THROWS(Mlp(no_inputs, weights, kernels, "actor"), std::invalid_argument,
               "actor.input_width: expected from 1");
  const MlpShape too_wide{3, {1'000'000}, 2, Activation::kTanh};
  CHECK_THROWS(Mlp(too_wide, weights, kernels, "actor"), std::invalid_argument, "actor.hidden");
  const MlpShape too_deep{3, std::vector<std::int64_t>(100, 1), 2, Activation::kTanh};
  CHECK_THROWS(Mlp(too_deep, weights, kernels, "actor"), std::invalid_argument,
               "actor.hidden: expected at most 64 layers, got 100");
}

TEST("the normaliser centres, scales and clips") {
  const std::vector<double> mean = {1.0, -2.0, 0.0};
  const std::vector<double> variance = {4.0, 0.0, 1e-12};
  const Normaliser normaliser(mean, variance, 0.25, 3.0);
  CHECK(normaliser.changes());
  CHECK(!Normaliser().changes());
  const std::vector<float> obs = {2.0F, -2.25F, 1e6F};
  std::vector<float> out(3);
  normaliser.apply(obs.data(), out.data());
  CHECK_NEAR(out[0], 1.0 / std::sqrt(4.25), 1e-7);
  CHECK_EQ(out[1], -0.5F);
  CHECK_EQ(out[2], 3.0F);
}

}  // namespace
}  // namespace rlmm
