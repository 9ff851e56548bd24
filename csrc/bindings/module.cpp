#include <pybind11/pybind11.h>

#include "bindings/parts.h"
#include "types.h"

PYBIND11_MODULE(_core, m) {
  m.doc() = "The compiled engine. Use it through rlmm_tf.env and rlmm_tf.kernels.";
  pybind11::register_exception<rlmm::InvariantError>(m, "InvariantError", PyExc_RuntimeError);
  pybind11::register_exception<rlmm::RangeError>(m, "RangeError", PyExc_ValueError);
  // Parameters before what takes them: signatures name only types that are known already.
  rlmm::bind_parameters(m);
  rlmm::bind_tape(m);
  rlmm::bind_batch(m);
  rlmm::bind_policy(m);
  rlmm::bind_transitions(m);
  rlmm::bind_order_book(m);
  rlmm::bind_recorder(m);
  rlmm::bind_venue(m);
  rlmm::bind_tables(m);
  rlmm::bind_draws(m);
  rlmm::bind_parse(m);
  rlmm::bind_flow(m);
  rlmm::bind_live(m);
  rlmm::bind_risk(m);
  rlmm::bind_machine(m);
}
