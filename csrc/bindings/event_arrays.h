// A log of events as arrays.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>

#include "bindings/arguments.h"
#include "market/event_log.h"

namespace rlmm {

// An array for each column, by its name.
py::dict event_arrays(const EventLog& log);

// How many levels of the book are wanted after each event.
std::size_t levels_from(const Integer& levels);

}  // namespace rlmm
