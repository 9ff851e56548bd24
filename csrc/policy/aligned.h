// Floats on cache lines, set to 0: storage of the networks' weights and of what flows through them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

#include "policy/kernels.h"

namespace rlmm {

class AlignedFloats {
 public:
  AlignedFloats() = default;
  explicit AlignedFloats(std::size_t size)
      : data_(static_cast<float*>(::operator new(size * sizeof(float), kAlignment))) {
    std::fill_n(data_.get(), size, 0.0F);
  }

  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }

 private:
  static constexpr std::align_val_t kAlignment{kCacheLineBytes};
  struct Free {
    void operator()(float* data) const { ::operator delete(data, kAlignment); }
  };
  std::unique_ptr<float, Free> data_;
};

// Rounded up to whole panels.
constexpr std::size_t panels_for(std::size_t n) { return (n + kPanel - 1) / kPanel; }
constexpr std::size_t padded(std::size_t n) { return panels_for(n) * kPanel; }

}  // namespace rlmm
