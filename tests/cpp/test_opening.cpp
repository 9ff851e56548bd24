// Simulations that go on from a given book and past.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "book_problems.h"
#include "book_replay.h"
#include "check.h"
#include "market/opening.h"
#include "market/recorder.h"

namespace rlmm {
namespace {

constexpr SeedKey kKey{5, 6};
constexpr TimeNs kS = 1'000'000'000;

Opening opening() {
  Opening opening;
  opening.orders = {{10'000, 30, Side::kBid, OrderClass::kPatient},
                    {10'000, 10, Side::kBid, OrderClass::kFlickering},
                    {9'997, 5, Side::kBid, OrderClass::kPatient},
                    {10'002, 20, Side::kAsk, OrderClass::kPatient}};
  return opening;
}

BookMarketParams market() {
  EnvParams params = book_problems::problem(book_problems::full_model());
  params.book().shocks.clear();
  return params.book();
}

std::vector<BookEvent> window(const Opening& from, const WindowRecorder::Length& length) {
  WindowRecorder recorder(market(), 1);
  EventLog log;
  recorder.run(kKey, from, length, log);
  return log.events();
}

}  // namespace

TEST("opening: the book holds its orders in their priority, and levels behind them are drawn") {
  const FlowModel model(market().model);
  FlowBook book(model, false, {});
  book.start_from(kKey, 0, opening());
  CHECK_EQ(book.book().best(Side::kBid), 10'000);
  CHECK_EQ(book.book().best(Side::kAsk), 10'002);
  CHECK_EQ(book.mid_ticks_x2(), 20'002);
  CHECK_EQ(book.book().lots_at(9'999), 0);
  CHECK_EQ(book.book().lots_at(9'998), 0);
  CHECK_EQ(book.book().lots_at(9'997), 5);
  const Level level = book.book().level(10'000);
  CHECK_EQ(book.book().order(level.front).lots, 30);
  CHECK_EQ(book.book().order(level.back).lots, 10);
  CHECK(book.book().live_orders() > 4);
  book.book().check_invariants();
  CHECK_EQ(book.now_ns(), 0);
}

TEST("opening: a past excites as the events themselves would, aged") {
  const FlowModel model(market().model);
  Factors ones;
  ones.baseline.fill(1.0F);
  ones.excitation.fill(1.0F);
  EventFlow remembered(model, false);
  remembered.start(kKey, 0);
  EventFlow::Past past{};
  for (std::size_t p = 0; p < market().model.decays_hz.size(); ++p) {
    const double decay_hz = market().model.decays_hz[p];
    past[p][lane(Group::kMarketSell)] = static_cast<float>(std::exp(-0.01 * decay_hz));
    past[p][lane(Group::kCancelAsk)] = 2.0F;
  }
  remembered.recall(past);
  EventFlow lived(model, false);
  lived.start(kKey, 0);
  static_cast<void>(lived.next(ones));
  lived.excite(Group::kMarketSell, 1.0F);
  lived.pass(0.01F);
  lived.excite(Group::kCancelAsk, 2.0F);
  const Lanes a = remembered.intensities(ones);
  const Lanes b = lived.intensities(ones);
  for (std::size_t g = 0; g < kGroups; ++g) CHECK_NEAR(a[g], b[g], 1e-4 * b[g]);
}

TEST("opening: regime and hidden price are those given") {
  const FlowModel model(market().model);
  FlowBook book(model, false, {});
  Opening from = opening();
  for (const std::size_t regime : {0U, 1U}) {
    from.regime = regime;
    book.start_from(kKey, 0, from);
    CHECK_EQ(book.regime(), regime);
  }
  from.gap_ticks = 1.5 * model.params.informed.gap_scale_ticks;
  book.start_from(kKey, 0, from);
  CHECK_NEAR(book.informed_gap(), 1.5, 1e-12);
}

TEST("window recorder: messages are counted, the event that brings the last is whole") {
  const std::vector<BookEvent> events = window(opening(), {50, 1000 * kS});
  std::size_t opened = 0;
  while (events[opened].kind == EventKind::kClear || events[opened].kind == EventKind::kSnapshot) {
    ++opened;
  }
  CHECK(opened > 5);
  const auto is_message = [](const BookEvent& event) { return (event.flags & kFlagReach) == 0; };
  const auto first = events.begin() + static_cast<std::ptrdiff_t>(opened);
  const auto messages = std::count_if(first, events.end(), is_message);
  CHECK(messages >= 50);
  CHECK(messages < 60);
  BookReplay replay;
  replay.apply(events);
  CHECK(window(opening(), {1000, kS / 1000}).back().ts_ns <= kS / 1000);
}

TEST("window recorder: a window is the same whatever was recorded before it") {
  WindowRecorder recorder(market(), 0);
  EventLog used;
  recorder.run({8, 9}, opening(), {200, 1000 * kS}, used);
  EventLog log;
  recorder.run(kKey, opening(), {200, 1000 * kS}, log);
  const std::vector<BookEvent> fresh = window(opening(), {200, 1000 * kS});
  CHECK_EQ(log.events().size(), fresh.size());
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    CHECK_EQ(log.events()[i].ts_ns, fresh[i].ts_ns);
    CHECK_EQ(log.events()[i].price_ticks, fresh[i].price_ticks);
    CHECK_EQ(log.events()[i].lots, fresh[i].lots);
  }
}

TEST("window recorder: refuses shocks") {
  BookMarketParams shocked = market();
  shocked.shocks = {{ShockKind::kHalt, 0, kS, 1.0, {}}};
  CHECK_THROWS(WindowRecorder(shocked, 0), std::invalid_argument, "expected none, got 1");
}

TEST("opening: what no book can hold is refused") {
  const FlowModel model(market().model);
  const auto refuses = [&](const auto& change, const char* part) {
    Opening odd = opening();
    change(odd);
    CHECK_THROWS(odd.validate(model), std::invalid_argument, part);
  };
  opening().validate(model);
  refuses([](Opening& o) { o.orders.clear(); }, "no bid");
  refuses([](Opening& o) { o.orders.pop_back(); }, "no ask");
  refuses([](Opening& o) { o.orders[0].price_ticks = 10'002; }, "bids below asks");
  refuses([](Opening& o) { o.orders[2].price_ticks = 10'002 - 4096; }, "ticks apart");
  refuses([](Opening& o) { o.orders[1].price_ticks = 0; }, "orders[1].price_ticks");
  refuses([](Opening& o) { o.orders[1].price_ticks = OrderBook::kPriceMax + 1; }, "price_ticks");
  refuses([](Opening& o) { o.orders[3].lots = 0; }, "orders[3].lots");
  refuses([](Opening& o) { o.orders[3].lots = OrderBook::kOrderLotsMax + 1; }, "orders[3].lots");
  refuses([](Opening& o) { o.past[2][1] = -1.0F; }, "past");
  refuses([](Opening& o) { o.past[0][0] = std::numeric_limits<float>::infinity(); }, "past");
  refuses([](Opening& o) { o.season_ns = -1; }, "season_ns");
  refuses([](Opening& o) { o.season_ns = 86'400 * kS + 1; }, "season_ns");
  refuses([](Opening& o) { o.regime = 2; }, "regime: expected below 2");
  refuses([](Opening& o) { o.gap_ticks = std::numeric_limits<double>::quiet_NaN(); }, "gap_ticks");
}

}  // namespace rlmm
