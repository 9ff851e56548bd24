#include "parse/merge.h"

namespace rlmm::parse {

bool MergedSource::trade_is_first() const {
  const Stream& trades = *streams_[kTrades];
  const Stream& book = *streams_[kBook];
  const TimeNs later = trades.turn() - book.turn();
  if (later > kLateMost || later < -kLateMost) return later < 0;
  return trades.happened() <= book.happened();
}

std::size_t MergedSource::advance(std::size_t rows_enough) {
  while (workshop_->tape.rows() < rows_enough) {
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      if (got_[i] == Got::kNeedsBytes) got_[i] = streams_[i]->next();
      if (got_[i] == Got::kNeedsBytes) return i;
    }
    std::size_t first = kBook;
    if (got_[kTrades] == Got::kItem && (got_[kBook] == Got::kEnd || trade_is_first())) {
      first = kTrades;
    }
    if (got_[first] == Got::kEnd) {
      done_ = true;
      return kNothingNeeded;
    }
    streams_[first]->apply(workshop_->depth);
    got_[first] = streams_[first]->next();
  }
  return kNothingNeeded;
}

}  // namespace rlmm::parse
