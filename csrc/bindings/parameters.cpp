#include "bindings/parameters.h"

#include "bindings/fields.h"
#include "bindings/parts.h"

namespace rlmm {
namespace {

PyEnvParams params_from_python(const py::kwargs& kwargs) {
  PyEnvParams params;
  FromPython::read_struct<EnvParams>("", kwargs, params);
  params.validate();
  return params;
}

py::dict params_to_python(const PyEnvParams& params) {
  return ToPython::write_struct<EnvParams>(params);
}

}  // namespace

void bind_parameters(py::module_& m) {
  py::class_<PyEnvParams>(m, "EnvParams",
                          "The parameters of one market-making problem, from nested keyword "
                          "arguments; fields as in rlmm_tf.params.EnvParams. Read-only.")
      .def(py::init(&params_from_python))
      .def("to_dict", &params_to_python, "All fields as nested dicts and tuples.")
      .def_property_readonly("fingerprint",
                             [](const PyEnvParams& self) { return self.fingerprint(); });
}

}  // namespace rlmm
