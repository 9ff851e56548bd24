// Random tables, sound and unsound, with an agent that quotes, crosses and withdraws at random: the
// replayed book and its slow twin agree on every fill, queue and level.
#include <string>

#include "check.h"
#include "replay_twin.h"

namespace rlmm {
namespace {

using replay_tables::Row;
using replay_tables::small_book;
using replay_tables::Table;
using replay_tables::Twin;
using Kind = EventKind;

constexpr Ticks kMiddle = 101;

// Rows at random, most of which fit the book that the twin has.
class Rows {
 public:
  Rows(std::uint64_t seed, bool by_order)
      : stream_({seed, 1}, 0, Purpose::kFlow), by_order_(by_order) {}

  // Appends at least one row, each to be played before the next call.
  std::vector<Row> next(const Twin& twin) {
    const std::uint64_t what = below(100);
    if (what < 45) return {added()};
    if (what < 65) return {reduced(twin, Kind::kCancel)};
    if (what < 88) return {reduced(twin, Kind::kTrade)};
    if (what < 94) return {modified(twin)};
    if (what < 97) return gap();
    return {{0, Kind::kStatus, 0, 0, below(2) == 0 ? static_cast<Lots>(below(3)) : 2}};
  }
  std::uint64_t below(std::uint64_t n) { return stream_.below(n); }

 private:
  int side() { return below(2) == 0 ? 1 : -1; }
  std::uint64_t new_id() { return by_order_ && below(20) > 0 ? ++ids_ : 0; }
  Lots lots() { return 1 + static_cast<Lots>(below(8)); }
  std::uint8_t reach() { return below(10) == 0 ? kFlagReach : 0; }
  // One in sixteen on the wrong side of the middle.
  Ticks price(int of_side) {
    const auto away = static_cast<Ticks>(below(5));
    return kMiddle - of_side * (below(16) == 0 ? -1 : away);
  }

  Row added() {
    const int of_side = side();
    return {0, Kind::kAdd, of_side, price(of_side), lots(), new_id(), reach()};
  }
  // Of what is there; one in twelve of anything at all.
  Row reduced(const Twin& twin, Kind kind) {
    auto flags = static_cast<std::uint8_t>(below(2) == 0 ? kFlagMoreFills : 0);
    if (kind == Kind::kTrade && below(10) == 0) flags = 16;  // hidden
    if (kind == Kind::kCancel) flags = reach();
    if (twin.all().empty() || below(12) == 0) {
      const int of_side = kind == Kind::kTrade && below(4) == 0 ? 0 : side();
      return {0, kind, of_side, price(of_side), lots(), by_order_ ? below(40) : 0, flags};
    }
    std::size_t which = below(twin.all().size());
    if (kind == Kind::kTrade && below(4) > 0) which = first_of(twin);
    const Twin::Resting& order = twin.all()[which];
    const Ticks at = order.id != 0 && below(8) == 0 ? order.price + 1 : order.price;
    // A cancel of a whole level may name no order.
    const std::uint64_t id = kind == Kind::kCancel && below(6) == 0 ? 0 : order.id;
    return {0, kind, static_cast<int>(sign(order.side)), at, lots(), id, flags};
  }
  // The earliest of the best price of some side.
  std::size_t first_of(const Twin& twin) {
    const Side of = below(2) == 0 ? Side::kBid : Side::kAsk;
    std::size_t found = 0;
    for (std::size_t i = 0; i < twin.all().size(); ++i) {
      const Twin::Resting& order = twin.all()[i];
      const Twin::Resting& best = twin.all()[found];
      if (order.side != of) continue;
      if (best.side != of || sign(of) * (order.price - best.price) > 0) found = i;
    }
    return found;
  }
  Row modified(const Twin& twin) {
    Row row = reduced(twin, Kind::kModify);
    row.lots -= 1;
    if (below(3) == 0) row.price_ticks += 1;
    return row;
  }
  std::vector<Row> gap() {
    std::vector<Row> rows = {{0, Kind::kClear, static_cast<int>(below(3)) - 1, 0, 0}};
    const int cleared = rows[0].side;
    for (const int of_side : {1, -1}) {
      if (cleared != 0 && cleared != of_side) continue;
      for (Ticks away = 1; away < 4; ++away) {
        if (below(4) == 0) continue;
        rows.push_back({0, Kind::kSnapshot, of_side, kMiddle - of_side * away, lots(), new_id()});
      }
    }
    return rows;
  }

  Stream stream_;
  bool by_order_;
  std::uint64_t ids_ = 100;
};

// What the agent does before a row, if anything.
struct Command {
  enum class What : std::uint8_t { kNothing, kQuote, kWithdraw, kShrink } what = What::kNothing;
  Side side = Side::kBid;
  Ticks price = 0;
  Lots lots = 0;
  bool may_take = false;
};

Command random_command(Rows& rows) {
  Command command;
  const std::uint64_t what = rows.below(8);
  if (what > 3) return command;
  command.what = what < 2    ? Command::What::kQuote
                 : what == 2 ? Command::What::kWithdraw
                             : Command::What::kShrink;
  command.side = rows.below(2) == 0 ? Side::kBid : Side::kAsk;
  const Ticks away = static_cast<Ticks>(rows.below(6)) - 1;
  command.price = kMiddle - sign(command.side) * away;
  command.lots = 1 + static_cast<Lots>(rows.below(9));
  command.may_take = rows.below(2) == 0;
  return command;
}

struct Play {
  Row row;
  Command before;
};

void obey(const Command& command, ReplayBook& book, Twin& twin) {
  const auto slot = static_cast<Slot>(command.side);
  const Lots open = twin.own(command.side).lots;
  std::vector<ReplayBook::Execution> executions;
  const auto force = command.may_take ? TimeInForce::kGoodTillCancel : TimeInForce::kPostOnly;
  switch (command.what) {
    case Command::What::kNothing:
      return;
    case Command::What::kQuote: {
      const Side across = opposite(command.side);
      book.cancel(static_cast<Slot>(across));
      twin.withdraw(across);
      book.cancel(slot);
      twin.withdraw(command.side);
      const Outcome outcome =
          book.submit(command.side, command.price, command.lots, force, executions);
      const Lots taken = twin.quote(command.side, command.price, command.lots, command.may_take);
      CHECK_EQ(outcome.filled_lots, taken);
      break;
    }
    case Command::What::kWithdraw:
      book.cancel(slot);
      twin.withdraw(command.side);
      break;
    case Command::What::kShrink:
      if (open < 2) return;
      book.amend(slot, twin.own(command.side).price, open - 1, force, executions);
      twin.shrink(command.side, open - 1);
      break;
  }
}

void compare(const ReplayBook& book, const Twin& twin) {
  for (const Side side : kSides) {
    const Twin::Own& own = twin.own(side);
    const auto slot = static_cast<Slot>(side);
    CHECK_EQ(book.order(slot).lots, own.lots);
    if (own.lots > 0) CHECK_EQ(book.queue_ahead(slot), twin.ahead(side));
    Ticks best = book.recorded().side(side).best_left() == nullptr ? 0 : twin.best_left(side);
    CHECK_EQ(twin.has(side), book.recorded().side(side).best_left() != nullptr);
    if (own.lots > 0 && (!twin.has(side) || sign(side) * (own.price - best) > 0)) best = own.price;
    CHECK_EQ(book.has(side), twin.has(side) || own.lots > 0);
    if (book.has(side)) CHECK_EQ(book.best(side), best);
    if (twin.has(side)) CHECK_EQ(book.others_best(side), twin.best_left(side));
    if (book.has(side)) {
      CHECK_EQ(book.best_lots(side), twin.left_at(side, best) + (own.price == best ? own.lots : 0));
    }
    for (Ticks price = kMiddle - 8; price < kMiddle + 8; ++price) {
      const Lots mine = own.price == price ? own.lots : 0;
      CHECK_EQ(book.lots_at(side, price), twin.left_at(side, price) + mine);
    }
  }
}

// Writes the table with a twin that has no agent, then plays it beside one that has.
std::size_t run(std::uint64_t seed, bool by_order, const QueueParams& queue) {
  Rows rows(seed, by_order);
  Twin writer(by_order, queue);
  Table table;
  std::vector<Play> plays;
  TimeNs ts_ns = 0;
  const auto write = [&](Row row, const Command& before) {
    row.ts_ns = ts_ns;
    writer.play(row);
    table.add(row);
    plays.push_back({row, before});
  };
  for (const Row& row : small_book(by_order)) write(row, {});
  while (plays.size() < 400) {
    const Command before = random_command(rows);
    ts_ns += 10;
    bool is_first = true;
    for (const Row& row : rows.next(writer)) {
      write(row, is_first ? before : Command{});
      is_first = false;
    }
  }
  const auto tape = table.tape(32);
  ReplayBook book(*tape, queue);
  book.start(0, ts_ns);
  Twin twin(by_order, queue);
  std::size_t fills = 0;
  for (std::size_t i = 0; i < plays.size(); ++i) {
    if (i >= 4) {
      obey(plays[i].before, book, twin);
      CHECK(book.advance(ts_ns));
    }
    const std::array<Lots, 2> filled = twin.play(plays[i].row);
    if (i < 4) continue;
    std::array<Lots, 2> got{};
    for (const Fill& fill : book.agent_fills()) got[index_of(fill.side)] += fill.lots;
    CHECK_EQ(got, filled);
    fills += filled[0] + filled[1] > 0 ? 1 : 0;
    compare(book, twin);
    if (check::failures() > 0) {
      check::fail(__FILE__, __LINE__,
                  "seed " + std::to_string(seed) + ", row " + std::to_string(i) + ", kind " +
                      std::to_string(static_cast<int>(plays[i].row.kind)) + ", side " +
                      std::to_string(plays[i].row.side) + ", price " +
                      std::to_string(plays[i].row.price_ticks) + ", lots " +
                      std::to_string(plays[i].row.lots) + ", order " +
                      std::to_string(plays[i].row.order_id) + ", flags " +
                      std::to_string(plays[i].row.flags));
      return fills;
    }
  }
  CHECK(!book.advance(ts_ns));
  return fills;
}

}  // namespace

TEST("replay twin: random tables, queues by every law") {
  const std::vector<std::pair<bool, QueueParams>> cases = {
      {true, {QueueLaw::kRiskAverse, 1.0, 1.0, true}},
      {true, {QueueLaw::kPower, 2.0, 1.0, false}},
      {false, {QueueLaw::kRiskAverse, 1.0, 1.0, true}},
      {false, {QueueLaw::kPower, 3.0, 1.0, true}},
      {false, {QueueLaw::kLog, 1.0, 2.0, true}}};
  for (const auto& [by_order, queue] : cases) {
    std::size_t fills = 0;
    for (std::uint64_t seed = 0; seed < 60 && check::failures() == 0; ++seed) {
      fills += run(seed, by_order, queue);
    }
    CHECK(fills > 500);
  }
}

}  // namespace rlmm
