// Markouts by hand: what the mid says of a fill 0.1, 1, 10 and 60 seconds later.
#include <cmath>

#include "check.h"
#include "market/markouts.h"

namespace rlmm {
namespace {

constexpr TimeNs kMs = 1'000'000;
constexpr TimeNs kS = 1000 * kMs;

Markouts reloaded(const Markouts& markouts) {
  Writer out;
  markouts.save(out);
  Reader in(out.bytes());
  Markouts copy;
  copy.load(in);
  CHECK_EQ(in.left(), std::size_t{0});
  return copy;
}

}  // namespace

TEST("markouts: a buy gains what the mid rises by") {
  Markouts markouts;
  markouts.add(Side::kBid, 100, 3, 0);
  markouts.settle(100 * kMs - 1, 300);
  CHECK_EQ(markouts.take().lots[0], 0);
  markouts.settle(100 * kMs, 203);  // the mid was 101.5 up to 0.1 s
  const Markouts::Matured first = markouts.take();
  CHECK_EQ(first.gain_x2[0], 3 * (203 - 200));
  CHECK_EQ(first.lots[0], 3);
  CHECK_EQ(first.lots[1], 0);
  CHECK_EQ(markouts.take().gain_x2[0], 0);  // taken once
}

TEST("markouts: a sale gains what the mid falls by") {
  Markouts markouts;
  markouts.add(Side::kAsk, 100, 2, 5 * kS);
  markouts.settle(6 * kS, 190);
  const Markouts::Matured matured = markouts.take();
  for (const std::size_t h : {0U, 1U}) {
    CHECK_EQ(matured.gain_x2[h], -2 * (190 - 200));
    CHECK_EQ(matured.lots[h], 2);
  }
  CHECK_EQ(matured.lots[2], 0);
}

TEST("markouts: each horizon takes the mid of its own time") {
  Markouts markouts;
  markouts.add(Side::kBid, 50, 1, 0);
  markouts.settle(kS / 2, 102);
  markouts.add(Side::kAsk, 60, 4, kS / 2);
  markouts.settle(2 * kS, 104);
  markouts.settle(20 * kS, 106);
  markouts.settle(100 * kS, 108);
  const Markouts::Matured matured = markouts.take();
  CHECK_EQ(matured.gain_x2[0], (102 - 100) - 4 * (104 - 120));
  CHECK_EQ(matured.gain_x2[1], (104 - 100) - 4 * (104 - 120));
  CHECK_EQ(matured.gain_x2[2], (106 - 100) - 4 * (106 - 120));
  CHECK_EQ(matured.gain_x2[3], (108 - 100) - 4 * (108 - 120));
  for (const Lots lots : matured.lots) CHECK_EQ(lots, 5);
}

TEST("markouts: forgetting what is settled changes nothing") {
  Markouts markouts;
  Markouts::Matured sum;
  constexpr int kFills = 2000;
  for (int n = 0; n < kFills; ++n) {
    const TimeNs now = n * kS / 2;
    markouts.settle(now, 200 + n);  // the mid up to now
    if (n % 700 == 13) markouts = reloaded(markouts);
    markouts.add(n % 3 == 0 ? Side::kAsk : Side::kBid, 100, 1 + n % 4, now);
    const Markouts::Matured one = markouts.take();
    for (std::size_t h = 0; h < kMarkouts; ++h) {
      sum.gain_x2[h] += one.gain_x2[h];
      sum.lots[h] += one.lots[h];
    }
  }
  for (std::size_t h = 0; h < kMarkouts; ++h) {
    Money gain_x2 = 0;
    Lots lots = 0;
    for (int n = 0; n < kFills; ++n) {
      const auto due = static_cast<int>(std::ceil(
          2.0 * (0.5 * static_cast<double>(n * kS) + static_cast<double>(kMarkoutHorizonsNs[h])) /
          static_cast<double>(kS)));
      if (due >= kFills) continue;
      gain_x2 += Money{n % 3 == 0 ? -1 : 1} * (1 + n % 4) * due;  // mid x 2 less price x 2
      lots += 1 + n % 4;
    }
    CHECK_EQ(sum.gain_x2[h], gain_x2);
    CHECK_EQ(sum.lots[h], lots);
  }
}

TEST("markouts: clearing forgets fills and what has matured") {
  Markouts markouts;
  markouts.add(Side::kBid, 10, 1, 0);
  markouts.settle(kS, 30);
  markouts.clear();
  markouts.settle(100 * kS, 40);
  const Markouts::Matured matured = markouts.take();
  for (const Lots lots : matured.lots) CHECK_EQ(lots, 0);
  for (const Money gain : matured.gain_x2) CHECK_EQ(gain, 0);
}

TEST("markouts: refuses a state that points past its fills") {
  Markouts markouts;
  markouts.add(Side::kBid, 10, 1, 0);
  Writer whole;
  markouts.save(whole);
  Writer out;
  Reader in(whole.bytes());
  out.put_vector(in.get_vector<std::array<std::int64_t, 3>>());
  auto next = in.get<std::array<std::size_t, kMarkouts>>();
  next[2] = 7;
  out.put(next);
  while (in.left() > 0) out.put(in.get<char>());
  Reader broken(out.bytes());
  CHECK_THROWS(markouts.load(broken), std::invalid_argument, "fills it has, got fill 7");
}

TEST("markouts: money beyond 64 bits is refused") {
  Markouts markouts;
  markouts.add(Side::kBid, 1, Lots{1} << 40, 0);
  CHECK_THROWS(markouts.settle(kS, Ticks{1} << 40), RangeError, "markout of a fill");
}

}  // namespace rlmm
