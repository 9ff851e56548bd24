// The book that a canonical event table describes, row by row.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "events.h"
#include "parse/depth.h"
#include "parse/order_map.h"

namespace rlmm::parse {

// The book after each row. Orders without a number are the levels' anonymous lots.
class BookPass {
 public:
  struct Row {
    EventKind kind;
    std::int64_t side;
    std::int64_t price_ticks;
    std::int64_t qty_lots;
    std::uint64_t order_id;
    unsigned flags;
  };

  void apply(const Row& row);

  const LevelSide& bids() const { return sides_[0]; }
  const LevelSide& asks() const { return sides_[1]; }
  // Lots that were cancelled or traded where there were not so many.
  std::int64_t missing_lots() const { return missing_lots_; }
  // How many rows did that, and the number of the first, from 0; -1: none.
  std::int64_t missing_rows() const { return missing_rows_; }
  std::int64_t first_missing_row() const { return first_missing_row_; }

 private:
  void write(const Row& row);
  void grow(const Row& row);
  void shrink(const Row& row);
  void modify(const Row& row);
  void move(std::int64_t side, std::int64_t price, std::int64_t by);

  std::array<LevelSide, 2> sides_ = {LevelSide(1), LevelSide(-1)};
  OrderMap orders_;
  std::int64_t rows_ = 0;
  std::int64_t missing_lots_ = 0;
  std::int64_t missing_rows_ = 0;
  std::int64_t first_missing_row_ = -1;
};

}  // namespace rlmm::parse
