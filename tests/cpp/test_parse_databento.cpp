// Databento's records, as text and as bytes.
#include <string>
#include <vector>

#include "check.h"
#include "parse/databento.h"
#include "parse_databento_text.h"
#include "parse_reading.h"

namespace rlmm::parse {
namespace {

using Rows = std::vector<std::string>;
constexpr Units kUnits = {9, 0, 0, 0};
Rows read(const std::string& lines, bool strict = true, const std::string& header = kMboHeader) {
  DatabentoSource source({strict, kUnits}, false, 0);
  return rows_of(source, {{{header + lines}}}, 37);
}

void check_stops(const std::string& lines, const char* part) {
  const auto make = [](bool strict) {
    return std::make_unique<DatabentoSource>(ParseOptions{strict, kUnits}, false, 0);
  };
  check_refused(make, {{{kMboHeader + lines}}}, part);
}

const std::string kMbpHeader =
    "ts_recv,ts_event,instrument_id,action,side,price,size,flags,"
    "bid_px_00,ask_px_00,bid_sz_00,ask_sz_00,bid_ct_00,ask_ct_00\n";

std::string dbn_mbp(std::uint64_t ts, std::size_t levels, std::int64_t bid) {
  const auto length = static_cast<std::uint16_t>(48 + 32 * levels);
  std::string bytes =
      header_bytes(static_cast<std::uint8_t>(length & 0xFFU), levels == 10 ? 10 : 1, ts);
  bytes[0] = static_cast<char>(length / 4);
  append(bytes, bid);
  append(bytes, std::uint32_t{1});
  bytes += "AB";
  append(bytes, std::uint8_t{128});
  append(bytes, std::uint8_t{0});
  append(bytes, ts);
  append(bytes, std::int32_t{0});
  append(bytes, std::uint32_t{1});
  for (std::size_t n = 0; n < levels; ++n) {
    const auto step = static_cast<std::int64_t>(n);
    append(bytes, bid - step);
    append(bytes, n == 9 ? kUndefinedPrice : bid + 1 + step);
    append(bytes, std::uint32_t{2});
    append(bytes, std::uint32_t{3});
    append(bytes, std::uint32_t{1});
    append(bytes, std::uint32_t{1});
  }
  return bytes;
}

Rows read_dbn(const std::string& bytes, bool strict = true, std::size_t piece = 50) {
  DatabentoSource source({strict, kUnits}, true, 0);
  return rows_of(source, {{{bytes}}}, piece);
}

void check_dbn_stops(const std::string& bytes, const char* part) {
  const auto make = [](bool strict) {
    return std::make_unique<DatabentoSource>(ParseOptions{strict, kUnits}, true, 0);
  };
  check_refused(make, {{{bytes}}}, part);
}

}  // namespace

TEST("parse databento MBO: a fill is told three times and counts once") {
  const std::string lines = mbo(0, 'R', 'N', "", 0, 0, 40) + mbo(0, 'A', 'B', "100", 5, 7, 168) +
                            mbo(0, 'A', 'A', "103", 4, 8, 168) + mbo(1, 'A', 'B', "100", 2, 9) +
                            mbo(2, 'T', 'A', "100", 6, 0, 0) + mbo(2, 'F', 'B', "100", 5, 7, 0) +
                            mbo(2, 'F', 'B', "100", 1, 9, 0) + mbo(2, 'C', 'B', "100", 5, 7, 0) +
                            mbo(2, 'M', 'B', "100", 1, 9);
  CHECK_EQ(read(lines), (Rows{"clear +0 0x0 @0/1", "snapshot +1 100x5 #7 @0/1",
                              "snapshot -1 103x4 #8 @0/1", "add +1 100x2 #9 @1/2",
                              "trade +1 100x5 #7 MORE @2/3", "trade +1 100x1 #9 REMAINS @2/3"}));
}

TEST("parse databento MBO: what a change of an order is") {
  const std::string lines = mbo(0, 'A', 'B', "100", 5, 7) + mbo(1, 'M', 'B', "100", 3, 7) +
                            mbo(2, 'M', 'B', "101", 3, 7) + mbo(3, 'M', 'B', "101", 4, 7) +
                            mbo(4, 'C', 'B', "101", 1, 7) + mbo(5, 'C', 'B', "101", 3, 7) +
                            mbo(6, 'M', 'A', "105", 3, 55) + mbo(7, 'C', 'A', "105", 3, 66) +
                            mbo(8, 'F', 'A', "105", 3, 66) + mbo(9, 'T', 'B', "105", 2, 0) +
                            mbo(10, 'N', 'N', "", 0, 0) + mbo(11, 'R', 'N', "", 0, 0);
  CHECK_EQ(read(lines), (Rows{"add +1 100x5 #7 @0/1", "cancel +1 100x2 #7 REMAINS @1/2",
                              "cancel +1 100x3 #7 @2/3", "add +1 101x3 #7 @2/3",
                              "cancel +1 101x3 #7 @3/4", "add +1 101x4 #7 @3/4",
                              "cancel +1 101x1 #7 REMAINS @4/5", "cancel +1 101x3 #7 @5/6",
                              "add -1 105x3 #55 @6/7", "trade -1 105x3 #66 HIDDEN @8/9",
                              "trade -1 105x2 HIDDEN @9/10", "clear +0 0x0 @11/12"}));
}

TEST("parse databento MBO: orders with the largest numbers that there are") {
  CHECK_EQ(
      read("0,0,160,1,1,A,B,100,1,0,18446744073709551615,128,0,1\n"
           "0,0,160,1,1,C,B,100,1,0,18446744073709551615,128,0,1\n"),
      (Rows{"add +1 100x1 #18446744073709551615 @0", "cancel +1 100x1 #18446744073709551615 @0"}));
}

TEST("parse databento MBO: an event that the file cuts off") {
  CHECK_EQ(read(mbo(0, 'T', 'N', "105", 2, 0, 0)), (Rows{"trade +0 105x2 HIDDEN @0/1"}));
}

TEST("parse databento MBO: records that cannot be used") {
  check_stops("1,2\n", "field_count");
  check_stops("\"\n", "field_count");
  check_stops("x,0,160,1,1,A,B,100,1,0,7,128,0,1\n", "bad_time");
  check_stops("2024-01-01Tx,0,160,1,1,A,B,100,1,0,7,128,0,1\n", "bad_time");
  check_stops("0,-1,160,1,1,A,B,100,1,0,7,128,0,1\n", "bad_time");
  check_stops("0,8000000000000000000,160,1,1,A,B,100,1,0,7,128,0,1\n", "bad_time");
  check_stops("0,0,160,1,x,A,B,100,1,0,7,128,0,1\n", "bad_number");
  check_stops("0,0,160,1,1,A,B,x,1,0,7,128,0,1\n", "bad_number");
  check_stops("0,0,160,1,1,A,B,100,x,0,7,128,0,1\n", "bad_number");
  check_stops("0,0,160,1,1,A,B,100,1,0,x,128,0,1\n", "bad_number");
  check_stops("0,0,160,1,1,A,B,100,1,0,-7,128,0,1\n", "bad_number");
  check_stops("0,0,160,1,1,A,B,100,1,0,18446744073709551616,128,0,1\n", "bad_number");
  check_stops("0,0,160,1,1,A,B,100,1,0,,128,0,1\n", "bad_number");
  check_stops("0,0,160,1,1,A,B,100,1,0,7,x,0,1\n", "bad_number");
  check_stops("0,0,160,1,1,A,B,.,1,0,7,128,0,1\n", "bad_number");
  check_stops(mbo(0, 'X', 'B', "100", 1, 7), "bad_type");
  check_stops("0,0,160,1,1,AA,B,100,1,0,7,128,0,1\n", "bad_type");
  check_stops("0,0,160,1,1,A,BB,100,1,0,7,128,0,1\n", "bad_side");
  check_stops(mbo(0, 'A', 'N', "100", 1, 7), "bad_side");
  check_stops(mbo(0, 'A', 'X', "100", 1, 7), "bad_side");
  check_stops(mbo(0, 'A', 'B', "9223372036854775807", 1, 7), "bad_price");
  check_stops(mbo(0, 'A', 'B', "0", 1, 7), "bad_price");
  check_stops(mbo(0, 'A', 'B', "100", 0, 7), "bad_size");
  check_stops(mbo(0, 'A', 'B', "100", 1, 0), "bad_number");
  check_stops(mbo(5, 'A', 'B', "100", 1, 7) + mbo(1, 'A', 'B', "100", 1, 8), "out_of_order");
  check_stops(mbo(0, 'A', 'B', "100", 1, 7) + mbo(0, 'A', 'B', "100", 1, 7), "duplicate");
  check_stops(mbo(0, 'A', 'B', "100", 1, 7) + mbo(0, 'C', 'B', "100", 2, 7), "overfill");
  check_stops(mbo(0, 'A', 'B', "100", 1, 7) + mbo(0, 'A', 'B', "100", 1, 8, 128, 2),
              "mixed_symbols");
  CHECK_THROWS(read("", true, "a,b\n"), ParseError, "not_this_format");
  CHECK_THROWS(read("", true, "\"a,b\n"), ParseError, "not_this_format");
  CHECK_THROWS(read("", true, "ts_recv,ts_event,action,side,price,size,flags\n"), ParseError,
               "not_this_format");
  const auto fifties = [](bool strict) {
    return std::make_unique<DatabentoSource>(ParseOptions{strict, {9, 0, 50, 0}}, false, 0);
  };
  check_refused(fifties, {{{kMboHeader + mbo(0, 'A', 'B', "75", 1, 7)}}}, "off_tick");
  DatabentoSource fits({true, {9, 0, 50, 0}}, false, 0);
  CHECK_EQ(rows_of(fits, {{{kMboHeader + mbo(0, 'A', 'B', "100", 1, 7)}}}).size(), std::size_t{1});
}

TEST("parse databento MBO: lenient, with one instrument of two, and bad stamps that are marked") {
  DatabentoSource source({false, kUnits}, false, 1);
  CHECK_EQ(source.inputs(), std::size_t{1});
  const Rows rows =
      rows_of(source, {{{kMboHeader + mbo(5, 'A', 'B', "100.5", 1, 7) +
                         mbo(5, 'A', 'B', "1", 1, 9, 128, 2) + mbo(1, 'A', 'B', "100", 1, 8, 136) +
                         mbo(6, 'A', 'B', "100", 1, 7) + mbo(7, 'C', 'B', "100", 9, 8)}}});
  CHECK_EQ(rows, (Rows{"add +1 100500000000x1 #7 @5/6", "add +1 100x1 #8 @1/6",
                       "cancel +1 100x1 #8 @7/8"}));
  CHECK_EQ(count_of(source, Reason::kOutOfOrder), 0);
  CHECK_EQ(count_of(source, Reason::kOtherSymbol), 1);
  CHECK_EQ(count_of(source, Reason::kOverfill), 1);
}

TEST("parse databento MBP: what is shown, and trades before the book knows of them") {
  const std::string lines =
      "1,2024-01-01T00:00:00Z,1,A,B,,0,0,1,2,3,4,0,0\n"  // more of the event follows
      "1704067200000000001,2024-01-01T00:00:00Z,1,A,B,100,5,128,100,103,5,4,1,1\n"
      "1704067200000000002,2024-01-01T00:00:00Z,1,T,A,100,2,0,100,103,5,4,1,1\n"
      "1704067200000000002,2024-01-01T00:00:00Z,1,C,B,100,2,128,100,,3,0,1,0\n"
      "1704067200000000003,2024-01-01T00:00:00Z,1,R,N,,0,128,,,0,0,0,0\n";
  CHECK_EQ(read(lines, true, kMbpHeader),
           (Rows{"clear +0 0x0 @1704067200000000000/1704067200000000001",
                 "snapshot +1 100x5 @1704067200000000000/1704067200000000001",
                 "snapshot -1 103x4 @1704067200000000000/1704067200000000001",
                 "trade +1 100x2 REMAINS @1704067200000000000/1704067200000000002",
                 "cancel -1 103x4 @1704067200000000000/1704067200000000002",
                 "clear +0 0x0 @1704067200000000000/1704067200000000003"}));
  const auto stops = [](const std::string& row, const char* part) {
    const auto make = [](bool strict) {
      return std::make_unique<DatabentoSource>(ParseOptions{strict, {9, 0, 2, 0}}, false, 0);
    };
    check_refused(make, {{{kMbpHeader + row}}}, part);
  };
  stops("1,1,1,A,B,100,5,128,x,103,5,4,1,1\n", "bad_number");
  stops("1,1,1,A,B,100,5,128,100,103,x,4,1,1\n", "bad_number");
  stops("1,1,1,A,B,100,5,128,-5,103,5,4,1,1\n", "bad_price");
  stops("1,1,1,A,B,100,5,128,100,103,5,4,1,1\n", "off_tick");
  stops("1,1,1,T,B,0,5,128,100,104,5,4,1,1\n", "bad_price");
}

TEST("parse databento: more live orders than anybody has are no recording") {
  DatabentoSource source({true, kUnits, 1}, false, 0);
  CHECK_THROWS(
      rows_of(source,
              {{{kMboHeader + mbo(0, 'A', 'B', "100", 1, 7) + mbo(0, 'A', 'B', "100", 1, 8)}}}),
      ParseError, "too_many");
}

TEST("parse DBN: the same records as bytes, whatever the pieces") {
  const std::string bytes = dbn_metadata() + dbn_mbo(1, 'A', 'B', 100, 5, 7) +
                            header_bytes(16, 23, 2) + dbn_mbo(3, 'C', 'B', 100, 5, 7);
  for (const std::size_t piece : {1U, 3U, 56U, 4096U}) {
    CHECK_EQ(read_dbn(bytes, true, piece),
             (Rows{"add +1 100x5 #7 @1/6", "cancel +1 100x5 #7 @3/8"}));
  }
  DatabentoSource source({true, {9, 2, 0, 0}}, true, 0);
  CHECK_EQ(rows_of(source, {{{bytes}, {dbn_metadata() + dbn_mbo(5, 'A', 'B', 100, 5, 8)}}}).size(),
           std::size_t{3});
  CHECK_EQ(count_of(source, Reason::kOtherRecord), 1);
}

TEST("parse DBN: one level and ten") {
  CHECK_EQ(read_dbn(dbn_metadata() + dbn_mbp(1, 1, 100)),
           (Rows{"clear +0 0x0 @1", "snapshot +1 100x2 @1", "snapshot -1 101x3 @1"}));
  CHECK_EQ(read_dbn(dbn_metadata() + dbn_mbp(1, 10, 100)).size(), std::size_t{20});
  check_dbn_stops(dbn_metadata() + dbn_mbp(1, 1, 0), "bad_price");
}

TEST("parse DBN: damaged files") {
  check_dbn_stops("DBX\x02" + std::string(10, 'x'), "not_this_format");
  check_dbn_stops(dbn_metadata() + std::string(16, '\1'), "not_this_format");
  check_dbn_stops("DBN\x02\xff\xff\xff\xff", "too_many");
  check_dbn_stops("DB", "truncated_record");
  check_dbn_stops(dbn_metadata().substr(0, 10), "truncated_record");
  const std::string record = dbn_mbo(1, 'A', 'B', 100, 5, 7);
  check_dbn_stops(dbn_metadata() + record.substr(0, 40), "truncated_record");
  CHECK_EQ(read_dbn(dbn_metadata() + record + record.substr(0, 40), false).size(), std::size_t{1});
  check_dbn_stops(dbn_metadata() + dbn_mbo(std::uint64_t{1} << 63U, 'A', 'B', 1, 5, 7), "bad_time");
  CHECK(read_dbn("").empty());
}

}  // namespace rlmm::parse
