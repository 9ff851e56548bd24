#include <cstddef>
#include <numeric>
#include <vector>

#include "batch/shares.h"
#include "batch/worker_pool.h"
#include "check.h"

namespace rlmm {
namespace {

TEST("shares: one worker alone claims all at once") {
  Shares shares(1);
  shares.deal(1000, 4);
  const Shares::Piece piece = shares.claim(0);
  CHECK_EQ(piece.begin, 0U);
  CHECK_EQ(piece.end, 1000U);
  CHECK(shares.claim(0).empty());
}

TEST("shares: a worker claims its own share in order, then what the others left") {
  Shares shares(3);
  shares.deal(90, 4);
  std::vector<std::size_t> begins;
  std::size_t expected = 30;  // the share of worker 1 goes from 30 to 60
  for (Shares::Piece piece = shares.claim(1); !piece.empty(); piece = shares.claim(1)) {
    if (expected == 90) expected = 0;  // and worker 2's comes before worker 0's
    CHECK_EQ(piece.begin, expected);
    CHECK(piece.end > piece.begin);
    const std::size_t share_end = (piece.begin / 30 + 1) * 30;
    CHECK((piece.end - piece.begin) % 4 == 0 || piece.end == share_end);
    expected = piece.end;
    begins.push_back(piece.begin);
  }
  CHECK_EQ(expected, 30U);
  CHECK(begins.size() > 9);  // pieces, not whole shares
  CHECK(shares.claim(0).empty());
  CHECK(shares.claim(2).empty());
}

TEST("shares: half of what is left of one's own, a quarter of others', in whole grains") {
  Shares shares(2);
  shares.deal(256, 4);
  const auto size_of_next = [&shares](int worker) {
    const Shares::Piece piece = shares.claim(worker);
    return piece.end - piece.begin;
  };
  for (const std::size_t expected : {64U, 32U, 16U, 8U, 4U, 4U}) {
    CHECK_EQ(size_of_next(0), expected);
  }
  CHECK_EQ(size_of_next(0), 32U);  // of worker 1's 128
  CHECK_EQ(size_of_next(1), 48U);
  CHECK_EQ(size_of_next(0), 12U);
}

TEST("shares: fewer items than workers, none at all, and dealing anew") {
  Shares shares(4);
  shares.deal(2, 8);
  std::size_t items = 0;
  for (Shares::Piece piece = shares.claim(3); !piece.empty(); piece = shares.claim(3)) {
    items += piece.end - piece.begin;
  }
  CHECK_EQ(items, 2U);
  shares.deal(0, 1);
  CHECK(shares.claim(0).empty());
  shares.deal(1, 1);
  CHECK_EQ(shares.claim(2).end, 1U);
}

TEST("shares: every item once while all claim at the same time") {
  constexpr int kWorkers = 4;
  constexpr std::size_t kItems = 10'007;
  WorkerPool pool(kWorkers);
  Shares shares(kWorkers);
  std::vector<int> claims(kItems, 0);  // an item claimed twice would race, and count 2
  for (int round = 1; round <= 50; ++round) {
    shares.deal(kItems, 3);
    pool.run([&](int worker) {
      for (Shares::Piece piece = shares.claim(worker); !piece.empty();
           piece = shares.claim(worker)) {
        for (std::size_t i = piece.begin; i < piece.end; ++i) ++claims[i];
      }
    });
    CHECK_EQ(std::accumulate(claims.begin(), claims.end(), 0), round * static_cast<int>(kItems));
  }
  for (const int count : claims) CHECK_EQ(count, 50);
}

}  // namespace
}  // namespace rlmm
