// What can happen to a book: the words of the canonical event table (rlmm_tf/events.py).
#pragma once

#include <cstdint>

namespace rlmm {

enum class EventKind : std::uint8_t {
  kAdd = 1,
  kCancel,
  kModify,
  kTrade,
  kSnapshot,
  kClear,
  kStatus
};

// Bits of a row's flags.
inline constexpr std::uint8_t kFlagRemains = 1;    // cancel or trade: part of the order is left
inline constexpr std::uint8_t kFlagReach = 2;      // the level came into reach or left it
inline constexpr std::uint8_t kFlagAgent = 4;      // the resting order is the agent's
inline constexpr std::uint8_t kFlagMoreFills = 8;  // trade: the same market order goes on filling
inline constexpr std::uint8_t kFlagHidden = 16;    // trade: of lots that the book did not show

// What the lots of a status say.
inline constexpr std::int64_t kStatusHalted = 0;
inline constexpr std::int64_t kStatusTrading = 2;

}  // namespace rlmm
