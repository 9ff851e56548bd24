// Makes a tape of the rows of an event table, one after the other.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "market/event_log.h"
#include "market/replay_tape.h"

namespace rlmm {

class TapeMaker {
 public:
  TapeMaker(Tape& tape, const Tape::Columns& columns, std::size_t checkpoint_events);

  void make();

 private:
  // Whose slot it is: an order's, or that of all lots at a price which have no order.
  struct Holder {
    std::uint64_t order_id = 0;
    bool is_order = false;
  };
  struct Row {
    EventKind kind = EventKind::kAdd;
    Side side = Side::kBid;
    bool sided = true;
    Ticks price_ticks = 0;
    Lots lots = 0;
    std::uint64_t order_id = 0;
    std::uint8_t flags = 0;
  };

  Row checked_row() const;
  [[noreturn]] void refuse_row(const char* column, const std::string& expected,
                               std::int64_t got) const;
  void play(const Row& row);
  void note(Mended reason);

  void add(const Row& row);
  void cancel(const Row& row);
  void show(const Row& row);
  void set(const Row& row, int flags);
  void set_level(const Row& row, int flags);
  void set_order(const Row& row, std::uint32_t slot);
  void trade(const Row& row);
  void clear(const Row& row);

  std::uint32_t slot_of(const Row& row) const;
  std::uint32_t take_slot(const Row& row);
  void free_slot(std::uint32_t slot);
  Lots lots_of(const Row& row, std::uint32_t slot) const;
  std::vector<std::uint32_t> slots_at(const Row& row) const;

  void emit(TapeOp op, const Row& row, Lots lots, std::uint32_t slot, int flags);
  void emit_add(const Row& row, Lots lots, int flags);
  void emit_reduction(TapeOp op, const Row& row, Lots lots, std::uint32_t slot, int flags);
  void emit_level_reduction(const Row& row, Lots lots, int flags);
  bool is_checkpoint_due() const;
  void write_checkpoint();

  Tape& tape_;
  Tape::Columns columns_;
  std::size_t checkpoint_events_;
  std::size_t row_ = 0;
  TimeNs now_ns_ = 0;
  RecordedBook book_;
  std::unordered_map<std::uint64_t, std::uint32_t> slot_by_id_;
  std::map<std::pair<Side, Ticks>, std::uint32_t> slot_by_price_;
  std::map<std::pair<Side, Ticks>, std::size_t> shown_;  // the snapshot a level was last in
  std::size_t snapshot_ = 0;                             // its first row
  std::vector<Holder> holders_;
  std::vector<std::uint32_t> free_;
};

}  // namespace rlmm
