// Compiled for x86-64 with AVX-512; see CMakeLists.txt.
#include "policy/kernels_body.h"

namespace rlmm {

const Kernels kAvx512Kernels = {"avx512", &layer, &exponentials, &hyperbolic_tangents};

}  // namespace rlmm
