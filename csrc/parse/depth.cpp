#include "parse/depth.h"

#include <algorithm>
#include <numeric>

namespace rlmm::parse {

// Where the level is, or would be.
std::size_t LevelSide::index_of(std::int64_t price) const {
  constexpr std::size_t kNear = 8;
  std::size_t high = levels_.size();
  std::size_t low = 0;
  for (std::size_t step = 0; step < kNear && high > 0; ++step) {
    if (!is_better(levels_[high - 1].price, price)) {
      return levels_[high - 1].price == price ? high - 1 : high;
    }
    --high;
  }
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (is_better(price, levels_[middle].price)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

std::int64_t LevelSide::size_at(std::int64_t price) const {
  const std::size_t index = index_of(price);
  return index < levels_.size() && levels_[index].price == price ? levels_[index].size : 0;
}

void LevelSide::set(std::int64_t price, std::int64_t size) {
  const std::size_t index = index_of(price);
  const auto at = levels_.begin() + static_cast<std::ptrdiff_t>(index);
  if (index < levels_.size() && at->price == price) {
    if (size > 0) {
      at->size = size;
    } else {
      levels_.erase(at);
    }
  } else if (size > 0) {
    levels_.insert(at, {price, size});
  }
}

void DepthTape::begin_book() {
  tape_->add({.kind = EventKind::kClear, .side = 0, .price = 0, .size = 0});
  started_ = true;
  for (const std::size_t s : {0U, 1U}) {
    sides_[s].clear();
    traded_[s].clear();
  }
}

void DepthTape::begin_day(const Stamp& stamp, std::int64_t day) {
  if (day <= day_) return;
  day_ = day;
  last_price_ = last_move_ = 0;
  if (!started_) return;
  tape_->begin(stamp);
  reading_->report(Reason::kReset, "time", "one day", "another");
  begin_book();
}

void DepthTape::snapshot(const Stamp& stamp, std::span<const Level> bids,
                         std::span<const Level> asks) {
  tape_->begin(stamp);
  if (started_) reading_->report(Reason::kReset, "type", "one snapshot", "another");
  begin_book();
  for (const std::size_t s : {0U, 1U}) {
    const std::span<const Level> given = s == 0 ? bids : asks;
    const std::span<const Level> once = without_duplicates(given);
    sorted_.assign(once.begin(), once.end());
    std::ranges::sort(sorted_, [&](const Level& a, const Level& b) {
      return sides_[s].is_better(b.price, a.price);
    });
    for (const Level& level : sorted_) set(s, level);
    // The best first.
    const std::vector<Level>& levels = sides_[s].levels();
    for (std::size_t i = levels.size(); i-- > 0;) {
      write(EventKind::kSnapshot, s, levels[i], 0);
    }
  }
  uncross();
}

void DepthTape::set(std::size_t side, const Level& level) {
  sides_[side].set(level.price, level.size);
  grown_ = side;
  if (sides_[side].levels().size() > kLevelsMost) {
    reading_->report(Reason::kTooMany, "levels", "at most 131072 levels on a side", "more");
  }
}

// The last word about a price counts. Vendors list levels in order, so a look is enough mostly.
std::span<const Level> DepthTape::without_duplicates(std::span<const Level> levels) {
  const auto not_up = [](const Level& a, const Level& b) { return a.price >= b.price; };
  const auto not_down = [](const Level& a, const Level& b) { return a.price <= b.price; };
  if (std::ranges::adjacent_find(levels, not_up) == levels.end() ||
      std::ranges::adjacent_find(levels, not_down) == levels.end()) {
    return levels;
  }
  order_.resize(levels.size());
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::ranges::sort(order_, [&](std::size_t a, std::size_t b) {
    return levels[a].price != levels[b].price ? levels[a].price < levels[b].price : a < b;
  });
  unique_.clear();
  for (const std::size_t index : order_) {
    if (!unique_.empty() && unique_.back().price == levels[index].price) {
      reading_->report(Reason::kDuplicate, "levels", "each price once", "a price twice");
      unique_.pop_back();
    }
    unique_.push_back(levels[index]);
  }
  return unique_;
}

void DepthTape::note(std::size_t side, const Level& level, unsigned flags) {
  const std::int64_t before = sides_[side].size_at(level.price);
  if (!traded_[side].empty()) traded_[side].erase(level.price);
  if (before != level.size) {
    differences_.push_back({side, level.price, before, level.size, flags});
  }
}

// Levels that trades took from and that the message does not name are as they were.
void DepthTape::note_untouched() {
  for (const std::size_t s : {0U, 1U}) {
    for (const auto& [price, size] : traded_[s]) {
      const std::int64_t before = sides_[s].size_at(price);
      if (before != size) differences_.push_back({s, price, before, size, 0});
    }
    traded_[s].clear();
  }
}

void DepthTape::write_differences() {
  for (const Difference& d : differences_) {
    if (d.after > d.before) continue;
    const unsigned flags = d.flags | (d.after > 0 ? kFlagRemains : 0U);
    write(EventKind::kCancel, d.side, {d.price, d.before - d.after}, flags);
    sides_[d.side].set(d.price, d.after);
  }
  for (const Difference& d : differences_) {
    if (d.after < d.before) continue;
    write(EventKind::kAdd, d.side, {d.price, d.after - d.before}, d.flags);
    set(d.side, {d.price, d.after});
  }
  differences_.clear();
}

void DepthTape::write(EventKind kind, std::size_t side, const Level& level, unsigned flags) {
  TapeRow row{kind, sides_[side].sign(), level.price, level.size};
  row.flags = flags;
  tape_->add(row);
}

void DepthTape::change(const Stamp& stamp, std::span<const Level> bids,
                       std::span<const Level> asks) {
  tape_->begin(stamp);
  started_ = true;
  for (const std::size_t s : {0U, 1U}) {
    for (const Level& level : without_duplicates(s == 0 ? bids : asks)) {
      if (level.size == 0 && sides_[s].size_at(level.price) == 0 &&
          !traded_[s].contains(level.price)) {
        reading_->report(Reason::kAbsentLevel, "levels", "a level to delete", "none");
        continue;
      }
      note(s, level, 0);
    }
  }
  note_untouched();
  write_differences();
  uncross();
}

void DepthTape::note_view(std::size_t side, std::span<const Level> levels, std::size_t depth) {
  LevelSide& book = sides_[side];
  const std::span<const Level> given = without_duplicates(levels);
  sorted_.assign(given.begin(), given.end());
  std::erase_if(sorted_, [](const Level& level) { return level.size == 0; });
  const auto better = [&](const Level& a, const Level& b) {
    return book.is_better(a.price, b.price);
  };
  std::ranges::sort(sorted_, better);
  const bool was_full = book.levels().size() >= depth && !book.empty();
  const bool is_full = sorted_.size() >= depth && !sorted_.empty();
  const std::int64_t old_worst = was_full ? book.levels().front().price : 0;
  const std::int64_t new_worst = is_full ? sorted_.back().price : 0;
  for (const Level& old : book.levels()) {
    if (std::ranges::binary_search(sorted_, old, better)) continue;
    const bool left = is_full && book.is_better(new_worst, old.price);
    differences_.push_back({side, old.price, old.size, 0, left ? kFlagReach : 0U});
  }
  for (const Level& level : sorted_) {
    const bool is_new = book.size_at(level.price) == 0;
    const bool came = is_new && was_full && book.is_better(old_worst, level.price);
    note(side, level, came ? kFlagReach : 0U);
  }
  traded_[side].clear();
}

void DepthTape::view(const Stamp& stamp, const std::span<const Level>* bids,
                     const std::span<const Level>* asks, std::size_t depth) {
  if (!started_) {
    if (bids != nullptr && asks != nullptr) {
      snapshot(stamp, *bids, *asks);
      return;
    }
    tape_->begin(stamp);
    begin_book();  // one side after the other
  }
  tape_->begin(stamp);
  if (bids != nullptr) note_view(0, *bids, depth);
  if (asks != nullptr) note_view(1, *asks, depth);
  write_differences();
  uncross();
}

void DepthTape::trade(const Stamp& stamp, std::int64_t sign, std::int64_t price,
                      std::int64_t size) {
  tape_->begin(stamp);
  TapeRow row{EventKind::kTrade, sign, price, size};
  const std::size_t s = sign > 0 ? 0 : 1;
  LevelSide& book = sides_[s];
  const std::int64_t tick = reading_->units().tick;
  const bool off_grid = tick > 1 && price % tick != 0;
  if (sign == 0) {
    reading_->report(Reason::kUnsignedTrade, "side", "a side", "none");
    row.flags = kFlagHidden;
  } else if (off_grid || book.empty() || book.is_better(price, book.best().price)) {
    reading_->report(Reason::kHiddenTrade, "price", "a price in the book", "one that is not");
    row.flags = kFlagHidden;
  } else {
    const std::int64_t there = book.size_at(price);
    const std::int64_t quoted = traded_[s].try_emplace(price, there).first->second;
    // Where the tape shows one venue's quote of many, only the tape says that it is gone.
    const std::int64_t least = crossing_ == Crossing::kNormal ? quoted : 0;
    const std::int64_t after = size < there ? there - size : least;
    const std::int64_t unseen = size + after - there;
    if (unseen > 0) {
      reading_->report(Reason::kUnseenLots, "size", "fewer lots than the level has", "as many");
      write(EventKind::kAdd, s, {price, unseen}, kFlagReach);
    }
    row.flags = after > 0 ? kFlagRemains : 0U;
    book.set(price, after);
  }
  tape_->add(row);
}

void DepthTape::print(const Stamp& stamp, std::int64_t price, std::int64_t size) {
  tape_->begin(stamp);
  reading_->report(Reason::kOffExchange, "facility", "an exchange", "a report");
  TapeRow row{EventKind::kTrade, 0, price, size};
  row.flags = kFlagHidden;
  tape_->add(row);
}

// Nearer to the bid than to the ask it was a sale. In the middle the last trade at another price
// tells: a rise was a purchase.
std::int64_t DepthTape::resting_side(std::int64_t price) {
  const LevelSide& bids = sides_[0];
  const LevelSide& asks = sides_[1];
  if (last_price_ != 0 && price != last_price_) last_move_ = price > last_price_ ? -1 : 1;
  last_price_ = price;
  if (bids.empty() || asks.empty()) return last_move_;
  const std::int64_t from_bid = price - bids.best().price;
  const std::int64_t to_ask = asks.best().price - price;
  if (from_bid == to_ask) return last_move_;
  return from_bid < to_ask ? 1 : -1;
}

// After a message of one venue no bid is at or above an ask. If one is, a side has levels that the
// vendor forgot to delete: those of the side that was not added to last.
void DepthTape::uncross() {
  LevelSide& bids = sides_[0];
  LevelSide& asks = sides_[1];
  if (bids.empty() || asks.empty() || bids.best().price < asks.best().price) return;
  if (crossing_ == Crossing::kNormal) {
    reading_->report(Reason::kLockedBook, "levels", "best bid below best ask", "it is not");
    return;
  }
  reading_->report(Reason::kCrossed, "levels", "best bid below best ask", "it is not");
  while (!bids.empty() && !asks.empty() && bids.best().price >= asks.best().price) {
    const std::size_t stale = grown_ == 0 ? 1 : 0;
    const Level level = sides_[stale].best();
    write(EventKind::kCancel, stale, level, kFlagReach);
    sides_[stale].set(level.price, 0);
  }
}

}  // namespace rlmm::parse
