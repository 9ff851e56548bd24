// From the outputs of the actor network to an action, its log-probability and its entropy.
//
// kGaussian       outputs: mean (A). Action a = mean + exp(log_std) z with the policy's own log_std
//                 (A); the environment clips it to [-1, 1], the density is that of a unclipped.
// kTanhGaussian   outputs: mean (A), then log_std (A), which is kept within its bounds.
//                 u = mean + exp(log_std) z is the pre-squash action, a = tanh(u) the action;
//                 log p(a) = sum of log N(u; mean, std) - 2 (log 2 - u - softplus(-2u)).
// kCategorical    outputs: logits, one group for each number of the action. A number is the first
//                 choice at which the running sum of the probabilities exceeds a uniform draw.
//
// Actions are rounded to float32 before their density is taken, so that who computes it again from
// the stored action finds the same. Sums over A, densities and log-sums are in double. Without
// draws the mode is taken: the mean, its tanh, the first choice with the largest logit.
// Every function throws RangeError where an output of the network is not finite.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "policy/aligned.h"
#include "policy/kernels.h"
#include "rng.h"

namespace rlmm {

enum class HeadKind : std::uint8_t { kGaussian, kTanhGaussian, kCategorical };

// Its values in Python.
inline constexpr std::array<const char*, 3> enum_names(HeadKind) {
  return {"gaussian", "tanh_gaussian", "categorical"};
}

struct HeadShape {
  HeadKind kind = HeadKind::kGaussian;
  std::int64_t action_width = 0;      // the continuous kinds
  std::vector<std::int64_t> choices;  // the categorical kind: of each number of the action
  double log_std_min = -20.0;         // kTanhGaussian
  double log_std_max = 2.0;

  // Throws std::invalid_argument.
  void validate() const;
  bool discrete() const { return kind == HeadKind::kCategorical; }
  std::int64_t numbers() const;  // in a row of actions
  std::int64_t output_width() const;
};

class Head {
 public:
  // Room for the categorical kind; one for each thread.
  class Buffers {
   public:
    Buffers() = default;
    explicit Buffers(const Head& head);

   private:
    friend class Head;
    AlignedFloats weights_;        // exp(logit - largest) of a group
    std::vector<double> running_;  // their running sums
  };

  // `log_std`: of kGaussian, else empty. Throws std::invalid_argument.
  Head(HeadShape shape, std::span<const float> log_std, const Kernels& kernels);

  const HeadShape& shape() const { return shape_; }

  // Writes one action and returns its log-probability. `pre_squash` gets u of kTanhGaussian and may
  // be null. `draws` may be null: the mode.
  double decide(const float* outputs, Stream* draws, float* action, float* pre_squash,
                Buffers& buffers) const;
  double decide(const float* outputs, Stream* draws, std::int64_t* action, float* pre_squash,
                Buffers& buffers) const;

  // Of an action given as u (kTanhGaussian) or a (kGaussian).
  double log_prob(const float* outputs, const float* action) const;
  double log_prob(const float* outputs, const std::int64_t* action, Buffers& buffers) const;

  // NaN for kTanhGaussian, which has no closed form.
  double entropy(const float* outputs, Buffers& buffers) const;

 private:
  struct Normal {
    double mean;
    double log_std;
    double std;
  };
  // One group of logits, its exponentials being in the buffers.
  struct Group {
    const float* logits;
    std::size_t n;
    float largest;
    double total;
  };
  Normal normal_at(const float* outputs, std::size_t i) const;
  Group group_at(const float* logits, std::size_t n, Buffers& buffers) const;

  HeadShape shape_;
  const Kernels* kernels_;
  std::vector<Normal> fixed_;  // kGaussian: without its mean
};

}  // namespace rlmm
