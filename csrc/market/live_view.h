// What a live client sees: a book and a step clock that follow market data, the agent's orders in
// it, and the observation of each step, made by the code that makes it in training.
//
// Contract
//  - Fed with a snapshot, then with rows of the canonical event table, in order. A step k ends when
//    all rows up to start + k x step_ns are known: when a later row comes, or when the caller's
//    clock says so (`close_until`). Rows of a training in a replayed market and the same rows here
//    give the same observations, bit for bit.
//  - In a replayed market every row is an event; in a simulated one the fills of one market order
//    are one. The view does as the market does that the policy was trained in.
//  - The mid is that of the others' orders: levels less the agent's lots in them.
//  - Lots ahead of the agent's order are exact where rows name orders, else shared out as
//    `QueueParams` of a replayed market says.
//  - Nobody shows the regime: features that need it are refused.
//  - At the horizon the clock starts anew; what the features look back on stays.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <unordered_set>

#include "agent/desk.h"
#include "events.h"
#include "features/book_observer.h"
#include "features/features.h"
#include "params.h"
#include "replay_params.h"
#include "types.h"

namespace rlmm {

class LiveView {
 public:
  struct Row {
    TimeNs ts_ns = 0;
    EventKind kind = EventKind::kAdd;
    std::int64_t side = 0;  // 1 bid, -1 ask, 0 none
    Ticks price_ticks = 0;
    Lots lots = 0;
    std::uint64_t order_id = 0;
    std::uint64_t flags = 0;
  };

  // Throws std::invalid_argument for a market without a book, or features that nobody shows.
  explicit LiveView(const EnvParams& params);

  // --- market data
  // -----------------------------------------------------------------------------------

  // A new book: levels come by `set_level`. The first one starts the clock; a later one, after a
  // gap, keeps it.
  void clear_book(TimeNs ts_ns);
  void set_level(Side side, Ticks price_ticks, Lots lots);
  void start(TimeNs ts_ns);
  bool started() const { return started_; }

  // Whether the row is of a later step: `end_step` has to come first.
  bool is_later(TimeNs ts_ns) const { return ts_ns > step_end_ns_; }
  TimeNs step_end_ns() const { return step_end_ns_; }
  // Throws std::invalid_argument for a row that cannot be applied to this book: something was
  // missed.
  void apply(const Row& row);
  // The step is over: makes the observation. False while a side of the book is empty, when there is
  // nothing to decide on.
  bool end_step();

  // --- the agent
  // -------------------------------------------------------------------------------------

  // His position and orders are these and no others.
  void reconcile(Lots inventory_lots);
  // His order rests now, or no longer (0 lots).
  void on_order(Side side, std::uint64_t order_id, Ticks price_ticks, Lots lots, Lots ahead_lots);
  void hear(const Notice& notice);
  // The messages that bring his orders to what is wanted; what may not be sent is taken back.
  Packet decide(const Quotes& quotes);
  void take_back(Side side);

  const FeatureWriter& features() const { return features_; }
  std::int64_t observe(float* row) const { return features_.write(view_.data(), row); }
  const Desk& desk() const { return desk_; }
  Ticks mid_ticks_x2() const { return observer_.mid_ticks_x2(); }
  bool has_both() const;
  std::int64_t steps_done() const { return steps_done_; }
  // Up to `most` levels of a side, the best first: price, lots, own lots.
  template <class Take>
  void levels(Side side, std::size_t most, const Take& take) const {
    for (const auto& [key, lots] : levels_[index_of(side)]) {
      if (most-- == 0) return;
      const Ticks price = -sign(side) * key;
      take(price, lots, own_lots_at(side, price));
    }
  }

 private:
  struct Own {
    std::uint64_t order_id = 0;
    Ticks price_ticks = 0;
    Lots lots = 0;
    double ahead_lots = 0.0;
    std::unordered_set<std::uint64_t> behind;
  };
  using Levels = std::map<std::int64_t, Lots>;  // by -sign x price: the best first

  Lots own_lots_at(Side side, Ticks price_ticks) const {
    const Own& own = own_[index_of(side)];
    return own.lots > 0 && own.price_ticks == price_ticks ? own.lots : 0;
  }
  bool is_own(const Row& row) const;
  Lots level_lots(Side side, Ticks price_ticks) const;
  void add(Side side, const Row& row);
  void take(Side side, const Row& row);
  void pass_queue(Side side, const Row& row);
  void count_market_order(Side side, const Row& row);
  void look();
  Ticks others_best(Side side) const;
  void show();

  FeatureWriter features_;
  BookObserverModel model_;
  QueueParams queue_;
  bool joins_fills_;
  TimeNs step_ns_;
  std::int64_t n_steps_;
  BookObserver observer_;
  Desk desk_;
  Desk desk_before_;
  std::array<Levels, 2> levels_;
  std::array<Own, 2> own_;
  std::array<Lots, 2> pending_lots_{};
  std::array<Lots, 2> heard_lots_{};
  std::int64_t market_sells_ = 0;
  std::int64_t market_buys_ = 0;
  bool started_ = false;
  TimeNs step_end_ns_ = 0;
  std::int64_t steps_done_ = 0;
  Ticks first_mid_ticks_x2_ = 0;
  Ticks seen_mid_ticks_x2_ = 0;
  BookView view_;
};

}  // namespace rlmm
