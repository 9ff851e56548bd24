#include "features/features.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace rlmm {
namespace {

double mean_volatility_ticks(const AnalyticMarketParams& market) {
  const std::vector<double> share = stationary_regimes(market);
  double variance = 0.0;
  for (std::size_t k = 0; k < market.regimes.size(); ++k) {
    const double volatility = market.regimes[k].volatility_ticks;
    variance += share[k] * volatility * volatility;
  }
  return std::sqrt(variance);
}

double mean_orders(const EnvParams& params, double RegimeParams::* rate_hz) {
  const std::vector<double> share = stationary_regimes(params.market);
  double rate = 0.0;
  for (std::size_t k = 0; k < share.size(); ++k)
    rate += share[k] * params.market.regimes[k].*rate_hz;
  return std::max(1.0, rate * params.market.fill_cap * params.step_s());
}

double scale_of(Feature feature, const EnvParams& params) {
  const double horizon_s = params.step_s() * static_cast<double>(params.episode.n_steps);
  switch (feature) {
    case Feature::kTimeLeft:
      return horizon_s;
    case Feature::kInventory:
      return static_cast<double>(params.limits.inventory_cap_lots);
    case Feature::kMidReturn:
    case Feature::kRealisedVolatility:
      return std::max(1.0, mean_volatility_ticks(params.market) * std::sqrt(params.step_s()));
    case Feature::kMidDisplacement:
      return std::max(1.0, mean_volatility_ticks(params.market) * std::sqrt(horizon_s));
    case Feature::kBidOffset:
    case Feature::kAskOffset:
      return static_cast<double>(std::max(std::abs(params.action.offset_min_ticks),
                                          std::abs(params.action.offset_max_ticks)));
    case Feature::kBidLots:
    case Feature::kAskLots:
    case Feature::kBidFills:
    case Feature::kAskFills:
      return static_cast<double>(params.action.lots_max);
    case Feature::kMarketSells:
      return mean_orders(params, &RegimeParams::market_sell_rate_hz);
    case Feature::kMarketBuys:
      return mean_orders(params, &RegimeParams::market_buy_rate_hz);
    case Feature::kRegime:
    case Feature::kRegimeProbability:
    case Feature::kCount:
      break;
  }
  return 1.0;
}

std::string known_names() {
  std::string names;
  for (const FeatureInfo& info : kFeatures)
    names.append(names.empty() ? "" : ", ").append(info.name);
  return names;
}

}  // namespace

FeatureWriter::FeatureWriter(const EnvParams& params) {
  for (const std::string& name : params.observation.features) {
    const auto* const found = std::ranges::find_if(
        kFeatures, [&name](const FeatureInfo& info) { return name == info.name; });
    if (found == kFeatures.end()) {
      throw std::invalid_argument("observation.features: expected names from (" + known_names() +
                                  "), got " + name);
    }
    if (found->id == Feature::kRegime && !params.market.regime_observed) {
      throw std::invalid_argument(
          "observation.features: expected no 'regime' while market.regime_observed is false, got "
          "it; use 'regime_probability', which is filtered from what the agent can see");
    }
    add(*found, params);
  }
}

void FeatureWriter::add(const FeatureInfo& info, const EnvParams& params) {
  const bool basic =
      info.per_regime || info.id == Feature::kTimeLeft || info.id == Feature::kInventory;
  needs_motion_ = needs_motion_ || !basic;
  if (info.id == Feature::kRegimeProbability) needs_regime_probabilities_ = true;
  const std::size_t copies = info.per_regime ? params.market.regimes.size() : 1;
  const double clip = info.per_regime ? 1.0 : params.observation.clip;
  const double scale = scale_of(info.id, params);
  for (std::size_t regime = 0; regime < copies; ++regime) {
    std::string name = info.name;
    if (info.per_regime) name.append("_").append(std::to_string(regime));
    const double low = info.may_be_negative ? -clip : 0.0;
    columns_.push_back({std::move(name), info.unit, scale, low, clip});
    entries_.push_back({MarketView::slot(info.id, regime), 1.0 / scale, low, clip});
  }
}

}  // namespace rlmm
