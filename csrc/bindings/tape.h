// A tape as Python has it: shared by every batch that plays it.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "bindings/zeroed.h"
#include "market/replay_tape.h"
#include "params.h"

namespace rlmm {

class PyTape : public Zeroed {
 public:
  explicit PyTape(std::shared_ptr<const Tape> tape) : tape_(std::move(tape)) {}

  const std::shared_ptr<const Tape>& get() const {
    if (!tape_) throw std::logic_error("tape: expected a made one, got one without events");
    return tape_;
  }

 private:
  std::shared_ptr<const Tape> tape_;
};

// The parameters with the recording that a replay market needs.
EnvParams with_tape(const EnvParams& params, const std::optional<std::shared_ptr<PyTape>>& tape);

}  // namespace rlmm
