// The same problem with each kind of market, for tests of what all markets must do.
#pragma once

#include <vector>

#include "book_problems.h"
#include "params.h"
#include "problems.h"

namespace rlmm {

// Every part of a market and of the agent's side at once.
inline std::vector<EnvParams> full_problems() {
  EnvParams book = book_problems::rough_problem();
  book.episode.initial_inventory_min_lots = -4;
  book.episode.initial_inventory_max_lots = 6;
  book.episode.n_steps = 50;
  return {full_problem(), book};
}

// In episodes of different lengths: a loss limit ends some early.
inline std::vector<EnvParams> varied_problems() {
  std::vector<EnvParams> problems = full_problems();
  for (EnvParams& params : problems) {
    params.episode.n_steps = 17;
    params.limits.loss_limit = params.is_book() ? 0.15 : 1500.0;
    params.reward.inventory_quadratic = 0.1;
  }
  return problems;
}

}  // namespace rlmm
