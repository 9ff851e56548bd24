// Which orders of the flow wait and which flicker, and what their cancels do.
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
