// What shocks come to at one time, and when that changes.
#include "check.h"
#include "market/book_market_step.h"
#include "market/scenario.h"

namespace rlmm {
namespace {

ShockParams shock(ShockKind kind, TimeNs start, TimeNs duration, double value) {
  return {kind, start, duration, value, {}};
}

}  // namespace

TEST("scenario: without shocks nothing ever changes") {
  const Scenario scenario({});
  CHECK(scenario.empty());
  CHECK_EQ(scenario.next_change_ns(0), Scenario::kNever);
  const Shocked now = scenario.at(5);
  CHECK_EQ(now.latency, 1.0);
  CHECK_EQ(now.fees, 1.0);
  CHECK(!now.regime && !now.halt && !now.outage);
  CHECK_EQ(scenario.at(0).jump_ticks, 0);
}

TEST("scenario: each kind changes its own thing") {
  const Scenario scenario(
      {shock(ShockKind::kRegime, 0, 10, 2.0), shock(ShockKind::kIntensity, 0, 10, 3.0),
       shock(ShockKind::kLimitSizes, 0, 10, 0.5), shock(ShockKind::kMarketSizes, 0, 10, 4.0),
       shock(ShockKind::kLatency, 0, 10, 7.0), shock(ShockKind::kFees, 0, 10, 0.0),
       shock(ShockKind::kFeedOutage, 0, 10, 1.0), shock(ShockKind::kDrift, 0, 10, -2.5)});
  CHECK(!scenario.empty());
  const Shocked now = scenario.at(9);
  CHECK(now.regime == std::optional<std::size_t>(2));
  for (const double factor : now.bend.baseline) CHECK_EQ(factor, 3.0);
  CHECK_EQ(now.bend.limit_sizes, 0.5);
  CHECK_EQ(now.bend.market_sizes, 4.0);
  CHECK_EQ(now.latency, 7.0);
  CHECK_EQ(now.fees, 0.0);
  CHECK(now.outage);
  CHECK(!now.halt);
  CHECK_EQ(now.bend.halted, std::uint64_t{0});
  CHECK_EQ(now.drift_ticks_per_s, -2.5);
  const Shocked after = scenario.at(10);  // the end is not part of it
  CHECK(!after.regime && !after.outage);
  for (const double factor : after.bend.baseline) CHECK_EQ(factor, 1.0);
  CHECK_EQ(after.bend.limit_sizes, 1.0);
  CHECK_EQ(after.bend.market_sizes, 1.0);
  CHECK_EQ(after.latency, 1.0);
  CHECK_EQ(after.fees, 1.0);
  CHECK_EQ(after.drift_ticks_per_s, 0.0);
}

TEST("scenario: intensities by group, and a halt") {
  ShockParams by_group = shock(ShockKind::kIntensity, 5, 10, 9.0);
  by_group.by_group = {0.0, 1.0, 2.0, 3.0, 4.0, 5.0};
  const Scenario scenario({by_group, shock(ShockKind::kHalt, 8, 2, 1.0)});
  for (std::size_t g = 0; g < kGroups; ++g) {
    CHECK_EQ(scenario.at(5).bend.baseline[g], static_cast<double>(g));
  }
  CHECK(!scenario.at(7).halt);
  CHECK(scenario.at(8).halt);
  CHECK_EQ(scenario.at(9).bend.halted, std::uint64_t{1});
  CHECK(!scenario.at(10).halt);
}

TEST("scenario: what acts together multiplies or adds") {
  const Scenario scenario(
      {shock(ShockKind::kLatency, 0, 10, 2.0), shock(ShockKind::kLatency, 5, 10, 3.0),
       shock(ShockKind::kIntensity, 0, 10, 2.0), shock(ShockKind::kIntensity, 5, 10, 0.25),
       shock(ShockKind::kDrift, 0, 10, 1.0), shock(ShockKind::kDrift, 5, 10, 2.0)});
  CHECK_EQ(scenario.at(4).latency, 2.0);
  CHECK_EQ(scenario.at(5).latency, 6.0);
  CHECK_EQ(scenario.at(5).bend.baseline[3], 0.5);
  CHECK_EQ(scenario.at(9).drift_ticks_per_s, 3.0);
  CHECK_EQ(scenario.at(10).latency, 3.0);
  CHECK_EQ(scenario.at(15).latency, 1.0);
}

TEST("scenario: changes at every start and every end") {
  const Scenario scenario({shock(ShockKind::kLatency, 10, 20, 2.0),
                           shock(ShockKind::kFees, 15, 5, 2.0),
                           shock(ShockKind::kPriceJump, 25, 0, 4.0)});
  const TimeNs expected[] = {10, 15, 20, 25, 30};
  TimeNs now = 0;
  for (const TimeNs change : expected) {
    CHECK_EQ(scenario.next_change_ns(now), change);
    CHECK_EQ(scenario.next_change_ns(change - 1), change);
    now = change;
  }
  CHECK_EQ(scenario.next_change_ns(now), Scenario::kNever);
}

TEST("scenario: a price jumps at its time alone") {
  const Scenario scenario({shock(ShockKind::kPriceJump, 25, 0, 4.0),
                           shock(ShockKind::kPriceJump, 30, 0, -12.0),
                           shock(ShockKind::kFees, 25, 5, 2.0)});
  CHECK_EQ(scenario.at(24).jump_ticks, 0);
  CHECK_EQ(scenario.at(25).jump_ticks, 4);
  CHECK_EQ(scenario.at(26).jump_ticks, 0);
  CHECK_EQ(scenario.at(30).jump_ticks, -12);
  CHECK(!scenario.at(25).halt);
}

TEST("scenario: dearer fees leave rebates as they are") {
  const FeeParams dear = detail::scaled({-0.2, 0.5, 0.1, -0.3}, 10.0);
  CHECK_EQ(dear.maker_bps, -0.2);
  CHECK_EQ(dear.taker_bps, 5.0);
  CHECK_EQ(dear.maker_ticks_per_lot, 1.0);
  CHECK_EQ(dear.taker_ticks_per_lot, -0.3);
}

}  // namespace rlmm
