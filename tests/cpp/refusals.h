// Parameters that are refused: one field of a good problem broken at a time.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "check.h"
#include "params.h"

namespace rlmm {

// The refusal must start with the field and say the rest.
struct Refusal {
  const char* field;
  const char* says;
  void (*break_it)(EnvParams&);
};

inline void check_refusals(const EnvParams& good, const std::vector<Refusal>& refusals) {
  good.validate();
  for (const Refusal& refusal : refusals) {
    EnvParams params = good;
    refusal.break_it(params);
    try {
      params.validate();
      check::fail(__FILE__, __LINE__, std::string("accepted a bad ") + refusal.field);
    } catch (const std::invalid_argument& error) {
      const std::string message = error.what();
      const bool good_message = message.starts_with(std::string(refusal.field) + ": expected ") &&
                                message.find(refusal.says) != std::string::npos &&
                                message.find(", got ") != std::string::npos;
      if (!good_message) {
        check::fail(__FILE__, __LINE__, std::string(refusal.field) + ": " + message);
      }
    }
  }
}

}  // namespace rlmm
