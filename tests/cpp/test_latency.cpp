#include <algorithm>
#include <cmath>
#include <vector>

#include "agent/latency.h"
#include "check.h"
#include "statistics.h"

namespace rlmm {
namespace {

constexpr int kDraws = 200'000;

Stream latency_stream() { return {{21, 22}, 0, Purpose::kEntryLatency}; }

TEST("latency: the constant law draws nothing") {
  Stream stream = latency_stream();
  const Delay delay({DelayLaw::kConstant, 1234, 0.0, {}});
  for (int i = 0; i < 10; ++i) CHECK_EQ(delay.draw_ns(stream), 1234);
  Stream untouched = latency_stream();
  CHECK_EQ(stream.word(), untouched.word());
}

TEST("latency: zero is the constant law at 0 only") {
  CHECK(Delay(DelayParams{}).is_zero());
  CHECK(!Delay({DelayLaw::kConstant, 1, 0.0, {}}).is_zero());
  CHECK(!Delay({DelayLaw::kEmpirical, 0, 0.0, {0, 0}}).is_zero());
}

// ln(delay / median) is normal with standard deviation 0.5.
TEST("latency: the lognormal law has its median and its log-deviation") {
  Stream stream = latency_stream();
  const Delay delay({DelayLaw::kLognormal, 2'000'000, 0.5, {}});
  Sample logs;
  int above = 0;
  for (int i = 0; i < kDraws; ++i) {
    const TimeNs drawn = delay.draw_ns(stream);
    CHECK(drawn > 0);
    above += drawn > 2'000'000 ? 1 : 0;
    logs.add(std::log(static_cast<double>(drawn) / 2e6));
  }
  CHECK_FREQUENCY(above, kDraws, 0.5);
  CHECK_NEAR(logs.mean(), 0.0, kSigmas * 0.5 / std::sqrt(kDraws));
  CHECK_NEAR(logs.variance(), 0.25, kSigmas * 0.25 * std::sqrt(2.0 / kDraws));
}

TEST("latency: without spread the lognormal law is its median") {
  Stream stream = latency_stream();
  const Delay delay({DelayLaw::kLognormal, 777, 0.0, {}});
  for (int i = 0; i < 10; ++i) CHECK_EQ(delay.draw_ns(stream), 777);
}

// Quantiles 100, 200, 200, 1000 stand at probabilities 0, 1/3, 2/3, 1: a third lies between 100
// and 200, a third is 200, and the last third is uniform up to 1000.
TEST("latency: the empirical law follows its quantiles from end to end") {
  Stream stream = latency_stream();
  const Delay delay({DelayLaw::kEmpirical, 0, 0.0, {100, 200, 200, 1000}});
  int below = 0;
  int at = 0;
  int to_600 = 0;
  TimeNs least = 1000;
  TimeNs most = 0;
  for (int i = 0; i < kDraws; ++i) {
    const TimeNs drawn = delay.draw_ns(stream);
    least = std::min(least, drawn);
    most = std::max(most, drawn);
    below += drawn < 150 ? 1 : 0;
    at += drawn == 200 ? 1 : 0;
    to_600 += drawn <= 600 ? 1 : 0;
  }
  CHECK_EQ(least, 100);
  CHECK_EQ(most, 1000);
  // Rounding to a whole ns puts 199.5 and more, and 200.5 and less, on 200.
  CHECK_FREQUENCY(below, kDraws, 49.5 / 300.0);
  CHECK_FREQUENCY(at, kDraws, 1.0 / 3.0 + 0.5 / 300.0 + 0.5 / 2400.0);
  CHECK_FREQUENCY(to_600, kDraws, 2.0 / 3.0 + 400.5 / 2400.0);
}

TEST("latency: messages on one line keep their order") {
  Line line;
  CHECK_EQ(line.arrival_ns(100, 50), 150);
  CHECK_EQ(line.arrival_ns(110, 5), 150);  // waits behind the first
  CHECK_EQ(line.arrival_ns(120, 40), 160);
  line.clear();
  CHECK_EQ(line.arrival_ns(10, 1), 11);
}

// Parameters that `validate` refuses: the guard behind it.
TEST("latency: a delay that no clock can hold is cut, not wrapped around") {
  Stream stream = latency_stream();
  const Delay delay({DelayLaw::kLognormal, 3'600'000'000'000, 5.0, {}});
  TimeNs most = 0;
  for (int i = 0; i < kDraws; ++i) {
    const TimeNs drawn = delay.draw_ns(stream);
    CHECK(drawn >= 0);
    most = std::max(most, drawn);
  }
  CHECK_EQ(most, kDelayMaxNs);
}

}  // namespace
}  // namespace rlmm
