// The event flow's statistics against what theory says of Poisson and Hawkes processes.
#include <array>
#include <cmath>
#include <vector>

#include "check.h"
#include "flow/event_flow.h"
#include "flow_models.h"

namespace rlmm {
namespace {

using flow_models::exciting_model;
using flow_models::kOnes;

constexpr SeedKey kKey{31, 32};

using Matrix = std::vector<std::vector<double>>;

Matrix zeros(std::size_t rows, std::size_t columns) {
  return Matrix(rows, std::vector<double>(columns, 0.0));
}

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix result = zeros(a.size(), b[0].size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t k = 0; k < b.size(); ++k) {
      for (std::size_t j = 0; j < b[0].size(); ++j) result[i][j] += a[i][k] * b[k][j];
    }
  }
  return result;
}

Matrix transposed(const Matrix& a) {
  Matrix result = zeros(a[0].size(), a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < a[0].size(); ++j) result[j][i] = a[i][j];
  }
  return result;
}

void add(Matrix& to, const Matrix& from, double weight) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    for (std::size_t j = 0; j < to[0].size(); ++j) to[i][j] += weight * from[i][j];
  }
}

// (I - G)^-1 mu, by iteration; G is a contraction.
std::vector<double> stationary_rates(const MarketModel& model) {
  std::vector<double> rates(kGroups, 0.0);
  for (int n = 0; n < 2000; ++n) {
    std::vector<double> next(kGroups);
    for (std::size_t g = 0; g < kGroups; ++g) {
      next[g] = model.groups[g].baseline_hz;
      for (std::size_t i = g * kGroups; i < model.excitation.size(); i += kGroups * kGroups) {
        for (std::size_t h = 0; h < kGroups; ++h) next[g] += model.excitation[i + h] * rates[h];
      }
    }
    rates = next;
  }
  return rates;
}

// The process is dx = A x dt + K dM in the deviations x of the excitations from their means, with
// intensities of L x and martingales M of variance `rates` per second.
struct Linear {
  explicit Linear(const MarketModel& model) : rates(stationary_rates(model)) {
    const std::size_t n = model.decays_hz.size() * kGroups;
    drift = zeros(n, n);
    kick = zeros(n, kGroups);
    sum = zeros(kGroups, n);
    for (std::size_t i = 0; i < n; ++i) {
      const double rate = model.decays_hz[i / kGroups];
      for (std::size_t h = 0; h < kGroups; ++h)
        kick[i][h] = model.excitation[i * kGroups + h] * rate;
      sum[i % kGroups][i] = 1.0;
      drift[i][i] = -rate;
    }
    add(drift, product(kick, sum), 1.0);
    noise = zeros(kGroups, kGroups);
    for (std::size_t g = 0; g < kGroups; ++g) noise[g][g] = rates[g];
  }
  std::vector<double> rates;
  Matrix drift;
  Matrix kick;
  Matrix sum;
  Matrix noise;
};

struct CountMoments {
  Matrix variance;        // of the counts in a window
  Matrix autocovariance;  // of counts in a window and in the next
};

// The moments' differential equations, by Heun's rule: first up to stationarity, then over a
// window.
CountMoments count_moments(const MarketModel& model, double window_s) {
  const Linear x(model);
  const std::size_t n = x.drift.size();
  const Matrix kick_noise = product(product(x.kick, x.noise), transposed(x.kick));
  const auto rate_of_states = [&](const Matrix& states) {
    Matrix rate = product(x.drift, states);
    const Matrix mirrored = transposed(rate);
    add(rate, mirrored, 1.0);
    add(rate, kick_noise, 1.0);
    return rate;
  };
  constexpr double kStep = 0.02;
  Matrix states = zeros(n, n);
  for (int i = 0; i < 1200; ++i) {
    const Matrix first = rate_of_states(states);
    Matrix middle = states;
    add(middle, first, 0.5 * kStep);
    add(states, rate_of_states(middle), kStep);
  }
  const Matrix back = transposed(x.drift);
  const Matrix sum_states = product(x.sum, states);
  const Matrix noise_kick = product(x.noise, transposed(x.kick));
  CountMoments moments{zeros(kGroups, kGroups), zeros(kGroups, kGroups)};
  Matrix cross = zeros(kGroups, n);  // covariance of counts and excitations
  const auto advance = [&](bool counting, Matrix& total) {
    Matrix rate = product(cross, back);
    if (counting) {
      add(rate, sum_states, 1.0);
      add(rate, noise_kick, 1.0);
    }
    Matrix middle = cross;
    add(middle, rate, 0.5 * kStep);
    const Matrix step = product(middle, transposed(x.sum));
    add(total, step, kStep);
    if (counting) {
      add(total, transposed(step), kStep);
      add(total, x.noise, kStep);
    }
    Matrix next = product(middle, back);
    if (counting) {
      add(next, sum_states, 1.0);
      add(next, noise_kick, 1.0);
    }
    add(cross, next, kStep);
  };
  const auto steps = static_cast<int>(std::lround(window_s / kStep));
  for (int i = 0; i < steps; ++i) advance(true, moments.variance);
  for (int i = 0; i < steps; ++i) advance(false, moments.autocovariance);
  return moments;
}

using Counts = std::array<double, kGroups>;

// Counts of each group in consecutive windows, and the rescaled waiting times of each group.
struct Run {
  Run(const MarketModel& params, double window_s, std::int64_t windows) {
    const FlowModel model(params);
    EventFlow flow(model, false);
    flow.start(kKey, 1);
    double now = -100.0;  // time to become stationary
    Counts passed{};
    Counts count{};
    double end = window_s;
    while (counts.size() < static_cast<std::size_t>(windows)) {
      const EventFlow::Wait wait = flow.next(kOnes);
      const Lanes expected = flow.expected(kOnes, wait.seconds);
      now += wait.seconds;
      for (; now >= end; end += window_s) {
        counts.push_back(count);
        count = {};
      }
      const std::size_t group = lane(wait.group);
      flow.take(wait);
      for (std::size_t g = 0; g < kGroups; ++g) passed[g] += expected[g];
      residuals[group].push_back(passed[group]);
      passed[group] = 0.0;
      if (now >= 0.0) count[group] += 1.0;
    }
  }
  std::vector<Counts> counts;
  std::array<std::vector<double>, kGroups> residuals;
};

// A mean of dependent values, with a standard error from the means of long blocks.
struct Estimate {
  double mean = 0.0;
  double error = 0.0;
};
Estimate estimate(const std::vector<double>& values) {
  constexpr std::size_t kBlocks = 50;
  const std::size_t size = values.size() / kBlocks;
  Estimate result;
  double squares = 0.0;
  for (std::size_t block = 0; block < kBlocks; ++block) {
    double sum = 0.0;
    for (std::size_t i = 0; i < size; ++i) sum += values[block * size + i];
    const double mean = sum / static_cast<double>(size);
    result.mean += mean / kBlocks;
    squares += mean * mean / kBlocks;
  }
  result.error = std::sqrt((squares - result.mean * result.mean) / (kBlocks - 1));
  return result;
}

// 99 % for all of about forty comparisons together (Student's law, 49 degrees of freedom).
constexpr double kErrors = 4.0;

void check_hawkes(const std::vector<double>& decays_hz) {
  const MarketModel params = exciting_model(decays_hz, 0.6);
  constexpr double kWindowS = 1.0;
  const Run run(params, kWindowS, flow_models::scaled(40'000));
  const std::vector<double> rates = stationary_rates(params);
  const CountMoments moments = count_moments(params, kWindowS);
  for (std::size_t g = 0; g < kGroups; ++g) {
    const std::size_t h = (g + 1) % kGroups;
    std::vector<double> counts;
    std::vector<double> squares;
    std::vector<double> pairs;
    std::vector<double> neighbours;
    for (std::size_t i = 0; i + 1 < run.counts.size(); ++i) {
      const double off = run.counts[i][g] - rates[g] * kWindowS;
      counts.push_back(off);
      squares.push_back(off * off);
      pairs.push_back(off * (run.counts[i][h] - rates[h] * kWindowS));
      neighbours.push_back(off * (run.counts[i + 1][h] - rates[h] * kWindowS));
    }
    const Estimate mean = estimate(counts);
    CHECK_NEAR(mean.mean, 0.0, kErrors * mean.error);
    const Estimate variance = estimate(squares);
    CHECK_NEAR(variance.mean, moments.variance[g][g], kErrors * variance.error);
    const Estimate pair = estimate(pairs);
    CHECK_NEAR(pair.mean, moments.variance[g][h], kErrors * pair.error);
    const Estimate neighbour = estimate(neighbours);
    CHECK_NEAR(neighbour.mean, moments.autocovariance[g][h], kErrors * neighbour.error);
    CHECK(neighbour.mean > 5.0 * neighbour.error);  // there is something to be right about
    CHECK(flow_models::exponential_ks(run.residuals[g]) < flow_models::kKsOfSix);
  }
}

}  // namespace

TEST("event flow: without kernels, each group is a Poisson process") {
  MarketModel params = exciting_model({}, 0.0);
  const FlowModel model(params);
  EventFlow flow(model, false);
  flow.start(kKey, 2);
  const Factors factors = flow_models::whole({1.0F, 0.5F, 2.0F, 1.0F, 3.0F, 1.0F});
  std::array<std::vector<double>, kGroups> waits;
  std::array<double, kGroups> since{};
  const std::int64_t events = flow_models::scaled(100'000);
  for (std::int64_t n = 0; n < events; ++n) {
    const EventFlow::Wait wait = flow.next(factors);
    for (double& one : since) one += wait.seconds;
    const std::size_t group = lane(wait.group);
    flow.take(wait);
    waits[group].push_back(since[group] * params.groups[group].baseline_hz *
                           factors.baseline[group]);
    since[group] = 0.0;
  }
  for (const auto& values : waits) {
    CHECK(values.size() > 4000);
    CHECK(flow_models::exponential_ks(values) < flow_models::kKsOfSix);
  }
}

TEST("event flow: Hawkes means, variances, covariances and residuals, four decays") {
  check_hawkes({12.0, 5.0, 2.0, 0.8});
}

TEST("event flow: Hawkes means, variances, covariances and residuals, two blocks of decays") {
  check_hawkes({15.0, 8.0, 4.0, 2.0, 0.8});
}

}  // namespace rlmm
