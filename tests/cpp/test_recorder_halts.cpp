// A market without an agent, written down: how a recording opens, and what a halt looks like in it.
#include <algorithm>
#include <vector>

#include "book_problems.h"
#include "check.h"
#include "flow_books.h"
#include "market/recorder.h"

namespace rlmm {
namespace {

using flow_books::kKey;
using flow_books::kS;

BookMarketParams halted_at_2_s() {
  BookMarketParams params = book_problems::problem(book_problems::full_model()).book();
  params.shocks = {{ShockKind::kHalt, 2 * kS, kS, 1.0, {}},
                   {ShockKind::kPriceJump, 2 * kS + kS / 2, 0, -4.0, {}}};
  return params;
}

bool opens(const BookEvent& event) {
  return event.kind == EventKind::kClear || event.kind == EventKind::kSnapshot;
}

}  // namespace

TEST("recorder: opens with a clear and the orders, whatever the pieces") {
  const BookMarketParams params = halted_at_2_s();
  Recorder whole(params, kKey, 3, 2);
  Recorder pieces(params, kKey, 3, 2);
  EventLog log;
  whole.run(2 * kS, log);
  whole.run(5 * kS, log);
  EventLog other;
  for (TimeNs until = kS; until <= 5 * kS; until += kS) pieces.run(until, other);
  const std::vector<BookEvent>& events = log.events();
  CHECK(events.front().kind == EventKind::kClear);
  CHECK_EQ(events.front().side, std::int8_t{0});
  CHECK_EQ(events.front().lots, 0);
  const auto flow = std::ranges::find_if_not(events, opens);
  CHECK(flow - events.begin() > 10);
  CHECK_EQ(std::count_if(flow, events.end(), opens), 0);
  CHECK_EQ(log.depth().size(), 8 * events.size());
  CHECK_EQ(other.events().size(), events.size());
}

TEST("recorder: says when trading is halted and resumes, and nothing in between") {
  Recorder recorder(halted_at_2_s(), kKey, 3, 0);
  EventLog log;
  recorder.run(6 * kS, log);
  std::vector<BookEvent> status;
  bool halted = false;
  for (const BookEvent& event : log.events()) {
    if (event.kind == EventKind::kStatus) status.push_back(event);
    CHECK(!halted || event.kind == EventKind::kStatus);
    if (event.kind == EventKind::kStatus) halted = event.lots == kStatusHalted;
  }
  CHECK_EQ(status.size(), std::size_t{2});
  CHECK_EQ(status[0].ts_ns, 2 * kS);
  CHECK_EQ(status[1].ts_ns, 3 * kS);
  CHECK_EQ(status[1].lots, kStatusTrading);
}

TEST("recorder: a recording that begins in a halt says so") {
  Recorder recorder(halted_at_2_s(), kKey, 3, 0);
  CHECK(recorder.count(2 * kS + 1) > 0);
  EventLog log;
  recorder.run(2 * kS + 2, log);
  CHECK(log.events().back().kind == EventKind::kStatus);
  CHECK_EQ(log.events().back().lots, kStatusHalted);
  CHECK_EQ(std::ranges::count_if(log.events(), opens) + 1,
           static_cast<std::ptrdiff_t>(log.events().size()));
}

}  // namespace rlmm
