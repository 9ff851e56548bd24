// LOBSTER's files, row by row.
#include <string>
#include <vector>

#include "check.h"
#include "parse/lobster.h"
#include "parse_reading.h"

namespace rlmm::parse {
namespace {

constexpr ParseOptions kStrict = {true, {0, 0, 0, 0}};
constexpr ParseOptions kLenient = {false, {0, 0, 100, 1}};
using Rows = std::vector<std::string>;

Rows read(LobsterSource& source, const std::string& messages, const std::string& book,
          std::size_t piece = 1 << 20) {
  return rows_of(source, {{{messages, 0}}, {{book, 1'000'000'000}}}, piece);
}

void check_stops(const std::string& message, const std::string& book, const char* part) {
  const auto make = [](bool strict) {
    return std::make_unique<LobsterSource>(ParseOptions{strict, {0, 0, 100, 1}}, true);
  };
  check_refused(make, {{{message}}, {{book}}}, part);
}

const std::string kMessages =
    "34200.5,1,7,10,1000000,1\n"         // above the snapshot's best bid
    "34200.500000001,4,7,4,1000000,1\n"  // part of it trades
    "34200.500000001,4,7,6,1000000,1\n"  // the rest: the next level comes into reach
    "34201,2,99,5,1000200,-1\n"          // of an order that nobody saw come
    "34202,5,0,3,1000150,1\n"            // hidden
    "34203,6,-1,50,1000150,1\n"          // an auction
    "34204,7,0,0,-1,-1\n"
    "34205,7,0,0,0,-1\n"
    "34206,7,0,0,1,-1\n"
    "34207,3,99,15,1000200,-1\n";
const std::string kBook =
    "1000200,20,1000000,10\n"
    "1000200,20,1000000,6\n"
    "1000200,20,999900,8\n"
    "1000200,15,999900,8\n"
    "1000200,15,999900,8\n"
    "1000200,15,999900,8\n"
    "1000200,15,999900,8\n"
    "1000200,15,999900,8\n"
    "1000200,15,999900,8\n"
    "9999999999,0,999900,8\n";

}  // namespace

TEST("parse lobster: each type of message") {
  const Rows expected = {"clear +0 0x0 @1000000000",
                         "snapshot -1 1000200x20 @1000000000",
                         "add +1 1000000x10 #7 @34200500000000",
                         "trade +1 1000000x4 #7 REMAINS MORE @34200500000001",
                         "trade +1 1000000x6 #7 @34200500000001",
                         "add +1 999900x8 REACH @34200500000001",
                         "cancel -1 1000200x5 #99 REMAINS @34201000000000",
                         "trade +1 1000150x3 HIDDEN @34202000000000",
                         "status +0 0x0 @34204000000000",
                         "status +0 0x1 @34205000000000",
                         "status +0 0x2 @34206000000000",
                         "cancel -1 1000200x15 #99 @34207000000000"};
  for (const std::size_t piece : {1U, 7U, 1000U}) {
    LobsterSource source(kLenient, true);
    const Rows rows = read(source, kMessages, kBook, piece);
    // The bid behind the order was not shown before: there it came into reach.
    CHECK_EQ(rows.size(), expected.size());
    for (std::size_t i = 0; i < std::min(rows.size(), expected.size()); ++i) {
      CHECK_EQ(rows[i], expected[i]);
    }
    CHECK_EQ(count_of(source, Reason::kUnknownOrder), 2);
    CHECK_EQ(count_of(source, Reason::kBadNumber), 1);  // the auction's order -1
  }
}

TEST("parse lobster: levels leave, and come back with what they hold then") {
  LobsterSource source(kStrict, true);
  const Rows rows = read(source,
                         "1,1,1,5,1000,1\n2,1,2,6,1100,1\n3,3,2,6,1100,1\n4,1,3,1,1200,-1\n"
                         "5,1,4,1,1150,-1\n6,4,4,1,1150,-1\n",
                         "9999999999,0,1000,5\n9999999999,0,1100,6\n9999999999,0,1000,9\n"
                         "1200,1,1000,9\n1150,1,1000,9\n1200,2,1000,9\n");
  CHECK_EQ(rows, (Rows{"clear +0 0x0 @1000000000", "add +1 1000x5 #1 @1000000000",
                       "add +1 1100x6 #2 @2000000000", "cancel +1 1000x5 REACH @2000000000",
                       "cancel +1 1100x6 #2 @3000000000", "add +1 1000x9 REACH @3000000000",
                       "add -1 1200x1 #3 @4000000000", "add -1 1150x1 #4 @5000000000",
                       "cancel -1 1200x1 REACH @5000000000", "trade -1 1150x1 #4 @6000000000",
                       "add -1 1200x2 REACH @6000000000"}));
}

TEST("parse lobster: without a book file, what was there before comes in when it goes") {
  LobsterSource source(kStrict, false);
  CHECK_EQ(source.inputs(), std::size_t{1});
  const Rows rows =
      rows_of(source, {{{"1,1,1,5,1000,1\n2,4,9,3,1100,-1\n3,4,1,7,1000,1\n4,2,9,1,1100,-1", 0}}});
  CHECK_EQ(rows,
           (Rows{"clear +0 0x0 @1000000000", "add +1 1000x5 #1 @1000000000",
                 "add -1 1100x3 #9 REACH @2000000000", "trade -1 1100x3 #9 @2000000000",
                 "add +1 1000x2 #1 REACH @3000000000", "trade +1 1000x7 #1 @3000000000",
                 "add -1 1100x1 #9 REACH @4000000000", "cancel -1 1100x1 #9 REMAINS @4000000000"}));
}

TEST("parse lobster: two days") {
  LobsterSource source(kStrict, true);
  const Rows rows = rows_of(source,
                            {{{"1,1,1,5,1000,1\n", 0}, {"2,1,1,4,1000,-1\n", 100}},
                             {{"9999999999,0,1000,5\n", 0}, {"1000,4,-9999999999,0\n", 50}}},
                            3);
  CHECK_EQ(rows, (Rows{"clear +0 0x0 @1000000000", "add +1 1000x5 #1 @1000000000",
                       "clear +0 0x0 @50/1000000000", "add -1 1000x4 #1 @2000000100"}));
  CHECK_EQ(count_of(source, Reason::kReset), 1);
}

TEST("parse lobster: a file that goes on from the one before it") {
  const std::vector<std::string> messages = {"1,1,1,5,1000,1\n2,1,2,6,1100,-1\n",
                                             "3,1,3,4,1050,-1\n4,4,3,4,1050,-1\n5,4,1,5,1000,1\n"};
  const std::vector<std::string> book = {"1200,9,1000,5\n1100,6,1000,5\n",
                                         "1050,4,1000,5\n1100,6,1000,5\n1100,6,900,2\n"};
  const auto in_two = [&](const std::string& first_row, bool with_book) {
    LobsterSource source(kStrict, with_book);
    const std::vector<TestFile> texts = {{messages[0], 0}, {first_row + messages[1], 0, true}};
    const std::vector<TestFile> books = {{book[0], 0}, {book[1], 3, true}};
    return with_book ? rows_of(source, {texts, books}, 3) : rows_of(source, {texts}, 3);
  };
  for (const bool with_book : {true, false}) {
    LobsterSource source(kStrict, with_book);
    const TestInputs whole = {{{messages[0] + messages[1]}}, {{book[0] + book[1]}}};
    const Rows rows = rows_of(source, with_book ? whole : TestInputs{whole[0]});
    CHECK_EQ(in_two("", with_book), rows);
    CHECK_EQ(rows.size(), with_book ? std::size_t{11} : std::size_t{6});
  }
}

TEST("parse lobster: a file that says that it goes on, and does not") {
  const std::vector<TestFile> messages = {{"1,1,1,5,1000,1\n"}, {"2,1,1,4,990,1\n", 0, true}};
  for (const char* row : {"9999999999,0,990,4\n", "9999999999,0,1000,6\n", "1100,1,1000,5\n"}) {
    LobsterSource source(kStrict, true);
    (void)rows_of(source, {messages, {{"9999999999,0,1000,5\n"}, {row, 0, true}}});
    CHECK_EQ(count_of(source, Reason::kReset), 1);
  }
  // What cannot be read says nothing; the next row does.
  LobsterSource source(kLenient, true);
  const Rows rows = rows_of(source, {{{"1,1,1,5,1000,1\n"}, {"x\n3,4,1,2,1000,1\n", 0, true}},
                                     {{"9999999999,0,1000,5\n"},
                                      {"9999999999,0,1000,4\n9999999999,0,1000,2\n", 0, true}}});
  CHECK_EQ(rows, (Rows{"clear +0 0x0 @1000000000", "add +1 1000x5 #1 @1000000000",
                       "trade +1 1000x2 #1 REMAINS @3000000000", "modify +1 1000x2 @3000000000"}));
}

TEST("parse lobster: a line that cannot be read") {
  const std::string book = "1200,1,1000,9\n";
  for (const char* line : {"x,1,1,5,1000,1\n", "-1,1,1,5,1000,1\n", "999999,1,1,5,1000,1\n"}) {
    check_stops(line, book, "bad_time");
  }
  for (const char* line :
       {"1,x,1,5,1000,1\n", "1,1,x,5,1000,1\n", "1,1,1,x,1000,1\n", "1,1,1,5,x,1\n",
        "1,1,1,5,1000,x\n", "1,1,0,5,1000,1\n", "1,1,-4,5,1000,1\n", "1,7,0,0,x,-1\n"}) {
    check_stops(line, book, "bad_number");
  }
  for (const char* line : {"1,0,1,5,1000,1\n", "1,8,1,5,1000,1\n", "1,7,0,0,5,-1\n"}) {
    check_stops(line, book, "bad_type");
  }
  for (const char* line : {"1,1,1\n", "1,1,1,5,1000,1,A,B\n", "\"1,1,1,5,1000,1\n"}) {
    check_stops(line, book, "field_count");
  }
  check_stops("1,1,1,0,1000,1\n", book, "bad_size");
  check_stops("1,1,1,-5,1000,1\n", book, "bad_size");
  check_stops("1,1,1,5,0,1\n", book, "bad_price");
  check_stops("1,1,1,5,1050,1\n", book, "off_tick");
  check_stops("1,1,1,5,1000,0\n", book, "bad_side");
  const std::string message = "1,1,1,9,1000,1,MPID\n";
  check_stops(message, "1200,1,1000\n", "field_count");
  check_stops(message, "1200\n", "field_count");
  check_stops(message, "\"1200,1,1000,9\n", "field_count");
  check_stops(message, "1200,x,1000,9\n", "bad_number");
  check_stops(message, "y,1,1000,9\n", "bad_number");
  check_stops(message, "1200,0,1000,9\n", "book_differs");
  check_stops(message, "1200,1,1000,9,1100,1,900,1\n1200,1,1000,9,1100,1,900,1\n", "book_differs");
  check_stops(message, "1000,1,1000,9\n", "crossed");
  check_stops(message, book + book, "rows_differ");
  check_stops(message + message, book, "rows_differ");
}

TEST("parse lobster: what does not fit the book") {
  const std::string book = "1200,1,1000,9\n1200,1,1000,9\n";
  check_stops("2,1,1,9,1000,1\n1,5,2,1,1000,1\n", book, "out_of_order");
  check_stops("1,1,1,9,1000,1\n2,1,1,1,1000,1\n", book, "duplicate");
  check_stops("1,1,1,9,1000,1\n2,4,1,9,1100,1\n", book, "book_differs");
  check_stops("1,1,1,9,1000,1\n2,4,1,9,1000,-1\n", book, "book_differs");
  check_stops("1,1,1,9,1000,1\n2,4,2,10,1000,1\n", book, "overfill");
  check_stops("1,1,1,9,1000,1\n2,4,2,10,900,1\n", book, "overfill");
  check_stops("1,1,1,9,1000,1\n2,5,2,10,900,1\n", "1200,1,1000,9\n1300,1,1000,9\n", "book_differs");
  check_stops("1,1,1,9,1000,1\n2,5,2,10,900,1\n", "1200,1,1000,9\n1200,1,1000,8\n", "book_differs");
  check_stops("1,1,1,9,1000,1\n2,5,2,10,900,1\n", "1200,1,1000,9\n1200,1,1100,8\n", "book_differs");
}

TEST("parse lobster: more live orders than anybody has are no recording") {
  LobsterSource source({true, {0, 0, 0, 0}, 1}, false);
  CHECK_THROWS(rows_of(source, {{{"1,1,1,9,1000,1\n2,1,2,9,1000,1\n"}}}), ParseError, "too_many");
}

TEST("parse lobster: a session that begins with a cancelled order or an auction") {
  LobsterSource first({true, {0, 0, 0, 0}}, true);
  CHECK_EQ(read(first, "1,3,1,9,1000,1\n", "1200,1,900,2\n"), (Rows{
                                                                  "clear +0 0x0 @1000000000",
                                                                  "snapshot +1 1000x9 @1000000000",
                                                                  "snapshot +1 900x2 @1000000000",
                                                                  "snapshot -1 1200x1 @1000000000",
                                                                  "cancel +1 1000x9 #1 @1000000000",
                                                              }));
  LobsterSource second({true, {0, 0, 0, 0}}, true);
  CHECK_EQ(read(second, "1,6,1,9,1000,1\n", "1200,1,900,2\n").back(),
           "trade +0 1000x9 #1 HIDDEN @1000000000");
}

TEST("parse lobster: lenient, the vendor's book is what counts") {
  LobsterSource source(kLenient, true);
  const Rows rows = read(source,
                         "1,1,1,9,1000,1\nx\n3,1,1,1,1000,1\n4,4,2,50,1000,1\n2,5,3,1,1100,1\n"
                         "5,4,8,1,700,1\n",
                         "1200,1,1000,9\n1200,1,1000,7\n1200,1,1000,7\n1300,1,900,2\n"
                         "1300,1,900\n1300,1,900,2\n");
  CHECK_EQ(rows, (Rows{"clear +0 0x0 @1000000000", "snapshot -1 1200x1 @1000000000",
                       "add +1 1000x9 #1 @1000000000", "modify +1 1000x7 @3000000000",
                       "trade +1 1000x7 #2 @4000000000", "add +1 900x2 REACH @4000000000",
                       "modify -1 1200x0 @4000000000", "add -1 1300x1 REACH @4000000000",
                       "trade +1 1100x1 #3 HIDDEN @2000000000/4000000000"}));
  CHECK_EQ(count_of(source, Reason::kOverfill), 2);
  CHECK_EQ(count_of(source, Reason::kFieldCount), 2);
  CHECK_EQ(count_of(source, Reason::kDuplicate), 1);
  CHECK_EQ(count_of(source, Reason::kOutOfOrder), 1);
  CHECK(count_of(source, Reason::kBookDiffers) > 0);
}

}  // namespace rlmm::parse
