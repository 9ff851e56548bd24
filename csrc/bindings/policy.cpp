#include "bindings/policy.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/columns.h"
#include "bindings/arguments.h"
#include "bindings/arrays.h"
#include "bindings/batch.h"
#include "bindings/fields.h"
#include "bindings/parts.h"
#include "policy/isa.h"

namespace rlmm {
namespace {

template <class T>
using Optional = std::optional<Array<T>>;

// A policy without its weights: rlmm_tf.env.PolicySpec, field by field.
struct PolicySpec {
  std::int64_t obs_width = 0;
  HeadKind head = HeadKind::kGaussian;
  std::vector<std::int64_t> actions;
  std::vector<std::int64_t> hidden;
  Activation activation = Activation::kTanh;
  std::optional<std::vector<std::int64_t>> value_hidden;
  Activation value_activation = Activation::kTanh;
  double obs_epsilon = 0.0;
  double obs_clip = 0.0;
  std::vector<double> log_std_bounds;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("obs_width", self.obs_width);
    visit("head", self.head);
    visit("actions", self.actions);
    visit("hidden", self.hidden);
    visit("activation", self.activation);
    visit("value_hidden", self.value_hidden);
    visit("value_activation", self.value_activation);
    visit("obs_epsilon", self.obs_epsilon);
    visit("obs_clip", self.obs_clip);
    visit("log_std_bounds", self.log_std_bounds);
  }
};

PolicyShape shape_of(const PolicySpec& spec) {
  PolicyShape shape;
  shape.obs_width = spec.obs_width;
  shape.head.kind = spec.head;
  if (shape.head.discrete()) {
    shape.head.choices = spec.actions;
  } else {
    if (spec.actions.size() != 1)
      throw py::value_error("actions: expected one width for this head");
    shape.head.action_width = spec.actions[0];
  }
  if (spec.log_std_bounds.size() != 2) {
    throw py::value_error(std::string("log_std_bounds: expected two numbers, got ")
                              .append(std::to_string(spec.log_std_bounds.size())));
  }
  shape.head.log_std_min = spec.log_std_bounds[0];
  shape.head.log_std_max = spec.log_std_bounds[1];
  shape.hidden_widths = spec.hidden;
  shape.activation = spec.activation;
  shape.has_value = spec.value_hidden.has_value();
  if (spec.value_hidden) shape.value_hidden_widths = *spec.value_hidden;
  shape.value_activation = spec.value_activation;
  shape.obs_epsilon = spec.obs_epsilon;
  shape.obs_clip = spec.obs_clip;
  return shape;
}

template <class T>
std::span<const T> flat(const Optional<T>& array, const char* name) {
  if (!array) return {};
  ArrayGate gate;
  const T* const data = gate.take<T>(*array, name, {kAnyExtent}, Access::kRead);
  return {data, static_cast<std::size_t>(py::reinterpret_borrow<py::array>(*array).size())};
}

std::unique_ptr<PyPolicy> make_policy(const py::dict& spec, const Array<float>& actor,
                                      const Optional<float>& log_std, const Optional<float>& value,
                                      const Optional<double>& obs_mean,
                                      const Optional<double>& obs_variance,
                                      const std::string& isa) {
  PolicySpec described;
  FromPython::read_struct("", spec, described);
  const PolicyWeights weights = {flat<float>(actor, "actor"), flat(log_std, "log_std"),
                                 flat(value, "value"), flat(obs_mean, "obs_mean"),
                                 flat(obs_variance, "obs_variance")};
  return std::make_unique<PyPolicy>(shape_of(described), weights, isa);
}

// Arrays of one call, all with the same leading extents: (N,) for `act`, (T, N) for `rollout`.
class CallArrays {
 public:
  CallArrays(const Policy& policy, Shape leading) : policy_(policy), leading_(std::move(leading)) {}

  template <class T>
  T* plain(const py::object& array, const char* name) {
    return take<T>(array, name, leading_, Access::kWrite);
  }
  template <class T>
  T* wide(const py::object& array, const char* name, std::int64_t width, Access access) {
    return take<T>(array, name, extended(width), access);
  }
  template <class T, class Given>
  T* plain_if(const std::optional<Given>& array, const char* name) {
    return array ? plain<T>(*array, name) : nullptr;
  }
  template <class T, class Given>
  T* wide_if(const std::optional<Given>& array, const char* name, std::int64_t width) {
    return array ? wide<T>(*array, name, width, Access::kWrite) : nullptr;
  }
  template <class T>
  T* shaped(const py::object& array, const char* name, const Shape& shape, Access access) {
    return take<T>(array, name, shape, access);
  }

  // A discrete action is one number, not a row of one.
  template <class Action>
  Action* actions(const py::object& array) {
    const HeadShape& head = policy_.shape().head;
    const bool single = head.discrete() && head.choices.size() == 1;
    return take<Action>(array, "actions", single ? leading_ : extended(head.numbers()),
                        Access::kWrite);
  }
  float* pre_squash(const Optional<float>& array) {
    const HeadShape& head = policy_.shape().head;
    if (array && head.kind != HeadKind::kTanhGaussian) {
      throw py::value_error("pre_squash: expected None for a head that does not squash");
    }
    return wide_if<float>(array, "pre_squash", head.numbers());
  }
  float* of_value(const Optional<float>& array, const char* name) {
    require_value_network(array.has_value(), name);
    return plain_if<float>(array, name);
  }
  void require_value_network(bool given, const char* name) const {
    if (given && !policy_.has_value()) {
      throw py::value_error(std::string(name) +
                            ": expected None for a policy without a value network");
    }
  }
  void require_apart() const { gate_.require_apart(); }

 private:
  Shape extended(std::int64_t width) const {
    Shape shape = leading_;
    shape.push_back(width);
    return shape;
  }
  template <class T>
  T* take(const py::object& array, const char* name, const Shape& shape, Access access) {
    return gate_.take<T>(array, name, shape, access);
  }

  const Policy& policy_;
  Shape leading_;
  ArrayGate gate_;
};

// How long the leading axes of `obs` are; what else is wrong with it, its gate says.
Shape leading_of(const py::object& obs, std::size_t n_leading) {
  Shape leading(n_leading, 0);
  if (!py::isinstance<py::array>(obs)) return leading;
  const auto array = py::reinterpret_borrow<py::array>(obs);
  if (static_cast<std::size_t>(array.ndim()) != n_leading + 1) return leading;
  std::copy_n(array.shape(), n_leading, leading.begin());
  return leading;
}

template <class Action>
void act_as(const Policy& policy, const py::object& obs, const py::object& actions,
            const Optional<std::uint64_t>& draws, const Optional<float>& log_prob,
            const Optional<float>& value, const Optional<float>& pre_squash,
            const Optional<float>& entropy) {
  const Shape leading = leading_of(obs, 1);
  CallArrays call(policy, leading);
  const float* const rows = call.wide<float>(obs, "obs", policy.shape().obs_width, Access::kRead);
  DecisionArrays<Action> to;
  to.actions = call.actions<Action>(actions);
  if (draws) {
    to.draws = reinterpret_cast<const DrawName*>(
        call.wide<std::uint64_t>(*draws, "draws", 3, Access::kRead));
  }
  to.log_prob = call.plain_if<float>(log_prob, "log_prob");
  to.value = call.of_value(value, "value");
  to.pre_squash = call.pre_squash(pre_squash);
  to.entropy = call.plain_if<float>(entropy, "entropy");
  if (entropy && policy.shape().head.kind == HeadKind::kTanhGaussian) {
    throw py::value_error("entropy: expected None for a tanh-squashed head: it has no closed form");
  }
  call.require_apart();
  const py::gil_scoped_release unlocked;
  const auto n = static_cast<std::size_t>(leading[0]);
  Policy::Workspace workspace(policy, std::min(n, Policy::kBlockRows));
  policy.act(rows, n, to, workspace);
}

void act(const PyPolicy& self, const Array<float>& obs, const py::object& actions,
         const Optional<std::uint64_t>& draws, const Optional<float>& log_prob,
         const Optional<float>& value, const Optional<float>& pre_squash,
         const Optional<float>& entropy) {
  const Policy& policy = self.get();
  if (policy.shape().head.discrete()) {
    act_as<std::int64_t>(policy, obs, actions, draws, log_prob, value, pre_squash, entropy);
  } else {
    act_as<float>(policy, obs, actions, draws, log_prob, value, pre_squash, entropy);
  }
}

// What `rollout` was given, by name.
struct RolloutArguments {
  py::object obs, actions, log_prob, reward, terminated, truncated, last_obs;
  Optional<float> pre_squash, value, final_value, final_obs;
  Optional<double> columns;
  Optional<float> last_value;
  bool deterministic;
};

template <class Action>
void rollout_as(Batch& batch, const Policy& policy, const RolloutArguments& given) {
  const py::ssize_t n = batch.n_envs();
  const auto width = static_cast<py::ssize_t>(batch.observation().size());
  const py::ssize_t n_steps = leading_of(given.obs, 2)[0];
  CallArrays call(policy, {n_steps, n});
  RolloutArrays<Action> to;
  to.n_steps = n_steps;
  to.deterministic = given.deterministic;
  to.obs = call.wide<float>(given.obs, "obs", width, Access::kWrite);
  to.actions = call.actions<Action>(given.actions);
  to.pre_squash = call.pre_squash(given.pre_squash);
  to.log_prob = call.plain<float>(given.log_prob, "log_prob");
  to.value = call.of_value(given.value, "value");
  to.reward = call.plain<double>(given.reward, "reward");
  to.terminated = call.plain<bool>(given.terminated, "terminated");
  to.truncated = call.plain<bool>(given.truncated, "truncated");
  to.final_value = call.of_value(given.final_value, "final_value");
  to.final_obs = call.wide_if<float>(given.final_obs, "final_obs", width);
  to.columns =
      call.wide_if<double>(given.columns, "columns", static_cast<py::ssize_t>(kColumnCount));
  to.last_obs = call.shaped<float>(given.last_obs, "last_obs", {n, width}, Access::kWrite);
  call.require_value_network(given.last_value.has_value(), "last_value");
  if (given.last_value) {
    to.last_value = call.shaped<float>(*given.last_value, "last_value", {n}, Access::kWrite);
  }
  call.require_apart();
  if (n_steps < 1) throw py::value_error("obs: expected at least one step, got none");
  const py::gil_scoped_release unlocked;
  batch.rollout(policy, to);
}

void rollout(const PyBatch& batch, const PyPolicy& policy, const Array<float>& obs,
             const py::object& actions, const Array<float>& log_prob, const Array<double>& reward,
             const Array<bool>& terminated, const Array<bool>& truncated,
             const Array<float>& last_obs, const Optional<float>& pre_squash,
             const Optional<float>& value, const Optional<float>& final_value,
             const Optional<float>& last_value, const Optional<float>& final_obs,
             const Optional<double>& columns, bool deterministic) {
  const PyBatch::Work work(batch);
  const RolloutArguments given = {obs,       actions,  log_prob,   reward,       terminated,
                                  truncated, last_obs, pre_squash, value,        final_value,
                                  final_obs, columns,  last_value, deterministic};
  if (policy.get().shape().head.discrete()) {
    rollout_as<std::int64_t>(*work, policy.get(), given);
  } else {
    rollout_as<float>(*work, policy.get(), given);
  }
}

void write_draw_names(const PyBatch& batch, const Array<std::uint64_t>& out) {
  const PyBatch::Work work(batch);
  ArrayGate gate;
  auto* const names = gate.take<std::uint64_t>(out, "out", {work->n_envs(), 3}, Access::kWrite);
  work->draw_names(reinterpret_cast<DrawName*>(names));
}

// One row at a time, as live quotes need it; each call is timed by itself, clock included.
template <class Action>
void time_act_as(const Policy& policy, const float* obs, std::size_t n_rows, double* seconds,
                 std::size_t n_calls) {
  using Clock = std::chrono::steady_clock;
  Policy::Workspace workspace(policy, 1);
  std::vector<Action> action(static_cast<std::size_t>(policy.shape().head.numbers()));
  float log_prob = 0.0F;
  for (std::size_t i = 0; i < n_calls; ++i) {
    const DrawName name = {{1, 2}, i};
    DecisionArrays<Action> to;
    to.draws = &name;
    to.actions = action.data();
    to.log_prob = &log_prob;
    const float* const row =
        obs + (i % n_rows) * static_cast<std::size_t>(policy.shape().obs_width);
    const Clock::time_point start = Clock::now();
    policy.act(row, 1, to, workspace);
    seconds[i] = std::chrono::duration<double>(Clock::now() - start).count();
  }
}

void time_act(const PyPolicy& self, const Array<float>& obs, const Array<double>& seconds) {
  const Policy& policy = self.get();
  const Shape leading = leading_of(obs, 1);
  ArrayGate gate;
  const auto* const rows = gate.take<float>(
      obs, "obs", {leading[0], static_cast<py::ssize_t>(policy.shape().obs_width)}, Access::kRead);
  auto* const to = gate.take<double>(seconds, "seconds", {kAnyExtent}, Access::kWrite);
  gate.require_apart();
  if (leading[0] < 1) throw py::value_error("obs: expected at least one row, got none");
  const auto n_calls = static_cast<std::size_t>(py::reinterpret_borrow<py::array>(seconds).size());
  const py::gil_scoped_release unlocked;
  const auto n_rows = static_cast<std::size_t>(leading[0]);
  if (policy.shape().head.discrete()) {
    time_act_as<std::int64_t>(policy, rows, n_rows, to, n_calls);
  } else {
    time_act_as<float>(policy, rows, n_rows, to, n_calls);
  }
}

py::tuple available_isas() {
  py::list names;
  for (const Kernels* kernels : available_kernels()) names.append(kernels->name);
  return py::tuple(names);
}

void bind_class(py::module_& m) {
  py::class_<PyPolicy>(m, "Policy",
                       "A stochastic policy: normaliser, actor, head, and perhaps a value network. "
                       "Copies the weights it is made from and never changes.")
      .def(py::init(&make_policy), py::arg("spec"), py::kw_only(), py::arg("actor"),
           py::arg("log_std") = py::none(), py::arg("value") = py::none(),
           py::arg("obs_mean") = py::none(), py::arg("obs_variance") = py::none(),
           py::arg("isa") = "auto",
           "From the fields of a rlmm_tf.env.PolicySpec by name, and its weights.")
      .def("act", &act, py::arg("obs"), py::kw_only(), py::arg("actions"),
           py::arg("draws") = py::none(), py::arg("log_prob") = py::none(),
           py::arg("value") = py::none(), py::arg("pre_squash") = py::none(),
           py::arg("entropy") = py::none(),
           "One action for each row of obs; without draws (see draw_names) the mode.")
      .def("time_act", &time_act, py::kw_only(), py::arg("obs"), py::arg("seconds"),
           "Times single-row calls, as many as there is room for, going round the rows of obs.")
      .def_property_readonly("isa", [](const PyPolicy& self) { return self.get().kernels().name; })
      .def_property_readonly("has_value",
                             [](const PyPolicy& self) { return self.get().has_value(); });
}

}  // namespace

void bind_policy(py::module_& m) {
  bind_class(m);
  m.def("rollout", &rollout, py::arg("batch"), py::arg("policy"), py::kw_only(), py::arg("obs"),
        py::arg("actions"), py::arg("log_prob"), py::arg("reward"), py::arg("terminated"),
        py::arg("truncated"), py::arg("last_obs"), py::arg("pre_squash") = py::none(),
        py::arg("value") = py::none(), py::arg("final_value") = py::none(),
        py::arg("last_value") = py::none(), py::arg("final_obs") = py::none(),
        py::arg("columns") = py::none(), py::arg("deterministic") = false,
        "Steps the batch with the policy as many times as obs has room for.");
  m.def("draw_names", &write_draw_names, py::arg("batch"), py::kw_only(), py::arg("out"),
        "Writes (N, 3) words: what Policy.act needs to draw for the next step as rollout would.");
  m.def("available_isas", &available_isas,
        "Instruction sets a policy can use on this processor, slowest first.");
}

}  // namespace rlmm
