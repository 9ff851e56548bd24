#include "market/opening.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "book/order_book.h"

namespace rlmm {
namespace {

[[noreturn]] void refuse(const std::string& field, const std::string& expected,
                         const std::string& got) {
  throw std::invalid_argument(field + ": expected " + expected + ", got " + got);
}

void check_order(const Opening::Resting& order, std::size_t i) {
  const std::string at = "orders[" + std::to_string(i) + "].";
  if (order.lots < 1 || order.lots > OrderBook::kOrderLotsMax) {
    refuse(at + "lots", "from 1 to 2^31 - 1", std::to_string(order.lots));
  }
  if (order.price_ticks < 1 || order.price_ticks > OrderBook::kPriceMax) {
    refuse(at + "price_ticks", "from 1 to 2^40", std::to_string(order.price_ticks));
  }
}

void check_orders(const std::vector<Opening::Resting>& orders) {
  std::array<Ticks, 2> lowest{OrderBook::kNoAsk, OrderBook::kNoAsk};
  std::array<Ticks, 2> highest{OrderBook::kNoBid, OrderBook::kNoBid};
  for (std::size_t i = 0; i < orders.size(); ++i) {
    check_order(orders[i], i);
    const std::size_t s = index_of(orders[i].side);
    lowest[s] = std::min(lowest[s], orders[i].price_ticks);
    highest[s] = std::max(highest[s], orders[i].price_ticks);
  }
  for (const Side side : kSides) {
    if (highest[index_of(side)] != OrderBook::kNoBid) continue;
    refuse("orders", "some on both sides", side == Side::kBid ? "no bid" : "no ask");
  }
  if (highest[0] >= lowest[1]) {
    refuse(
        "orders", "bids below asks",
        "a bid at " + std::to_string(highest[0]) + " and an ask at " + std::to_string(lowest[1]));
  }
  if (highest[1] - lowest[0] >= OrderBook::kRingTicks) {
    refuse("orders", "prices less than " + std::to_string(OrderBook::kRingTicks) + " ticks apart",
           std::to_string(lowest[0]) + " to " + std::to_string(highest[1]));
  }
}

}  // namespace

void Opening::validate(const FlowModel& model) const {
  check_orders(orders);
  for (const auto& decay : past) {
    for (const float events : decay) {
      if (!(events >= 0.0F && events <= 1e6F)) {
        refuse("past", "values from 0 to 1e6", std::to_string(events));
      }
    }
  }
  constexpr TimeNs kDayNs = 86'400'000'000'000;
  if (season_ns < 0 || season_ns > kDayNs) {
    refuse("season_ns", "from 0 to a day", std::to_string(season_ns));
  }
  if (regime && *regime >= model.regime_factors.size()) {
    refuse("regime", "below " + std::to_string(model.regime_factors.size()),
           std::to_string(*regime));
  }
  if (!(std::fabs(gap_ticks) <= 1e6)) {
    refuse("gap_ticks", "from -1e6 to 1e6", std::to_string(gap_ticks));
  }
}

}  // namespace rlmm
