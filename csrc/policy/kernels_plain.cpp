// Compiled for every processor of the architecture.
#include "policy/kernels_body.h"

namespace rlmm {

const Kernels kPlainKernels = {"plain", &layer, &exponentials, &hyperbolic_tangents};

}  // namespace rlmm
