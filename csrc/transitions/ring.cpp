#include "transitions/ring.h"

#include <cstring>
#include <string>

#include "checks.h"

namespace rlmm {
namespace {

constexpr std::size_t kRowsMost = std::size_t{1} << 32U;
constexpr std::size_t kAhead = 8;  // rows that are on their way from memory
constexpr std::size_t kFloatsPerDouble = sizeof(double) / sizeof(float);

// One environment's steps from `t` on, as far as a row looks.
template <class Action>
struct Window {
  double reward = 0.0;
  double counts = 0.0;
  double discount = 1.0;
  const float* after = nullptr;

  Window(const CollectedSteps<Action>& steps, std::size_t obs_width, std::size_t first,
         std::size_t horizon, double gamma) {
    const std::size_t n = steps.n_envs;
    const std::size_t rows = steps.n_steps * n;
    std::size_t at = first;
    for (std::size_t k = 0; k < horizon; ++k, at += n) {
      reward += discount * steps.reward[at];
      counts += discount * steps.counts[at];
      discount *= gamma;
      if (steps.terminated[at] || steps.truncated[at]) {
        if (steps.terminated[at]) discount = 0.0;
        after = steps.final_obs + at * obs_width;
        return;
      }
      if (at + n >= rows) {
        after = steps.last_obs + (at + n - rows) * obs_width;
        return;
      }
    }
    after = steps.obs + at * obs_width;
  }
};

}  // namespace

TransitionRing::TransitionRing(const TransitionShape& shape)
    : shape_(shape), row_floats_(2 * shape.obs_width + shape.n_actions + 1 + 2 * kFloatsPerDouble) {
  require_between<std::size_t>("obs_width", shape.obs_width, 1, 1U << 20U);
  require_between<std::size_t>("n_actions", shape.n_actions, 1, 1U << 20U);
  rows_.reserve(checked_capacity(shape.capacity) *
                row_floats_);  // memory that is never written costs nothing
}

float* TransitionRing::next_row() {
  const std::size_t start = (added_++ % shape_.capacity) * row_floats_;
  if (start == rows_.size()) rows_.resize(start + row_floats_);
  return rows_.data() + start;
}

template <class Action>
void TransitionRing::add(const CollectedSteps<Action>& steps, std::size_t horizon, double gamma) {
  require_between<std::size_t>("horizon", horizon, 1, kRowsMost);
  require_between("gamma", gamma, 0.0, 1.0);
  const std::size_t width = shape_.obs_width;
  const std::size_t n_actions = shape_.n_actions;
  for (std::size_t at = 0; at < steps.n_steps * steps.n_envs; ++at) {
    const Window<Action> window(steps, width, at, horizon, gamma);
    float* to = next_row();
    to = std::copy_n(steps.obs + at * width, width, to);
    to = std::copy_n(window.after, width, to);
    const Action* const actions = steps.actions + at * n_actions;
    for (std::size_t i = 0; i < n_actions; ++i) *to++ = static_cast<float>(actions[i]);
    *to++ = static_cast<float>(window.discount);
    std::memcpy(to, &window.reward, sizeof(double));
    std::memcpy(to + kFloatsPerDouble, &window.counts, sizeof(double));
  }
}

template void TransitionRing::add(const CollectedSteps<float>&, std::size_t, double);
template void TransitionRing::add(const CollectedSteps<std::int64_t>&, std::size_t, double);

void TransitionRing::draw(std::span<const double> draws, std::int64_t* places) const {
  require_rows(size());
  require_shares(draws);
  const auto rows = static_cast<double>(size());
  for (std::size_t i = 0; i < draws.size(); ++i) {
    places[i] = static_cast<std::int64_t>(draws[i] * rows);
  }
}

void TransitionRing::gather(std::span<const std::int64_t> places,
                            const TransitionArrays& to) const {
  require_places(places, size());
  const std::size_t width = shape_.obs_width;
  const std::size_t n_actions = shape_.n_actions;
  const auto row_at = [&](std::size_t i) {
    return rows_.data() + static_cast<std::size_t>(places[i]) * row_floats_;
  };
  for (std::size_t i = 0; i < places.size(); ++i) {
    __builtin_prefetch(row_at(std::min(i + kAhead, places.size() - 1)));
    const float* from = row_at(i);
    std::copy_n(from, width, to.obs + i * width);
    std::copy_n(from += width, width, to.next_obs + i * width);
    std::copy_n(from += width, n_actions, to.actions + i * n_actions);
    from += n_actions;
    to.discount[i] = *from++;
    std::memcpy(to.reward + i, from, sizeof(double));
    std::memcpy(to.counts + i, from + kFloatsPerDouble, sizeof(double));
  }
}

void TransitionRing::restore(std::span<const float> rows, std::size_t added) {
  require_length("rows", rows.size(), std::min(added, shape_.capacity) * row_floats_);
  rows_.assign(rows.begin(), rows.end());
  added_ = added;
}

std::size_t checked_capacity(std::size_t capacity) {
  require_between<std::size_t>("capacity", capacity, 1, kRowsMost);
  return capacity;
}

void require_rows(std::size_t size) {
  if (size == 0) refuse("transitions", "rows to draw from; add a rollout first", size);
}

void require_shares(std::span<const double> draws) {
  for (std::size_t i = 0; i < draws.size(); ++i) {
    if (!(0.0 <= draws[i] && draws[i] < 1.0)) {
      refuse(place_of("draws", i), "a share from 0 up to, but not, 1", draws[i]);
    }
  }
}

void require_places(std::span<const std::int64_t> places, std::size_t size) {
  const auto last = static_cast<std::int64_t>(size) - 1;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i] < 0 || places[i] > last) {
      refuse(place_of("places", i), "one from 0 to " + text_of(last), places[i]);
    }
  }
}

void require_length(const char* name, std::size_t got, std::size_t expected) {
  if (got != expected) refuse(name, "a length of " + text_of(expected), got);
}

}  // namespace rlmm
