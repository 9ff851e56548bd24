#include "transitions/priorities.h"

#include <cmath>
#include <string>

#include "checks.h"
#include "transitions/ring.h"

namespace rlmm {

Priorities::Priorities(std::size_t capacity, double exponent)
    : capacity_(capacity), exponent_(exponent), powers_(checked_capacity(capacity)) {
  require_between("exponent", exponent, 0.0, 1.0);
}

void Priorities::add(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) powers_.set((added_ + i) % capacity_, most_);
  added_ += count;
}

void Priorities::draw(std::span<const double> draws, std::size_t block, double correction,
                      std::int64_t* places, float* weights) const {
  require_rows(size());
  require_shares(draws);
  const double total = powers_.total();
  const double per_mean = static_cast<double>(size()) / total;
  for (std::size_t first = 0; first < draws.size(); first += block) {
    double most = 0.0;
    for (std::size_t i = first; i < first + block; ++i) {
      const double stratum = static_cast<double>(i - first) + draws[i];
      const std::size_t place = powers_.find(stratum / static_cast<double>(block) * total);
      const double weight = std::pow(powers_.at(place) * per_mean, -correction);
      places[i] = static_cast<std::int64_t>(place);
      weights[i] = static_cast<float>(weight);
      most = std::max(most, weight);
    }
    for (std::size_t i = first; i < first + block; ++i) {
      weights[i] = static_cast<float>(weights[i] / most);
    }
  }
}

void Priorities::set(std::span<const std::int64_t> places, const float* errors) {
  require_places(places, size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (!(errors[i] >= 0.0F && std::isfinite(errors[i]))) {
      refuse(place_of("errors", i), "a finite number of at least 0", errors[i]);
    }
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    const double power = std::pow(static_cast<double>(errors[i]) + kEpsilon, exponent_);
    powers_.set(static_cast<std::size_t>(places[i]), power);
    most_ = std::max(most_, power);
  }
}

std::vector<double> Priorities::powers() const {
  std::vector<double> values(size());
  for (std::size_t i = 0; i < size(); ++i) values[i] = powers_.at(i);
  return values;
}

void Priorities::restore(std::span<const double> powers, double most, std::size_t added) {
  require_length("powers", powers.size(), std::min(added, capacity_));
  powers_ = SumTree(capacity_);
  for (std::size_t i = 0; i < powers.size(); ++i) powers_.set(i, powers[i]);
  most_ = most;
  added_ = added;
}

}  // namespace rlmm
