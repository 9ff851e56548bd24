// Where threads run.
#pragma once

#include <thread>

namespace rlmm {

// The processor that the calling thread runs on; -1 where the system does not say.
int current_processor();

// Sends a thread to another processor if it runs, or waits to run, on this one; afterwards it may
// run wherever it was allowed to before. False where it is allowed nowhere else, or the system
// cannot.
bool move_off(std::thread::native_handle_type thread, int processor);

}  // namespace rlmm
