#include "features/features.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace rlmm {
namespace {

double mean_volatility_ticks(const EnvParams& params) {
  if (!params.is_analytic()) return params.typical().volatility_ticks;
  const AnalyticMarketParams& market = params.analytic();
  const std::vector<double> share = stationary_regimes(market);
  double variance = 0.0;
  for (std::size_t k = 0; k < market.regimes.size(); ++k) {
    const double volatility = market.regimes[k].volatility_ticks;
    variance += share[k] * volatility * volatility;
  }
  return std::sqrt(variance);
}

double mean_orders(const EnvParams& params, double RegimeParams::* rate_hz) {
  if (!params.is_analytic()) {
    return std::max(1.0, params.typical().market_orders_hz * params.step_s());
  }
  const AnalyticMarketParams& market = params.analytic();
  const std::vector<double> share = stationary_regimes(market);
  double rate = 0.0;
  for (std::size_t k = 0; k < share.size(); ++k) rate += share[k] * market.regimes[k].*rate_hz;
  return std::max(1.0, rate * market.fill_cap * params.step_s());
}

// By which the column of a feature is divided; `horizon_steps` where it has one.
double scale_of(Feature feature, const EnvParams& params, double horizon_steps) {
  const double episode_s = params.step_s() * static_cast<double>(params.episode.n_steps);
  const double step_volatility = mean_volatility_ticks(params) * std::sqrt(params.step_s());
  const TypicalParams typical = params.is_analytic() ? TypicalParams{} : params.typical();
  switch (feature) {
    case Feature::kTimeLeft:
      return episode_s;
    case Feature::kInventory:
      return static_cast<double>(params.limits.inventory_cap_lots);
    case Feature::kMidReturn:
    case Feature::kRealisedVolatility:
    case Feature::kVolatility:
      return std::max(1.0, step_volatility);
    case Feature::kReturn:
      return std::max(1.0, step_volatility * std::sqrt(horizon_steps));
    case Feature::kMidDisplacement:
      return std::max(1.0, mean_volatility_ticks(params) * std::sqrt(episode_s));
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
    case Feature::kSpread:
    case Feature::kMicroprice:
    case Feature::kBidDistance:
    case Feature::kAskDistance:
      return static_cast<double>(typical.spread_ticks);
    case Feature::kBidQueueAhead:
    case Feature::kAskQueueAhead:
    case Feature::kBidDepth:
    case Feature::kAskDepth:
    case Feature::kOrderFlow:
      return typical.touch_lots;
    case Feature::kTradeVolume:
      return typical.touch_lots * std::max(1.0, typical.market_orders_hz * params.step_s());
    case Feature::kActivity:
      return 100.0;
    case Feature::kImbalance:
    case Feature::kTradeSign:
    case Feature::kRegime:
    case Feature::kRegimeProbability:
    case Feature::kCount:
      break;
  }
  return 1.0;
}

// A recording does not say what regime it was in.
bool has(const FeatureInfo& info, const EnvParams& params) {
  if (params.is_analytic()) return !info.needs_book;
  return params.is_book() ||
         (info.id != Feature::kRegime && info.id != Feature::kRegimeProbability);
}

std::string known_names(const EnvParams& params) {
  std::string names;
  for (const FeatureInfo& info : kFeatures) {
    if (!has(info, params)) continue;
    names.append(names.empty() ? "" : ", ").append(info.name);
  }
  return names;
}

std::size_t columns_of(Repeat repeat, const EnvParams& params) {
  switch (repeat) {
    case Repeat::kRegime:
      return params.n_regimes();
    case Repeat::kLevel:
      return static_cast<std::size_t>(params.observation.levels);
    case Repeat::kHorizon:
      return params.observation.horizons_steps.size();
    case Repeat::kOnce:
      break;
  }
  return 1;
}

// What tells the columns of a feature apart: a regime, a level, or the horizon in steps.
std::string suffix_of(Repeat repeat, std::size_t column, const EnvParams& params) {
  if (repeat == Repeat::kOnce) return "";
  const bool by_steps = repeat == Repeat::kHorizon;
  const auto index = static_cast<std::int64_t>(column);
  std::string suffix = "_";
  return suffix.append(
      std::to_string(by_steps ? params.observation.horizons_steps[column] : index));
}

bool is_share(Feature feature) {
  return feature == Feature::kRegime || feature == Feature::kRegimeProbability ||
         feature == Feature::kImbalance || feature == Feature::kTradeSign;
}

}  // namespace

FeatureWriter::FeatureWriter(const EnvParams& params) {
  for (const std::string& name : params.observation.features) {
    const auto* const found = std::ranges::find_if(
        kFeatures, [&name](const FeatureInfo& info) { return name == info.name; });
    if (found == kFeatures.end() || !has(*found, params)) {
      throw std::invalid_argument("observation.features: expected names from (" +
                                  known_names(params) + "), got " + name);
    }
    if (found->id == Feature::kRegime && !params.regime_observed()) {
      throw std::invalid_argument(
          "observation.features: expected no 'regime' while market.regime_observed is false, got "
          "it; use 'regime_probability', which is filtered from what the agent can see");
    }
    add(*found, params);
  }
}

void FeatureWriter::add(const FeatureInfo& info, const EnvParams& params) {
  const bool basic = info.repeat == Repeat::kRegime || info.id == Feature::kTimeLeft ||
                     info.id == Feature::kInventory;
  needs_motion_ = needs_motion_ || !basic;
  shown_[static_cast<std::size_t>(info.id)] = true;
  const double clip = is_share(info.id) ? 1.0 : params.observation.clip;
  const double low = info.may_be_negative ? -clip : 0.0;
  for (std::size_t i = 0; i < columns_of(info.repeat, params); ++i) {
    const double horizon = info.repeat == Repeat::kHorizon
                               ? static_cast<double>(params.observation.horizons_steps[i])
                               : 1.0;
    const double scale = scale_of(info.id, params, horizon);
    columns_.push_back(
        {info.name + suffix_of(info.repeat, i, params), info.unit, scale, low, clip});
    entries_.push_back({BookView::slot(info.id, i), 1.0 / scale, low, clip});
  }
}

}  // namespace rlmm
