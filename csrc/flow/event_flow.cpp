#include "flow/event_flow.h"

namespace rlmm {

void EventFlow::start(SeedKey key, std::uint64_t episode) {
  state_ = State();
  baseline_hz_ = model_->baseline_hz;
  state_.key = key;
  state_.episode = episode;
  renew_clocks();
}

void EventFlow::pass(float seconds) {
  state_.baseline_clock = std::max(0.0F, state_.baseline_clock - baseline_sum_ * seconds);
  for (std::size_t block = 0; block < model_->n_blocks; ++block) {
    const Float4 gone = exp_of(model_->decay_hz[block] * splat(-seconds));
    const Float4 used = sums_[block] * (splat(1.0F) - gone) * model_->decay_s[block];
    const Float4 left = state_.clocks[block] - used;
    const Int4 positive = left > splat(0.0F);
    state_.clocks[block] = positive ? left : splat(0.0F);
  }
  const FlowModel::Kick nothing{};
  age_and_excite<FlowModel::kBlocks>(seconds, nothing, 0.0F);
}

void EventFlow::excite(Group group, float weight) {
  age_and_excite<FlowModel::kBlocks>(0.0F, model_->kicks[lane(group)], weight);
}

Lanes EventFlow::expected(const Lanes& factors, float seconds) const {
  Lanes sums{};
  for (std::size_t g = 0; g < kGroups; ++g) sums[g] = baseline_hz_[g] * seconds;
  for (std::size_t block = 0; block < model_->n_blocks; ++block) {
    const Float4 gone = exp_of(model_->decay_hz[block] * splat(-seconds));
    const Float4 span = (splat(1.0F) - gone) * model_->decay_s[block];
    for (std::size_t g = 0; g < kGroups; ++g) {
      const Float4 part = state_.excitation[g][block] * span;
      sums[g] += (part[0] + part[1]) + (part[2] + part[3]);
    }
  }
  for (std::size_t g = 0; g < kGroups; ++g) sums[g] *= factors[g];
  return sums;
}

Lanes EventFlow::intensities(const Lanes& factors) const {
  Lanes now{};
  for (std::size_t g = 0; g < kGroups; ++g) {
    float sum = baseline_hz_[g];
    for (std::size_t block = 0; block < model_->n_blocks; ++block) {
      const Float4 part = state_.excitation[g][block];
      sum += (part[0] + part[1]) + (part[2] + part[3]);
    }
    now[g] = factors[g] * sum;
  }
  return now;
}

void EventFlow::load(Reader& in) {
  state_ = in.get<State>();
  const std::uint64_t in_batch = state_.event % DrawBatch::kEvents;
  draw_events(state_.key, state_.episode, state_.event - in_batch, model_->params.decays_hz.size(),
              batch_);
}

}  // namespace rlmm
