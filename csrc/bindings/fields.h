// Structs from and to nested Python dicts, by the one list of fields that each struct has.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace rlmm {

namespace py = pybind11;

template <class T>
concept Structure = requires(T& t, int& visitor) { T::template fields<T, int>(t, visitor); };

class FromPython {
 public:
  // `path` names the struct in messages; the outermost has none.
  template <Structure T>
  static void read_struct(const std::string& path, const py::dict& values, T& target) {
    FromPython reader(values, path);
    T::fields(target, reader);
    reader.refuse_unknown();
  }

  // For `fields`: one call per field.
  template <class T>
  void operator()(const char* name, T& target) {
    known_.emplace_back(name);
    const std::string place = place_of(name);
    if (!values_.contains(name)) throw py::type_error(place + ": expected a value, got none");
    read(place, values_[name], target);
  }

 private:
  FromPython(py::dict values, std::string path)
      : values_(std::move(values)), path_(std::move(path)) {}

  std::string place_of(const std::string& name) const;
  void refuse_unknown() const;
  [[noreturn]] static void refuse_type(const std::string& place, const char* expected,
                                       py::handle got);

  static void read(const std::string& place, py::handle value, bool& target);
  static void read(const std::string& place, py::handle value, std::int64_t& target);
  static void read(const std::string& place, py::handle value, double& target);
  static void read(const std::string& place, py::handle value, std::string& target);

  template <class T>
  static void read(const std::string& place, py::handle value, std::optional<T>& target) {
    target.reset();
    if (!value.is_none()) read(place, value, target.emplace());
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
      known.append(known.empty() ? "" : ", ").append(candidate);
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

  // A choice between structs is a dict with the name of one beside its fields: "kind", by default
  // that of the first.
  template <class... Structs>
  static void read(const std::string& place, py::handle value, std::variant<Structs...>& target) {
    if (!py::isinstance<py::dict>(value)) refuse_type(place, "a dict of its fields", value);
    const auto values = py::reinterpret_borrow<py::dict>(value);
    const std::string kind = kind_of(place, values);
    std::string kinds;
    bool found = kind.empty();
    if (found) target = std::variant_alternative_t<0, std::variant<Structs...>>{};
    const auto try_kind = [&]<class Struct>(Struct&& empty) {
      kinds.append(kinds.empty() ? "" : ", ").append(Struct::kKind);
      if (kind != Struct::kKind) return;
      target = std::forward<Struct>(empty);
      found = true;
    };
    (try_kind(Structs{}), ...);
    if (!found) {
      throw py::value_error(place + ".kind: expected one of (" + kinds + "), got '" + kind + "'");
    }
    std::visit([&](auto& chosen) { read_struct_of_kind(place, values, chosen); }, target);
  }

  template <Structure T>
  static void read_struct_of_kind(const std::string& path, const py::dict& values, T& target) {
    FromPython reader(values, path);
    reader.known_.emplace_back("kind");
    T::fields(target, reader);
    reader.refuse_unknown();
  }

  // Empty if there is none.
  static std::string kind_of(const std::string& place, const py::dict& values);

  py::dict values_;
  std::string path_;
  std::vector<std::string> known_;
};

class ToPython {
 public:
  template <Structure T>
  static py::dict write_struct(const T& value) {
    ToPython writer;
    T::fields(value, writer);
    return writer.values_;
  }

  // For `fields`: one call per field.
  template <class T>
  void operator()(const char* name, const T& value) {
    values_[name] = write(value);
  }

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
    return write_struct(value);
  }
  template <class... Structs>
  static py::object write(const std::variant<Structs...>& value) {
    return std::visit(
        []<class Struct>(const Struct& chosen) -> py::object {
          ToPython writer;
          writer.values_["kind"] = py::str(Struct::kKind);
          Struct::fields(chosen, writer);
          return writer.values_;
        },
        value);
  }
  template <class T>
  static py::object write(const std::vector<T>& values) {
    py::tuple items(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) items[i] = write(values[i]);
    return std::move(items);
  }

  py::dict values_;
};

}  // namespace rlmm
