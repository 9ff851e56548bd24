#include "batch/failure.h"

#include <new>
#include <stdexcept>

#include "types.h"

namespace rlmm {

void rethrow_at(const std::string& place, const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const InvariantError& broken) {
    throw InvariantError(place + broken.what());
  } catch (const RangeError& outside) {
    throw RangeError(place + outside.what());
  } catch (const std::invalid_argument& refused) {
    throw std::invalid_argument(place + refused.what());
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& other) {
    throw std::runtime_error(place + other.what());
  }
}

}  // namespace rlmm
