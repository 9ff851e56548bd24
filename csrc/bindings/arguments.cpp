#include "bindings/arguments.h"

#include <cstddef>
#include <string>

namespace rlmm {

std::vector<SeedKey> keys_from_python(const Array<std::uint64_t>& seeds) {
  ArrayGate gate;
  const auto* const words =
      gate.take<std::uint64_t>(seeds, "seeds", {kAnyExtent, 2}, Access::kRead);
  const py::ssize_t rows = py::reinterpret_borrow<py::array>(seeds).shape(0);
  std::vector<SeedKey> keys(static_cast<std::size_t>(rows));
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = {words[2 * i], words[2 * i + 1]};
  return keys;
}

std::int64_t Integer::value(const char* name) const {
  const bool whole = PyIndex_Check(ptr()) && !PyBool_Check(ptr());
  try {
    if (whole) return cast<std::int64_t>();
  } catch (const py::cast_error&) {
    throw py::value_error(std::string(name) + ": expected an integer of at most 64 bits, got " +
                          std::string(py::repr(*this)));
  }
  throw py::type_error(std::string(name) + ": expected an integer, got " +
                       std::string(py::repr(*this)));
}

}  // namespace rlmm
