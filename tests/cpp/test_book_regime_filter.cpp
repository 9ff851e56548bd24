// The probability of each regime of a book market given the orders seen so far.
#include <cmath>
#include <vector>

#include "book_problems.h"
#include "check.h"
#include "flow_books.h"
#include "market/book_market.h"
#include "market/regime_filter.h"
#include "statistics.h"

namespace rlmm {
namespace {

using flow_books::kKey;
using flow_books::kS;

// Two regimes; the second has more of the orders that a filter sees.
MarketModel two_regimes(double market_factor, double limit_factor) {
  MarketModel model = book_problems::full_model();
  model.informed = InformedFlowParams{};
  model.switch_rates_hz = {{0.0, 0.2}, {0.3, 0.0}};
  model.initial_regime_probabilities = {0.6, 0.4};
  for (std::size_t g = 0; g < kGroups; ++g) {
    model.groups[g].regime_factor = {1.0, g < 2 ? market_factor : g < 4 ? limit_factor : 1.0};
  }
  return model;
}

EnvParams filtered(const MarketModel& model, TimeNs step_ns) {
  EnvParams params = book_problems::problem(model);
  params.book().regime_observed = false;
  params.observation.features = {"regime_probability"};
  params.episode.step_ns = step_ns;
  params.episode.n_steps = 1'000'000;
  return params;
}

struct Watched : book_problems::World {
  explicit Watched(const EnvParams& given) : World(given), market(model) { market.reset(kKey, 0); }
  double probability(std::size_t regime) const {
    return market.view().at(BookView::slot(Feature::kRegimeProbability, regime));
  }
  BookMarket market;
};

const Quotes kNone{};

// How often the second regime held when the filter said about so, by tenths.
struct Calibration {
  void run(Watched& world, int steps) {
    for (int i = 0; i < steps; ++i) {
      world.market.step(kNone);
      const double p = world.probability(1);
      CHECK_NEAR(world.probability(0) + p, 1.0, 1e-12);
      const std::size_t bin = std::min<std::size_t>(9, static_cast<std::size_t>(10.0 * p));
      const bool held = world.market.regime() == 1;
      said[bin] += p;
      holds[bin] += held ? 1.0 : 0.0;
      count[bin] += 1.0;
      right += held ? p : 1.0 - p;
    }
  }
  std::vector<double> said = std::vector<double>(10), holds = said, count = said;
  double right = 0.0;
};

}  // namespace

TEST("book regime filter: Bayes by hand where regimes never switch") {
  MarketModel model = two_regimes(3.0, 0.5);
  model.switch_rates_hz = {{0.0, 0.0}, {0.0, 0.0}};
  BookMarketParams params;
  params.model = model;
  const RegimeFilterModel filter_model(params, 0.5);
  RegimeFilter filter(filter_model);
  CHECK_NEAR(filter.probabilities()[1], 0.4, 1e-15);
  for (int i = 0; i < 3; ++i) filter.count(Group::kMarketSell);
  filter.count(Group::kMarketBuy);
  filter.count(Group::kLimitAsk);
  for (int i = 0; i < 9; ++i) filter.count(Group::kCancelBid);  // says nothing
  filter.update({1.0, 2.0, 4.0, 3.0});
  const double odds = 0.4 / 0.6 * std::pow(3.0, 4) * 0.5 * std::exp(-2.0 * 3.0 + 0.5 * 7.0);
  CHECK_NEAR(filter.probabilities()[1], odds / (1.0 + odds), 1e-12);
  filter.update({});  // nothing was to be expected, and nothing came
  CHECK_NEAR(filter.probabilities()[1], odds / (1.0 + odds), 1e-12);
}

// From rates 0.2 in and 0.3 out: p1(t) = 0.4 + (p1(0) - 0.4) exp(-0.5 t), warm-up included.
TEST("book regime filter: without orders the probabilities follow the chain alone") {
  BookMarketParams params;
  params.model = two_regimes(3.0, 3.0);
  params.model.initial_regime_probabilities = {1.0, 0.0};
  params.warmup_ns = 2 * kS;
  const RegimeFilterModel filter_model(params, 0.25);
  RegimeFilter filter(filter_model);
  for (int i = 0; i < 20; ++i) {
    const double t = 2.0 + 0.25 * i;
    CHECK_NEAR(filter.probabilities()[1], 0.4 * (1.0 - std::exp(-0.5 * t)), 1e-12);
    filter.update({});
  }
}

TEST("book regime filter: an order that a regime cannot send rules it out") {
  BookMarketParams params;
  params.model = two_regimes(0.0, 1.0);
  params.model.switch_rates_hz = {{0.0, 0.0}, {0.0, 0.0}};
  const RegimeFilterModel filter_model(params, 0.5);
  RegimeFilter filter(filter_model);
  filter.count(Group::kMarketBuy);
  filter.update({1.0, 1.0, 1.0, 1.0});
  CHECK_NEAR(filter.probabilities()[1], 0.0, 1e-200);
}

// What is to be expected is the compensator: with one regime of factor 1 and no hidden price, the
// orders less what was expected of them have mean 0 and their number as variance.
TEST("book regime filter: as many orders come as are to be expected") {
  MarketModel model = book_problems::full_model();
  model.informed = InformedFlowParams{};
  model.switch_rates_hz = {{0.0}};
  model.initial_regime_probabilities = {1.0};
  model.regime_volatility_factor = {};
  for (GroupParams& group : model.groups) group.regime_factor = {1.0};
  flow_books::World world(model);
  world.market.expect_orders(true);
  std::array<double, kGroups> counts{};
  for (int i = 0; i < 200'000; ++i) {
    world.market.advance(100'000 * kS);
    counts[lane(world.market.happened().group)] += 1.0;
  }
  const FlowBook::Expected expected = world.market.take_expected();
  for (std::size_t g = 0; g < expected.size(); ++g) {
    CHECK(counts[g] > 1000.0);
    CHECK_NEAR(counts[g], expected[g], kSigmas * std::sqrt(expected[g]));
  }
  for (const double next : world.market.take_expected()) CHECK_EQ(next, 0.0);
}

TEST("book regime filter: expects nothing in a halt, and knows of no shock") {
  MarketModel model = flow_books::only(flow_books::still_model(4), Group::kLimitBid, 2.0);
  flow_books::World world(model);
  world.market.expect_orders(true);
  FlowBook::Bend bend;
  bend.baseline = {1.0, 1.0, 50.0, 1.0, 1.0, 1.0};
  world.market.bend(bend);
  while (world.market.advance(3 * kS)) {
  }
  CHECK_NEAR(world.market.take_expected()[2], 6.0, 1e-4);
  bend.halted = 1;
  world.market.bend(bend);
  CHECK(!world.market.advance(9 * kS));
  CHECK_EQ(world.market.take_expected()[2], 0.0);
}

TEST("book regime filter: tells regimes of very different rates apart") {
  MarketModel model = two_regimes(8.0, 5.0);
  model.decays_hz = {};  // so many orders begetting others would run away
  model.excitation = {};
  model.switch_rates_hz = {{0.0, 0.02}, {0.03, 0.0}};
  Watched world(filtered(model, kS / 4));
  Calibration calibration;
  calibration.run(world, 20'000);
  CHECK(calibration.right / 20'000 > 0.95);
}

// Moments are dependent (the chain forgets in 2 s, 20 steps), hence the wide band.
TEST("book regime filter: says 30 % when it is 30 %") {
  Watched world(filtered(two_regimes(1.6, 1.4), kS / 10));
  Calibration calibration;
  calibration.run(world, 200'000);
  int compared = 0;
  for (std::size_t bin = 0; bin < 10; ++bin) {
    const double n = calibration.count[bin];
    if (n < 2000.0) continue;
    const double p = calibration.said[bin] / n;
    CHECK_NEAR(calibration.holds[bin] / n, p, kSigmas * frequency_error(p, n / 20.0));
    ++compared;
  }
  CHECK(compared >= 7);
}

TEST("book regime filter: the future changes nothing that was said") {
  EnvParams params = filtered(two_regimes(3.0, 2.0), kS / 4);
  Watched plain(params);
  params.book().shocks = {{ShockKind::kIntensity, 10 * kS, 5 * kS, 4.0, {}},
                          {ShockKind::kRegime, 10 * kS, 5 * kS, 1.0, {}}};
  Watched shocked(params);
  for (int i = 0; i < 40; ++i) {
    CHECK_EQ(plain.probability(1), shocked.probability(1));
    plain.market.step(kNone);
    shocked.market.step(kNone);
  }
  for (int i = 0; i < 8; ++i) shocked.market.step(kNone);
  CHECK(shocked.probability(1) > 0.9);
}

TEST("book regime filter: while the feed is out it shows what it said before") {
  EnvParams params = filtered(two_regimes(3.0, 2.0), kS / 4);
  params.book().shocks = {{ShockKind::kFeedOutage, kS, kS, 1.0, {}}};
  Watched world(params);
  std::vector<double> said;
  for (int i = 0; i < 12; ++i) {
    world.market.step(kNone);
    said.push_back(world.probability(1));
  }
  CHECK(said[1] != said[2]);
  for (std::size_t i = 3; i < 7; ++i) CHECK_EQ(said[i], said[2]);
  CHECK(said[7] != said[6]);
}

TEST("book regime filter: refuses what is no law of the regimes") {
  BookMarketParams params;
  params.model = two_regimes(3.0, 2.0);
  const RegimeFilterModel filter_model(params, 0.5);
  RegimeFilter filter(filter_model);
  for (const std::vector<double>& broken : {std::vector<double>{1.0}, {0.5, std::nan("")}}) {
    Writer out;
    out.put_vector(broken);
    Reader in(out.bytes());
    CHECK_THROWS(filter.load(in), std::invalid_argument, "expected a probability of each regime");
  }
}

}  // namespace rlmm
