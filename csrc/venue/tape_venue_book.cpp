// A recorded session that is played on among the accounts' orders.
//
// Rules, those of `ReplayBook` for any number of orders in one queue:
//  - The record goes on as it was. What accounts took of an order stays taken until the record has
//    less than that; a clear, and the snapshot behind it, shows it again.
//  - A trade's lots fill the orders that stand at better prices first, then those ahead of the one
//    that was hit (where orders are told apart; elsewhere of the lots that were hit), and no more
//    than its lots in all. The record loses its lots whoever was filled.
//  - A recorded order that comes in across an account's price meets it first.
//  - Where orders are not told apart, a cancel at a level takes the lots that came last.
#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "events.h"
#include "market/replay_tape.h"
#include "venue/venue_book.h"

namespace rlmm {
namespace {

constexpr Pool kAccounts = 2;
constexpr Ticks kBandTicks = 4096;

class TapeVenueBook : public VenueBook {
 public:
  explicit TapeVenueBook(const ReplayMarketParams& params)
      : tape_(params.tape), of_slot_(tape_ == nullptr ? 0 : tape_->slots()) {
    if (tape_ == nullptr) throw std::invalid_argument("market: expected a recording, got none");
    const std::vector<TapeEvent>& events = tape_->events();
    while (next_ < events.size() && !(book_.has(Side::kBid) && book_.has(Side::kAsk))) {
      origin_ns_ = events[next_].ts_ns;
      while (next_ < events.size() && events[next_].ts_ns <= origin_ns_) apply(events[next_++]);
    }
    if (!book_.has(Side::kBid) || !book_.has(Side::kAsk)) {
      throw std::invalid_argument("market: expected a recording with bids and asks, got none");
    }
  }

  void advance(TimeNs until_ns) override {
    const std::vector<TapeEvent>& events = tape_->events();
    while (next_ < events.size() && events[next_].ts_ns - origin_ns_ <= until_ns) {
      now_ns_ = std::max(now_ns_, events[next_].ts_ns - origin_ns_);
      apply(events[next_++]);
    }
    now_ns_ = until_ns;
  }
  const OrderBook& book() const override { return book_; }
  TimeNs now_ns() const override { return now_ns_; }
  bool halted() const override { return session_ == Session::kHalted; }
  bool ended() const override { return next_ == tape_->events().size(); }
  Ticks band_ticks() const override { return kBandTicks; }

  Outcome submit(const Submission& order) override {
    Submission own = order;
    own.pool = kAccounts;
    Lots left = order.lots;
    const Outcome outcome = book_.submit(own, [&](const Fill& fill) {
      left -= fill.lots;
      log_fill(fill, left > 0);
    });
    if (log_ != nullptr && left > 0) log_->end_fills(outcome.filled_lots);
    if (outcome.slot != kNoSlot) {
      const Order& rests = book_.order(outcome.slot);
      log(EventKind::kAdd, rests.side, rests.price_ticks, rests.lots, rests.arrival, kFlagAgent);
    }
    return outcome;
  }
  void cancel(Slot slot) override { take_off(slot, book_.order(slot).lots, kFlagAgent); }
  void reduce(Slot slot, Lots lots) override { take_off(slot, lots, kFlagAgent); }

  void record(EventLog* log) override { log_ = log; }
  void check_invariants() const override { book_.check_invariants(); }
  void save(Writer& out) const override {
    book_.save(out);
    out.put(next_);
    out.put(now_ns_);
    out.put(session_);
    out.put(tape_->checksum());
    out.put_vector(of_slot_);
  }
  void load(Reader& in) override {
    book_.load(in);
    next_ = in.get<std::size_t>();
    now_ns_ = in.get<TimeNs>();
    session_ = in.get<Session>();
    const auto checksum = in.get<std::uint64_t>();
    of_slot_ = in.get_vector<Known>();
    if (checksum != tape_->checksum() || of_slot_.size() != tape_->slots() ||
        next_ > tape_->events().size()) {
      throw std::invalid_argument("state: expected one of the same recording, got another's");
    }
  }

 private:
  // Where the record's order lies in the book.
  struct Known {
    std::uint64_t slot = kNoSlot;  // as wide as its neighbour: no padding
    std::uint64_t arrival = 0;
  };

  void log(EventKind kind, Side side, Ticks price_ticks, Lots lots, std::uint64_t order_id,
           int flags) {
    if (log_ == nullptr) return;
    log_->add({now_ns_, price_ticks, lots, order_id, kind, static_cast<std::int8_t>(sign(side)),
               static_cast<std::uint8_t>(flags)},
              book_);
  }
  void log_fill(const Fill& fill, bool goes_on) {
    const int flags = (fill.left_lots > 0 ? kFlagRemains : 0) | (goes_on ? kFlagMoreFills : 0) |
                      (fill.owner != kCrowd ? kFlagAgent : 0);
    log(EventKind::kTrade, fill.side, fill.price_ticks, fill.lots, book_.order(fill.slot).arrival,
        flags);
  }

  void take_off(Slot slot, Lots lots, int flags) {
    const Order order = book_.order(slot);
    const bool remains = lots < order.lots;
    if (remains) {
      book_.reduce(slot, lots);
    } else {
      book_.cancel(slot);
    }
    log(EventKind::kCancel, order.side, order.price_ticks, lots, order.arrival,
        flags | (remains ? kFlagRemains : 0));
  }

  // The front order of a level trades.
  void trade_front(Side side, Lots lots) {
    book_.execute(side, lots, book_.best(side), [&](const Fill& fill) { log_fill(fill, false); });
  }
  Slot front_of(Side side) const { return book_.level(book_.best(side)).front; }
  bool is_crowds(Slot slot) const { return book_.order(slot).owner == kCrowd; }

  void apply(const TapeEvent& event) {
    switch (event.op) {
      case TapeOp::kAdd:
        add(event);
        break;
      case TapeOp::kCancel:
        reduce_record(event, event.lots, false);
        break;
      case TapeOp::kTrade:
        trade(event);
        break;
      case TapeOp::kPrint:
        print(event);
        break;
      case TapeOp::kClear:
        clear(event.side);
        break;
      case TapeOp::kStatus:
        session_ = static_cast<Session>(event.lots);
        if (log_ != nullptr) log_->add_whole(EventKind::kStatus, now_ns_, event.lots, book_);
        break;
      case TapeOp::kNothing:
        break;
    }
  }

  void add(const TapeEvent& event) {
    const Side across = opposite(event.side);
    Lots left = event.lots;
    while (left > 0 && book_.crosses(event.side, event.price_ticks)) {
      const Slot front = front_of(across);
      const Lots there = book_.order(front).lots;
      if (is_crowds(front)) {  // the record crosses itself: what was there is out of date
        take_off(front, there, kFlagReach);
        continue;
      }
      const Lots lots = std::min(left, there);
      trade_front(across, lots);
      left -= lots;
    }
    const int flags = (event.flags & (kTapeReach | kTapeSnapshot)) != 0 ? kFlagReach : 0;
    while (left > 0) {
      const Lots lots = std::min(left, OrderBook::kOrderLotsMax);
      const Slot slot = book_.rest(event.side, event.price_ticks, lots, kCrowd, 0);
      const std::uint64_t arrival = book_.order(slot).arrival;
      log(EventKind::kAdd, event.side, event.price_ticks, lots, arrival, flags);
      if (event.slot != kNoOrder) know(event.slot, {slot, arrival});
      left -= lots;
    }
  }

  void know(std::uint32_t slot, const Known& known) {
    if (of_slot_.size() <= slot) of_slot_.resize(std::size_t{slot} + 1);
    of_slot_[slot] = known;
  }

  // The record's order in the book, if something of it is left there.
  Slot found(const TapeEvent& event) const {
    if (event.slot == kNoOrder || event.slot >= of_slot_.size()) return kNoSlot;
    const Known& known = of_slot_[event.slot];
    const auto slot = static_cast<Slot>(known.slot);
    return slot != kNoSlot && book_.is_live(slot, known.arrival) ? slot : kNoSlot;
  }

  // The record loses so many lots there: the first ones that are left, or the last.
  void reduce_record(const TapeEvent& event, Lots lots, bool from_front) {
    const int flags = (event.flags & kTapeReach) != 0 ? kFlagReach : 0;
    if (event.slot != kNoOrder) {
      const Slot slot = found(event);
      if (slot != kNoSlot) take_off(slot, std::min<Lots>(lots, book_.order(slot).lots), flags);
      return;
    }
    const Level level = book_.level(event.price_ticks);
    Slot slot = from_front ? level.front : level.back;
    while (lots > 0 && slot != kNoSlot) {
      const Order order = book_.order(slot);
      if (order.side != event.side) return;
      if (order.owner == kCrowd) {
        const Lots gone = std::min<Lots>(lots, order.lots);
        take_off(slot, gone, flags);
        lots -= gone;
      }
      slot = from_front ? order.next : order.previous;
    }
  }

  // Account orders at better prices than the event's are filled; returns what is left of `lots`.
  Lots pass(const TapeEvent& event, Lots lots) {
    while (lots > 0 && book_.has(event.side) &&
           sign(event.side) * (book_.best(event.side) - event.price_ticks) > 0) {
      const Slot front = front_of(event.side);
      if (is_crowds(front)) return lots;  // hidden from the trade: it is not the record's best
      const Lots met = std::min<Lots>(lots, book_.order(front).lots);
      trade_front(event.side, met);
      lots -= met;
    }
    return lots;
  }

  void trade(const TapeEvent& event) {
    Lots left = pass(event, event.lots);
    Lots owed = event.lots;  // by the record
    const Slot hit = found(event);
    while (left > 0 && book_.best(event.side) == event.price_ticks) {
      const Slot front = front_of(event.side);
      if (is_crowds(front) && event.slot != kNoOrder && front != hit) break;
      const bool is_record = is_crowds(front);
      const Lots met = std::min<Lots>(left, book_.order(front).lots);
      trade_front(event.side, met);
      left -= met;
      if (is_record) owed -= met;
      if (is_record && event.slot != kNoOrder) break;
    }
    if (owed > 0) reduce_record(event, owed, true);
  }

  void print(const TapeEvent& event) {
    Lots left = pass(event, event.lots);
    while (left > 0 && book_.best(event.side) == event.price_ticks) {
      const Slot front = front_of(event.side);
      if (is_crowds(front)) break;
      const Lots met = std::min<Lots>(left, book_.order(front).lots);
      trade_front(event.side, met);
      left -= met;
    }
    if (left > 0) log(EventKind::kTrade, event.side, event.price_ticks, left, 0, kFlagHidden);
  }

  void clear(Side side) {
    const std::vector<Slot> all = book_.pool(side, 0);
    for (const Slot slot : all) take_off(slot, book_.order(slot).lots, kFlagReach);
  }

  std::shared_ptr<const Tape> tape_;
  OrderBook book_;
  std::vector<Known> of_slot_;
  std::size_t next_ = 0;
  TimeNs origin_ns_ = 0;
  TimeNs now_ns_ = 0;
  Session session_ = Session::kTrading;
  EventLog* log_ = nullptr;
};

}  // namespace

std::unique_ptr<VenueBook> make_tape_venue_book(const ReplayMarketParams& params) {
  return std::make_unique<TapeVenueBook>(params);
}

}  // namespace rlmm
