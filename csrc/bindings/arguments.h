// Arguments that any batch takes, whatever its market: seeds and counts.
#pragma once

#include <pybind11/pybind11.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bindings/arrays.h"
#include "rng.h"

namespace rlmm {

// One key per row of `seeds`.
std::vector<SeedKey> keys_from_python(const Array<std::uint64_t>& seeds);

// The place of a name in a list is its enumerator.
template <class Enum, std::size_t N>
Enum named(const std::array<const char*, N>& names, const std::string& name, const char* argument) {
  std::string known;
  for (std::size_t i = 0; i < N; ++i) {
    if (name == names[i]) return static_cast<Enum>(i);
    known += (known.empty() ? "" : ", ") + std::string(names[i]);
  }
  throw py::value_error(std::string(argument) + ": expected one of (" + known + "), got '" + name +
                        "'");
}

// An argument that must be a whole number, taken as it comes: pybind11 would answer a large one
// with a list of signatures.
class Integer : public py::object {
 public:
  using py::object::object;
  // NOLINTNEXTLINE(readability-identifier-naming): pybind11's name
  static bool check_(py::handle) { return true; }

  std::int64_t value(const char* name) const;
};

}  // namespace rlmm

namespace pybind11::detail {
template <>
struct handle_type_name<rlmm::Integer> {
  // NOLINTNEXTLINE(readability-identifier-naming): pybind11's name
  static constexpr auto name = const_name("typing.SupportsInt | typing.SupportsIndex");
};
}  // namespace pybind11::detail
