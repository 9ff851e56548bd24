// The probability of each regime of a book market given the orders that have been seen: filtered,
// never smoothed.
//
// Within a step the orders of group g come at the regime's factor f_g times what is to be expected
// without it (`FlowBook::take_expected`), so that regime i has the likelihood
//     product over g of f_ig^(orders of g) exp(-f_ig x expected orders of g).
// The chain of the regimes moves half a step before it and half a step after: the error is of third
// order in the step's length. What stays a guess is the hidden price, which is taken to be the mid:
// without one the filter says 30 % when it is 30 %; with one it is too sure of the busier regime
// (preset book-small-tick: 45 % where 30 % is right; less wrong near 0 and 1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "book_params.h"
#include "flow/flow_model.h"
#include "market/flow_book.h"
#include "serialize.h"

namespace rlmm {

struct RegimeFilterModel {
  // No regimes, and nothing to filter.
  RegimeFilterModel() = default;
  RegimeFilterModel(const BookMarketParams& params, double step_s);

  std::vector<double> initial;    // after the warm-up
  std::vector<double> half_step;  // the chain's kernel, row major
  std::vector<FlowBook::Expected> factors;
  std::vector<FlowBook::Expected> log_factors;
};

class RegimeFilter {
 public:
  // `model` must outlive the filter.
  explicit RegimeFilter(const RegimeFilterModel& model) : model_(&model) { start(); }

  // A new episode, of which nothing has been seen.
  void start();

  // An event of the flow in the step under way.
  void count(Group group) { ++counts_[lane(group)]; }

  // The step ends; in it so many orders were to be expected.
  void update(const FlowBook::Expected& expected);

  const std::vector<double>& probabilities() const { return probabilities_; }

  // Between two steps.
  void save(Writer& out) const { out.put_vector(probabilities_); }
  void load(Reader& in);

 private:
  void move_chain();

  const RegimeFilterModel* model_;
  std::array<std::int64_t, kGroups> counts_{};
  std::vector<double> probabilities_;
};

}  // namespace rlmm
