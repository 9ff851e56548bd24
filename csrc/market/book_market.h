// A market with a book: the agent's quotes stand in a queue among others' orders.
//
// `Setting` says whose orders those are and how an episode starts: `FlowSetting`, a flow that
// reacts to the agent, or `ReplaySetting` (market/replay_market.h), a recorded day.
//
// A step: the desk's messages leave with the observation's age and the entry delay, reach the book
// while its flow goes on, and are hit, bypassed and traded through like any other order; what
// becomes of them is heard after the response delay. The mid that offsets, marks and observations
// refer to is that of the others' orders: the agent cannot mark his own position. While the others
// lack a side, the mid and the touch stay as they were when they last had both.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "agent/account.h"
#include "agent/columns.h"
#include "agent/desk.h"
#include "agent/latency.h"
#include "features/book_observer.h"
#include "market/fill_log.h"
#include "market/flow_setting.h"
#include "market/market.h"
#include "market/markouts.h"
#include "market/regime_filter.h"
#include "market/scenario.h"
#include "market/trace.h"

namespace rlmm {

// After so many steps, and sooner after a reset, a market proves its own soundness; always in
// debug builds and under sanitizers.
#ifdef RLMM_CHECK_EVERY_STEP
inline constexpr std::int64_t kStepsPerCheck = 1;
#else
inline constexpr std::int64_t kStepsPerCheck = 1 << 16;
#endif

// Whether a book keeps the best price of the others' orders at hand, and tells when it moves.
template <class Book>
inline constexpr bool kTellsOthersBest =
    requires(const Book& book) { book.others_best(Side::kBid); };

template <class Setting>
class BookModelOf {
 public:
  BookModelOf(const EnvParams& params, const FeatureWriter& features);

  EnvParams params;
  Setting setting;
  Delay feed;
  Delay entry;
  Delay response;
  double soft_limit_lots;
  BookObserverModel observer;
  bool filters_regime;
  RegimeFilterModel regime_filter;
};

template <class Setting>
class BookMarketOf {
 public:
  using Model = BookModelOf<Setting>;
  using Book = Setting::Book;

  // `model` must outlive the market.
  explicit BookMarketOf(const Model& model);

  void reset(SeedKey key, std::uint64_t episode);
  StepOutcome step(const Quotes& quotes);
  const BookView& view() const { return view_; }
  const Account& account() const { return account_; }
  std::int64_t steps_done() const { return state_.steps_done; }
  std::size_t regime() const { return market_.regime(); }
  // Whether there is nothing to come: a recording has ended.
  bool exhausted() const {
    if constexpr (requires { market_.exhausted(); }) {
      return market_.exhausted();
    } else {
      return false;
    }
  }
  // The columns that only a book has, of the last step.
  void write_columns(ColumnRow& row) const;
  void save(Writer& out) const;
  void load(Reader& in);

  FillLog& fill_log() { return fill_log_; }

  // Walks everything and throws InvariantError at the first contradiction.
  void check_invariants() const;

  const Book& flow_book() const { return market_; }
  void record(EventLog* log)
    requires requires(Book& book) { book.record(log); }
  {
    market_.record(log);
  }
  // From now to the end of the episode everything is written down; null: no longer. A book that
  // can be recorded begins with what is in it.
  void trace(Trace* to);

 private:
  // The agent's order on one side, as the market holds it.
  struct Standing {
    std::uint64_t slot = kNoSlot;  // as wide as its neighbours: no padding
    std::uint64_t arrival = 0;
    std::uint64_t order = 0;
    TimeNs since_ns = 0;  // in its place in the queue
  };
  struct State {
    std::int64_t steps_done = 0;
    TimeNs feed_ns = 0;           // age of the present observation when the agent gets it
    Ticks seen_mid_ticks_x2 = 0;  // in the last observation
    TimeNs integrated_ns = 0;     // up to where the inventory's integrals go
    TimeNs change_ns = 0;         // when the scenario changes next
    std::uint64_t halted = 0;     // 0 or 1, like `dark`
    std::uint64_t dark = 0;       // the feed is out
    std::uint64_t alone = 0;      // the agent is, at a best price or on a side
    double latency = 1.0;
  };
  struct Extra {  // columns of the last step
    std::int64_t events = 0;
    std::int64_t refused = 0;  // messages held back by the rate limit
    Lots rejected_lots = 0;    // dropped by the market: would have crossed, or too late
    Markouts::Matured markouts;
  };

  TimeNs now_ns() const { return market_.now_ns(); }
  TimeNs delay_ns(const Delay& delay, Stream& stream);
  bool is_alive(Side side) const;
  Ticks others_best(Side side) const;
  bool is_halted() const {
    if constexpr (requires { market_.is_halted(); }) {
      if (market_.is_halted()) return true;
    }
    return state_.halted != 0;
  }

  void send(const Quotes& quotes);
  void run_until(TimeNs end_ns);
  void deliver(const Message& message);
  Lots admitted_lots(const Message& message, Lots lots);
  TimeInForce force() const;
  void place(const Message& message);
  void replace(const Message& message);
  void withdraw(const Message& message);
  void settle_order(const Message& message, const Outcome& outcome, Lots cut_lots);
  void notify(Side side, std::uint64_t order, Lots filled_lots, Lots dropped_lots);
  void trace_decision(const Packet& packet);
  void trace_standing(AgentEvent what, Side side, std::uint64_t order);
  void fill(Side side, Ticks price_ticks, Lots lots, bool maker);
  void book_maker_fills();
  Lots queue_ahead(Side side) const;
  void set_fees(double factor);
  void after_event();
  void after_change();
  void settle_markouts();
  void apply_scenario();
  void integrate_inventory();
  void liquidate();
  void hear();
  void show();
  void show_depth();

  const Model* model_;
  Book market_;
  Account account_;
  FeeSchedule fees_;
  Desk desk_;
  Markouts markouts_;
  FillLog fill_log_;
  RegimeFilter regime_filter_;
  BookObserver observer_;
  State state_;
  std::array<Standing, 2> standing_{};
  Trace* trace_ = nullptr;
  std::vector<Message> in_flight_;
  std::vector<Notice> notices_;
  std::array<Lots, 2> heard_lots_{};
  Line entry_line_;
  Line response_line_;
  Stream feed_stream_;
  Stream entry_stream_;
  Stream response_stream_;
  std::vector<typename Book::Execution> executions_;  // scratch
  StepOutcome outcome_;
  Extra extra_;
  BookView view_;
  std::int64_t check_step_ = 0;  // after which everything is checked
};

using BookModel = BookModelOf<FlowSetting>;
using BookMarket = BookMarketOf<FlowSetting>;

}  // namespace rlmm
