#include "agent/quotes.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

namespace rlmm {
namespace {

// `at` counts the numbers of all rows. Actions of width 1 are a list of numbers, not of rows.
[[noreturn]] void refuse_action(std::int64_t at, std::int64_t width, const std::string& expected,
                                const std::string& got) {
  std::string place = std::to_string(at / width);
  if (width > 1) place += ", " + std::to_string(at % width);
  throw std::invalid_argument("actions[" + place + "]: expected " + expected + ", got " + got);
}

}  // namespace

ActionReader::ActionReader(const ActionParams& params)
    : params_(params),
      offset_{static_cast<double>(params.offset_min_ticks),
              0.5 * static_cast<double>(params.offset_max_ticks - params.offset_min_ticks)},
      size_{static_cast<double>(params.lots_min),
            0.5 * static_cast<double>(params.lots_max - params.lots_min)} {
  const std::int64_t side_choices = params.offset_choices + (params.withdraw_choice ? 1 : 0);
  const std::int64_t size_choices = params.lots_max - params.lots_min + 1;
  switch (params.kind) {
    case ActionKind::kContinuous:
      width_ = params.sizes ? 4 : 2;
      break;
    case ActionKind::kDiscrete:
      width_ = 1;
      choices_ = {side_choices * side_choices, 0, 0, 0};
      break;
    case ActionKind::kMultidiscrete:
      width_ = params.sizes ? 4 : 2;
      choices_ = {side_choices, side_choices, size_choices, size_choices};
      break;
  }
}

void ActionReader::check_all(const float* actions, std::int64_t n_envs) const {
  const std::int64_t size = n_envs * width_;
  // On the bits, without a branch, so that the compiler can vectorise it: one added to an exponent
  // of all ones, and to no other, sets the highest bit.
  constexpr std::uint32_t kExponent = 0x7F800000;
  constexpr std::uint32_t kOne = 0x00800000;
  std::uint32_t sums = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    sums |= (std::bit_cast<std::uint32_t>(actions[i]) & kExponent) + kOne;
  }
  if ((sums >> 31U) == 0) return;
  const float* const found =
      std::find_if_not(actions, actions + size, [](float value) { return std::isfinite(value); });
  refuse_action(found - actions, width_, "a finite number", std::to_string(*found));
}

void ActionReader::check_all(const std::int64_t* actions, std::int64_t n_envs) const {
  for (std::int64_t i = 0; i < n_envs * width_; ++i) {
    const std::int64_t most = choices_[static_cast<std::size_t>(i % width_)] - 1;
    if (actions[i] < 0 || actions[i] > most) {
      refuse_action(i, width_, "an integer from 0 to " + std::to_string(most),
                    std::to_string(actions[i]));
    }
  }
}

Ticks ActionReader::offset_choice(std::int64_t choice) const {
  const auto intervals = static_cast<double>(params_.offset_choices - 1);
  return offset_.at(2.0 * static_cast<double>(choice) / intervals - 1.0);
}

Quotes ActionReader::read(const std::int64_t* row, std::int64_t& /*clipped*/) const {
  std::array<std::int64_t, 2> choice = {row[0], 0};
  if (params_.kind == ActionKind::kDiscrete) {
    const std::int64_t side_choices = params_.offset_choices + (params_.withdraw_choice ? 1 : 0);
    choice = {row[0] / side_choices, row[0] % side_choices};
  } else {
    choice[1] = row[1];
  }
  Quotes quotes;
  quotes.lots = {params_.lots_max, params_.lots_max};
  if (params_.sizes) quotes.lots = {params_.lots_min + row[2], params_.lots_min + row[3]};
  for (std::size_t side = 0; side < 2; ++side) {
    const bool withdrawn = choice[side] == params_.offset_choices;  // it comes after the grid
    if (withdrawn) {
      quotes.lots[side] = 0;
    } else {
      quotes.offset_ticks[side] = offset_choice(choice[side]);
    }
  }
  return quotes;
}

}  // namespace rlmm
