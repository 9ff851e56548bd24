// When the next event comes and of which group: exact sampling of the self-exciting intensities.
//
// Between events each group's bracket [baseline + excitation] decays in known ways, all groups
// sharing the decays, so the total intensity is B + sum over decays of S exp(-b u). That is the
// intensity of independent clocks, one for the baseline and one per decay, each of which can be
// inverted in closed form: the first one to ring is the event, and no draw is ever rejected.
//
// The clocks count unit-rate time. When something outside the flow interferes (a regime jump, a
// message of the agent), the time that has passed is taken off them and the rest is kept: no
// draw is lost or added. Clocks and waiting times are floats, so an interruption can shift what
// follows by parts in 10^7 of the waiting time.
//
// Mirror: with the two sides' parameters, factors and draws of side exchanged, every sum is of the
// same numbers in the same order of pairs, so the mirrored market runs bit for bit in the mirror.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "flow/draws.h"
#include "flow/flow_model.h"
#include "flow/lanes.h"
#include "rng.h"
#include "serialize.h"

namespace rlmm {

class EventFlow {
 public:
  static constexpr float kNever = std::numeric_limits<float>::infinity();

  struct Wait {
    float seconds = kNever;
    std::size_t clock = 0;  // 0 is the baseline, 1 + p decay p
  };

  // `model` must outlive the flow. A mirrored flow gives every event to the other side.
  EventFlow(const FlowModel& model, bool is_mirrored)
      : model_(&model), mirrored_(is_mirrored), baseline_hz_(model.baseline_hz) {}

  // Without any past events, and with event 0's draws.
  void start(SeedKey key, std::uint64_t episode);

  // Baselines other than the model's, from now on; kernels stay as they are, and so does the
  // number of events that one event begets.
  void set_baseline(const Lanes& baseline_hz) { baseline_hz_ = baseline_hz; }

  // How long until the next event if `factors` stay as they are.
  Wait next(const Lanes& factors);

  // Nothing happened for `seconds` since the last `next`, under the factors given there.
  void pass(float seconds);

  // The event of the last `next` happens; ages everything to its time and excites the intensities.
  Group take(const Wait& wait, const Lanes& factors);

  // The words of the event that `take` returned last.
  const EventDraws& draws() const { return taken_; }

  // An event from outside; `weight` is its share of a full event of its group.
  void excite(Group group, float weight);

  std::uint64_t events() const { return state_.event; }

  // Expected events of each group over `seconds` from now under `factors`, if none happened: the
  // compensator, for filters and for tests of the residuals.
  Lanes expected(const Lanes& factors, float seconds) const;

  // Present intensity of each group.
  Lanes intensities(const Lanes& factors) const;

  void save(Writer& out) const { out.put(state_); }
  void load(Reader& in);

 private:
  using Blocks = std::array<Float4, FlowModel::kBlocks>;
  struct State {
    std::array<Blocks, kGroups> excitation{};  // by group and decay, per second
    Blocks clocks{};
    float baseline_clock = 0.0F;
    std::array<float, 3> padding{};  // always 0: a state's bytes are its value
    std::uint64_t event = 0;
    std::uint64_t episode = 0;
    SeedKey key{};
  };

  template <std::size_t UsedBlocks>
  Wait next_of(const Lanes& factors);
  template <std::size_t UsedBlocks>
  void age_and_excite(float seconds, const FlowModel::Kick& kick, float weight);
  void renew_clocks();
  std::size_t choose(const Lanes& weights) const;

  static_assert(sizeof(State) % sizeof(Float4) == 0);

  const FlowModel* model_;
  bool mirrored_;
  State state_;
  DrawBatch batch_{};   // with the event to come
  EventDraws taken_{};  // of the event that has just happened
  Blocks sums_{};       // S of each decay at the last `next`
  float baseline_sum_ = 0.0F;
  Lanes baseline_hz_;
};

template <std::size_t UsedBlocks>
EventFlow::Wait EventFlow::next_of(const Lanes& factors) {
  const Lanes& base = baseline_hz_;
  baseline_sum_ = (factors[0] * base[0] + factors[1] * base[1]) +
                  (factors[2] * base[2] + factors[3] * base[3]) +
                  (factors[4] * base[4] + factors[5] * base[5]);
  Wait wait;
  if (baseline_sum_ > 0.0F) wait.seconds = state_.baseline_clock / baseline_sum_;
  for (std::size_t block = 0; block < UsedBlocks; ++block) {
    const auto part = [&](std::size_t g) {
      return splat(factors[g]) * state_.excitation[g][block];
    };
    const Float4 sum = (part(0) + part(1)) + (part(2) + part(3)) + (part(4) + part(5));
    sums_[block] = sum;
    // The clock of a decay rings at u with S (1 - exp(-b u)) / b = clock, if it ever does. As
    // 1 - exp(-b u) < b u, it cannot ring before clock / S.
    const Float4 needed = state_.clocks[block] * model_->decay_hz[block];
    const Int4 rings = needed < sum;
    const Float4 share = needed / (rings ? sum : needed + needed + splat(1.0F));
    const Float4 seconds = rings ? -log_one_less(share) * model_->decay_s[block] : splat(kNever);
    const std::size_t first = index_of_least(seconds);
    const bool earlier = seconds[first] < wait.seconds;
    wait.seconds = earlier ? seconds[first] : wait.seconds;
    wait.clock = earlier ? 1 + 4 * block + first : wait.clock;
  }
  return wait;
}

inline EventFlow::Wait EventFlow::next(const Lanes& factors) {
  if (model_->n_blocks == 1) [[likely]] {
    return next_of<1>(factors);
  }
  return model_->n_blocks == 0 ? next_of<0>(factors) : next_of<2>(factors);
}

template <std::size_t UsedBlocks>
void EventFlow::age_and_excite(float seconds, const FlowModel::Kick& kick, float weight) {
  for (std::size_t block = 0; block < UsedBlocks; ++block) {
    const Float4 kept = exp_of(model_->decay_hz[block] * splat(-seconds));
    for (std::size_t g = 0; g < kGroups; ++g) {
      Float4& excitation = state_.excitation[g][block];
      excitation = excitation * kept + splat(weight) * kick[g][block];
    }
  }
}

inline void EventFlow::renew_clocks() {
  const std::size_t at = state_.event % DrawBatch::kEvents;
  if (at == 0) {
    draw_events(state_.key, state_.episode, state_.event, model_->params.decays_hz.size(), batch_);
  }
  const auto& clocks = batch_.clocks[at];
  state_.baseline_clock = clocks[0];
  for (std::size_t block = 0; block < FlowModel::kBlocks; ++block) {
    __builtin_memcpy(&state_.clocks[block], &clocks[1 + 4 * block], sizeof(Float4));
  }
}

// One of the groups with probability in proportion to its weight: first the kind, then the side.
inline std::size_t EventFlow::choose(const Lanes& weights) const {
  const EventDraws& ahead = batch_.words[state_.event % DrawBatch::kEvents];
  const float markets = weights[0] + weights[1];
  const float limits = weights[2] + weights[3];
  const float cancels = weights[4] + weights[5];
  const float at = uniform_of(word_of(ahead, Draw::kKind)) * (markets + limits + cancels);
  const auto kind =
      static_cast<std::size_t>(at >= markets) + static_cast<std::size_t>(at >= markets + limits);
  const std::size_t first = 2 * kind + static_cast<std::size_t>(mirrored_);
  const float of_both = weights[2 * kind] + weights[2 * kind + 1];
  const bool other = uniform_of(word_of(ahead, Draw::kSide)) * of_both >= weights[first];
  return first ^ static_cast<std::size_t>(other);
}

inline Group EventFlow::take(const Wait& wait, const Lanes& factors) {
  Lanes weights;
  if (wait.clock == 0) {
    for (std::size_t g = 0; g < kGroups; ++g) weights[g] = factors[g] * baseline_hz_[g];
  } else {
    const std::size_t block = (wait.clock - 1) / 4;
    const std::size_t at = (wait.clock - 1) % 4;
    for (std::size_t g = 0; g < kGroups; ++g) {
      weights[g] = factors[g] * state_.excitation[g][block][at];
    }
  }
  const auto group = static_cast<Group>(choose(weights));
  const FlowModel::Kick& kick = model_->kicks[lane(group)];
  if (model_->n_blocks == 1) [[likely]] {
    age_and_excite<1>(wait.seconds, kick, 1.0F);
  } else if (model_->n_blocks == 2) {
    age_and_excite<2>(wait.seconds, kick, 1.0F);
  }
  taken_ = batch_.words[state_.event % DrawBatch::kEvents];
  ++state_.event;
  renew_clocks();
  return group;
}

}  // namespace rlmm
