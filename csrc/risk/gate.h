// The last thing that every message passes before it leaves: is it allowed?
//
// Contract
//  - Nobody else counts: position, open orders and gain are what the gate was told by the reports
//    of the exchange, and what it let pass. What passed is open until the exchange says that it is
//    closed; an amendment counts with the old and the new size, whichever is larger, and with both
//    prices, until it is answered.
//  - Worst case: for each side, the position with every open order of that side filled. No action
//    that passes ever brings it beyond `position_lots_max`, whatever is filled in whatever order.
//    (It needs an exchange that takes what was filled meanwhile off an amendment's size.)
//  - Integers throughout: no input, however large, overflows. What cannot be is refused; a report
//    that cannot be halts.
//  - States: ACTIVE; REDUCING, in which only orders pass that bring the position nearer to zero;
//    HALTED, in which only cancels pass, and which nothing but `clear` ends.
//  - Time is an argument and never goes back: an earlier one counts as the latest.
//  - A refused action changes nothing but the time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "risk/limits.h"
#include "risk/reasons.h"
#include "types.h"

namespace rlmm {

enum class RiskState : std::uint8_t { kActive, kReducing, kHalted };
inline constexpr std::array<const char*, 3> kRiskStates = {"ACTIVE", "REDUCING", "HALTED"};

// So many a second on average, a second's worth at once; counted in 1e-9 of a message.
class MessageBudget {
 public:
  explicit MessageBudget(std::int64_t per_s);
  void advance(TimeNs elapsed_ns);
  bool has_one() const { return left_e9_ >= kOneE9; }
  void take_one() { left_e9_ -= kOneE9; }

 private:
  static constexpr std::int64_t kOneE9 = 1'000'000'000;
  std::int64_t per_s_;
  std::int64_t left_e9_;
};

class RiskGate {
 public:
  static constexpr Ticks kPriceMost = Ticks{1} << 40U;
  static constexpr Lots kLotsMost = Lots{1} << 40U;
  static constexpr Lots kPositionMost = Lots{1} << 60U;

  struct Order {
    std::uint64_t id = 0;
    Ticks price_ticks = 0;     // of the amendment under way, if there is one
    Ticks resting_ticks = 0;   // as last confirmed
    Lots lots = 0;             // at most so many can still be filled
    std::int64_t pending = 0;  // amendments without an answer
    Side side = Side::kBid;
  };

  // Throws std::invalid_argument for limits that are none.
  explicit RiskGate(const RiskLimits& limits);

  // --- what is about to be sent
  // -------------------------------------------------------------------

  RiskReason submit(std::uint64_t id, Side side, Ticks price_ticks, Lots lots, TimeNs now_ns);
  // `lots`: what shall be open.
  RiskReason amend(std::uint64_t id, Ticks price_ticks, Lots lots, TimeNs now_ns);
  RiskReason cancel(std::uint64_t id, TimeNs now_ns);
  // Cancelling everything at once is always allowed, and not counted.

  // --- what the exchange says
  // ----------------------------------------------------------------------

  void on_market(Ticks mid_ticks_x2, TimeNs now_ns);
  // The feed cannot be trusted until there is a new price.
  void on_feed_lost() { mid_ticks_x2_ = 0; }
  // An amendment was taken, or refused: what is open now, at which price.
  void on_amended(std::uint64_t id, Ticks price_ticks, Lots lots);
  // `fee_e9`: in 1e-9 tick x lot; negative is a rebate.
  void on_fill(std::uint64_t id, Ticks price_ticks, Lots lots, std::int64_t fee_e9, TimeNs now_ns);
  // Filled, cancelled, refused or expired: nothing more can happen to it.
  void on_closed(std::uint64_t id);
  // After a new connection, when every fill that was missed has been reported: what the exchange
  // holds takes the place of what was believed. Another position than that halts, but for the
  // first time.
  void on_reconciled(Lots position_lots, const std::vector<Order>& open);

  // --- people, and those who speak for them
  // --------------------------------------------------------

  void halt(RiskReason why);
  void reduce(RiskReason why);
  // Back to ACTIVE; losses count from here.
  void clear();

  RiskState state() const { return state_; }
  // Why it is not ACTIVE; kPassed if it is.
  RiskReason why() const { return why_; }
  Lots position_lots() const { return position_lots_; }
  // The position if every open order of that side were filled, as seen from that side: positive
  // is long for the bid, short for the ask.
  Lots worst_lots(Side side) const {
    return sign(side) * position_lots_ + open_lots_[index_of(side)];
  }
  const std::vector<Order>& open() const { return open_; }
  // Marked to the mid, fees paid, since the gate was made; the largest integer where it is larger.
  Money pnl() const;
  Money day_pnl() const;
  Money drawdown() const;

 private:
  __extension__ using Wide = __int128;
  static constexpr std::int64_t kE9 = 1'000'000'000;

  void advance(TimeNs now_ns);
  Order* find(std::uint64_t id);
  RiskReason check_order(Side side, Ticks price_ticks, Lots lots) const;
  RiskReason check_exposure(Side side, Lots order_lots, Lots worst_lots) const;
  bool meets_own(Side side, Ticks price_ticks) const;
  Wide pnl_x2() const {
    return 2 * (cash_ - fees_e9_ / kE9) + Wide{position_lots_} * mark_ticks_x2_ - opening_x2_;
  }
  void check_losses();
  void rebase();
  void settle_position();

  RiskLimits limits_;
  RiskState state_ = RiskState::kActive;
  RiskReason why_ = RiskReason::kPassed;
  MessageBudget orders_;
  MessageBudget cancels_;
  TimeNs now_ns_ = 0;
  TimeNs market_ns_ = 0;
  std::int64_t day_ = 0;
  Ticks mid_ticks_x2_ = 0;   // 0: not known
  Ticks mark_ticks_x2_ = 0;  // the last one that was
  std::uint64_t last_id_ = 0;
  bool reconciled_ = false;
  Lots position_lots_ = 0;
  std::array<Lots, 2> open_lots_{};
  Wide cash_ = 0;  // before fees
  Wide fees_e9_ = 0;
  Wide opening_x2_ = 0;
  Wide day_start_x2_ = 0;
  Wide peak_x2_ = 0;
  std::vector<Order> open_;
};

}  // namespace rlmm
