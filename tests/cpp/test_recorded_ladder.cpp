#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>

#include "check.h"
#include "market/recorded_ladder.h"
#include "rng.h"

namespace rlmm {
namespace {

// The same levels, by price; slow and plain.
using Levels = std::map<Ticks, RecordedLevel>;

std::size_t better_levels(const Levels& levels, Ticks key) {
  return static_cast<std::size_t>(std::distance(levels.upper_bound(key), levels.end()));
}

const RecordedLevel* best_left_below(const Levels& levels, Ticks key) {
  for (auto level = levels.lower_bound(key); level != levels.begin();) {
    --level;
    if (level->second.left_lots() > 0) return &level->second;
  }
  return nullptr;
}

void check_same_key(const RecordedLevel* got, const RecordedLevel* expected) {
  CHECK_EQ(got == nullptr, expected == nullptr);
  if (got != nullptr && expected != nullptr) CHECK_EQ(got->key, expected->key);
}

void check_same(const Ladder& ladder, const Levels& levels) {
  CHECK_EQ(ladder.levels().size(), levels.size());
  CHECK_EQ(ladder.empty(), levels.empty());
  auto expected = levels.begin();
  for (const RecordedLevel& level : ladder.levels()) {
    CHECK_EQ(level.key, expected->first);
    CHECK_EQ(level.lots, expected->second.lots);
    CHECK_EQ(level.taken_lots, expected->second.taken_lots);
    ++expected;
  }
  constexpr Ticks kBeyond = 1000;
  check_same_key(ladder.best_left(), best_left_below(levels, kBeyond));
}

// A guess of the depth saves time where it is right and changes nothing where it is not.
TEST("recorded ladder: whatever depth is guessed, levels are those of a map") {
  Stream random({7, 1}, 0, Purpose::kFlow);
  const auto below = [&random](std::uint64_t n) { return random.below(n); };
  Ladder ladder;
  Levels levels;
  for (int i = 0; i < 20'000; ++i) {
    const Ticks key = static_cast<Ticks>(below(60)) - 30;
    const std::size_t right = better_levels(levels, key);
    const std::size_t guess = below(3) == 0 ? below(256) : right;
    CHECK_EQ(ladder.depth(key), right);
    RecordedLevel* const found = ladder.find(key, guess);
    CHECK_EQ(found != nullptr, levels.contains(key));
    CHECK(found == ladder.find(key));
    if (below(2) == 0) {
      RecordedLevel& level = ladder.find_or_add(key, guess);
      RecordedLevel& twin = levels.try_emplace(key, RecordedLevel{key, 0, 0}).first->second;
      const auto lots = static_cast<Lots>(1 + below(5));
      level.lots += lots;
      twin.lots += lots;
      if (below(3) == 0) level.taken_lots = twin.taken_lots = twin.lots;
    } else if (found != nullptr) {
      ladder.remove(found);
      levels.erase(key);
    }
    const Ticks at = static_cast<Ticks>(below(70)) - 35;
    check_same_key(ladder.next_left(at), best_left_below(levels, at));
    check_same(ladder, levels);
    if (below(500) == 0) {
      ladder.clear();
      levels.clear();
    }
  }
}

}  // namespace
}  // namespace rlmm
