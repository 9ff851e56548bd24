// Live orders by id: open addressing, because millions come and go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rlmm::parse {

struct LiveOrder {
  std::uint64_t id = 0;  // 0: an empty place
  std::int64_t price = 0;
  std::int64_t size = 0;
  std::int64_t sign = 0;
};

// Ids are above 0. Pointers hold until the next insert or erase.
class OrderMap {
 public:
  OrderMap() : places_(kPlacesLeast) {}

  std::size_t size() const { return size_; }

  LiveOrder* find(std::uint64_t id) {
    LiveOrder& place = places_[place_of(id)];
    return place.id == id ? &place : nullptr;
  }

  // There must be no order of this id.
  void insert(const LiveOrder& order) {
    if (2 * (size_ + 1) > places_.size()) grow();
    places_[place_of(order.id)] = order;
    ++size_;
  }

  // Those behind in the same run move up, so that searches may stop at an empty place.
  void erase(LiveOrder* order) {
    const std::size_t mask = places_.size() - 1;
    auto hole = static_cast<std::size_t>(order - places_.data());
    for (std::size_t at = (hole + 1) & mask; places_[at].id != 0; at = (at + 1) & mask) {
      const std::size_t home = home_of(places_[at].id);
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        places_[hole] = places_[at];
        hole = at;
      }
    }
    places_[hole].id = 0;
    --size_;
  }

  void clear() {
    places_.assign(kPlacesLeast, {});
    size_ = 0;
  }

 private:
  static constexpr std::size_t kPlacesLeast = 1024;

  std::size_t home_of(std::uint64_t id) const {
    return static_cast<std::size_t>((id * 0x9E3779B97F4A7C15U) >> 32U) & (places_.size() - 1);
  }
  std::size_t place_of(std::uint64_t id) const {
    std::size_t at = home_of(id);
    while (places_[at].id != 0 && places_[at].id != id) at = (at + 1) & (places_.size() - 1);
    return at;
  }
  void grow() {
    std::vector<LiveOrder> old(places_.size() * 2);
    std::swap(old, places_);
    for (const LiveOrder& order : old) {
      if (order.id != 0) places_[place_of(order.id)] = order;
    }
  }

  std::vector<LiveOrder> places_;
  std::size_t size_ = 0;
};

}  // namespace rlmm::parse
