// The class EnvParams as Python has it.
#pragma once

#include "bindings/zeroed.h"
#include "params.h"

namespace rlmm {

struct PyEnvParams : EnvParams, Zeroed {};

}  // namespace rlmm
