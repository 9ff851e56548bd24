// What a market accepts as a saved state. A checksum guards the batch's states; this guards what
// another build may have written.
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "check.h"
#include "problems.h"

namespace rlmm {
namespace {

// Where things are in the bytes of a market: the account, what is carried of the fees, ten streams
// (the last word of each says how much of its block is used), then the mid, three clocks, the
// regime; at the end, the regimes' probabilities.
constexpr std::size_t kStreamsAt = sizeof(Account) + sizeof(std::int64_t);
constexpr std::size_t kStreams = 10;
constexpr std::size_t kMidAt = kStreamsAt + kStreams * sizeof(Stream);
constexpr std::size_t kClocksAt = kMidAt + sizeof(double);
constexpr std::size_t kRegimeAt = kClocksAt + 3 * sizeof(double);

template <class T>
std::string with(std::string bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
  return bytes;
}

TEST("market state: what no market can have saved is refused") {
  MarketUnderTest test(full_problem());
  test.market.reset({81, 82}, 0);
  test.market.step(quotes_at(0, 0, 1));
  Writer out;
  test.market.save(out);
  const std::string& good = out.bytes();
  std::vector<std::string> bad;
  for (std::size_t stream = 1; stream <= kStreams; ++stream) {
    const std::size_t used_at = kStreamsAt + stream * sizeof(Stream) - sizeof(std::uint64_t);
    bad.push_back(with(good, used_at, std::uint64_t{5}));
  }
  for (std::size_t clock = 0; clock < 3; ++clock) {
    bad.push_back(with(good, kClocksAt + clock * sizeof(double), -1.0));
  }
  bad.push_back(with(good, kMidAt, std::numeric_limits<double>::quiet_NaN()));
  bad.push_back(with(good, kRegimeAt, std::size_t{3}));
  const std::size_t probabilities_at = good.size() - 3 * sizeof(double) - sizeof(std::size_t);
  bad.push_back(with(good, probabilities_at, std::size_t{2}));
  for (const std::string& bytes : bad) {
    Reader in(bytes);
    CHECK_THROWS(test.market.load(in), std::invalid_argument,
                 "state: expected one this engine has saved, got another");
  }
  Reader in(good);
  test.market.load(in);
  CHECK_EQ(in.left(), 0U);
}

}  // namespace
}  // namespace rlmm
