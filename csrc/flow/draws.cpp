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

// Mean 1 from each of four words, on a grid of 6e-8 near 0 and up to 22.
[[gnu::always_inline]] inline Float4 exponentials(Int4 words) {
  const Int4 upper = (words >> 1) & 0x7FFFFFFF;
  const Float4 uniform = (__builtin_convertvector(upper, Float4) + splat(0.5F)) * splat(0x1p-31F);
  return -log_of(uniform);
}

// The first four decays of each event, then the baselines of four events at once; further decays
// only where the model has them.
[[gnu::always_inline]] inline void set_clocks(DrawBatch& batch, std::size_t n_decays) {
  for (std::size_t event = 0; event < DrawBatch::kEvents; ++event) {
    for (std::size_t first = 1; first <= n_decays; first += 4) {
      Int4 words;
      __builtin_memcpy(&words, &batch.words[event][first], sizeof words);
      const Float4 clocks = exponentials(words);
      __builtin_memcpy(&batch.clocks[event][first], &clocks, sizeof clocks);
    }
  }
  for (std::size_t event = 0; event < DrawBatch::kEvents; event += 4) {
    Int4 words;
    for (std::size_t i = 0; i < 4; ++i) {
      words[i] = static_cast<std::int32_t>(batch.words[event + i][0]);
    }
    const Float4 clocks = exponentials(words);
    for (std::size_t i = 0; i < 4; ++i) batch.clocks[event + i][0] = clocks[i];
  }
}

#if defined(__x86_64__)

// Eight blocks at a time keep the AES unit busy.
[[gnu::target("avx,aes")]] void draw_events_by_aes(SeedKey key, std::uint64_t episode,
                                                   std::uint64_t first_event, std::size_t n_decays,
                                                   DrawBatch& batch) {
  const __m128i weyl = _mm_set_epi64x(static_cast<long long>(detail::kArsWeylHigh),
                                      static_cast<long long>(detail::kArsWeylLow));
  __m128i keys[detail::kArsRounds + 1];  // not std::array: a vector type as its argument warns
  keys[0] = _mm_set_epi64x(static_cast<long long>(key.high), static_cast<long long>(key.low));
  for (int i = 1; i <= detail::kArsRounds; ++i) keys[i] = _mm_add_epi64(keys[i - 1], weyl);
  const ArsBlock first = counter_of(first_event * kBlocksPerEvent, episode);
  __m128i counter = _mm_loadu_si128(reinterpret_cast<const __m128i*>(first.data()));
  const __m128i one = _mm_set_epi64x(0, 1);
  constexpr std::size_t kTogether = 8;
  for (std::size_t event = 0; event < DrawBatch::kEvents; event += kTogether / kBlocksPerEvent) {
    __m128i states[kTogether];
    for (__m128i& state : states) {
      state = _mm_xor_si128(counter, keys[0]);
      counter = _mm_add_epi64(counter, one);
    }
    for (int round = 1; round < detail::kArsRounds; ++round) {
      for (__m128i& state : states) state = _mm_aesenc_si128(state, keys[round]);
    }
    auto* out = reinterpret_cast<__m128i*>(batch.words[event].data());
    for (const __m128i state : states) {
      _mm_store_si128(out++, _mm_aesenclast_si128(state, keys[detail::kArsRounds]));
    }
  }
  set_clocks(batch, n_decays);
}

#endif

using Drawer = void (*)(SeedKey, std::uint64_t, std::uint64_t, std::size_t, DrawBatch&);

Drawer fastest() {
#if defined(__x86_64__)
  const bool has_aes = __builtin_cpu_supports("avx") && __builtin_cpu_supports("aes");
  return has_aes ? draw_events_by_aes : draw_events_portably;
#else
  return draw_events_portably;
#endif
}

const Drawer kDrawer = fastest();

}  // namespace

void draw_events_portably(SeedKey key, std::uint64_t episode, std::uint64_t first_event,
                          std::size_t n_decays, DrawBatch& batch) {
  for (std::size_t event = 0; event < DrawBatch::kEvents; ++event) {
    for (std::size_t i = 0; i < kBlocksPerEvent; ++i) {
      const ArsBlock block =
          ars4x32(counter_of((first_event + event) * kBlocksPerEvent + i, episode), key);
      for (std::size_t word = 0; word < block.size(); ++word) {
        batch.words[event][4 * i + word] = block[word];
      }
    }
  }
  set_clocks(batch, n_decays);
}

void draw_events(SeedKey key, std::uint64_t episode, std::uint64_t first_event,
                 std::size_t n_decays, DrawBatch& batch) {
  kDrawer(key, episode, first_event, n_decays, batch);
}

}  // namespace rlmm
