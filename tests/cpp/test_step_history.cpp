// Rolling sums against sums taken anew.
#include <deque>

#include "check.h"
#include "features/step_history.h"
#include "rng.h"

namespace rlmm {
namespace {

const std::vector<std::int64_t> kHorizons = {1, 4, 7, 16};

StepTally random_tally(Stream& stream) {
  const auto draw = [&stream] { return static_cast<std::int64_t>(stream.below(2001)) - 1000; };
  return {draw(), draw(), draw(), draw(), draw(), draw()};
}

bool same(const StepTally& a, const StepTally& b) {
  return a.return_x2 == b.return_x2 && a.return_squared_x4 == b.return_squared_x4 &&
         a.bought == b.bought && a.sold == b.sold && a.order_flow == b.order_flow &&
         a.events == b.events;
}

StepTally naive(const std::deque<StepTally>& all, std::int64_t horizon) {
  StepTally sum;
  const auto n = static_cast<std::int64_t>(all.size());
  for (std::int64_t i = std::max<std::int64_t>(0, n - horizon); i < n; ++i) {
    const StepTally& one = all[static_cast<std::size_t>(i)];
    sum.return_x2 += one.return_x2;
    sum.return_squared_x4 += one.return_squared_x4;
    sum.bought += one.bought;
    sum.sold += one.sold;
    sum.order_flow += one.order_flow;
    sum.events += one.events;
  }
  return sum;
}

}  // namespace

TEST("step history: equals the sum over the last steps") {
  StepHistory history(kHorizons);
  Stream stream({1, 2}, 3, Purpose::kReset);
  CHECK_EQ(history.horizons(), kHorizons.size());
  for (int episode = 0; episode < 3; ++episode) {
    history.clear();
    std::deque<StepTally> all;
    CHECK_EQ(history.steps(2), 1);
    CHECK(same(history.sum(3), StepTally{}));
    for (std::int64_t n = 1; n <= 60; ++n) {
      all.push_back(random_tally(stream));
      history.push(all.back());
      for (std::size_t i = 0; i < kHorizons.size(); ++i) {
        CHECK(same(history.sum(i), naive(all, kHorizons[i])));
        CHECK_EQ(history.steps(i), std::min(n, kHorizons[i]));
      }
    }
  }
}

TEST("step history: goes on from a saved state") {
  StepHistory history(kHorizons);
  Stream stream({1, 2}, 4, Purpose::kReset);
  for (int n = 0; n < 23; ++n) history.push(random_tally(stream));
  Writer out;
  history.save(out);
  StepHistory resumed(kHorizons);
  Reader in(out.bytes());
  resumed.load(in);
  CHECK_EQ(in.left(), std::size_t{0});
  for (int n = 0; n < 20; ++n) {
    const StepTally tally = random_tally(stream);
    history.push(tally);
    resumed.push(tally);
    for (std::size_t i = 0; i < kHorizons.size(); ++i) {
      CHECK(same(history.sum(i), resumed.sum(i)));
    }
  }
}

TEST("step history: refuses the state of other horizons") {
  Writer out;
  StepHistory({1, 4}).save(out);
  const auto load_into = [&out](const std::vector<std::int64_t>& horizons) {
    StepHistory other(horizons);
    Reader in(out.bytes());
    other.load(in);
  };
  CHECK_THROWS(load_into({1, 5}), std::invalid_argument, "history of the same horizons");
  CHECK_THROWS(load_into({1, 2, 4}), std::invalid_argument, "history of the same horizons");
}

}  // namespace rlmm
