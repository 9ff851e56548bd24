// A market for several accounts. The long comparison with a slow book is in
// tests/env/test_venue.py.
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "book_problems.h"
#include "check.h"
#include "replay_tables.h"
#include "rng.h"
#include "venue/venue.h"

namespace rlmm {
namespace {

using replay_tables::Row;
using replay_tables::Table;

constexpr TimeNs kMs = 1'000'000;

// Bids at 100 (5 lots, then 3) and 99, asks at 102 and 103, at time 0.
std::vector<Row> first_rows() {
  return {{0, EventKind::kAdd, 1, 100, 5, 1},
          {0, EventKind::kAdd, 1, 99, 4, 2},
          {0, EventKind::kAdd, -1, 102, 6, 3},
          {0, EventKind::kAdd, -1, 103, 2, 4},
          {0, EventKind::kAdd, 1, 100, 3, 5}};
}

Venue replay(std::vector<Row> rows, bool by_order) {
  for (Row& row : rows) {
    if (!by_order) row.order_id = 0;
  }
  const Table table(rows);
  ReplayMarketParams params;
  params.tape = std::make_shared<Tape>(table.columns(), 1024);
  return Venue(make_tape_venue_book(params));
}

Venue::Terms bid(Ticks price, Lots lots, TimeInForce force = TimeInForce::kGoodTillCancel) {
  return {Side::kBid, price, lots, force};
}
Venue::Terms ask(Ticks price, Lots lots, TimeInForce force = TimeInForce::kGoodTillCancel) {
  return {Side::kAsk, price, lots, force};
}

// Lots that the account bought by resting orders.
Lots bought(const Venue::Taken& taken, Owner owner) {
  Lots lots = 0;
  for (const Note& note : taken.notes) {
    if (note.kind == NoteKind::kFilled && note.owner == owner && note.maker) lots += note.lots;
  }
  return lots;
}

Lots at(const Venue& venue, Ticks price) { return venue.market().book().lots_at(price); }

}  // namespace

TEST("venue: a recorded trade fills whoever stands ahead of the order that it hit") {
  for (const bool by_order : {true, false}) {
    std::vector<Row> rows = first_rows();
    rows.push_back({2 * kMs, EventKind::kTrade, 1, 100, 5, 1});  // of the first order
    rows.push_back({4 * kMs, EventKind::kTrade, 1, 100, 3, 5});  // of the second
    rows.push_back({6 * kMs, EventKind::kAdd, 1, 100, 9, 6});
    rows.push_back({8 * kMs, EventKind::kTrade, 1, 100, 2, 6});
    Venue venue = replay(rows, by_order);
    CHECK_EQ(at(venue, 100), 8);
    venue.submit(1, 1, bid(100, 4));
    venue.advance(4 * kMs);
    CHECK_EQ(bought(venue.take(), 1), 0);  // eight lots were ahead of it
    CHECK_EQ(at(venue, 100), 4);
    venue.advance(8 * kMs);
    CHECK_EQ(bought(venue.take(), 1), 2);
    CHECK_EQ(at(venue, 100), 2 + 7);  // the record has lost its two lots all the same
    CHECK(venue.market().ended());
    CHECK_EQ(static_cast<int>(venue.submit(1, 2, bid(100, 1)).refusal),
             static_cast<int>(Refusal::kEnded));
    venue.check_invariants();
  }
}

TEST("venue: orders that the record passes by, or walks into, are filled") {
  std::vector<Row> rows = first_rows();
  rows.push_back({2 * kMs, EventKind::kTrade, 1, 100, 2, 1});  // at a worse price than 101
  rows.push_back({3 * kMs, EventKind::kAdd, -1, 101, 5, 7});   // across what is left there
  rows.push_back({4 * kMs, EventKind::kCancel, -1, 101, 5, 7});
  rows.push_back({5 * kMs, EventKind::kStatus, 0, 0, kStatusTrading, 0});
  Venue venue = replay(rows, true);
  venue.submit(1, 1, bid(101, 3));
  venue.submit(2, 1, bid(101, 1));
  venue.advance(2 * kMs);
  CHECK_EQ(bought(venue.take(), 1), 2);
  CHECK_EQ(at(venue, 100), 6);
  venue.advance(3 * kMs);
  const Venue::Taken taken = venue.take();
  CHECK_EQ(bought(taken, 1), 1);
  CHECK_EQ(bought(taken, 2), 1);
  CHECK_EQ(at(venue, 101), 3);  // of the recorded five, two are taken
  venue.advance(4 * kMs);
  CHECK_EQ(at(venue, 101), 0);
  venue.check_invariants();
}

TEST("venue: what is taken from the record stays taken") {
  std::vector<Row> rows = first_rows();
  rows.push_back({2 * kMs, EventKind::kCancel, -1, 102, 5, 3});  // one is left of six
  rows.push_back({3 * kMs, EventKind::kStatus, 0, 0, kStatusHalted, 0});
  rows.push_back({9 * kMs, EventKind::kStatus, 0, 0, kStatusTrading, 0});
  Venue venue = replay(rows, true);
  const Venue::Result result = venue.submit(1, 1, bid(102, 4, TimeInForce::kImmediateOrCancel));
  CHECK_EQ(result.filled_lots, 4);
  CHECK_EQ(at(venue, 102), 2);
  venue.advance(2 * kMs);
  CHECK_EQ(at(venue, 102), 0);
  venue.advance(3 * kMs);
  CHECK_EQ(static_cast<int>(venue.submit(1, 2, bid(100, 1)).refusal),
           static_cast<int>(Refusal::kHalted));
}

TEST("venue: accounts trade with each other, and none with itself") {
  std::vector<Row> rows = first_rows();
  rows.push_back({9 * kMs, EventKind::kAdd, 1, 98, 1, 8});  // something is to come
  Venue venue = replay(rows, true);
  CHECK_EQ(venue.submit(1, 1, ask(101, 4)).open_lots, 4);
  CHECK_EQ(venue.submit(2, 1, bid(101, 1)).filled_lots, 1);
  CHECK_EQ(venue.submit(1, 2, bid(101, 2, TimeInForce::kPostOnly)).open_lots, 0);  // refused
  CHECK_EQ(venue.open_orders(), std::size_t{1});
  CHECK_EQ(venue.submit(1, 3, bid(101, 2)).open_lots, 2);
  const Venue::Taken taken = venue.take();
  CHECK_EQ(static_cast<int>(taken.notes[taken.notes.size() - 2].kind),
           static_cast<int>(NoteKind::kSelfTrade));
  CHECK_EQ(at(venue, 101), 2);
  CHECK_EQ(venue.cancel(1, 3).dropped_lots, 2);
  CHECK_EQ(static_cast<int>(venue.cancel(1, 3).refusal), static_cast<int>(Refusal::kUnknown));
  CHECK_THROWS(venue.submit(0, 1, bid(99, 1)), std::invalid_argument, "an account above 0");
  venue.check_invariants();
}

TEST("venue: a saved venue goes on the same, in a flow and in a recording") {
  std::vector<Row> rows = first_rows();
  for (int i = 0; i < 40; ++i) {
    rows.push_back({(2 + i) * kMs, EventKind::kAdd, 1, 98, 1, 100U + static_cast<unsigned>(i)});
  }
  BookMarketParams params;
  params.model = book_problems::full_model();
  params.mid_initial_ticks = 10'000;
  const auto market = [&](bool of_flow) {
    return of_flow ? Venue(make_flow_venue_book(params, SeedKey{1, 2})) : replay(rows, true);
  };
  for (const bool of_flow : {false, true}) {
    Venue venue = market(of_flow);
    venue.advance(3 * kMs);
    venue.submit(1, 1, bid(venue.market().book().best(Side::kBid), 2));
    Writer early;
    CHECK_THROWS(venue.save(early), std::logic_error, "nothing left to take");
    venue.take();
    Writer out;
    venue.save(out);
    Venue other = market(of_flow);
    Reader in(out.bytes());
    other.load(in);
    CHECK_EQ(in.left(), std::size_t{0});
    for (Venue* each : {&venue, &other}) {
      each->advance(30 * kMs);
      each->take();
    }
    Writer first;
    Writer second;
    venue.save(first);
    other.save(second);
    CHECK(first.bytes() == second.bytes());
  }
}

}  // namespace rlmm
