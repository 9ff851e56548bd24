// Which orders of the flow wait and which flicker, and what their cancels do.
#include <array>
#include <utility>
#include <vector>

#include "check.h"
#include "flow_books.h"
#include "flow_models.h"
#include "market/flow_book.h"
#include "statistics.h"

namespace rlmm {
namespace {

using flow_books::kMid;
using flow_books::kS;
using flow_books::only;
using flow_books::still_model;
using flow_books::World;

constexpr std::size_t kDepth = 9;

// Orders behind the touch: four in five flicker, and go four times as fast as the others.
MarketModel lively_model() {
  MarketModel model = still_model(kDepth);
  model.deeper.flickering_share = 0.8;
  model.cancels = {true, 1.0, 4.0, 0.0, {}};
  return model;
}

double flickering_share(const MarketModel& params) {
  return FlowModel(params).live_flickering_share();
}

}  // namespace

TEST("flow book: a cancel that comes to nothing excites nothing") {
  MarketModel model = only(still_model(2), Group::kCancelBid, 1.0);
  model.cancels.distance_factor = {1.0, 0.0};
  model.decays_hz = {0.5};
  model.excitation.assign(kGroups * kGroups, 0.4);
  const FlowModel ready(model);
  FlowBook market(ready, false, {});
  std::int64_t nothing = 0;
  constexpr int kTrials = 2000;
  for (int n = 0; n < kTrials; ++n) {
    market.start(flow_books::kKey, static_cast<std::uint64_t>(n), kMid, 0, 0);
    CHECK(market.advance(1'000'000 * kS));
    const bool came = market.happened().lots > 0;
    CHECK_NEAR(market.flow().intensities(flow_models::kOnes)[0], came ? 0.4 * 0.5 : 0.0, 1e-6);
    nothing += came ? 0 : 1;
  }
  CHECK_FREQUENCY(nothing, kTrials, 0.5);
}

TEST("flow book: what lies behind the levels that kernels know of excites nothing") {
  MarketModel model = only(only(still_model(4), Group::kLimitBid, 1.0), Group::kCancelBid, 0.25);
  model.limit_marks.assign(model.limit_marks.size(), {{}, {0.25, 0.25, 0.25, 0.25}});
  model.decays_hz = {0.5};
  model.excitation.assign(kGroups * kGroups, 0.1);
  model.exciting_levels = 2;
  const FlowModel ready(model);
  FlowBook market(ready, false, {1.0, 1e9});
  std::array<std::int64_t, 2> seen{};  // limit orders, cancels
  std::array<std::int64_t, 2> came{};
  std::vector<FlowBook::Execution> executions;
  for (int n = 0; n < 2000; ++n) {
    market.start(flow_books::kKey, static_cast<std::uint64_t>(n), kMid, 0, 0);
    const Ticks best = market.book().best(Side::kBid);
    std::array<Lots, 4> before{};  // a level on every tick
    for (Ticks d = 0; d < 4; ++d)
      before.at(static_cast<std::size_t>(d)) = market.book().lots_at(best - d);
    CHECK(market.advance(1'000'000 * kS));
    bool is_near = false;
    for (Ticks d = 0; d < 2; ++d) {
      is_near |= market.book().lots_at(best - d) != before.at(static_cast<std::size_t>(d));
    }
    const std::size_t kind = lane(market.happened().group) / 2 - 1;
    ++came.at(kind);
    seen.at(kind) += is_near ? 1 : 0;
    const float excited = market.flow().intensities(flow_models::kOnes)[0];
    CHECK_NEAR(excited, is_near ? 0.1 * 0.5 : 0.0, 1e-6);
    market.submit(Side::kBid, market.book().best(Side::kBid) - 3, 1, TimeInForce::kPostOnly,
                  executions);
    CHECK_EQ(market.flow().intensities(flow_models::kOnes)[0], excited);
  }
  CHECK_FREQUENCY(seen[0], came[0], 0.5);
  CHECK_FREQUENCY(seen[1], came[1], 0.5);
}

TEST("flow book: orders drawn behind the touch are mixed as those that live there") {
  constexpr double kLive = (0.8 / 4.0) / (0.8 / 4.0 + 0.2);
  std::int64_t drawn = 0;
  constexpr int kTrials = 1000;
  const FlowModel ready(lively_model());
  FlowBook market(ready, false, {});
  for (int n = 0; n < kTrials; ++n) {
    market.start(flow_books::kKey, static_cast<std::uint64_t>(n), kMid, 0, 0);
    drawn += static_cast<std::int64_t>(market.book().pool(Side::kBid, 1).size());
  }
  CHECK_FREQUENCY(drawn, kTrials * static_cast<std::int64_t>(kDepth - 1), kLive);

  MarketModel model = only(only(lively_model(), Group::kLimitBid, 40.0), Group::kCancelBid, 1.0);
  for (LimitMarks& marks : model.limit_marks) {
    marks.resting.assign(kDepth, 1.0 / (kDepth - 1.0));
    marks.resting[0] = 0.0;
  }
  World world(model);
  world.quote(Side::kBid, world.best(Side::kBid), 1);  // the touch stays where it is
  double flickering = 0.0;
  double all = 0.0;
  for (int second = 1; second <= 2000; ++second) {
    while (world.market.advance(second * kS)) continue;
    const auto of_class = [&](Pool pool) {
      return static_cast<double>(world.market.book().pool(Side::kBid, pool).size());
    };
    flickering += of_class(1);
    all += of_class(0) + of_class(1);
  }
  CHECK_NEAR(flickering / all, kLive, 0.01);
}

TEST("flow book: orders in company at the best price are cancelled less") {
  MarketModel model = only(still_model(2), Group::kCancelBid, 1.0);
  model.cancels = {true, 1.0, 1.0, 0.0, {}, 0.25};
  const FlowModel ready(model);
  for (const Ticks behind : {0, 1}) {  // the agent's order, beside the best or behind it
    FlowBook market(ready, false, {1.0, 1e9});
    std::vector<FlowBook::Execution> executions;
    std::array<std::int64_t, 2> cancelled{};
    constexpr int kTrials = 4000;
    for (int n = 0; n < kTrials; ++n) {
      market.start(flow_books::kKey, static_cast<std::uint64_t>(n), kMid, 0, 0);
      const Ticks best = market.book().best(Side::kBid);
      market.submit(Side::kBid, best - behind, 1, TimeInForce::kPostOnly, executions);
      CHECK(market.advance(1'000'000 * kS));
      const bool of_best = market.book().lots_at(best) < (behind == 0 ? 2 : 1);
      cancelled[0] += of_best ? 1 : 0;
      cancelled[1] += market.happened().lots > 0 && !of_best ? 1 : 0;
    }
    CHECK_FREQUENCY(cancelled[0], kTrials, 0.5 * (behind == 0 ? 0.25 : 1.0));
    CHECK_FREQUENCY(cancelled[1], kTrials,
                    0.5);  // company behind the best price counts for nothing
  }
}

TEST("flow book: what has just gone from the best price is put back") {
  for (const auto& [share, back_share] : {std::pair(0.0, 1.0), std::pair(0.75, 0.5)}) {
    MarketModel model = only(still_model(6), Group::kLimitBid, 1.0);
    model.refill = {share, back_share};
    model.limit_marks[1] = {{0.2}, {0.8, 0.0, 0.0, 0.0, 0.0, 0.0}};
    const FlowModel ready(model);
    FlowBook market(ready, false, {});
    std::vector<FlowBook::Execution> executions;
    std::array<std::int64_t, 4> better{};
    std::int64_t later = 0;
    constexpr int kTrials = 4000;
    for (int n = 0; n < kTrials; ++n) {
      market.start(flow_books::kKey, static_cast<std::uint64_t>(n), kMid, 0, 0);
      const Ticks gone = market.book().best(Side::kBid);
      market.submit(Side::kAsk, gone - 2, 3, TimeInForce::kImmediateOrCancel, executions);
      const Ticks left = market.book().best(Side::kBid);
      CHECK_EQ(left, gone - 3);
      CHECK(market.advance(1'000'000 * kS));
      const Ticks now = market.book().best(Side::kBid);
      ++better[static_cast<std::size_t>(now - left)];
      CHECK(market.advance(1'000'000 * kS));  // the event before did not take the best away
      later += now == left && market.book().best(Side::kBid) > now ? 1 : 0;
    }
    CHECK_FREQUENCY(better[3], kTrials, share * back_share);
    CHECK_FREQUENCY(better[1], kTrials, share * (1.0 - back_share) + (1.0 - share) * 0.2);
    CHECK_EQ(better[2], 0);
    CHECK_FREQUENCY(later, better[0], 0.2);
  }
}

TEST("flow model: of a class that is never cancelled there is all in the end") {
  MarketModel model = lively_model();
  CHECK_NEAR(flickering_share(model), 0.5, 1e-6);
  model.cancels.patient_hazard = 0.0;
  CHECK_EQ(flickering_share(model), 0.0);
  model.deeper.flickering_share = 1.0;
  CHECK_EQ(flickering_share(model), 1.0);
  model.deeper.flickering_share = 0.8;
  model.cancels = {true, 1.0, 0.0, 0.0, {}};
  CHECK_EQ(flickering_share(model), 1.0);
  model.deeper.flickering_share = 0.0;
  CHECK_EQ(flickering_share(model), 0.0);
}

}  // namespace rlmm
