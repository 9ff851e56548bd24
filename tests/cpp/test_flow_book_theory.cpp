// Small markets whose answers can be computed: one level on each side, orders of one lot.
//
// The agent has one order in the bid queue. What happens to it is a Markov chain in the orders
// ahead of it, the orders behind it and the ask queue, cut off where queues are all but never as
// long; its values solve linear equations (or, with the choice to leave, Bellman's), and the mean
// of what the simulation pays less what the equations say must be 0.
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "check.h"
#include "flow_books.h"
#include "flow_models.h"
#include "market/flow_book.h"

namespace rlmm {
namespace {

constexpr std::size_t kCap = 26;  // orders in a queue, or ahead, or behind
constexpr TimeNs kForever = INT64_MAX / 2;
constexpr double kConfidence99 = 2.576;

struct Problem {
  std::array<double, kGroups> rates;  // of cancels: per order
  double imbalance_edge;              // 0: rates do not depend on the queues
  double few_bids_factor;             // of market sells and bid cancels below -edge
  double gain;                        // of a fill
  double loss;                        // if the bids are gone before the asks afterwards
  bool may_leave;
};

// Rates by the book's best queues, as the model's state factors have them.
std::array<double, kGroups> rates_at(const Problem& problem, double bids, double asks) {
  std::array<double, kGroups> rates = problem.rates;
  if (problem.imbalance_edge > 0.0 && bids - asks < -problem.imbalance_edge * (bids + asks)) {
    rates[0] *= problem.few_bids_factor;
    rates[4] *= problem.few_bids_factor;
  }
  return rates;
}

MarketModel model_of(const Problem& problem) {
  MarketModel model = flow_books::still_model(1);
  model.far_level_orders = {1.0};
  for (std::size_t g = 0; g < kGroups; ++g) model.groups[g].baseline_hz = problem.rates[g];
  if (problem.imbalance_edge <= 0.0) return model;
  model.imbalance_bin_edges = {-problem.imbalance_edge, problem.imbalance_edge};
  for (const std::size_t g : {0U, 4U}) {
    model.groups[g].state_factor = {problem.few_bids_factor, 1.0, 1.0,
                                    problem.few_bids_factor, 1.0, 1.0};
  }
  return model;
}

// Values by Gauss-Seidel sweeps over all states.
class Solution {
 public:
  explicit Solution(const Problem& problem) : problem_(problem) {
    filled_.assign(kSide * kSide, 0.0);
    waiting_.assign(kSide * kSide * kSide, 0.0);
    while (sweep_filled() > 1e-10) {
    }
    while (sweep_waiting() > 1e-10) {
    }
  }

  // Of an order with `ahead` and `behind` in its queue, and `asks` on the other side.
  double waiting(std::size_t ahead, std::size_t behind, std::size_t asks) const {
    if (asks == 0) return 0.0;
    return waiting_[(cut(ahead) * kSide + cut(behind)) * kSide + cut(asks)];
  }

 private:
  static constexpr std::size_t kSide = kCap + 1;
  static std::size_t cut(std::size_t n) { return std::min(n, kCap); }

  // After a fill: `bids` and `asks` are left.
  double filled(std::size_t bids, std::size_t asks) const {
    if (bids == 0) return problem_.gain - problem_.loss;
    if (asks == 0) return problem_.gain;
    return filled_[cut(bids) * kSide + cut(asks)];
  }
  double sweep_filled() {
    double most = 0.0;
    for (std::size_t bids = 1; bids < kSide; ++bids) {
      for (std::size_t asks = 1; asks < kSide; ++asks) {
        const auto b = static_cast<double>(bids);
        const auto a = static_cast<double>(asks);
        const auto rates = rates_at(problem_, b, a);
        const double fewer_bids = rates[0] + rates[4] * b;
        const double fewer_asks = rates[1] + rates[5] * a;
        const double sum = fewer_bids * filled(bids - 1, asks) + rates[2] * filled(bids + 1, asks) +
                           fewer_asks * filled(bids, asks - 1) + rates[3] * filled(bids, asks + 1);
        const double value = sum / (fewer_bids + rates[2] + fewer_asks + rates[3]);
        double& old = filled_[bids * kSide + asks];
        most = std::max(most, std::fabs(value - old));
        old = value;
      }
    }
    return most;
  }
  double next_of(std::size_t ahead, std::size_t behind, std::size_t asks) const {
    const auto k = static_cast<double>(ahead);
    const auto m = static_cast<double>(behind);
    const auto a = static_cast<double>(asks);
    const auto rates = rates_at(problem_, k + m + 1.0, a);
    const double fewer_asks = rates[1] + rates[5] * a;
    double sum = fewer_asks * waiting(ahead, behind, asks - 1) +
                 rates[3] * waiting(ahead, behind, asks + 1) +
                 rates[2] * waiting(ahead, behind + 1, asks);
    sum += rates[0] * (ahead == 0 ? filled(behind, asks) : waiting(ahead - 1, behind, asks));
    if (ahead > 0) sum += rates[4] * k * waiting(ahead - 1, behind, asks);
    if (behind > 0) sum += rates[4] * m * waiting(ahead, behind - 1, asks);
    return sum / (rates[0] + rates[2] + rates[3] + fewer_asks + rates[4] * (k + m));
  }
  double sweep_waiting() {
    double most = 0.0;
    for (std::size_t ahead = 0; ahead < kSide; ++ahead) {
      for (std::size_t behind = 0; behind < kSide; ++behind) {
        for (std::size_t asks = 1; asks < kSide; ++asks) {
          double value = next_of(ahead, behind, asks);
          if (problem_.may_leave) value = std::max(value, 0.0);
          double& old = waiting_[(ahead * kSide + behind) * kSide + asks];
          most = std::max(most, std::fabs(value - old));
          old = value;
        }
      }
    }
    return most;
  }

  Problem problem_;
  std::vector<double> filled_;
  std::vector<double> waiting_;
};

// One order of the agent's after the other in a market that goes on.
class Trials {
 public:
  explicit Trials(const Problem& problem)
      : problem_(problem), solution_(problem), world_(model_of(problem)) {}

  // Payoff less the solution's value, and the value.
  struct Result {
    double off;
    double value;
    bool left;
  };
  Result next() {
    std::vector<FlowBook::Execution> executions;
    for (int n = 0; n < 25 || !ready(); ++n) world_.market.advance(kForever);
    const Ticks bid = book().best(Side::kBid);
    ask_ = book().best(Side::kAsk);
    const Outcome outcome =
        world_.market.submit(Side::kBid, bid, 1, TimeInForce::kPostOnly, executions);
    Result result{};
    result.value = value_at(outcome.slot);
    double paid = 0.0;
    for (;;) {
      if (problem_.may_leave && value_at(outcome.slot) <= 1e-9) {
        result.left = true;
        world_.market.cancel(outcome.slot);
        break;
      }
      world_.market.advance(kForever);
      if (!world_.market.agent_fills().empty()) {
        paid = problem_.gain - (bids_go_first(bid) ? problem_.loss : 0.0);
        break;
      }
      if (book().best(Side::kAsk) != ask_) {
        world_.market.cancel(outcome.slot);
        break;
      }
    }
    result.off = paid - result.value;
    return result;
  }

 private:
  const OrderBook& book() const { return world_.market.book(); }
  bool ready() const { return book().has(Side::kBid) && book().has(Side::kAsk); }
  double value_at(Slot slot) const {
    const auto ahead = static_cast<std::size_t>(book().queue_ahead(slot));
    const auto bids = static_cast<std::size_t>(book().best_lots(Side::kBid));
    return solution_.waiting(ahead, bids - ahead - 1,
                             static_cast<std::size_t>(book().best_lots(Side::kAsk)));
  }
  bool bids_go_first(Ticks bid) {
    if (problem_.loss == 0.0) return false;
    while (book().best(Side::kBid) == bid) {
      if (book().best(Side::kAsk) != ask_) return false;
      world_.market.advance(kForever);
    }
    return true;
  }

  Problem problem_;
  Solution solution_;
  flow_books::World world_;
  Ticks ask_ = 0;
};

struct Tally {
  double off = 0.0;
  double error = 0.0;
  double value = 0.0;
  double left = 0.0;
};
Tally run(const Problem& problem, std::int64_t trials) {
  Trials market(problem);
  Tally tally;
  double squares = 0.0;
  const auto n = static_cast<double>(trials);
  for (std::int64_t i = 0; i < trials; ++i) {
    const Trials::Result result = market.next();
    tally.off += result.off / n;
    squares += result.off * result.off / n;
    tally.value += result.value / n;
    tally.left += result.left ? 1.0 / n : 0.0;
  }
  tally.error = std::sqrt((squares - tally.off * tally.off) / n);
  if (std::getenv("RLMM_THEORY_SCALE") != nullptr) {
    std::cout << "value " << tally.value << ", off by " << tally.off << " +- " << tally.error
              << ", left " << tally.left << " in " << trials << " trials\n";
  }
  return tally;
}

}  // namespace

TEST("flow book: an order is filled before the asks go as often as the birth-death chain says") {
  // 1 / (1 + 1) for an order alone against one ask, when nothing but market orders comes.
  const Problem bare{{2.0, 2.0, 0.0, 0.0, 0.0, 0.0}, 0.0, 1.0, 1.0, 0.0, false};
  CHECK_NEAR(Solution(bare).waiting(0, 0, 1), 0.5, 1e-9);
  CHECK_NEAR(Solution(bare).waiting(1, 5, 2), 0.5, 1e-9);
  const Problem problem{{1.0, 1.2, 2.0, 1.8, 0.3, 0.35}, 0.0, 1.0, 1.0, 0.0, false};
  const Tally tally = run(problem, flow_models::scaled(30'000));
  CHECK(tally.value > 0.2 && tally.value < 0.8);
  CHECK_NEAR(tally.off, 0.0, kConfidence99 * tally.error);
}

TEST("flow book: joining and leaving a queue is worth what value iteration says") {
  Problem problem{{1.0, 1.0, 2.0, 2.0, 0.35, 0.35}, 0.3, 1.8, 1.0, 1.6, true};
  const Tally tally = run(problem, flow_models::scaled(30'000));
  CHECK(tally.left > 0.05);  // leaving is worth something
  CHECK_NEAR(tally.off, 0.0, kConfidence99 * tally.error);
  problem.may_leave = false;
  const Tally staying = run(problem, flow_models::scaled(30'000));
  CHECK_NEAR(staying.off, 0.0, kConfidence99 * staying.error);
  CHECK(staying.value < tally.value - 0.005);
}

}  // namespace rlmm
