// A market with a book whose other orders are those of a recorded day.
//
// Each episode starts at a time of its own, drawn from the ranges that may be used, and lies within
// one of them: where that ends before the horizon, the episode is truncated. Without ranges it lies
// between two silences of the recording (`Tape::kSilenceNs`): not in a night between two days.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "market/book_market.h"
#include "market/regime_filter.h"
#include "market/replay_book.h"
#include "market/scenario.h"
#include "params.h"
#include "rng.h"
#include "types.h"

namespace rlmm {

class ReplaySetting {
 public:
  using Book = ReplayBook;

  // Throws std::invalid_argument without a tape, or for ranges that do not meet it.
  explicit ReplaySetting(const EnvParams& params);

  Book make() const { return {*tape_, queue_}; }
  void start(Book& book, SeedKey key, std::uint64_t episode) const;
  static Side first_side() { return Side::kBid; }
  bool taker_allowed() const { return taker_allowed_; }
  static std::size_t n_regimes() { return 0; }
  static RegimeFilterModel regime_filter(const EnvParams&) { return {}; }
  static Ticks first_mid_ticks_x2(const Book& book) { return book.first_mid_ticks_x2(); }
  static Lots lots_at(const Book& book, Side side, Ticks price_ticks) {
    return book.lots_at(side, price_ticks);
  }

  Scenario scenario{{}};

 private:
  // Where episodes may start, and where they end at the latest.
  struct Range {
    TimeNs first_start_ns;
    std::uint64_t starts;
    TimeNs end_ns;
  };

  std::shared_ptr<const Tape> tape_;
  QueueParams queue_;
  bool taker_allowed_;
  std::vector<Range> ranges_;
  std::uint64_t starts_ = 0;
};

using ReplayModel = BookModelOf<ReplaySetting>;
using ReplayMarket = BookMarketOf<ReplaySetting>;

}  // namespace rlmm
