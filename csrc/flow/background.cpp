#include "flow/background.h"

#include <cmath>
#include <numeric>

namespace rlmm {
namespace {

// The index that `at` in [0, sum of the weights) falls on.
std::size_t pick(const std::vector<double>& weights, double at) {
  std::size_t last = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0.0) continue;
    last = i;
    if (at < weights[i]) break;
    at -= weights[i];
  }
  return last;
}

double total(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace

void Background::start(SeedKey key, std::uint64_t episode, TimeNs now_ns, TimeNs season_ns,
                       double price_ticks, std::optional<std::size_t> regime) {
  regime_stream_ = Stream(key, episode, Purpose::kRegime);
  price_stream_ = Stream(key, episode, Purpose::kEfficientPrice);
  state_ = State();
  const double drawn = regime_stream_.uniform();
  state_.regime = regime.value_or(pick(model_->params.initial_regime_probabilities, drawn));
  state_.price_ticks = price_ticks;
  state_.season_ns = season_ns;
  schedule_jump(now_ns);
  const InformedFlowParams& informed = model_->params.informed;
  price_move_ns_ = informed.volatility_ticks > 0.0 ? now_ns + informed.interval_ns : kNever;
  refresh(now_ns);
}

void Background::reach(TimeNs now_ns) {
  if (now_ns >= jump_ns_) {
    jump();
    schedule_jump(now_ns);
  }
  if (now_ns >= price_move_ns_) {
    move_price();
    price_move_ns_ += model_->params.informed.interval_ns;
  }
  refresh(now_ns);
}

void Background::schedule_jump(TimeNs now_ns) {
  const double rate_hz = total(model_->params.switch_rates_hz[state_.regime]);
  jump_ns_ = kNever;
  if (rate_hz <= 0.0 || state_.held != 0) return;
  const double wait_ns = regime_stream_.exponential() / rate_hz * kNsPerS;
  constexpr double kLongestNs = 0x1p60;  // no episode is that long
  if (wait_ns < kLongestNs) jump_ns_ = now_ns + 1 + round_to_integer(wait_ns);
}

void Background::jump() {
  const std::vector<double>& rates = model_->params.switch_rates_hz[state_.regime];
  state_.regime = pick(rates, regime_stream_.uniform() * total(rates));
}

void Background::hold_regime(std::optional<std::size_t> regime, TimeNs now_ns) {
  state_.held = regime ? 1 : 0;
  if (regime) state_.regime = *regime;
  schedule_jump(now_ns);
  refresh(now_ns);
}

void Background::move_price() {
  const InformedFlowParams& informed = model_->params.informed;
  const std::vector<double>& factors = model_->params.regime_volatility_factor;
  const double factor = factors.empty() ? 1.0 : factors[state_.regime];
  const double seconds = static_cast<double>(informed.interval_ns) / kNsPerS;
  const double move =
      informed.volatility_ticks * factor * std::sqrt(seconds) * price_stream_.normal() +
      state_.drift_ticks_per_s * seconds;
  shift_price(move);
}

void Background::refresh(TimeNs now_ns) {
  factor_ = model_->regime_factors[state_.regime];
  season_edge_ns_ = kNever;
  season_.fill(1.0F);
  if (model_->season_factors.empty()) return;
  const auto bin_ns = static_cast<TimeNs>(round_to_integer(model_->params.season_bin_s * kNsPerS));
  const TimeNs of_day_ns = std::max<TimeNs>(0, now_ns + state_.season_ns);
  const auto last = static_cast<TimeNs>(model_->season_factors.size()) - 1;
  const TimeNs bin = std::min(of_day_ns / bin_ns, last);
  if (bin < last) season_edge_ns_ = (bin + 1) * bin_ns - state_.season_ns;
  season_ = model_->season_factors[static_cast<std::size_t>(bin)];
  for (std::size_t g = 0; g < kGroups; ++g) factor_[g] *= season_[g];
}

void Background::save(Writer& out) const {
  out.put(state_);
  out.put(regime_stream_);
  out.put(price_stream_);
  out.put(jump_ns_);
  out.put(season_edge_ns_);
  out.put(price_move_ns_);
  out.put(factor_);
  out.put(season_);
}

void Background::load(Reader& in) {
  state_ = in.get<State>();
  regime_stream_ = in.get<Stream>();
  price_stream_ = in.get<Stream>();
  jump_ns_ = in.get<TimeNs>();
  season_edge_ns_ = in.get<TimeNs>();
  price_move_ns_ = in.get<TimeNs>();
  factor_ = in.get<Lanes>();
  season_ = in.get<Lanes>();
  if (!regime_stream_.sound() || !price_stream_.sound() ||
      state_.regime >= model_->regime_factors.size()) {
    throw std::invalid_argument("state: expected sound streams and a regime of the model");
  }
}

}  // namespace rlmm
