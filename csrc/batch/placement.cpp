#include "batch/placement.h"

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif

namespace rlmm {

#if defined(__linux__)

int current_processor() { return sched_getcpu(); }

bool move_off(std::thread::native_handle_type thread, int processor) {
  cpu_set_t allowed;
  if (pthread_getaffinity_np(thread, sizeof allowed, &allowed) != 0) return false;
  cpu_set_t others = allowed;
  CPU_CLR(static_cast<unsigned>(processor), &others);
  if (CPU_COUNT(&others) == 0) return false;
  // A thread that is where it may no longer be goes at once; being allowed back does not move it.
  return pthread_setaffinity_np(thread, sizeof others, &others) == 0 &&
         pthread_setaffinity_np(thread, sizeof allowed, &allowed) == 0;
}

#else

int current_processor() { return -1; }

bool move_off(std::thread::native_handle_type thread, int processor) {
  static_cast<void>(thread);
  static_cast<void>(processor);
  return false;
}

#endif

}  // namespace rlmm
