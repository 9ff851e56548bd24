// Plain bytes in and out, for saving and restoring a batch. Same machine and build on both sides.
#pragma once

#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace rlmm {

class Writer {
 public:
  template <class T>
    requires std::is_trivially_copyable_v<T>
  void put(const T& value) {
    const auto* bytes = reinterpret_cast<const char*>(&value);
    bytes_.append(bytes, sizeof(T));
  }

  template <class T>
  void put_vector(const std::vector<T>& values) {
    put(values.size());
    for (const T& value : values) put(value);
  }

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(const std::string& bytes) : bytes_(bytes) {}

  template <class T>
    requires std::is_trivially_copyable_v<T>
  T get() {
    if (left() < sizeof(T)) refuse_end();
    T value;
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }

  template <class T>
  std::vector<T> get_vector() {
    const auto size = get<std::size_t>();
    if (size > left() / sizeof(T)) refuse_length(size);
    std::vector<T> values;
    values.reserve(size);
    for (std::size_t i = 0; i < size; ++i) values.push_back(get<T>());
    return values;
  }

  std::size_t left() const { return bytes_.size() - at_; }

 private:
  [[noreturn]] void refuse_end() const {
    throw std::invalid_argument("state: expected more bytes, got only " +
                                std::to_string(bytes_.size()) + " (a truncated state?)");
  }
  [[noreturn]] static void refuse_length(std::size_t length) {
    throw std::invalid_argument("state: expected a list that fits in it, got length " +
                                std::to_string(length));
  }

  const std::string& bytes_;
  std::size_t at_ = 0;
};

}  // namespace rlmm
