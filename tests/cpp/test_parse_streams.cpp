// Bybit's and Binance's JSON, merged with trades.
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "joined.h"
#include "parse/delimited.h"
#include "parse/depth_stream.h"
#include "parse/merge.h"
#include "parse_reading.h"

namespace rlmm::parse {
namespace {

using Rows = std::vector<std::string>;
constexpr Units kUnits = {0, 0, 0, 0};

Layout trade_layout() {
  Layout layout;
  layout.kind = TableKind::kTrades;
  layout.columns = {{Role::kTime, "ts", 0},
                    {Role::kPrice, "price", 1},
                    {Role::kSize, "size", 2},
                    {Role::kSide, "side", 3}};
  layout.time_places = Layout::kGuessUnit;
  layout.bid_words = {"Sell"};
  layout.ask_words = {"Buy"};
  return layout;
}

std::unique_ptr<MergedSource> source_of(DepthVendor vendor, bool strict = true,
                                        const std::string& symbol = "", bool csv = true) {
  auto workshop = std::make_unique<Workshop>(ParseOptions{strict, kUnits}, Crossing::kDefect);
  std::unique_ptr<Stream> trades;
  if (csv) {
    trades = std::make_unique<DelimitedStream>(0, *workshop, trade_layout());
  } else {
    trades = std::make_unique<DepthStream>(0, *workshop, vendor, symbol);
  }
  auto book = std::make_unique<DepthStream>(1, *workshop, vendor, symbol);
  return std::make_unique<MergedSource>(std::move(workshop), std::move(trades), std::move(book));
}

std::string bybit(const std::string& type, int u, int cts, const std::string& bids,
                  const std::string& asks, const std::string& symbol = "X") {
  return joined(R"({"topic":"ob","type":")", type, R"(","ts":)", std::to_string(cts + 3),
                R"(,"data":{"s":")", symbol, R"(","b":[)", bids, R"(],"a":[)", asks, R"(],"u":)",
                std::to_string(u), R"(,"seq":9},"cts":)", std::to_string(cts), "}\n");
}

const std::string kStart = bybit("snapshot", 1, 1000, R"(["100","5"])", R"(["101","4"])");

void check_bybit_stops(const std::string& lines, const char* part) {
  check_refused([](bool strict) { return source_of(DepthVendor::kBybit, strict); }, {{}, {{lines}}},
                part);
}

Rows binance_rows(MergedSource& source, const std::string& book, const std::string& trades = "") {
  return rows_of(
      source,
      {trades.empty() ? std::vector<TestFile>{} : std::vector<TestFile>{{trades}}, {{book}}});
}

std::string change(int from, int last, int time, const std::string& bids, int previous = -1) {
  return joined(R"({"e":"depthUpdate","E":)", std::to_string(time), R"(,"s":"X","U":)",
                std::to_string(from), R"(,"u":)", std::to_string(last),
                previous >= 0 ? joined(R"(,"pu":)", std::to_string(previous)) : std::string(),
                R"(,"b":[)", bids, R"(],"a":[]})", "\n");
}

const std::string kSnapshot = R"({"lastUpdateId":10,"bids":[["100","5",[]]],"asks":[["101","4"]]})"
                              "\n";

void check_binance_stops(const std::string& lines, const char* part) {
  check_refused([](bool strict) { return source_of(DepthVendor::kBinance, strict); },
                {{}, {{lines}}}, part);
}

}  // namespace

TEST("parse bybit: trades before the message of their millisecond, whatever the pieces") {
  const std::string book =
      kStart + bybit("delta", 2, 1002, R"(["100","2"],["99","1"])", R"(["101","0"],["102","3"])");
  const std::string trades = "ts,price,size,side\n1.0025,100,2,Sell\n1.003,101,1,Buy\n";
  const Rows expected = {"clear +0 0x0 @1000000000",
                         "snapshot +1 100x5 @1000000000",
                         "snapshot -1 101x4 @1000000000",
                         "trade +1 100x2 REMAINS @1002500000",
                         "cancel +1 100x1 REMAINS @1002500000",
                         "cancel -1 101x4 @1002500000",
                         "add +1 99x1 @1002500000",
                         "add -1 102x3 @1002500000",
                         "trade -1 101x1 HIDDEN @1003000000"};
  for (const std::size_t piece : {1U, 10U, 5000U}) {
    const auto source = source_of(DepthVendor::kBybit);
    CHECK_EQ(source->inputs(), std::size_t{2});
    CHECK_EQ(rows_of(*source, {{{trades}}, {{book}}}, piece), expected);
  }
}

TEST("parse merge: rows can be taken before the end") {
  const auto source = source_of(DepthVendor::kBybit);
  const std::string book = kStart + bybit("delta", 2, 1002, R"(["99","1"])", "");
  CHECK_EQ(rows_of(*source, {{}, {{book}}}, 1000, 1).size(), std::size_t{4});
}

TEST("parse bybit: what a message must be") {
  check_bybit_stops("{\n", "bad_json");
  check_bybit_stops("{}x\n", "bad_json");
  check_bybit_stops("[1]\n", "bad_json");
  check_bybit_stops("{}\n", "bad_type");
  check_bybit_stops(R"({"type":"snapshot","cts":1})"
                    "\n",
                    "missing_field");
  check_bybit_stops(R"({"type":"snapshot","data":{"b":[]}})"
                    "\n",
                    "missing_field");
  check_bybit_stops(R"({"type":"snapshot","type":"delta"})"
                    "\n",
                    "duplicate");
  check_bybit_stops(R"({"type":"snapshot","ts":1,"ts":2})"
                    "\n",
                    "duplicate");
  check_bybit_stops(R"({"type":"snapshot","b":[],"b":[]})"
                    "\n",
                    "duplicate");
  check_bybit_stops(R"({"type":"snapshot","ts":1.5})"
                    "\n",
                    "bad_number");
  check_bybit_stops(R"({"type":"snapshot","ts":-1})"
                    "\n",
                    "bad_number");
  check_bybit_stops(R"({"type":"snapshot","ts":1,"u":9223372036854775807})"
                    "\n",
                    "bad_number");
  check_bybit_stops(R"({"type":"snapshot","ts":9999999999999999,"b":[]})"
                    "\n",
                    "bad_time");
  check_bybit_stops(R"({"type":"snapshot","ts":99999999999999,"b":[]})"
                    "\n",
                    "bad_time");
  check_bybit_stops(R"({"type":"snapshot","ts":1,"b":[["x","1"]]})"
                    "\n",
                    "bad_number");
  check_bybit_stops(R"({"type":"snapshot","ts":1,"b":[["1","-1"]]})"
                    "\n",
                    "bad_size");
  check_bybit_stops(R"({"type":"snapshot","ts":1,"b":[["0","1"]]})"
                    "\n",
                    "bad_price");
  for (const char* text : {R"([["1"]])", R"([["1","2")", R"([[1,2,]])", R"([1])", R"([["1",]])",
                           R"([["1","2"] ["1","2"]])", R"([[,"2"]])", R"([["1" "2"]])"}) {
    check_bybit_stops(std::string(R"({"type":"snapshot","ts":1,"b":)") + text + "}\n", "bad_json");
  }
  for (const char* text : {R"({"type")", R"({"type":)", R"({"ts":)", R"({"data":{)", R"({"x":)",
                           R"({"type":"a" "b":1})", R"({type:1})", R"({"b":)"}) {
    check_bybit_stops(std::string(text) + "\n", "bad_json");
  }
  check_bybit_stops(bybit("delta", 2, 1, "", ""), "no_snapshot");
  check_bybit_stops(kStart + bybit("delta", 2, 1002, "", "", "Y"), "mixed_symbols");
  check_bybit_stops(kStart + bybit("delta", 2, 999, "", ""), "out_of_order");
  check_bybit_stops(kStart + bybit("delta", 2, 1002, R"(["101","1"])", ""), "crossed");
}

TEST("parse bybit: the counter") {
  std::string lines = kStart;
  for (int u = 2; u < 30; ++u) lines += bybit("delta", u, 1000 + u, "", R"(["101","4"])");
  check_bybit_stops(lines + bybit("delta", 40, 1100, "", ""), "gap");
  check_bybit_stops(kStart + bybit("delta", 2, 1001, "", "") + bybit("delta", 1, 1002, "", ""),
                    "gap");
  const auto source = source_of(DepthVendor::kBybit, false);
  const Rows rows = rows_of(
      *source, {{},
                {{bybit("delta", 1, 999, "", "") + lines + bybit("delta", 40, 1100, "", "") +
                  bybit("delta", 40, 1101, R"(["99","1"])", "") +
                  bybit("snapshot", 1, 1102, R"(["98","1"])", "")}}});
  CHECK_EQ(rows.back(), "snapshot +1 98x1 @1102000000");
  CHECK_EQ(count_of(*source, Reason::kNoSnapshot), 1);
  CHECK_EQ(count_of(*source, Reason::kGap), 1);
  CHECK_EQ(count_of(*source, Reason::kRepeated), 1);
  CHECK_EQ(count_of(*source, Reason::kReset), 1);
}

TEST("parse bybit: older files, and files that were converted") {
  const auto source = source_of(DepthVendor::kBybit, true, "X");
  const std::string old = R"({"type":"snapshot","ts":5,"data":{"b":[["1","1"]],"u":null}})"
                          "\n";
  const Rows rows = rows_of(
      *source,
      {{},
       {{old + bybit("delta", 100, 6, R"(["1","2"])", "") +
         bybit("delta", 172, 7, R"(["1","3"])", "") + bybit("delta", 300, 8, R"(["1","4"])", "") +
         bybit("delta", 301, 9, R"(["1","5"])", "", "Y")}}});
  CHECK_EQ(rows.size(), std::size_t{5});
  CHECK_EQ(count_of(*source, Reason::kNoCounter), 1);
  CHECK_EQ(count_of(*source, Reason::kCounterLeaps), 1);
  CHECK_EQ(count_of(*source, Reason::kOtherSymbol), 1);
}

TEST("parse binance: changes wait for the snapshot that they belong to") {
  const std::string early = change(1, 5, 1, R"(["90","1"])") + change(6, 9, 2, R"(["91","1"])");
  const std::string late = change(10, 12, 3, R"(["99","1"])") + change(13, 13, 4, R"(["99","0"])");
  const Rows expected = {"clear +0 0x0 @3000000", "snapshot +1 100x5 @3000000",
                         "snapshot -1 101x4 @3000000", "add +1 99x1 @3000000",
                         "cancel +1 99x1 @4000000"};
  for (const std::string& order : {joined(kSnapshot, early, late), joined(early, kSnapshot, late),
                                   joined(early, late, kSnapshot)}) {
    const auto source = source_of(DepthVendor::kBinance);
    CHECK_EQ(binance_rows(*source, order), expected);
    CHECK_EQ(count_of(*source, Reason::kBeforeSnapshot), 2);
  }
}

TEST("parse binance: futures, the combined stream, a second snapshot") {
  const auto source = source_of(DepthVendor::kBinance, true, "", false);
  const std::string trade =
      R"({"stream":"x@aggTrade","data":{"e":"aggTrade","E":5,"a":1,"s":"X","p":"100","q":"2","f":1,"l":1,"T":4,"m":true}})"
      "\n";
  const std::string later = R"({"e":"trade","E":6,"s":"X","p":"98","q":"1","T":6,"m":true})"
                            "\n";
  const std::string second = R"({"lastUpdateId":30,"E":6,"T":6,"bids":[["98","1"]],"asks":[]})"
                             "\n";
  const std::string older = R"({"lastUpdateId":12,"bids":[],"asks":[]})"
                            "\n";
  const Rows rows =
      binance_rows(*source,
                   kSnapshot + change(8, 12, 3, R"(["99","1"])", 7) + older + trade +
                       R"({"e":"bookTicker","u":4,"s":"X","b":"1","B":"1","a":"2","A":"1"})"
                       "\n" +
                       change(14, 20, 5, R"(["99","2"])", 12) + second + later +
                       change(28, 35, 7, R"(["97","1"])", 27),
                   "");
  CHECK_EQ(
      rows,
      (Rows{"clear +0 0x0 @3000000", "snapshot +1 100x5 @3000000", "snapshot -1 101x4 @3000000",
            "add +1 99x1 @3000000", "trade +1 100x2 REMAINS @4000000", "add +1 99x1 @5000000",
            "add +1 100x2 @5000000", "clear +0 0x0 @6000000", "snapshot +1 98x1 @6000000",
            "trade +1 98x1 @6000000", "add +1 97x1 @7000000", "add +1 98x1 @7000000"}));
  CHECK_EQ(count_of(*source, Reason::kRepeated), 1);
  CHECK_EQ(count_of(*source, Reason::kOtherRecord), 1);
  CHECK_EQ(count_of(*source, Reason::kReset), 1);
  CHECK_EQ(count_of(*source, Reason::kGap), 0);
}

TEST("parse binance: gaps and what is missing") {
  check_binance_stops(kSnapshot + change(12, 13, 1, ""), "gap");
  check_binance_stops(kSnapshot + change(11, 13, 1, "") + change(15, 16, 2, ""), "gap");
  check_binance_stops(kSnapshot + change(11, 13, 1, "", 10) + change(14, 16, 2, "", 12), "gap");
  check_binance_stops(change(12, 13, 1, ""), "no_snapshot");
  check_binance_stops(R"({"lastUpdateId":1,"bids":[]})"
                      "\n",
                      "missing_field");
  check_binance_stops(kSnapshot, "missing_field");
  check_binance_stops(R"({"e":"depthUpdate","E":1,"u":2,"b":[],"a":[]})"
                      "\n",
                      "missing_field");
  check_binance_stops(R"({"e":"depthUpdate","U":1,"u":2,"b":[],"a":[]})"
                      "\n",
                      "missing_field");
  check_binance_stops(R"({"e":"trade","T":1,"p":"x","q":"1","m":true})"
                      "\n",
                      "bad_number");
  check_binance_stops(R"({"e":"trade","T":1,"p":"1","q":"y","m":true})"
                      "\n",
                      "bad_number");
  check_binance_stops(R"({"e":"trade","T":1,"p":"1","q":"0","m":true})"
                      "\n",
                      "bad_size");
  check_binance_stops(R"({"e":"trade","T":1,"p":"1","q":"1","m":1})"
                      "\n",
                      "bad_side");
  check_binance_stops(R"({"e":"trade","p":"1","q":"1","m":true})"
                      "\n",
                      "missing_field");
  const auto source = source_of(DepthVendor::kBinance, false);
  const Rows rows = binance_rows(*source, change(12, 13, 1, R"(["99","1"])") +
                                              change(20, 21, 2, R"(["99","3"])") +
                                              change(20, 21, 3, R"(["99","4"])"));
  CHECK_EQ(rows, (Rows{"add +1 99x1 @1000000", "add +1 99x2 @2000000"}));
  CHECK_EQ(count_of(*source, Reason::kNoSnapshot), 1);
  CHECK_EQ(count_of(*source, Reason::kGap), 1);
}

TEST("parse binance: microseconds from 2025 on; sellers and buyers") {
  const auto source = source_of(DepthVendor::kBinance, true, "", false);
  const Rows rows = rows_of(
      *source, {{{R"({"e":"trade","E":1735689600000002,"s":"X","p":"101","q":"1","m":false})"
                  "\n"}},
                {{R"({"lastUpdateId":10,"bids":[],"asks":[["101","4"]]})"
                  "\n"
                  R"({"e":"depthUpdate","E":1735689600000001,"U":11,"u":11,"b":[],"a":[]})"
                  "\n"}}});
  CHECK_EQ(rows,
           (Rows{"clear +0 0x0 @1735689600000001000", "snapshot -1 101x4 @1735689600000001000",
                 "trade -1 101x1 REMAINS @1735689600000002000"}));
}

TEST("parse binance: too much before a snapshot") {
  std::string lines;
  for (int i = 0; i < (1 << 17) + 2; ++i) lines += change(2 * i, 2 * i + 1, 1, "");
  check_binance_stops(lines, "no_snapshot");
}

}  // namespace rlmm::parse
