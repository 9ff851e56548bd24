// One line of a vendor's JSON stream: Bybit's and Binance's keys, in any order and nesting.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parse/depth.h"
#include "parse/reading.h"

namespace rlmm::parse {

struct DepthMessage {
  // As they stand in the line, which has to live on.
  std::string_view type;    // Bybit: snapshot or delta
  std::string_view event;   // Binance: depthUpdate, trade, aggTrade, bookTicker, ...
  std::string_view symbol;  // empty if it is not there
  std::string_view price;   // of a trade
  std::string_view size;
  std::string_view buyer_is_maker;
  std::optional<std::int64_t> ts;              // ms
  std::optional<std::int64_t> cts;             // ms
  std::optional<std::int64_t> event_time;      // E
  std::optional<std::int64_t> trade_time;      // T
  std::optional<std::int64_t> first_update;    // U
  std::optional<std::int64_t> last_update;     // u
  std::optional<std::int64_t> previous;        // pu
  std::optional<std::int64_t> last_update_id;  // of Binance's snapshot
  bool has_bids = false;
  bool has_asks = false;
  std::vector<Level> bids;
  std::vector<Level> asks;

  void clear();
};

// False where the line cannot be used; the reason has been reported.
bool parse_depth_message(std::string_view line, const Reading& reading, DepthMessage& message);

}  // namespace rlmm::parse
