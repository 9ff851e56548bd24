// Passes over recordings for those who fit market models to them.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/parts.h"
#include "bindings/table_rows.h"
#include "parse/flow_pass.h"
#include "parse/hawkes_pass.h"

namespace rlmm {
namespace {

// One row per value of the first, one column per side.
template <class T>
py::array_t<T> as_columns(const std::array<std::vector<T>, 2>& sides) {
  const auto rows = static_cast<py::ssize_t>(sides[0].size());
  py::array_t<T> both({py::ssize_t{2}, rows});
  for (std::size_t s = 0; s < 2; ++s) {
    std::copy(sides[s].begin(), sides[s].end(),
              both.mutable_data() + static_cast<py::ssize_t>(s) * rows);
  }
  return both;
}

class PyFlowPass {
 public:
  PyFlowPass(TimeNs cluster_ns, Ticks reach_ticks, double order_lots,
             std::vector<Ticks> distance_edges, std::vector<double> age_weights,
             double anonymous_weight)
      : distances_(static_cast<py::ssize_t>(distance_edges.size())),
        pass_({cluster_ns, reach_ticks, order_lots, std::move(distance_edges),
               std::move(age_weights), anonymous_weight}) {}

  void run(const Array<std::int64_t>& ts_ns, const Array<std::uint8_t>& kind,
           const Array<std::int8_t>& side, const Array<std::int64_t>& price_ticks,
           const Array<std::int64_t>& qty_lots, const Array<std::uint64_t>& order_id,
           const Array<std::uint8_t>& flags) {
    const auto rows = static_cast<py::ssize_t>(py::len(kind));
    ArrayGate gate;
    const auto* times = gate.take<std::int64_t>(ts_ns, "ts_ns", {rows}, Access::kRead);
    const TableRows row = take_rows(gate, rows, kind, side, price_ticks, qty_lots, order_id, flags);
    const py::gil_scoped_release unlocked;
    for (py::ssize_t i = 0; i < rows; ++i) {
      pass_.apply({times[i], static_cast<EventKind>(row.kind[i]), row.side[i], row.price_ticks[i],
                   row.lots[i], row.order_id[i], row.flags[i]});
    }
  }

  void finish() { pass_.finish(); }

  py::dict take() {
    const parse::FlowColumns columns = pass_.take();
    py::dict arrays;
    arrays["ts_ns"] = as_array(columns.ts_ns);
    arrays["row"] = as_array(columns.row);
    arrays["group"] = as_array(columns.group);
    arrays["flags"] = as_array(columns.flags);
    arrays["away_ticks"] = as_array(columns.away_ticks);
    arrays["lots"] = as_array(columns.lots);
    arrays["queue_lots"] = as_array(columns.queue_lots);
    arrays["age_ns"] = as_array(columns.age_ns);
    arrays["price_ticks"] = as_columns(columns.price_ticks);
    arrays["touch_lots"] = as_columns(columns.touch_lots);
    arrays["gap_ticks"] = as_columns(columns.gap_ticks);
    arrays["levels"] = as_columns(columns.levels);
    arrays["extent_ticks"] = as_columns(columns.extent_ticks);
    arrays["lots_at_risk"] = as_columns(columns.lots_at_risk);
    const auto rows = static_cast<py::ssize_t>(columns.ts_ns.size());
    arrays["at_risk"] = as_array(columns.at_risk).reshape({rows, py::ssize_t{2}, distances_});
    arrays["open"] = as_array(columns.open);
    return arrays;
  }

  py::dict take_lives() {
    const parse::LifeColumns lives = pass_.take_lives();
    py::dict arrays;
    arrays["birth_ns"] = as_array(lives.birth_ns);
    arrays["end_ns"] = as_array(lives.end_ns);
    arrays["end"] = as_array(lives.end);
    arrays["side"] = as_array(lives.side);
    arrays["away_ticks"] = as_array(lives.away_ticks);
    return arrays;
  }

  std::int64_t missing_lots() const { return pass_.missing_lots(); }

 private:
  py::ssize_t distances_;
  parse::FlowPass pass_;
};

py::array_t<std::int64_t> age_bins(const Array<std::int64_t>& age_ns) {
  const auto rows = static_cast<py::ssize_t>(py::len(age_ns));
  ArrayGate gate;
  const auto* ages = gate.take<std::int64_t>(age_ns, "age_ns", {rows}, Access::kRead);
  py::array_t<std::int64_t> bins(rows);
  for (py::ssize_t i = 0; i < rows; ++i) {
    bins.mutable_data()[i] = static_cast<std::int64_t>(parse::age_bin(ages[i]));
  }
  return bins;
}

// --- Hawkes -------------------------------------------------------------------------------------

constexpr auto kSsizeGroups = static_cast<py::ssize_t>(kGroups);

parse::HawkesRows times_of(ArrayGate& gate, const Array<double>& t_s,
                           const Array<std::uint8_t>& group) {
  const auto rows = static_cast<py::ssize_t>(py::len(t_s));
  const auto count = static_cast<std::size_t>(rows);
  parse::HawkesRows given;
  given.t_s = {gate.take<double>(t_s, "t_s", {rows}, Access::kRead), count};
  given.group = {gate.take<std::uint8_t>(group, "group", {rows}, Access::kRead), count};
  for (std::size_t i = 1; i < count; ++i) {
    if (!(given.t_s[i] >= given.t_s[i - 1])) throw py::value_error("t_s: expected rising times");
  }
  return given;
}

void read_factors(ArrayGate& gate, parse::HawkesRows& rows, const Array<double>& factor,
                  const Array<std::int32_t>& cell, std::size_t cells) {
  const std::size_t count = rows.t_s.size();
  const Shape shape{kSsizeGroups, static_cast<py::ssize_t>(count)};
  const auto* factors = gate.take<double>(factor, "factor", shape, Access::kRead);
  const auto* places = gate.take<std::int32_t>(cell, "cell", shape, Access::kRead);
  for (std::size_t g = 0; g < kGroups; ++g) {
    rows.factor[g] = {factors + g * count, count};
    rows.cell[g] = {places + g * count, count};
    for (const std::int32_t place : rows.cell[g]) {
      if (place >= 0 && std::cmp_greater_equal(place, cells)) {
        throw py::value_error("cell: expected below " + std::to_string(cells) + ", got " +
                              std::to_string(place));
      }
    }
  }
}

void require_decays(const std::vector<double>& decays_hz) {
  for (const double decay_hz : decays_hz) {
    if (!(decay_hz > 0.0)) throw py::value_error("decays_hz: expected values above 0");
  }
}

py::array_t<double> features(const Array<double>& t_s, const Array<std::uint8_t>& group,
                             const std::vector<double>& decays_hz,
                             const Array<std::uint8_t>& wanted) {
  require_decays(decays_hz);
  ArrayGate gate;
  const parse::HawkesRows rows = times_of(gate, t_s, group);
  const auto count = static_cast<py::ssize_t>(rows.t_s.size());
  const auto* flags = gate.take<std::uint8_t>(wanted, "wanted", {count}, Access::kRead);
  py::ssize_t n = 0;
  for (py::ssize_t i = 0; i < count; ++i) n += flags[i] != 0 ? 1 : 0;
  py::array_t<double> out({n, static_cast<py::ssize_t>(parse::feature_count(decays_hz.size()))});
  double* const values = out.mutable_data();
  const py::gil_scoped_release unlocked;
  parse::hawkes_features(rows, decays_hz, {flags, rows.t_s.size()}, values);
  return out;
}

py::array_t<double> exposures(const Array<double>& t_s, const Array<std::uint8_t>& group,
                              const std::vector<double>& decays_hz, const Array<double>& factor,
                              const Array<std::int32_t>& cell, std::size_t cells) {
  require_decays(decays_hz);
  ArrayGate gate;
  parse::HawkesRows rows = times_of(gate, t_s, group);
  read_factors(gate, rows, factor, cell, cells);
  const auto width = static_cast<py::ssize_t>(parse::feature_count(decays_hz.size()));
  py::array_t<double> out({kSsizeGroups, static_cast<py::ssize_t>(cells), width});
  double* const sums = out.mutable_data();
  std::fill(sums, sums + out.size(), 0.0);
  const py::gil_scoped_release unlocked;
  parse::hawkes_exposures(rows, decays_hz, cells, sums);
  return out;
}

py::array_t<double> residuals(const Array<double>& t_s, const Array<std::uint8_t>& group,
                              const std::vector<double>& decays_hz, const Array<double>& factor,
                              const Array<double>& of_baseline, const Array<std::int32_t>& cell,
                              const Array<double>& parameters) {
  require_decays(decays_hz);
  ArrayGate gate;
  parse::HawkesRows rows = times_of(gate, t_s, group);
  constexpr auto kAnyCell = static_cast<std::size_t>(1) << 31U;
  read_factors(gate, rows, factor, cell, kAnyCell);
  const auto width = static_cast<py::ssize_t>(parse::feature_count(decays_hz.size()));
  const Shape by_row{kSsizeGroups, static_cast<py::ssize_t>(rows.t_s.size())};
  const auto* baselines = gate.take<double>(of_baseline, "of_baseline", by_row, Access::kRead);
  const auto* given =
      gate.take<double>(parameters, "parameters", {kSsizeGroups, width}, Access::kRead);
  py::array_t<double> out(static_cast<py::ssize_t>(rows.t_s.size()));
  double* const values = out.mutable_data();
  std::fill(values, values + out.size(), 0.0);
  const py::gil_scoped_release unlocked;
  parse::hawkes_residuals(rows, baselines, decays_hz, given, values);
  return out;
}

}  // namespace

void bind_flow(py::module_& m) {
  py::class_<PyFlowPass>(m, "FlowPass", "The events of a market model in an event table.")
      .def(py::init<TimeNs, Ticks, double, std::vector<Ticks>, std::vector<double>, double>(),
           py::arg("cluster_ns"), py::arg("reach_ticks"), py::arg("order_lots"),
           py::arg("distance_edges"), py::arg("age_weights"), py::arg("anonymous_weight"))
      .def("run", &PyFlowPass::run, py::arg("ts_ns"), py::arg("kind"), py::arg("side"),
           py::arg("price_ticks"), py::arg("qty_lots"), py::arg("order_id"), py::arg("flags"))
      .def("finish", &PyFlowPass::finish)
      .def("take", &PyFlowPass::take)
      .def("take_lives", &PyFlowPass::take_lives)
      .def_property_readonly("missing_lots", &PyFlowPass::missing_lots);
  m.attr("AGE_BINS") = parse::kAgeBins;
  m.def("age_bins", &age_bins, py::arg("age_ns"));
  m.def("hawkes_features", &features, py::arg("t_s"), py::arg("group"), py::arg("decays_hz"),
        py::arg("wanted"));
  m.def("hawkes_exposures", &exposures, py::arg("t_s"), py::arg("group"), py::arg("decays_hz"),
        py::arg("factor"), py::arg("cell"), py::arg("cells"));
  m.def("hawkes_residuals", &residuals, py::arg("t_s"), py::arg("group"), py::arg("decays_hz"),
        py::arg("factor"), py::arg("of_baseline"), py::arg("cell"), py::arg("parameters"));
}

}  // namespace rlmm
