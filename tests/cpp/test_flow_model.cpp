// A model made ready to be drawn from: bins, factors, kernels.
#include "book_problems.h"
#include "check.h"
#include "flow/flow_model.h"

namespace rlmm {
namespace {}  // namespace

TEST("flow model: tick bins by their lower edges") {
  const TickBins bins({1, 2, 5, 9});
  const std::size_t expected[] = {0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3};
  for (Ticks ticks = 0; ticks <= 10; ++ticks) CHECK_EQ(bins.at(ticks), expected[ticks]);
  CHECK_EQ(bins.at(1'000'000), std::size_t{3});
  CHECK_EQ(TickBins({1}).at(7), std::size_t{0});
}

TEST("flow model: a tie of the imbalance belongs to the bin nearer to 0") {
  MarketModel params = book_problems::bare_model();
  params.imbalance_bin_edges = {-0.5, 0.5};
  const FlowModel model(params);
  CHECK_EQ(model.imbalance_bin(1, 3), std::size_t{1});  // exactly -0.5
  CHECK_EQ(model.imbalance_bin(3, 1), std::size_t{1});  // exactly 0.5
  CHECK_EQ(model.imbalance_bin(10, 31), std::size_t{0});
  CHECK_EQ(model.imbalance_bin(31, 10), std::size_t{2});
  CHECK_EQ(model.imbalance_bin(0, 5), std::size_t{0});
  CHECK_EQ(model.imbalance_bin(5, 0), std::size_t{2});
  CHECK_EQ(model.imbalance_bin(0, 0), std::size_t{1});
  for (Lots few = 0; few < 12; ++few) {
    for (Lots many = few; many < 12; ++many) {
      CHECK_EQ(model.imbalance_bin(few, many) + model.imbalance_bin(many, few), std::size_t{2});
    }
  }
}

TEST("flow model: factors lie by spread bin and imbalance bin, 1 where there are none") {
  MarketModel params = book_problems::bare_model();
  params.imbalance_bin_edges = {0.1};
  params.groups[3].state_factor = {1.0, 2.0, 3.0, 4.0};
  params.groups[1].regime_factor = {0.5, 0.25};
  params.groups[2].season_factor = {3.0, 4.0, 5.0};
  params.switch_rates_hz = {{0.0, 1.0}, {1.0, 0.0}};
  const FlowModel model(params);
  CHECK_EQ(model.state_factor(0, 1)[3], 2.0F);
  CHECK_EQ(model.state_factor(1, 0)[3], 3.0F);
  CHECK_EQ(model.state_factor(1, 1)[0], 1.0F);
  CHECK_EQ(model.regime_factors.size(), std::size_t{2});
  CHECK_EQ(model.regime_factors[1][1], 0.25F);
  CHECK_EQ(model.season_factors.size(), std::size_t{3});
  CHECK_EQ(model.season_factors[2][2], 5.0F);
  CHECK_EQ(model.season_factors[2][0], 1.0F);
}

TEST("flow model: the gap behind a queue has factors by its ticks") {
  MarketModel params = book_problems::bare_model();
  const FlowModel none(params);
  CHECK(!none.uses_hit_gap());
  CHECK_EQ(none.hit_gap_factor(100), 1.0F);
  params.hit_gap_bin_ticks = {1, 3};
  params.hit_gap_factor = {0.5, 2.0};
  const FlowModel model(params);
  CHECK(model.uses_hit_gap());
  CHECK_EQ(model.hit_gap_factor(2), 0.5F);
  CHECK_EQ(model.hit_gap_factor(3), 2.0F);
}

TEST("flow model: what an event adds is its norm times the decay") {
  MarketModel params = book_problems::bare_model();
  params.decays_hz = {100.0, 10.0, 5.0, 2.0, 0.5};
  for (std::size_t i = 0; i < 5 * kGroups * kGroups; ++i) {
    params.excitation.push_back(1e-4 * static_cast<double>(i));
  }
  const FlowModel model(params);
  for (std::size_t p = 0; p < 5; ++p) {
    for (std::size_t target = 0; target < kGroups; ++target) {
      for (std::size_t source = 0; source < kGroups; ++source) {
        const double norm = 1e-4 * static_cast<double>((p * kGroups + target) * kGroups + source);
        CHECK_NEAR(model.kicks[source][target][1 + p], norm * params.decays_hz[p], 1e-6);
      }
    }
  }
  CHECK_EQ(model.decay_hz[0], 0.0F);  // the baseline's clock
  CHECK_EQ(model.decay_hz[5], 0.5F);
  CHECK_EQ(model.decay_s[5], 2.0F);
  CHECK_EQ(model.decay_s[6], 0.0F);
}

TEST("flow model: slow kernels of market orders keep their sum and lose of their difference") {
  MarketModel params = book_problems::bare_model();
  params.decays_hz = {10.0, 0.5};
  params.excitation.assign(2 * kGroups * kGroups, 0.01);
  for (const std::size_t p : {0U, 1U}) {
    params.excitation[p * 36 + 0] = 0.4;  // sells after sells
    params.excitation[p * 36 + 1] = 0.1;  // sells after buys
  }
  params.informed.slow_below_hz = 1.0;
  params.informed.sign_shrink = 0.25;
  const FlowModel model(params);
  CHECK_NEAR(model.kicks[0][0][1], 4.0, 1e-6);  // the fast one is as given
  CHECK_NEAR(model.kicks[1][0][1], 1.0, 1e-6);
  const double same = 0.25 + 0.15 * 0.25;
  CHECK_NEAR(model.kicks[0][0][2], 0.5 * same, 1e-6);
  CHECK_NEAR(model.kicks[1][0][2], 0.5 * (0.5 - same), 1e-6);
  CHECK_NEAR(model.kicks[2][0][2], 0.5 * 0.01, 1e-7);
}

TEST("flow model: marks and places") {
  const FlowModel model(book_problems::bare_model());
  CHECK_EQ(model.marks[0].improving_share, 0.0F);
  CHECK(model.marks[0].improving.empty());
  CHECK_NEAR(model.marks[1].improving_share, 0.8, 1e-6);
  CHECK(&model.place(-2) == &model.improving());
  CHECK(&model.place(0) == &model.joining());
  CHECK(&model.place(3) == &model.deeper());
  CHECK_EQ(model.depth_ticks, 8);
  MarketModel all = book_problems::bare_model();
  all.limit_marks[1] = {{1.0}, {1e-12, 0, 0, 0, 0, 0, 0, 0}};
  CHECK(FlowModel(all).marks[1].resting.empty());
}

}  // namespace rlmm
