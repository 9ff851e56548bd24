// What fills turn out to have been worth some time later: the mid's distance from the fill price.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <vector>

#include "serialize.h"
#include "types.h"

namespace rlmm {

inline constexpr std::array<TimeNs, 4> kMarkoutHorizonsNs = {100'000'000, 1'000'000'000,
                                                             10'000'000'000, 60'000'000'000};
inline constexpr std::size_t kMarkouts = kMarkoutHorizonsNs.size();

class Markouts {
 public:
  // Money that matured and the lots it is of, by horizon.
  struct Matured {
    std::array<Money, kMarkouts> gain_x2{};
    std::array<Lots, kMarkouts> lots{};
  };

  void clear();

  // Bought (bid) or sold (ask) `lots` at `price_ticks`.
  void add(Side side, Ticks price_ticks, Lots lots, TimeNs now_ns) {
    fills_.push_back({now_ns, price_ticks, sign(side) * lots});
    due_ns_ = std::min(due_ns_, now_ns + kMarkoutHorizonsNs[0]);
  }

  // The mid has been `mid_ticks_x2` up to `now_ns`: books every horizon that ended by then.
  void settle(TimeNs now_ns, Ticks mid_ticks_x2) {
    if (now_ns >= due_ns_) [[unlikely]] {
      settle_due(now_ns, mid_ticks_x2);
    }
  }

  // What matured since the last call.
  Matured take() {
    const Matured taken = matured_;
    matured_ = Matured{};
    return taken;
  }

  void save(Writer& out) const;
  void load(Reader& in);

 private:
  static constexpr TimeNs kNever = std::numeric_limits<TimeNs>::max();
  struct Fill {
    TimeNs at_ns;
    Ticks price_ticks;
    Lots signed_lots;
  };
  void settle_due(TimeNs now_ns, Ticks mid_ticks_x2);
  void forget_settled();

  std::vector<Fill> fills_;
  std::array<std::size_t, kMarkouts> next_{};  // the first fill each horizon has not settled
  TimeNs due_ns_ = kNever;
  Matured matured_;
};

}  // namespace rlmm
