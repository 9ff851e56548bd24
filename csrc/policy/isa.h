// Which of the compiled kernels to use.
#pragma once

#include <string>
#include <vector>

#include "policy/kernels.h"

namespace rlmm {

// Those this processor can run, slowest first; "plain" is always among them.
std::vector<const Kernels*> available_kernels();

// By name, or the fastest for "auto". Throws std::invalid_argument for one that cannot run here.
const Kernels& kernels_named(const std::string& name);

}  // namespace rlmm
