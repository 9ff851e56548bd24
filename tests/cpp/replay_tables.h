// Event tables that tests write row by row, and what is made of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "market/event_log.h"
#include "market/replay_book.h"
#include "market/replay_tape.h"
#include "rng.h"

namespace replay_tables {

using rlmm::EventKind;
using rlmm::Lots;
using rlmm::Side;
using rlmm::Ticks;
using rlmm::TimeNs;

struct Row {
  TimeNs ts_ns;
  EventKind kind;
  int side;  // 1 bid, -1 ask, 0 unknown
  Ticks price_ticks;
  Lots lots;
  std::uint64_t order_id = 0;
  std::uint8_t flags = 0;
};

// Columns of the rows, as a tape is made of.
class Table {
 public:
  Table() = default;
  explicit Table(const std::vector<Row>& rows) {
    for (const Row& row : rows) add(row);
  }
  explicit Table(const std::vector<rlmm::BookEvent>& events, bool by_order) {
    for (const rlmm::BookEvent& event : events) {
      add({event.ts_ns, event.kind, event.side, event.price_ticks, event.lots,
           by_order ? event.order_id : 0, event.flags});
    }
  }

  void add(const Row& row) {
    ts_ns_.push_back(row.ts_ns);
    kind_.push_back(static_cast<std::uint8_t>(row.kind));
    side_.push_back(static_cast<std::int8_t>(row.side));
    price_ticks_.push_back(row.price_ticks);
    lots_.push_back(row.lots);
    order_ids_.push_back(row.order_id);
    flags_.push_back(row.flags);
  }

  rlmm::Tape::Columns columns() const {
    return {ts_ns_.data(), kind_.data(),      side_.data(),  price_ticks_.data(),
            lots_.data(),  order_ids_.data(), flags_.data(), ts_ns_.size()};
  }
  std::shared_ptr<const rlmm::Tape> tape(std::size_t checkpoint_events = 1024) const {
    return std::make_shared<const rlmm::Tape>(columns(), checkpoint_events);
  }

 private:
  std::vector<TimeNs> ts_ns_;
  std::vector<std::uint8_t> kind_;
  std::vector<std::int8_t> side_;
  std::vector<Ticks> price_ticks_;
  std::vector<Lots> lots_;
  std::vector<std::uint64_t> order_ids_;
  std::vector<std::uint8_t> flags_;
};

// Two levels a side at time 0: 5 and 4 lots bid at 100 and 99, 6 and 7 asked at 102 and 103.
// With `by_order` each is one order: 1, 2, 3, 4.
inline std::vector<Row> small_book(bool by_order) {
  std::vector<Row> rows = {{0, EventKind::kSnapshot, 1, 100, 5, 1},
                           {0, EventKind::kSnapshot, 1, 99, 4, 2},
                           {0, EventKind::kSnapshot, -1, 102, 6, 3},
                           {0, EventKind::kSnapshot, -1, 103, 7, 4}};
  for (Row& row : rows) row.order_id = by_order ? row.order_id : 0;
  return rows;
}

// A book that is played one row after the other; each comes ten nanoseconds after the last.
class Stage {
 public:
  Stage(bool by_order, const rlmm::QueueParams& queue, const std::vector<Row>& rows)
      : tape_(table_of(by_order, rows).tape()), book(*tape_, queue) {
    book.start(0, tape_->last_ns() + 1000);
  }

  // Lots of the agent that the next row filled.
  Lots play(int rows = 1) {
    Lots filled = 0;
    for (int i = 0; i < rows; ++i) {
      book.advance(tape_->last_ns());
      for (const rlmm::Fill& fill : book.agent_fills()) filled += fill.lots;
    }
    return filled;
  }
  rlmm::Outcome quote(Side side, Ticks price_ticks, Lots lots) {
    executions.clear();
    return book.submit(side, price_ticks, lots, rlmm::TimeInForce::kGoodTillCancel, executions);
  }
  Lots ahead(Side side) const { return book.queue_ahead(static_cast<rlmm::Slot>(side)); }
  Lots open(Side side) const { return book.order(static_cast<rlmm::Slot>(side)).lots; }

 private:
  static Table table_of(bool by_order, const std::vector<Row>& rows) {
    Table table(small_book(by_order));
    TimeNs ts_ns = 0;
    for (Row row : rows) {
      row.ts_ns = ts_ns += 10;
      table.add(row);
    }
    return table;
  }

  std::shared_ptr<const rlmm::Tape> tape_;

 public:
  rlmm::ReplayBook book;
  std::vector<rlmm::ReplayBook::Execution> executions;
};

}  // namespace replay_tables
