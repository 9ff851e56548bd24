// The market with a book and an agent in it: conservation, reconciliation, mirror, repetition.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "book_problems.h"
#include "book_replay.h"
#include "check.h"
#include "market/book_market.h"

namespace rlmm {
namespace {

using book_problems::random_quotes;
using book_problems::World;

constexpr SeedKey kKey{0x1234, 0x5678};

Quotes swapped(const Quotes& quotes) {
  return {{quotes.offset_ticks[1], quotes.offset_ticks[0]}, {quotes.lots[1], quotes.lots[0]}};
}

// Half tick lots that the account says the agent has gained.
Money parts_x2(const Account& account) {
  return account.spread_pnl_x2() + account.inventory_pnl_x2() - 2 * account.fees();
}

}  // namespace

// The log, replayed by itself: trades take the best price and the earliest order first, and no
// order trades or leaves with lots that it does not have (BookReplay). `make test-market` runs it
// for ten million events.
TEST("book market: conserves lots, serves first who came first, reconciles the account") {
  const char* const asked = std::getenv("RLMM_MARKET_STEPS");
  const std::int64_t steps = asked != nullptr ? std::strtoll(asked, nullptr, 10) : 20'000;
  const World world(book_problems::rough_problem());
  BookMarket market(world.model);
  EventLog log;
  market.record(&log);
  BookReplay replay;
  Stream actions(kKey, 1, Purpose::kReset);
  std::int64_t events = 0;
  Lots traded = 0;
  for (std::int64_t step = 0; step < steps && check::failures() == 0; ++step) {
    const std::int64_t in_episode = step % world.params.episode.n_steps;
    if (in_episode == 0) {
      log.clear();
      market.reset(kKey, static_cast<std::uint64_t>(step));
      replay = BookReplay();
    }
    const Money before_x2 = market.account().pnl_x2();
    const StepOutcome outcome = market.step(random_quotes(actions));
    std::array<double, kColumnCount> columns{};
    ColumnRow row(columns.data());
    market.write_columns(row);
    events += static_cast<std::int64_t>(columns[static_cast<std::size_t>(Column::kEvents)]);
    traded += outcome.maker_lots[0] + outcome.maker_lots[1] + outcome.taker_lots;
    const FlowBook& flow_book = market.flow_book();
    const OrderBook& book = flow_book.book();
    CHECK(book.best(Side::kBid) < book.best(Side::kAsk));
    CHECK_EQ(flow_book.lots_entered() - flow_book.lots_left(),
             book.side_lots(Side::kBid) + book.side_lots(Side::kAsk));
    CHECK(std::abs(market.account().inventory_lots()) <= world.params.limits.inventory_cap_lots);
    CHECK_EQ(market.account().pnl_x2(), parts_x2(market.account()));
    CHECK_EQ(market.account().pnl_x2() - before_x2,
             outcome.pnl_spread_x2 + outcome.pnl_inventory_x2 - 2 * outcome.fees);
    replay.apply(log.events());
    log.clear();
    CHECK_EQ(replay.lots_of_agent(), outcome.maker_lots[0] + outcome.maker_lots[1]);
    if (step % 64 > 0) continue;
    market.check_invariants();
    replay.check_same(book);
  }
  if (asked != nullptr) {
    std::cout << steps << " steps, " << events << " events, " << traded << " lots of the agent's\n";
  }
  CHECK(events > steps * 5);
  CHECK(traded > steps / 10);
}

TEST("book market: runs in the mirror bit for bit") {
  EnvParams params = book_problems::rough_problem();
  const World world(params);
  params.book().mirrored = true;
  const World mirrored_world(params);
  BookMarket market(world.model);
  BookMarket mirrored(mirrored_world.model);
  Stream actions(kKey, 2, Purpose::kReset);
  for (std::uint64_t episode = 0; episode < 20; ++episode) {
    market.reset(kKey, episode);
    mirrored.reset(kKey, episode);
    const Ticks axis = market.account().mid_ticks_x2() + mirrored.account().mid_ticks_x2();
    for (std::int64_t step = 0; step < params.episode.n_steps; ++step) {
      const Quotes quotes = random_quotes(actions);
      const StepOutcome there = market.step(quotes);
      const StepOutcome here = mirrored.step(swapped(quotes));
      CHECK_EQ(market.account().mid_ticks_x2() + mirrored.account().mid_ticks_x2(), axis);
      CHECK_EQ(market.account().inventory_lots(), -mirrored.account().inventory_lots());
      CHECK_EQ(there.maker_lots[0], here.maker_lots[1]);
      CHECK_EQ(there.maker_lots[1], here.maker_lots[0]);
      CHECK_EQ(there.market_sells, here.market_buys);
      CHECK_EQ(there.pnl_spread_x2, here.pnl_spread_x2);
      CHECK_EQ(there.pnl_inventory_x2, here.pnl_inventory_x2);
      CHECK_EQ(market.flow_book().book().side_lots(Side::kBid),
               mirrored.flow_book().book().side_lots(Side::kAsk));
    }
  }
}

TEST("book market: repeats itself and resumes in mid-episode") {
  const World world(book_problems::rough_problem());
  BookMarket market(world.model);
  BookMarket again(world.model);
  BookMarket resumed(world.model);
  Stream actions(kKey, 3, Purpose::kReset);
  market.reset(kKey, 7);
  again.reset(kKey, 3);  // whatever happened before
  again.step({{1, 1}, {2, 2}});
  again.reset(kKey, 7);
  for (std::int64_t step = 0; step < world.params.episode.n_steps; ++step) {
    const Quotes quotes = random_quotes(actions);
    if (step % 10 == 3) {
      Writer out;
      market.save(out);
      Reader in(out.bytes());
      resumed.load(in);
      CHECK_EQ(in.left(), std::size_t{0});
    }
    const StepOutcome first = market.step(quotes);
    const StepOutcome second = again.step(quotes);
    CHECK_EQ(first.pnl_inventory_x2, second.pnl_inventory_x2);
    if (step < 3) continue;
    resumed.step(quotes);
    Writer expected;
    Writer got;
    Writer twin;
    market.save(expected);
    resumed.save(got);
    again.save(twin);
    CHECK(expected.bytes() == got.bytes());
    CHECK(expected.bytes() == twin.bytes());
  }
}

}  // namespace rlmm
