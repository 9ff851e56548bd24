// Decimals, times, lines, fields and JSON.
#include <string>
#include <vector>

#include "check.h"
#include "parse/decimal.h"
#include "parse/fields.h"
#include "parse/json.h"
#include "parse/lines.h"
#include "parse/reading.h"

namespace rlmm::parse {
namespace {

struct Parsed {
  Decimal outcome;
  std::int64_t value;
};

Parsed parsed(std::string_view text, int places) {
  std::int64_t value = -77;
  const Decimal outcome = parse_decimal(text, places, value);
  return {outcome, outcome == Decimal::kOk ? value : 0};
}

void check_value(std::string_view text, int places, std::int64_t expected) {
  const Parsed got = parsed(text, places);
  CHECK_EQ(got.outcome, Decimal::kOk);
  CHECK_EQ(got.value, expected);
}

std::vector<std::string> lines_of(const std::string& bytes, std::size_t piece) {
  Defects defects(true);
  LineReader reader(0, defects);
  std::vector<std::string> lines;
  std::size_t at = 0;
  bool ended = false;
  std::string_view line;
  for (;;) {
    const Got got = reader.next(line);
    if (got == Got::kEnd) return lines;
    if (got == Got::kItem) {
      lines.push_back(std::to_string(reader.place().line) + ":" +
                      std::to_string(reader.place().offset) + ":" + std::string(line));
    } else if (at < bytes.size()) {
      const std::string next = bytes.substr(at, piece);
      at += next.size();
      reader.feed(next, at == bytes.size());
    } else {
      CHECK(!ended);
      ended = true;
      reader.end();
    }
  }
}

bool is_json(std::string_view text) {
  JsonCursor cursor(text);
  std::string_view value;
  return cursor.value(value) && cursor.at_end();
}

TimeNs iso(std::string_view text) {
  TimeNs value = -1;
  return parse_iso_time(text, value) ? value : -1;
}

}  // namespace

TEST("parse decimal: short numbers are read as all others are") {
  for (const std::string text : {"0", "7", "007", "123456789", "1234567890", "12.5", "-3", "1e3",
                                 "", "x", "12x", "999999999"}) {
    for (const int places : {0, 1, 9, 10}) {
      std::int64_t fast = -1;
      std::int64_t slow = -1;
      const bool is_short = detail::parse_short(text, places, fast);
      const Decimal outcome = detail::parse_checked(text, places, slow);
      if (is_short) CHECK_EQ(outcome, Decimal::kOk);
      if (is_short) CHECK_EQ(fast, slow);
      const bool digits =
          !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
      CHECK_EQ(is_short, digits && text.size() <= 9 && places <= 9);
    }
  }
}

TEST("parse decimal: digits as they are written") {
  check_value("12.5", 3, 12'500);
  check_value("0", 0, 0);
  check_value("007", 0, 7);
  check_value("-3.25", 2, -325);
  check_value("1.", 1, 10);
  check_value("2.5000", 1, 25);
  check_value("0.1", 18, 100'000'000'000'000'000);
  check_value("9223372036854775807", 0, std::numeric_limits<std::int64_t>::max());
}

TEST("parse decimal: exponents are exact") {
  check_value("1e-05", 8, 1000);
  check_value("1.5E+3", 1, 15'000);
  check_value("-2.5e1", 0, -25);
  check_value("1.25e-2", 4, 125);
  check_value("3e0", 2, 300);
}

TEST("parse decimal: what is none") {
  for (const char* text : {"", "-", ".5", "+1", " 1", "1 ", "1,5", "NaN", "inf", "0x10", "1e",
                           "1e5e", "1e.5", "e5", "--1", "1.2.3", "1e+", "1-2"}) {
    CHECK_EQ(parsed(text, 2).outcome, Decimal::kSyntax);
  }
  CHECK_EQ(parsed("1.234", 2).outcome, Decimal::kTooFine);
  CHECK_EQ(parsed("1e-9", 2).outcome, Decimal::kTooFine);
  CHECK_EQ(parsed("1e-41", 2).outcome, Decimal::kTooFine);
  CHECK_EQ(parsed("1e41", 2).outcome, Decimal::kTooLarge);
  CHECK_EQ(parsed("9223372036854775808", 0).outcome, Decimal::kTooLarge);
  CHECK_EQ(parsed("99999999999999999999", 0).outcome, Decimal::kTooLarge);
  CHECK_EQ(parsed("92233720368547758", 3).outcome, Decimal::kTooLarge);
  CHECK_EQ(parsed("0.9999999999999999999999", 22).outcome, Decimal::kTooLarge);
}

TEST("parse reading: prices, sizes and times are held to their units") {
  Defects defects(false);
  const Reading reading(defects, {.price_places = 2, .size_places = 0, .tick = 5, .lot = 10});
  std::int64_t value = 0;
  CHECK(reading.price("p", "1.05", value));
  CHECK_EQ(value, 105);
  CHECK(!reading.price("p", "1.06", value));
  CHECK(reading.price("p", "1.06", value, Grid::kAny));
  CHECK(!reading.price("p", "0", value));
  CHECK(!reading.price("p", "-1", value));
  CHECK(!reading.price("p", "20000000000000000", value));
  CHECK(!reading.price("p", "x", value));
  CHECK(reading.size("q", "20", value));
  CHECK(reading.size("q", "0", value));
  CHECK(!reading.size("q", "25", value));
  CHECK(!reading.size("q", "-10", value));
  CHECK(!reading.size("q", "2000000000000000000", value));
  CHECK(!reading.size("q", "1.5", value));
  CHECK(!reading.integer("n", "99999999999999999999", value));
  CHECK_EQ(defects.count(Reason::kOffTick), 1);
  CHECK_EQ(defects.count(Reason::kBadPrice), 3);
  CHECK_EQ(defects.count(Reason::kOffLot), 1);
  CHECK_EQ(defects.count(Reason::kBadSize), 2);
  CHECK_EQ(defects.count(Reason::kBadNumber), 3);
}

TEST("parse reading: a time that went through a float is rounded") {
  Defects defects(true);
  const Reading reading(defects, {});
  TimeNs value = 0;
  CHECK(reading.time("t", "43002.632812672004", 9, value));
  CHECK_EQ(value, 43'002'632'812'672);
  CHECK(reading.time("t", "1.0000000019999", 9, value));
  CHECK_EQ(value, 1'000'000'002);
  CHECK_EQ(defects.count(Reason::kTimeRounded), 2);
  for (const char* text : {"1.00000000012x", "x", "1", "99999999999.0000000001"}) {
    if (std::string_view(text) == "1") continue;
    CHECK_THROWS(reading.time("t", text, 9, value), ParseError, "bad_time");
  }
}

TEST("parse reading: ISO times") {
  CHECK_EQ(iso("1970-01-01T00:00:00"), 0);
  CHECK_EQ(iso("2014-01-29D04:24:59.4898148"), 1'390'969'499'489'814'800);
  CHECK_EQ(iso("2000-02-29 00:00:00Z"), 951'782'400'000'000'000);
  CHECK_EQ(iso("2024-03-01T00:00:00+02:00"), iso("2024-02-29T22:00:00Z"));
  CHECK_EQ(iso("2024-12-31T23:59:59-01:30"), iso("2025-01-01T01:29:59"));
  CHECK_EQ(iso("2024-01-01T00:00:00.1234567890"), iso("2024-01-01T00:00:00.123456789"));
  for (const char* text : {"",
                           "2024",
                           "2024-13-01T00:00:00",
                           "2023-02-29T00:00:00",
                           "1900-02-29T00:00:00",
                           "2024-00-01T00:00:00",
                           "2024-01-00T00:00:00",
                           "2024-01-01X00:00:00",
                           "2024-01-01T24:00:00",
                           "2024-01-01T00:60:00",
                           "2024-01-01T00:00:60",
                           "2024-01-01T00:00:00.",
                           "2024/01/01T00:00:00",
                           "2024-01/01T00:00:00",
                           "2024-01-01T00-00:00",
                           "2024-01-01T00:00-00",
                           "2024-01-01T00:00:00.1234567891",
                           "2024-01-01T00:00:00+2",
                           "2024-01-01T00:00:00*02:00",
                           "2024-01-01T00:00:00+02.00",
                           "2024-01-01T00:00:00+99:00",
                           "2024-01-01T00:00:00+02:99",
                           "2024-01-01T00:00:00+0x:00",
                           "2024-01-01T00:00:00+02:0x",
                           "2x24-01-01T00:00:00",
                           "2201-01-01T00:00:00",
                           "2024-12-32T00:00:00",
                           "2100-02-29T00:00:00"}) {
    CHECK_EQ(iso(text), -1);
  }
}

TEST("parse lines: whatever the pieces") {
  const std::string text = "\xef\xbb\xbfone\r\ntwo\n\n\r\nthree\r\r\nfour";
  const std::vector<std::string> expected = {"1:0:one", "2:8:two", "5:15:three", "6:23:four"};
  for (const std::size_t piece : {1U, 2U, 3U, 5U, 100U}) CHECK_EQ(lines_of(text, piece), expected);
  CHECK(lines_of("", 1).empty());
  CHECK(lines_of("\n", 1).empty());
}

TEST("parse lines: files one after the other") {
  Defects defects(true);
  LineReader reader(3, defects);
  std::string_view line;
  CHECK_EQ(reader.next(line), Got::kNeedsBytes);
  reader.feed("a\nb", true);
  CHECK_EQ(reader.next(line), Got::kItem);
  CHECK(reader.is_first_of_file());
  CHECK_EQ(reader.next(line), Got::kItem);
  CHECK(!reader.is_first_of_file());
  CHECK_EQ(reader.next(line), Got::kNeedsBytes);
  reader.feed("c", true);
  CHECK_EQ(reader.next(line), Got::kItem);
  CHECK(reader.is_first_of_file());
  CHECK_EQ(reader.place().file, 1);
  CHECK_EQ(reader.place().line, 1);
  CHECK_EQ(reader.place().input, std::size_t{3});
  reader.end();
  CHECK_EQ(reader.next(line), Got::kEnd);
}

TEST("parse lines: a line without end stops the reading") {
  Defects defects(false);
  LineReader reader(0, defects);
  const std::string much(LineReader::kLineMost + 1, 'x');
  std::string_view line;
  reader.feed(much, false);
  CHECK_THROWS(reader.next(line), ParseError, "line_too_long");
}

TEST("parse fields: quotes") {
  std::vector<std::string_view> fields;
  CHECK(split_fields("a,\"b,c\",,d", ',', fields));
  CHECK_EQ(fields, (std::vector<std::string_view>{"a", "b,c", "", "d"}));
  CHECK(split_fields("\"a\";b;", ';', fields));
  CHECK_EQ(fields, (std::vector<std::string_view>{"a", "b", ""}));
  CHECK(!split_fields("\"a", ',', fields));
  CHECK(!split_fields("\"a\"b,c", ',', fields));
  CHECK(!split_fields(std::string(kFieldsMost, ','), ',', fields));
}

TEST("parse JSON: strict") {
  for (const char* text :
       {"1", "-0.5", "0", "10e+3", "1E-2", R"("a\"b")", "true", "false", "null", "[]", "{}",
        "[1,2]", R"( { "a" : [ 1 , {"b":2} ] } )", "\"\"", R"({"a":1,"b":"c"})"}) {
    CHECK(is_json(text));
  }
  for (const char* text :
       {"",      " ",         "01",        "-",       "1.",       ".5",    "+1",
        "1e",    "NaN",       "Infinity",  "t",       "nul",      "f",     "\"a",
        "\"a\\", "[1",        "[1,]",      "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}",
        "1 2",   "\"a\x01\"", "{\"a\" 1}", "[1 2]",   "'a'",      "--1"}) {
    CHECK(!is_json(text));
  }
  CHECK(is_json(std::string(16, '[') + std::string(16, ']')));
  CHECK(!is_json(std::string(17, '[') + std::string(17, ']')));
}

TEST("parse defects: text from a file is shown short and printable") {
  CHECK_EQ(shown("a\x1b[1m\xff"), "a\\x1b[1m\\xff");
  CHECK_EQ(shown(std::string(100, 'a')).size(), std::size_t{63});
  Defects strict(true);
  strict.report(Reason::kAbsentLevel, {}, "f", "e", "g");
  strict.report(Reason::kAbsentLevel, {}, "f", "e", "h");
  CHECK_EQ(strict.count(Reason::kAbsentLevel), 2);
  CHECK_EQ(strict.firsts().size(), std::size_t{1});
  CHECK_EQ(strict.firsts()[0].got, "g");
  CHECK_THROWS(strict.report(Reason::kGap, {}, "u", "1", "2"), ParseError, "gap: line 0, u");
  Defects lenient(false);
  lenient.report(Reason::kGap, {}, "u", "1", "2");
  CHECK_THROWS(lenient.report(Reason::kTooMany, {}, "u", "1", "2"), ParseError, "too_many");
}

}  // namespace rlmm::parse
