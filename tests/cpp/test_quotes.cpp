#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "agent/quotes.h"
#include "check.h"

namespace rlmm {
namespace {

ActionParams action_params(ActionKind kind) {
  ActionParams params;
  params.kind = kind;
  params.offset_min_ticks = -10;
  params.offset_max_ticks = 30;
  params.offset_choices = 5;  // -10, 0, 10, 20, 30
  params.lots_min = 0;
  params.lots_max = 8;
  return params;
}

Quotes read(const ActionParams& params, const std::vector<float>& row, std::int64_t clipped = 0) {
  std::int64_t counted = 0;
  const Quotes quotes = ActionReader(params).read(row.data(), counted);
  CHECK_EQ(counted, clipped);
  return quotes;
}

Quotes read_choices(const ActionParams& params, const std::vector<std::int64_t>& row) {
  std::int64_t clipped = 0;
  const Quotes quotes = ActionReader(params).read(row.data(), clipped);
  CHECK_EQ(clipped, 0);
  return quotes;
}

void check_quotes(const Quotes& quotes, Ticks bid, Ticks ask, Lots bid_lots, Lots ask_lots) {
  CHECK_EQ(quotes.offset_ticks[0], bid);
  CHECK_EQ(quotes.offset_ticks[1], ask);
  CHECK_EQ(quotes.lots[0], bid_lots);
  CHECK_EQ(quotes.lots[1], ask_lots);
}

// -1 is -10, +1 is 30, so 0 is 10 and 0.5 is 20; one tick is 0.05, and halves go to the even tick:
// 0.125 is 12.5.
TEST("quotes: continuous offsets from end to end, without sizes at full size") {
  const ActionParams params = action_params(ActionKind::kContinuous);
  CHECK_EQ(ActionReader(params).width(), 2);
  check_quotes(read(params, {-1.0F, 1.0F}), -10, 30, 8, 8);
  check_quotes(read(params, {0.0F, 0.5F}), 10, 20, 8, 8);
  check_quotes(read(params, {0.125F, 0.14F}), 12, 13, 8, 8);
}

TEST("quotes: numbers outside [-1, 1] are clipped and counted") {
  const ActionParams params = action_params(ActionKind::kContinuous);
  check_quotes(read(params, {-1.01F, 3e38F}, 2), -10, 30, 8, 8);
  check_quotes(read(params, {std::nextafter(1.0F, 2.0F), 0.0F}, 1), 30, 10, 8, 8);
}

// Sizes 0 to 8: -1 is 0, 0 is 4, 0.3 is 5.2.
TEST("quotes: continuous sizes") {
  ActionParams params = action_params(ActionKind::kContinuous);
  params.sizes = true;
  CHECK_EQ(ActionReader(params).width(), 4);
  check_quotes(read(params, {0.0F, 0.0F, -1.0F, 1.0F}), 10, 10, 0, 8);
  check_quotes(read(params, {0.0F, 0.0F, 0.0F, 0.3F}), 10, 10, 4, 5);
  check_quotes(read(params, {0.0F, -2.0F, 7.0F, -7.0F}, 3), 10, -10, 8, 0);
}

// 5 x 5 pairs, bid outermost: 7 = 1 x 5 + 2 is bid 0, ask 10.
TEST("quotes: discrete counts the pairs of offsets, bid outermost") {
  const ActionParams params = action_params(ActionKind::kDiscrete);
  const ActionReader reader(params);
  CHECK_EQ(reader.width(), 1);
  CHECK_EQ(reader.choices()[0], 25);
  check_quotes(read_choices(params, {0}), -10, -10, 8, 8);
  check_quotes(read_choices(params, {7}), 0, 10, 8, 8);
  check_quotes(read_choices(params, {24}), 30, 30, 8, 8);
}

// 6 x 6 pairs: 35 withdraws both, 5 only the ask (bid -10), 30 only the bid (ask -10).
TEST("quotes: the withdraw choice comes after the grid, on each side") {
  ActionParams params = action_params(ActionKind::kDiscrete);
  params.withdraw_choice = true;
  CHECK_EQ(ActionReader(params).choices()[0], 36);
  check_quotes(read_choices(params, {35}), 0, 0, 0, 0);
  check_quotes(read_choices(params, {5}), -10, 0, 8, 0);
  check_quotes(read_choices(params, {30}), 0, -10, 0, 8);
  params.kind = ActionKind::kMultidiscrete;
  CHECK_EQ(ActionReader(params).choices()[1], 6);
  check_quotes(read_choices(params, {5, 3}), 0, 20, 0, 8);
}

TEST("quotes: multidiscrete offsets and sizes") {
  ActionParams params = action_params(ActionKind::kMultidiscrete);
  CHECK_EQ(ActionReader(params).width(), 2);
  check_quotes(read_choices(params, {4, 1}), 30, 0, 8, 8);
  params.sizes = true;
  params.lots_min = 2;
  const ActionReader reader(params);
  CHECK_EQ(reader.width(), 4);
  CHECK_EQ(reader.choices(), (std::array<std::int64_t, 4>{5, 5, 7, 7}));
  check_quotes(read_choices(params, {1, 2, 0, 6}), 0, 10, 2, 8);
}

// 4 choices over -10 .. 30: steps of 40 / 3, so -10, 3.33, 16.67, 30.
TEST("quotes: a grid that is not whole is rounded to ticks") {
  ActionParams params = action_params(ActionKind::kMultidiscrete);
  params.offset_choices = 4;
  check_quotes(read_choices(params, {1, 2}), 3, 17, 8, 8);
}

TEST("quotes: the first number that is not finite is named") {
  ActionParams params = action_params(ActionKind::kContinuous);
  params.sizes = true;
  const ActionReader reader(params);
  std::vector<float> actions(12, 0.25F);
  reader.check_all(actions.data(), 3);
  actions[2] = -3e38F;  // large, but finite: will be clipped
  reader.check_all(actions.data(), 3);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  actions[11] = -kInfinity;
  CHECK_THROWS(reader.check_all(actions.data(), 3), std::invalid_argument,
               "actions[2, 3]: expected a finite number, got -inf");
  actions[9] = kInfinity;
  CHECK_THROWS(reader.check_all(actions.data(), 3), std::invalid_argument, "actions[2, 1]");
  actions[5] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS(reader.check_all(actions.data(), 3), std::invalid_argument,
               "actions[1, 1]: expected a finite number, got nan");
}

TEST("quotes: the first choice out of range is named") {
  ActionParams params = action_params(ActionKind::kMultidiscrete);
  params.sizes = true;
  const ActionReader reader(params);
  std::vector<std::int64_t> actions = {4, 4, 8, 8, 0, 0, 0, 0};
  reader.check_all(actions.data(), 2);
  actions[6] = 9;
  CHECK_THROWS(reader.check_all(actions.data(), 2), std::invalid_argument,
               "actions[1, 2]: expected an integer from 0 to 8, got 9");
  actions[5] = -1;
  CHECK_THROWS(reader.check_all(actions.data(), 2), std::invalid_argument,
               "actions[1, 1]: expected an integer from 0 to 4, got -1");
  const ActionReader discrete(action_params(ActionKind::kDiscrete));
  const std::vector<std::int64_t> pairs = {0, 24, 25};
  CHECK_THROWS(discrete.check_all(pairs.data(), 3), std::invalid_argument,
               "actions[2]: expected an integer from 0 to 24, got 25");
}

}  // namespace
}  // namespace rlmm
