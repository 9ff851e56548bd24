// One side of a book as the flow sees it: levels with their lots and the orders known by number.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "types.h"

namespace rlmm::parse {

// Where an order lay when it came, seen from the own best price.
enum class Place : std::uint8_t { kImproving, kJoining, kDeeper };

inline constexpr std::size_t kPlaces = 3;

struct RestingOrder {
  std::uint64_t id = 0;
  std::int64_t lots = 0;
  TimeNs birth_ns = 0;
  Ticks away_ticks = 0;  // behind the own best price when it came
  Ticks price_ticks = 0;
  bool born_here = false;  // it was seen to arrive: its age is known

  Place place() const {
    if (away_ticks == 0) return Place::kJoining;
    return away_ticks < 0 ? Place::kImproving : Place::kDeeper;
  }
};

struct FlowLevel {
  Ticks price_ticks = 0;
  std::int64_t lots = 0;
  std::int64_t known_lots = 0;  // of `orders`; the rest is anonymous
  std::vector<RestingOrder> orders;
};

// Levels in order, the best last.
class FlowLevels {
 public:
  explicit FlowLevels(std::int64_t sign) : sign_(sign) {}

  bool empty() const { return levels_.empty(); }
  const FlowLevel& best() const { return levels_.back(); }
  const std::vector<FlowLevel>& levels() const { return levels_; }
  void clear() { levels_.clear(); }

  // How far behind the best price; 0 on an empty side.
  Ticks away(Ticks price_ticks) const {
    return empty() ? 0 : sign_ * (best().price_ticks - price_ticks);
  }
  // From the best price to the next; 0 where there is none.
  Ticks gap() const {
    return levels_.size() < 2 ? 0 : away(levels_[levels_.size() - 2].price_ticks);
  }

  FlowLevel* find(Ticks price_ticks) {
    const std::size_t at = index_of(price_ticks);
    return is_at(at, price_ticks) ? &levels_[at] : nullptr;
  }

  // The level at the price, made if there is none.
  FlowLevel& occupy(Ticks price_ticks) {
    const std::size_t at = index_of(price_ticks);
    if (!is_at(at, price_ticks)) {
      FlowLevel fresh;
      fresh.price_ticks = price_ticks;
      levels_.insert(levels_.begin() + static_cast<std::ptrdiff_t>(at), std::move(fresh));
    }
    return levels_[at];
  }

  void erase(Ticks price_ticks) {
    const std::size_t at = index_of(price_ticks);
    if (is_at(at, price_ticks)) levels_.erase(levels_.begin() + static_cast<std::ptrdiff_t>(at));
  }

 private:
  bool is_at(std::size_t at, Ticks price_ticks) const {
    return at < levels_.size() && levels_[at].price_ticks == price_ticks;
  }
  // Where the level is, or would be: the first that is not worse.
  std::size_t index_of(Ticks price_ticks) const {
    const auto at = std::ranges::lower_bound(
        levels_, sign_ * price_ticks, {},
        [this](const FlowLevel& level) { return sign_ * level.price_ticks; });
    return static_cast<std::size_t>(at - levels_.begin());
  }

  std::int64_t sign_;
  std::vector<FlowLevel> levels_;
};

}  // namespace rlmm::parse
