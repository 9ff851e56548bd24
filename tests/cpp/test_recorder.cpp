// A recording against the market that a batch would show while its agent sends nothing.
#include <vector>

#include "book_problems.h"
#include "book_replay.h"
#include "check.h"
#include "market/book_market.h"
#include "market/recorder.h"

namespace rlmm {
namespace {

using book_problems::World;

constexpr SeedKey kKey{71, 72};
constexpr TimeNs kS = 1'000'000'000;
constexpr std::uint64_t kEpisode = 3;

// Something of every sort happens to the flow: at once, while it runs, and at the end of a step.
EnvParams shocked_problem() {
  EnvParams params = book_problems::problem(book_problems::full_model());
  params.episode.n_steps = 20;
  params.episode.step_ns = kS;
  params.book().shocks = {{ShockKind::kRegime, 0, 5 * kS, 1.0, {}},
                          {ShockKind::kIntensity, 2 * kS + 1, 3 * kS, 2.5, {}},
                          {ShockKind::kPriceJump, 7 * kS, 0, 4.0, {}},
                          {ShockKind::kDrift, 9 * kS + kS / 3, 2 * kS, 1.5, {}},
                          {ShockKind::kHalt, 12 * kS + kS / 2, kS / 4, 1.0, {}}};
  return params;
}

bool opens(const BookEvent& event) {
  return event.kind == EventKind::kClear || event.kind == EventKind::kSnapshot;
}

bool same(const BookEvent& a, const BookEvent& b) {
  return a.ts_ns == b.ts_ns && a.price_ticks == b.price_ticks && a.lots == b.lots &&
         a.order_id == b.order_id && a.kind == b.kind && a.side == b.side && a.flags == b.flags;
}

// The episode with an agent who sends nothing, and what happens in it after its start.
struct SilentEpisode {
  explicit SilentEpisode(const EnvParams& params) : world(params), market(world.model) {
    market.reset(kKey, kEpisode);
    market.record(&log);
  }
  void step() { market.step({{0, 0}, {0, 0}}); }

  World world;
  BookMarket market;
  EventLog log;
};

void check_recorded(const EnvParams& params) {
  SilentEpisode silent(params);
  Recorder recorder(params.book(), kKey, kEpisode, 0);
  EventLog log;
  recorder.run(0, log);
  BookReplay replay;
  replay.apply(log.events());
  replay.check_same(silent.market.flow_book().book());
  for (const BookEvent& event : log.events()) CHECK(opens(event));
  for (std::int64_t n = 1; n <= params.episode.n_steps; ++n) {
    silent.step();
    log.clear();
    recorder.run(n * params.episode.step_ns, log);
    CHECK_EQ(log.events().size(), silent.log.events().size());
    CHECK(std::ranges::equal(log.events(), silent.log.events(), same));
    CHECK(log.depth().empty());
    replay.apply(log.events());
    replay.check_same(silent.market.flow_book().book());
    silent.log.clear();
  }
  CHECK(replay.trades() > 0);
}

}  // namespace

TEST("recorder: writes down the episode of an agent who sends nothing") {
  EnvParams calm = shocked_problem();
  calm.book().shocks.clear();
  check_recorded(calm);
  check_recorded(shocked_problem());
  calm.book().mirrored = true;
  check_recorded(calm);
}

TEST("recorder: levels are those of the rebuilt book, row by row") {
  constexpr std::size_t kLevels = 3;
  Recorder recorder(shocked_problem().book(), kKey, kEpisode, kLevels);
  EventLog log;
  recorder.run(10 * kS, log);
  CHECK_EQ(log.levels(), kLevels);
  CHECK_EQ(log.depth().size(), 4 * kLevels * log.events().size());
  BookReplay replay;
  std::size_t row = 0;
  for (const BookEvent& event : log.events()) {
    replay.apply(std::vector{event});
    const auto at = log.depth().begin() + static_cast<std::ptrdiff_t>(4 * kLevels * row++);
    if (opens(event)) continue;  // the book was whole before it
    CHECK_EQ(std::vector<std::int64_t>(at, at + 4 * kLevels), replay.depth(kLevels));
  }
  CHECK(row > 100);
}

TEST("recorder: counting goes on as running does, and writes nothing down") {
  const EnvParams params = shocked_problem();
  SilentEpisode silent(params);
  Recorder recorder(params.book(), kKey, kEpisode, 0);
  std::int64_t events = 0;
  for (int n = 1; n <= 10; ++n) {
    silent.step();
    std::array<double, kColumnCount> columns{};
    ColumnRow row(columns.data());
    silent.market.write_columns(row);
    events = static_cast<std::int64_t>(columns[static_cast<std::size_t>(Column::kEvents)]);
    CHECK_EQ(recorder.count(n * kS), events);
  }
  CHECK(events > 0);
  EventLog log;
  recorder.run(10 * kS, log);  // its first run: what is there now
  for (const BookEvent& event : log.events()) {
    CHECK(opens(event));
    CHECK_EQ(event.ts_ns, 10 * kS);
  }
  BookReplay replay;
  replay.apply(log.events());
  replay.check_same(silent.market.flow_book().book());
}

}  // namespace rlmm
