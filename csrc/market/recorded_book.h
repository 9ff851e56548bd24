// The book of a recording, without the agent but for what he has taken from it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "market/recorded_ladder.h"
#include "types.h"

namespace rlmm {

enum class TapeOp : std::uint8_t {
  kNothing,  // a row that leaves everything as it is
  kAdd,
  kCancel,
  kTrade,   // of lots that are there
  kPrint,   // of lots that the record did not show
  kClear,   // a side is empty
  kStatus,  // `lots`: as a Session
};

// What one may do at a time.
enum class Session : std::uint8_t { kHalted, kQuoting, kTrading };

inline constexpr std::uint8_t kTapeContinues = 1;  // the row goes on with the next event
inline constexpr std::uint8_t kTapeMoreFills = 2;  // trade: the same market order goes on filling
inline constexpr std::uint8_t kTapeSnapshot = 4;   // add: it was there before, who knows since when
inline constexpr std::uint8_t kTapeReach = 8;  // add, cancel: the level comes into sight, leaves it

inline constexpr std::uint32_t kNoOrder = std::numeric_limits<std::uint32_t>::max();

struct TapeEvent {
  TimeNs ts_ns;
  Ticks price_ticks;
  Lots lots;
  std::uint32_t slot;  // of the order; kNoOrder where orders are not told apart
  TapeOp op;
  Side side;
  std::uint8_t flags;
  std::uint8_t depth;  // levels better than its own, up to 255: where to look for it first
};
static_assert(sizeof(TapeEvent) == 32);

struct RecordedOrder {
  Ticks price_ticks = 0;
  Lots lots = 0;  // 0: a free slot
  Lots taken_lots = 0;
  std::uint64_t arrival = 0;  // the event that brought it
  Side side = Side::kBid;
  bool is_older = false;  // shown by a snapshot or come into sight: who knows since when
  std::uint8_t padding[6]{};

  Lots left_lots() const { return lots - taken_lots; }
};

// Greater is better, on both sides.
constexpr Ticks key_of(Side side, Ticks price_ticks) { return sign(side) * price_ticks; }

// Lots the agent takes stay taken until the record has fewer than that: `taken <= lots`, of every
// level and, where orders are told apart, of every order. A snapshot that follows a clear at once
// shows them again, and they are as taken as before: of its first orders at the price.
class RecordedBook {
 public:
  using LiveOrder = std::pair<std::uint32_t, RecordedOrder>;  // by its slot
  // Enough to go on from, without what the agent took.
  struct Snapshot {
    std::array<std::vector<RecordedLevel>, 2> levels;
    std::vector<LiveOrder> orders;
    Session session = Session::kTrading;
  };

  // `slots` orders at most, unless more are added.
  explicit RecordedBook(std::size_t slots = 0) : orders_(slots) {}

  // What event number `index` does to the book.
  void apply(const TapeEvent& event, std::uint64_t index);

  // Returns how many of the lots the agent has not taken: all, unless they are shown again.
  Lots add(const TapeEvent& event, std::uint64_t index);
  // Takes the event's lots off its order or level; returns how many of them the agent had left.
  Lots reduce(const TapeEvent& event);
  void clear_side(const TapeEvent& event);
  void set_session(Session session) { session_ = session; }

  // The agent takes lots that are left, of one order or of those that came first. Throws
  // std::invalid_argument if there are not so many.
  void take(Side side, Ticks price_ticks, Lots lots, std::uint32_t slot = kNoOrder);

  Session session() const { return session_; }
  const Ladder& side(Side side) const { return sides_[index_of(side)]; }
  const RecordedOrder& order(std::uint32_t slot) const { return orders_[slot]; }
  // Lots that the agent has left of a level.
  Lots left_at(Side side, Ticks price_ticks) const {
    const RecordedLevel* level = sides_[index_of(side)].find(key_of(side, price_ticks));
    return level == nullptr ? 0 : level->left_lots();
  }

  // Walks everything and throws InvariantError at the first contradiction.
  void check_invariants() const;

  Snapshot snapshot() const;
  void restore(const Snapshot& snapshot);

  // What the agent took, so that `take` with the same numbers takes it again.
  struct Taken {
    Ticks price_ticks;
    Lots lots;
    std::uint64_t side;
    std::uint64_t slot;
  };
  std::vector<Taken> taken() const;

 private:
  // Taken of a side when it was cleared; nothing of it matters once the time has passed.
  struct Cleared {
    TimeNs ts_ns = 0;
    std::vector<RecordedLevel> levels;
  };

  void take_first(Side side, Ticks price_ticks, Lots lots);
  Lots take_again(const TapeEvent& event);

  std::array<Ladder, 2> sides_;
  std::array<Cleared, 2> cleared_;
  std::vector<RecordedOrder> orders_;  // empty where orders are not told apart
  Session session_ = Session::kTrading;
};

}  // namespace rlmm
