// The events of the flow and the book around them, by hand. Random tables are compared with a slow
// twin in tests/kernels.
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "check.h"
#include "events.h"
#include "parse/flow_pass.h"

namespace rlmm::parse {
namespace {

using Row = FlowPass::Row;
using Numbers = std::vector<std::int64_t>;

constexpr std::uint8_t kMarketOnBid = 0;
constexpr std::uint8_t kMarketOnAsk = 1;
constexpr std::uint8_t kLimitBid = 2;
constexpr std::uint8_t kCancelBid = 4;

// A bid of 5 lots at 100, and of 7 at 98; asks of 4 at 103 and 6 at 105: nobody saw them come.
constexpr TimeNs kStartNs = 1'000;

void show_book(FlowPass& pass) {
  pass.apply({kStartNs, EventKind::kSnapshot, 1, 100, 5, 0, 0});
  pass.apply({kStartNs, EventKind::kSnapshot, 1, 98, 7, 0, 0});
  pass.apply({kStartNs, EventKind::kSnapshot, -1, 103, 4, 0, 0});
  pass.apply({kStartNs, EventKind::kSnapshot, -1, 105, 6, 0, 0});
}

// Settings with one of them changed.
template <class T>
FlowSettings with(T FlowSettings::* setting, std::type_identity_t<T> value,
                  FlowSettings settings = {}) {
  settings.*setting = std::move(value);
  return settings;
}

FlowColumns flow_of(const std::vector<Row>& rows, const FlowSettings& settings = {}) {
  FlowPass pass(settings);
  show_book(pass);
  for (const Row& row : rows) pass.apply(row);
  pass.finish();
  return pass.take();
}

template <class T>
Numbers numbers(const std::vector<T>& values) {
  return {values.begin(), values.end()};
}

TEST("flow pass: what is shown at one time is one row, with the book and its gaps") {
  const FlowColumns flow =
      flow_of({}, with(&FlowSettings::reach_ticks, 1, with(&FlowSettings::distance_edges, {0, 2})));
  CHECK_EQ(numbers(flow.ts_ns), Numbers({kStartNs}));
  CHECK_EQ(numbers(flow.group), Numbers({kNoEvent}));
  CHECK_EQ(flow.price_ticks[0][0], 100);
  CHECK_EQ(flow.price_ticks[1][0], 103);
  CHECK_EQ(flow.touch_lots[0][0], 5);
  CHECK_EQ(flow.gap_ticks[0][0], 2);
  CHECK_EQ(flow.gap_ticks[1][0], 2);
  CHECK_EQ(flow.levels[0][0], 1);  // the second lies beyond the reach of one tick,
  CHECK_EQ(flow.extent_ticks[0][0], 0);
  CHECK_EQ(flow.lots_at_risk[0][0], 12);  // but within twice of it
  CHECK_EQ(flow.at_risk, std::vector<float>({1, 1, 1, 1}));
  CHECK_EQ(numbers(flow.open), Numbers({1}));
}

TEST("flow pass: fills of one side close in time are one market order, with the book after them") {
  const FlowColumns flow = flow_of({{2'000, EventKind::kTrade, -1, 103, 4, 0, 0},
                                    {2'500, EventKind::kTrade, -1, 105, 1, 0, 0},
                                    {900'000, EventKind::kTrade, -1, 105, 2, 0, kFlagMoreFills},
                                    {5'000'000, EventKind::kTrade, -1, 105, 1, 0, 0}},
                                   with(&FlowSettings::cluster_ns, 1'000));
  CHECK_EQ(numbers(flow.group), Numbers({kNoEvent, kMarketOnAsk, kMarketOnAsk}));
  CHECK_EQ(numbers(flow.lots), Numbers({0, 5, 3}));
  CHECK_EQ(numbers(flow.away_ticks), Numbers({0, 2, 0}));  // how deep it reached
  CHECK_EQ(numbers(flow.queue_lots), Numbers({0, 4, 5}));
  CHECK_EQ(flow.price_ticks[1][1], 105);
  CHECK_EQ(flow.touch_lots[1][1], 5);
  CHECK_EQ(flow.touch_lots[1][2], 2);
  CHECK_EQ(numbers(flow.row), Numbers({0, 4, 6}));
}

TEST("flow pass: a fill of the other side, and one where nothing stands, are market orders too") {
  FlowPass pass({});
  pass.apply({1, EventKind::kTrade, 1, 90, 2, 0, kFlagAgent});
  pass.apply({2, EventKind::kTrade, -1, 95, 3, 0, 0});
  pass.finish();
  const FlowColumns flow = pass.take();
  CHECK_EQ(numbers(flow.group), Numbers({kMarketOnBid, kMarketOnAsk}));
  CHECK_EQ(numbers(flow.flags), Numbers({kFlowAgent, 0}));
  CHECK_EQ(numbers(flow.queue_lots), Numbers({0, 0}));
  CHECK_EQ(numbers(flow.open), Numbers({0, 0}));
  CHECK_EQ(pass.missing_lots(), 5);
}

TEST("flow pass: hidden trades stand apart and do not end a market order; levels may come in") {
  const FlowColumns flow = flow_of({{2'000, EventKind::kTrade, 1, 100, 5, 0, 0},
                                    {2'001, EventKind::kAdd, 1, 91, 9, 0, kFlagReach},
                                    {2'002, EventKind::kTrade, 1, 99, 8, 0, kFlagHidden},
                                    {2'003, EventKind::kTrade, 0, 99, 6, 0, 0},
                                    {2'004, EventKind::kModify, 1, 91, 8, 0, 0},
                                    {2'005, EventKind::kTrade, 1, 98, 7, 0, 0}});
  CHECK_EQ(numbers(flow.group), Numbers({kNoEvent, kMarketOnBid, kHiddenTrade, kHiddenTrade}));
  CHECK_EQ(numbers(flow.lots), Numbers({0, 12, 8, 6}));
  CHECK_EQ(numbers(flow.away_ticks), Numbers({0, 2, 99, 99}));
  for (std::size_t row = 1; row < 4; ++row) {  // all have the book after the last fill
    CHECK_EQ(flow.price_ticks[0][row], 91);
    CHECK_EQ(flow.touch_lots[0][row], 8);
  }
}

TEST("flow pass: a limit order knows its level; what is too far or only shown is no event") {
  const FlowSettings settings = with(&FlowSettings::reach_ticks, 10);
  const FlowColumns flow = flow_of({{2'000, EventKind::kAdd, 1, 101, 2, 11, 0},
                                    {3'000, EventKind::kAdd, 1, 101, 3, 12, kFlagAgent},
                                    {4'000, EventKind::kAdd, 1, 91, 1, 13, 0},
                                    {5'000, EventKind::kAdd, 1, 90, 1, 14, 0},
                                    {6'000, EventKind::kAdd, 1, 95, 1, 15, kFlagReach}},
                                   settings);
  CHECK_EQ(numbers(flow.group),
           Numbers({kNoEvent, kLimitBid, kLimitBid, kLimitBid, kNoEvent, kNoEvent}));
  CHECK_EQ(numbers(flow.away_ticks), Numbers({0, -1, 0, 10, 0, 0}));
  CHECK_EQ(numbers(flow.queue_lots), Numbers({0, 0, 2, 0, 0, 0}));
  CHECK_EQ(numbers(flow.flags), Numbers({0, 0, kFlowAgent, 0, 0, 0}));
  CHECK_EQ(flow.levels[0][5], 5);
  CHECK_EQ(flow.lots_at_risk[0][5], 20);
}

TEST("flow pass: a cancel has its order's lots and age, in part or in whole, as far as known") {
  const std::uint8_t part = kFlagRemains | kFlagAgent;
  const FlowColumns flow = flow_of({{2'000, EventKind::kAdd, 1, 99, 6, 11, 0},
                                    {2'100, EventKind::kAdd, 1, 97, 3, 12, kFlagReach},
                                    {2'500, EventKind::kCancel, 1, 99, 2, 11, part},
                                    {3'000, EventKind::kCancel, 1, 99, 4, 11, 0},
                                    {3'500, EventKind::kCancel, 1, 97, 3, 12, 0},
                                    {4'000, EventKind::kCancel, 1, 98, 2, 0, 0},
                                    {5'000, EventKind::kCancel, 1, 98, 5, 0, kFlagReach}});
  CHECK_EQ(numbers(flow.group), Numbers({kNoEvent, kLimitBid, kNoEvent, kCancelBid, kCancelBid,
                                         kCancelBid, kCancelBid, kNoEvent}));
  CHECK_EQ(numbers(flow.age_ns), Numbers({-1, -1, -1, 500, 1'000, -1, -1, -1}));
  CHECK_EQ(numbers(flow.queue_lots), Numbers({0, 0, 0, 6, 4, 3, 0, 0}));
  CHECK_EQ(numbers(flow.lots), Numbers({0, 6, 0, 2, 4, 3, 2, 0}));
  CHECK_EQ(numbers(flow.flags),
           Numbers({0, 0, 0, kFlowPartial | kFlowAgeKnown | kFlowAgent, kFlowAgeKnown, 0, 0, 0}));
  CHECK_EQ(numbers(flow.levels[0]), Numbers({2, 3, 4, 4, 3, 2, 2, 1}));
}

TEST("flow pass: a cancel beyond twice the reach is no event") {
  const FlowColumns flow = flow_of({{2'000, EventKind::kCancel, 1, 98, 1, 0, 0},
                                    {3'000, EventKind::kAdd, 1, 97, 1, 0, kFlagReach},
                                    {4'000, EventKind::kCancel, 1, 97, 1, 0, 0}},
                                   with(&FlowSettings::reach_ticks, 1));
  CHECK_EQ(numbers(flow.group), Numbers({kNoEvent, kCancelBid, kNoEvent, kNoEvent}));
}

TEST("flow pass: an order that changes shrinks in its place, or leaves and comes again") {
  FlowPass pass({});
  show_book(pass);
  pass.apply({2'000, EventKind::kAdd, 1, 100, 6, 11, 0});
  pass.apply({2'100, EventKind::kModify, 1, 100, 6, 11, 0});  // nothing
  pass.apply({2'200, EventKind::kModify, 1, 100, 4, 11, 0});  // a cancel of 2
  pass.apply({2'300, EventKind::kModify, 1, 99, 4, 11, 0});   // gone and back, one behind
  pass.apply({2'400, EventKind::kModify, 1, 99, 0, 11, 0});   // gone
  pass.apply({2'500, EventKind::kModify, 1, 99, 2, 12, 0});   // nobody knew it: new
  pass.apply({2'600, EventKind::kModify, 1, 97, 0, 77, 0});   // nor this one, and it is not there
  pass.finish();
  const FlowColumns flow = pass.take();
  CHECK_EQ(numbers(flow.group), Numbers({kNoEvent, kLimitBid, kNoEvent, kCancelBid, kCancelBid,
                                         kLimitBid, kCancelBid, kLimitBid, kNoEvent}));
  CHECK_EQ(numbers(flow.lots), Numbers({0, 6, 0, 2, 4, 4, 4, 2, 0}));
  CHECK_EQ(numbers(flow.away_ticks), Numbers({0, 0, 0, 0, 0, 1, 1, 1, 0}));
  const LifeColumns lives = pass.take_lives();
  CHECK_EQ(numbers(lives.birth_ns), Numbers({2'000, 2'300, 2'500}));
  CHECK_EQ(numbers(lives.end_ns), Numbers({2'300, 2'400, 2'600}));
  CHECK_EQ(numbers(lives.end), Numbers({static_cast<std::int64_t>(LifeEnd::kCancelled),
                                        static_cast<std::int64_t>(LifeEnd::kCancelled),
                                        static_cast<std::int64_t>(LifeEnd::kOutOfSight)}));
  CHECK_EQ(numbers(lives.away_ticks), Numbers({0, 1, 1}));
  CHECK_EQ(numbers(lives.side), Numbers({1, 1, 1}));
}

TEST("flow pass: orders that are filled, cleared with their side or left end their lives") {
  FlowPass pass({});
  show_book(pass);
  pass.apply({2'000, EventKind::kAdd, 1, 101, 3, 11, 0});
  pass.apply({2'100, EventKind::kAdd, -1, 102, 2, 12, 0});
  pass.apply({2'200, EventKind::kAdd, -1, 102, 2, 13, 0});
  pass.apply({3'000, EventKind::kTrade, 1, 101, 3, 11, 0});
  pass.apply({4'000, EventKind::kModify, -1, 102, 0, 0, 0});  // the level is said to be empty
  pass.apply({5'000, EventKind::kAdd, -1, 104, 1, 14, 0});
  pass.apply({6'000, EventKind::kClear, -1, 0, 0, 0, 0});
  pass.finish();
  const LifeColumns lives = pass.take_lives();
  CHECK_EQ(numbers(lives.end_ns), Numbers({3'000, 4'000, 4'000, 6'000}));
  const auto gone = static_cast<std::int64_t>(LifeEnd::kOutOfSight);
  CHECK_EQ(numbers(lives.end),
           Numbers({static_cast<std::int64_t>(LifeEnd::kFilled), gone, gone, gone}));
  const FlowColumns flow = pass.take();
  CHECK_EQ(flow.open.back(), 0);
  CHECK_EQ(flow.touch_lots[0].back(), 5);
  CHECK_EQ(flow.levels[1].back(), 0);
}

TEST("flow pass: an order said twice loses its first name but not its lots") {
  const FlowColumns flow = flow_of({{2'000, EventKind::kAdd, 1, 99, 2, 11, 0},
                                    {3'000, EventKind::kAdd, -1, 104, 3, 11, 0},
                                    {4'000, EventKind::kCancel, 1, 99, 2, 11, 0}});
  CHECK_EQ(flow.levels[0][2], 3);
  CHECK_EQ(flow.lots_at_risk[1][2], 13);
  CHECK_EQ(flow.age_ns[3], -1);
  CHECK_EQ(flow.levels[0][3], 2);
}

TEST("flow pass: a best level that is handed over comes after the better one, not before") {
  const std::vector<Row> rows{{2'000, EventKind::kCancel, 1, 98, 7, 0, kFlagReach},
                              {3'000, EventKind::kCancel, 1, 100, 5, 0, kFlagReach},
                              {3'000, EventKind::kAdd, 1, 101, 1, 0, 0},
                              {4'000, EventKind::kCancel, 1, 101, 1, 0, kFlagReach},
                              {5'000, EventKind::kAdd, 1, 99, 1, 0, 0},
                              {6'000, EventKind::kCancel, 1, 99, 1, 0, kFlagReach}};
  const FlowColumns flow = flow_of(rows);
  CHECK_EQ(numbers(flow.group),
           Numbers({kNoEvent, kNoEvent, kLimitBid, kNoEvent, kLimitBid, kNoEvent}));
  CHECK_EQ(numbers(flow.away_ticks), Numbers({0, 0, -1, 0, 0, 0}));
  CHECK_EQ(numbers(flow.open), Numbers({1, 1, 1, 0, 1, 0}));
}

TEST("flow pass: a halt closes the market until it trades again, and so does a crossed book") {
  const FlowColumns flow = flow_of({{2'000, EventKind::kStatus, 0, 0, kStatusHalted, 0, 0},
                                    {3'000, EventKind::kStatus, 0, 0, kStatusTrading, 0, 0},
                                    {4'000, EventKind::kAdd, 1, 103, 1, 0, kFlagReach}});
  CHECK_EQ(numbers(flow.open), Numbers({1, 0, 1, 0}));
}

TEST("flow pass: taken in pieces it is the same, and open market orders wait") {
  FlowPass pass({});
  show_book(pass);
  CHECK(pass.take().ts_ns.empty());  // more may come at that time
  pass.apply({2'000, EventKind::kTrade, -1, 103, 1, 0, 0});
  CHECK_EQ(numbers(pass.take().ts_ns), Numbers({kStartNs}));
  pass.apply({2'001, EventKind::kTrade, -1, 104, 2, 0, kFlagHidden});
  CHECK(pass.take().ts_ns.empty());
  pass.apply({2'002, EventKind::kTrade, -1, 103, 2, 0, 0});
  pass.finish();
  const FlowColumns rest = pass.take();
  CHECK_EQ(numbers(rest.lots), Numbers({3, 2}));
  CHECK_EQ(rest.touch_lots[1][0], 1);
}

TEST("flow pass: orders at risk count anonymous lots by their size, and known ones by their age") {
  FlowSettings settings = with(&FlowSettings::order_lots, 2.0);
  settings.distance_edges = {0, 1, 2};
  settings.age_weights.assign(kPlaces * kAgeBins, 1.0);
  settings.anonymous_weight = 0.5;
  const auto joining = static_cast<std::size_t>(Place::kJoining) * kAgeBins;
  settings.age_weights[joining + age_bin(1'000)] = 4.0;
  const FlowColumns flow = flow_of({{2'000, EventKind::kAdd, 1, 100, 2, 11, 0},
                                    {3'000, EventKind::kAdd, -1, 109, 1, 0, 0},
                                    {4'000, EventKind::kAdd, -1, 110, 1, 12, kFlagReach}},
                                   settings);
  // Bids: 5 anonymous lots are 3 orders (2.5, rounded away from 0) of half a weight, the known one
  // weighs 4 at 1000 ns, 1 at 2000 ns; 7 lots at 98 are 4 orders. Asks: 2 orders at the best price,
  // behind it 3 and 1; the one that comes into sight last is of unknown age.
  CHECK_EQ(std::vector<float>(flow.at_risk.end() - 6, flow.at_risk.end()),
           std::vector<float>({2.5F, 0, 2, 1, 0, 2.5F}));
  CHECK_EQ(std::vector<float>(flow.at_risk.end() - 12, flow.at_risk.end() - 6),
           std::vector<float>({5.5F, 0, 2, 1, 0, 2}));
}

TEST("flow pass: an order's place is where it lay when it came") {
  RestingOrder order;
  CHECK(order.place() == Place::kJoining);
  order.away_ticks = -1;
  CHECK(order.place() == Place::kImproving);
  order.away_ticks = 1;
  CHECK(order.place() == Place::kDeeper);
}

TEST("flow pass: bins of the age double every eight") {
  CHECK_EQ(age_bin(-5), 0U);
  CHECK_EQ(age_bin(1), 0U);
  CHECK_EQ(age_bin(3), 12U);
  CHECK_EQ(age_bin(8), 24U);
  CHECK_EQ(age_bin(15), 31U);
  CHECK_EQ(age_bin(16), 32U);
  CHECK_EQ(age_bin(17), 32U);
  CHECK_EQ(age_bin(18), 33U);
  CHECK_EQ(age_bin(INT64_MAX), 8U * 62U + 7U);
}

TEST("flow pass: settings that make no sense are refused") {
  const auto made = [](const FlowSettings& settings) { FlowPass pass(settings); };
  CHECK_THROWS(made(with(&FlowSettings::cluster_ns, -1)), std::invalid_argument, "cluster_ns");
  CHECK_THROWS(made(with(&FlowSettings::reach_ticks, 0)), std::invalid_argument, "reach_ticks");
  CHECK_THROWS(made(with(&FlowSettings::order_lots, -1.0)), std::invalid_argument, "order_lots");
  CHECK_THROWS(made(with(&FlowSettings::distance_edges, {})), std::invalid_argument,
               "distance_edges");
  CHECK_THROWS(made(with(&FlowSettings::distance_edges, {1})), std::invalid_argument,
               "distance_edges");
  CHECK_THROWS(made(with(&FlowSettings::distance_edges, {0, 3, 2})), std::invalid_argument,
               "distance_edges");
  CHECK_THROWS(made(with(&FlowSettings::age_weights, {1.0})), std::invalid_argument, "age_weights");
}

}  // namespace
}  // namespace rlmm::parse
