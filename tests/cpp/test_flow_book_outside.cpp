// What reaches a flow's book from outside: the agent, a saved state.
#include <cmath>
#include <string>

#include "book_replay.h"
#include "check.h"
#include "flow_books.h"
#include "flow_models.h"
#include "market/flow_book.h"
#include "rng.h"

namespace rlmm {
namespace {

using flow_books::kKey;
using flow_books::kMid;
using flow_books::kS;
using flow_books::still_model;
using flow_books::wait;
using flow_books::World;

// Kernels in which every event of a group excites all groups at once, forgotten after seconds.
MarketModel excitable_model() {
  MarketModel model = still_model(4);
  model.decays_hz = {0.5};
  model.excitation.assign(kGroups * kGroups, 0.1);
  return model;
}

// Of one group; every event adds 0.1 x 0.5.
double events_remembered(World& world) {
  return world.market.flow().intensities(flow_models::whole({1.0F}))[0] / 0.05;
}

}  // namespace

TEST("flow book: an agent's messages excite by their size, his trades fully") {
  World world(excitable_model(), false, {4.0, 100.0});
  const Ticks bid = world.best(Side::kBid);
  const Outcome outcome = world.quote(Side::kBid, bid, 3);
  CHECK_NEAR(events_remembered(world), 0.75, 1e-6);
  world.market.amend(outcome.slot, bid, 3, TimeInForce::kPostOnly, world.executions);
  CHECK_NEAR(events_remembered(world), 0.75, 1e-6);  // nothing changed
  world.market.amend(outcome.slot, bid, 1, TimeInForce::kPostOnly, world.executions);
  CHECK_NEAR(events_remembered(world), 0.75 + 0.5, 1e-6);
  CHECK_EQ(world.at(bid), 2);
  world.market.cancel(outcome.slot);
  CHECK_NEAR(events_remembered(world), 1.5, 1e-6);
  world.quote(Side::kBid, bid - 1, 40);
  CHECK_NEAR(events_remembered(world), 2.5, 1e-6);
  world.quote(Side::kBid, world.best(Side::kAsk), 1);
  CHECK_NEAR(events_remembered(world), 3.5, 1e-6);
  CHECK_EQ(world.executions.size(), std::size_t{1});
  CHECK(world.conserves());
}

TEST("flow book: messages excite the group they are of") {
  MarketModel model = still_model(4);
  model.decays_hz = {0.5};
  model.excitation.assign(kGroups * kGroups, 0.0);
  for (std::size_t g = 0; g < kGroups; ++g) model.excitation[g * kGroups + g] = 0.4;
  const auto excited = [&model](Side side, int what) {
    World world(model);
    const Side other = side == Side::kBid ? Side::kAsk : Side::kBid;
    if (what == 0) {
      world.quote(side, world.best(other), 1);
    } else {
      const Outcome outcome = world.quote(side, world.best(side), 1);
      wait(world, 100 * kS);
      if (what == 2) world.market.cancel(outcome.slot);
      if (what == 1) world.quote(side, world.best(side), 1);
    }
    const Lanes now = world.market.flow().intensities(flow_models::kOnes);
    return std::ranges::max_element(now) - now.begin();
  };
  CHECK_EQ(excited(Side::kBid, 0), 1);  // a buyer hits asks
  CHECK_EQ(excited(Side::kAsk, 0), 0);
  CHECK_EQ(excited(Side::kBid, 1), 2);
  CHECK_EQ(excited(Side::kAsk, 1), 3);
  CHECK_EQ(excited(Side::kBid, 2), 4);
  CHECK_EQ(excited(Side::kAsk, 2), 5);
}

TEST("flow book: spamming messages excites no more than the budget") {
  constexpr double kBudgetHz = 5.0;
  World world(excitable_model(), false, {1.0, kBudgetHz});
  const Ticks bid = world.best(Side::kBid);
  double bound = kBudgetHz;  // a second's worth to begin with
  for (int n = 0; n < 4000; ++n) {
    const Outcome outcome = world.quote(Side::kBid, bid, 1);
    world.market.cancel(outcome.slot);
    CHECK(events_remembered(world) <= bound * 1.001);
    if (n == 20) CHECK_NEAR(events_remembered(world), bound, 0.1);  // all of it is spent
    CHECK(!wait(world, kS / 1000));
    bound = bound * std::exp(-0.5e-3) + kBudgetHz * 1e-3;
  }
  CHECK(!wait(world, 1000 * kS));  // no more than a second's worth is kept
  for (int n = 0; n < 100; ++n) world.market.cancel(world.quote(Side::kBid, bid, 1).slot);
  CHECK_NEAR(events_remembered(world), kBudgetHz, 1e-3);
  World without(excitable_model(), false, {1.0, 0.0});
  without.quote(Side::kBid, bid, 1);
  CHECK_EQ(events_remembered(without), 0.0);
  CHECK(world.conserves());
}

TEST("flow book: a new order of the agent's changes the gap behind the touch") {
  MarketModel model = still_model(4);
  model.far_level_orders = {1.0};
  model.groups[0].baseline_hz = 1.0;
  model.hit_gap_bin_ticks = {1, 3, 6};
  model.hit_gap_factor = {1.0, 2.0, 5.0};
  World world(model);
  const Ticks bid = world.best(Side::kBid);
  CHECK_EQ(world.market.factors().baseline[0], 5.0F);  // nothing behind it
  world.quote(Side::kBid, bid - 10, 1);
  CHECK_EQ(world.market.factors().baseline[0], 5.0F);
  const Outcome middle = world.quote(Side::kBid, bid - 4, 1);
  CHECK_EQ(world.market.factors().baseline[0], 2.0F);
  const Outcome near = world.quote(Side::kBid, bid - 1, 1);
  CHECK_EQ(world.market.factors().baseline[0], 1.0F);
  world.market.cancel(near.slot);
  CHECK_EQ(world.market.factors().baseline[0], 2.0F);
  world.market.amend(middle.slot, bid - 7, 1, TimeInForce::kPostOnly, world.executions);
  CHECK_EQ(world.market.factors().baseline[0], 5.0F);
  CHECK_EQ(world.market.factors().excitation[0], 1.0F);  // orders that follow others do not mind
}

TEST("flow book: refuses a state with broken streams") {
  World world(book_problems::full_model());
  Writer out;
  world.market.save(out);
  for (std::size_t at = 0; at < out.bytes().size(); at += 8) {
    std::string bytes = out.bytes();
    bytes[at] = static_cast<char>(bytes[at] ^ 0x55);
    World other(book_problems::full_model());
    Reader in(bytes);
    try {
      other.market.load(in);
    } catch (const std::invalid_argument& error) {
      CHECK(std::string(error.what()).find("state") != std::string::npos);
    }
  }
}

namespace {

// One order on each side, moved about at random.
class RandomAgent {
 public:
  explicit RandomAgent(World& world) : world_(world), stream_(kKey, 8, Purpose::kReset) {}

  void act() {
    const Side side = stream_.below(2) == 0 ? Side::kBid : Side::kAsk;
    Owned& own = own_[static_cast<std::size_t>(side)];
    const bool alive = world_.market.book().is_live(own.slot, own.arrival);
    const Ticks mid = world_.market.mid_ticks_x2() / 2;
    const Ticks price = mid - sign(side) * (static_cast<Ticks>(stream_.below(30)) - 3);
    const auto lots = static_cast<Lots>(1 + stream_.below(40));
    const auto force = static_cast<TimeInForce>(stream_.below(4));
    const std::uint64_t what = stream_.below(3);
    if (alive && what == 0) {
      world_.market.cancel(own.slot);
      return;
    }
    take_off_crossed(side, price);
    Outcome outcome;
    if (alive && what == 1) {
      outcome = world_.market.amend(own.slot, price, lots, force, world_.executions);
    } else if (alive) {
      const Order order = world_.market.book().order(own.slot);
      outcome = world_.market.amend(own.slot, order.price_ticks, 1 + order.lots / 2, force,
                                    world_.executions);
    } else {
      outcome = world_.market.submit(side, price, lots, force, world_.executions);
    }
    if (outcome.slot == kNoSlot) return;
    own = {outcome.slot, world_.market.book().order(outcome.slot).arrival};
  }

 private:
  struct Owned {
    Slot slot = kNoSlot;
    std::uint64_t arrival = 0;
  };
  void take_off_crossed(Side side, Ticks price) {
    const Owned& opposite = own_[1 - static_cast<std::size_t>(side)];
    if (!world_.market.book().is_live(opposite.slot, opposite.arrival)) return;
    const Ticks of_opposite = world_.market.book().order(opposite.slot).price_ticks;
    if (sign(side) * (price - of_opposite) >= 0) world_.market.cancel(opposite.slot);
  }

  World& world_;
  Stream stream_;
  std::array<Owned, 2> own_{};
};

void shock(World& world, Stream& stream) {
  FlowBook::Bend bend;
  switch (stream.below(4)) {
    case 0:
      world.market.jump_price(static_cast<Ticks>(stream.below(81)) - 40);
      break;
    case 1:
      bend.limit_sizes = 3.0 * stream.uniform();
      bend.baseline[stream.below(kGroups)] = 4.0 * stream.uniform();
      world.market.bend(bend);
      break;
    case 2:
      world.market.hold_regime(stream.below(2));
      break;
    default:
      world.market.hold_regime(std::nullopt);
      break;
  }
}

}  // namespace

TEST("flow book: what is logged rebuilds the book through everything that happens") {
  const FlowModel model(book_problems::full_model());
  for (const bool is_mirrored : {false, true}) {
    World world(book_problems::full_model(), is_mirrored, {2.0, 20.0});
    EventLog log;
    world.market.record(&log);
    world.market.start(kKey, 2, kMid, 0, kS);
    RandomAgent agent(world);
    Stream stream(kKey, 9, Purpose::kReset);
    BookReplay replay;
    for (int n = 0; n < 4000; ++n) {
      agent.act();
      if (n % 100 == 50) shock(world, stream);
      const TimeNs until = world.market.now_ns() + kS / 20;
      while (world.market.advance(until)) {
      }
      CHECK(world.best(Side::kBid) < world.best(Side::kAsk));
      CHECK(world.conserves());
      replay.apply(log.events());
      log.clear();
      if (n % 20 == 0) replay.check_same(world.market.book());
      if (n % 200 == 0) world.market.book().check_invariants();
    }
    CHECK(replay.trades() > 1000);
  }
}

TEST("flow book: resumes from a saved state, factors and all") {
  World world(book_problems::full_model(), false, {2.0, 20.0}, kS);
  RandomAgent agent(world);
  for (int n = 0; n < 1000; ++n) {
    agent.act();
    const TimeNs until = world.market.now_ns() + kS / 50;
    while (world.market.advance(until)) {
    }
    Writer out;
    world.market.save(out);
    World resumed(book_problems::full_model(), false, {2.0, 20.0});
    Reader in(out.bytes());
    resumed.market.load(in);
    CHECK_EQ(in.left(), std::size_t{0});
    CHECK_EQ(world.market.factors(), resumed.market.factors());
  }
}

TEST("flow book: goes on from a saved state under a shock") {
  World world(book_problems::full_model(), false, {2.0, 20.0}, kS);
  FlowBook::Bend bend;
  bend.limit_sizes = 6.0;
  bend.market_sizes = 3.0;
  bend.baseline[2] = 4.0;
  world.market.bend(bend);
  Writer out;
  world.market.save(out);
  World resumed(book_problems::full_model(), false, {2.0, 20.0});
  Reader in(out.bytes());
  resumed.market.load(in);
  for (World* each : {&world, &resumed}) {
    while (each->market.advance(10 * kS)) {
    }
  }
  Writer first;
  Writer second;
  world.market.save(first);
  resumed.market.save(second);
  CHECK(first.bytes() == second.bytes());
}

TEST("flow book: the log notes the depth after every event") {
  World world(still_model(2));
  EventLog log;
  log.set_levels(3);
  world.market.record(&log);
  const Ticks bid = world.best(Side::kBid);
  world.quote(Side::kBid, bid + 1, 1);  // takes the best ask: the next one is best already
  CHECK_EQ(log.levels(), std::size_t{3});
  CHECK_EQ(log.depth().size(), 12 * log.events().size());
  const std::vector<std::int64_t> after_trade{bid + 2, 1, bid, 1, 0, 0, bid - 1, 1, 0, 0, 0, 0};
  CHECK(std::equal(after_trade.begin(), after_trade.end(), log.depth().begin()));
  log.clear();
  CHECK(log.events().empty() && log.depth().empty());
}

TEST("flow book: notices lots that came from nowhere") {
  World world(still_model(4));
  world.market.check_invariants();
  Writer out;
  world.market.save(out);
  std::string bytes = out.bytes();
  ++bytes[bytes.size() - 2 * sizeof(Lots)];  // lots that have entered
  Reader in(bytes);
  world.market.load(in);
  CHECK_THROWS(world.market.check_invariants(), InvariantError, "lots_entered_ - lots_left_");
}

TEST("flow book: the way there and back through an empty reach costs what lies on it") {
  for (const Side side : kSides) {
    World world(still_model(4));
    const Ticks best = world.best(side);
    Money cash = 0;
    const auto trade = [&](Side of, Ticks price, Lots lots) {
      const Outcome outcome = world.quote(of, price, lots);
      for (const FlowBook::Execution& execution : world.executions) {
        cash -= sign(of) * execution.price_ticks * execution.lots;
      }
      CHECK(world.conserves());
      return outcome;
    };
    const Outcome there = trade(side, best + sign(side) * 100, 1000);
    CHECK_EQ(there.filled_lots, 100);  // one at every tick
    world.market.cancel(there.slot);
    CHECK_EQ(trade(opposite(side), best - sign(side) * 500, 100).filled_lots, 100);
    CHECK(cash < -500);
  }
}

TEST("flow book: an order goes no further than there is somebody to be found") {
  MarketModel model = still_model(4);
  model.far_level_orders = {1.0};
  World near(model);
  const Outcome rests = near.quote(Side::kBid, kMid + 10, 5);
  CHECK_EQ(rests.filled_lots, 1);
  CHECK(rests.slot != kNoSlot);
  World far(model);
  const Outcome dropped = far.quote(Side::kBid, kMid + 200, 5);
  CHECK_EQ(dropped.filled_lots, 1);
  CHECK_EQ(dropped.dropped_lots, 4);
  CHECK(dropped.slot == kNoSlot);
  CHECK_EQ(far.best(Side::kBid), kMid);
  // Nobody asks any more: what would only rest does not either.
  far.executions.clear();
  const Outcome quote =
      far.market.submit(Side::kBid, kMid + 200, 5, TimeInForce::kPostOnly, far.executions);
  CHECK_EQ(quote.dropped_lots, 5);
  World deep(still_model(4));
  const Outcome most = deep.quote(Side::kAsk, 1, 9000);
  CHECK_EQ(most.filled_lots, 4 + OrderBook::kRingTicks);
  CHECK_EQ(most.dropped_lots, 9000 - 4 - OrderBook::kRingTicks);
  CHECK(deep.conserves());
}

}  // namespace rlmm
