// A book market and a random agent, held to what can be recomputed from the book alone.
#include <array>
#include <optional>

#include "book_problems.h"
#include "book_replay.h"
#include "check.h"
#include "market/book_market.h"

namespace rlmm {
namespace {

using book_problems::random_quotes;
using book_problems::World;

constexpr SeedKey kKey{71, 72};

// The best price of an order that is not the agent's, by walking all of them.
std::optional<Ticks> best_of_others(const OrderBook& book, Side side) {
  const Ticks none = side == Side::kBid ? OrderBook::kNoBid : OrderBook::kNoAsk;
  for (Ticks price = book.best(side); price != none; price = book.next_price(side, price)) {
    for (Slot slot = book.level(price).front; slot != kNoSlot; slot = book.order(slot).next) {
      if (book.order(slot).owner != kAgent) return price;
    }
  }
  return std::nullopt;
}

// Lots of the others ahead of the agent's order, by walking its level.
Lots ahead_of_agent(const OrderBook& book, Side side) {
  const std::vector<Slot>& own = book.pool(side, kAgentPool);
  if (own.empty()) return 0;
  Lots ahead = 0;
  const Order& order = book.order(own.front());
  for (Slot slot = book.level(order.price_ticks).front; slot != own.front();
       slot = book.order(slot).next) {
    ahead += book.order(slot).lots;
  }
  return ahead;
}

void check_view(const World& world, const BookMarket& market) {
  const OrderBook& book = market.flow_book().book();
  const double mid = 0.5 * static_cast<double>(market.account().mid_ticks_x2());
  std::array<double, 2> sums{};
  std::array<Ticks, 2> price{book.best(Side::kBid), book.best(Side::kAsk)};
  const auto levels = static_cast<std::size_t>(world.params.observation.levels);
  for (std::size_t level = 0; level < levels; ++level) {
    for (const Side side : {Side::kBid, Side::kAsk}) {
      const auto s = static_cast<std::size_t>(side);
      const bool there = price[s] != OrderBook::kNoBid && price[s] != OrderBook::kNoAsk;
      const Feature depth = s == 0 ? Feature::kBidDepth : Feature::kAskDepth;
      const Feature distance = s == 0 ? Feature::kBidDistance : Feature::kAskDistance;
      const auto lots = there ? static_cast<double>(book.lots_at(price[s])) : 0.0;
      const double away =
          there ? static_cast<double>(sign(side)) * (mid - static_cast<double>(price[s])) : 0.0;
      CHECK_EQ(market.view().at(BookView::slot(depth, level)), lots);
      CHECK_EQ(market.view().at(BookView::slot(distance, level)), away);
      sums[s] += lots;
      if (there) price[s] = book.next_price(side, price[s]);
    }
    CHECK_NEAR(market.view().at(BookView::slot(Feature::kImbalance, level)),
               (sums[0] - sums[1]) / (sums[0] + sums[1]), 1e-12);
  }
}

// Plays the events; the others' mid when they last had both sides, or `before` if they never had.
Ticks last_whole_mid_x2(BookReplay& replay, const std::vector<BookEvent>& events, Ticks before) {
  Ticks mid_x2 = before;
  for (const BookEvent& event : events) {
    replay.apply(event);
    if ((event.flags & kFlagMoreFills) != 0) continue;  // the market order is not done
    const auto bid = replay.best_of_others(Side::kBid);
    const auto ask = replay.best_of_others(Side::kAsk);
    if (bid && ask) mid_x2 = *bid + *ask;
  }
  return mid_x2;
}

}  // namespace

TEST("book market: mid, queue positions and depth are those of the orders in the book") {
  const World world(book_problems::rough_problem());
  BookMarket market(world.model);
  Stream actions(kKey, 1, Purpose::kReset);
  std::int64_t alone = 0;
  for (std::int64_t step = 0; step < 6000; ++step) {
    if (step % world.params.episode.n_steps == 0) {
      market.reset(kKey, static_cast<std::uint64_t>(step));
    }
    market.step(random_quotes(actions));
    const OrderBook& book = market.flow_book().book();
    std::array<double, kColumnCount> columns{};
    ColumnRow row(columns.data());
    market.write_columns(row);
    const auto at = [&](Column column) { return columns[static_cast<std::size_t>(column)]; };
    CHECK_EQ(at(Column::kBidQueueAhead), static_cast<double>(ahead_of_agent(book, Side::kBid)));
    CHECK_EQ(at(Column::kAskQueueAhead), static_cast<double>(ahead_of_agent(book, Side::kAsk)));
    CHECK(book.pool(Side::kBid, kAgentPool).size() <= 1);
    CHECK(book.pool(Side::kAsk, kAgentPool).size() <= 1);
    check_view(world, market);
    const auto bid = best_of_others(book, Side::kBid);
    const auto ask = best_of_others(book, Side::kAsk);
    CHECK(bid && ask);
    if (!bid || !ask) break;
    CHECK_EQ(market.account().mid_ticks_x2(), *bid + *ask);
    CHECK_EQ(at(Column::kSpread),
             static_cast<double>(book.best(Side::kAsk) - book.best(Side::kBid)));
    alone += *bid != book.best(Side::kBid) || *ask != book.best(Side::kAsk) ? 1 : 0;
  }
  CHECK(alone > 100);
}

// Nothing lies behind the touch, so that the agent or the flow takes all there is now and then.
TEST("book market: while the others lack a side, the mid is that of when they last had both") {
  EnvParams params = book_problems::rough_problem();
  params.book().model.far_level_orders = {1.0};
  params.book().model.market_orders.sizes = {{5, 60}, {0.5, 0.5}};
  const World world(params);
  BookMarket market(world.model);
  EventLog log;
  market.record(&log);
  Stream actions(kKey, 4, Purpose::kReset);
  std::int64_t lacking = 0;
  std::int64_t alone = 0;
  for (std::uint64_t episode = 0; episode < 40; ++episode) {
    market.reset(kKey, episode);
    BookReplay replay;
    Ticks mid_x2 = 2 * params.book().mid_initial_ticks;
    for (std::int64_t step = 0; step < params.episode.n_steps; ++step) {
      if (step > 0) market.step(random_quotes(actions));
      mid_x2 = last_whole_mid_x2(replay, log.events(), mid_x2);
      log.clear();
      CHECK_EQ(market.account().mid_ticks_x2(), mid_x2);
      const bool whole = replay.best_of_others(Side::kBid) && replay.best_of_others(Side::kAsk);
      lacking += whole ? 0 : 1;
      const OrderBook& book = market.flow_book().book();
      alone += !whole && book.has(Side::kBid) && book.has(Side::kAsk) ? 1 : 0;
    }
  }
  CHECK(lacking > 100);
  CHECK(alone > 20);
}

TEST("book market: a recorded episode rebuilds the book, and fills the account") {
  const World world(book_problems::rough_problem());
  BookMarket market(world.model);
  EventLog log;
  market.record(&log);
  market.reset(kKey, 5);
  BookReplay replay;
  Stream actions(kKey, 2, Purpose::kReset);
  for (std::int64_t step = 0; step < world.params.episode.n_steps; ++step) {
    const StepOutcome outcome = market.step(random_quotes(actions));
    Lots maker = 0;
    if (step > 0) {
      for (const BookEvent& event : log.events()) {
        const bool of_agent = (event.flags & kFlagAgent) != 0;
        if (event.kind == EventKind::kTrade && of_agent) maker += event.lots;
      }
      CHECK_EQ(maker, outcome.maker_lots[0] + outcome.maker_lots[1]);
    }
    replay.apply(log.events());
    log.clear();
    replay.check_same(market.flow_book().book());
  }
}

TEST("book market: what the desk believes comes true once all is heard") {
  EnvParams params = book_problems::rough_problem();
  params.episode.n_steps = 400;
  const World world(params);
  BookMarket market(world.model);
  Stream actions(kKey, 3, Purpose::kReset);
  market.reset(kKey, 9);
  const auto seen = [&market](Feature feature) {
    return static_cast<Lots>(market.view().at(BookView::slot(feature)));
  };
  Quotes quotes = random_quotes(actions);
  for (std::int64_t step = 0; step < params.episode.n_steps; ++step) {
    // Often the same again, so that nothing is under way.
    if (step % 4 == 0) quotes = random_quotes(actions);
    const StepOutcome outcome = market.step(quotes);
    const bool quiet = outcome.messages == 0 && outcome.maker_lots[0] + outcome.maker_lots[1] == 0;
    if (!quiet) continue;
    CHECK_EQ(seen(Feature::kInventory), market.account().inventory_lots());
    const OrderBook& book = market.flow_book().book();
    for (const Side side : {Side::kBid, Side::kAsk}) {
      const std::vector<Slot>& own = book.pool(side, kAgentPool);
      const Lots open_lots = own.empty() ? 0 : Lots{book.order(own.front()).lots};
      CHECK_EQ(seen(side == Side::kBid ? Feature::kBidLots : Feature::kAskLots), open_lots);
    }
  }
}

TEST("book market: with few features only those are shown") {
  EnvParams params = book_problems::problem(book_problems::full_model());
  const World world(params);
  BookMarket market(world.model);
  market.reset(kKey, 1);
  market.step({{1, 1}, {2, 2}});
  CHECK_EQ(market.view().at(BookView::slot(Feature::kTimeLeft)), 49.5);
  CHECK_EQ(market.view().at(BookView::slot(Feature::kBidLots)), 0.0);
  params.observation.features = {"inventory", "spread"};
  const World spread(params);
  BookMarket other(spread.model);
  other.reset(kKey, 1);
  other.step({{1, 1}, {2, 2}});
  CHECK(other.view().at(BookView::slot(Feature::kSpread)) > 0.0);
  CHECK_EQ(other.view().at(BookView::slot(Feature::kBidDepth)), 0.0);
}

TEST("book market: refuses a state with broken streams") {
  const World world(book_problems::problem(book_problems::full_model()));
  BookMarket market(world.model);
  market.reset(kKey, 1);
  Writer out;
  market.save(out);
  for (const std::size_t stream : {1U, 2U, 3U}) {  // from the end: response, entry, feed
    std::string bytes = out.bytes();
    const std::size_t behind = sizeof(BookView) + stream * sizeof(Stream);
    bytes[bytes.size() - behind + sizeof(Stream) - 8] = 77;  // words used of it
    BookMarket other(world.model);
    Reader in(bytes);
    CHECK_THROWS(other.load(in), std::invalid_argument, "sound streams");
  }
}

}  // namespace rlmm
