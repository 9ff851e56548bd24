// Flow books for tests: with a flow, or still ones that only the test moves.
#pragma once

#include <vector>

#include "book_problems.h"
#include "flow/flow_model.h"
#include "market/flow_book.h"

namespace flow_books {

inline constexpr rlmm::SeedKey kKey{51, 52};
inline constexpr rlmm::TimeNs kS = 1'000'000'000;
inline constexpr rlmm::Ticks kMid = 10'000;

// Nothing comes by itself; orders are of one lot, levels far out of one order.
inline rlmm::MarketModel still_model(std::size_t depth = 4) {
  rlmm::MarketModel model = book_problems::bare_model();
  const rlmm::SizeLaw one{{1}, {1.0}};
  model.improving = {one, 0.0};
  model.joining = {one, 0.0};
  model.deeper = {one, 0.0};
  model.market_orders = {0.0, 0.0, 0.0, one};
  std::vector<double> resting(depth, 0.0);
  resting[0] = 1.0;
  model.limit_marks = {{{}, resting}, {{}, resting}};
  model.far_level_orders = {0.0, 1.0};
  return model;
}

// Groups in which something happens, at this many a second.
inline rlmm::MarketModel only(rlmm::MarketModel model, rlmm::Group group, double hz) {
  model.groups[rlmm::lane(group)].baseline_hz = hz;
  return model;
}

struct World {
  explicit World(const rlmm::MarketModel& params, bool is_mirrored = false,
                 rlmm::FlowBook::AgentReaction reaction = {1.0, 1e9}, rlmm::TimeNs warmup_ns = 0)
      : model(params), market(model, is_mirrored, reaction) {
    market.start(kKey, 1, kMid, 0, warmup_ns);
  }
  // The agent's order, resting.
  rlmm::Outcome quote(rlmm::Side side, rlmm::Ticks price, rlmm::Lots lots) {
    executions.clear();
    return market.submit(side, price, lots, rlmm::TimeInForce::kGoodTillCancel, executions);
  }
  rlmm::Lots at(rlmm::Ticks price) const { return market.book().lots_at(price); }
  rlmm::Ticks best(rlmm::Side side) const { return market.book().best(side); }
  bool conserves() const {
    const rlmm::OrderBook& book = market.book();
    return market.lots_entered() - market.lots_left() ==
           book.side_lots(rlmm::Side::kBid) + book.side_lots(rlmm::Side::kAsk);
  }

  rlmm::FlowModel model;
  rlmm::FlowBook market;
  std::vector<rlmm::FlowBook::Execution> executions;
};

// Time passes in a halt; true if something happened all the same.
inline bool wait(World& world, rlmm::TimeNs span) {
  rlmm::FlowBook::Bend halt;
  halt.halted = 1;
  world.market.bend(halt);
  const bool happened = world.market.advance(world.market.now_ns() + span);
  world.market.bend({});
  return happened;
}

}  // namespace flow_books
