#include "bindings/arrays.h"

namespace rlmm {
namespace {

std::string shape_text(const Shape& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + (shape[i] == kAnyExtent ? "n" : std::to_string(shape[i]));
  }
  return text + (shape.size() == 1 ? ",)" : ")");
}

bool fits(const Shape& got, const Shape& expected) {
  if (got.size() != expected.size()) return false;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (expected[i] != kAnyExtent && got[i] != expected[i]) return false;
  }
  return true;
}

py::array require_array(const py::object& object, const std::string& name) {
  if (!py::isinstance<py::array>(object)) {
    throw py::type_error(name + ": expected a numpy array, got " +
                         std::string(py::str(py::type::of(object).attr("__name__"))));
  }
  const py::handle plain(reinterpret_cast<PyObject*>(py::detail::npy_api::get().PyArray_Type_));
  if (!py::type::of(object).is(plain) && py::hasattr(object, "mask")) {
    throw py::type_error(name + ": expected a plain numpy array, got a masked one; fill it first");
  }
  return py::reinterpret_borrow<py::array>(object);
}

void require_dtype(const py::array& array, const std::string& name, const py::dtype& dtype) {
  if (array.dtype().is(dtype) || array.dtype().equal(dtype)) return;
  throw py::type_error(name + ": expected dtype " + std::string(py::str(dtype)) + ", got " +
                       std::string(py::str(array.dtype())) +
                       "; convert it once where it is made, nothing is cast here");
}

void require_shape(const py::array& array, const std::string& name, const Shape& shape) {
  const Shape got(array.shape(), array.shape() + array.ndim());
  if (fits(got, shape)) return;
  throw py::value_error(name + ": expected shape " + shape_text(shape) + ", got " +
                        shape_text(got));
}

void require_layout(const py::array& array, const std::string& name, std::size_t alignment) {
  if ((array.flags() & py::array::c_style) == 0) {
    throw py::value_error(name +
                          ": expected a C-contiguous array, got a strided view; pass "
                          "numpy.ascontiguousarray of it or a whole row block");
  }
  if (reinterpret_cast<std::uintptr_t>(array.data()) % alignment != 0) {
    throw py::value_error(name + ": expected an aligned array, got data at an odd address");
  }
}

}  // namespace

void* ArrayGate::take_as(const Element& element, const py::object& array, const std::string& name,
                         const Shape& shape, Access access) {
  const py::array taken = require_array(array, name);
  require_dtype(taken, name, element.dtype);
  require_shape(taken, name, shape);
  require_layout(taken, name, element.alignment);
  if (access == Access::kWrite && !taken.writeable()) {
    throw py::value_error(name + ": expected a writable array, got a read-only one");
  }
  const char* const begin = static_cast<const char*>(taken.data());
  spans_.push_back({name, begin, begin + taken.nbytes()});
  return const_cast<void*>(taken.data());
}

void ArrayGate::require_apart() const {
  for (std::size_t i = 0; i < spans_.size(); ++i) {
    for (std::size_t j = i + 1; j < spans_.size(); ++j) {
      if (spans_[i].begin < spans_[j].end && spans_[j].begin < spans_[i].end) {
        throw py::value_error(
            spans_[j].name + ": expected memory of its own, got an overlap with " + spans_[i].name);
      }
    }
  }
}

}  // namespace rlmm
