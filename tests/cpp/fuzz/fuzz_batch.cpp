// Bytes as parameters, actions and states of a batch. Errors of the declared types are its right;
// a broken promise (InvariantError), any other exception and a number that is not finite are
// findings.
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "../batch_arrays.h"
#include "../book_problems.h"
#include "../problems.h"
#include "batch/batch.h"
#include "fuzz_bytes.h"

namespace rlmm {
namespace {

double changed(double value, FuzzBytes& bytes) {
  constexpr std::array<double, 12> kSpecial{0.0,
                                            -0.0,
                                            1.0,
                                            -1.0,
                                            0.5,
                                            1e-300,
                                            1e300,
                                            1e9,
                                            std::numeric_limits<double>::infinity(),
                                            -std::numeric_limits<double>::infinity(),
                                            std::numeric_limits<double>::quiet_NaN(),
                                            std::numeric_limits<double>::denorm_min()};
  const std::uint8_t mode = bytes.byte();
  if (mode % 4 == 0) return kSpecial.at(mode / 4 % kSpecial.size());
  if (mode % 4 == 1) return bytes.take<double>();
  return mode % 4 == 2 ? value * bytes.byte() / 32.0
                       : value + static_cast<double>(bytes.signed_byte()) / 16.0;
}

std::int64_t changed(std::int64_t value, FuzzBytes& bytes) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  constexpr std::array<std::int64_t, 10> kSpecial{
      0,     1,      -1,        2, 1'000'000'000, std::int64_t{1} << 31, std::int64_t{1} << 40,
      kMost, -kMost, -kMost - 1};
  const std::uint8_t mode = bytes.byte();
  if (mode % 4 == 0) return kSpecial.at(mode / 4 % kSpecial.size());
  if (mode % 4 == 1) return bytes.take<std::int64_t>();
  const std::int64_t step = bytes.signed_byte();
  // As unsigned numbers: no overflow is ours.
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(value) +
                                   static_cast<std::uint64_t>(mode % 4 == 2 ? step : step << 24));
}

// Changes the field whose turn it is, counting down over all fields in their order.
class ChangeField {
 public:
  ChangeField(int field, FuzzBytes& bytes) : left_(field), bytes_(bytes) {}

  template <class T>
  void operator()(const char*, T& value) {
    visit(value);
  }
  int left() const { return left_; }

 private:
  template <class T>
  void visit(T& value) {
    if constexpr (requires { T::fields(value, *this); }) {
      T::fields(value, *this);
    } else if (left_-- == 0) {
      change(value);
    }
  }

  template <class... Ts>
  void visit(std::variant<Ts...>& value) {
    std::visit([this](auto& chosen) { this->visit(chosen); }, value);
  }

  template <class T>
  void change(T& value) {
    if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(bytes_.byte() % enum_names(T{}).size());
    } else if constexpr (std::is_same_v<T, bool>) {
      value = !value;
    } else {
      value = changed(value, bytes_);
    }
  }
  void change(std::optional<double>& value) {
    if (bytes_.byte() % 2 == 0) {
      value = changed(value.value_or(1.0), bytes_);
    } else {
      value.reset();
    }
  }
  void change(std::string& value) {
    constexpr std::array<const char*, 12> kNames{
        "time_left",  "inventory", "mid_return", "realised_volatility",
        "bid_offset", "regime",    "",           "regime_probability",
        "imbalance",  "bid_depth", "return",     "ask_queue_ahead"};
    value = kNames.at(bytes_.byte() % kNames.size());
  }
  // Longer or shorter by one, or one element changed.
  template <class T>
  void change(std::vector<T>& values) {
    const std::uint8_t mode = bytes_.byte();
    if (mode % 8 == 0) {
      values.resize(values.size() + 1);
    } else if (values.empty()) {
      return;
    } else if (mode % 8 == 1) {
      values.pop_back();
    } else if constexpr (requires { T::fields(values[0], *this); }) {
      left_ = mode / 8 % 5;
      T::fields(values[bytes_.byte() % values.size()], *this);
      left_ = -1;
    } else {
      change(values[mode / 8 % values.size()]);
    }
  }

  int left_;
  FuzzBytes& bytes_;
};

int field_count(EnvParams& params) {
  constexpr int kMany = 1'000'000;
  FuzzBytes none(nullptr, 0);
  ChangeField count(kMany, none);
  EnvParams::fields(params, count);
  return kMany - count.left();
}

// Everything of a book market within a few steps of 50 ms, shocks included.
EnvParams shocked_book(FuzzBytes& bytes) {
  constexpr TimeNs kStep = 50'000'000;
  EnvParams params = book_problems::rough_problem();
  params.episode.n_steps = 8;
  params.episode.step_ns = kStep;
  params.episode.initial_inventory_min_lots = -3;
  params.episode.initial_inventory_max_lots = 3;
  params.episode.liquidate_at_end = bytes.byte() % 2 == 0;
  params.observation.levels = 3;
  params.book().warmup_ns = 4 * kStep;
  params.book().shocks = {{ShockKind::kHalt, kStep, 2 * kStep, 1.0, {}},
                          {ShockKind::kPriceJump, 2 * kStep, 0, 7.0, {}},
                          {ShockKind::kIntensity, 4 * kStep, kStep, 20.0, {}},
                          {ShockKind::kFeedOutage, 5 * kStep, kStep, 1.0, {}},
                          {ShockKind::kRegime, 0, 6 * kStep, 1.0, {}}};
  for (ShockParams& shock : params.book().shocks) {
    shock.start_ns += bytes.signed_byte() % 3 * kStep / 2;
    if (bytes.byte() % 4 == 0) shock.kind = static_cast<ShockKind>(bytes.byte() % 10);
    if (bytes.byte() % 4 == 0) shock.value = changed(shock.value, bytes);
  }
  return params;
}

// Whether an input with these parameters stays quick.
bool is_quick(const EnvParams& params) {
  if (!params.is_book()) return true;
  constexpr double kEventsMost = 2000.0;
  const BookMarketParams& book = params.book();
  double hz = book.model.events_hz_bound();
  for (const ShockParams& shock : book.shocks) {
    for (const double factor : shock.by_group) hz *= std::max(1.0, factor);
    if (shock.kind == ShockKind::kIntensity) hz *= std::max(1.0, shock.value);
  }
  const double moves_hz = kNsPerS / static_cast<double>(book.model.informed.interval_ns);
  const double span_s = params.step_s() + seconds_of(book.warmup_ns);
  return (hz + moves_hz) * span_s <= kEventsMost;
}

EnvParams params_of(FuzzBytes& bytes) {
  EnvParams params;
  switch (bytes.byte() % 6) {
    case 0:
      params = still_problem();
      break;
    case 1:
      params = plain_problem();
      break;
    case 2:
      params = regime_problem();
      break;
    case 3:
      params = full_problem();
      break;
    default:
      params = shocked_book(bytes);
  }
  for (int i = bytes.byte() % 6; i > 0; --i) {
    ChangeField visit(bytes.byte() % field_count(params), bytes);
    EnvParams::fields(params, visit);
  }
  return params;
}

template <class Action>
std::vector<Action> actions_of(const Batch& batch, FuzzBytes& bytes) {
  std::vector<Action> actions(
      static_cast<std::size_t>(batch.n_envs() * batch.action_reader().width()));
  for (Action& action : actions) {
    const std::uint8_t mode = bytes.byte();
    if (mode == 255) {
      action = bytes.take<Action>();
    } else if constexpr (std::is_integral_v<Action>) {
      action = mode % 8;
    } else {
      action = static_cast<Action>(mode) / 100.0F - 1.2F;
    }
  }
  return actions;
}

std::string damaged_state(const Batch& batch, FuzzBytes& bytes) {
  std::string state = batch.state();
  for (int i = bytes.byte() % 4; i > 0; --i) {
    const std::size_t at = bytes.take<std::uint16_t>() % state.size();
    state[at] = static_cast<char>(state[at] ^ bytes.byte());
  }
  const std::uint8_t cut = bytes.byte();
  if (cut > 200) state.resize(bytes.take<std::uint16_t>() % (state.size() + 1));
  if (cut < 10) state += 'x';
  return state;
}

void require_finite(const Batch& batch, const BatchArrays& arrays) {
  for (std::size_t i = 0; i < arrays.obs.size(); ++i) {
    if (std::isfinite(arrays.obs[i])) continue;
    throw std::runtime_error(batch.observation()[i % arrays.width].name + " is not finite");
  }
  for (const double value : arrays.reward) {
    if (!std::isfinite(value)) throw std::runtime_error("a reward is not finite");
  }
}

void one_call(Batch& batch, BatchArrays& arrays, FuzzBytes& bytes) {
  const std::uint8_t call = bytes.byte();
  const auto mask = bytes.take<std::array<std::uint8_t, 2>>();
  if (call % 8 == 0) {
    batch.reset(arrays.obs.data(), call < 128 ? nullptr : mask.data());
  } else if (call % 8 == 1) {
    batch.observe(arrays.obs.data());
  } else if (call % 8 == 2) {
    batch.set_state(damaged_state(batch, bytes));
  } else if (call % 8 == 3) {
    batch.reseed({{mask[0], 1}, {mask[1], 2}});
  } else if (call == 12) {
    batch.log_fills(mask[0] % 4 != 0);
  } else if (call == 20) {
    batch.take_fills();
  } else if (batch.params().action.kind == ActionKind::kContinuous) {
    batch.step(arrays.with(actions_of<float>(batch, bytes)));
  } else {  // the actions' type is the caller's to get right
    batch.step(arrays.with(actions_of<std::int64_t>(batch, bytes)));
  }
}

// Runs `body`; false if it threw what it may throw.
template <class Body>
bool allowed(const Body& body) {
  try {
    body();
    return true;
  } catch (const InvariantError&) {
    throw;
  } catch (const std::invalid_argument&) {
    return false;
  } catch (const RangeError&) {
    return false;
  } catch (const std::logic_error& error) {  // called before its time
    if (!std::string(error.what()).starts_with("batch: expected")) throw;
    return false;
  }
}

}  // namespace
}  // namespace rlmm

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rlmm::FuzzBytes bytes(data, size);
  std::unique_ptr<rlmm::Batch> batch;
  const rlmm::EnvParams params = rlmm::params_of(bytes);
  if (!rlmm::allowed([&] { params.validate(); }) || !rlmm::is_quick(params)) return 0;
  if (!rlmm::allowed([&] { batch = rlmm::make_batch(params, rlmm::seed_keys(2), 1); })) return 0;
  rlmm::BatchArrays arrays(*batch);
  rlmm::allowed([&] { batch->reset(arrays.obs.data(), nullptr); });
  for (int i = 0; i < 12 && !bytes.empty(); ++i) {
    if (rlmm::allowed([&] { rlmm::one_call(*batch, arrays, bytes); })) {
      rlmm::require_finite(*batch, arrays);
    }
  }
  return 0;
}
