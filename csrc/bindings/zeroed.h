// Memory for objects that Python can make without calling their __init__.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>

namespace rlmm {

// pybind11 hands out memory for an object made by __new__ alone, its __init__ never called. Zeroed,
// it is a closed batch or parameters without a regime, which every use refuses.
struct Zeroed {
  static void* operator new(std::size_t size) {
    void* const memory = ::operator new(size);
    std::memset(memory, 0, size);
    return memory;
  }
  static void* operator new(std::size_t, void* memory) { return memory; }
  static void operator delete(void* memory) { ::operator delete(memory); }
};

}  // namespace rlmm
