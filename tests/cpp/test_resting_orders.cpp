// Orders alone with a record: when each is filled, worked out by hand. Bids of 5 and 4 lots lie at
// 100 and 99, asks of 6 and 7 at 102 and 103.
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "market/resting_orders.h"
#include "replay_tables.h"

namespace rlmm {
namespace {

using Kind = EventKind;
constexpr QueueParams kAverse{QueueLaw::kRiskAverse, 1.0, 1.0, true};
constexpr QueueParams kLinear{QueueLaw::kPower, 1.0, 1.0, true};

std::shared_ptr<const Tape> day() {
  replay_tables::Table table(replay_tables::small_book(false));
  table.add({10, Kind::kAdd, 1, 100, 5});     // behind who is there
  table.add({20, Kind::kCancel, 1, 100, 4});  // power 1: two of them ahead
  table.add({30, Kind::kTrade, 1, 100, 4});
  table.add({40, Kind::kTrade, 1, 100, 1});
  table.add({50, Kind::kAdd, -1, 101, 9});
  return table.tape();
}

bool same(const RestingFill& fill, std::size_t order, TimeNs ts_ns, Lots lots) {
  return fill.order == order && fill.ts_ns == ts_ns && fill.lots == lots;
}

}  // namespace

TEST("resting orders: each is alone, and is filled as the law has it") {
  const auto tape = day();
  const RestingOrder bid{5, 50, 100, 2, Side::kBid};
  const RestingOrder late{10, 50, 100, 2, Side::kBid};  // behind the order of that time
  const RestingOrder brief{5, 29, 100, 2, Side::kBid};
  const RestingOrder crossing{5, 50, 102, 2, Side::kBid};
  const RestingFills careful = resting_fills(*tape, kAverse, {bid, late, brief, crossing});
  CHECK(careful.has_rested == std::vector<std::uint8_t>({1, 1, 1, 0}));
  CHECK_EQ(careful.fills.size(), std::size_t{0});
  const RestingFills linear = resting_fills(*tape, kLinear, {bid, late, brief, crossing});
  CHECK_EQ(linear.fills.size(), std::size_t{2});
  CHECK(same(linear.fills[0], 0, 30, 1));
  CHECK(same(linear.fills[1], 0, 40, 1));
}

TEST("resting orders: an order that is worse is passed by a trade") {
  replay_tables::Table table(replay_tables::small_book(false));
  table.add({10, Kind::kTrade, -1, 103, 3});
  table.add({20, Kind::kTrade, -1, 103, 3});
  const RestingFills found = resting_fills(*table.tape(), kAverse, {{0, 20, 101, 4, Side::kAsk}});
  CHECK_EQ(found.fills.size(), std::size_t{2});
  CHECK(same(found.fills[0], 0, 10, 3));
  CHECK(same(found.fills[1], 0, 20, 1));
}

TEST("resting orders: what cannot be is refused") {
  const auto tape = day();
  const auto refuses = [&tape](const RestingOrder& order, const std::string& part) {
    CHECK_THROWS(resting_fills(*tape, kAverse, {{0, 9, 100, 1, Side::kBid}, order}),
                 std::invalid_argument, "order 1: " + part);
  };
  refuses({-1, 9, 100, 1, Side::kBid}, "start_ns: expected a value from 0 to 50, got -1");
  refuses({7, 6, 100, 1, Side::kBid}, "end_ns: expected a value from 7 to 50, got 6");
  refuses({7, 51, 100, 1, Side::kBid}, "end_ns: expected a value from 7 to 50, got 51");
  refuses({0, 9, 100, 0, Side::kBid}, "lots: expected a value from 1 to");
  refuses({0, 9, (Ticks{1} << 40) + 1, 1, Side::kBid}, "price_ticks: expected a value from");
  replay_tables::Table bids;
  bids.add({0, Kind::kAdd, 1, 100, 1});
  CHECK_THROWS(resting_fills(*bids.tape(), kAverse, {{0, 0, 100, 1, Side::kBid}}), RangeError,
               "order 0: ");
}

}  // namespace rlmm
