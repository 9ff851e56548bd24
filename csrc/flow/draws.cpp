#include "flow/draws.h"

#include "flow/ars.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace rlmm {
namespace {

// A block's counter: which one it is, and whose.
ArsBlock counter_of(std::uint64_t block, std::uint64_t episode) {
  const std::uint64_t name =
      episode | (static_cast<std::uint64_t>(Purpose::kFlow) << 56U);  // episodes are below 2^56
  return {static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32U),
          static_cast<std::uint32_t>(name), static_cast<std::uint32_t>(name >> 32U)};
}

constexpr std::size_t kBlocksPerEvent = kDrawCount / 4;

// Mean 1 from each of an event's first words, on a grid of 6e-8 near 0 and up to 22.
RLMM_LANES void set_clocks(DrawBatch batch) {
  static_assert(static_cast<std::size_t>(Draw::kBaselineClock) == 0);
  for (std::size_t event = 0; event < kDrawnTogether; ++event) {
    Int8 words;
    __builtin_memcpy(&words, batch[event].words.data(), sizeof words);
    const Int8 upper = (words >> 1) & 0x7FFFFFFF;
    const Float8 uniform = (__builtin_convertvector(upper, Float8) + splat(0.5F)) * splat(0x1p-31F);
    store_lanes(-log_of(uniform), batch[event].clocks.data());
  }
}

#if defined(__x86_64__)

// Eight blocks at a time keep the AES unit busy.
[[gnu::target("avx2,aes")]] void draw_events_by_aes(SeedKey key, std::uint64_t episode,
                                                    std::uint64_t first_event, DrawBatch batch) {
  const __m128i weyl = _mm_set_epi64x(static_cast<long long>(detail::kArsWeylHigh),
                                      static_cast<long long>(detail::kArsWeylLow));
  __m128i keys[detail::kArsRounds + 1];  // not std::array: a vector type as its argument warns
  keys[0] = _mm_set_epi64x(static_cast<long long>(key.high), static_cast<long long>(key.low));
  for (int i = 1; i <= detail::kArsRounds; ++i) keys[i] = _mm_add_epi64(keys[i - 1], weyl);
  const ArsBlock first = counter_of(first_event * kBlocksPerEvent, episode);
  __m128i counter = _mm_loadu_si128(reinterpret_cast<const __m128i*>(first.data()));
  const __m128i one = _mm_set_epi64x(0, 1);
  constexpr std::size_t kTogether = 8;
  for (std::size_t event = 0; event < kDrawnTogether; event += kTogether / kBlocksPerEvent) {
    __m128i states[kTogether];
    for (__m128i& state : states) {
      state = _mm_xor_si128(counter, keys[0]);
      counter = _mm_add_epi64(counter, one);
    }
    for (int round = 1; round < detail::kArsRounds; ++round) {
      for (__m128i& state : states) state = _mm_aesenc_si128(state, keys[round]);
    }
    for (std::size_t i = 0; i < kTogether; ++i) {
      auto* const words = batch[event + i / kBlocksPerEvent].words.data();
      _mm_store_si128(reinterpret_cast<__m128i*>(words) + i % kBlocksPerEvent,
                      _mm_aesenclast_si128(states[i], keys[detail::kArsRounds]));
    }
  }
  set_clocks(batch);
}

#endif

using Drawer = void (*)(SeedKey, std::uint64_t, std::uint64_t, DrawBatch);

Drawer fastest() {
#if defined(__x86_64__)
  const bool has_aes = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("aes");
  return has_aes ? draw_events_by_aes : draw_events_portably;
#else
  return draw_events_portably;
#endif
}

const Drawer kDrawer = fastest();

}  // namespace

void draw_events_portably(SeedKey key, std::uint64_t episode, std::uint64_t first_event,
                          DrawBatch batch) {
  for (std::size_t event = 0; event < kDrawnTogether; ++event) {
    for (std::size_t i = 0; i < kBlocksPerEvent; ++i) {
      const ArsBlock block =
          ars4x32(counter_of((first_event + event) * kBlocksPerEvent + i, episode), key);
      for (std::size_t word = 0; word < block.size(); ++word) {
        batch[event].words[4 * i + word] = block[word];
      }
    }
  }
  set_clocks(batch);
}

void draw_events(SeedKey key, std::uint64_t episode, std::uint64_t first_event, DrawBatch batch) {
  kDrawer(key, episode, first_event, batch);
}

}  // namespace rlmm
