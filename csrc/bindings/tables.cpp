// The tables of columns and features, as the engine has them.
#include <pybind11/pybind11.h>

#include "agent/columns.h"
#include "bindings/parameters.h"
#include "bindings/parts.h"
#include "features/features.h"

namespace rlmm {
namespace {

py::tuple observation_columns(const PyEnvParams& params) {
  params.validate();
  const FeatureWriter writer(params);
  py::list rows;
  for (const ObservationColumn& column : writer.columns()) {
    rows.append(py::make_tuple(column.name, column.unit, column.scale, column.low, column.high));
  }
  return py::tuple(rows);
}

py::tuple feature_table() {
  py::list rows;
  for (const FeatureInfo& info : kFeatures) {
    rows.append(py::make_tuple(info.name, info.unit, info.meaning, info.normalisation,
                               enum_names(Repeat{})[static_cast<std::size_t>(info.repeat)],
                               info.needs_book));
  }
  return py::tuple(rows);
}

py::tuple column_table() {
  py::list rows;
  for (const ColumnInfo& info : kColumns) {
    rows.append(py::make_tuple(info.name, info.unit, info.meaning));
  }
  return py::tuple(rows);
}

}  // namespace

void bind_tables(py::module_& m) {
  m.def("observation_columns", &observation_columns, py::arg("params"),
        "(name, unit, scale, low, high) of each column: normalised = natural / scale.");
  m.attr("FEATURES") = feature_table();
  m.attr("COLUMNS") = column_table();
}

}  // namespace rlmm
