// The gate for arrays that a caller owns: each is checked, none is copied or cast.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rlmm {

namespace py = pybind11;

// An argument that must be exactly a NumPy array of T; the type only makes signatures say so.
template <class T>
class Array : public py::object {
 public:
  using py::object::object;
  // NOLINTNEXTLINE(readability-identifier-naming): pybind11's name
  static bool check_(py::handle) { return true; }
};

using Shape = std::vector<py::ssize_t>;

// In a shape that is asked for: as long as the caller likes.
inline constexpr py::ssize_t kAnyExtent = -1;

enum class Access : std::uint8_t { kRead, kWrite };

// A new one-dimensional array with the values.
template <class T>
py::array_t<T> as_array(const std::vector<T>& values) {
  return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

// All arrays of one call pass through one gate.
class ArrayGate {
 public:
  // Refuses another dtype, shape or layout and, for output, an array that cannot be written.
  template <class T>
  T* take(const py::object& array, const std::string& name, const Shape& shape, Access access) {
    return static_cast<T*>(take_as({py::dtype::of<T>(), alignof(T)}, array, name, shape, access));
  }

  // Refuses outputs that share memory with another array of the call.
  void require_apart() const;

 private:
  struct Element {
    py::dtype dtype;
    std::size_t alignment;
  };
  struct Span {
    std::string name;
    const char* begin;
    const char* end;
  };

  void* take_as(const Element& element, const py::object& array, const std::string& name,
                const Shape& shape, Access access);

  std::vector<Span> spans_;
};

}  // namespace rlmm

namespace pybind11::detail {
template <class T>
struct handle_type_name<rlmm::Array<T>> {
  // NOLINTNEXTLINE(readability-identifier-naming): pybind11's name
  static constexpr auto name =
      const_name("numpy.typing.NDArray[") + npy_format_descriptor<T>::name + const_name("]");
};
}  // namespace pybind11::detail
