#include "bindings/fields.h"

namespace rlmm {

std::string FromPython::place_of(const std::string& name) const {
  return path_.empty() ? name : path_ + "." + name;
}

std::string FromPython::kind_of(const std::string& place, const py::dict& values) {
  std::string kind;
  if (values.contains("kind")) read(place + ".kind", values["kind"], kind);
  return kind;
}

void FromPython::refuse_unknown() const {
  for (const auto& [key, value] : values_) {
    const std::string name = py::str(key);
    bool known = false;
    for (const std::string& field : known_) known = known || field == name;
    if (!known) {
      throw py::type_error(place_of(name) + ": expected no such field, got " +
                           std::string(py::repr(value)));
    }
  }
}

void FromPython::refuse_type(const std::string& place, const char* expected, py::handle got) {
  throw py::type_error(place + ": expected " + expected + ", got " + std::string(py::repr(got)));
}

void FromPython::read(const std::string& place, py::handle value, bool& target) {
  if (!py::isinstance<py::bool_>(value)) refuse_type(place, "True or False", value);
  target = value.cast<bool>();
}

void FromPython::read(const std::string& place, py::handle value, std::int64_t& target) {
  if (py::isinstance<py::bool_>(value) || !py::isinstance<py::int_>(value)) {
    refuse_type(place, "an integer", value);
  }
  try {
    target = value.cast<std::int64_t>();
  } catch (const py::cast_error&) {
    refuse_type(place, "an integer of at most 64 bits", value);
  }
}

void FromPython::read(const std::string& place, py::handle value, double& target) {
  const bool number = py::isinstance<py::float_>(value) || py::isinstance<py::int_>(value);
  if (!number || py::isinstance<py::bool_>(value)) refuse_type(place, "a number", value);
  try {
    target = value.cast<double>();
  } catch (const py::cast_error&) {
    refuse_type(place, "a number that a double can hold", value);
  }
}

void FromPython::read(const std::string& place, py::handle value, std::string& target) {
  if (!py::isinstance<py::str>(value)) refuse_type(place, "a string", value);
  try {
    target = value.cast<std::string>();
  } catch (const py::cast_error&) {
    refuse_type(place, "a string that UTF-8 can hold", value);
  }
}

}  // namespace rlmm
