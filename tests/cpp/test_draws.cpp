// The words and clocks of events: the fast form is the portable one, and no two events share any.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <set>

#include "check.h"
#include "flow/ars.h"
#include "flow/draws.h"
#include "rng.h"
#include "statistics.h"

namespace rlmm {
namespace {

using Draws = std::array<EventDraw, kDrawnTogether>;

bool same_bits(const EventDraw& a, const EventDraw& b) {
  const auto bits = [](float clock) { return std::bit_cast<std::uint32_t>(clock); };
  return a.words == b.words && std::ranges::equal(a.clocks, b.clocks, {}, bits, bits);
}

}  // namespace

TEST("draws: the fast form gives the portable one's bits") {
  Stream stream({9, 8}, 7, Purpose::kReset);
  for (int n = 0; n < 3000; ++n) {
    const SeedKey key{stream.word(), stream.word()};
    const std::uint64_t episode = stream.word() >> (8 + stream.below(56));
    const std::uint64_t first = (stream.word() >> (4 + stream.below(58))) / 8 * 8;
    Draws fast{};
    Draws portable{};
    draw_events(key, episode, first, fast);
    draw_events_portably(key, episode, first, portable);
    CHECK(std::ranges::equal(fast, portable, same_bits));
  }
}

TEST("draws: an event's words are four blocks of its own counters") {
  constexpr SeedKey kKey{11, 12};
  constexpr std::uint64_t kEpisode = 0x00AB'CDEF'0123'4567;
  constexpr std::uint64_t kFirst = (std::uint64_t{1} << 33U) + 16;
  Draws batch{};
  draw_events(kKey, kEpisode, kFirst, batch);
  for (std::size_t event = 0; event < kDrawnTogether; ++event) {
    for (std::size_t i = 0; i < 4; ++i) {
      const std::uint64_t block = 4 * (kFirst + event) + i;
      const ArsBlock words =
          ars4x32({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32U),
                   0x01234567, 0x0BABCDEF},  // purpose 11 above the episode's 56 bits
                  kKey);
      for (std::size_t w = 0; w < 4; ++w) CHECK_EQ(batch[event].words[4 * i + w], words[w]);
    }
  }
}

TEST("draws: no two events, episodes or keys share their words") {
  std::set<EventDraws> seen;
  std::size_t drawn = 0;
  const auto add = [&](SeedKey key, std::uint64_t episode, std::uint64_t first) {
    Draws batch{};
    draw_events(key, episode, first, batch);
    for (const EventDraw& draw : batch) seen.insert(draw.words);
    drawn += kDrawnTogether;
  };
  for (std::uint64_t n = 0; n < 100; ++n) {
    add({1, 2}, 0, 8 * n);
    add({1, 2}, n + 1, 0);
    add({n + 2, 2}, 0, 0);
    add({1, n + 3}, 0, 0);
    add({1, 2}, std::uint64_t{1} << (n % 56), 8 * (n + 1000));
  }
  CHECK_EQ(seen.size(), drawn);
}

TEST("draws: a clock is the exponential of its own word") {
  for (std::uint64_t first = 0; first < 8000; first += 8) {
    Draws batch{};
    draw_events({5, 6}, 7, first, batch);
    for (std::size_t event = 0; event < kDrawnTogether; ++event) {
      for (std::size_t i = 0; i <= kDecaysMax; ++i) {
        const double uniform = (static_cast<double>(batch[event].words[i] >> 1U) + 0.5) * 0x1p-31;
        // The uniform itself is a float: near 1 it is right to 2^-25.
        CHECK_NEAR(batch[event].clocks[i], -std::log(uniform), 1e-7 * (2.0 - std::log(uniform)));
      }
    }
  }
}

TEST("draws: clocks are exponential, uniforms uniform, and independent") {
  std::array<Sample, 3> clocks;
  std::vector<std::int64_t> cells(64, 0);
  Sample products;
  for (std::uint64_t first = 0; first < 80'000; first += 8) {
    Draws batch{};
    draw_events({7, 6}, 5, first, batch);
    for (std::size_t event = 0; event < kDrawnTogether; ++event) {
      for (std::size_t i = 0; i < 3; ++i) {
        clocks[i].add(batch[event].clocks[i == 2 ? 5 : i]);
      }
      products.add((batch[event].clocks[0] - 1.0F) * (batch[event].clocks[1] - 1.0F));
      ++cells[below(word_of(batch[event].words, Draw::kRefill), 64)];
    }
  }
  for (const Sample& clock : clocks) {
    CHECK_NEAR(clock.mean(), 1.0, kSigmas * clock.mean_error());
    CHECK_NEAR(clock.variance(), 1.0, kSigmas * clock.variance_error());
    CHECK_NEAR(clock.lag_correlation(), 0.0, kSigmas / std::sqrt(clock.count()));
  }
  CHECK_NEAR(products.mean(), 0.0, kSigmas * products.mean_error());
  CHECK(std::fabs(chi_square_sigmas(cells, std::vector<double>(64, 1.0 / 64))) < kSigmas);
}

TEST("draws: a uniform never reaches its ends") {
  CHECK_EQ(uniform_of(0), 0x1p-24F);
  CHECK_EQ(uniform_of(0xFFFFFFFF), 1.0F - 0x1p-24F);
  CHECK_EQ(below(0, 7), std::size_t{0});
  CHECK_EQ(below(0xFFFFFFFF, 7), std::size_t{6});
  CHECK_EQ(below(0x80000000, 1000), std::size_t{500});
}

}  // namespace rlmm
