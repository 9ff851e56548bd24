// When the next event comes and of which group: exact sampling of the self-exciting intensities.
//
// Between events each group's sum of factor x baseline and factor x excitation decays in known
// ways, all groups sharing the decays, so the total intensity is B + sum over decays of S exp(-b
// u). That is the intensity of independent clocks, one for the baseline (which decays at rate 0)
// and one per decay, each of which can be inverted in closed form: the first one to ring is the
// event, and no draw is ever rejected. All eight clocks there can be are computed at once.
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
    std::size_t clock = 0;             // 0 is the baseline, 1 + p decay p
    Group group = Group::kMarketSell;  // of the event
  };

  // `model` must outlive the flow. A mirrored flow gives every event to the other side.
  EventFlow(const FlowModel& model, bool is_mirrored) : model_(&model), mirrored_(is_mirrored) {
    set_baseline(model.baseline_hz);
  }

  // Of past events: the sum of exp(-decay x age), by decay (those of the model, in its order) and
  // group.
  static constexpr std::size_t kDecaysMost = kLanes - 1;
  using Past = std::array<std::array<float, kGroups>, kDecaysMost>;

  // Without any past events, and with event 0's draws.
  void start(SeedKey key, std::uint64_t episode);
  // From now on the flow is excited by these events too.
  void recall(const Past& past);

  // Baselines other than the model's, from now on; kernels stay as they are, and so does the
  // number of events that one event begets.
  void set_baseline(const Lanes& baseline_hz) {
    for (std::size_t g = 0; g < kGroups; ++g) state_.excitation[g][0] = baseline_hz[g];
  }

  // The next event if `factors` stay as they are.
  Wait next(const Factors& factors);

  // Nothing happened for `seconds` since the last `next`, under the factors given there.
  void pass(float seconds);

  // The event of the last `next` happens; ages everything to its time and excites the intensities,
  // unless nothing comes of it (weight 0).
  void take(const Wait& wait, float weight = 1.0F);

  // The words of the event that `next` says comes next.
  const EventDraws& coming_draws() const { return draw_of(state_.event).words; }
  // The words of the event that `take` was given last.
  const EventDraws& draws() const { return draw_of(state_.event - 1).words; }

  // An event from outside; `weight` is its share of a full event of its group.
  void excite(Group group, float weight);

  std::uint64_t events() const { return state_.event; }

  // Expected events of each group over `seconds` from now under `factors`, if none happened: the
  // compensator, for filters and for tests of the residuals.
  Lanes expected(const Factors& factors, float seconds) const;
  // The same by the model's own baselines, whatever has been set since.
  Lanes expected_by_model(const Factors& factors, float seconds) const;

  // Present intensity of each group.
  Lanes intensities(const Factors& factors) const;

  void save(Writer& out) const { out.put(state_); }
  void load(Reader& in);

 private:
  using Clocks = std::array<float, kLanes>;
  struct State {
    // By group and clock, per second; clock 0's is the baseline.
    alignas(32) std::array<Clocks, kGroups> excitation{};
    alignas(32) Clocks clocks{};
    std::uint64_t event = 0;
    std::uint64_t episode = 0;
    SeedKey key{};
  };
  static_assert(sizeof(State) % alignof(State) == 0);

  using GroupLanes = std::array<Float8, kGroups>;

  static Float8 by_clock(const Factors& factors, std::size_t group);
  GroupLanes weights(const Factors& factors) const;
  static Float8 of_kind(const GroupLanes& weights, std::size_t side, Int8 no_market, Int8 cancel);
  Int8 groups(const GroupLanes& weights, Float8 markets, Float8 limits, Float8 sum) const;
  void age_and_excite(float seconds, const FlowModel::Kick& kick, float weight);
  void draw_batch();
  void wind_clocks();
  const EventDraw& draw_of(std::uint64_t event) const { return draws_[event % kDrawsKept]; }

  const FlowModel* model_;
  bool mirrored_;
  State state_;
  // Two batches in turn: the words of the event that has just happened outlive the drawing of the
  // next ones.
  static constexpr std::size_t kDrawsKept = 2 * kDrawnTogether;
  std::array<EventDraw, kDrawsKept> draws_{};
  alignas(32) Clocks sums_{};  // S of each clock at the last `next`
};

// The first clock is the baseline's.
RLMM_LANES Float8 EventFlow::by_clock(const Factors& factors, std::size_t group) {
  constexpr Int8 kIsBaseline{-1, 0, 0, 0, 0, 0, 0, 0};
  return kIsBaseline ? splat(factors.baseline[group]) : splat(factors.excitation[group]);
}

// The part of each clock's intensity that is each group's.
RLMM_LANES EventFlow::GroupLanes EventFlow::weights(const Factors& factors) const {
  GroupLanes weights;
  for (std::size_t g = 0; g < kGroups; ++g) {
    weights[g] = by_clock(factors, g) * lanes_at(state_.excitation[g].data());
  }
  return weights;
}

RLMM_LANES Float8 EventFlow::of_kind(const GroupLanes& weights, std::size_t side, Int8 no_market,
                                     Int8 cancel) {
  const Float8 resting = no_market ? weights[2 + side] : weights[side];
  return cancel ? weights[4 + side] : resting;
}

// Which group the event is of if this clock rings first, with probability in proportion to its
// weight: first the kind, then the side. For all clocks, because that is sooner known than which.
RLMM_LANES Int8 EventFlow::groups(const GroupLanes& weights, Float8 markets, Float8 limits,
                                  Float8 sum) const {
  const EventDraws& words = draw_of(state_.event).words;
  const Float8 at = splat(uniform_of(word_of(words, Draw::kKind))) * sum;
  const Int8 no_market = at >= markets;
  const Int8 cancel = at >= markets + limits;
  const std::size_t near = mirrored_ ? 1 : 0;
  const Float8 first = of_kind(weights, near, no_market, cancel);
  const Float8 both = first + of_kind(weights, 1 - near, no_market, cancel);
  const Int8 other = splat(uniform_of(word_of(words, Draw::kSide))) * both >= first;
  // A comparison that holds is -1.
  const Int8 side = mirrored_ ? other + 1 : -other;
  return side - 2 * no_market - 2 * cancel;
}

// The clock of a decay rings at u with S (1 - exp(-b u)) / b = clock, if it ever does; the
// baseline's with S u = clock.
RLMM_LANES EventFlow::Wait EventFlow::next(const Factors& factors) {
  const GroupLanes weight = weights(factors);
  const Float8 markets = weight[0] + weight[1];
  const Float8 limits = weight[2] + weight[3];
  const Float8 sum = markets + limits + (weight[4] + weight[5]);
  store_lanes(sum, sums_.data());
  const Float8 zero = splat(0.0F);
  const Int8 runs = sum > zero;
  const Float8 ratio = lanes_at(state_.clocks.data()) / (runs ? sum : splat(1.0F));
  const Float8 decay_hz = lanes_at(model_->decay_hz.data());
  const Float8 share = ratio * decay_hz;
  const Int8 rings = runs & (share < splat(1.0F));
  const Float8 decayed = -log_one_less(rings ? share : zero) * lanes_at(model_->decay_s.data());
  const Float8 ringing = decay_hz > zero ? decayed : ratio;
  const Float8 seconds = rings ? ringing : splat(kNever);
  alignas(32) std::array<std::int32_t, kLanes> group;
  const Int8 of_clock = groups(weight, markets, limits, sum);
  __builtin_memcpy(group.data(), &of_clock, sizeof of_clock);
  const std::size_t first = index_of_least(seconds);
  return {least_of(seconds)[0], first, static_cast<Group>(group[first])};
}

RLMM_LANES void EventFlow::age_and_excite(float seconds, const FlowModel::Kick& kick,
                                          float weight) {
  const Float8 kept = exp_of(lanes_at(model_->decay_hz.data()) * splat(-seconds));
  for (std::size_t g = 0; g < kGroups; ++g) {
    float* const excitation = state_.excitation[g].data();
    store_lanes(lanes_at(excitation) * kept + splat(weight) * lanes_at(kick[g].data()), excitation);
  }
}

inline void EventFlow::draw_batch() {
  const std::uint64_t first = state_.event - state_.event % kDrawnTogether;
  draw_events(state_.key, state_.episode, first,
              DrawBatch(&draws_[first % kDrawsKept], kDrawnTogether));
}

RLMM_LANES void EventFlow::wind_clocks() {
  store_lanes(lanes_at(draw_of(state_.event).clocks.data()), state_.clocks.data());
}

RLMM_LANES void EventFlow::take(const Wait& wait, float weight) {
  age_and_excite(wait.seconds, model_->kicks[lane(wait.group)], weight);
  ++state_.event;
  if (state_.event % kDrawnTogether == 0) draw_batch();
  wind_clocks();
}

}  // namespace rlmm
