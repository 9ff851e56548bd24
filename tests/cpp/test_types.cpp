#include <limits>

#include "check.h"
#include "types.h"

namespace rlmm {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();

TEST("types: halves are rounded to even") {
  CHECK_EQ(round_to_integer(0.5), 0);
  CHECK_EQ(round_to_integer(1.5), 2);
  CHECK_EQ(round_to_integer(-2.5), -2);
  CHECK_EQ(round_to_integer(-2.500001), -3);
}

TEST("types: checked arithmetic up to the ends and not beyond") {
  CHECK_EQ(checked_add(kMost - 1, 1, "sum"), kMost);
  CHECK_EQ(checked_mul(kMost / 7, 7, "product"), kMost);  // 2^63 - 1 = 7 x 7 x 73 x ...
  CHECK_THROWS(checked_add(kMost, 1, "sum"), RangeError, "sum: left the range of 64-bit integers");
  CHECK_THROWS(checked_mul(kLeast, -1, "product"), RangeError, "product: left the range");
}

TEST("types: an invariant prints its expression and both values") {
  const auto broken = [] { RLMM_CHECK_LE(3, 2); };
  CHECK_THROWS(broken(), InvariantError, "3 <= 2 with 3 and 2");
  RLMM_CHECK_LE(2, 2);
}

}  // namespace
}  // namespace rlmm
