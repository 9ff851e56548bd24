// The tables of columns and features, as the engine has them.
#include <pybind11/pybind11.h>

#include "agent/columns.h"
#include "bindings/parameters.h"
#include "bindings/parts.h"
#include "features/features.h"
#include "market/event_log.h"
#include "market/fill_log.h"
#include "market/trace.h"

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

template <class Table>
py::tuple rows_of(const Table& table) {
  py::list rows;
  for (const auto& info : table) {
    rows.append(py::make_tuple(info.name, info.unit, info.meaning));
  }
  return py::tuple(rows);
}

py::tuple agent_events() {
  py::list words;
  for (const char* word : kAgentEvents) words.append(word);
  return py::tuple(words);
}

py::dict event_kinds() {
  static_assert(static_cast<int>(EventKind::kStatus) == 7, "a new kind belongs into this table");
  py::dict kinds;
  const auto add = [&](const char* name, EventKind kind) { kinds[name] = static_cast<int>(kind); };
  add("add", EventKind::kAdd);
  add("cancel", EventKind::kCancel);
  add("modify", EventKind::kModify);
  add("trade", EventKind::kTrade);
  add("snapshot", EventKind::kSnapshot);
  add("clear", EventKind::kClear);
  add("status", EventKind::kStatus);
  return kinds;
}

py::dict event_flags() {
  py::dict flags;
  flags["remains"] = static_cast<int>(kFlagRemains);
  flags["reach"] = static_cast<int>(kFlagReach);
  flags["agent"] = static_cast<int>(kFlagAgent);
  flags["more_fills"] = static_cast<int>(kFlagMoreFills);
  flags["hidden"] = static_cast<int>(kFlagHidden);
  return flags;
}

}  // namespace

void bind_tables(py::module_& m) {
  m.def("observation_columns", &observation_columns, py::arg("params"),
        "(name, unit, scale, low, high) of each column: normalised = natural / scale.");
  m.attr("FEATURES") = feature_table();
  m.attr("COLUMNS") = rows_of(kColumns);
  m.attr("FILL_COLUMNS") = rows_of(kFillColumns);
  m.attr("TRACE_COLUMNS") = rows_of(kTraceColumns);
  m.attr("AGENT_EVENTS") = agent_events();
  m.attr("EVENT_KINDS") = event_kinds();
  m.attr("EVENT_FLAGS") = event_flags();
}

}  // namespace rlmm
