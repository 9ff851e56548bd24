#include "rng.h"

#include <cmath>

namespace rlmm {
namespace {

constexpr double kNormalStart = 3.6541528853610088;
constexpr double kNormalArea = 0.00492867323399;
constexpr double kExponentialStart = 7.69711747013104972;
constexpr double kExponentialArea = 0.0039496598225815571993;

double normal_density(double x) { return std::exp(-0.5 * x * x); }
double normal_density_inverse(double y) { return std::sqrt(-2.0 * std::log(y)); }
double exponential_density(double x) { return std::exp(-x); }
double exponential_density_inverse(double y) { return -std::log(y); }

// ln(k!): a table for small k, Stirling's series beyond (error below 1e-12 from k = 16 on).
// std::lgamma would write to a global and is not the same in every C library.
struct LogFactorial {
  static constexpr unsigned kTable = 16;
  std::array<double, kTable> table{};

  LogFactorial() {
    for (unsigned k = 2; k < kTable; ++k) table[k] = table[k - 1] + std::log(k);
  }

  double operator()(double k) const {
    if (k < kTable) return table[static_cast<unsigned>(k)];
    constexpr double kHalfLogTwoPi = 0.91893853320467274178;
    const double inverse = 1.0 / k;
    const double square = inverse * inverse;
    const double series = (1.0 / 12.0 - square * (1.0 / 360.0 - square / 1260.0)) * inverse;
    return (k + 0.5) * std::log(k) - k + kHalfLogTwoPi + series;
  }
};

const LogFactorial kLogFactorial;

struct Product {
  std::uint64_t high;
  std::uint64_t low;
};

Product multiply(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return {static_cast<std::uint64_t>(product >> 64U), static_cast<std::uint64_t>(product)};
}

}  // namespace

Ziggurat::Ziggurat(double start, double area, double (*density)(double),
                   double (*inverse)(double)) {
  edge[0] = area / density(start);
  edge[1] = start;
  for (std::size_t i = 2; i < kLayers; ++i) {
    edge[i] = inverse(area / edge[i - 1] + density(edge[i - 1]));
  }
  edge[kLayers] = 0.0;
  for (std::size_t i = 0; i <= kLayers; ++i) {
    edge_per_step[i] = edge[i] * 0x1p-52;
    height[i] = density(edge[i]);
  }
}

const Ziggurat kNormalZiggurat(kNormalStart, kNormalArea, normal_density, normal_density_inverse);
const Ziggurat kExponentialZiggurat(kExponentialStart, kExponentialArea, exponential_density,
                                    exponential_density_inverse);

PhiloxBlock philox4x64(PhiloxBlock counter, SeedKey key) {
  constexpr std::uint64_t kMultiplier0 = 0xD2E7470EE14C6C93;
  constexpr std::uint64_t kMultiplier1 = 0xCA5A826395121157;
  constexpr std::uint64_t kWeyl0 = 0x9E3779B97F4A7C15;
  constexpr std::uint64_t kWeyl1 = 0xBB67AE8584CAA73B;
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    const Product first = multiply(kMultiplier0, counter[0]);
    const Product second = multiply(kMultiplier1, counter[2]);
    counter = {second.high ^ counter[1] ^ key.low, second.low, first.high ^ counter[3] ^ key.high,
               first.low};
    key.low += kWeyl0;
    key.high += kWeyl1;
  }
  return counter;
}

void Stream::refill() {
  buffer_ = philox4x64({block_, episode_, purpose_, 0}, key_);
  ++block_;
  used_ = 0;
}

std::uint64_t Stream::below(std::uint64_t n) {
  Product product = multiply(word(), n);
  if (product.low < n) {
    const std::uint64_t rejected_below = (0 - n) % n;
    while (product.low < rejected_below) product = multiply(word(), n);
  }
  return product.high;
}

// The draw `x` of layer bits & 255 was not inside the layer below.
double Stream::normal_at_edge(std::uint64_t bits, double x) {
  const Ziggurat& ziggurat = kNormalZiggurat;
  for (;;) {
    const std::uint64_t layer = bits & (Ziggurat::kLayers - 1);
    if (x < ziggurat.edge[layer + 1]) return with_sign_of(x, bits);
    if (layer == 0) return normal_tail(bits);
    const double low = ziggurat.height[layer];
    const double high = ziggurat.height[layer + 1];
    if (low + uniform() * (high - low) < normal_density(x)) return with_sign_of(x, bits);
    bits = word();
    x = mantissa(bits) * ziggurat.edge_per_step[bits & (Ziggurat::kLayers - 1)];
  }
}

// Beyond the start of the tail: Marsaglia's exact method (1964).
double Stream::normal_tail(std::uint64_t bits) {
  for (;;) {
    const double x = -std::log(uniform()) / kNormalStart;
    const double y = -std::log(uniform());
    if (2.0 * y > x * x) return with_sign_of(kNormalStart + x, bits);
  }
}

double Stream::exponential_at_edge(std::uint64_t layer, double x) {
  const Ziggurat& ziggurat = kExponentialZiggurat;
  double offset = 0.0;
  for (;;) {
    if (x < ziggurat.edge[layer + 1]) return offset + x;
    if (layer == 0) {
      offset += kExponentialStart;  // the tail of an exponential is the exponential again
    } else {
      const double low = ziggurat.height[layer];
      const double high = ziggurat.height[layer + 1];
      if (low + uniform() * (high - low) < exponential_density(x)) return offset + x;
    }
    const std::uint64_t bits = word();
    layer = bits & (Ziggurat::kLayers - 1);
    x = (mantissa(bits) + 0.5) * ziggurat.edge_per_step[layer];
  }
}

std::int64_t Stream::poisson(double mean) {
  // Few expected: count unit-rate arrivals. Many: Hoermann's transformed rejection PTRS (1993).
  constexpr double kManyFrom = 12.0;
  if (mean < kManyFrom) {
    std::int64_t count = 0;
    for (double at = exponential(); at <= mean; at += exponential()) ++count;
    return count;
  }
  const double log_mean = std::log(mean);
  const double b = 0.931 + 2.53 * std::sqrt(mean);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double v_r = 0.9277 - 3.6224 / (b - 2.0);
  for (;;) {
    const double u = uniform() - 0.5;
    const double v = uniform();
    const double u_s = 0.5 - std::fabs(u);
    const double k = std::floor((2.0 * a / u_s + b) * u + mean + 0.43);
    if (u_s >= 0.07 && v <= v_r) return static_cast<std::int64_t>(k);
    if (k < 0.0 || (u_s < 0.013 && v > u_s)) continue;
    const double accept = std::log(v * inverse_alpha / (a / (u_s * u_s) + b));
    if (accept <= k * log_mean - mean - kLogFactorial(k)) return static_cast<std::int64_t>(k);
  }
}

}  // namespace rlmm
