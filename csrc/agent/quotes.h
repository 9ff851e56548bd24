// What a decision asks for, and how a row of actions is read as one.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "params.h"
#include "types.h"

namespace rlmm {

// Distances from the mid price, positive outward; 0 lots: no quote on that side.
struct Quotes {
  std::array<Ticks, 2> offset_ticks{};  // bid, ask
  std::array<Lots, 2> lots{};
};

// The four ways an action can be laid out, one row of it per environment.
class ActionReader {
 public:
  explicit ActionReader(const ActionParams& params);

  // Numbers in a row of the action array; 1 for the discrete kind.
  std::int64_t width() const { return width_; }

  // Discrete kinds: how many choices each number of a row has.
  const std::array<std::int64_t, 4>& choices() const { return choices_; }

  // Throws std::invalid_argument that names the first bad `actions[env, column]`.
  void check_all(const float* actions, std::int64_t n_envs) const;
  void check_all(const std::int64_t* actions, std::int64_t n_envs) const;

  // `clipped` grows by one for each number that lay outside [-1, 1].
  Quotes read(const float* row, std::int64_t& clipped) const {
    const auto inside = [&clipped](float value) {
      const double kept = std::clamp(static_cast<double>(value), -1.0, 1.0);
      clipped += static_cast<std::int64_t>(kept != static_cast<double>(value));
      return kept;
    };
    Quotes quotes;
    quotes.offset_ticks = {offset_.at(inside(row[0])), offset_.at(inside(row[1]))};
    quotes.lots = {params_.lots_max, params_.lots_max};
    if (params_.sizes) quotes.lots = {size_.at(inside(row[2])), size_.at(inside(row[3]))};
    return quotes;
  }
  Quotes read(const std::int64_t* row, std::int64_t& clipped) const;

 private:
  // Linear from -1 -> low to +1 -> high.
  struct Range {
    double low;
    double half_span;
    std::int64_t at(double action) const {
      return round_to_integer(low + (action + 1.0) * half_span);
    }
  };
  Ticks offset_choice(std::int64_t choice) const;

  ActionParams params_;
  Range offset_;
  Range size_;
  std::int64_t width_ = 0;
  std::array<std::int64_t, 4> choices_{};
};

}  // namespace rlmm
