// Bytes as operations on the order book, compared with its oracle; at the end the book's own bytes,
// damaged. Any exception that gets out is a finding.
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include "../book_pair.h"
#include "fuzz_bytes.h"

namespace rlmm {
namespace {

constexpr std::size_t kOperationsMost = 2000;  // so that one input stays quick

Ticks price_of(FuzzBytes& bytes, Ticks& centre) {
  const std::uint8_t mode = bytes.byte();
  const Ticks step = bytes.signed_byte();
  switch (mode % 8) {
    case 5:
      centre += step * 64;
      break;
    case 6:
      return centre + step * (Ticks{1} << (mode / 8));  // mode / 8 is at most 31
    case 7:
      return (mode < 128 ? OrderBook::kPriceMax : -OrderBook::kPriceMax) + step;
    default:
      break;
  }
  return centre + step;
}

bool is_price(Ticks price_ticks) {
  return -OrderBook::kPriceMax <= price_ticks && price_ticks <= OrderBook::kPriceMax;
}

Operation operation_of(FuzzBytes& bytes, Ticks& centre) {
  using Kind = Operation::Kind;
  Operation operation;
  operation.kind = static_cast<Kind>(bytes.byte() % static_cast<int>(Kind::kCount));
  const auto choices = bytes.take<std::uint16_t>();
  Submission& order = operation.order;
  order.side = static_cast<Side>(choices % 2);
  order.time_in_force = static_cast<TimeInForce>(choices / 2 % 4);
  order.self_trade = static_cast<SelfTrade>(choices / 8 % 3);
  order.owner = static_cast<Owner>(choices / 32 % 4);
  order.pool = static_cast<Pool>(choices / 128 % OrderBook::kPools);
  order.price_ticks = price_of(bytes, centre);
  const std::uint8_t lots = bytes.byte();
  order.lots = lots == 255 ? OrderBook::kOrderLotsMax : 1 + lots % 32;
  operation.pick = bytes.byte() * std::uint64_t{257};
  if (operation.kind == Kind::kBadDoor) {
    if (is_price(order.price_ticks)) order.lots = lots % 2 == 0 ? -order.lots : Lots{1} << 31;
  } else if (!is_price(order.price_ticks)) {
    order.price_ticks = centre = 0;
  }
  return operation;
}

// Whatever a book lets in must be a sound one.
void load_damaged(const OrderBook& book, FuzzBytes& bytes) {
  Writer out;
  book.save(out);
  std::string damaged = out.bytes();
  for (int i = 0; i < 3 && !bytes.empty(); ++i) {
    const std::size_t at = bytes.take<std::uint32_t>() % damaged.size();
    damaged[at] = static_cast<char>(damaged[at] ^ bytes.byte());
  }
  OrderBook other;
  Reader in(damaged);
  try {
    other.load(in);
  } catch (const std::invalid_argument&) {
    if (other.live_orders() > 0) throw std::runtime_error("a refused book is not empty");
  }
  const auto ignore = [](const Fill&) {};
  for (const Side side : {Side::kBid, Side::kAsk, Side::kBid}) {
    for (const Ticks price : {Ticks{-5}, Ticks{100}, Ticks{70'000}}) {
      (void)other.submit({.side = side, .price_ticks = price, .lots = 40, .owner = 1}, ignore);
    }
  }
  other.check_invariants();
}

}  // namespace
}  // namespace rlmm

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rlmm::FuzzBytes bytes(data, size);
  rlmm::BookPair pair;
  rlmm::Ticks centre = 0;
  const std::size_t operations = bytes.byte() * std::size_t{8};
  for (std::size_t i = 0; i < std::min(operations, rlmm::kOperationsMost); ++i) {
    if (bytes.empty()) break;
    pair.apply(rlmm::operation_of(bytes, centre));
  }
  pair.compare_whole();
  rlmm::load_damaged(pair.book(), bytes);
  return 0;
}
