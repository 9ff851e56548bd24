// A stochastic policy: normaliser, actor network, head, and optionally a value network of its own.
//
// Contract
//  - Immutable: made from caller-owned arrays, which are copied; may be used by several threads,
//    each with a `Workspace`. New weights make a new policy.
//  - What it does with an observation depends on that observation and the draws alone, bit for bit.
//  - Draws are named, not stored: decision d of an environment draws from the stream of (key of
//    the environment, d, Purpose::kPolicy). So rollouts in pieces, rollouts and single steps, and
//    runs restored from a state all draw the same, and nothing has to be saved.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "policy/head.h"
#include "policy/network.h"
#include "policy/normaliser.h"
#include "rng.h"

namespace rlmm {

// Names what one decision draws. `decision` counts on over the episodes of an environment.
struct DrawName {
  SeedKey key;
  std::uint64_t decision;

  Stream stream() const { return {key, decision, Purpose::kPolicy}; }
};
static_assert(sizeof(DrawName) == 3 * sizeof(std::uint64_t));

struct PolicyShape {
  std::int64_t obs_width = 0;
  HeadShape head;
  std::vector<std::int64_t> hidden_widths;
  Activation activation = Activation::kTanh;
  bool has_value = false;
  std::vector<std::int64_t> value_hidden_widths;
  Activation value_activation = Activation::kTanh;
  double obs_epsilon = 1e-8;
  double obs_clip = 10.0;

  MlpShape actor() const;
  MlpShape value() const;
};

// The caller's arrays; none is kept. Empty where the shape has no such part; `obs_mean` and
// `obs_variance` are both empty for observations that are used as they are.
struct PolicyWeights {
  std::span<const float> actor;
  std::span<const float> log_std;
  std::span<const float> value;
  std::span<const double> obs_mean;
  std::span<const double> obs_variance;
};

// Arrays with one row for each observation; all but `actions` may be null.
template <class Action>
struct DecisionArrays {
  const DrawName* draws = nullptr;  // (N,); without them the mode
  Action* actions = nullptr;        // (N, numbers)
  float* pre_squash = nullptr;      // (N, numbers)
  float* log_prob = nullptr;        // (N,)
  float* value = nullptr;           // (N,)
  float* entropy = nullptr;         // (N,)
};

class Policy {
 public:
  // As many rows as a workspace has room for; enough to fill the vectors, few enough for the cache.
  static constexpr std::size_t kBlockRows = 32;

  class Workspace {
   public:
    explicit Workspace(const Policy& policy, std::size_t n_rows = kBlockRows);

   private:
    friend class Policy;
    AlignedFloats normalised_;
    Mlp::Buffers actor_;
    Mlp::Buffers value_;
    Head::Buffers head_;
  };

  // `isa`: see kernels_named. Throws std::invalid_argument for weights that do not fit the shape
  // or are not finite.
  Policy(const PolicyShape& shape, const PolicyWeights& weights, const std::string& isa);

  const PolicyShape& shape() const { return shape_; }
  const Kernels& kernels() const { return *kernels_; }
  bool has_value() const { return value_.has_value(); }

  // Outputs of the networks for up to kBlockRows rows of observations; valid until the next call
  // with the same workspace. Values are null without a value network.
  struct Outputs {
    const float* actor;
    std::size_t actor_stride;
    const float* values;
    std::size_t value_stride;
  };
  Outputs evaluate(const float* obs, std::size_t n_rows, Workspace& workspace) const;

  // Of the value network alone. Throws std::logic_error without one.
  float value_of(const float* obs, Workspace& workspace) const;

  // One row of the outputs to one action; see Head::decide.
  template <class Action>
  float decide(const float* outputs, Stream* draws, Action* action, float* pre_squash,
               Workspace& workspace) const {
    return static_cast<float>(head_.decide(outputs, draws, action, pre_squash, workspace.head_));
  }

  // Any number of rows; `Action` must be the head's. Throws std::invalid_argument that names the
  // first observation that is not finite.
  template <class Action>
  void act(const float* obs, std::size_t n_rows, const DecisionArrays<Action>& arrays,
           Workspace& workspace) const;

 private:
  template <class Action>
  void act_on_block(const float* obs, std::size_t first, std::size_t n_rows,
                    const DecisionArrays<Action>& arrays, Workspace& workspace) const;
  Rows normalised(const float* obs, std::size_t n_rows, Workspace& workspace) const;

  PolicyShape shape_;
  const Kernels* kernels_;
  Normaliser normaliser_;
  Mlp actor_;
  Head head_;
  std::optional<Mlp> value_;
};

}  // namespace rlmm
