// The order book against its oracle (book_oracle.h), a short run; the long ones are made by
// book_differential. RLMM_BOOK_OPERATIONS sets the number of operations.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "book_operations.h"
#include "check.h"

namespace rlmm {
namespace {

std::uint64_t operations_wanted() {
  const char* text = std::getenv("RLMM_BOOK_OPERATIONS");
  return text == nullptr ? 1'000'000 : std::stoull(text);
}

TEST("book differential: as its oracle, after every operation") {
  const std::uint64_t operations = operations_wanted();
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t slice = 0; slice < 3; ++slice) run_slice(2, slice, operations / 3);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  std::cout << "order book against oracle: "
            << static_cast<std::uint64_t>(static_cast<double>(operations) / taken.count())
            << " operations/s\n";
}

// That a difference would be seen, and told with what is needed to see it again.
TEST("book differential: a difference is reported with its place") {
  BookPair pair;
  Operation operation;
  operation.order = {.side = Side::kBid, .price_ticks = 5, .lots = 3};
  pair.apply(operation);
  const_cast<Order&>(pair.book().order(0)).lots = 2;
  CHECK_THROWS(pair.compare_whole(), Difference, "lots: the book says 2, the oracle 3");
  operation.order = {.side = Side::kAsk, .price_ticks = 5, .lots = 3};
  CHECK_THROWS(pair.apply(operation), Difference, "the book says");
  CHECK_EQ(text_of(operation).substr(0, 37), "kind 0, side 1, price 5, lots 3, time");
}

}  // namespace
}  // namespace rlmm
