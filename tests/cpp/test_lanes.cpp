// Four floats at a time against the library's doubles.
//
// The bounds checked here are what the grid shows, rounded up: relative errors of 2 x 2^-24 for
// exp and log, of 4 x 2^-24 for log(1 - x).
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "check.h"
#include "flow/lanes.h"

namespace rlmm {
namespace {

constexpr double kUlp = 0x1p-24;

double worst(double (*error)(float), double first, double last, double step) {
  double most = 0.0;
  for (double x = first; x <= last; x += step) {
    most = std::max(most, error(static_cast<float>(x)));
  }
  return most;
}

double exp_error(float x) {
  const double right = std::exp(static_cast<double>(x));
  return std::fabs(static_cast<double>(exp_of(splat(x))[0]) / right - 1.0);
}

double log_error(float x) {
  const double right = std::log(static_cast<double>(x));
  return std::fabs(static_cast<double>(log_of(splat(x))[2]) / right - 1.0);
}

double log_one_less_error(float x) {
  const double right = std::log1p(-static_cast<double>(x));
  return std::fabs(static_cast<double>(log_one_less(splat(x))[3]) / right - 1.0);
}

bool same_bits(Float4 a, Float4 b) {
  const Int4 differ = std::bit_cast<Int4>(a) ^ std::bit_cast<Int4>(b);
  return (differ[0] | differ[1] | differ[2] | differ[3]) == 0;
}

}  // namespace

TEST("lanes: exp is right to two units") {
  CHECK(worst(exp_error, -86.99, 0.0, 1.7e-4) < 2.0 * kUlp);
  CHECK(worst(exp_error, -1e-3, 0.0, 1e-8) < 2.0 * kUlp);
  CHECK(worst(exp_error, 0.0, 80.0, 1.3e-3) < 2.0 * kUlp);  // a negative tilt asks for these
}

TEST("lanes: exp of the ends") {
  const float infinite = std::numeric_limits<float>::infinity();
  const Float4 far = exp_of(Float4{-87.0F, -88.0F, -1e30F, -infinite});
  for (int i = 0; i < 4; ++i) CHECK_EQ(far[i], 0.0F);
  const Float4 none = exp_of(Float4{0.0F, -0.0F, 0.0F, -0.0F});
  CHECK(same_bits(none, splat(1.0F)));
  CHECK(exp_of(splat(-86.9F))[1] > 0.0F);
}

TEST("lanes: log is right to two units") {
  CHECK(worst(log_error, 1e-6, 0.999, 3.1e-6) < 2.0 * kUlp);
  CHECK(worst(log_error, 0.99, 0.9999999, 1e-7) < 2.0 * kUlp);
  CHECK(worst(log_error, 1.001, 50.0, 1.7e-4) < 2.0 * kUlp);
  double most = 0.0;  // all magnitudes of normal floats
  for (int e = -125; e < 127; ++e) most = std::max(most, log_error(std::ldexp(1.37F, e)));
  CHECK(most < 2.0 * kUlp);
  CHECK_EQ(log_of(splat(1.0F))[0], 0.0F);
}

TEST("lanes: log of one less keeps its digits near 0") {
  CHECK(worst(log_one_less_error, 1e-4, 0.99999, 1.1e-6) < 4.0 * kUlp);
  double most = 0.0;
  for (int e = -100; e < -1; ++e) {
    for (const float m : {1.0F, 1.1F, 1.4F, 1.99F}) {
      most = std::max(most, log_one_less_error(std::ldexp(m, e)));
    }
  }
  CHECK(most < 4.0 * kUlp);
  CHECK_EQ(log_one_less(splat(0.0F))[0], 0.0F);
  const float last = 1.0F - 0x1p-24F;
  CHECK_NEAR(log_one_less(splat(last))[1], -24.0 * std::log(2.0), 1e-5);
}

TEST("lanes: the least of four, in every order") {
  std::array<float, 4> values{1.0F, 2.0F, 3.0F, 4.0F};
  do {
    const Float4 lanes{values[0], values[1], values[2], values[3]};
    const auto least = std::ranges::min_element(values) - values.begin();
    CHECK_EQ(index_of_least(lanes), static_cast<std::size_t>(least));
  } while (std::ranges::next_permutation(values).found);
  const float never = std::numeric_limits<float>::infinity();
  CHECK_EQ(index_of_least(Float4{never, never, 1.0F, never}), std::size_t{2});
  CHECK_EQ(index_of_least(splat(never)), std::size_t{0});
}

}  // namespace rlmm
