#include "flow/event_flow.h"

namespace rlmm {

void EventFlow::start(SeedKey key, std::uint64_t episode) {
  state_ = State();
  set_baseline(model_->baseline_hz);
  state_.key = key;
  state_.episode = episode;
  draw_batch();
  wind_clocks();
}

void EventFlow::recall(const Past& past) {
  for (std::size_t source = 0; source < kGroups; ++source) {
    for (std::size_t p = 0; p < kDecaysMost; ++p) {
      for (std::size_t target = 0; target < kGroups; ++target) {
        state_.excitation[target][1 + p] += model_->kicks[source][target][1 + p] * past[p][source];
      }
    }
  }
}

RLMM_LANE_CLONES void EventFlow::pass(float seconds) {
  const Float8 decay_hz = lanes_at(model_->decay_hz.data());
  const Float8 zero = splat(0.0F);
  const Float8 gone = exp_of(decay_hz * splat(-seconds));
  const Float8 decayed_s = (splat(1.0F) - gone) * lanes_at(model_->decay_s.data());
  const Float8 span_s = decay_hz > zero ? decayed_s : splat(seconds);
  const Float8 left = lanes_at(state_.clocks.data()) - lanes_at(sums_.data()) * span_s;
  store_lanes(left > zero ? left : zero, state_.clocks.data());
  const FlowModel::Kick nothing{};
  age_and_excite(seconds, nothing, 0.0F);
}

RLMM_LANE_CLONES void EventFlow::excite(Group group, float weight) {
  age_and_excite(0.0F, model_->kicks[lane(group)], weight);
}

Lanes EventFlow::expected(const Factors& factors, float seconds) const {
  const Float8 decay_hz = lanes_at(model_->decay_hz.data());
  const Float8 gone = exp_of(decay_hz * splat(-seconds));
  const Float8 decayed_s = (splat(1.0F) - gone) * lanes_at(model_->decay_s.data());
  const Float8 span_s = decay_hz > splat(0.0F) ? decayed_s : splat(seconds);
  Lanes events{};
  for (std::size_t g = 0; g < kGroups; ++g) {
    const Float8 now_hz = by_clock(factors, g) * lanes_at(state_.excitation[g].data());
    events[g] = sum_of(now_hz * span_s);
  }
  return events;
}

Lanes EventFlow::expected_by_model(const Factors& factors, float seconds) const {
  Lanes events = expected(factors, seconds);
  for (std::size_t g = 0; g < kGroups; ++g) {
    events[g] += factors.baseline[g] * (model_->baseline_hz[g] - state_.excitation[g][0]) * seconds;
  }
  return events;
}

Lanes EventFlow::intensities(const Factors& factors) const {
  Lanes now{};
  for (std::size_t g = 0; g < kGroups; ++g) {
    now[g] = sum_of(by_clock(factors, g) * lanes_at(state_.excitation[g].data()));
  }
  return now;
}

void EventFlow::load(Reader& in) {
  state_ = in.get<State>();
  draw_batch();
}

}  // namespace rlmm
