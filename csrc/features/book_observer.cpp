#include "features/book_observer.h"

#include <algorithm>
#include <span>

namespace rlmm {
namespace {

constexpr double kVolatilityHalfLifeSteps = 16.0;
constexpr std::array kOfQuotes{Feature::kBidOffset,     Feature::kAskOffset,
                               Feature::kBidLots,       Feature::kAskLots,
                               Feature::kBidQueueAhead, Feature::kAskQueueAhead};
constexpr std::array kOfTouch{Feature::kSpread, Feature::kMicroprice};
constexpr std::array kOfLevels{Feature::kBidDistance, Feature::kAskDistance, Feature::kBidDepth,
                               Feature::kAskDepth, Feature::kImbalance};
constexpr std::array kOfHistory{Feature::kReturn,    Feature::kVolatility,  Feature::kOrderFlow,
                                Feature::kTradeSign, Feature::kTradeVolume, Feature::kActivity};

bool shows_any(const FeatureWriter& features, std::span<const Feature> group) {
  return std::ranges::any_of(group, [&](Feature feature) { return features.shows(feature); });
}

}  // namespace

BookObserverModel::BookObserverModel(const EnvParams& params, const FeatureWriter& features)
    : step_s(params.step_s()),
      horizon_s(step_s * static_cast<double>(params.episode.n_steps)),
      return_memory(std::exp2(-1.0 / kVolatilityHalfLifeSteps)),
      levels(shows_any(features, kOfLevels) ? static_cast<std::size_t>(params.observation.levels)
                                            : 0),
      shows_motion(features.needs_motion()),
      shows_quotes(shows_any(features, kOfQuotes)),
      shows_touch(shows_any(features, kOfTouch)),
      shows_history(shows_any(features, kOfHistory)) {}

void BookObserver::show_history(BookView& view) const {
  for (std::size_t i = 0; i < history_.horizons(); ++i) {
    const StepTally& sum = history_.sum(i);
    const auto steps = static_cast<double>(history_.steps(i));
    const auto bought = static_cast<double>(sum.bought);
    const auto sold = static_cast<double>(sum.sold);
    view.set(Feature::kReturn, i, 0.5 * static_cast<double>(sum.return_x2));
    view.set(Feature::kVolatility, i,
             0.5 * std::sqrt(static_cast<double>(sum.return_squared_x4) / steps));
    view.set(Feature::kOrderFlow, i, static_cast<double>(sum.order_flow) / steps);
    view.set(Feature::kTradeSign, i, ratio(bought - sold, bought + sold));
    view.set(Feature::kTradeVolume, i, (bought + sold) / steps);
    view.set(Feature::kActivity, i, static_cast<double>(sum.events) / steps);
  }
}

void BookObserver::save(Writer& out) const {
  out.put(state_);
  out.put(tally_);
  history_.save(out);
}

void BookObserver::load(Reader& in) {
  state_ = in.get<State>();
  tally_ = in.get<StepTally>();
  history_.load(in);
}

}  // namespace rlmm
