// A recorded book that is played on, and the agent's two orders in it: at most one on each side.
//
// Rules
//  - The record goes on as it was. What the agent does changes only what he himself finds: lots he
//    took by crossing stay taken until the record has fewer than that left, also over a clear that
//    a snapshot follows at once (`RecordedBook`).
//  - A trade at his price eats the queue ahead of him first, then his order; one at a worse price
//    means that he was passed by, and fills him. A trade fills no more than its lots.
//  - A recorded order that comes in across his price meets him first: he is filled at his price,
//    and what he got of it is taken.
//  - Where orders are told apart the queue ahead is exact: those that came before him. Elsewhere a
//    cancel at his level is shared out between the queues ahead and behind by a law
//    (`QueueParams`), and the queue ahead is never longer than the level. What the record did not
//    show counts as ahead: the lots of a level that comes into sight, and after a snapshot those of
//    the level; without order ids no more of these than were ahead before. Of a level that was in
//    sight and comes back, no more are ahead than were ahead when it left; whose its cancels are
//    nobody knows then: from behind, as far as there is any.
//  - Events at one time come before the agent's messages of that time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "book/order_book.h"
#include "flow/flow_model.h"
#include "market/replay_tape.h"
#include "replay_params.h"
#include "serialize.h"
#include "types.h"

namespace rlmm {

class ReplayBook {
 public:
  // What the last row was; as FlowBook has it.
  struct Happened {
    Group group = Group::kMarketSell;
    Lots lots = 0;               // of a market order: all of it, with its last trade, and 0 before
    bool touch_changed = false;  // it, or the others' best price or lots, may have
  };
  struct Execution {
    Ticks price_ticks;
    Lots lots;
  };

  // `tape` must outlive this.
  ReplayBook(const Tape& tape, const QueueParams& queue);

  // Time 0 is `start_ns` of the record, or later, when there are bids and asks at last. Nothing
  // after `end_ns` is played. Throws RangeError if there are never both.
  void start(TimeNs start_ns, TimeNs end_ns);

  // Plays the next row, if it is not later than `stop_ns`. False: there was none, and time is
  // `stop_ns` now.
  bool advance(TimeNs stop_ns);

  const Happened& happened() const { return happened_; }
  // Fills of the agent's resting orders by the last row.
  const std::vector<Fill>& agent_fills() const { return fills_; }

  Outcome submit(Side side, Ticks price_ticks, Lots lots, TimeInForce time_in_force,
                 std::vector<Execution>& executions);
  void cancel(Slot slot);
  Outcome amend(Slot slot, Ticks price_ticks, Lots lots, TimeInForce time_in_force,
                std::vector<Execution>& executions);

  // --- what there is to see: what the agent has left of the record, and his own orders -----------

  const ReplayBook& book() const { return *this; }
  TimeNs now_ns() const { return now_ns_; }
  TimeNs origin_ns() const { return origin_ns_; }  // time 0 in the record
  bool exhausted() const { return now_ns_ >= end_ns_ - origin_ns_; }
  bool is_halted() const { return recorded_.session() == Session::kHalted; }
  Ticks first_mid_ticks_x2() const { return first_mid_ticks_x2_; }
  Ticks mid_ticks_x2() const;  // of the others' orders
  static std::size_t regime() { return 0; }

  bool has(Side side) const { return best(side) != none(side); }
  // OrderBook::kNoBid or kNoAsk if there is none.
  Ticks best(Side side) const { return touch_[index_of(side)].price_ticks; }
  // Without the agent's order. `happened().touch_changed` tells of its moves too.
  Ticks others_best(Side side) const { return touch_[index_of(side)].others_ticks; }
  Lots best_lots(Side side) const { return touch_[index_of(side)].lots; }
  Ticks next_price(Side side, Ticks price_ticks) const;
  Lots lots_at(Side side, Ticks price_ticks) const;
  std::size_t played() const { return next_; }  // events of the tape
  const RecordedBook& recorded() const { return recorded_; }

  static constexpr TimeNs kNever = std::numeric_limits<TimeNs>::min();
  static constexpr TimeNs kAlways = kNever + 1;
  // An agent's order; its slot is its side.
  struct OwnOrder {
    Ticks price_ticks = 0;
    Lots lots = 0;              // 0: none
    std::uint64_t arrival = 0;  // counts the agent's orders
    std::uint64_t entry = 0;    // the event that comes next when it comes to rest
    double ahead_lots = 0.0;
    TimeNs in_sight_ns = kNever;  // when its level came into sight, in the record
    // Where the queue is exact: lots that were ahead and have left sight, and those that came into
    // sight at its level since it rests there, ahead of it and behind.
    Lots gone_lots = 0;
    Lots back_lots = 0;
    Lots behind_lots = 0;
  };
  const OwnOrder& order(Slot slot) const { return own_[slot]; }
  bool is_live(Slot slot, std::uint64_t arrival) const {
    return own_[slot].lots > 0 && own_[slot].arrival == arrival;
  }
  Lots queue_ahead(Slot slot) const;

  // Walks everything and throws InvariantError at the first contradiction.
  void check_invariants() const;

  void save(Writer& out) const;
  void load(Reader& in);

 private:
  static Ticks none(Side side) {
    return side == Side::kBid ? OrderBook::kNoBid : OrderBook::kNoAsk;
  }
  // Whether a is at least as good a price for its owner's place in the queue as b.
  static bool reaches(Side side, Ticks a, Ticks b) { return sign(side) * (a - b) >= 0; }
  OwnOrder* own_at(Side side, Ticks price_ticks) {
    OwnOrder& own = own_[index_of(side)];
    return own.lots > 0 && own.price_ticks == price_ticks ? &own : nullptr;
  }
  Ticks better(Side side, Ticks others, const OwnOrder& own) const;

  void apply(const TapeEvent& event);
  void add(const TapeEvent& event);
  void cancel(const TapeEvent& event);
  void trade(const TapeEvent& event);
  void print(const TapeEvent& event);
  void clear(const TapeEvent& event);
  void reduce(const TapeEvent& event, OwnOrder* own, double from_ahead);
  static bool comes_into_sight(OwnOrder& own, const TapeEvent& event);
  void join_level(OwnOrder& own, const TapeEvent& event, bool is_new) const;
  void join_order(OwnOrder& own, const TapeEvent& event, Lots lots, bool is_new) const;
  Lots ahead_in_order(const OwnOrder& own, const TapeEvent& event) const;
  void leave_order(OwnOrder& own, const TapeEvent& event, Lots lots) const;
  void count_market_order(const TapeEvent& event);
  void fill(Side side, Lots lots);
  // Something is different at this price. The others' best counts, not the best of all: behind the
  // agent's order it decides the mid.
  void watch(Side side, Ticks price_ticks) {
    bool& stale = stale_[index_of(side)];
    stale = stale || reaches(side, price_ticks, others_best(side));
  }
  struct Touch {
    Ticks price_ticks = 0;
    Lots lots = 0;
    Ticks others_ticks = 0;  // without the agent's order, which may be alone in front
  };
  Touch found_touch(Side side) const;
  void find_touch(Side side);
  void refresh_touch();
  Lots execute(Side side, Ticks price_ticks, Lots lots, std::vector<Execution>& executions);
  void rest(Side side, Ticks price_ticks, Lots lots);

  const Tape* tape_;
  QueueParams queue_;
  bool exact_;  // orders are told apart
  RecordedBook recorded_;
  std::size_t next_ = 0;  // event of the tape
  std::size_t end_ = 0;
  TimeNs now_ns_ = 0;
  TimeNs origin_ns_ = 0;
  TimeNs end_ns_ = 0;
  Ticks first_mid_ticks_x2_ = 0;
  std::array<OwnOrder, 2> own_{};
  std::uint64_t arrivals_ = 0;
  std::array<Lots, 2> pending_lots_{};  // traded by a market order that goes on
  std::array<Touch, 2> touch_{};
  std::array<bool, 2> stale_{};  // touch_ is to be found anew
  Happened happened_;
  std::vector<Fill> fills_;
};

}  // namespace rlmm
