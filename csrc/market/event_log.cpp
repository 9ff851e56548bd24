#include "market/event_log.h"

namespace rlmm {

void EventLog::note_depth(const OrderBook& book) {
  const std::size_t row = depth_.size();
  depth_.resize(row + 4 * levels_, 0);
  for (const Side side : {Side::kAsk, Side::kBid}) {
    const Ticks none = side == Side::kBid ? OrderBook::kNoBid : OrderBook::kNoAsk;
    std::size_t at = row + (side == Side::kAsk ? 0 : 2);
    Ticks price = book.best(side);
    for (std::size_t level = 0; level < levels_ && price != none;
         price = book.next_price(side, price)) {
      const Lots lots = book.lots_at(price);
      if (lots == 0) continue;  // its last order is being filled just now
      depth_[at] = price;
      depth_[at + 1] = lots;
      at += 4;
      ++level;
    }
  }
}

}  // namespace rlmm
