// Heads against closed forms, and sampled actions against their laws.
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "check.h"
#include "policies.h"
#include "policy/head.h"
#include "policy/isa.h"
#include "types.h"

namespace rlmm {
namespace {

constexpr double kPi = std::numbers::pi;

double normal_log_density(double x, double mean, double std) {
  const double z = (x - mean) / std;
  return -0.5 * z * z - std::log(std) - 0.5 * std::log(2.0 * kPi);
}

Stream draws_of(std::uint64_t seed) { return {{seed, 77}, 0, Purpose::kPolicy}; }

// Room for whole panels behind the outputs, as networks leave it.
std::vector<float> with_room(std::vector<float> outputs) {
  outputs.resize(padded(outputs.size()) + kPanel, 0.0F);
  return outputs;
}

TEST("gaussian: density and entropy are the closed forms") {
  const std::vector<float> log_std = {-1.0F, 0.5F};
  const Head head(gaussian_head(2), log_std, kPlainKernels);
  Head::Buffers buffers(head);
  const std::vector<float> outputs = with_room({0.3F, -0.7F});
  Stream draws = draws_of(1);
  for (int i = 0; i < 100; ++i) {
    std::vector<float> action(2);
    const double log_prob = head.decide(outputs.data(), &draws, action.data(), nullptr, buffers);
    const double expected = normal_log_density(action[0], outputs[0], std::exp(-1.0)) +
                            normal_log_density(action[1], outputs[1], std::exp(0.5));
    CHECK_NEAR(log_prob, expected, 1e-12);
    CHECK_EQ(head.log_prob(outputs.data(), action.data()), log_prob);
  }
  const double entropy = std::log(2.0 * kPi * std::numbers::e) - 0.5;
  CHECK_NEAR(head.entropy(outputs.data(), buffers), entropy, 1e-12);
  std::vector<float> mode(2);
  head.decide(outputs.data(), nullptr, mode.data(), nullptr, buffers);
  CHECK_EQ(mode, std::vector<float>({0.3F, -0.7F}));
}

TEST("tanh gaussian: the density is that of the squashed action") {
  const Head head(squashed_head(1), {}, kPlainKernels);
  Head::Buffers buffers(head);
  const std::vector<float> outputs = with_room({0.4F, -0.25F});
  Stream draws = draws_of(2);
  for (int i = 0; i < 200; ++i) {
    float action = 0.0F;
    float u = 0.0F;
    const double log_prob = head.decide(outputs.data(), &draws, &action, &u, buffers);
    const double squashed = std::tanh(static_cast<double>(u));
    CHECK_EQ(action, static_cast<float>(squashed));
    const double expected =
        normal_log_density(u, outputs[0], std::exp(-0.25)) - std::log1p(-squashed * squashed);
    CHECK_NEAR(log_prob, expected, 1e-9);
    CHECK_EQ(head.log_prob(outputs.data(), &u), log_prob);
  }
  CHECK(std::isnan(head.entropy(outputs.data(), buffers)));
  float mode = 0.0F;
  head.decide(outputs.data(), nullptr, &mode, nullptr, buffers);  // nobody asked for u
  CHECK_EQ(mode, static_cast<float>(std::tanh(static_cast<double>(outputs[0]))));
}

TEST("tanh gaussian: far out the density stays finite and right") {
  const Head head(squashed_head(1), {}, kPlainKernels);
  const std::vector<float> outputs = with_room({0.0F, 1.5F});
  for (const float u : {-20.0F, -12.0F, 12.0F, 20.0F}) {
    // log(1 - tanh(u)^2) = log 4 - 2|u| up to exp(-2|u|).
    const double expected = normal_log_density(u, 0.0, std::exp(1.5)) - std::log(4.0) +
                            2.0 * std::fabs(static_cast<double>(u));
    CHECK_NEAR(head.log_prob(outputs.data(), &u), expected, 1e-8);
  }
}

TEST("tanh gaussian: the log-std is kept within its bounds") {
  HeadShape shape = squashed_head(1);
  shape.log_std_min = -3.0;
  shape.log_std_max = 1.0;
  const Head head(shape, {}, kPlainKernels);
  const float u = 0.1F;
  for (const auto& [free, kept] : {std::pair(-50.0F, -3.0F), std::pair(9.0F, 1.0F)}) {
    CHECK_EQ(head.log_prob(with_room({0.0F, free}).data(), &u),
             head.log_prob(with_room({0.0F, kept}).data(), &u));
  }
}

TEST("categorical: density, entropy and mode by group") {
  const Head head(categorical_head({3, 2}), {}, kPlainKernels);
  Head::Buffers buffers(head);
  const std::vector<float> outputs = with_room({0.0F, 1.0F, -1.0F, 2.0F, 2.0F});
  const double total = 1.0 + std::numbers::e + 1.0 / std::numbers::e;
  const std::vector<std::int64_t> action = {2, 0};
  CHECK_NEAR(head.log_prob(outputs.data(), action.data(), buffers),
             -1.0 - std::log(total) - std::log(2.0), 1e-6);
  const double first = std::log(total) - (std::numbers::e - 1.0 / std::numbers::e) / total;
  CHECK_NEAR(head.entropy(outputs.data(), buffers), first + std::log(2.0), 1e-6);
  std::vector<std::int64_t> mode(2);
  const double log_prob = head.decide(outputs.data(), nullptr, mode.data(), nullptr, buffers);
  CHECK_EQ(mode, std::vector<std::int64_t>({1, 0}));
  CHECK_EQ(log_prob, head.log_prob(outputs.data(), mode.data(), buffers));
}

TEST("categorical: a choice without weight is not drawn, and extreme logits stay finite") {
  const Head head(categorical_head({3}), {}, kPlainKernels);
  Head::Buffers buffers(head);
  const std::vector<float> outputs = with_room({-3e38F, 3e38F, -3e38F});
  Stream draws = draws_of(3);
  for (int i = 0; i < 1000; ++i) {
    std::int64_t choice = -1;
    CHECK_EQ(head.decide(outputs.data(), &draws, &choice, nullptr, buffers), 0.0);
    CHECK_EQ(choice, 1);
  }
}

// 6 standard errors of the mean: about 1e-9 to fail by chance.
TEST("sampled actions have the right mean, spread and frequencies") {
  constexpr int kDraws = 200'000;
  Stream draws = draws_of(4);
  const Head gaussian(gaussian_head(1), std::vector<float>{-0.5F}, kPlainKernels);
  Head::Buffers buffers(gaussian);
  const std::vector<float> outputs = with_room({0.7F});
  double sum = 0.0;
  double square = 0.0;
  for (int i = 0; i < kDraws; ++i) {
    float action = 0.0F;
    gaussian.decide(outputs.data(), &draws, &action, nullptr, buffers);
    const double z = (action - 0.7) / std::exp(-0.5);
    sum += z;
    square += z * z;
  }
  CHECK_NEAR(sum / kDraws, 0.0, 6.0 / std::sqrt(kDraws));
  CHECK_NEAR(square / kDraws, 1.0, 6.0 * std::sqrt(2.0 / kDraws));

  const Head categorical(categorical_head({4}), {}, kPlainKernels);
  Head::Buffers group(categorical);
  const std::vector<double> probability = {0.1, 0.2, 0.3, 0.4};
  std::vector<float> logits;
  logits.reserve(probability.size());
  for (const double p : probability) logits.push_back(static_cast<float>(std::log(p) + 5.0));
  logits = with_room(logits);
  std::vector<int> count(4);
  for (int i = 0; i < kDraws; ++i) {
    std::int64_t choice = 0;
    categorical.decide(logits.data(), &draws, &choice, nullptr, group);
    ++count[static_cast<std::size_t>(choice)];
  }
  for (std::size_t k = 0; k < 4; ++k) {
    const double p = probability[k];
    CHECK_NEAR(count[k], p * kDraws, 6.0 * std::sqrt(kDraws * p * (1.0 - p)));
  }
}

TEST("outputs that are not finite are refused") {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::string message = "policy: expected finite outputs of its network, got";
  const Head gaussian(gaussian_head(1), std::vector<float>{80.0F}, kPlainKernels);
  Head::Buffers buffers(gaussian);
  float action = 0.0F;
  const std::vector<float> bad = with_room({kNan});
  CHECK_THROWS(gaussian.decide(bad.data(), nullptr, &action, nullptr, buffers), RangeError,
               message);
  const Head squashed(squashed_head(1), {}, kPlainKernels);
  const std::vector<float> bad_std = with_room({0.0F, kNan});
  CHECK_THROWS(squashed.decide(bad_std.data(), nullptr, &action, nullptr, buffers), RangeError,
               message);
  const Head categorical(categorical_head({2}), {}, kPlainKernels);
  Head::Buffers group(categorical);
  std::int64_t choice = 0;
  const std::vector<float> bad_logit = with_room({0.0F, -kInfinity});
  CHECK_THROWS(categorical.decide(bad_logit.data(), nullptr, &choice, nullptr, group), RangeError,
               message);
}

TEST("shapes that no head has are refused") {
  const auto head = [](const HeadShape& shape, const std::vector<float>& log_std) {
    return Head(shape, log_std, kPlainKernels);
  };
  CHECK_THROWS(head(gaussian_head(0), {}), std::invalid_argument, "action_width: expected from 1");
  CHECK_THROWS(head(gaussian_head(65), {}), std::invalid_argument, "from 1 to 64, got 65");
  CHECK_THROWS(head(gaussian_head(2), {0.0F}), std::invalid_argument,
               "log_std: expected 2 numbers, got 1");
  CHECK_THROWS(head(gaussian_head(1), {1e9F}), std::invalid_argument, "log_std: expected numbers");
  CHECK_THROWS(head(squashed_head(1), {0.0F}), std::invalid_argument, "log_std: expected 0");
  HeadShape crossed = squashed_head(1);
  crossed.log_std_min = 3.0;
  CHECK_THROWS(head(crossed, {}), std::invalid_argument, "log_std_min, log_std_max");
  HeadShape endless = squashed_head(1);
  endless.log_std_min = -std::numeric_limits<double>::infinity();
  CHECK_THROWS(head(endless, {}), std::invalid_argument, "got -inf and 2");
  HeadShape wide = squashed_head(1);
  wide.log_std_max = 80.5;
  CHECK_THROWS(head(wide, {}), std::invalid_argument, "at most 80, got -20.000000 and 80.5");
  CHECK_THROWS(head(categorical_head({}), {}), std::invalid_argument, "choices: expected from 1");
  CHECK_THROWS(head(categorical_head(std::vector<std::int64_t>(65, 2)), {}), std::invalid_argument,
               "choices: expected from 1 to 64 numbers, got 65");
  CHECK_THROWS(head(categorical_head({3, 0}), {}), std::invalid_argument, "choices: expected");
  CHECK_THROWS(head(categorical_head({60'000, 60'000}), {}), std::invalid_argument,
               "that sum to at most 65536");
}

}  // namespace
}  // namespace rlmm
