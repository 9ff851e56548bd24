// A book of levels, and how its messages and the trades between them become rows.
//
// A message says how many lots a level holds. What changed since the last one, less what trades
// took in the meantime, was added or cancelled; so after each message the table's book is the
// message's. Within a message levels shrink before others grow: no row crosses the book.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "parse/reading.h"
#include "parse/tape.h"

namespace rlmm::parse {

struct Level {
  std::int64_t price;
  std::int64_t size;

  bool operator==(const Level&) const = default;
};

// Levels of one side, the best last: most messages touch levels near the best.
class LevelSide {
 public:
  explicit LevelSide(std::int64_t sign) : sign_(sign) {}

  // Lots at the price; 0 where there is no level.
  std::int64_t size_at(std::int64_t price) const;
  // The size 0 takes the level away.
  void set(std::int64_t price, std::int64_t size);
  void clear() { levels_.clear(); }

  bool empty() const { return levels_.empty(); }
  const Level& best() const { return levels_.back(); }
  const std::vector<Level>& levels() const { return levels_; }
  // Is `price` better for whoever trades against this side than `other`?
  bool is_better(std::int64_t price, std::int64_t other) const {
    return sign_ * (price - other) > 0;
  }
  std::int64_t sign() const { return sign_; }

 private:
  std::size_t index_of(std::int64_t price) const;

  std::int64_t sign_;
  std::vector<Level> levels_;
};

enum class Crossing : std::uint8_t {
  kDefect,  // one venue: a book that is crossed after a message is wrong
  kNormal   // a consolidated tape: it shows the best of many quotes, and trades with all of them
};

class DepthTape {
 public:
  DepthTape(EventTape& tape, Reading& reading, Crossing crossing = Crossing::kDefect)
      : tape_(&tape), reading_(&reading), crossing_(crossing) {}

  // On a later day than the last message nothing is left of its book.
  void begin_day(const Stamp& stamp, std::int64_t day);
  // The whole book, from which it starts, or starts again.
  void snapshot(const Stamp& stamp, std::span<const Level> bids, std::span<const Level> asks);
  // Levels that changed; size 0 takes one away.
  void change(const Stamp& stamp, std::span<const Level> bids, std::span<const Level> asks);
  // All that is visible of a book that is shown only so many levels deep, in any order. A side may
  // be missing from the message: then it stays.
  void view(const Stamp& stamp, const std::span<const Level>* bids,
            const std::span<const Level>* asks, std::size_t depth);
  // Lots of the side `sign` were executed; 0: of nobody knows which.
  void trade(const Stamp& stamp, std::int64_t sign, std::int64_t price, std::int64_t size);
  // A trade that was made elsewhere and only reported: it took lots of no book.
  void print(const Stamp& stamp, std::int64_t price, std::int64_t size);
  // The side of the resting order of a trade that does not say it: by where the price lies between
  // the touches, in the middle by the trade before; 0: nobody knows. Once for each trade.
  std::int64_t resting_side(std::int64_t price);

  // Where in the files the next calls come from.
  void set_place(const Place& place) { reading_->set_place(place); }
  bool started() const { return started_; }
  const LevelSide& side(std::size_t index) const { return sides_[index]; }

 private:
  struct Difference {
    std::size_t side;
    std::int64_t price;
    std::int64_t before;  // in the table's book
    std::int64_t after;
    unsigned flags;
  };

  std::span<const Level> without_duplicates(std::span<const Level> levels);
  void note(std::size_t side, const Level& level, unsigned flags);
  void note_view(std::size_t side, std::span<const Level> levels, std::size_t depth);
  void note_untouched();
  void write_differences();
  void write(EventKind kind, std::size_t side, const Level& level, unsigned flags);
  void set(std::size_t side, const Level& level);
  void begin_book();
  void uncross();

  static constexpr std::size_t kLevelsMost = std::size_t{1} << 17U;  // of a side

  EventTape* tape_;
  Reading* reading_;
  Crossing crossing_;
  bool started_ = false;
  std::int64_t day_ = 0;
  std::int64_t last_price_ = 0;  // of an unsigned trade
  std::int64_t last_move_ = 0;   // the side that the last change of it says
  std::array<LevelSide, 2> sides_ = {LevelSide(1), LevelSide(-1)};
  // What a level held after the last message, where trades have taken from it since.
  std::array<std::map<std::int64_t, std::int64_t>, 2> traded_;
  std::size_t grown_ = 0;  // the side that a message added to last
  std::vector<Difference> differences_;
  std::vector<Level> sorted_;
  std::vector<Level> unique_;
  std::vector<std::size_t> order_;
};

}  // namespace rlmm::parse
