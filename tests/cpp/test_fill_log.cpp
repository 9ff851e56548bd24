// The log of fills: rows worked out by hand, and their sums against the columns.
#include <array>
#include <vector>

#include "batch_arrays.h"
#include "book_problems.h"
#include "check.h"
#include "market/fill_log.h"
#include "market_scripts.h"
#include "problems.h"

namespace rlmm {
namespace {

using market_scripts::kKey;
using market_scripts::kMs;
using market_scripts::kS;
using market_scripts::Script;
using market_scripts::shocked;

FillRow bought(TimeNs ts_ns) { return {0, ts_ns, 1, 100, 2, 1, 0, 201, {}}; }

std::vector<FillRow> taken(FillLog& log) {
  std::vector<FillRow> rows;
  log.take(rows);
  return rows;
}

// The columns of a table by their place in kFillColumns.
enum FillColumn : std::size_t {
  kEnv,
  kEpisode,
  kTs,
  kSide,
  kPrice,
  kQty,
  kMaker,
  kWait,
  kMid,
  kM1
};

std::vector<std::vector<std::int64_t>> rows_of(const FillTable& table) {
  std::vector<std::vector<std::int64_t>> rows(table[0].size());
  for (const std::vector<std::int64_t>& column : table) {
    CHECK_EQ(column.size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].push_back(column[i]);
  }
  return rows;
}

}  // namespace

TEST("fill log: the mid at each horizon is the one up to its end") {
  FillLog log;
  log.turn(true);
  log.begin(7);
  log.add(bought(kS));
  log.add(bought(2 * kS));
  log.settle(kS + 99 * kMs, 201);
  log.settle(kS + 100 * kMs, 203);  // ends here: the mid before whatever happens now
  log.settle(2 * kS, 205);
  log.settle(12 * kS, 207);
  CHECK(taken(log).empty());
  log.settle(61 * kS, 209);
  std::vector<FillRow> rows = taken(log);
  CHECK_EQ(rows.size(), std::size_t{1});
  FillRow expected = bought(kS);
  expected.episode = 7;
  expected.later_mid_ticks_x2 = {203, 205, 207, 209};
  CHECK(rows[0] == expected);
  log.settle(70 * kS, 211);
  rows = taken(log);
  CHECK_EQ(rows.size(), std::size_t{1});
  CHECK(rows[0].later_mid_ticks_x2 == (std::array<Ticks, kMarkouts>{207, 207, 207, 211}));
  CHECK(taken(log).empty());
}

TEST("fill log: the end of an episode completes its rows") {
  FillLog log;
  log.turn(true);
  log.begin(0);
  log.add(bought(5 * kS));
  log.settle(7 * kS, 300);
  log.begin(1);
  log.add(bought(kS));
  log.settle(10 * kS, 400);
  const std::vector<FillRow> rows = taken(log);
  CHECK_EQ(rows.size(), std::size_t{1});
  CHECK_EQ(rows[0].episode, std::uint64_t{0});
  CHECK(rows[0].later_mid_ticks_x2 == (std::array<Ticks, kMarkouts>{300, 300, 0, 0}));
  log.begin(2);
  CHECK_EQ(taken(log)[0].episode, std::uint64_t{1});
}

TEST("fill log: off, nothing is kept") {
  FillLog log;
  log.begin(0);
  log.add(bought(kS));
  log.begin(1);
  CHECK(taken(log).empty());
  log.turn(true);
  log.add(bought(kS));
  log.turn(true);  // as it is
  log.begin(2);
  CHECK_EQ(taken(log).size(), std::size_t{1});
  log.add(bought(kS));
  log.turn(false);
  log.begin(2);
  CHECK(taken(log).empty());
}

TEST("fill log: what waits is part of the state of a log that is on") {
  FillLog log;
  log.turn(true);
  log.begin(4);
  log.add(bought(kS));
  log.settle(3 * kS, 205);
  Writer out;
  log.save(out);
  for (const bool on : {true, false}) {
    FillLog other;
    other.turn(on);
    Reader in(out.bytes());
    other.load(in);
    CHECK_EQ(in.left(), std::size_t{0});
    other.settle(90 * kS, 207);
    const std::vector<FillRow> rows = taken(other);
    CHECK_EQ(rows.size(), static_cast<std::size_t>(on));
    if (!on) continue;
    CHECK_EQ(rows[0].episode, std::uint64_t{4});
    CHECK(rows[0].later_mid_ticks_x2 == (std::array<Ticks, kMarkouts>{205, 205, 207, 207}));
  }
  std::string damaged = out.bytes();
  damaged[damaged.size() - sizeof(TimeNs) - sizeof(std::size_t)] =
      9;  // more settled than there are
  Reader in(damaged);
  CHECK_THROWS(log.load(in), std::invalid_argument, "state: expected fills in the order");
}

TEST("fill log: a taker walks the book") {
  Script script(market_scripts::still_problem());
  script.market.fill_log().turn(true);
  script.step(10'002, 3, 0, 0);
  script.market.reset(kKey, 1);
  const std::vector<FillRow> rows = taken(script.market.fill_log());
  CHECK_EQ(rows.size(), std::size_t{2});
  for (std::size_t i = 0; i < 2; ++i) {
    const FillRow expected{0,
                           0,
                           1,
                           10'001 + static_cast<Ticks>(i),
                           1,
                           0,
                           0,
                           20'001,
                           {20'003, 0, 0, 0}};  // between 10 000 and 10 003
    CHECK(rows[i] == expected);
  }
}

// An ask that rests at 10 004 from time 0 is hit by a jump of the price at 0.7 s.
TEST("fill log: fewer lots keep the place in the queue, more lose it") {
  for (const Lots second : {2, 3, 4}) {
    Script script(
        shocked(market_scripts::still_problem(), {{ShockKind::kPriceJump, 700 * kMs, 0, 6.0, {}}}));
    script.market.fill_log().turn(true);
    script.step(0, 0, 10'004, 3);
    script.step(0, 0, 10'004, second);
    script.market.reset(kKey, 1);
    const std::vector<FillRow> rows = taken(script.market.fill_log());
    CHECK_EQ(rows.size(), std::size_t{1});
    const TimeNs wait = second > 3 ? 200 * kMs : 700 * kMs;
    const FillRow expected{0, 700 * kMs, -1, 10'004, second, 1, wait, 20'001, {20'013, 0, 0, 0}};
    CHECK(rows[0] == expected);
  }
}

TEST("fill log: its sums are those of the columns, whatever the market and the threads") {
  EnvParams book = book_problems::rough_problem();
  book.episode.n_steps = 40;
  EnvParams analytic = full_problem();
  analytic.episode.n_steps = 25;
  for (const EnvParams& params : {book, analytic}) {
    std::vector<std::vector<std::vector<std::int64_t>>> tables;
    for (const int n_threads : {1, 3}) {
      DrivenBatch driven(params, seed_keys(5), n_threads);
      driven.batch->log_fills(true);
      driven.reset();
      std::array<double, 4> sums{};  // bid and ask as a maker, taker, spread
      for (int step = 0; step < 130; ++step) {
        driven.step(step);
        for (std::size_t env = 0; env < 5; ++env) {
          sums[0] += driven.arrays.column(env, Column::kMakerBidLots);
          sums[1] += driven.arrays.column(env, Column::kMakerAskLots);
          sums[2] += driven.arrays.column(env, Column::kTakerLots);
          sums[3] += driven.arrays.column(env, Column::kPnlSpread);
        }
      }
      driven.reset();  // ends the last episodes
      tables.push_back(rows_of(driven.batch->take_fills()));
      CHECK(tables.back().size() > 100);
      std::array<double, 4> logged{};
      std::vector<std::int64_t> before{-1, -1, -1};
      for (const std::vector<std::int64_t>& row : tables.back()) {
        const std::size_t kind = row[kMaker] == 0 ? 2 : row[kSide] > 0 ? 0 : 1;
        logged[kind] += static_cast<double>(row[kQty]);
        logged[3] +=
            0.5 * static_cast<double>(row[kSide] * row[kQty] * (row[kMid] - 2 * row[kPrice]));
        const std::vector<std::int64_t> place{row[kEnv], row[kEpisode], row[kTs]};
        CHECK(before <= place);
        before = place;
        CHECK(row[kWait] >= 0 && row[kWait] <= row[kTs]);
      }
      for (std::size_t i = 0; i < sums.size(); ++i) CHECK_EQ(logged[i], sums[i]);
      CHECK(sums[0] > 0.0 && sums[1] > 0.0 && sums[2] > 0.0);
      CHECK(rows_of(driven.batch->take_fills()).empty());
    }
    CHECK(tables[0] == tables[1]);
  }
}

TEST("fill log: changes nothing else, and goes on in a restored batch") {
  EnvParams params = book_problems::rough_problem();
  params.episode.n_steps = 40;
  DrivenBatch with(params, seed_keys(3), 1);
  DrivenBatch without(params, seed_keys(3), 1);
  CHECK_THROWS(without.batch->take_fills(), std::logic_error, "batch: expected fills to be logged");
  with.batch->log_fills(true);
  with.reset();
  without.reset();
  with.run(0, 30);
  without.run(0, 30);
  CHECK(with.arrays == without.arrays);
  DrivenBatch restored(params, seed_keys(3), 2);
  restored.batch->log_fills(true);
  restored.batch->set_state(with.batch->state());
  for (DrivenBatch* batch : {&with, &restored}) {
    batch->run(30, 60);
    batch->reset();
  }
  const auto rows = rows_of(with.batch->take_fills());
  CHECK(rows.size() > 50);
  CHECK(rows == rows_of(restored.batch->take_fills()));
}

}  // namespace rlmm
