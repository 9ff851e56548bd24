#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <set>
#include <vector>

#include "check.h"
#include "rng.h"
#include "statistics.h"

namespace rlmm {
namespace {

constexpr std::uint64_t kAll = ~std::uint64_t{0};

Stream stream_of(std::uint64_t seed) { return {{seed, 1}, 0, Purpose::kMid}; }

double normal_above(double x) { return 0.5 * std::erfc(x / std::numbers::sqrt2); }

// The numbers are numpy's; it adds 1 to its 256-bit counter before the first block:
//   python -c "import numpy as np; u = lambda *x: np.array(x, dtype=np.uint64); m = 2**64 - 1
//   for k, c in [(u(0, 0), u(m, m, m, m)),
//                (u(0x0123456789abcdef, 0xfedcba9876543210), u(5, 7, 3, 0)),
//                (u(m, m), u(m - 1, m, m, m))]:
//       print([hex(x) for x in np.random.Philox(key=k, counter=c).random_raw(8)])"
TEST("philox: numpy's known answers") {
  CHECK_EQ(philox4x64({0, 0, 0, 0}, {0, 0}), (PhiloxBlock{0x16554d9eca36314c, 0xdb20fe9d672d0fdc,
                                                          0xd7e772cee186176b, 0x7e68b68aec7ba23b}));
  CHECK_EQ(philox4x64({1, 0, 0, 0}, {0, 0}), (PhiloxBlock{0x02f4ba6408e4d89b, 0x3dd62b0b9ca8c5b2,
                                                          0x1c8667a55d902e79, 0x907d7a052fd5b4dc}));
  CHECK_EQ(philox4x64({6, 7, 3, 0}, {0x0123456789abcdef, 0xfedcba9876543210}),
           (PhiloxBlock{0x42b1d7790024cd3c, 0x4fcf2fd93b00c048, 0x9f1c1d0218b7b1d7,
                        0x98af2fd1165002bc}));
  CHECK_EQ(philox4x64({kAll, kAll, kAll, kAll}, {kAll, kAll}),
           (PhiloxBlock{0x87b092c3013fe90b, 0x438c3c67be8d0224, 0x9cc7d7c69cd777b6,
                        0xa09caebf594f0ba0}));
}

// Counter = (block, episode, purpose, 0), so words 24 to 31 of episode 7, purpose 3 are blocks 6
// and 7 of the second row above.
TEST("stream: its words are philox blocks counted from 0") {
  Stream stream({0x0123456789abcdef, 0xfedcba9876543210}, 7, Purpose::kRegime);
  for (int i = 0; i < 24; ++i) stream.word();
  for (const std::uint64_t expected :
       {0x42b1d7790024cd3cU, 0x4fcf2fd93b00c048U, 0x9f1c1d0218b7b1d7U, 0x98af2fd1165002bcU,
        0x1f0f5e696bb650f0U, 0xb78762e340ad5b77U, 0x85fcb2adb8367f09U, 0x27409d39ff3cde6bU}) {
    CHECK_EQ(stream.word(), expected);
  }
}

TEST("stream: another key, episode or purpose shares no word; the same name repeats") {
  std::set<std::uint64_t> seen;
  std::size_t drawn = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    for (const std::uint64_t high : {0U, 1U}) {
      for (std::uint64_t episode = 0; episode < 3; ++episode) {
        for (std::uint64_t purpose = 0; purpose <= 10; ++purpose) {
          Stream stream({seed, high}, episode, static_cast<Purpose>(purpose));
          for (int i = 0; i < 8; ++i, ++drawn) seen.insert(stream.word());
        }
      }
    }
  }
  CHECK_EQ(seen.size(), drawn);
  Stream first({7, 8}, 9, Purpose::kJump);
  Stream again({7, 8}, 9, Purpose::kJump);
  for (int i = 0; i < 100; ++i) CHECK_EQ(first.word(), again.word());
}

// Mean 1/2, variance 1/12, fourth central moment 1/80, equal cells, independent neighbours.
TEST("uniform: moments, cells, open ends") {
  Stream stream = stream_of(1);
  Sample sample;
  std::vector<std::int64_t> cells(64, 0);
  for (int i = 0; i < 1'000'000; ++i) {
    const double u = stream.uniform();
    CHECK(u > 0.0 && u < 1.0);
    ++cells[static_cast<std::size_t>(u * 64.0)];
    sample.add(u);
  }
  CHECK_NEAR(sample.mean(), 0.5, kSigmas * sample.mean_error());
  CHECK_NEAR(sample.variance(), 1.0 / 12.0, kSigmas * sample.variance_error());
  CHECK_NEAR(sample.moment(4), 1.0 / 80.0, 1e-4);
  CHECK_NEAR(sample.lag_correlation(), 0.0, kSigmas / std::sqrt(sample.count()));
  CHECK_NEAR(chi_square_sigmas(cells, std::vector<double>(64, 1.0 / 64.0)), 0.0, kSigmas);
}

// A central moment and the variance of its estimate, times the number of draws.
struct Moment {
  double value;
  double variance_n;
};

// Mean, variance, third moment and so on; neighbours independent.
void check_moments(const Sample& sample, const std::vector<Moment>& moments) {
  const double root_n = std::sqrt(sample.count());
  CHECK_NEAR(sample.mean(), moments[0].value, kSigmas * std::sqrt(moments[0].variance_n) / root_n);
  for (std::size_t i = 1; i < moments.size(); ++i) {
    CHECK_NEAR(sample.moment(static_cast<int>(i) + 1), moments[i].value,
               kSigmas * std::sqrt(moments[i].variance_n) / root_n);
  }
  CHECK_NEAR(sample.lag_correlation(), 0.0, kSigmas / root_n);
}

TEST("normal: moments and independence") {
  Stream stream = stream_of(2);
  Sample sample;
  for (int i = 0; i < 1'000'000; ++i) sample.add(stream.normal());
  check_moments(sample, {{0.0, 1.0}, {1.0, 2.0}, {0.0, 15.0}, {3.0, 96.0}});
}

// Cells of width 1/8 from -5 to 5 against differences of erfc: a seam between two layers of the
// ziggurat, or between its base and the tail (3.654), would show.
TEST("normal: the whole density") {
  Stream stream = stream_of(3);
  constexpr int kCells = 80;
  std::vector<std::int64_t> counts(kCells + 2, 0);
  for (int i = 0; i < 4'000'000; ++i) {
    const double cell = std::floor((stream.normal() + 5.0) * 8.0);
    ++counts[static_cast<std::size_t>(std::clamp(cell, -1.0, double{kCells}) + 1.0)];
  }
  std::vector<double> probabilities = {normal_above(5.0)};
  for (int i = 0; i < kCells; ++i) {
    probabilities.push_back(normal_above(i / 8.0 - 5.0) - normal_above((i + 1) / 8.0 - 5.0));
  }
  probabilities.push_back(normal_above(5.0));
  CHECK_NEAR(chi_square_sigmas(counts, probabilities), 0.0, kSigmas);
}

TEST("normal: tails on both sides") {
  Stream stream = stream_of(4);
  constexpr int kDraws = 4'000'000;
  constexpr std::array<double, 4> kBeyond = {3.0, 3.654152885361009, 4.0, 4.5};
  std::array<int, 4> above{};
  std::array<int, 4> below{};
  for (int i = 0; i < kDraws; ++i) {
    const double z = stream.normal();
    for (std::size_t k = 0; k < 4; ++k) {
      if (z > kBeyond[k]) ++above[k];
      if (z < -kBeyond[k]) ++below[k];
    }
  }
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK_FREQUENCY(above[k], kDraws, normal_above(kBeyond[k]));
    CHECK_FREQUENCY(below[k], kDraws, normal_above(kBeyond[k]));
    CHECK(above[k] > 0 && below[k] > 0);
  }
}

// Mean 1, variance 1, third central moment 2; P(x > t) = exp(-t), the tail (7.697) included.
TEST("exponential: moments and tails") {
  Stream stream = stream_of(5);
  Sample sample;
  for (int i = 0; i < 1'000'000; ++i) sample.add(stream.exponential());
  check_moments(sample, {{1.0, 1.0}, {1.0, 8.0}, {2.0, 261.0}});
  constexpr int kDraws = 4'000'000;
  std::vector<std::int64_t> counts(128, 0);  // cells of width 1/8, the last one open
  int tail = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = stream.exponential();
    CHECK(x >= 0.0);
    ++counts[static_cast<std::size_t>(std::min(x * 8.0, 127.0))];
    tail += x > 7.697117470131049 ? 1 : 0;
  }
  std::vector<double> probabilities(128, std::exp(-127 / 8.0));
  for (std::size_t i = 0; i < 127; ++i) {
    const auto left = static_cast<double>(i) / 8.0;
    probabilities[i] = std::exp(-left) - std::exp(-(left + 0.125));
  }
  CHECK_NEAR(chi_square_sigmas(counts, probabilities), 0.0, kSigmas);
  CHECK_FREQUENCY(tail, kDraws, std::exp(-7.697117470131049));
  CHECK(tail > 0);
}

// A strip between two heights and left of the outer edge has the same area in every layer, and the
// topmost one closes at density 1 (to the precision of the published constants).
void check_ziggurat(const Ziggurat& ziggurat, double start, double area) {
  CHECK_NEAR(ziggurat.edge[1], start, 0.0);
  CHECK_NEAR(ziggurat.edge[0] * ziggurat.height[1], area, 1e-12);  // base strip with the tail
  for (std::size_t i = 1; i < Ziggurat::kLayers; ++i) {
    CHECK(ziggurat.edge[i] > ziggurat.edge[i + 1]);
    CHECK_NEAR(ziggurat.edge[i] * (ziggurat.height[i + 1] - ziggurat.height[i]), area, 1e-9);
    CHECK_NEAR(ziggurat.edge_per_step[i] * 0x1p52, ziggurat.edge[i], 0.0);
  }
  CHECK_NEAR(ziggurat.height[Ziggurat::kLayers], 1.0, 0.0);
}

TEST("ziggurats: layers of equal area that close at the top") {
  check_ziggurat(kNormalZiggurat, 3.6541528853610088, 0.00492867323399);
  check_ziggurat(kExponentialZiggurat, 7.69711747013104972, 0.0039496598225815571993);
}

// Mean = variance = m, fourth central moment m + 3 m^2; probabilities by their recursion
// p(k) = p(k - 1) m / k from p(0), taken in logarithms.
void check_poisson(double mean, int draws) {
  Stream stream = stream_of(static_cast<std::uint64_t>(mean * 100.0) + 6);
  const double low = std::floor(std::max(0.0, mean - 8.0 * std::sqrt(mean)));
  const auto cells = static_cast<std::size_t>(16.0 * std::sqrt(mean) + 30.0);
  std::vector<std::int64_t> counts(cells, 0);
  Sample sample;
  for (int i = 0; i < draws; ++i) {
    const std::int64_t k = stream.poisson(mean);
    CHECK(k >= 0);
    const double cell = static_cast<double>(k) - low;
    CHECK(cell >= 0.0 && cell < static_cast<double>(cells));
    if (cell >= 0.0 && cell < static_cast<double>(cells)) ++counts[static_cast<std::size_t>(cell)];
    sample.add(static_cast<double>(k));
  }
  std::vector<double> probabilities(cells);
  double log_p = -mean;
  for (double k = 1.0; k <= low; k += 1.0) log_p += std::log(mean / k);
  for (std::size_t i = 0; i < cells; ++i) {
    probabilities[i] = std::exp(log_p);
    log_p += std::log(mean / (low + static_cast<double>(i) + 1.0));
  }
  CHECK_NEAR(chi_square_sigmas(counts, probabilities), 0.0, kSigmas);
  const double n = sample.count();
  CHECK_NEAR(sample.mean(), mean, kSigmas * std::sqrt(mean / n));
  CHECK_NEAR(sample.variance(), mean, kSigmas * std::sqrt((mean + 2.0 * mean * mean) / n));
}

TEST("poisson: few expected, by counting arrivals") {
  for (const double mean : {0.05, 1.0, 5.0, 11.99}) check_poisson(mean, 200'000);
  Stream stream = stream_of(6);
  for (int i = 0; i < 1000; ++i) CHECK_EQ(stream.poisson(0.0), 0);
}

// From 12 on, by transformed rejection; small k of the first means use the table of ln k!, the
// others Stirling's series.
TEST("poisson: many expected, by transformed rejection") {
  for (const double mean : {12.0, 15.5, 40.0, 1000.0, 250'000.0}) check_poisson(mean, 400'000);
}

// PTRS as published, in the same order of draws; its constants are too fine for frequencies alone.
std::int64_t poisson_as_published(Stream& stream, double mu) {
  const double b = 0.931 + 2.53 * std::sqrt(mu);
  const double a = -0.059 + 0.02483 * b;
  const double v_r = 0.9277 - 3.6224 / (b - 2.0);
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  for (;;) {
    const double u = stream.uniform() - 0.5;
    const double v = stream.uniform();
    const double u_s = 0.5 - std::fabs(u);
    const double k = std::floor((2.0 * a / u_s + b) * u + mu + 0.43);
    if (u_s >= 0.07 && v <= v_r) return std::llround(k);
    if (k < 0.0 || (u_s < 0.013 && v > u_s)) continue;
    const double left = std::log(v) + std::log(inverse_alpha) - std::log(a / (u_s * u_s) + b);
    if (left <= -mu + k * std::log(mu) - std::lgamma(k + 1.0)) return std::llround(k);
  }
}

TEST("poisson: draw for draw as published") {
  for (const double mean : {12.0, 20.0, 300.0, 1e7}) {
    Stream stream = stream_of(8);
    Stream twin = stream_of(8);
    for (int i = 0; i < 20'000; ++i) {
      CHECK_EQ(stream.poisson(mean), poisson_as_published(twin, mean));
    }
  }
}

TEST("below: uniform on 0 .. n - 1, also where 2^64 is far from a multiple of n") {
  Stream stream = stream_of(7);
  for (int i = 0; i < 100; ++i) CHECK_EQ(stream.below(1), 0U);
  for (const std::uint64_t n : {2U, 6U, 1000U}) {
    std::vector<std::int64_t> counts(n, 0);
    for (int i = 0; i < 200'000; ++i) ++counts[stream.below(n)];
    CHECK_NEAR(chi_square_sigmas(counts, std::vector<double>(n, 1.0 / static_cast<double>(n))), 0.0,
               kSigmas);
  }
  // n = 3 x 2^62: without the rejection of every fourth word, a third of the range would be drawn
  // twice as often as the rest.
  constexpr std::uint64_t kMany = std::uint64_t{3} << 62U;
  std::vector<std::int64_t> residues(3, 0);
  std::vector<std::int64_t> thirds(3, 0);
  for (int i = 0; i < 200'000; ++i) {
    const std::uint64_t drawn = stream.below(kMany);
    CHECK(drawn < kMany);
    ++residues[drawn % 3];
    ++thirds[drawn >> 62U];
  }
  const std::vector<double> equal(3, 1.0 / 3.0);
  CHECK_NEAR(chi_square_sigmas(residues, equal), 0.0, kSigmas);
  CHECK_NEAR(chi_square_sigmas(thirds, equal), 0.0, kSigmas);
}

}  // namespace
}  // namespace rlmm
