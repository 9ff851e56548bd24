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
  try {
    return cast<std::int64_t>();
  } catch (const py::cast_error&) {
    const std::string expected = std::string(name) + ": expected an integer";
    const std::string got = ", got " + std::string(py::repr(*this));
    if (!PyIndex_Check(ptr())) throw py::type_error(expected + got);
    throw py::value_error(expected + " of at most 64 bits" + got);
  }
}

}  // namespace rlmm
