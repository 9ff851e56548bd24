#include "market/tape_maker.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "checks.h"

namespace rlmm {
namespace {

constexpr Lots kLevelLotsMax = Lots{1} << 52U;
constexpr unsigned kRowHidden = 16;  // a trade of lots that the book did not show
constexpr std::size_t kDepthMax = std::numeric_limits<std::uint8_t>::max();

int reach_of(std::uint8_t row_flags) { return (row_flags & kFlagReach) != 0 ? kTapeReach : 0; }

}  // namespace

TapeMaker::TapeMaker(Tape& tape, const Tape::Columns& columns, std::size_t checkpoint_events)
    : tape_(tape), columns_(columns), checkpoint_events_(checkpoint_events) {}

void TapeMaker::make() {
  tape_.events_.reserve(columns_.rows);
  now_ns_ = columns_.ts_ns[0];
  write_checkpoint();
  for (row_ = 0; row_ < columns_.rows; ++row_) {
    const Row row = checked_row();
    const TimeNs stamp_ns = columns_.ts_ns[row_];
    if (stamp_ns < now_ns_) note(Mended::kLateStamp);
    now_ns_ = std::max(now_ns_, stamp_ns);
    play(row);
    if (is_checkpoint_due()) write_checkpoint();
  }
  tape_.rows_ = columns_.rows;
  tape_.slots_ = holders_.size();
}

void TapeMaker::refuse_row(const char* column, const std::string& expected,
                           std::int64_t got) const {
  throw std::invalid_argument("row " + std::to_string(row_) + ": " + column + ": expected " +
                              expected + ", got " + std::to_string(got));
}

TapeMaker::Row TapeMaker::checked_row() const {
  const std::uint8_t kind = columns_.kind[row_];
  if (kind < static_cast<std::uint8_t>(EventKind::kAdd) ||
      kind > static_cast<std::uint8_t>(EventKind::kStatus)) {
    refuse_row("kind", "a value from 1 to 7", kind);
  }
  const std::int8_t side = columns_.side[row_];
  Row row;
  row.kind = static_cast<EventKind>(kind);
  row.sided = side == 1 || side == -1;
  row.side = side == -1 ? Side::kAsk : Side::kBid;
  row.price_ticks = columns_.price_ticks[row_];
  row.lots = columns_.lots[row_];
  row.order_id = tape_.by_order_ ? columns_.order_ids[row_] : 0;
  row.flags = columns_.flags[row_];
  const bool sideless = row.kind == EventKind::kTrade || row.kind == EventKind::kClear ||
                        row.kind == EventKind::kStatus;
  if (!row.sided && !(sideless && side == 0)) refuse_row("side", "1 (bid) or -1 (ask)", side);
  if (row.kind == EventKind::kClear) return row;
  const bool is_status = row.kind == EventKind::kStatus;
  const Lots least = is_status || row.kind == EventKind::kModify ? 0 : 1;
  const Lots most = is_status ? 2 : Tape::kLotsMax;
  if (row.lots < least || row.lots > most) {
    refuse_row("qty_lots", "from " + std::to_string(least) + " to " + std::to_string(most),
               row.lots);
  }
  if (!is_status && (row.price_ticks < 1 || row.price_ticks > kPriceMax)) {
    refuse_row("price_ticks", "from 1 to 2^40, for quotes are no lower than a tick",
               row.price_ticks);
  }
  if (now_ns_ - columns_.ts_ns[row_] > Tape::kLateMaxNs) {
    refuse_row("ts_event", "at most 60 s before the latest one so far", columns_.ts_ns[row_]);
  }
  return row;
}

void TapeMaker::play(const Row& row) {
  switch (row.kind) {
    case EventKind::kAdd:
      add(row);
      break;
    case EventKind::kCancel:
      cancel(row);
      break;
    case EventKind::kModify:
      set(row, 0);
      break;
    case EventKind::kTrade:
      trade(row);
      break;
    case EventKind::kSnapshot:
      show(row);
      break;
    case EventKind::kClear:
      clear(row);
      break;
    case EventKind::kStatus:
      emit(TapeOp::kStatus, row, row.lots, kNoOrder, 0);
      break;
  }
}

void TapeMaker::note(Mended reason) {
  Tape::Mend& mend = tape_.mended_[static_cast<std::size_t>(reason)];
  if (mend.rows++ == 0) mend.first_row = row_;
}

// --- rows ---------------------------------------------------------------------------------------

void TapeMaker::add(const Row& row) {
  const std::uint32_t slot = slot_of(row);
  if (row.order_id != 0 && slot != kNoOrder) {
    note(Mended::kRepeatedOrder);
    emit_reduction(TapeOp::kCancel, row, book_.order(slot).lots, slot, kTapeContinues);
  }
  emit_add(row, row.lots, reach_of(row.flags));
}

void TapeMaker::cancel(const Row& row) {
  const bool of_level = row.order_id == 0;
  const std::uint32_t slot = slot_of(row);
  const Lots there = of_level ? book_.left_at(row.side, row.price_ticks) : lots_of(row, slot);
  if (there < row.lots) note(there == 0 ? Mended::kUnknownCancel : Mended::kLargeCancel);
  const Lots lots = std::min(there, row.lots);
  if (of_level) {
    emit_level_reduction(row, lots, reach_of(row.flags));
  } else {
    emit_reduction(TapeOp::kCancel, row, lots, slot, reach_of(row.flags));
  }
}

// A level may be shown in several rows: its orders, whose numbers nobody knows.
void TapeMaker::show(const Row& row) {
  const bool begins = row_ == 0 || columns_.kind[row_ - 1] != columns_.kind[row_];
  if (begins) snapshot_ = row_ + 1;
  std::size_t& last = shown_[{row.side, row.price_ticks}];
  const bool goes_on = row.order_id == 0 && last == snapshot_;
  last = snapshot_;
  if (goes_on) {
    emit_add(row, row.lots, kTapeSnapshot);
  } else {
    set(row, kTapeSnapshot);
  }
}

// The order, or the level, now holds so many lots.
void TapeMaker::set(const Row& row, int flags) {
  const std::uint32_t slot = slot_of(row);
  if (row.order_id == 0) {
    set_level(row, flags);
  } else if (slot != kNoOrder) {
    set_order(row, slot);
  } else if (row.lots > 0) {
    emit_add(row, row.lots, flags);
  } else {
    emit(TapeOp::kNothing, row, 0, kNoOrder, 0);
  }
}

void TapeMaker::set_level(const Row& row, int flags) {
  const Lots more = row.lots - book_.left_at(row.side, row.price_ticks);
  if (more > 0) {
    emit_add(row, more, flags);
  } else {
    emit_level_reduction(row, -more, 0);
  }
}

// An order that becomes smaller keeps its place in the queue.
void TapeMaker::set_order(const Row& row, std::uint32_t slot) {
  const RecordedOrder order = book_.order(slot);
  const bool stays = order.price_ticks == row.price_ticks && order.side == row.side;
  if (stays && row.lots <= order.lots) {
    emit_reduction(TapeOp::kCancel, row, order.lots - row.lots, slot, 0);
    return;
  }
  const bool goes_on = row.lots > 0;
  emit_reduction(TapeOp::kCancel, row, order.lots, slot, goes_on ? kTapeContinues : 0);
  if (goes_on) emit_add(row, row.lots, 0);
}

void TapeMaker::trade(const Row& row) {
  const int more_fills = (row.flags & kFlagMoreFills) != 0 ? kTapeMoreFills : 0;
  if (!row.sided) {
    note(Mended::kSidelessTrade);
    emit(TapeOp::kNothing, row, 0, kNoOrder, 0);
    return;
  }
  const std::uint32_t slot = slot_of(row);
  const bool is_hidden = (row.flags & kRowHidden) != 0;
  const Lots there = is_hidden ? 0 : std::min(row.lots, lots_of(row, slot));
  const Lots beyond = row.lots - there;
  if (beyond > 0 && !is_hidden) note(Mended::kPrint);
  if (there > 0) {
    const int flags = beyond > 0 ? kTapeMoreFills | kTapeContinues : more_fills;
    emit_reduction(TapeOp::kTrade, row, there, slot, flags);
  }
  if (beyond > 0) emit(TapeOp::kPrint, row, beyond, kNoOrder, more_fills);
}

void TapeMaker::clear(const Row& row) {
  for (const Side side : kSides) {
    if (row.sided && row.side != side) continue;
    for (std::uint32_t slot = 0; slot < holders_.size(); ++slot) {
      if (book_.order(slot).lots > 0 && book_.order(slot).side == side) free_slot(slot);
    }
    Row of_side = row;
    of_side.side = side;
    const bool goes_on = !row.sided && side == Side::kBid;
    emit(TapeOp::kClear, of_side, 0, kNoOrder, goes_on ? kTapeContinues : 0);
  }
}

// --- orders -------------------------------------------------------------------------------------

// That of the order; for lots of no known order, that of all such lots at the price. A trade with
// no order at all is one with hidden lots.
std::uint32_t TapeMaker::slot_of(const Row& row) const {
  if (row.order_id != 0) {
    const auto found = slot_by_id_.find(row.order_id);
    if (found != slot_by_id_.end()) return found->second;
    if (row.kind != EventKind::kCancel && row.kind != EventKind::kTrade) return kNoOrder;
  } else if (row.kind == EventKind::kTrade) {
    return kNoOrder;
  }
  const auto found = slot_by_price_.find({row.side, row.price_ticks});
  return found == slot_by_price_.end() ? kNoOrder : found->second;
}

std::uint32_t TapeMaker::take_slot(const Row& row) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(holders_.size()));
    holders_.emplace_back();
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  holders_[slot] = {row.order_id, row.order_id != 0};
  if (row.order_id != 0) {
    slot_by_id_[row.order_id] = slot;
  } else {
    slot_by_price_[{row.side, row.price_ticks}] = slot;
  }
  return slot;
}

void TapeMaker::free_slot(std::uint32_t slot) {
  const RecordedOrder& order = book_.order(slot);
  if (holders_[slot].is_order) {
    slot_by_id_.erase(holders_[slot].order_id);
  } else {
    slot_by_price_.erase({order.side, order.price_ticks});
  }
  free_.push_back(slot);
}

// All at the row's price: those of no known order first, then the others from the latest on.
std::vector<std::uint32_t> TapeMaker::slots_at(const Row& row) const {
  std::vector<std::uint32_t> slots;
  for (std::uint32_t slot = 0; slot < holders_.size(); ++slot) {
    const RecordedOrder& order = book_.order(slot);
    const bool here = order.side == row.side && order.price_ticks == row.price_ticks;
    if (here && order.lots > 0) slots.push_back(slot);
  }
  std::ranges::sort(slots, {}, [this](std::uint32_t slot) {
    const bool is_order = holders_[slot].is_order;
    return std::pair(is_order, ~book_.order(slot).arrival);
  });
  return slots;
}

Lots TapeMaker::lots_of(const Row& row, std::uint32_t slot) const {
  if (slot != kNoOrder) return book_.order(slot).lots;
  if (tape_.by_order_) return 0;
  return book_.left_at(row.side, row.price_ticks);
}

// --- events -------------------------------------------------------------------------------------

void TapeMaker::emit(TapeOp op, const Row& row, Lots lots, std::uint32_t slot, int flags) {
  const std::size_t depth = book_.side(row.side).depth(key_of(row.side, row.price_ticks));
  const TapeEvent event{now_ns_,
                        row.price_ticks,
                        lots,
                        slot,
                        op,
                        row.side,
                        static_cast<std::uint8_t>(flags),
                        static_cast<std::uint8_t>(std::min(depth, kDepthMax))};
  book_.apply(event, tape_.events_.size());
  tape_.events_.push_back(event);
}

void TapeMaker::emit_add(const Row& row, Lots lots, int flags) {
  std::uint32_t slot = kNoOrder;
  if (tape_.by_order_) {
    slot = slot_of(row);
    if (slot == kNoOrder) slot = take_slot(row);
  }
  if (book_.left_at(row.side, row.price_ticks) > kLevelLotsMax - lots) {
    refuse_row("qty_lots", "at most 2^52 at one price", lots);
  }
  emit(TapeOp::kAdd, row, lots, slot, flags);
}

// At the order's own price, whatever the row says.
void TapeMaker::emit_reduction(TapeOp op, const Row& row, Lots lots, std::uint32_t slot,
                               int flags) {
  if (lots == 0) {
    emit(TapeOp::kNothing, row, 0, kNoOrder, flags);
    return;
  }
  Row at = row;
  if (slot != kNoOrder) {
    at.side = book_.order(slot).side;
    at.price_ticks = book_.order(slot).price_ticks;
    if (book_.order(slot).lots == lots) free_slot(slot);
  }
  emit(op, at, lots, slot, flags);
}

// Off a level, and nobody says whose: what is behind may go, but not what is ahead of the agent.
void TapeMaker::emit_level_reduction(const Row& row, Lots lots, int flags) {
  if (!tape_.by_order_ || lots == 0) {
    emit_reduction(TapeOp::kCancel, row, lots, kNoOrder, flags);
    return;
  }
  Lots left = lots;
  for (const std::uint32_t slot : slots_at(row)) {
    const Lots of_it = std::min(left, book_.order(slot).lots);
    left -= of_it;
    emit_reduction(TapeOp::kCancel, row, of_it, slot, flags | (left > 0 ? kTapeContinues : 0));
    if (left == 0) return;
  }
}

// The checkpoints of a deep book are further apart: they never need more room than the events.
bool TapeMaker::is_checkpoint_due() const {
  const std::size_t since = tape_.events_.size() - tape_.checkpoints_.back().n_events;
  if (since < checkpoint_events_) return false;
  const std::size_t orders = holders_.size() - free_.size();
  const std::size_t levels =
      book_.side(Side::kBid).levels().size() + book_.side(Side::kAsk).levels().size();
  return since * sizeof(TapeEvent) >=
         orders * sizeof(RecordedBook::LiveOrder) + levels * sizeof(RecordedLevel);
}

void TapeMaker::write_checkpoint() {
  tape_.checkpoints_.push_back({tape_.events_.size(), book_.snapshot()});
}

}  // namespace rlmm
