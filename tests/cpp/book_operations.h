// Random operations for a BookPair: a market that drifts, jumps, thins out and is swept.
//
// A run is cut into slices. A slice starts with an empty book and has a stream of its own, so that
// any of them can be run, and run again, without those before it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "book_pair.h"
#include "rng.h"

namespace rlmm {

class RandomOperations {
 public:
  RandomOperations(std::uint64_t seed, std::uint64_t slice)
      : stream_({seed, 0xB00C}, slice, Purpose::kReset) {
    new_phase();
  }

  Operation next(const BookPair& pair) {
    if (phase_.left-- == 0) new_phase();
    centre_ += phase_.drift_ticks;
    Operation operation;
    operation.pick = stream_.word();
    operation.kind = some_kind(pair.oracle().orders());
    Submission& order = operation.order;
    order.side = static_cast<Side>(below(2));
    order.owner = static_cast<Owner>(below(5) < 2 ? 1 + below(3) : kCrowd);
    order.pool = static_cast<Pool>(below(OrderBook::kPools));
    order.self_trade = static_cast<SelfTrade>(below(3));
    order.time_in_force = some_time_in_force();
    order.lots = some_lots();
    order.price_ticks = some_price(order.side, pair.oracle());
    if (operation.kind == Kind::kExecute && one_in(phase_.calm)) {  // sweeps the side
      order.lots = OrderBook::kOrderLotsMax * Lots{1'000'000};
      order.price_ticks = sign(order.side) * OrderBook::kPriceMax;
    }
    if (operation.kind == Kind::kBadDoor) spoil(order);
    return operation;
  }

 private:
  using Kind = Operation::Kind;
  // What the market is like for a while.
  struct Phase {
    std::uint64_t left = 0;
    std::uint64_t orders = 0;  // about so many live ones
    std::uint64_t calm = 0;    // one in so many executions sweeps the side
    double drift_ticks = 0.0;  // of the touch, per operation
    Ticks half_spread_ticks = 0;
    std::uint64_t width_ticks = 1;
    std::uint64_t lots_most = 1;
  };

  std::uint64_t below(std::uint64_t n) { return stream_.below(n); }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

  void new_phase() {
    constexpr std::array<std::uint64_t, 6> kOrders{2, 10, 60, 300, 800, 2500};
    constexpr std::array<std::uint64_t, 4> kCalm{20, 300, 3000, 30'000};
    constexpr std::array<Ticks, 10> kHalfSpreads{0, 0, 1, 1, 3, 40, 600, 1200, 2500, 50'000};
    constexpr std::array<std::uint64_t, 6> kWidths{1, 4, 10, 40, 300, 3000};
    phase_.left = 1 + below(one_in(4) ? 40'000 : 6000);
    phase_.orders = kOrders.at(below(kOrders.size()));
    phase_.calm = kCalm.at(below(kCalm.size()));
    phase_.half_spread_ticks = kHalfSpreads.at(below(kHalfSpreads.size()));
    phase_.width_ticks = kWidths.at(below(kWidths.size()));
    phase_.lots_most = one_in(8) ? 1'000'000'000 : 1 + below(20);
    phase_.drift_ticks = 0.0;
    if (one_in(2)) phase_.drift_ticks = (stream_.uniform() - 0.5) * (one_in(4) ? 60.0 : 2.0);
    if (one_in(4)) centre_ += (stream_.uniform() - 0.5) * 20'000.0;
    const auto edge = static_cast<double>(OrderBook::kPriceMax);
    if (one_in(40)) {
      centre_ = one_in(2) ? edge : -edge;
    } else if (std::abs(centre_) > edge / 2 || one_in(40)) {
      centre_ = 1e6 * (stream_.uniform() - 0.5);
    }
  }

  // More of what adds orders while there are few, more of what removes them while there are many.
  Kind some_kind(std::uint64_t live) {
    const std::uint64_t rare = below(1'000'000);
    if (rare < 4) return Kind::kClear;
    if (rare < 200) return Kind::kReload;
    if (rare < 600) return Kind::kBadDoor;
    const std::uint64_t adding = live < phase_.orders ? 58 : 22;
    const std::uint64_t removing = live < 2 * phase_.orders ? 15 : 50;
    const std::uint64_t drawn = below(adding + removing + 30);
    if (drawn < adding) return one_in(3) ? Kind::kRest : Kind::kSubmit;
    if (drawn < adding + removing) return Kind::kCancel;
    constexpr std::array<Kind, 6> kOthers{Kind::kExecute, Kind::kExecute,   Kind::kReduce,
                                          Kind::kAmend,   Kind::kAmendSize, Kind::kTrack};
    return kOthers.at((drawn - adding - removing) / 5);
  }

  TimeInForce some_time_in_force() {
    constexpr std::array<TimeInForce, 8> kAll{
        TimeInForce::kGoodTillCancel, TimeInForce::kGoodTillCancel,    TimeInForce::kGoodTillCancel,
        TimeInForce::kGoodTillCancel, TimeInForce::kPostOnly,          TimeInForce::kPostOnly,
        TimeInForce::kFillOrKill,     TimeInForce::kImmediateOrCancel,
    };
    return kAll.at(below(kAll.size()));
  }

  Lots some_lots() {
    if (one_in(500)) return OrderBook::kOrderLotsMax - static_cast<Lots>(below(3));
    const std::uint64_t most = one_in(20) ? 20 * phase_.lots_most : phase_.lots_most;
    return static_cast<Lots>(1 + below(std::min<std::uint64_t>(most, OrderBook::kOrderLotsMax)));
  }

  // Mostly a little behind the touch, sometimes at the best price or across, sometimes far away.
  Ticks some_price(Side side, const OracleBook& oracle) {
    const auto centre = static_cast<Ticks>(centre_);
    const std::uint64_t drawn = below(100);
    Ticks away = phase_.half_spread_ticks + static_cast<Ticks>(below(phase_.width_ticks));
    if (drawn < 12 && oracle.has(side)) {
      return within(oracle.best(side) + static_cast<Ticks>(below(3)) - 1);
    }
    if (drawn < 24) away = -away;
    if (drawn < 28 && oracle.has(OracleBook::other(side))) {
      return within(oracle.best(OracleBook::other(side)) +
                    sign(side) * static_cast<Ticks>(below(4)));
    }
    if (drawn >= 98) away = static_cast<Ticks>(below(std::uint64_t{2} << below(20)));
    if (drawn == 98 && one_in(20)) away = static_cast<Ticks>(below(OrderBook::kPriceMax));
    return within(centre - sign(side) * away);
  }

  static Ticks within(Ticks price_ticks) {
    return std::clamp(price_ticks, -OrderBook::kPriceMax, OrderBook::kPriceMax);
  }

  void spoil(Submission& order) {
    constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    constexpr std::array<Ticks, 4> kPrices{OrderBook::kPriceMax + 1, -OrderBook::kPriceMax - 1,
                                           kMost, -kMost - 1};
    constexpr std::array<Lots, 5> kLots{0, -1, OrderBook::kOrderLotsMax + 1, kMost, -kMost - 1};
    if (one_in(2)) {
      order.price_ticks = kPrices.at(below(kPrices.size()));
    } else {
      order.lots = kLots.at(below(kLots.size()));
    }
  }

  Stream stream_;
  Phase phase_;
  double centre_ = 100'000.0;
};

inline constexpr std::uint64_t kSliceOperations = 10'000'000;
inline constexpr std::uint64_t kWholeEvery = 1000;

// One slice of a run, from an empty book. Throws Difference with what is needed to see it again.
inline void run_slice(std::uint64_t seed, std::uint64_t slice, std::uint64_t operations) {
  BookPair pair;
  RandomOperations generator(seed, slice);
  Operation operation;
  std::uint64_t done = 0;
  try {
    for (; done < operations; ++done) {
      operation = generator.next(pair);
      pair.apply(operation);
      if ((done + 1) % kWholeEvery == 0) pair.compare_whole();
    }
    pair.compare_whole();
  } catch (const std::exception& error) {
    throw Difference("seed " + std::to_string(seed) + ", slice " + std::to_string(slice) +
                     ", operation " + std::to_string(done) + " (" + text_of(operation) +
                     "): " + error.what());
  }
}

}  // namespace rlmm
