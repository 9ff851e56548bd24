// One side of a recorded book: its levels in order of price, the best one last.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "types.h"

namespace rlmm {

// What the record has at a price, and what of it the agent has taken by crossing.
struct RecordedLevel {
  Ticks key;  // the price, or minus it on the ask side: higher is better
  Lots lots;
  Lots taken_lots;

  Lots left_lots() const { return lots - taken_lots; }
};

// Any price may occur, and the two sides know nothing of each other: a record may be crossed.
// Most events happen near the best price, so a level is looked for from there.
class Ladder {
 public:
  bool empty() const { return levels_.empty(); }
  const std::vector<RecordedLevel>& levels() const { return levels_; }

  // Null where there is no level.
  RecordedLevel* find(Ticks key) {
    const std::size_t at = position(key);
    return at < levels_.size() && levels_[at].key == key ? &levels_[at] : nullptr;
  }
  const RecordedLevel* find(Ticks key) const {
    const std::size_t at = position(key);
    return at < levels_.size() && levels_[at].key == key ? &levels_[at] : nullptr;
  }

  // How many levels are better than `key`.
  std::size_t depth(Ticks key) const {
    const std::size_t at = position(key);
    const bool is_there = at < levels_.size() && levels_[at].key == key;
    return levels_.size() - at - static_cast<std::size_t>(is_there);
  }

  // The same, sooner if so many levels are better as is guessed.
  RecordedLevel* find(Ticks key, std::size_t guessed_depth) {
    RecordedLevel* const level = at_depth(guessed_depth);
    return level != nullptr && level->key == key ? level : find(key);
  }

  RecordedLevel& find_or_add(Ticks key, std::size_t guessed_depth) {
    std::size_t at = levels_.size() - std::min(guessed_depth, levels_.size());
    if (at > 0 && levels_[at - 1].key == key) return levels_[at - 1];
    const bool worse_follow = at == 0 || levels_[at - 1].key < key;
    const bool better_come_first = at == levels_.size() || levels_[at].key > key;
    if (!worse_follow || !better_come_first) at = position(key);
    if (at == levels_.size() || levels_[at].key != key) {
      levels_.insert(levels_.begin() + static_cast<std::ptrdiff_t>(at), {key, 0, 0});
    }
    return levels_[at];
  }

  void remove(const RecordedLevel* level) {
    levels_.erase(levels_.begin() + (level - levels_.data()));
  }
  void clear() { levels_.clear(); }
  void assign(const std::vector<RecordedLevel>& levels) { levels_ = levels; }

  // The best level below `key` that the agent has left something of; null if there is none.
  const RecordedLevel* next_left(Ticks key) const {
    for (std::size_t at = position(key); at > 0; --at) {
      if (levels_[at - 1].left_lots() > 0) return &levels_[at - 1];
    }
    return nullptr;
  }
  const RecordedLevel* best_left() const {
    for (std::size_t at = levels_.size(); at > 0; --at) {
      if (levels_[at - 1].left_lots() > 0) [[likely]] {
        return &levels_[at - 1];
      }
    }
    return nullptr;
  }

 private:
  RecordedLevel* at_depth(std::size_t depth) {
    return depth < levels_.size() ? &levels_[levels_.size() - 1 - depth] : nullptr;
  }

  // Of the first level that is at least as good as `key`.
  std::size_t position(Ticks key) const {
    constexpr std::size_t kNear = 8;
    std::size_t at = levels_.size();
    for (std::size_t i = 0; i < kNear; ++i) {
      if (at == 0 || levels_[at - 1].key < key) return at;
      --at;
    }
    const auto end = levels_.begin() + static_cast<std::ptrdiff_t>(at);
    const auto found = std::ranges::lower_bound(levels_.begin(), end, key, {}, &RecordedLevel::key);
    return static_cast<std::size_t>(found - levels_.begin());
  }

  std::vector<RecordedLevel> levels_;
};

}  // namespace rlmm
