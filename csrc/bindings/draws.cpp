// The engine's own generator, for tests that compare it with NumPy's.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "bindings/parts.h"
#include "rng.h"

namespace rlmm {
namespace {

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

}  // namespace

void bind_draws(py::module_& m) {
  m.def("draw", &draw, py::arg("key"), py::arg("episode"), py::arg("purpose"), py::arg("law"),
        py::arg("n"), py::arg("parameter") = 0.0,
        "The first n draws of the stream (key, episode, purpose): the engine's own generator.");
  m.def(
      "philox",
      [](const std::array<std::uint64_t, 4>& counter, std::pair<std::uint64_t, std::uint64_t> key) {
        return philox4x64(counter, {key.first, key.second});
      },
      py::arg("counter"), py::arg("key"), "Philox4x64-10, as numpy.random.Philox.");
}

}  // namespace rlmm
