// What moves the flow from outside the book: regimes, the time of day, the hidden efficient price.
//
// Each has a stream of its own and changes at times that do not depend on the book or the agent.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include "flow/flow_model.h"
#include "rng.h"
#include "serialize.h"
#include "types.h"

namespace rlmm {

class Background {
 public:
  static constexpr TimeNs kNever = std::numeric_limits<TimeNs>::max();

  // `model` must outlive this. Mirrored, the efficient price walks the other way.
  Background(const FlowModel& model, bool is_mirrored) : model_(&model), mirrored_(is_mirrored) {}

  // From `now_ns` on; `season_ns` is the time of day at time 0. Without a regime, one is drawn.
  void start(SeedKey key, std::uint64_t episode, TimeNs now_ns, TimeNs season_ns,
             double price_ticks, std::optional<std::size_t> regime = std::nullopt);

  // When it changes next.
  TimeNs next_ns() const { return std::min({jump_ns_, season_edge_ns_, price_move_ns_}); }

  // Makes the changes that are due at `now_ns`.
  void reach(TimeNs now_ns);

  // Holds the chain in one regime from `now_ns` on, or lets it run again.
  void hold_regime(std::optional<std::size_t> regime, TimeNs now_ns);
  std::optional<std::size_t> held_regime() const {
    return state_.held != 0 ? std::optional(state_.regime) : std::nullopt;
  }
  void set_drift(double ticks_per_s) { state_.drift_ticks_per_s = ticks_per_s; }
  void shift_price(double ticks) { state_.price_ticks += mirrored_ ? -ticks : ticks; }

  std::size_t regime() const { return state_.regime; }
  double price_ticks() const { return state_.price_ticks; }
  // Regime and season together.
  const Lanes& factor() const { return factor_; }
  // The season alone, as everybody knows it.
  const Lanes& season() const { return season_; }

  void save(Writer& out) const;
  void load(Reader& in);

 private:
  struct State {
    std::size_t regime = 0;
    double price_ticks = 0.0;
    double drift_ticks_per_s = 0.0;
    TimeNs season_ns = 0;
    std::uint64_t held = 0;  // 0 or 1
  };

  void schedule_jump(TimeNs now_ns);
  void jump();
  void move_price();
  void refresh(TimeNs now_ns);

  const FlowModel* model_;
  bool mirrored_;
  State state_;
  Stream regime_stream_;
  Stream price_stream_;
  TimeNs jump_ns_ = kNever;
  TimeNs season_edge_ns_ = kNever;
  TimeNs price_move_ns_ = kNever;
  Lanes factor_{};
  Lanes season_{};
};

}  // namespace rlmm
