// One environment's part of a step: its action in, its row of every output array out.
#pragma once

#include <algorithm>
#include <cstdint>

#include "agent/columns.h"
#include "agent/quotes.h"
#include "batch/environment.h"
#include "features/features.h"

namespace rlmm {

// `columns` may be null; `final_obs` is written only where the episode ended.
template <class Action>
struct StepRow {
  const Action* action;
  float* obs;
  float* final_obs;
  double* reward;
  bool* terminated;
  bool* truncated;
  double* columns;
};

// Steps, and starts the next episode where this one ended.
template <Market M, class Action>
void step_row(Environment<M>& environment, const ActionReader& reader,
              const FeatureWriter& features, const StepRow<Action>& to) {
  std::int64_t clipped_actions = 0;
  const Quotes quotes = reader.read(to.action, clipped_actions);
  ColumnRow columns(to.columns);
  const StepEnd end = environment.step(quotes, columns);
  const std::int64_t clipped_features = features.write(environment.view(), to.obs);
  *to.reward = end.reward;
  *to.terminated = end.terminated;
  *to.truncated = end.truncated;
  if (columns.wanted()) {
    columns.set(Column::kActionsClipped, clipped_actions);
    columns.set(Column::kFeaturesClipped, clipped_features);
  }
  if (end.terminated || end.truncated) {
    std::copy_n(to.obs, features.width(), to.final_obs);
    environment.reset();
    features.write(environment.view(), to.obs);
  }
}

}  // namespace rlmm
