// One environment: a market, its episodes and the reward.
#pragma once

#include <cmath>
#include <cstdint>
#include <sstream>
#include <string>

#include "agent/columns.h"
#include "agent/quotes.h"
#include "agent/reward.h"
#include "features/features.h"
#include "market/market.h"
#include "market/trace.h"
#include "params.h"
#include "policy/policy.h"

namespace rlmm {

struct StepEnd {
  double reward = 0.0;
  bool terminated = false;
  bool truncated = false;
};

// What all environments of a batch share.
struct EnvironmentModel {
  explicit EnvironmentModel(const EnvParams& env_params)
      : params(env_params),
        reward(env_params.reward),
        half_tick_value(0.5 * env_params.tick_value),
        terminates_at_horizon(env_params.episode.horizon_ends == HorizonEnd::kTerminated) {}

  EnvParams params;
  Reward reward;
  double half_tick_value;
  bool terminates_at_horizon;
};

template <Market M>
class Environment {
 public:
  // Both models must outlive the environment.
  Environment(const EnvironmentModel& model, const M::Model& market_model)
      : model_(&model), market_(market_model) {}

  // Gives it a stream of its own; the next reset starts its episode 0.
  void reseed(SeedKey key) {
    key_ = key;
    episode_ = 0;
    started_ = 0;
  }

  void reset() {
    episode_ += started_;
    started_ = 1;
    decision_ = 0;
    market_.reset(key_, episode_);
  }

  StepEnd step(const Quotes& quotes, ColumnRow row) {
    decision_ = market_.steps_done();
    const StepOutcome outcome = market_.step(quotes);
    const bool at_horizon = market_.steps_done() == model_->params.episode.n_steps;
    StepEnd end;
    end.terminated = (at_horizon && model_->terminates_at_horizon) || is_ruined();
    end.truncated = (at_horizon || is_exhausted()) && !end.terminated;
    if (model_->reward.is_plain() && !row.wanted()) {
      end.reward = plain_reward(outcome, end.terminated);
    } else {
      const RewardTerms terms = model_->reward.terms(reward_input(outcome, end.terminated));
      end.reward = model_->reward.weighted(terms);
      if (row.wanted()) fill_row(quotes, outcome, terms, end.reward, row);
    }
    if (!std::isfinite(end.reward)) [[unlikely]] {
      throw RangeError("reward: expected a finite number, got " + std::to_string(end.reward) +
                       "; use a smaller risk_aversion, smaller weights, or a loss_limit");
    }
    return end;
  }

  FillLog& fill_log() { return market_.fill_log(); }

  static constexpr bool kCanTrace = requires(M& market, Trace* trace) { market.trace(trace); };
  void trace(Trace* trace)
    requires kCanTrace
  {
    market_.trace(trace);
  }

  bool started() const { return started_ != 0; }
  // The slots of what the market shows, for a `FeatureWriter`.
  const double* view() const { return market_.view().data(); }

  // Of the decision that comes next: no two decisions of an environment share a number, as an
  // episode has at most `n_steps` of them.
  DrawName draw_name() const {
    const auto n_steps = static_cast<std::uint64_t>(model_->params.episode.n_steps);
    return {key_, episode_ * n_steps + static_cast<std::uint64_t>(market_.steps_done())};
  }

  // "episode 3, step 17, seed (0x.., 0x..)", for error messages.
  std::string where() const {
    std::ostringstream text;
    text << "episode " << episode_ << ", step " << decision_ << ", seed (0x" << std::hex << key_.low
         << ", 0x" << key_.high << ")";
    return text.str();
  }

  void save(Writer& out) const {
    out.put(key_);
    out.put(episode_);
    out.put(started_);
    market_.save(out);
  }

  void load(Reader& in) {
    key_ = in.get<SeedKey>();
    episode_ = in.get<std::uint64_t>();
    started_ = in.get<std::uint64_t>();
    market_.load(in);
  }

 private:
  // Since the start of the episode, in account currency.
  double pnl() const {
    return model_->half_tick_value * static_cast<double>(market_.account().pnl_x2());
  }

  // Whether the market's recording has ended.
  bool is_exhausted() const {
    if constexpr (requires { market_.exhausted(); }) {
      return market_.exhausted();
    } else {
      return false;
    }
  }

  bool is_ruined() const {
    const std::optional<double>& limit = model_->params.limits.loss_limit;
    return limit && pnl() < -*limit;
  }

  double plain_reward(const StepOutcome& outcome, bool terminated) const {
    const double half = model_->half_tick_value;
    const double gain = half * static_cast<double>(outcome.pnl_spread_x2) +
                        half * static_cast<double>(outcome.pnl_inventory_x2) -
                        2.0 * half * static_cast<double>(outcome.fees);
    const Lots final_lots = terminated ? market_.account().inventory_lots() : 0;
    return model_->reward.plain(gain, outcome.inventory_squared_s, static_cast<double>(final_lots));
  }

  RewardInput reward_input(const StepOutcome& outcome, bool terminated) const {
    const double half = model_->half_tick_value;
    const Lots maker_lots = outcome.maker_lots[0] + outcome.maker_lots[1];
    RewardInput in{};
    in.spread_gain = half * static_cast<double>(outcome.pnl_spread_x2);
    in.inventory_gain = half * static_cast<double>(outcome.pnl_inventory_x2);
    in.fees = 2.0 * half * static_cast<double>(outcome.fees);
    if (model_->reward.needs_pnl_after()) in.pnl_after = pnl();
    in.inventory_squared_s = outcome.inventory_squared_s;
    in.inventory_absolute_s = outcome.inventory_absolute_s;
    in.soft_excess_squared_s = outcome.soft_excess_squared_s;
    if (terminated)
      in.final_inventory_lots = static_cast<double>(market_.account().inventory_lots());
    in.taker_lots = static_cast<double>(outcome.taker_lots);
    in.traded_lots = static_cast<double>(maker_lots + outcome.taker_lots);
    return in;
  }

  void fill_row(const Quotes& quotes, const StepOutcome& outcome, const RewardTerms& terms,
                double reward, ColumnRow row) const {
    const Account& account = market_.account();
    row.set(Column::kEpisode, episode_);
    row.set(Column::kStep, market_.steps_done() - 1);
    row.set(Column::kTime, market_.steps_done() * model_->params.episode.step_ns);
    row.set(Column::kMid, account.mid_ticks_x2());
    row.set(Column::kInventory, account.inventory_lots());
    row.set(Column::kCash, account.cash());
    row.set(Column::kFees, account.fees());
    row.set(Column::kPnlSpread, 0.5 * static_cast<double>(outcome.pnl_spread_x2));
    row.set(Column::kPnlInventory, 0.5 * static_cast<double>(outcome.pnl_inventory_x2));
    row.set(Column::kPnlFees, -outcome.fees);
    row.set(Column::kBidOffset, quotes.offset_ticks[0]);
    row.set(Column::kAskOffset, quotes.offset_ticks[1]);
    row.set(Column::kBidLots, quotes.lots[0]);
    row.set(Column::kAskLots, quotes.lots[1]);
    row.set(Column::kMakerBidLots, outcome.maker_lots[0]);
    row.set(Column::kMakerAskLots, outcome.maker_lots[1]);
    row.set(Column::kTakerLots, outcome.taker_lots);
    row.set(Column::kMarketSells, outcome.market_sells);
    row.set(Column::kMarketBuys, outcome.market_buys);
    row.set(Column::kMessages, outcome.messages);
    row.set(Column::kRegime, market_.regime());
    if constexpr (requires { market_.write_columns(row); }) {
      market_.write_columns(row);
    } else {
      for (std::size_t i = 0; i < kBookColumnCount; ++i) row.set(kFirstBookColumn, i, 0);
    }
    for (std::size_t i = 0; i < kTermCount; ++i) row.set(Column::kTermPnl, i, terms[i]);
    row.set(Column::kReward, reward);
  }

  const EnvironmentModel* model_;
  M market_;
  SeedKey key_{};
  std::uint64_t episode_ = 0;
  std::uint64_t started_ = 0;  // 0 or 1; as wide as its neighbours, so that states have no padding
  std::int64_t decision_ = 0;  // the step under way, as in the column `step`; for `where` alone
};

}  // namespace rlmm
