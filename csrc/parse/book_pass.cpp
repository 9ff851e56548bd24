#include "parse/book_pass.h"

#include <algorithm>

namespace rlmm::parse {

void BookPass::apply(const Row& row) {
  const std::int64_t missing = missing_lots_;
  write(row);
  if (missing_lots_ > missing && ++missing_rows_ == 1) first_missing_row_ = rows_;
  ++rows_;
}

void BookPass::write(const Row& row) {
  switch (row.kind) {
    case EventKind::kAdd:
    case EventKind::kSnapshot:
      grow(row);
      break;
    case EventKind::kCancel:
      shrink(row);
      break;
    case EventKind::kTrade:
      if ((row.flags & kFlagHidden) == 0 && row.side != 0) shrink(row);
      break;
    case EventKind::kModify:
      modify(row);
      break;
    case EventKind::kClear:
      for (LevelSide& side : sides_) {
        if (row.side == 0 || row.side == side.sign()) side.clear();
      }
      if (row.side == 0) orders_.clear();
      break;
    case EventKind::kStatus:
      break;
  }
}

void BookPass::move(std::int64_t side, std::int64_t price, std::int64_t by) {
  LevelSide& levels = sides_[side > 0 ? 0 : 1];
  const std::int64_t after = levels.size_at(price) + by;
  missing_lots_ += std::max(-after, std::int64_t{0});
  levels.set(price, std::max(after, std::int64_t{0}));
}

void BookPass::grow(const Row& row) {
  if (row.order_id != 0) {
    if (LiveOrder* order = orders_.find(row.order_id); order != nullptr) orders_.erase(order);
    orders_.insert({row.order_id, row.price_ticks, row.qty_lots, row.side});
  }
  move(row.side, row.price_ticks, row.qty_lots);
}

void BookPass::shrink(const Row& row) {
  LiveOrder* order = row.order_id != 0 ? orders_.find(row.order_id) : nullptr;
  if (order != nullptr) {
    order->size -= row.qty_lots;
    if (order->size <= 0) orders_.erase(order);
  }
  move(row.side, row.price_ticks, -row.qty_lots);
}

// A level, or an order, now holds so many lots.
void BookPass::modify(const Row& row) {
  if (row.order_id == 0) {
    sides_[row.side > 0 ? 0 : 1].set(row.price_ticks, row.qty_lots);
    return;
  }
  if (LiveOrder* order = orders_.find(row.order_id); order != nullptr) {
    move(order->sign, order->price, -order->size);
    orders_.erase(order);
  }
  if (row.qty_lots > 0) grow(row);
}

}  // namespace rlmm::parse
