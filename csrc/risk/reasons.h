// Why the risk gate refuses an action, or stops trading: one table, read by C++ and Python alike.
// docs/risk_reasons.md is made of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace rlmm {

enum class RiskReason : std::uint8_t {
  kPassed,
  // An order or an amendment is refused.
  kHalted,
  kReducing,
  kBadPrice,
  kBadSize,
  kNoMarket,
  kStaleData,
  kOrderSize,
  kOrderNotional,
  kPriceCollar,
  kPosition,
  kExposure,
  kNotional,
  kOrderRate,
  kOpenOrders,
  kDuplicateId,
  kDuplicateOrder,
  kSelfTrade,
  kUnknownOrder,
  // A cancel is refused.
  kCancelRate,
  // Trading stops.
  kDailyLoss,
  kDrawdown,
  kUnknownFill,
  kOverfill,
  kBadReport,
  kKillSwitch,
  kMismatch,
  kCount
};

struct RiskReasonInfo {
  RiskReason id;
  const char* name;
  const char* meaning;
  const char* remedy;
};

inline constexpr std::array<RiskReasonInfo, static_cast<std::size_t>(RiskReason::kCount)>
    kRiskReasons = {{
        {RiskReason::kPassed, "passed", "nothing is wrong with it", "none"},
        {RiskReason::kHalted, "halted", "trading is halted: only cancels pass",
         "find out why, then clear the halt by hand"},
        {RiskReason::kReducing, "reducing",
         "only orders that bring the position nearer to zero pass, and this one does not",
         "wait until the position is back within its limit, or clear the state by hand"},
        {RiskReason::kBadPrice, "bad_price", "the price is not from 1 to 2^40 ticks",
         "send a price in ticks"},
        {RiskReason::kBadSize, "bad_size", "the size is not from 1 to 2^40 lots",
         "send a size in lots"},
        {RiskReason::kNoMarket, "no_market", "no price of the market is known yet",
         "wait for the first snapshot of the book"},
        {RiskReason::kStaleData, "stale_data",
         "the last word from the market is older than stale_ns", "look after the market data"},
        {RiskReason::kOrderSize, "order_size", "the order is larger than order_lots_max",
         "send a smaller order"},
        {RiskReason::kOrderNotional, "order_notional",
         "price x size of the order is more than order_notional_max", "send a smaller order"},
        {RiskReason::kPriceCollar, "price_collar",
         "the price is further than collar_ticks from the mid", "quote nearer to the market"},
        {RiskReason::kPosition, "position",
         "filled, this order alone would take the position beyond position_lots_max",
         "send a smaller order"},
        {RiskReason::kExposure, "exposure",
         "with every open order of its side filled, the position would be beyond "
         "position_lots_max",
         "cancel an open order of that side first"},
        {RiskReason::kNotional, "notional",
         "with every open order of its side filled, the position at the mid would be worth more "
         "than notional_max",
         "cancel an open order of that side first"},
        {RiskReason::kOrderRate, "order_rate", "more orders and amendments than orders_per_s",
         "wait, or send fewer messages"},
        {RiskReason::kOpenOrders, "open_orders", "open_orders_max orders are open",
         "cancel one first"},
        {RiskReason::kDuplicateId, "duplicate_id",
         "the number of the order is not above that of every order before it",
         "count the orders upwards"},
        {RiskReason::kDuplicateOrder, "duplicate_order",
         "an order of this side, price and size is open", "amend that one"},
        {RiskReason::kSelfTrade, "self_trade", "it would meet an own order of the other side",
         "cancel that one first"},
        {RiskReason::kUnknownOrder, "unknown_order", "no such order is open", "none"},
        {RiskReason::kCancelRate, "cancel_rate", "more cancels than cancels_per_s",
         "wait, or cancel all orders at once, which always passes"},
        {RiskReason::kDailyLoss, "daily_loss", "more than daily_loss_max was lost since midnight",
         "find out why, then clear the halt by hand"},
        {RiskReason::kDrawdown, "drawdown",
         "the gain is more than drawdown_max below the highest it has been",
         "find out why, then clear the halt by hand"},
        {RiskReason::kUnknownFill, "unknown_fill", "an order was filled that is not open",
         "reconcile with the exchange, then clear the halt by hand"},
        {RiskReason::kOverfill, "overfill", "an order was filled by more than was open of it",
         "reconcile with the exchange, then clear the halt by hand"},
        {RiskReason::kBadReport, "bad_report",
         "the exchange reported a price, size or position that cannot be",
         "look after the connection, then clear the halt by hand"},
        {RiskReason::kKillSwitch, "kill_switch", "somebody has pulled the kill switch",
         "clear the halt by hand"},
        {RiskReason::kMismatch, "mismatch",
         "position or open orders are not what the exchange says they are",
         "reconcile with the exchange, then clear the halt by hand"},
    }};

}  // namespace rlmm
