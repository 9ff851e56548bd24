// The words and clocks of events: the fast form is the portable one, and no two events share any.
#include <cmath>
#include <cstring>
#include <set>

#include "check.h"
#include "flow/ars.h"
#include "flow/draws.h"
#include "rng.h"
#include "statistics.h"

namespace rlmm {
namespace {

bool same_bits(const DrawBatch& a, const DrawBatch& b) {
  return std::memcmp(&a.words, &b.words, sizeof a.words) == 0 && a.clocks == b.clocks;
}

}  // namespace

TEST("draws: the fast form gives the portable one's bits") {
  Stream stream({9, 8}, 7, Purpose::kReset);
  for (int n = 0; n < 3000; ++n) {
    const SeedKey key{stream.word(), stream.word()};
    const std::uint64_t episode = stream.word() >> (8 + stream.below(56));
    const std::uint64_t first = (stream.word() >> (4 + stream.below(58))) / 8 * 8;
    const std::size_t n_decays = stream.below(kDecaysMax + 1);
    DrawBatch fast{};
    DrawBatch portable{};
    draw_events(key, episode, first, n_decays, fast);
    draw_events_portably(key, episode, first, n_decays, portable);
    CHECK(same_bits(fast, portable));
  }
}

TEST("draws: an event's words are four blocks of its own counters") {
  constexpr SeedKey kKey{11, 12};
  constexpr std::uint64_t kEpisode = 0x00AB'CDEF'0123'4567;
  constexpr std::uint64_t kFirst = (std::uint64_t{1} << 33U) + 16;
  DrawBatch batch{};
  draw_events(kKey, kEpisode, kFirst, 4, batch);
  for (std::size_t event = 0; event < DrawBatch::kEvents; ++event) {
    for (std::size_t i = 0; i < 4; ++i) {
      const std::uint64_t block = 4 * (kFirst + event) + i;
      const ArsBlock words =
          ars4x32({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32U),
                   0x01234567, 0x0BABCDEF},  // purpose 11 above the episode's 56 bits
                  kKey);
      for (std::size_t w = 0; w < 4; ++w) CHECK_EQ(batch.words[event][4 * i + w], words[w]);
    }
  }
}

TEST("draws: no two events, episodes or keys share their words") {
  std::set<EventDraws> seen;
  std::size_t drawn = 0;
  const auto add = [&](SeedKey key, std::uint64_t episode, std::uint64_t first) {
    DrawBatch batch{};
    draw_events(key, episode, first, 1, batch);
    for (const EventDraws& words : batch.words) seen.insert(words);
    drawn += DrawBatch::kEvents;
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

TEST("draws: an event's words do not depend on how many decays there are") {
  for (std::size_t n_decays = 0; n_decays <= kDecaysMax; ++n_decays) {
    DrawBatch batch{};
    DrawBatch all{};
    draw_events({3, 4}, 5, 8, n_decays, batch);
    draw_events({3, 4}, 5, 8, kDecaysMax, all);
    CHECK(std::memcmp(&batch.words, &all.words, sizeof all.words) == 0);
    for (std::size_t event = 0; event < DrawBatch::kEvents; ++event) {
      for (std::size_t i = 0; i <= n_decays; ++i) {
        CHECK_EQ(batch.clocks[event][i], all.clocks[event][i]);
      }
    }
  }
}

TEST("draws: a clock is the exponential of its own word") {
  for (std::uint64_t first = 0; first < 8000; first += 8) {
    DrawBatch batch{};
    draw_events({5, 6}, 7, first, kDecaysMax, batch);
    for (std::size_t event = 0; event < DrawBatch::kEvents; ++event) {
      for (std::size_t i = 0; i <= kDecaysMax; ++i) {
        const double uniform = (static_cast<double>(batch.words[event][i] >> 1U) + 0.5) * 0x1p-31;
        // The uniform itself is a float: near 1 it is right to 2^-25.
        CHECK_NEAR(batch.clocks[event][i], -std::log(uniform), 1e-7 * (2.0 - std::log(uniform)));
      }
    }
  }
}

TEST("draws: clocks are exponential, uniforms uniform, and independent") {
  std::array<Sample, 3> clocks;
  std::vector<std::int64_t> cells(64, 0);
  Sample products;
  for (std::uint64_t first = 0; first < 80'000; first += 8) {
    DrawBatch batch{};
    draw_events({7, 6}, 5, first, 5, batch);
    for (std::size_t event = 0; event < DrawBatch::kEvents; ++event) {
      for (std::size_t i = 0; i < 3; ++i) {
        clocks[i].add(batch.clocks[event][i == 2 ? 5 : i]);
      }
      products.add((batch.clocks[event][0] - 1.0F) * (batch.clocks[event][1] - 1.0F));
      ++cells[below(word_of(batch.words[event], Draw::kSpare), 64)];
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
