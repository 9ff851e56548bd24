// Every reader behind one door, for tests that give it any bytes. What comes out must be rows that
// the event table takes, of a book that never loses lots it has not; ParseError is the only
// exception that may get out.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parse/book_pass.h"
#include "parse/databento.h"
#include "parse/delimited.h"
#include "parse/depth_stream.h"
#include "parse/lobster.h"
#include "parse/merge.h"

namespace rlmm::parse {

inline Layout trade_layout() {
  Layout layout;
  layout.columns = {{Role::kTime, "ts", 0},
                    {Role::kPrice, "price", 1},
                    {Role::kSize, "size", 2},
                    {Role::kSide, "side", 3}};
  layout.header = Header::kMaybe;
  layout.time_places = Layout::kGuessUnit;
  layout.bid_words = {"Sell"};
  layout.ask_words = {"Buy"};
  return layout;
}

inline Layout change_layout() {
  Layout layout;
  layout.kind = TableKind::kChanges;
  layout.columns = {{Role::kTime, "ts", 0},   {Role::kSnapshot, "is_snapshot", 1},
                    {Role::kSide, "side", 2}, {Role::kPrice, "price", 3},
                    {Role::kSize, "size", 4}, {Role::kSymbol, "symbol", 5}};
  layout.header = Header::kNone;
  layout.bid_words = {"bid"};
  layout.ask_words = {"ask"};
  return layout;
}

inline Layout level_layout(bool blocks) {
  Layout layout;
  layout.kind = TableKind::kLevels;
  layout.header = Header::kNone;
  layout.columns = {
      {Role::kBid, "", 0}, {Role::kBidSize, "", 1}, {Role::kAsk, "", 2}, {Role::kAskSize, "", 3}};
  layout.one_sided = !blocks;
  if (blocks) {
    layout.block_marker = "T";
    layout.time_places = Layout::kIsoTime;
  } else {
    layout.columns.push_back({Role::kTime, "", 4});
  }
  return layout;
}

enum class Parser : std::uint8_t {
  kLobster,
  kLobsterMessages,
  kBybit,
  kBinance,
  kChanges,
  kQuotes,
  kBlocks,
  kDatabento,
  kDbn
};
inline constexpr std::array<const char*, 9> kParserNames = {"lobster", "lobster-messages", "bybit",
                                                            "binance", "changes",          "quotes",
                                                            "blocks",  "databento",        "dbn"};

inline std::unique_ptr<Source> merged(const ParseOptions& options, Parser parser) {
  const bool quotes = parser == Parser::kQuotes;
  auto workshop =
      std::make_unique<Workshop>(options, quotes ? Crossing::kNormal : Crossing::kDefect);
  auto trades = std::make_unique<DelimitedStream>(0, *workshop, trade_layout());
  std::unique_ptr<Stream> book;
  if (parser == Parser::kBybit || parser == Parser::kBinance) {
    const DepthVendor vendor =
        parser == Parser::kBybit ? DepthVendor::kBybit : DepthVendor::kBinance;
    book = std::make_unique<DepthStream>(1, *workshop, vendor, "");
  } else {
    Layout layout =
        parser == Parser::kChanges ? change_layout() : level_layout(parser == Parser::kBlocks);
    book = std::make_unique<DelimitedStream>(1, *workshop, std::move(layout));
  }
  return std::make_unique<MergedSource>(std::move(workshop), std::move(trades), std::move(book));
}

inline std::unique_ptr<Source> source_of(Parser parser, bool strict) {
  const bool fixed_point = parser >= Parser::kDatabento;
  const ParseOptions options = {strict, {.price_places = fixed_point ? 9 : 2, .size_places = 2}};
  if (parser <= Parser::kLobsterMessages) {
    return std::make_unique<LobsterSource>(options, parser == Parser::kLobster);
  }
  if (fixed_point) return std::make_unique<DatabentoSource>(options, parser == Parser::kDbn, 0);
  return merged(options, parser);
}

inline void require(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

// The rules of rlmm_tf/events.py.
inline void check_rows(const EventColumns& rows, BookPass& pass, TimeNs& last) {
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto kind = static_cast<EventKind>(rows.kind[i]);
    const bool may_be_empty =
        kind == EventKind::kModify || kind == EventKind::kClear || kind == EventKind::kStatus;
    require(rows.size[i] > 0 || (rows.size[i] == 0 && may_be_empty), "a size");
    const bool sideless =
        kind == EventKind::kTrade || kind == EventKind::kClear || kind == EventKind::kStatus;
    require(rows.side[i] != 0 || sideless, "a side");
    require(rows.ts_recv[i] >= last, "a time");
    last = rows.ts_recv[i];
    pass.apply({kind, rows.side[i], rows.price[i], rows.size[i], rows.order_id[i], rows.flags[i]});
  }
  require(pass.missing_lots() == 0, "lots that were not there");
}

// Returns the number of rows.
inline std::size_t read_checked(Source& source, const std::vector<std::string>& files,
                                std::size_t piece) {
  BookPass pass;
  std::size_t rows = 0;
  TimeNs last = std::numeric_limits<TimeNs>::min();
  std::vector<std::size_t> at(files.size(), 0);
  std::vector<bool> complete(files.size(), false);
  while (!source.done()) {
    const std::size_t needs = source.advance(std::size_t{1} << 16U);
    if (needs == kNothingNeeded) {
      const EventColumns columns = source.tape().take(source.done());
      rows += columns.rows();
      check_rows(columns, pass, last);
    } else if (needs >= files.size() || complete[needs]) {
      source.end(needs);
    } else {
      if (at[needs] == 0) source.begin_file(needs, {});
      const std::string_view bytes = std::string_view(files[needs]).substr(at[needs], piece);
      at[needs] += bytes.size();
      complete[needs] = at[needs] == files[needs].size();
      source.feed(needs, bytes, complete[needs]);
    }
  }
  return rows;
}

}  // namespace rlmm::parse
