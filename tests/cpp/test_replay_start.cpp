// Where episodes of a replay market start and end, and what they need for it.
#include <algorithm>
#include <cmath>
#include <string>

#include "batch/environment.h"
#include "check.h"
#include "replay_episodes.h"

namespace rlmm {
namespace {

using replay_episodes::kKey;
using replay_episodes::kMs;
using replay_episodes::problem;
using replay_episodes::table_of;
using replay_tables::Table;
using Kind = EventKind;

}  // namespace

TEST("replay market: the end of the record truncates, the horizon may terminate") {
  EnvParams params = problem(table_of({{25, Kind::kAdd, 1, 97, 1}}));
  for (const auto& [n_steps, terminated] : {std::pair{2, true}, std::pair{3, true}, {9, false}}) {
    params.episode.n_steps = n_steps;
    params.replay().ranges = {{0, 25 * kMs}};
    const FeatureWriter writer(params);
    const ReplayModel model(params, writer);
    const EnvironmentModel environment_model(params);
    Environment<ReplayMarket> environment(environment_model, model);
    environment.reseed(kKey);
    environment.reset();
    StepEnd end;
    int steps = 0;
    for (; !end.terminated && !end.truncated; ++steps) {
      end = environment.step({}, ColumnRow(nullptr));
    }
    CHECK_EQ(steps, std::min(n_steps, 3));
    CHECK_EQ(end.terminated, terminated);
    CHECK_EQ(end.truncated, !terminated);
  }
}

TEST("replay market: starts are drawn from the ranges, each in proportion to its room") {
  Table table = table_of({});
  for (TimeNs ms = 1; ms <= 1000; ++ms) table.add({ms * kMs, Kind::kAdd, 1, 90, 1});
  EnvParams params = problem(table);                   // 40 ms
  params.replay().ranges = {{100 * kMs, 200 * kMs},    // 60 ms of starts
                            {500 * kMs, 540 * kMs},    // one start
                            {600 * kMs, 610 * kMs},    // one start, and cut short
                            {700 * kMs, 2000 * kMs}};  // 260 ms of starts, to the end of the record
  const ReplaySetting setting(params);
  ReplayBook book = setting.make();
  std::array<int, 4> counts{};
  for (std::uint64_t episode = 0; episode < 3200; ++episode) {
    setting.start(book, kKey, episode);
    const TimeNs origin = book.origin_ns();
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const RangeParams& range = params.replay().ranges[i];
      const TimeNs last = i == 3 ? 960 * kMs : std::max(range.start_ns, range.end_ns - 40 * kMs);
      if (origin >= range.start_ns && origin <= last) ++counts[i];
    }
  }
  CHECK_EQ(counts[0] + counts[3], 3200);  // a single nanosecond is never drawn
  CHECK_NEAR(counts[0], 600, 4 * std::sqrt(600 * 13.0 / 16.0));
  ReplayBook other = setting.make();
  setting.start(book, kKey, 5);
  setting.start(other, kKey, 5);
  CHECK_EQ(book.origin_ns(), other.origin_ns());
  setting.start(other, {73, 74}, 5);
  CHECK(book.origin_ns() != other.origin_ns());
}

TEST("replay market: without ranges no episode lies in the night") {
  constexpr TimeNs kSecond = 1000 * kMs;
  constexpr TimeNs kNight = 36'000 * kSecond;
  Table table = table_of({});
  for (const TimeNs day : {TimeNs{0}, kNight, 2 * kNight}) {
    for (TimeNs s = 1; s <= 1000; ++s) table.add({day + s * kSecond, Kind::kAdd, 1, 90, 1});
    table.add({day + 1900 * kSecond, Kind::kAdd, 1, 90, 1});  // no silence: a slow quarter
  }
  EnvParams params = problem(table);
  params.episode.step_ns = 2 * kSecond;
  const auto stretches = params.replay().tape->stretches();
  CHECK_EQ(stretches.size(), std::size_t{3});
  CHECK_EQ(stretches[1].first_ns, kNight + kSecond);
  CHECK_EQ(stretches[1].last_ns, kNight + 1900 * kSecond);
  const ReplaySetting setting(params);
  ReplayBook book = setting.make();
  std::array<int, 3> counts{};
  for (std::uint64_t episode = 0; episode < 600; ++episode) {
    setting.start(book, kKey, episode);
    const TimeNs of_day = book.origin_ns() % kNight;
    CHECK(of_day <= 1892 * kSecond);  // there is room for the horizon
    ++counts[static_cast<std::size_t>(book.origin_ns() / kNight)];
  }
  for (const int count : counts) CHECK_NEAR(count, 200, 60);
}

TEST("replay market: what it needs is checked") {
  EnvParams params = problem(table_of({{25, Kind::kAdd, 1, 97, 1}}));
  params.validate();
  CHECK(params.is_replay() && !params.is_book() && !params.is_analytic());
  const auto refuses = [&](auto change, const char* part) {
    EnvParams changed = params;
    change(changed);
    CHECK_THROWS(changed.validate(), std::invalid_argument, part);
  };
  refuses([](EnvParams& p) { p.replay().recording = ""; }, "market.recording: expected a file");
  refuses([](EnvParams& p) { p.replay().sha256 = "abc"; }, "market.sha256: expected 64 hex");
  refuses([](EnvParams& p) { p.replay().sha256 = std::string(64, 'x'); }, "market.sha256");
  refuses([](EnvParams& p) { p.replay().ranges = {{5, 5}}; }, "market.ranges[0].end_ns");
  refuses([](EnvParams& p) { p.replay().ranges = {{INT64_MIN, 5}}; }, "market.ranges[0].start_ns");
  refuses([](EnvParams& p) { p.replay().ranges.resize(4097, {0, 1}); }, "at most 4096");
  refuses([](EnvParams& p) { p.replay().queue.power = -1.0; }, "market.queue.power");
  refuses([](EnvParams& p) { p.replay().queue.scale_lots = 0.0; }, "market.queue.scale_lots");
  refuses([](EnvParams& p) { p.replay().typical.touch_lots = 0.0; }, "market.typical.touch_lots");
  EnvParams good = params;
  good.replay().sha256 = std::string(64, 'a');
  good.validate();
  CHECK(good.fingerprint() != params.fingerprint());
  good = params;
  good.replay().ranges = {{0, 5}};
  const std::uint64_t ranged = good.fingerprint();
  CHECK(ranged != params.fingerprint());
  good.replay().ranges = {{0, 6}};
  CHECK(ranged != good.fingerprint());
  good = params;
  good.replay().tape_checksum ^= 1;
  CHECK(good.fingerprint() != params.fingerprint());
  good = params;
  good.replay().tape.reset();
  CHECK_THROWS(ReplaySetting(good), std::invalid_argument, "market.recording: expected it to be");
  good = params;
  good.replay().ranges = {{26 * kMs, 30 * kMs}};
  CHECK_THROWS(ReplaySetting(good), std::invalid_argument,
               "market.ranges[0]: expected a part of the recording (0 to 25000000 ns)");
  params.observation.features = {"regime"};
  CHECK_THROWS(FeatureWriter(params), std::invalid_argument, "got regime");
}

TEST("replay market: a state of another place is refused") {
  EnvParams params = problem(table_of({{25, Kind::kAdd, 1, 97, 1}}));
  const FeatureWriter writer(params);
  const ReplayModel model(params, writer);
  ReplayMarket market(model);
  market.reset(kKey, 0);
  ReplayBook book = model.setting.make();
  model.setting.start(book, kKey, 0);
  Writer out;
  book.save(out);
  std::string bytes = out.bytes();
  bytes[8] = 100;  // where it ends
  Reader in(bytes);
  CHECK_THROWS(book.load(in), std::invalid_argument, "state: expected a place in the recording");
  RecordedBook recorded(4);
  CHECK_THROWS(recorded.take(Side::kBid, 100, 1), std::invalid_argument, "state: expected to have");
  recorded.apply({0, 100, 5, 0, TapeOp::kAdd, Side::kBid, 0, 0}, 0);
  CHECK_THROWS(recorded.take(Side::kBid, 100, 6), std::invalid_argument, "state: expected to have");
  CHECK_THROWS(recorded.take(Side::kBid, 100, 1, 9), std::invalid_argument, "state: expected");
  CHECK_THROWS(recorded.take(Side::kBid, 100, 1, 1), std::invalid_argument, "state: expected");
}

}  // namespace rlmm
