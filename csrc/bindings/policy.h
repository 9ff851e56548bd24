// A policy as Python has it.
#pragma once

#include <memory>
#include <stdexcept>

#include "bindings/zeroed.h"
#include "policy/policy.h"

namespace rlmm {

class PyPolicy : public Zeroed {
 public:
  PyPolicy(const PolicyShape& shape, const PolicyWeights& weights, const std::string& isa)
      : policy_(std::make_unique<const Policy>(shape, weights, isa)) {}

  const Policy& get() const {
    if (!policy_) throw std::logic_error("policy: expected a made one, got one without weights");
    return *policy_;
  }

 private:
  std::unique_ptr<const Policy> policy_;
};

}  // namespace rlmm
