// The Python door: the only file that knows Python. Checks arrays, never copies or casts them, and
// gives up the interpreter lock around the engine's work.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "agent/columns.h"
#include "batch/batch.h"
#include "features/features.h"
#include "params.h"
#include "rng.h"
#include "types.h"

namespace py = pybind11;

namespace rlmm {
namespace {

// An argument that must be exactly a NumPy array of T; the type only makes signatures say so.
template <class T>
class Array : public py::object {
 public:
  using py::object::object;
  // NOLINTNEXTLINE(readability-identifier-naming): pybind11's name
  static bool check_(py::handle) { return true; }
};

}  // namespace
}  // namespace rlmm

namespace pybind11::detail {
template <class T>
struct handle_type_name<rlmm::Array<T>> {
  // NOLINTNEXTLINE(readability-identifier-naming): pybind11's name
  static constexpr auto name =
      const_name("numpy.typing.NDArray[") + npy_format_descriptor<T>::name + const_name("]");
};
}  // namespace pybind11::detail

namespace rlmm {
namespace {

using Shape = std::vector<py::ssize_t>;

std::string shape_text(const Shape& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return text + (shape.size() == 1 ? ",)" : ")");
}

struct Span {
  std::string name;
  const char* begin;
  const char* end;
};

enum class Access : std::uint8_t { kRead, kWrite };

// The one gate for arrays: dtype, shape, layout and, for output, that it can be written.
template <class T>
T* checked(const py::object& object, const std::string& name, const Shape& shape, Access access) {
  if (!py::isinstance<py::array>(object)) {
    throw py::type_error(name + ": expected a numpy array, got " +
                         std::string(py::str(py::type::of(object).attr("__name__"))));
  }
  const py::handle plain(reinterpret_cast<PyObject*>(py::detail::npy_api::get().PyArray_Type_));
  if (!py::type::of(object).is(plain) && py::hasattr(object, "mask")) {
    throw py::type_error(name + ": expected a plain numpy array, got a masked one; fill it first");
  }
  const auto array = py::reinterpret_borrow<py::array>(object);
  const auto dtype = py::dtype::of<T>();
  if (!array.dtype().is(dtype) && !array.dtype().equal(dtype)) {
    throw py::type_error(name + ": expected dtype " + std::string(py::str(dtype)) + ", got " +
                         std::string(py::str(array.dtype())) +
                         "; convert it once where it is made, nothing is cast here");
  }
  const Shape got(array.shape(), array.shape() + array.ndim());
  if (got != shape) {
    throw py::value_error(name + ": expected shape " + shape_text(shape) + ", got " +
                          shape_text(got));
  }
  if ((array.flags() & py::array::c_style) == 0) {
    throw py::value_error(name +
                          ": expected a C-contiguous array, got a strided view; pass "
                          "numpy.ascontiguousarray of it or a whole row block");
  }
  if (reinterpret_cast<std::uintptr_t>(array.data()) % alignof(T) != 0) {
    throw py::value_error(name + ": expected an aligned array, got data at an odd address");
  }
  if (access == Access::kWrite && !array.writeable()) {
    throw py::value_error(name + ": expected a writable array, got a read-only one");
  }
  return static_cast<T*>(const_cast<void*>(array.data()));
}

// No output may share memory with another array of the call.
void require_apart(const std::vector<Span>& spans) {
  for (std::size_t i = 0; i < spans.size(); ++i) {
    for (std::size_t j = i + 1; j < spans.size(); ++j) {
      if (spans[i].begin < spans[j].end && spans[j].begin < spans[i].end) {
        throw py::value_error(spans[j].name + ": expected memory of its own, got an overlap with " +
                              spans[i].name);
      }
    }
  }
}

// ---------------------------------------------------------------------------------------------
// Parameters: nested keyword arguments <-> structs, by the one list of fields in params.h.

[[noreturn]] void refuse_type(const std::string& place, const char* expected, py::handle got) {
  throw py::type_error(place + ": expected " + expected + ", got " + std::string(py::repr(got)));
}

template <class T>
concept Structure = requires(T& t, int& visitor) { T::template fields<T, int>(t, visitor); };

class FromPython {
 public:
  FromPython(py::dict values, std::string path)
      : values_(std::move(values)), path_(std::move(path)) {}

  template <class T>
  void operator()(const char* name, T& target) {
    known_.emplace_back(name);
    const std::string place = path_.empty() ? name : path_ + "." + name;
    if (!values_.contains(name)) throw py::type_error(place + ": expected a value, got none");
    read(place, values_[name], target);
  }

  void refuse_unknown() const {
    for (const auto& [key, value] : values_) {
      const std::string name = py::str(key);
      bool known = false;
      for (const std::string& field : known_) known = known || field == name;
      if (!known) {
        throw py::type_error((path_.empty() ? name : path_ + "." + name) +
                             ": expected no such field, got " + std::string(py::repr(value)));
      }
    }
  }

  template <class T>
  static void read_struct(const std::string& path, const py::dict& values, T& target) {
    FromPython reader(values, path);
    T::fields(target, reader);
    reader.refuse_unknown();
  }

 private:
  static void read(const std::string& place, py::handle value, bool& target) {
    if (!py::isinstance<py::bool_>(value)) refuse_type(place, "True or False", value);
    target = value.cast<bool>();
  }
  static void read(const std::string& place, py::handle value, std::int64_t& target) {
    if (py::isinstance<py::bool_>(value) || !py::isinstance<py::int_>(value)) {
      refuse_type(place, "an integer", value);
    }
    try {
      target = value.cast<std::int64_t>();
    } catch (const py::cast_error&) {
      refuse_type(place, "an integer of at most 64 bits", value);
    }
  }
  static void read(const std::string& place, py::handle value, double& target) {
    const bool number = py::isinstance<py::float_>(value) || py::isinstance<py::int_>(value);
    if (!number || py::isinstance<py::bool_>(value)) refuse_type(place, "a number", value);
    try {
      target = value.cast<double>();
    } catch (const py::cast_error&) {
      refuse_type(place, "a number that a double can hold", value);
    }
  }
  static void read(const std::string& place, py::handle value, std::string& target) {
    if (!py::isinstance<py::str>(value)) refuse_type(place, "a string", value);
    try {
      target = value.cast<std::string>();
    } catch (const py::cast_error&) {
      refuse_type(place, "a string that UTF-8 can hold", value);
    }
  }
  static void read(const std::string& place, py::handle value, std::optional<double>& target) {
    target.reset();
    if (value.is_none()) return;
    read(place, value, target.emplace());
  }
  template <class T>
    requires std::is_enum_v<T>
  static void read(const std::string& place, py::handle value, T& target) {
    std::string name;
    read(place, value, name);
    std::string known;
    std::uint8_t index = 0;
    for (const char* candidate : enum_names(T{})) {
      if (name == candidate) {
        target = static_cast<T>(index);
        return;
      }
      known += (known.empty() ? "" : ", ") + std::string(candidate);
      ++index;
    }
    throw py::value_error(place + ": expected one of (" + known + "), got '" + name + "'");
  }
  template <class T>
  static void read(const std::string& place, py::handle value, std::vector<T>& target) {
    if (!py::isinstance<py::sequence>(value) || py::isinstance<py::str>(value)) {
      refuse_type(place, "a sequence", value);
    }
    target.clear();
    for (const py::handle item : value) {
      const std::string at = place + "[" + std::to_string(target.size()) + "]";
      T element{};
      read(at, item, element);
      target.push_back(std::move(element));
    }
  }
  template <Structure T>
  static void read(const std::string& place, py::handle value, T& target) {
    if (!py::isinstance<py::dict>(value)) refuse_type(place, "a dict of its fields", value);
    read_struct(place, py::reinterpret_borrow<py::dict>(value), target);
  }

  py::dict values_;
  std::string path_;
  std::vector<std::string> known_;
};

class ToPython {
 public:
  template <class T>
  void operator()(const char* name, const T& value) {
    values_[name] = write(value);
  }
  const py::dict& values() const { return values_; }

 private:
  template <class T>
  static py::object write(const T& value) {
    return py::cast(value);
  }
  template <class T>
    requires std::is_enum_v<T>
  static py::object write(const T& value) {
    return py::str(enum_names(T{})[static_cast<std::size_t>(value)]);
  }
  template <Structure T>
  static py::object write(const T& value) {
    ToPython writer;
    T::fields(value, writer);
    return writer.values();
  }
  template <class T>
  static py::object write(const std::vector<T>& values) {
    py::tuple items(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) items[i] = write(values[i]);
    return std::move(items);
  }

  py::dict values_;
};

// pybind11 hands out memory for an object made by __new__ alone, its __init__ never called. Zeroed,
// it is a closed batch or parameters without a regime, which every use refuses.
struct Zeroed {
  static void* operator new(std::size_t size) {
    void* const memory = ::operator new(size);
    std::memset(memory, 0, size);
    return memory;
  }
  static void* operator new(std::size_t, void* memory) { return memory; }
  static void operator delete(void* memory) { ::operator delete(memory); }
};

struct PyEnvParams : EnvParams, Zeroed {};

PyEnvParams params_from_python(const py::kwargs& kwargs) {
  PyEnvParams params;
  FromPython::read_struct<EnvParams>("", kwargs, params);
  params.validate();
  return params;
}

py::dict params_to_python(const PyEnvParams& params) {
  ToPython writer;
  EnvParams::fields(static_cast<const EnvParams&>(params), writer);
  return writer.values();
}

// ---------------------------------------------------------------------------------------------
// Batch

std::vector<SeedKey> keys_from_python(const Array<std::uint64_t>& seeds) {
  const auto rows = py::isinstance<py::array>(seeds)
                        ? py::reinterpret_borrow<py::array>(seeds).size() / 2
                        : py::ssize_t{0};
  const auto* words = checked<std::uint64_t>(seeds, "seeds", {rows, 2}, Access::kRead);
  std::vector<SeedKey> keys(static_cast<std::size_t>(rows));
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = {words[2 * i], words[2 * i + 1]};
  return keys;
}

// Threads do not survive a fork: a batch that has some may only be used where it was made.
class PyBatch : public Zeroed {
 public:
  PyBatch(const EnvParams& params, const std::vector<SeedKey>& keys, int n_threads)
      : batch_(make_batch(params, keys, n_threads)), process_(getpid()) {}
  ~PyBatch() { let_go(); }
  PyBatch(const PyBatch&) = delete;
  PyBatch& operator=(const PyBatch&) = delete;

  Batch& open() const {
    if (!batch_) throw std::logic_error("batch: expected an open one, got a closed one");
    if (batch_->n_threads() > 1 && process_ != getpid()) {
      throw std::logic_error(
          "batch: expected the process that made it, got a fork of it; make the batch after the "
          "fork, start processes with 'spawn', or use n_threads=1");
    }
    return *batch_;
  }
  void close() {
    require_idle();
    let_go();
  }
  bool closed() const { return batch_ == nullptr; }

  // Work on the batch, which gives up the interpreter lock: until it ends, another Python thread
  // that wants to work on the same batch, or to close it, is refused.
  class Work {
   public:
    explicit Work(const PyBatch& self) : batch_(self.open()), busy_(self.busy_) {
      self.require_idle();
      busy_ = true;
    }
    ~Work() { busy_ = false; }
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

    Batch* operator->() const { return &batch_; }
    Batch& operator*() const { return batch_; }

   private:
    Batch& batch_;
    bool& busy_;
  };

 private:
  void require_idle() const {
    if (busy_) {
      throw std::logic_error(
          "batch: expected one call at a time, got one while another thread's is under way");
    }
  }
  // In a fork the threads to wait for do not exist: the memory is left to the end of the process.
  void let_go() {
    const bool threads_elsewhere = batch_ && batch_->n_threads() > 1 && process_ != getpid();
    if (threads_elsewhere) {
      std::ignore = batch_.release();
    } else {
      batch_.reset();
    }
  }

  std::unique_ptr<Batch> batch_;
  pid_t process_;
  mutable bool busy_ = false;  // read and written with the interpreter lock held
};

class ArrayGate {
 public:
  template <class T>
  T* take(const py::object& array, const char* name, const Shape& shape, Access access) {
    T* const data = checked<T>(array, name, shape, access);
    py::ssize_t size = sizeof(T);
    for (const py::ssize_t extent : shape) size *= extent;
    const char* const begin = reinterpret_cast<const char*>(data);
    spans_.push_back({name, begin, begin + size});
    return data;
  }
  void require_apart() const { rlmm::require_apart(spans_); }

 private:
  std::vector<Span> spans_;
};

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
  auto* const obs_data = checked<float>(obs, "obs", {batch->n_envs(), width}, Access::kWrite);
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

py::bytes batch_state(const PyBatch& self) { return PyBatch::Work(self)->state(); }

void set_batch_state(const PyBatch& self, const py::bytes& state) {
  PyBatch::Work(self)->set_state(std::string(state));
}

// ---------------------------------------------------------------------------------------------
// Tables and draws

py::tuple observation_columns(const PyEnvParams& params) {
  params.validate();
  const FeatureWriter writer(params);
  py::list rows;
  for (const ObservationColumn& column : writer.columns()) {
    rows.append(py::make_tuple(column.name, column.unit, column.scale, column.low, column.high));
  }
  return py::tuple(rows);
}

py::tuple feature_table() {
  py::list rows;
  for (const FeatureInfo& info : kFeatures) {
    rows.append(
        py::make_tuple(info.name, info.unit, info.meaning, info.normalisation, info.per_regime));
  }
  return py::tuple(rows);
}

py::tuple column_table() {
  py::list rows;
  for (const ColumnInfo& info : kColumns) {
    rows.append(py::make_tuple(info.name, info.unit, info.meaning));
  }
  return py::tuple(rows);
}

py::array_t<double> draw(std::pair<std::uint64_t, std::uint64_t> key, std::uint64_t episode,
                         std::uint64_t purpose, const std::string& law, std::size_t n,
                         double parameter) {
  Stream stream({key.first, key.second}, episode, static_cast<Purpose>(purpose));
  py::array_t<double> draws(static_cast<py::ssize_t>(n));
  double* const out = draws.mutable_data();
  for (std::size_t i = 0; i < n; ++i) {
    if (law == "uniform") {
      out[i] = stream.uniform();
    } else if (law == "exponential") {
      out[i] = stream.exponential();
    } else if (law == "normal") {
      out[i] = stream.normal();
    } else if (law == "poisson" && parameter >= 0.0 && parameter <= 1e9) {
      out[i] = static_cast<double>(stream.poisson(parameter));
    } else if (law == "below" && parameter >= 1.0 && parameter <= 0x1p53) {
      out[i] = static_cast<double>(stream.below(static_cast<std::uint64_t>(parameter)));
    } else {
      throw py::value_error(
          "law: expected uniform, exponential, normal, poisson (parameter: mean, 0 to 1e9) or "
          "below (parameter: bound, 1 to 2^53), got '" +
          law + "' with parameter " + std::to_string(parameter));
    }
  }
  return draws;
}

// Core clock from a chain of additions, one a cycle: on shared machines it drifts from second to
// second, so benchmarks measure it between their repeats and quote cycles.
double measure_clock_hz(std::int64_t additions) {
  if (additions < 1) throw py::value_error("additions: expected at least 1");
  const py::gil_scoped_release unlocked;
  std::int64_t sum = 0;
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t i = 0; i < additions; i += 8) {
    for (int unrolled = 0; unrolled < 8; ++unrolled) {
      sum += 1;
      __asm__ volatile("" : "+r"(sum));  // keeps the chain: the compiler may not add up ahead
    }
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  return static_cast<double>(sum) / elapsed.count();
}

py::dict build_info() {
  py::dict info;
  info["compiler"] = RLMM_COMPILER;
  info["build_type"] = RLMM_BUILD_TYPE;
  info["cxx_standard"] = static_cast<int>(__cplusplus / 100 % 100);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  info["sanitized"] = true;
#else
  info["sanitized"] = false;
#endif
  info["hardware_threads"] = std::thread::hardware_concurrency();
  return info;
}

void bind_params(py::module_& m) {
  py::class_<PyEnvParams>(m, "EnvParams",
                          "The parameters of one market-making problem, from nested keyword "
                          "arguments; fields as in rlmm_tf.params.EnvParams. Read-only.")
      .def(py::init(&params_from_python))
      .def("to_dict", &params_to_python, "All fields as nested dicts and tuples.")
      .def_property_readonly("fingerprint",
                             [](const PyEnvParams& self) { return self.fingerprint(); });
}

void bind_batch(py::module_& m) {
  py::class_<PyBatch>(m, "Batch",
                      "N environments stepped together. The caller owns every array; nothing is "
                      "cast or copied; an ended episode restarts in the same step.")
      .def(
          py::init([](const PyEnvParams& params, const Array<std::uint64_t>& seeds, int n_threads) {
            return std::make_unique<PyBatch>(params, keys_from_python(seeds), n_threads);
          }),
          py::arg("params"), py::kw_only(), py::arg("seeds"), py::arg("n_threads") = 1)
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

void bind_module(py::module_& m) {
  m.doc() = "The compiled engine. Use it through rlmm_tf.env.";
  py::register_exception<InvariantError>(m, "InvariantError", PyExc_RuntimeError);
  py::register_exception<RangeError>(m, "RangeError", PyExc_ValueError);
  bind_params(m);
  bind_batch(m);
  m.def("observation_columns", &observation_columns, py::arg("params"),
        "(name, unit, scale, low, high) of each column: normalised = natural / scale.");
  m.def("draw", &draw, py::arg("key"), py::arg("episode"), py::arg("purpose"), py::arg("law"),
        py::arg("n"), py::arg("parameter") = 0.0,
        "The first n draws of the stream (key, episode, purpose): the engine's own generator.");
  m.def(
      "philox",
      [](const std::array<std::uint64_t, 4>& counter, std::pair<std::uint64_t, std::uint64_t> key) {
        return philox4x64(counter, {key.first, key.second});
      },
      py::arg("counter"), py::arg("key"), "Philox4x64-10, as numpy.random.Philox.");
  m.def("measure_clock_hz", &measure_clock_hz, py::arg("additions") = 20'000'000,
        "Core clock now, from a chain of dependent additions.");
  m.def("build_info", &build_info, "How this extension was built.");
  m.attr("FEATURES") = feature_table();
  m.attr("COLUMNS") = column_table();
}

}  // namespace
}  // namespace rlmm

PYBIND11_MODULE(_core, m) { rlmm::bind_module(m); }
