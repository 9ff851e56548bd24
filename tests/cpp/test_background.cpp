// Regimes, the time of day and the efficient price.
#include <array>
#include <cmath>

#include "book_problems.h"
#include "check.h"
#include "flow/background.h"
#include "statistics.h"

namespace rlmm {
namespace {

constexpr SeedKey kKey{41, 42};
constexpr TimeNs kS = 1'000'000'000;

MarketModel two_regimes() {
  MarketModel model = book_problems::bare_model();
  model.switch_rates_hz = {{0.0, 0.5}, {2.0, 0.0}};
  model.initial_regime_probabilities = {0.25, 0.75};
  for (std::size_t g = 0; g < kGroups; ++g) {
    model.groups[g].regime_factor = {1.0, 2.0 + static_cast<double>(g)};
  }
  return model;
}

}  // namespace

TEST("background: nothing ever changes in a plain model") {
  const FlowModel model(book_problems::bare_model());
  Background background(model, false);
  background.start(kKey, 0, -5 * kS, 0, 0.0);
  CHECK_EQ(background.next_ns(), Background::kNever);
  for (std::size_t g = 0; g < kGroups; ++g) CHECK_EQ(background.factor()[g], 1.0F);
  CHECK(!background.held_regime());
}

TEST("background: regimes last and follow as their rates say") {
  const FlowModel model(two_regimes());
  Background background(model, false);
  std::array<Sample, 2> stays;
  std::int64_t in_second = 0;
  constexpr int kEpisodes = 2000;
  for (int episode = 0; episode < kEpisodes; ++episode) {
    background.start(kKey, static_cast<std::uint64_t>(episode), 0, 0, 0.0);
    in_second += static_cast<std::int64_t>(background.regime());
    TimeNs now = 0;
    for (int n = 0; n < 10; ++n) {
      const std::size_t regime = background.regime();
      CHECK_EQ(background.factor()[2], regime == 0 ? 1.0F : 4.0F);
      const TimeNs next = background.next_ns();
      stays[regime].add(static_cast<double>(next - now) / kNsPerS);
      background.reach(next);
      CHECK_EQ(background.regime(), 1 - regime);
      now = next;
    }
  }
  CHECK_FREQUENCY(in_second, kEpisodes, 0.75);
  CHECK_NEAR(stays[0].mean(), 2.0, kSigmas * stays[0].mean_error());
  CHECK_NEAR(stays[1].mean(), 0.5, kSigmas * stays[1].mean_error());
  CHECK_NEAR(stays[0].variance(), 4.0, kSigmas * stays[0].variance_error());
}

TEST("background: a regime of several exits takes them by their rates") {
  MarketModel params = book_problems::bare_model();
  params.switch_rates_hz = {{0.0, 1.0, 3.0}, {1e-30, 0.0, 0.0}, {0.0, 0.0, 0.0}};
  params.initial_regime_probabilities = {1.0, 0.0, 0.0};
  const FlowModel model(params);
  Background background(model, false);
  std::int64_t last = 0;
  constexpr int kTrials = 4000;
  for (int n = 0; n < kTrials; ++n) {
    background.start(kKey, static_cast<std::uint64_t>(n), 0, 0, 0.0);
    background.reach(background.next_ns());
    last += background.regime() == 2 ? 1 : 0;
    CHECK_EQ(background.next_ns(), Background::kNever);  // no exit, or none in an episode's time
  }
  CHECK_FREQUENCY(last, kTrials, 0.75);
}

TEST("background: a held regime stays until it is released") {
  const FlowModel model(two_regimes());
  Background background(model, false);
  background.start(kKey, 1, 0, 0, 0.0);
  background.hold_regime(1, 3 * kS);
  CHECK_EQ(background.regime(), std::size_t{1});
  CHECK(background.held_regime() == std::optional<std::size_t>(1));
  CHECK_EQ(background.factor()[5], 7.0F);
  CHECK_EQ(background.next_ns(), Background::kNever);
  background.hold_regime(0, 4 * kS);
  CHECK_EQ(background.factor()[5], 1.0F);
  background.hold_regime(std::nullopt, 5 * kS);
  CHECK(!background.held_regime());
  CHECK_EQ(background.regime(), std::size_t{0});
  const TimeNs next = background.next_ns();
  CHECK(next > 5 * kS && next < 100 * kS);
  background.reach(next);
  CHECK_EQ(background.regime(), std::size_t{1});
}

TEST("background: the season changes at its edges, the last bin stays") {
  MarketModel params = book_problems::bare_model();
  params.season_bin_s = 10.0;
  params.groups[2].season_factor = {1.0, 2.0, 3.0};
  params.groups[3].season_factor = {4.0, 5.0, 6.0};
  const FlowModel model(params);
  Background background(model, false);
  background.start(kKey, 0, -20 * kS, 5 * kS, 0.0);  // from before midnight
  CHECK_EQ(background.factor()[2], 1.0F);
  CHECK_EQ(background.next_ns(), 5 * kS);
  background.reach(5 * kS - 1);
  CHECK_EQ(background.factor()[3], 4.0F);
  background.reach(5 * kS);
  CHECK_EQ(background.factor()[2], 2.0F);
  CHECK_EQ(background.factor()[3], 5.0F);
  CHECK_EQ(background.factor()[0], 1.0F);
  CHECK_EQ(background.next_ns(), 15 * kS);
  background.reach(15 * kS);
  CHECK_EQ(background.factor()[2], 3.0F);
  CHECK_EQ(background.next_ns(), Background::kNever);
  background.reach(1000 * kS);
  CHECK_EQ(background.factor()[2], 3.0F);
}

TEST("background: the efficient price walks by its volatility, its regime and its drift") {
  MarketModel params = two_regimes();
  params.regime_volatility_factor = {1.0, 3.0};
  params.informed.volatility_ticks = 2.0;
  params.informed.interval_ns = kS / 4;
  const FlowModel model(params);
  Background background(model, false);
  for (const std::size_t regime : {0U, 1U}) {
    background.start(kKey, 9, 0, 0, 7.0);
    background.hold_regime(regime, 0);
    background.set_drift(0.8);
    Sample moves;
    for (int n = 1; n <= 20'000; ++n) {
      const double before = background.price_ticks();
      CHECK_EQ(background.next_ns(), n * (kS / 4));
      background.reach(background.next_ns());
      moves.add(background.price_ticks() - before);
    }
    const double factor = regime == 0 ? 1.0 : 9.0;
    CHECK_NEAR(moves.mean(), 0.2, kSigmas * moves.mean_error());
    CHECK_NEAR(moves.variance(), factor, kSigmas * moves.variance_error());
  }
}

TEST("background: mirrored, the efficient price walks the other way") {
  MarketModel params = book_problems::bare_model();
  params.informed.volatility_ticks = 2.0;
  const FlowModel model(params);
  Background one(model, false);
  Background other(model, true);
  for (Background* each : {&one, &other}) {
    each->start(kKey, 3, 0, 0, 0.0);
    each->set_drift(0.1);
    each->shift_price(2.0);
    for (int n = 0; n < 50; ++n) each->reach(each->next_ns());
  }
  CHECK(one.price_ticks() != 0.0);
  CHECK_EQ(one.price_ticks(), -other.price_ticks());
}

TEST("background: goes on from a saved state, and refuses a broken one") {
  MarketModel params = two_regimes();
  params.informed.volatility_ticks = 2.0;
  const FlowModel model(params);
  Background background(model, false);
  background.start(kKey, 4, 0, 0, 0.0);
  for (int n = 0; n < 30; ++n) background.reach(background.next_ns());
  Writer out;
  background.save(out);
  Background resumed(model, false);
  Reader in(out.bytes());
  resumed.load(in);
  CHECK_EQ(in.left(), std::size_t{0});
  for (int n = 0; n < 30; ++n) {
    CHECK_EQ(background.next_ns(), resumed.next_ns());
    background.reach(background.next_ns());
    resumed.reach(resumed.next_ns());
    CHECK_EQ(background.price_ticks(), resumed.price_ticks());
    CHECK_EQ(background.regime(), resumed.regime());
  }
  std::string bytes = out.bytes();
  bytes[0] = 2;  // a regime the model does not have
  Reader broken(bytes);
  CHECK_THROWS(resumed.load(broken), std::invalid_argument, "a regime of the model");
}

}  // namespace rlmm
