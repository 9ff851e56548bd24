#include "bindings/batch.h"

#include <pthread.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>

#include "agent/columns.h"
#include "bindings/arguments.h"
#include "bindings/arrays.h"
#include "bindings/event_arrays.h"
#include "bindings/parameters.h"
#include "bindings/parts.h"
#include "bindings/tape.h"

namespace rlmm {
namespace {

// How many forks lie between the process that made the first batch and this one. Cheaper than
// asking the system for the process's number at every step; a bare system call escapes it.
unsigned n_forks = 0;

unsigned counted_forks() {
  static const bool is_told = pthread_atfork(nullptr, nullptr, [] { ++n_forks; }) == 0;
  if (!is_told) throw std::runtime_error("batch: expected to be told of forks, got a refusal");
  return n_forks;
}

}  // namespace

PyBatch::PyBatch(const EnvParams& params, const std::vector<SeedKey>& keys, std::int64_t n_threads)
    : batch_(make_batch(params, keys, n_threads)), forks_(counted_forks()) {}

Batch& PyBatch::open() const {
  if (!batch_) throw std::logic_error("batch: expected an open one, got a closed one");
  if (batch_->n_threads() > 1 && forks_ != n_forks) {
    throw std::logic_error(
        "batch: expected the process that made it, got a fork of it; make the batch after the "
        "fork, start processes with 'spawn', or use n_threads=1");
  }
  return *batch_;
}

void PyBatch::close() {
  require_idle();
  let_go();
}

void PyBatch::require_idle() const {
  if (busy_) {
    throw std::logic_error(
        "batch: expected one call at a time, got one while another thread's is under way");
  }
}

// In a fork the threads to wait for do not exist: the memory is left to the end of the process.
void PyBatch::let_go() {
  const bool threads_elsewhere = batch_ && batch_->n_threads() > 1 && forks_ != n_forks;
  if (threads_elsewhere) {
    std::ignore = batch_.release();
  } else {
    batch_.reset();
  }
}

namespace {

void reset_batch(const PyBatch& self, const Array<float>& obs,
                 const std::optional<Array<bool>>& mask) {
  const PyBatch::Work batch(self);
  const py::ssize_t n = batch->n_envs();
  const auto width = static_cast<py::ssize_t>(batch->observation().size());
  ArrayGate gate;
  auto* const obs_data = gate.take<float>(obs, "obs", {n, width}, Access::kWrite);
  // As bytes: a NumPy bool made from other data may hold more than 0 and 1.
  const auto* const mask_data = mask ? reinterpret_cast<const std::uint8_t*>(
                                           gate.take<bool>(*mask, "mask", {n}, Access::kRead))
                                     : nullptr;
  gate.require_apart();
  const py::gil_scoped_release unlocked;
  batch->reset(obs_data, mask_data);
}

void observe_batch(const PyBatch& self, const Array<float>& obs) {
  const PyBatch::Work batch(self);
  const auto width = static_cast<py::ssize_t>(batch->observation().size());
  ArrayGate gate;
  auto* const obs_data = gate.take<float>(obs, "obs", {batch->n_envs(), width}, Access::kWrite);
  const py::gil_scoped_release unlocked;
  batch->observe(obs_data);
}

template <class Action>
void step_batch_as(Batch& batch, const py::object& actions, const py::object& obs,
                   const py::object& final_obs, const py::object& reward,
                   const py::object& terminated, const py::object& truncated,
                   const py::object& columns) {
  const py::ssize_t n = batch.n_envs();
  const auto width = static_cast<py::ssize_t>(batch.observation().size());
  const bool flat = batch.params().action.kind == ActionKind::kDiscrete;
  const Shape action_shape = flat ? Shape{n} : Shape{n, batch.action_reader().width()};
  ArrayGate gate;
  StepArrays<Action> arrays;
  arrays.actions = gate.take<Action>(actions, "actions", action_shape, Access::kRead);
  arrays.obs = gate.take<float>(obs, "obs", {n, width}, Access::kWrite);
  arrays.final_obs = gate.take<float>(final_obs, "final_obs", {n, width}, Access::kWrite);
  arrays.reward = gate.take<double>(reward, "reward", {n}, Access::kWrite);
  arrays.terminated = gate.take<bool>(terminated, "terminated", {n}, Access::kWrite);
  arrays.truncated = gate.take<bool>(truncated, "truncated", {n}, Access::kWrite);
  if (!columns.is_none()) {
    const auto n_columns = static_cast<py::ssize_t>(kColumnCount);
    arrays.columns = gate.take<double>(columns, "columns", {n, n_columns}, Access::kWrite);
  }
  gate.require_apart();
  const py::gil_scoped_release unlocked;
  batch.step(arrays);
}

void step_batch(const PyBatch& self, const py::object& actions, const Array<float>& obs,
                const Array<float>& final_obs, const Array<double>& reward,
                const Array<bool>& terminated, const Array<bool>& truncated,
                const std::optional<Array<double>>& columns) {
  const PyBatch::Work work(self);
  Batch& batch = *work;
  const py::object columns_or_none = columns ? py::object(*columns) : py::none();
  if (batch.params().action.kind == ActionKind::kContinuous) {
    step_batch_as<float>(batch, actions, obs, final_obs, reward, terminated, truncated,
                         columns_or_none);
  } else {
    step_batch_as<std::int64_t>(batch, actions, obs, final_obs, reward, terminated, truncated,
                                columns_or_none);
  }
}

py::dict take_fills(const PyBatch& self) {
  const FillTable table = PyBatch::Work(self)->take_fills();
  py::dict columns;
  for (std::size_t i = 0; i < table.size(); ++i) {
    const auto rows = static_cast<py::ssize_t>(table[i].size());
    columns[kFillColumns[i].name] = py::array_t<std::int64_t>(rows, table[i].data());
  }
  return columns;
}

// Copied out: what is written down belongs to the batch.
py::dict take_trace(const PyBatch& self, const Integer& environment) {
  const std::int64_t env = environment.value("environment");
  if (env < 0)
    throw py::value_error("environment: expected 0 or above, got " + std::to_string(env));
  const Trace trace = PyBatch::Work(self)->take_trace(static_cast<std::size_t>(env));
  const auto rows = static_cast<py::ssize_t>(trace.agent.size());
  py::dict agent;
  for (const TraceColumnInfo& column : kTraceColumns) {
    py::array_t<std::int64_t> values(rows);
    std::int64_t* out = values.mutable_data();
    for (const AgentRow& row : trace.agent) *out++ = row.*column.member;
    agent[column.name] = values;
  }
  py::dict found;
  found["book"] = event_arrays(trace.book);
  found["agent"] = agent;
  return found;
}

py::bytes batch_state(const PyBatch& self) { return PyBatch::Work(self)->state(); }

void set_batch_state(const PyBatch& self, const py::bytes& state) {
  PyBatch::Work(self)->set_state(std::string(state));
}

}  // namespace

void bind_batch(py::module_& m) {
  py::class_<PyBatch>(m, "Batch",
                      "N environments stepped together. The caller owns every array; nothing is "
                      "cast or copied; an ended episode restarts in the same step.")
      .def(py::init([](const PyEnvParams& params, const Array<std::uint64_t>& seeds,
                       const Integer& n_threads,
                       const std::optional<std::shared_ptr<PyTape>>& tape) {
             return std::make_unique<PyBatch>(with_tape(params, tape), keys_from_python(seeds),
                                              n_threads.value("n_threads"));
           }),
           py::arg("params"), py::kw_only(), py::arg("seeds"), py::arg("n_threads") = 1,
           py::arg("tape") = py::none(), py::keep_alive<1, 5>())  // so that others find it
      .def(
          "reseed",
          [](const PyBatch& self, const Array<std::uint64_t>& seeds) {
            PyBatch::Work(self)->reseed(keys_from_python(seeds));
          },
          py::kw_only(), py::arg("seeds"), "New streams; the next reset starts episode 0.")
      .def("reset", &reset_batch, py::kw_only(), py::arg("obs"), py::arg("mask") = py::none(),
           "Starts the next episode of all environments, or of those where mask is True.")
      .def("step", &step_batch, py::arg("actions"), py::kw_only(), py::arg("obs"),
           py::arg("final_obs"), py::arg("reward"), py::arg("terminated"), py::arg("truncated"),
           py::arg("columns") = py::none(), "One decision step of every environment.")
      .def("observe", &observe_batch, py::kw_only(), py::arg("obs"),
           "Writes the present observation of every environment.")
      .def(
          "log_fills", [](const PyBatch& self, bool on) { PyBatch::Work(self)->log_fills(on); },
          py::arg("on").noconvert(),
          "Keeps every fill of the agents for take_fills from now on, or no longer, which forgets "
          "what there is. Restarts of episodes and states keep them.")
      .def("take_fills", &take_fills,
           "The complete fills that were not taken before, by environment, then time, as int64 "
           "arrays by the names of FILL_COLUMNS: those whose last horizon has passed or whose "
           "episode has ended.")
      .def(
          "trace",
          [](const PyBatch& self, const Integer& levels) {
            PyBatch::Work(self)->trace(levels_from(levels));
          },
          py::kw_only(), py::arg("levels"),
          "From now to the end of their present episodes all that happens in the markets is "
          "written "
          "down for take_trace, with so many levels of the book after each event.")
      .def("take_trace", &take_trace, py::arg("environment"),
           "What was written of an environment since the last call: arrays of the book's events, "
           "none in a replay, and of the agent's, by the names of TRACE_COLUMNS.")
      .def("state", &batch_state, "Everything needed to go on from here, as bytes.")
      .def("set_state", &set_batch_state, py::arg("state"))
      .def("close", &PyBatch::close, "Ends the threads and frees the markets.")
      .def_property_readonly("closed", &PyBatch::closed)
      .def_property_readonly("n_envs", [](const PyBatch& self) { return self.open().n_envs(); })
      .def_property_readonly("n_threads",
                             [](const PyBatch& self) { return self.open().n_threads(); })
      .def_property_readonly(
          "action_width", [](const PyBatch& self) { return self.open().action_reader().width(); });
}

}  // namespace rlmm
