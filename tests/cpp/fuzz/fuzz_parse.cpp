// Bytes as files of every vendor, strict or lenient, in pieces of any size. What comes out must be
// rows that the event table takes, of a book that never loses lots it has not; ParseError is the
// only exception that may get out.
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "fuzz_bytes.h"
#include "parse/book_pass.h"
#include "parse/databento.h"
#include "parse/delimited.h"
#include "parse/depth_stream.h"
#include "parse/lobster.h"
#include "parse/merge.h"

namespace rlmm::parse {
namespace {

Layout trade_layout() {
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

Layout change_layout() {
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

Layout level_layout(bool blocks) {
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

std::unique_ptr<Source> merged(const ParseOptions& options, std::uint8_t kind) {
  auto workshop =
      std::make_unique<Workshop>(options, kind == 5 ? Crossing::kNormal : Crossing::kDefect);
  auto trades = std::make_unique<DelimitedStream>(0, *workshop, trade_layout());
  std::unique_ptr<Stream> book;
  if (kind <= 3) {
    const DepthVendor vendor = kind == 2 ? DepthVendor::kBybit : DepthVendor::kBinance;
    book = std::make_unique<DepthStream>(1, *workshop, vendor, "");
  } else {
    book = std::make_unique<DelimitedStream>(1, *workshop,
                                             kind == 4 ? change_layout() : level_layout(kind == 6));
  }
  return std::make_unique<MergedSource>(std::move(workshop), std::move(trades), std::move(book));
}

std::unique_ptr<Source> source_of(std::uint8_t kind, bool strict) {
  const ParseOptions options = {strict, {.price_places = kind == 7 ? 9 : 2, .size_places = 2}};
  if (kind < 2) return std::make_unique<LobsterSource>(options, kind == 0);
  if (kind < 7) return merged(options, kind);
  return std::make_unique<DatabentoSource>(options, kind == 8, 0);
}

void require(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

// The rules of rlmm_tf/events.py.
void check_rows(const EventColumns& rows, BookPass& pass, TimeNs& last) {
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

void read(Source& source, const std::vector<std::string>& files, std::size_t piece) {
  BookPass pass;
  TimeNs last = std::numeric_limits<TimeNs>::min();
  std::vector<std::size_t> at(files.size(), 0);
  std::vector<bool> complete(files.size(), false);
  while (!source.done()) {
    const std::size_t needs = source.advance(std::size_t{1} << 16U);
    if (needs == kNothingNeeded) {
      check_rows(source.tape().take(source.done()), pass, last);
    } else if (needs >= files.size() || complete[needs]) {
      source.end(needs);
    } else {
      if (at[needs] == 0) source.begin_file(needs, 0);
      const std::string_view bytes = std::string_view(files[needs]).substr(at[needs], piece);
      at[needs] += bytes.size();
      complete[needs] = at[needs] == files[needs].size();
      source.feed(needs, bytes, complete[needs]);
    }
  }
}

}  // namespace
}  // namespace rlmm::parse

// The first byte names the reader and the mode, the second the size of the pieces, the next two how
// much belongs to the first input.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rlmm::FuzzBytes bytes(data, size);
  const std::uint8_t choice = bytes.byte();
  const std::size_t piece = bytes.byte() + std::size_t{1};
  const auto split = bytes.take<std::uint16_t>();
  const std::string text(reinterpret_cast<const char*>(data) + std::min<std::size_t>(size, 4),
                         size - std::min<std::size_t>(size, 4));
  const std::size_t first = std::min<std::size_t>(split, text.size());
  const auto source = rlmm::parse::source_of(static_cast<std::uint8_t>(choice % 9), choice >= 128);
  try {
    rlmm::parse::read(*source, {text.substr(0, first), text.substr(first)}, piece);
  } catch (const rlmm::parse::ParseError&) {
    return 0;
  }
  return 0;
}
