// The event flow against a slow twin in doubles that follows the formulas, event by event.
#include <array>
#include <cmath>
#include <vector>

#include "check.h"
#include "flow/event_flow.h"
#include "flow_models.h"

namespace rlmm {
namespace {

using flow_models::exciting_model;
using flow_models::kOnes;
using flow_models::whole;

constexpr SeedKey kKey{21, 22};

// Competing risks, as the header of event_flow.h describes them.
class Twin {
 public:
  Twin(const MarketModel& model, bool is_mirrored, std::uint64_t episode)
      : model_(model), mirrored_(is_mirrored), episode_(episode) {
    excitation_.assign(model.decays_hz.size(), {});
    renew();
  }

  // What clock `i` has left when `seconds` have passed under `factors`.
  double left(std::size_t clock, const Factors& factors, double seconds) const {
    if (clock == 0) return clocks_[0] - total(baselines(factors)) * seconds;
    const double rate = model_.decays_hz[clock - 1];
    const double sum = total(weights(clock, factors));
    return clocks_[clock] + sum * std::expm1(-rate * seconds) / rate;
  }
  // What floats may be off by: 1 - exp(-b u) is right to 2^-24 of 1, whatever u is.
  double slack(std::size_t clock, const Factors& factors) const {
    const double most =
        clock == 0 ? 0.0 : total(weights(clock, factors)) / model_.decays_hz[clock - 1];
    return 3e-6 * (0.1 + clocks_[clock] + most);
  }
  std::size_t clocks() const { return clocks_.size(); }

  void pass(const Factors& factors, double seconds) {
    for (std::size_t i = 0; i < clocks_.size(); ++i) {
      clocks_[i] = std::max(0.0, left(i, factors, seconds));
    }
    age(seconds);
  }
  std::size_t take(std::size_t clock, const Factors& factors, double seconds) {
    const auto by_group = clock == 0 ? baselines(factors) : weights(clock, factors);
    const auto kind_sum = [&](std::size_t k) { return by_group[2 * k] + by_group[2 * k + 1]; };
    const double at = uniform_of(word_of(words_, Draw::kKind)) * total(by_group);
    std::size_t kind = 0;
    if (at >= kind_sum(0)) kind = at < kind_sum(0) + kind_sum(1) ? 1 : 2;
    const std::size_t first = 2 * kind + (mirrored_ ? 1 : 0);
    const bool is_other =
        uniform_of(word_of(words_, Draw::kSide)) * kind_sum(kind) >= by_group[first];
    const std::size_t group = is_other ? first ^ 1U : first;
    age(seconds);
    excite(group, 1.0);
    ++event_;
    renew();
    return group;
  }
  void excite(std::size_t source, double weight) {
    for (std::size_t p = 0; p < excitation_.size(); ++p) {
      for (std::size_t g = 0; g < kGroups; ++g) {
        const double norm = model_.excitation[(p * kGroups + g) * kGroups + source];
        excitation_[p][g] += weight * norm * model_.decays_hz[p];
      }
    }
  }
  double intensity(std::size_t g, const Factors& factors) const {
    double sum = factors.baseline[g] * model_.groups[g].baseline_hz;
    for (const auto& of_decay : excitation_) sum += factors.excitation[g] * of_decay[g];
    return sum;
  }

 private:
  using Weights = std::array<double, kGroups>;
  Weights baselines(const Factors& factors) const {
    Weights result{};
    for (std::size_t g = 0; g < kGroups; ++g) {
      result[g] = factors.baseline[g] * model_.groups[g].baseline_hz;
    }
    return result;
  }
  Weights weights(std::size_t clock, const Factors& factors) const {
    Weights result{};
    for (std::size_t g = 0; g < kGroups; ++g) {
      result[g] = factors.excitation[g] * excitation_[clock - 1][g];
    }
    return result;
  }
  static double total(const Weights& values) {
    double sum = 0.0;
    for (const double value : values) sum += value;
    return sum;
  }
  void age(double seconds) {
    for (std::size_t p = 0; p < excitation_.size(); ++p) {
      for (double& one : excitation_[p]) one *= std::exp(-model_.decays_hz[p] * seconds);
    }
  }
  void renew() {
    if (event_ % 8 == 0) {
      draw_events_portably(kKey, episode_, event_, batch_);
    }
    words_ = batch_[event_ % 8].words;
    const auto& fresh = batch_[event_ % 8].clocks;
    const auto n = static_cast<std::ptrdiff_t>(1 + model_.decays_hz.size());
    clocks_.assign(fresh.begin(), fresh.begin() + n);
  }

  const MarketModel& model_;
  bool mirrored_;
  std::uint64_t episode_;
  std::uint64_t event_ = 0;
  std::vector<Weights> excitation_;  // by decay and group
  std::vector<double> clocks_;
  std::array<EventDraw, kDrawnTogether> batch_{};
  EventDraws words_{};
};

Factors random_factors(Stream& stream) {
  Factors factors;
  for (Lanes* const lanes : {&factors.baseline, &factors.excitation}) {
    for (float& factor : *lanes) {
      factor = stream.below(8) == 0 ? 0.0F : static_cast<float>(3.0 * stream.uniform());
    }
  }
  return factors;
}

// The clock that the flow says rings first has run down in the twin, and no other has before.
void check_wait(const Twin& twin, const EventFlow::Wait& wait, const Factors& factors) {
  const double seconds = wait.seconds;
  CHECK(wait.clock < twin.clocks());
  CHECK_NEAR(twin.left(wait.clock, factors, seconds), 0.0, twin.slack(wait.clock, factors));
  for (std::size_t i = 0; i < twin.clocks(); ++i) {
    CHECK(twin.left(i, factors, seconds) > -twin.slack(i, factors));
  }
}

void check_against_twin(const std::vector<double>& decays_hz, bool is_mirrored, int events) {
  const MarketModel params = exciting_model(decays_hz, 0.9);
  const FlowModel model(params);
  EventFlow flow(model, is_mirrored);
  constexpr std::uint64_t kEpisode = 5;
  flow.start(kKey, kEpisode);
  Twin twin(params, is_mirrored, kEpisode);
  Stream stream(kKey, decays_hz.size(), Purpose::kReset);
  Factors factors = kOnes;
  while (flow.events() < static_cast<std::uint64_t>(events)) {
    const std::uint64_t what = stream.below(8);
    if (what == 0) factors = random_factors(stream);
    const EventFlow::Wait wait = flow.next(factors);
    if (wait.seconds == EventFlow::kNever) {
      factors = kOnes;
      continue;
    }
    check_wait(twin, wait, factors);
    if (what == 1) {
      const auto part = static_cast<float>(stream.uniform()) * wait.seconds;
      flow.pass(part);
      twin.pass(factors, part);
    } else if (what == 2) {
      const auto source = static_cast<Group>(stream.below(kGroups));
      flow.excite(source, 0.25F);
      twin.excite(static_cast<std::size_t>(source), 0.25);
    } else {
      CHECK_EQ(lane(wait.group), twin.take(wait.clock, factors, wait.seconds));
      flow.take(wait);
    }
    for (std::size_t g = 0; g < kGroups; ++g) {
      const double expected = twin.intensity(g, factors);
      CHECK_NEAR(flow.intensities(factors)[g], expected, 2e-5 * expected + 1e-9);
    }
  }
}

}  // namespace

TEST("event flow: follows the formulas for thousands of events") {
  check_against_twin({}, false, 2000);
  check_against_twin({3.0}, false, 4000);
  check_against_twin({5000.0, 200.0, 8.0, 0.3}, false, 4000);
  check_against_twin({5000.0, 200.0, 8.0, 0.3}, true, 2000);
  check_against_twin({300.0, 90.0, 20.0, 5.0, 0.8}, false, 4000);
  check_against_twin({900.0, 300.0, 90.0, 20.0, 5.0, 0.8, 0.05}, true, 3000);
}

TEST("event flow: time passes in pieces as in one piece") {
  const FlowModel model(exciting_model({40.0, 9.0, 2.0, 0.7, 0.1}, 0.8));
  EventFlow whole(model, false);
  EventFlow pieces(model, false);
  whole.start(kKey, 1);
  pieces.start(kKey, 1);
  for (int n = 0; n < 500; ++n) {
    const float seconds = whole.next(kOnes).seconds;
    whole.pass(0.75F * seconds);
    for (int i = 0; i < 6; ++i) {
      pieces.next(kOnes);
      pieces.pass(0.125F * seconds);
    }
    const EventFlow::Wait one = whole.next(kOnes);
    const EventFlow::Wait other = pieces.next(kOnes);
    CHECK_EQ(one.clock, other.clock);
    CHECK_NEAR(one.seconds, 0.25 * seconds, 1e-3 * seconds);
    CHECK_NEAR(other.seconds, one.seconds, 1e-3 * seconds);
    CHECK(one.group == other.group);
    whole.take(one);
    pieces.take(other);
    CHECK(whole.draws() == pieces.draws());
  }
}

TEST("event flow: nothing happens where nothing can") {
  const FlowModel model(exciting_model({40.0, 2.0}, 0.8));
  EventFlow flow(model, false);
  flow.start(kKey, 2);
  const Factors none{};
  flow.excite(Group::kMarketBuy, 1.0F);
  CHECK_EQ(flow.next(none).seconds, EventFlow::kNever);
  flow.pass(1000.0F);
  for (const float intensity : flow.intensities(none)) CHECK_EQ(intensity, 0.0F);
  CHECK(flow.next(kOnes).seconds < 100.0F);  // the clocks have waited
  MarketModel silent = exciting_model({40.0}, 0.8);
  for (GroupParams& group : silent.groups) group.baseline_hz = 0.0;
  const FlowModel silent_model(silent);
  EventFlow without_baseline(silent_model, false);
  without_baseline.start(kKey, 2);
  CHECK_EQ(without_baseline.next(kOnes).seconds, EventFlow::kNever);
  without_baseline.pass(10.0F);
  without_baseline.excite(Group::kLimitAsk, 1e6F);
  CHECK(without_baseline.next(kOnes).seconds < 1e-3F);
}

TEST("event flow: a group without weight never comes") {
  const FlowModel model(exciting_model({40.0, 9.0, 2.0}, 0.9));
  for (std::size_t group = 0; group < kGroups; ++group) {
    for (const bool is_mirrored : {false, true}) {
      EventFlow flow(model, is_mirrored);
      flow.start(kKey, group);
      Lanes alone{};
      alone[group] = 1.0F;
      Lanes others = kOnes.baseline;
      others[group] = 0.0F;
      for (int n = 0; n < 300; ++n) {
        const Factors factors = whole(n % 2 == 0 ? alone : others);
        const EventFlow::Wait wait = flow.next(factors);
        const std::size_t came = lane(wait.group);
        flow.take(wait);
        CHECK_EQ(came == group, n % 2 == 0);
      }
    }
  }
}

TEST("event flow: other baselines change the baseline alone") {
  const FlowModel model(exciting_model({5.0}, 0.5));
  EventFlow flow(model, false);
  flow.start(kKey, 3);
  flow.excite(Group::kMarketSell, 2.0F);
  const Lanes before = flow.intensities(kOnes);
  Lanes doubled = model.baseline_hz;
  for (float& baseline : doubled) baseline *= 2.0F;
  const float wait = flow.next(whole({1.0F})).seconds;
  flow.set_baseline(doubled);
  for (std::size_t g = 0; g < kGroups; ++g) {
    CHECK_NEAR(flow.intensities(kOnes)[g], before[g] + model.baseline_hz[g], 1e-6);
    CHECK_NEAR(flow.expected(kOnes, 1e-4F)[g], 1e-4 * (before[g] + model.baseline_hz[g]), 1e-6);
  }
  CHECK(flow.next(whole({1.0F})).seconds < wait);
  flow.start(kKey, 3);  // a new episode has the model's
  CHECK_EQ(flow.intensities(kOnes), model.baseline_hz);
}

TEST("event flow: a factor of the baseline leaves what past events add as it is") {
  const FlowModel model(exciting_model({5.0}, 0.5));
  EventFlow flow(model, false);
  flow.start(kKey, 3);
  flow.excite(Group::kMarketSell, 2.0F);
  Factors doubled = kOnes;
  for (float& factor : doubled.baseline) factor = 2.0F;
  const Lanes once = flow.intensities(kOnes);
  Lanes other_hz = model.baseline_hz;
  for (float& baseline : other_hz) baseline *= 3.0F;
  flow.set_baseline(other_hz);
  const Lanes by_model = flow.expected_by_model(doubled, 1e-4F);
  const Lanes by_other = flow.expected(doubled, 1e-4F);
  for (std::size_t g = 0; g < kGroups; ++g) {
    CHECK_NEAR(by_model[g], 1e-4 * (once[g] + model.baseline_hz[g]), 1e-6);
    CHECK_NEAR(by_other[g], 1e-4 * (once[g] + 5.0 * model.baseline_hz[g]), 1e-6);
  }
}

TEST("event flow: what is expected is the integral of the intensities") {
  const FlowModel model(exciting_model({30.0, 6.0, 1.0, 0.2, 0.05}, 0.9));
  EventFlow flow(model, false);
  flow.start(kKey, 4);
  const Factors factors{{0.5F, 2.0F, 1.0F, 3.0F, 0.0F, 1.5F}, {1.5F, 0.0F, 1.0F, 0.3F, 0.4F, 2.0F}};
  for (int n = 0; n < 20; ++n) flow.take(flow.next(factors));
  constexpr int kSteps = 4000;
  constexpr float kSpan = 2.0F;
  const Lanes expected = flow.expected(factors, kSpan);
  std::array<double, kGroups> sums{};
  for (int n = 0; n < kSteps; ++n) {
    flow.pass(kSpan / (2 * kSteps));
    const Lanes middle = flow.intensities(factors);
    for (std::size_t g = 0; g < kGroups; ++g) sums[g] += middle[g] * kSpan / kSteps;
    flow.pass(kSpan / (2 * kSteps));
  }
  for (std::size_t g = 0; g < kGroups; ++g) CHECK_NEAR(expected[g], sums[g], 2e-3 * sums[g]);
}

TEST("event flow: goes on from a saved state, at every place in a batch of draws") {
  const FlowModel model(exciting_model({30.0, 6.0, 1.0, 0.2, 0.05}, 0.9));
  EventFlow flow(model, false);
  flow.start(kKey, 6);
  for (int n = 0; n < 40; ++n) {
    Writer out;
    flow.save(out);
    EventFlow resumed(model, false);
    Reader in(out.bytes());
    resumed.load(in);
    CHECK_EQ(in.left(), std::size_t{0});
    EventFlow copy = flow;
    for (int i = 0; i < 20; ++i) {
      const EventFlow::Wait wait = copy.next(kOnes);
      const EventFlow::Wait again = resumed.next(kOnes);
      CHECK_EQ(wait.seconds, again.seconds);
      CHECK(wait.group == again.group);
      copy.take(wait);
      resumed.take(again);
      CHECK(copy.draws() == resumed.draws());
    }
    flow.take(flow.next(kOnes));
  }
}

}  // namespace rlmm
