// The arithmetic of every instruction set: error bounds, and the same bits from all of them.
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "check.h"
#include "policies.h"
#include "policy/aligned.h"
#include "policy/isa.h"

namespace rlmm {
namespace {

// Every binade of float, both signs, with mantissas spread over it; 0 and the infinities.
std::vector<float> floats_of_all_binades(std::uint32_t per_binade) {
  std::vector<float> values;
  for (std::uint32_t exponent = 0; exponent < 255; ++exponent) {
    for (std::uint32_t i = 0; i < per_binade; ++i) {
      const std::uint32_t mantissa = (i * 0x9E3779B1U) >> 9U;
      values.push_back(std::bit_cast<float>((exponent << 23U) | mantissa));
      values.push_back(-values.back());
    }
  }
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float edge : {0.625F, 9.0F, 9.5F, 0.0F, -0.0F, kInfinity, -kInfinity}) {
    values.push_back(edge);
  }
  values.resize(padded(values.size()), 0.5F);
  return values;
}

std::vector<float> tanh_by(const Kernels& kernels, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  kernels.hyperbolic_tangents(x.data(), y.data(), x.size() / kPanel);
  return y;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::bit_cast<std::uint32_t>(a[i]) != std::bit_cast<std::uint32_t>(b[i])) return false;
  }
  return true;
}

TEST("tanh is within 1e-7 everywhere, never beyond 1, odd, and keeps small numbers") {
  const std::vector<float> x = floats_of_all_binades(20'000);
  const std::vector<float> y = tanh_by(kPlainKernels, x);
  double worst = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    worst = std::max(worst, std::fabs(y[i] - std::tanh(static_cast<double>(x[i]))));
    CHECK(std::fabs(y[i]) <= 1.0F);
    if (std::fabs(x[i]) < 1e-4F) CHECK_EQ(y[i], x[i]);
    if (std::fabs(x[i]) > 9.1F) CHECK_EQ(y[i], std::copysign(1.0F, x[i]));
  }
  CHECK_NEAR(worst, 0.0, 1e-7);
  std::vector<float> mirrored = x;
  for (float& value : mirrored) value = -value;
  std::vector<float> expected = y;
  for (float& value : expected) value = -value;
  CHECK(same_bits(tanh_by(kPlainKernels, mirrored), expected));
}

TEST("exponentials are within 2e-7 of the value, and stop at exp(-87)") {
  std::vector<float> x;
  for (int i = 0; i <= 160'000; ++i) x.push_back(-static_cast<float>(i) * 0.0006F);
  x.resize(padded(x.size()), 0.0F);
  std::vector<float> y(x.size());
  for (const Kernels* kernels : available_kernels()) {
    kernels->exponentials(x.data(), 0.5F, y.data(), x.size() / kPanel);
    double worst = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double expected = std::exp(std::max(static_cast<double>(x[i] - 0.5F), -87.0));
      worst = std::max(worst, std::fabs(y[i] / expected - 1.0));
    }
    CHECK_NEAR(worst, 0.0, 2e-7);
  }
}

TEST("tanh has the same bits on every instruction set") {
  const std::vector<float> x = floats_of_all_binades(1'000);
  for (const Kernels* kernels : available_kernels()) {
    CHECK(same_bits(tanh_by(*kernels, x), tanh_by(kPlainKernels, x)));
  }
}

// One layer on `n_rows` rows, with an input stride wider than the row.
std::vector<float> layer_by(const Kernels& kernels, Activation activation, std::size_t n_inputs,
                            std::size_t n_panels, std::size_t n_rows) {
  const std::size_t stride = n_inputs + 3;
  const std::vector<float> weights = random_floats(5, n_inputs * n_panels * kPanel, 0.4);
  const std::vector<float> bias = random_floats(6, n_panels * kPanel, 0.4);
  const std::vector<float> in = random_floats(7, stride * n_rows, 1.0);
  AlignedFloats aligned_weights(weights.size());
  AlignedFloats aligned_bias(bias.size());
  std::copy(weights.begin(), weights.end(), aligned_weights.data());
  std::copy(bias.begin(), bias.end(), aligned_bias.data());
  AlignedFloats out(n_panels * kPanel * n_rows);
  kernels.layer({aligned_weights.data(), aligned_bias.data(), n_inputs, n_panels, activation},
                {in.data(), stride, n_rows}, out.data(), n_panels * kPanel);
  return {out.data(), out.data() + n_panels * kPanel * n_rows};
}

TEST("a layer has the same bits on every instruction set and for every number of rows") {
  constexpr std::size_t kMostRows = 9;
  for (const Activation activation :
       {Activation::kTanh, Activation::kRelu, Activation::kSilu, Activation::kNone}) {
    for (const std::size_t n_panels : {1U, 2U, 3U, 4U, 5U, 9U}) {
      for (const std::size_t n_inputs : {1U, 7U, 16U}) {
        const auto all = layer_by(kPlainKernels, activation, n_inputs, n_panels, kMostRows);
        for (const Kernels* kernels : available_kernels()) {
          for (std::size_t n_rows = 1; n_rows <= kMostRows; ++n_rows) {
            const auto end = all.begin() + static_cast<std::ptrdiff_t>(n_rows * n_panels * kPanel);
            const auto some = layer_by(*kernels, activation, n_inputs, n_panels, n_rows);
            CHECK(same_bits(some, {all.begin(), end}));
          }
        }
      }
    }
  }
}

TEST("kernels are found by name") {
  CHECK_EQ(std::string(kernels_named("plain").name), "plain");
  CHECK_EQ(&kernels_named("auto"), available_kernels().back());
  CHECK_THROWS(kernels_named("mmx"), std::invalid_argument, "isa: expected one of (auto, plain");
}

}  // namespace
}  // namespace rlmm
