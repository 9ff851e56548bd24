// How long a message takes.
#pragma once

#include "params.h"
#include "rng.h"
#include "types.h"

namespace rlmm {

class Delay {
 public:
  explicit Delay(DelayParams params);

  // The constant law draws nothing; the others draw from `stream`.
  TimeNs draw_ns(Stream& stream) const;

  bool is_zero() const { return params_.law == DelayLaw::kConstant && params_.median_ns == 0; }

 private:
  DelayParams params_;
};

// Messages on one line keep their order: none arrives before one that was sent earlier.
class Line {
 public:
  TimeNs arrival_ns(TimeNs sent_ns, TimeNs delay_ns) {
    const TimeNs arrival = sent_ns + delay_ns;
    last_ns_ = arrival > last_ns_ ? arrival : last_ns_;
    return last_ns_;
  }
  void clear() { last_ns_ = 0; }

 private:
  TimeNs last_ns_ = 0;
};

}  // namespace rlmm
