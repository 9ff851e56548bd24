// The ring of transitions that off-policy learners draw from, and the chances of its rows.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/parts.h"
#include "transitions/priorities.h"
#include "transitions/ring.h"

namespace rlmm {
namespace {

py::ssize_t ssize(std::size_t size) { return static_cast<py::ssize_t>(size); }

template <class T>
std::span<const T> read(ArrayGate& gate, const Array<T>& array, const char* name) {
  const T* const data = gate.take<T>(array, name, {kAnyExtent}, Access::kRead);
  return {data, static_cast<std::size_t>(py::len(array))};
}

class PyTransitionRing {
 public:
  PyTransitionRing(std::size_t capacity, std::size_t obs_width, std::size_t n_actions)
      : ring_({capacity, obs_width, n_actions}) {}

  template <class Action>
  void add_as(const py::object& actions, const Array<float>& obs, const Array<double>& reward,
              const Array<double>& counts, const Array<bool>& terminated,
              const Array<bool>& truncated, const Array<float>& final_obs,
              const Array<float>& last_obs, std::size_t horizon, double gamma) {
    const auto shape = py::reinterpret_borrow<py::array>(reward);
    const bool matrix = py::isinstance<py::array>(reward) && shape.ndim() == 2;
    const py::ssize_t t = matrix ? shape.shape(0) : 0;
    const py::ssize_t n = matrix ? shape.shape(1) : 0;
    const py::ssize_t width = ssize(ring_.shape().obs_width);
    ArrayGate gate;
    CollectedSteps<Action> steps;
    steps.n_steps = static_cast<std::size_t>(t);
    steps.n_envs = static_cast<std::size_t>(n);
    steps.reward = gate.take<double>(reward, "reward", {t, n}, Access::kRead);
    steps.obs = gate.take<float>(obs, "obs", {t, n, width}, Access::kRead);
    steps.actions = gate.take<Action>(actions, "actions", {t, n, ssize(ring_.shape().n_actions)},
                                      Access::kRead);
    steps.counts = gate.take<double>(counts, "counts", {t, n}, Access::kRead);
    steps.terminated = gate.take<bool>(terminated, "terminated", {t, n}, Access::kRead);
    steps.truncated = gate.take<bool>(truncated, "truncated", {t, n}, Access::kRead);
    steps.final_obs = gate.take<float>(final_obs, "final_obs", {t, n, width}, Access::kRead);
    steps.last_obs = gate.take<float>(last_obs, "last_obs", {n, width}, Access::kRead);
    const py::gil_scoped_release unlocked;
    ring_.add(steps, horizon, gamma);
  }

  void add(const Array<float>& obs, const py::object& actions, const Array<double>& reward,
           const Array<double>& counts, const Array<bool>& terminated, const Array<bool>& truncated,
           const Array<float>& final_obs, const Array<float>& last_obs, std::size_t horizon,
           double gamma) {
    if (py::isinstance<py::array_t<std::int64_t>>(actions)) {
      add_as<std::int64_t>(actions, obs, reward, counts, terminated, truncated, final_obs, last_obs,
                           horizon, gamma);
    } else {
      add_as<float>(actions, obs, reward, counts, terminated, truncated, final_obs, last_obs,
                    horizon, gamma);
    }
  }

  void draw(const Array<double>& draws, const Array<std::int64_t>& places) const {
    ArrayGate gate;
    const std::span<const double> shares = read(gate, draws, "draws");
    auto* const to =
        gate.take<std::int64_t>(places, "places", {ssize(shares.size())}, Access::kWrite);
    gate.require_apart();
    const py::gil_scoped_release unlocked;
    ring_.draw(shares, to);
  }

  void gather(const Array<std::int64_t>& places, const Array<float>& obs,
              const Array<float>& actions, const Array<double>& reward, const Array<double>& counts,
              const Array<float>& next_obs, const Array<float>& discount) const {
    ArrayGate gate;
    const std::span<const std::int64_t> from = read(gate, places, "places");
    const py::ssize_t rows = ssize(from.size());
    const py::ssize_t width = ssize(ring_.shape().obs_width);
    const py::ssize_t n_actions = ssize(ring_.shape().n_actions);
    TransitionArrays to;
    to.obs = gate.take<float>(obs, "obs", {rows, width}, Access::kWrite);
    to.actions = gate.take<float>(actions, "actions", {rows, n_actions}, Access::kWrite);
    to.reward = gate.take<double>(reward, "reward", {rows}, Access::kWrite);
    to.counts = gate.take<double>(counts, "counts", {rows}, Access::kWrite);
    to.next_obs = gate.take<float>(next_obs, "next_obs", {rows, width}, Access::kWrite);
    to.discount = gate.take<float>(discount, "discount", {rows}, Access::kWrite);
    gate.require_apart();
    const py::gil_scoped_release unlocked;
    ring_.gather(from, to);
  }

  std::size_t size() const { return ring_.size(); }
  std::size_t added() const { return ring_.added(); }

  // As bytes: half of a double is no number.
  py::array_t<std::uint8_t> rows() const {
    const auto row_bytes = ssize(ring_.row_floats() * sizeof(float));
    py::array_t<std::uint8_t> bytes({ssize(ring_.size()), row_bytes});
    if (ring_.size() > 0) {
      std::memcpy(bytes.mutable_data(), ring_.rows().data(), ring_.rows().size() * sizeof(float));
    }
    return bytes;
  }

  void restore(const Array<std::uint8_t>& rows, std::size_t added) {
    const auto row_bytes = ssize(ring_.row_floats() * sizeof(float));
    ArrayGate gate;
    const auto* const bytes =
        gate.take<std::uint8_t>(rows, "rows", {kAnyExtent, row_bytes}, Access::kRead);
    std::vector<float> floats(static_cast<std::size_t>(py::len(rows)) * ring_.row_floats());
    if (!floats.empty()) std::memcpy(floats.data(), bytes, floats.size() * sizeof(float));
    ring_.restore(floats, added);
  }

 private:
  TransitionRing ring_;
};

void draw_by_priority(const Priorities& self, const Array<double>& draws,
                      const Array<std::int64_t>& places, const Array<float>& weights,
                      std::size_t block, double correction) {
  ArrayGate gate;
  const std::span<const double> shares = read(gate, draws, "draws");
  const py::ssize_t rows = ssize(shares.size());
  auto* const to = gate.take<std::int64_t>(places, "places", {rows}, Access::kWrite);
  auto* const weight = gate.take<float>(weights, "weights", {rows}, Access::kWrite);
  gate.require_apart();
  if (block == 0 || shares.size() % block != 0) {
    throw py::value_error("block: expected a divisor of " + std::to_string(shares.size()) +
                          " draws, got " + std::to_string(block));
  }
  const py::gil_scoped_release unlocked;
  self.draw(shares, block, correction, to, weight);
}

void set_errors(Priorities& self, const Array<std::int64_t>& places, const Array<float>& errors) {
  ArrayGate gate;
  const std::span<const std::int64_t> to = read(gate, places, "places");
  const auto* const values = gate.take<float>(errors, "errors", {ssize(to.size())}, Access::kRead);
  const py::gil_scoped_release unlocked;
  self.set(to, values);
}

void restore_priorities(Priorities& self, const Array<double>& powers, double most,
                        std::size_t added) {
  ArrayGate gate;
  self.restore(read(gate, powers, "powers"), most, added);
}

void bind_priorities(py::module_& m) {
  py::class_<Priorities>(m, "Priorities",
                         "Chances of a ring's rows by what was last wrong about them.")
      .def(py::init<std::size_t, double>(), py::kw_only(), py::arg("capacity"), py::arg("exponent"))
      .def("add", &Priorities::add, py::arg("count"), "As many rows are new.")
      .def("draw", &draw_by_priority, py::arg("draws"), py::kw_only(), py::arg("places"),
           py::arg("weights"), py::arg("block"), py::arg("correction"),
           "Writes places and weights: one row of each of as many strata as a block has rows.")
      .def("set", &set_errors, py::arg("places"), py::arg("errors"),
           "How wrong was what these rows were thought to be worth.")
      .def_property_readonly("powers",
                             [](const Priorities& self) { return as_array(self.powers()); })
      .def_property_readonly("most", &Priorities::most)
      .def_property_readonly("added", &Priorities::added)
      .def("restore", &restore_priorities, py::kw_only(), py::arg("powers"), py::arg("most"),
           py::arg("added"));
}

}  // namespace

void bind_transitions(py::module_& m) {
  py::class_<PyTransitionRing>(m, "TransitionRing", "The last transitions of all environments.")
      .def(py::init<std::size_t, std::size_t, std::size_t>(), py::kw_only(), py::arg("capacity"),
           py::arg("obs_width"), py::arg("n_actions"))
      .def("add", &PyTransitionRing::add, py::kw_only(), py::arg("obs"), py::arg("actions"),
           py::arg("reward"), py::arg("counts"), py::arg("terminated"), py::arg("truncated"),
           py::arg("final_obs"), py::arg("last_obs"), py::arg("horizon"), py::arg("gamma"),
           "Takes in a row for each step of a rollout, in the place of the oldest.")
      .def("draw", &PyTransitionRing::draw, py::arg("draws"), py::kw_only(), py::arg("places"),
           "Writes places of rows that are all equally likely.")
      .def("gather", &PyTransitionRing::gather, py::arg("places"), py::kw_only(), py::arg("obs"),
           py::arg("actions"), py::arg("reward"), py::arg("counts"), py::arg("next_obs"),
           py::arg("discount"), "Writes the rows at these places.")
      .def("__len__", &PyTransitionRing::size)
      .def_property_readonly("added", &PyTransitionRing::added)
      .def_property_readonly("rows", &PyTransitionRing::rows)
      .def("restore", &PyTransitionRing::restore, py::kw_only(), py::arg("rows"), py::arg("added"));
  bind_priorities(m);
}

}  // namespace rlmm
