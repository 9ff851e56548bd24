// Tapes: what rows become, what is mended, what is refused, and that any time can be gone to.
#include <string>

#include "book_problems.h"
#include "check.h"
#include "market/recorder.h"
#include "replay_tables.h"

namespace rlmm {
namespace {

using replay_tables::Row;
using replay_tables::small_book;
using replay_tables::Table;
using Kind = EventKind;

// The ops of a table that begins with the small book, after those of the book.
std::vector<TapeEvent> events_of(bool by_order, const std::vector<Row>& rows,
                                 std::shared_ptr<const Tape>* keep = nullptr) {
  Table table(small_book(by_order));
  for (const Row& row : rows) table.add(row);
  const auto tape = table.tape();
  if (keep != nullptr) *keep = tape;
  return {tape->events().begin() + 4, tape->events().end()};
}

// Levels of a book as (key, lots), best first.
std::vector<std::pair<Ticks, Lots>> levels_of(const RecordedBook& book, Side side) {
  std::vector<std::pair<Ticks, Lots>> levels;
  for (const RecordedLevel& level : book.side(side).levels()) {
    levels.emplace(levels.begin(), level.key, level.lots);
  }
  return levels;
}

bool same(const RecordedBook& a, const RecordedBook& b, std::size_t slots) {
  bool equal = a.session() == b.session();
  for (const Side side : kSides) equal = equal && levels_of(a, side) == levels_of(b, side);
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    const RecordedOrder& one = a.order(slot);
    const RecordedOrder& other = b.order(slot);
    equal = equal && one.lots == other.lots && (one.lots == 0 || one.arrival == other.arrival);
  }
  return equal;
}

std::vector<BookEvent> recorded_market(TimeNs until_ns, EventLog& log) {
  const EnvParams params = book_problems::problem(book_problems::full_model());
  Recorder recorder(params.book(), {7, 8}, 0, 10);
  log.set_levels(10);
  recorder.run(until_ns, log);
  return log.events();
}

std::size_t rows_mended(const Tape& tape, Mended reason) { return tape.mended(reason).rows; }

// The ten best levels of each side, as the log has them: ask, lots, bid, lots.
void check_shown(const RecordedBook& book, const std::int64_t* shown) {
  for (const Side side : kSides) {
    const auto levels = levels_of(book, side);
    for (std::size_t level = 0; level < 10; ++level) {
      const std::int64_t* at = shown + 4 * level + (side == Side::kBid ? 2 : 0);
      const bool there = level < levels.size();
      CHECK_EQ(there ? levels[level].second : 0, at[1]);
      if (there) CHECK_EQ(sign(side) * levels[level].first, at[0]);
    }
  }
}

}  // namespace

TEST("replay tape: levels: now holds becomes more or less") {
  const auto events = events_of(false, {{5, Kind::kModify, 1, 100, 8},
                                        {6, Kind::kModify, 1, 100, 8},
                                        {7, Kind::kModify, 1, 100, 0},
                                        {8, Kind::kSnapshot, -1, 102, 4},
                                        {9, Kind::kSnapshot, -1, 101, 4}});
  CHECK_EQ(events.size(), std::size_t{5});
  CHECK(events[0].op == TapeOp::kAdd && events[0].lots == 3 && events[0].flags == 0);
  CHECK(events[1].op == TapeOp::kNothing && events[1].ts_ns == 6);
  CHECK(events[2].op == TapeOp::kCancel && events[2].lots == 8);
  CHECK(events[3].op == TapeOp::kCancel && events[3].lots == 2);
  CHECK(events[4].op == TapeOp::kAdd && events[4].flags == kTapeSnapshot);
  CHECK(events[4].slot == kNoOrder && events[4].side == Side::kAsk);
}

TEST("replay tape: a snapshot may show a level's orders one by one") {
  const auto events = events_of(false, {{5, Kind::kSnapshot, 1, 98, 2},
                                        {5, Kind::kSnapshot, 1, 98, 3},
                                        {6, Kind::kAdd, 1, 98, 1},
                                        {7, Kind::kSnapshot, 1, 98, 8},
                                        {7, Kind::kSnapshot, 1, 98, 1}});
  CHECK(events[0].op == TapeOp::kAdd && events[0].lots == 2);
  CHECK(events[1].op == TapeOp::kAdd && events[1].lots == 3);
  CHECK(events[3].op == TapeOp::kAdd && events[3].lots == 2);  // now holds 8
  CHECK(events[4].op == TapeOp::kAdd && events[4].lots == 1);
}

TEST("replay tape: what does not fit is mended and counted") {
  std::shared_ptr<const Tape> tape;
  const auto events = events_of(true,
                                {{5, Kind::kAdd, 1, 98, 2, 1},      // 1 is there, at 100
                                 {4, Kind::kCancel, 1, 98, 9, 1},   // late, and too much
                                 {6, Kind::kCancel, 1, 98, 1, 77},  // unknown
                                 {7, Kind::kTrade, -1, 102, 9, 3},  // six are there
                                 {8, Kind::kTrade, -1, 102, 9, 77},
                                 {9, Kind::kTrade, 0, 102, 9, 77},
                                 {9, Kind::kCancel, 1, 98, 1, 77}},
                                &tape);
  CHECK(tape->by_order());
  CHECK_EQ(tape->rows(), std::size_t{11});
  CHECK_EQ(events.size(), std::size_t{9});
  CHECK(events[0].op == TapeOp::kCancel && events[0].price_ticks == 100 && events[0].lots == 5);
  CHECK_EQ(events[0].flags, kTapeContinues);
  CHECK(events[1].op == TapeOp::kAdd && events[1].price_ticks == 98);
  CHECK(events[2].op == TapeOp::kCancel && events[2].lots == 2 && events[2].ts_ns == 5);
  CHECK(events[3].op == TapeOp::kNothing);
  CHECK(events[4].op == TapeOp::kTrade && events[4].lots == 6);
  CHECK_EQ(events[4].flags, kTapeContinues | kTapeMoreFills);
  CHECK(events[5].op == TapeOp::kPrint && events[5].lots == 3 && events[5].flags == 0);
  CHECK(events[6].op == TapeOp::kPrint && events[6].lots == 9);
  CHECK_EQ(rows_mended(*tape, Mended::kRepeatedOrder), std::size_t{1});
  CHECK_EQ(rows_mended(*tape, Mended::kLateStamp), std::size_t{1});
  CHECK_EQ(rows_mended(*tape, Mended::kLargeCancel), std::size_t{1});
  CHECK_EQ(rows_mended(*tape, Mended::kUnknownCancel), std::size_t{2});
  CHECK_EQ(tape->mended(Mended::kUnknownCancel).first_row, std::size_t{6});
  CHECK_EQ(rows_mended(*tape, Mended::kPrint), std::size_t{2});
  CHECK_EQ(rows_mended(*tape, Mended::kSidelessTrade), std::size_t{1});
}

TEST("replay tape: lots without an order among orders") {
  std::shared_ptr<const Tape> tape;
  const auto events = events_of(true,
                                {{5, Kind::kSnapshot, 1, 98, 6, 0},
                                 {6, Kind::kAdd, 1, 98, 2, 0},
                                 {7, Kind::kCancel, 1, 98, 1, 55},  // one of them, it seems
                                 {8, Kind::kTrade, 1, 98, 2, 56},
                                 {9, Kind::kModify, 1, 98, 4, 0},
                                 {9, Kind::kCancel, 1, 98, 4, 0},
                                 {9, Kind::kClear, 1, 0, 0},
                                 {9, Kind::kSnapshot, 1, 98, 6, 0}},
                                &tape);
  CHECK_EQ(events.size(), std::size_t{8});
  for (std::size_t i = 0; i < 6; ++i) CHECK_EQ(events[i].slot, events[0].slot);
  CHECK(events[7].slot < tape->slots());
  CHECK(events[2].op == TapeOp::kCancel && events[2].lots == 1);
  CHECK(events[3].op == TapeOp::kTrade && events[3].lots == 2);
  CHECK(events[4].op == TapeOp::kCancel && events[4].lots == 1);
  CHECK(events[5].op == TapeOp::kCancel && events[5].lots == 4);
  CHECK_EQ(rows_mended(*tape, Mended::kUnknownCancel), std::size_t{0});
  CHECK_EQ(tape->slots(), std::size_t{5});
}

TEST("replay tape: rows that cannot be read are refused") {
  const auto refuses = [](const Row& row, const std::string& part) {
    Table table(small_book(false));
    table.add({100'000'000'000, Kind::kAdd, 1, 90, 1});
    table.add(row);
    CHECK_THROWS(table.tape(), std::invalid_argument, "row 5: " + part);
  };
  const TimeNs now = 100'000'000'000;
  refuses({now, static_cast<Kind>(0), 1, 100, 1}, "kind: expected a value from 1 to 7, got 0");
  refuses({now, static_cast<Kind>(8), 1, 100, 1}, "kind: expected a value from 1 to 7, got 8");
  refuses({now, Kind::kAdd, 0, 100, 1}, "side: expected 1 (bid) or -1 (ask), got 0");
  refuses({now, Kind::kTrade, 2, 100, 1}, "side: expected 1 (bid) or -1 (ask), got 2");
  refuses({now, Kind::kAdd, 1, 100, 0}, "qty_lots: expected from 1 to");
  refuses({now, Kind::kModify, 1, 100, -1}, "qty_lots: expected from 0 to");
  refuses({now, Kind::kStatus, 0, 0, 3}, "qty_lots: expected from 0 to 2, got 3");
  refuses({now, Kind::kAdd, 1, 100, Tape::kLotsMax + 1}, "qty_lots");
  refuses({now, Kind::kAdd, 1, (Ticks{1} << 40) + 1, 1}, "price_ticks: expected from 1 to 2^40");
  refuses({now, Kind::kAdd, 1, 0, 1}, "price_ticks: expected from 1 to 2^40");
  refuses({now, Kind::kTrade, -1, -90, 1}, "price_ticks: expected from 1 to 2^40");
  refuses({39'000'000'000, Kind::kAdd, 1, 100, 1}, "ts_event: expected at most 60 s before");
  Table heavy;
  for (int i = 0; i <= 4096; ++i) heavy.add({0, Kind::kAdd, 1, 100, Tape::kLotsMax});
  CHECK_THROWS(heavy.tape(), std::invalid_argument, "row 4096: qty_lots: expected at most 2^52");
  CHECK_THROWS(Table().tape(), std::invalid_argument, "rows: expected at least one");
  Tape::Columns many = heavy.columns();
  many.rows = std::size_t{1} << 33;
  CHECK_THROWS(Tape(many, 1), std::invalid_argument, "rows: expected fewer than 2^32");
}

TEST("replay tape: a recorded market's book comes out at every event, with and without ids") {
  EventLog log;
  const std::vector<BookEvent> market = recorded_market(60'000'000'000, log);
  CHECK(market.size() > 1000);
  for (const bool by_order : {true, false}) {
    const auto tape = Table(market, by_order).tape();
    CHECK(market[0].kind == Kind::kClear);  // an event of the tape for each side
    CHECK_EQ(tape->events().size(), market.size() + 1);
    RecordedBook book(tape->slots());
    book.apply(tape->events()[0], 0);
    for (std::size_t i = 0; i < market.size(); ++i) {
      book.apply(tape->events()[i + 1], i + 1);
      if (market[i].kind == Kind::kClear || market[i].kind == Kind::kSnapshot) continue;
      check_shown(book, log.depth().data() + i * 40);
    }
    for (std::size_t reason = 0; reason < static_cast<std::size_t>(Mended::kCount); ++reason) {
      CHECK_EQ(rows_mended(*tape, static_cast<Mended>(reason)), std::size_t{0});
    }
  }
}

TEST("replay tape: any time can be gone to, whatever the checkpoints") {
  EventLog log;
  std::vector<BookEvent> market = recorded_market(60'000'000'000, log);
  market.resize(900);
  market[500] = {market[500].ts_ns, 0, 0, 0, Kind::kStatus, 0, 0};
  for (const bool by_order : {true, false}) {
    const Table table(market, by_order);
    const auto tape = table.tape(7);
    const auto sparse = table.tape(1'000'000);
    CHECK_EQ(tape->checksum(), sparse->checksum());
    CHECK(tape->checkpoint_bytes() > sparse->checkpoint_bytes());
    CHECK(tape->checkpoint_bytes() <= tape->events().size() * sizeof(TapeEvent));
    RecordedBook walked(tape->slots());
    RecordedBook jumped(tape->slots());
    RecordedBook far(tape->slots());
    for (std::size_t n = 0; n <= tape->events().size(); ++n) {
      if (n > 0) walked.apply(tape->events()[n - 1], n - 1);
      tape->restore(n, jumped);
      CHECK(same(walked, jumped, tape->slots()));
      if (n % 50 != 0) continue;
      sparse->restore(n, far);
      CHECK(same(walked, far, tape->slots()));
    }
  }
}

TEST("replay tape: times and identity") {
  Table table(small_book(false));
  table.add({5, Kind::kAdd, 1, 100, 1});
  table.add({5, Kind::kAdd, 1, 100, 1});
  table.add({9, Kind::kAdd, 1, 100, 1});
  const auto tape = table.tape();
  CHECK_EQ(tape->first_ns(), 0);
  CHECK_EQ(tape->last_ns(), 9);
  CHECK_EQ(tape->events_until(-1), std::size_t{0});
  CHECK_EQ(tape->events_until(4), std::size_t{4});
  CHECK_EQ(tape->events_until(5), std::size_t{6});
  CHECK_EQ(tape->events_until(9), std::size_t{7});
  CHECK_EQ(tape->checksum(), table.tape()->checksum());
  table.add({9, Kind::kAdd, 1, 100, 1});
  CHECK(tape->checksum() != table.tape()->checksum());
  Tape::Columns columns = table.columns();
  columns.order_ids = nullptr;
  CHECK(!Tape(columns, 10).by_order());
}

}  // namespace rlmm
