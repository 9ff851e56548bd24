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

bool all_one(Float8 x) {
  const Int8 differ = std::bit_cast<Int8>(x) ^ std::bit_cast<Int8>(splat(1.0F));
  for (std::size_t i = 0; i < kLanes; ++i) {
    if (differ[i] != 0) return false;
  }
  return true;
}

}  // namespace

TEST("lanes: exp is right to two units") {
  CHECK(worst(exp_error, -86.99, 0.0, 1.7e-4) < 2.0 * kUlp);
  CHECK(worst(exp_error, -1e-3, 0.0, 1e-8) < 2.0 * kUlp);
  CHECK(worst(exp_error, 0.0, 80.0, 1.3e-3) < 2.0 * kUlp);  // a negative tilt asks for these
}

TEST("lanes: exp of the ends") {
  const float infinite = std::numeric_limits<float>::infinity();
  const Float8 far = exp_of(Float8{-87.0F, -88.0F, -1e30F, -infinite, -87.0F, -1e9F, -1e9F, -1e9F});
  for (std::size_t i = 0; i < kLanes; ++i) CHECK_EQ(far[i], 0.0F);
  const Float8 none = exp_of(Float8{0.0F, -0.0F, 0.0F, -0.0F});
  CHECK(all_one(none));
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

TEST("lanes: the least of eight, in every order") {
  std::array<float, kLanes> values{1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F, 7.0F, 8.0F};
  do {
    const Float8 lanes = lanes_at(values.data());
    const auto least = std::ranges::min_element(values) - values.begin();
    CHECK_EQ(index_of_least(lanes), static_cast<std::size_t>(least));
    CHECK_EQ(least_of(lanes)[5], 1.0F);
  } while (std::ranges::next_permutation(values).found);
  const float never = std::numeric_limits<float>::infinity();
  Float8 one = splat(never);
  one[6] = 3.0F;
  CHECK_EQ(index_of_least(one), std::size_t{6});
  CHECK_EQ(index_of_least(splat(never)), std::size_t{0});
  CHECK_EQ(index_of_least(splat(0.0F)), std::size_t{0});
}

TEST("lanes: the sum of eight") {
  CHECK_EQ(sum_of(Float8{1.0F, 2.0F, 4.0F, 8.0F, 16.0F, 32.0F, 64.0F, 128.0F}), 255.0F);
  CHECK_EQ(sum_of(Int8{-1, 0, -1, 0, 0, 0, -1, -1}), -4);
}

}  // namespace rlmm
