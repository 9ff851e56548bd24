// A recorded day as an environment: which parts of it are played, and how an order that was not
// there waits in its queues. The same names, fields and units as in `rlmm_tf/replay_params.py`.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "market_model.h"
#include "types.h"

namespace rlmm {

class Tape;

// Whose a cancel is at a level whose orders are not told apart: the queue's ahead of the agent, or
// that behind him.
enum class QueueLaw : std::uint8_t {
  kRiskAverse,  // behind him, as far as there is any
  kPower,       // in shares f(ahead) : f(behind), f(x) = x^power
  kLog,         // the same with f(x) = log(1 + x / scale)
};
inline constexpr std::array<const char*, 3> enum_names(QueueLaw) {
  return {"risk_averse", "power", "log"};
}

struct QueueParams {
  QueueLaw law = QueueLaw::kRiskAverse;
  double power = 1.0;
  double scale_lots = 1.0;
  bool use_order_ids = true;  // exact FIFO where the recording has them

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("law", self.law);
    visit("power", self.power);
    visit("scale_lots", self.scale_lots);
    visit("use_order_ids", self.use_order_ids);
  }
};

// The share of a cancelled lot that is taken from the queue ahead.
double share_ahead(const QueueParams& queue, double ahead_lots, double behind_lots);

// A stretch of the recording, both ends included; ns UTC.
struct RangeParams {
  TimeNs start_ns = 0;
  TimeNs end_ns = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("start_ns", self.start_ns);
    visit("end_ns", self.end_ns);
  }
};

struct ReplayMarketParams {
  static constexpr const char* kKind = "replay";

  std::string recording;            // a file that Python reads; `tape` is what it holds
  std::string sha256;               // of that file; empty: any
  std::vector<RangeParams> ranges;  // episodes lie within one of them; none: the whole recording
  QueueParams queue;
  bool taker_allowed = false;  // else every order is post-only
  TypicalParams typical;       // scales observations

  // The recording itself, and what tells it from others; no field, for it is no number.
  std::shared_ptr<const Tape> tape;
  std::uint64_t tape_checksum = 0;

  // Throws std::invalid_argument that names the field, what was expected and what came.
  void validate() const;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("recording", self.recording);
    visit("sha256", self.sha256);
    visit("ranges", self.ranges);
    visit("queue", self.queue);
    visit("taker_allowed", self.taker_allowed);
    visit("typical", self.typical);
  }
};

}  // namespace rlmm
