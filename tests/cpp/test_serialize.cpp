#include <cstdint>
#include <string>
#include <vector>

#include "check.h"
#include "serialize.h"

namespace rlmm {
namespace {

struct Pair {
  std::int32_t first;
  float second;
};

TEST("serialize: what is put in comes out in order") {
  Writer out;
  out.put(std::uint8_t{7});
  out.put(Pair{-3, 0.5F});
  out.put_vector(std::vector<double>{1.5, -2.5, 1e300});
  out.put_vector(std::vector<std::int64_t>{});
  CHECK_EQ(out.bytes().size(), 1 + sizeof(Pair) + 8 + 24 + 8);
  Reader in(out.bytes());
  CHECK_EQ(in.get<std::uint8_t>(), 7);
  const auto pair = in.get<Pair>();
  CHECK_EQ(pair.first, -3);
  CHECK_EQ(pair.second, 0.5F);
  CHECK_EQ(in.get_vector<double>(), (std::vector<double>{1.5, -2.5, 1e300}));
  CHECK_EQ(in.get_vector<std::int64_t>().size(), 0U);
  CHECK_EQ(in.left(), 0U);
}

TEST("serialize: reading beyond the end is refused") {
  const std::string bytes(7, 'x');
  Reader in(bytes);
  CHECK_THROWS(in.get<std::uint64_t>(), std::invalid_argument,
               "expected more bytes, got only 7 (a truncated state?)");
  CHECK_EQ(in.left(), 7U);  // nothing was taken
}

TEST("serialize: a list longer than the bytes is refused before memory is asked for") {
  Writer out;
  out.put(~std::size_t{0} / 2);
  out.put(1.0);
  Reader in(out.bytes());
  CHECK_THROWS(in.get_vector<double>(), std::invalid_argument,
               "expected a list that fits in it, got length 9223372036854775807");
  Writer two_of_three;
  two_of_three.put(std::size_t{3});
  two_of_three.put(1.0);
  two_of_three.put(2.0);
  Reader short_by_one(two_of_three.bytes());
  CHECK_THROWS(short_by_one.get_vector<double>(), std::invalid_argument, "got length 3");
}

}  // namespace
}  // namespace rlmm
