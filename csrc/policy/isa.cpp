#include "policy/isa.h"

#include <stdexcept>

namespace rlmm {

std::vector<const Kernels*> available_kernels() {
  std::vector<const Kernels*> found = {&kPlainKernels};
#if defined(RLMM_X86_KERNELS)
  if (__builtin_cpu_supports("avx2")) found.push_back(&kAvx2Kernels);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    found.push_back(&kAvx512Kernels);
  }
#endif
  return found;
}

const Kernels& kernels_named(const std::string& name) {
  const std::vector<const Kernels*> found = available_kernels();
  if (name == "auto") return *found.back();
  std::string known = "auto";
  for (const Kernels* kernels : found) {
    if (name == kernels->name) return *kernels;
    known += std::string(", ") + kernels->name;
  }
  throw std::invalid_argument("isa: expected one of (" + known + ") on this processor, got '" +
                              name + "'");
}

}  // namespace rlmm
