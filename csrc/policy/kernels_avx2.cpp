// Compiled for x86-64 with AVX2; see CMakeLists.txt.
#include "policy/kernels_body.h"

namespace rlmm {

const Kernels kAvx2Kernels = {"avx2", &layer, &exponentials, &hyperbolic_tangents};

}  // namespace rlmm
