// What the engine was built with and what it runs on.
#include <pybind11/pybind11.h>

#include <chrono>
#include <cstdint>
#include <thread>

#include "bindings/parts.h"

namespace rlmm {
namespace {

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
  info["interface"] = RLMM_INTERFACE;
  info["cxx_standard"] = static_cast<int>(__cplusplus / 100 % 100);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  info["sanitized"] = true;
#else
  info["sanitized"] = false;
#endif
  info["hardware_threads"] = std::thread::hardware_concurrency();
  return info;
}

}  // namespace

void bind_machine(py::module_& m) {
  m.def("measure_clock_hz", &measure_clock_hz, py::arg("additions") = 20'000'000,
        "Core clock now, from a chain of dependent additions.");
  m.def("build_info", &build_info, "How this extension was built.");
}

}  // namespace rlmm
