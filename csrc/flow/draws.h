// The random numbers of one event of the flow: sixteen 32-bit words, named by what they are for.
//
// Event n of an episode always gets the same sixteen words, whatever happened before it. So two
// runs that differ only in what the agent does see the same draws event by event (common random
// numbers), and a saved state needs only the event's number.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "flow/lanes.h"
#include "rng.h"

namespace rlmm {

inline constexpr std::size_t kDecaysMax = kLanes - 1;

enum class Draw : std::uint8_t {
  kBaselineClock = 0,
  kDecayClock = 1,  // one for each decay
  kKind = 8,
  kSide = 9,
  kPlace = 10,  // limit order: better than the own best or not; cancel: which class; trade: law
  kMark = 11,   // how many ticks away; which order
  kSize = 12,
  kClass = 13,   // limit order: flickering or patient; cancel: whole or part
  kKeep = 14,    // cancel: thinning by distance
  kRefill = 15,  // limit order: back at the price that has gone or not
  kCount = 16
};
inline constexpr std::size_t kDrawCount = static_cast<std::size_t>(Draw::kCount);
static_assert(static_cast<std::size_t>(Draw::kDecayClock) + kDecaysMax ==
              static_cast<std::size_t>(Draw::kKind));

using EventDraws = std::array<std::uint32_t, kDrawCount>;

inline std::uint32_t word_of(const EventDraws& draws, Draw what) {
  return draws[static_cast<std::size_t>(what)];
}

// Uniform on (0, 1), 23 bits: every value is a float, and neither end is ever drawn.
inline float uniform_of(std::uint32_t word) {
  return (static_cast<float>(static_cast<std::int32_t>(word >> 9U)) + 0.5F) * 0x1p-23F;
}

// Uniform integer in [0, n): a probability is off by less than n x 2^-32.
inline std::size_t below(std::uint32_t word, std::size_t n) {
  return static_cast<std::size_t>((std::uint64_t{word} * n) >> 32U);
}

// All that one event needs.
struct EventDraw {
  alignas(32) EventDraws words;
  alignas(32) std::array<float, kLanes> clocks;  // unit rate: [0] the baseline's, [1 + p] decay p's
};

// The draws of consecutive events, made together because that is several times as fast.
inline constexpr std::size_t kDrawnTogether = 8;
using DrawBatch = std::span<EventDraw, kDrawnTogether>;

// Fills `batch` with the draws of events `first_event`, a multiple of kDrawnTogether, and on.
// Picks the fastest form that this processor has; all forms give the same bits.
void draw_events(SeedKey key, std::uint64_t episode, std::uint64_t first_event, DrawBatch batch);

// The same in portable arithmetic: the twin that tests hold the fast form to.
void draw_events_portably(SeedKey key, std::uint64_t episode, std::uint64_t first_event,
                          DrawBatch batch);

}  // namespace rlmm
