// Delimited text of every kind of layout.
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "parse/delimited.h"
#include "parse/merge.h"
#include "parse_reading.h"

namespace rlmm::parse {
namespace {

using Rows = std::vector<std::string>;

std::unique_ptr<MergedSource> source_of(const Layout& trades, const Layout& book,
                                        bool strict = true, Crossing crossing = Crossing::kDefect) {
  auto workshop = std::make_unique<Workshop>(
      ParseOptions{strict, {.price_places = 0, .size_places = 0}}, crossing);
  auto first = std::make_unique<DelimitedStream>(0, *workshop, trades);
  auto second = std::make_unique<DelimitedStream>(1, *workshop, book);
  return std::make_unique<MergedSource>(std::move(workshop), std::move(first), std::move(second));
}

// As Tardis has it.
Layout change_layout() {
  Layout layout;
  layout.kind = TableKind::kChanges;
  layout.columns = {{Role::kSymbol, "symbol", 0},  {Role::kTime, "ts", 1},
                    {Role::kReceived, "local", 2}, {Role::kSnapshot, "is_snapshot", 3},
                    {Role::kSide, "side", 4},      {Role::kPrice, "price", 5},
                    {Role::kSize, "amount", 6}};
  layout.bid_words = {"bid"};
  layout.ask_words = {"ask"};
  return layout;
}

Layout trade_layout() {
  Layout layout;
  layout.columns = {{Role::kTime, "ts", 0},
                    {Role::kPrice, "price", 1},
                    {Role::kSize, "size", 2},
                    {Role::kId, "id", 3}};
  layout.header = Header::kMaybe;
  return layout;
}

// As Lean has it.
Layout quote_layout() {
  Layout layout;
  layout.kind = TableKind::kLevels;
  layout.header = Header::kNone;
  layout.time_places = 6;
  layout.columns = {{Role::kTime, "", 0}, {Role::kBid, "", 1},     {Role::kBidSize, "", 2},
                    {Role::kAsk, "", 3},  {Role::kAskSize, "", 4}, {Role::kSuspicious, "", 5}};
  layout.one_sided = true;
  layout.hours_from = 1'000'000'000;
  layout.hours_until = 2'000'000'000;
  return layout;
}

Layout block_layout() {
  Layout layout;
  layout.kind = TableKind::kLevels;
  layout.header = Header::kNone;
  layout.time_places = Layout::kIsoTime;
  layout.block_marker = "Stamp";
  layout.zone = {{std::numeric_limits<TimeNs>::min(), 8 * 3'600'000'000'000}};
  layout.columns = {
      {Role::kBid, "", 0}, {Role::kBidSize, "", 1}, {Role::kAsk, "", 2}, {Role::kAskSize, "", 3}};
  return layout;
}

const std::string kHeader = "symbol,ts,local,is_snapshot,side,price,amount\n";

Rows changes(const std::string& lines, bool strict = true, std::size_t piece = 1 << 20) {
  const auto source = source_of(trade_layout(), change_layout(), strict);
  return rows_of(*source, {{}, {{kHeader + lines}}}, piece);
}

void check_stops(const std::string& lines, const char* part) {
  check_refused([](bool strict) { return source_of(trade_layout(), change_layout(), strict); },
                {{}, {{kHeader + lines}}}, part);
}

void check_trade_stops(const std::string& lines, const char* part) {
  check_refused([](bool strict) { return source_of(trade_layout(), change_layout(), strict); },
                {{{lines}}, {}}, part);
}

}  // namespace

TEST("parse changes: rows of one time are one message, and a snapshot starts again") {
  const std::string lines =
      "X,1,10,true,bid,100,5\nX,1,10,true,ask,101,4\n"
      "X,2,11,false,ask,101,0\nX,2,11,false,bid,101,2\n"  // crossed between the two rows
      "X,3,12,true,bid,90,1\nX,3,12,true,ask,91,1\nX,4,12,true,bid,89,1\n";
  const Rows expected = {
      "clear +0 0x0 @1/10",     "snapshot +1 100x5 @1/10", "snapshot -1 101x4 @1/10",
      "cancel -1 101x4 @2/11",  "add +1 101x2 @2/11",      "clear +0 0x0 @3/12",
      "snapshot +1 90x1 @3/12", "snapshot -1 91x1 @3/12",  "add +1 89x1 @4/12"};
  for (const std::size_t piece : {1U, 9U, 1000U}) CHECK_EQ(changes(lines, true, piece), expected);
}

TEST("parse changes: without a snapshot the book fills up") {
  CHECK_EQ(changes("X,1,1,false,bid,100,5\n"), (Rows{"add +1 100x5 @1"}));
}

TEST("parse trades: with and without a header, before the book of their time") {
  for (const char* header : {"", "ts,price,size,id\n"}) {
    const auto source = source_of(trade_layout(), change_layout());
    const Rows rows = rows_of(
        *source,
        {{{std::string(header) + "2,100,1,a\n2,100,1,b\n"}, {"3,100,1,c\n"}},
         {{kHeader + "X,1,1,true,bid,100,5\nX,1,1,true,ask,101,5\nX,2,2,false,bid,100,3\n"}}});
    CHECK_EQ(rows, (Rows{"clear +0 0x0 @1", "snapshot +1 100x5 @1", "snapshot -1 101x5 @1",
                         "trade +1 100x1 REMAINS MORE @2", "trade +1 100x1 REMAINS @2",
                         "trade +1 100x1 REMAINS @3"}));
  }
}

TEST("parse trades: a book's message knows of the trades before it, however late they come") {
  Layout trades = change_layout();
  trades.kind = TableKind::kTrades;
  trades.bid_words = {"sell"};
  trades.ask_words = {"buy"};
  const auto rows_for = [&](const std::string& book, const std::string& trade) {
    const auto source = source_of(trades, change_layout());
    return rows_of(*source,
                   {{{kHeader + trade}},
                    {{kHeader + "X,1,10,true,bid,100,10\nX,1,10,true,ask,101,5\n" + book}}});
  };
  const Rows start = {"clear +0 0x0 @1/10", "snapshot +1 100x10 @1/10", "snapshot -1 101x5 @1/10"};
  const auto check = [&](const std::string& book, const std::string& trade, const Rows& expected) {
    Rows all = start;
    all.insert(all.end(), expected.begin(), expected.end());
    CHECK_EQ(rows_for(book, trade), all);
  };
  // It arrives behind the message that shows it: one loss of lots, and not an add later.
  const std::string depth = "X,20,500,false,bid,100,6\nX,40,2000,false,bid,99,1\n";
  check(depth, "X,20,900,false,sell,100,4\n",
        {"trade +1 100x4 REMAINS @20/900", "add +1 99x1 @40/2000"});
  // Or before it, as ever.
  check(depth, "X,20,400,false,sell,100,4\n",
        {"trade +1 100x4 REMAINS @20/400", "add +1 99x1 @40/2000"});
  // It arrives before a message that is older and cannot know of it.
  check("X,20,500,false,bid,98,6\nX,40,2000,false,bid,100,6\n", "X,30,450,false,sell,100,4\n",
        {"add +1 98x6 @20/500", "trade +1 100x4 REMAINS @30/500"});
  // A stamp that is off by more than a second says nothing.
  check("X,20,500,false,bid,98,6\n", "X,15,2000000000,false,sell,100,4\n",
        {"add +1 98x6 @20/500", "trade +1 100x4 REMAINS @15/2000000000"});
  check("X,20,2000000000,false,bid,98,6\n", "X,25,700,false,sell,100,4\n",
        {"trade +1 100x4 REMAINS @25/700", "add +1 98x6 @20/2000000000",
         "add +1 100x4 @20/2000000000"});
}

TEST("parse quotes: one side a row, the other stays; hours and suspicious rows") {
  Layout trades = trade_layout();
  trades.header = Header::kNone;
  const auto source = source_of(trades, quote_layout(), true, Crossing::kNormal);
  const Rows rows = rows_of(*source, {{},
                                      {{"999,100,5,0,0,0\n1000,100,5,0,0,0\n1001,0,0,102,7,0\n"
                                        "1002,101,1,0,0,1\n1003,101,1,,,0\n1004,0,0,NaN,nan,0\n"
                                        "1999,102,3,0,0,0\n2000,100,5,0,0,0\n",
                                        100}}});
  CHECK_EQ(rows,
           (Rows{"clear +0 0x0 @1000000100", "add +1 100x5 @1000000100", "add -1 102x7 @1001000100",
                 "cancel +1 100x5 REACH @1003000100", "add +1 101x1 @1003000100",
                 "cancel +1 101x1 REACH @1999000100", "add +1 102x3 @1999000100"}));
  CHECK_EQ(count_of(*source, Reason::kOutsideHours), 2);
  CHECK_EQ(count_of(*source, Reason::kSuspicious), 1);
  CHECK_EQ(count_of(*source, Reason::kLockedBook), 1);
}

TEST("parse trades: those that were only reported, and numbers that several columns make") {
  Layout trades = trade_layout();
  trades.header = Header::kNone;
  trades.columns.push_back({Role::kId, "", 4});
  trades.columns.push_back({Role::kFacility, "", 4});
  const std::string book = "1000,100,5,0,0,0\n1000,0,0,102,7,0\n";
  const std::string lines = "1001,102,1,a,0\n1001,102,9,a,D\n1001,102,8,a,Q\n1001,102,1,a,\n";
  for (const bool named : {true, false}) {
    trades.time_places = 6;
    if (named) trades.off_exchange_words = {"D", "E"};
    if (!named) trades.off_exchange_words.clear();
    trades.columns.push_back({Role::kSide, "", 3});
    trades.bid_words = {"b"};
    trades.ask_words = {"a"};
    const auto source = source_of(trades, quote_layout(), true, Crossing::kNormal);
    const Rows rows = rows_of(*source, {{{lines}}, {{book}}});
    CHECK_EQ(rows[4], "trade +0 102x9 HIDDEN @1001000000");
    CHECK_EQ(rows.back(), "trade -1 102x1 REMAINS @1001000000");
    CHECK_EQ(count_of(*source, Reason::kOffExchange), named ? 1 : 2);
    CHECK_EQ(count_of(*source, Reason::kUnseenLots), named ? 1 : 0);
    trades.columns.pop_back();
  }
  check_refused([&](bool strict) { return source_of(trades, quote_layout(), strict); },
                {{{"1001,102,1,a,D\n1001,102,1,a,D\n"}}, {}}, "duplicate");
}

TEST("parse levels: blocks under a line with the time") {
  const std::string text =
      "Bid,Q,Ask,Q\nStamp,1970-01-01D08:00:01\n100,1,102,2\n99,3,103,4\n"
      "Stamp,1970-01-01D08:00:02\n100,1,102,2\nx,1,2,3\nStamp,1970-01-01D08:00:03\n";
  for (const std::size_t piece : {1U, 1000U}) {
    const auto source = source_of(trade_layout(), block_layout(), false);
    const Rows rows = rows_of(*source, {{}, {{text}}}, piece);
    CHECK_EQ(rows, (Rows{"clear +0 0x0 @1000000000", "snapshot +1 100x1 @1000000000",
                         "snapshot +1 99x3 @1000000000", "snapshot -1 102x2 @1000000000",
                         "snapshot -1 103x4 @1000000000", "cancel +1 99x3 @2000000000",
                         "cancel -1 103x4 @2000000000", "cancel +1 100x1 @3000000000",
                         "cancel -1 102x2 @3000000000"}));
    CHECK_EQ(count_of(*source, Reason::kBadNumber), 1);
  }
}

TEST("parse quotes: yesterday's book is nobody's today, whoever comes first") {
  Layout quotes = quote_layout();
  quotes.hours_until = quotes.hours_from;
  quotes.night = 5'000'000;
  Layout trades = trade_layout();
  trades.time_places = 6;
  trades.night = quotes.night;
  constexpr TimeNs kDay = 86'400'000'000'000;
  const auto source = source_of(trades, quotes, true, Crossing::kNormal);
  const Rows rows = rows_of(
      *source, {{{"6,103,1,a\n9,102,1,b\n"}, {"6,101,1,c\n9,103,1,d\n", kDay}},
                {{"7,100,5,0,0,0\n8,0,0,104,5,0\n"}, {"7,110,5,0,0,0\n8,0,0,112,5,0\n", kDay}}});
  CHECK_EQ(rows,
           (Rows{"trade +0 103x1 HIDDEN @6000000", "clear +0 0x0 @7000000", "add +1 100x5 @7000000",
                 "add -1 104x5 @8000000", "trade +1 102x1 HIDDEN @9000000",
                 "clear +0 0x0 @86400006000000", "trade +0 101x1 HIDDEN @86400006000000",
                 "add +1 110x5 @86400007000000", "add -1 112x5 @86400008000000",
                 "add +1 103x1 REACH @86400009000000", "trade +1 103x1 @86400009000000"}));
  CHECK_EQ(count_of(*source, Reason::kReset), 1);
}

TEST("parse levels: clocks that change") {
  Layout layout = quote_layout();
  layout.time_places = 9;
  layout.hours_until = layout.hours_from;
  layout.zone = {{0, 0}, {100'000'000'000, 50'000'000'000}};
  const auto source = source_of(trade_layout(), layout);
  const Rows rows = rows_of(*source, {{}, {{"99,100,5,0,0,0\n150,100,6,0,0,0\n"}}});
  CHECK_EQ(rows, (Rows{"clear +0 0x0 @99000000000", "add +1 100x5 @99000000000",
                       "add +1 100x1 @100000000000"}));
}

TEST("parse delimited: rows that cannot be used") {
  check_stops("X,1,1,true,bid,100\n", "field_count");
  check_stops("X,1,1,true,bid,100,\"5\n", "field_count");
  check_stops("X,x,1,true,bid,100,5\n", "bad_time");
  check_stops("X,-5,1,true,bid,100,5\n", "bad_time");
  check_stops("X,1,8000000000000000000,true,bid,100,5\n", "bad_time");
  check_stops("X,1,1,maybe,bid,100,5\n", "bad_type");
  check_stops("X,1,1,true,buy,100,5\n", "bad_side");
  check_stops("X,1,1,true,bid,x,5\n", "bad_number");
  check_stops("X,1,1,true,bid,100,x\n", "bad_number");
  check_stops("X,1,1,true,bid,0,5\n", "bad_price");
  check_stops("X,1,1,true,bid,100,-5\n", "bad_size");
  check_stops("X,2,2,true,bid,100,5\nX,1,1,false,bid,100,6\n", "out_of_order");
  check_stops("X,2,2,true,bid,100,5\nY,1,1,false,bid,100,6\n", "mixed_symbols");
  check_trade_stops("1,100,0,a\n", "bad_size");
  check_trade_stops("1,x,1,a\n", "bad_number");
  check_trade_stops("1,1,x,a\n", "bad_number");
  check_trade_stops("1,100,1,a\n1,100,1,a\n", "duplicate");
  check_trade_stops("ts,price,size\n", "not_this_format");
  check_trade_stops("1,2\n", "not_this_format");
  const auto check_quote = [](const char* line, const char* part) {
    check_refused([](bool strict) { return source_of(trade_layout(), quote_layout(), strict); },
                  {{}, {{line}}}, part);
  };
  check_quote("1000,100,5,0,0,x\n", "bad_type");
  check_quote("1000,100,5,x,0,0\n", "bad_number");
  check_quote("1000,100,x,0,0,0\n", "bad_number");
  const auto check_block = [](const char* line, const char* part) {
    check_refused([](bool strict) { return source_of(trade_layout(), block_layout(), strict); },
                  {{}, {{line}}}, part);
  };
  check_block("Stamp\n", "field_count");
  check_block("Stamp,\"\n", "field_count");
  check_block("Stamp,x\n", "bad_time");
  check_trade_stops("1,100,1,a\n2,100,1,\"a\n", "field_count");
  Layout buys = trade_layout();
  buys.columns[3].role = Role::kSide;
  buys.bid_words = {"S"};
  buys.ask_words = {"B", "b"};
  check_refused([&](bool strict) { return source_of(buys, change_layout(), strict); },
                {{{"1,100,1,X\n"}}, {}}, "bad_side");
}

TEST("parse delimited: lenient, and one symbol of several") {
  Layout layout = change_layout();
  layout.symbol = "Y";
  const auto source = source_of(trade_layout(), layout, false);
  const Rows rows = rows_of(*source, {{},
                                      {{kHeader + "X,1,1,true,bid,100,5\nY,3,3,0,bid,100,6\n"
                                                  "Y,2,2,1,bid,100,7\nY,2,2,2,bid,1,1\n"}}});
  CHECK_EQ(rows, (Rows{"add +1 100x6 @3", "clear +0 0x0 @2/3", "snapshot +1 100x7 @2/3"}));
  CHECK_EQ(count_of(*source, Reason::kOtherSymbol), 1);
  CHECK_EQ(count_of(*source, Reason::kOutOfOrder), 1);
  CHECK_EQ(count_of(*source, Reason::kBadType), 1);
}

TEST("parse delimited: units are guessed by the digits, row by row") {
  Layout layout = trade_layout();
  layout.time_places = Layout::kGuessUnit;
  const auto source = source_of(layout, change_layout());
  const Rows rows =
      rows_of(*source, {{{"1600000000,1,1,a\n1600000001000,1,1,b\n1600000002000000,1,1,c\n"
                          "1600000003000000000,1,1,d\n1600000004.25,1,1,e\n"}},
                        {}});
  CHECK_EQ(rows.size(), std::size_t{5});
  const char* const stamps[] = {"@1600000000000000000", "@1600000001000000000",
                                "@1600000002000000000", "@1600000003000000000",
                                "@1600000004250000000"};
  for (std::size_t i = 0; i < 5; ++i) CHECK(rows[i].ends_with(stamps[i]));
}

TEST("parse delimited: a moment of two million rows is no message") {
  std::string lines = kHeader;
  for (int i = 0; i < (1 << 21) + 2; ++i) lines += "X,1,1,true,bid,100,5\n";
  const auto source = source_of(trade_layout(), change_layout(), false);
  CHECK_THROWS(rows_of(*source, {{}, {{lines}}}), ParseError, "too_many");
}

}  // namespace rlmm::parse
