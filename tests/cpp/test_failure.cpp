#include <new>
#include <stdexcept>

#include "batch/failure.h"
#include "check.h"
#include "types.h"

namespace rlmm {
namespace {

template <class Error>
[[noreturn]] void fail_with(const Error& error) {
  rethrow_at("environment 3: ", std::make_exception_ptr(error));
}

TEST("failure: the place comes before the message, and the type stays") {
  CHECK_THROWS(fail_with(InvariantError("lots")), InvariantError, "environment 3: lots");
  CHECK_THROWS(fail_with(RangeError("mid")), RangeError, "environment 3: mid");
  CHECK_THROWS(fail_with(std::invalid_argument("price")), std::invalid_argument,
               "environment 3: price");
}

TEST("failure: what the engine does not know becomes a runtime error with the place") {
  CHECK_THROWS(fail_with(std::length_error("too long")), std::runtime_error,
               "environment 3: too long");
}

TEST("failure: want of memory is told as it is") {
  CHECK_THROWS(fail_with(std::bad_alloc()), std::bad_alloc, "");
}

}  // namespace
}  // namespace rlmm
