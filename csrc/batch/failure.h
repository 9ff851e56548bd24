// What went wrong in one environment of a batch, and how the caller is told of it.
#pragma once

#include <cstddef>
#include <exception>
#include <limits>
#include <string>

namespace rlmm {

struct Failure {
  std::size_t env = std::numeric_limits<std::size_t>::max();
  std::exception_ptr error;
};

// Throws the error anew with `place` in front of its message. The engine's own exceptions and
// std::invalid_argument keep their type, std::bad_alloc stays as it is, others become
// std::runtime_error.
[[noreturn]] void rethrow_at(const std::string& place, const std::exception_ptr& error);

}  // namespace rlmm
