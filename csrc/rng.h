// Counter-based random numbers: Philox4x64-10 (Salmon, Moraes, Dror, Shaw, SC 2011).
//
// A stream is named by (key of the environment, episode, purpose). Streams never overlap, because
// the name is part of the counter; and what one purpose draws never moves another, so that two
// agents in the same market see the same exogenous draws. No std::*_distribution is used: the same
// seed gives the same draws with every standard library.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace rlmm {

struct SeedKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

// What a stream is for. The numbers are part of every result: never reorder, only append.
enum class Purpose : std::uint64_t {
  kReset = 0,        // initial inventory and regime
  kMid = 1,          // diffusion of the mid price
  kJump = 2,         // number and size of mid jumps
  kRegime = 3,       // regime switching
  kSellArrival = 4,  // clock of market sell orders
  kBuyArrival = 5,   // clock of market buy orders
  kSellMark = 6,     // how deep a market sell order reaches
  kBuyMark = 7,      // how deep a market buy order reaches
  kFeedLatency = 8,
  kEntryLatency = 9,
  kResponseLatency = 10,
  kFlow = 11,            // the words of each event of a book's order flow
  kEfficientPrice = 12,  // moves of the hidden price that informed orders follow
  kFarBids = 13,         // what lies on price levels that come into reach
  kFarAsks = 14,
  kPolicy = 15,       // one decision of a policy; the decision's number stands for the episode
  kReplayStart = 16,  // when in a recording an episode starts
};

using PhiloxBlock = std::array<std::uint64_t, 4>;

// The bare bijection; equals numpy.random.Philox on the same key and counter.
PhiloxBlock philox4x64(PhiloxBlock counter, SeedKey key);

// Right edges and densities of a ziggurat of 256 layers of equal area (Marsaglia & Tsang 2000, in
// the form of Doornik 2005). Layer 0 is the base strip with the tail; its edge is widened so that
// a point right of the strip's true edge stands for the tail.
struct Ziggurat {
  static constexpr std::uint64_t kLayers = 256;
  static constexpr unsigned kLayerBits = 8;

  Ziggurat(double start, double area, double (*density)(double), double (*inverse)(double));

  std::array<double, kLayers + 1> edge{};
  std::array<double, kLayers + 1> edge_per_step{};  // edge x 2^-52
  std::array<double, kLayers + 1> height{};
};

extern const Ziggurat kNormalZiggurat;
extern const Ziggurat kExponentialZiggurat;

class Stream {
 public:
  Stream() = default;
  Stream(SeedKey key, std::uint64_t episode, Purpose purpose)
      : key_(key), episode_(episode), purpose_(static_cast<std::uint64_t>(purpose)) {}

  std::uint64_t word() {
    if (used_ == kWords) refill();
    return buffer_[used_++];
  }

  // Uniform on the open interval (0, 1), 52 bits: neither end is ever drawn, so log() is safe.
  double uniform() { return (mantissa(word()) + 0.5) * 0x1p-52; }

  // Uniform integer in [0, n), exactly (Lemire 2019). n >= 1.
  std::uint64_t below(std::uint64_t n);

  // Mean 0, variance 1.
  double normal() {
    const std::uint64_t bits = word();
    const std::uint64_t layer = bits & (Ziggurat::kLayers - 1);
    const double x = mantissa(bits) * kNormalZiggurat.edge_per_step[layer];
    if (x < kNormalZiggurat.edge[layer + 1]) [[likely]] {
      return with_sign_of(x, bits);
    }
    return normal_at_edge(bits, x);
  }

  // Mean 1, never exactly 0: a clock that has just been set has some time left.
  double exponential() {
    const std::uint64_t bits = word();
    const std::uint64_t layer = bits & (Ziggurat::kLayers - 1);
    const double x = (mantissa(bits) + 0.5) * kExponentialZiggurat.edge_per_step[layer];
    if (x < kExponentialZiggurat.edge[layer + 1]) [[likely]] {
      return x;
    }
    return exponential_at_edge(layer, x);
  }

  std::int64_t poisson(double mean);  // mean >= 0

  // Whether a stream read back from bytes can be drawn from.
  bool sound() const { return used_ <= kWords; }

 private:
  static constexpr std::uint64_t kWords = 4;

  // The upper 52 bits as a number; signed on the way, which is one instruction and not a branch.
  static double mantissa(std::uint64_t bits) {
    return static_cast<double>(static_cast<std::int64_t>(bits >> 12U));
  }
  // The bit after the layer's is the sign.
  static double with_sign_of(double x, std::uint64_t bits) {
    const std::uint64_t sign = (bits >> Ziggurat::kLayerBits) << 63U;
    return std::bit_cast<double>(std::bit_cast<std::uint64_t>(x) | sign);
  }

  void refill();
  double normal_at_edge(std::uint64_t bits, double x);
  double normal_tail(std::uint64_t bits);
  double exponential_at_edge(std::uint64_t layer, double x);

  SeedKey key_{};
  std::uint64_t episode_ = 0;
  std::uint64_t purpose_ = 0;
  std::uint64_t block_ = 0;
  PhiloxBlock buffer_{};
  std::uint64_t used_ = kWords;  // 64 bits wide: a stream has no padding, its bytes are its value
};

}  // namespace rlmm
