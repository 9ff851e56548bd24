// The parts of the module rlmm_tf._core. Each adds its own names; module.cpp puts them together.
#pragma once

#include <pybind11/pybind11.h>

namespace rlmm {

namespace py = pybind11;

void bind_parameters(py::module_& m);
void bind_tape(py::module_& m);
void bind_batch(py::module_& m);
void bind_policy(py::module_& m);
void bind_transitions(py::module_& m);
void bind_order_book(py::module_& m);
void bind_recorder(py::module_& m);
void bind_tables(py::module_& m);
void bind_draws(py::module_& m);
void bind_parse(py::module_& m);
void bind_flow(py::module_& m);
void bind_live(py::module_& m);
void bind_risk(py::module_& m);
void bind_machine(py::module_& m);
void bind_venue(py::module_& m);

}  // namespace rlmm
