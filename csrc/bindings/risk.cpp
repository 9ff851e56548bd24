// The risk gate that live orders pass.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "bindings/arguments.h"
#include "bindings/fields.h"
#include "bindings/parts.h"
#include "risk/gate.h"

namespace rlmm {
namespace {

using OrderRow = std::tuple<std::uint64_t, int, Ticks, Lots>;  // id, side, price, lots

Side side_of(int side) {
  if (side != 1 && side != -1) {
    throw py::value_error("side: expected 1 (bid) or -1 (ask), got " + std::to_string(side));
  }
  return side == 1 ? Side::kBid : Side::kAsk;
}

RiskGate make_gate(const py::dict& limits) {
  RiskLimits read;
  FromPython::read_struct("limits", limits, read);
  return RiskGate(read);
}

RiskReason reason_of(int code) {
  if (code < 0 || code >= static_cast<int>(RiskReason::kCount)) {
    throw py::value_error("reason: expected a code of RISK_REASONS, got " + std::to_string(code));
  }
  return static_cast<RiskReason>(code);
}

std::vector<OrderRow> open_rows(const RiskGate& self) {
  std::vector<OrderRow> rows;
  for (const RiskGate::Order& one : self.open()) {
    rows.emplace_back(one.id, static_cast<int>(sign(one.side)), one.price_ticks, one.lots);
  }
  return rows;
}

void reconcile(RiskGate& self, Lots position_lots, const std::vector<OrderRow>& open) {
  std::vector<RiskGate::Order> orders;
  orders.reserve(open.size());
  for (const auto& [id, side, price_ticks, lots] : open) {
    orders.push_back({id, price_ticks, price_ticks, lots, 0, side_of(side)});
  }
  self.on_reconciled(position_lots, orders);
}

void bind_actions(py::class_<RiskGate>& gate) {
  gate.def(
          "submit",
          [](RiskGate& self, std::uint64_t id, int side, Ticks price_ticks, Lots lots,
             TimeNs now_ns) {
            return static_cast<int>(self.submit(id, side_of(side), price_ticks, lots, now_ns));
          },
          py::kw_only(), py::arg("id"), py::arg("side"), py::arg("price_ticks"), py::arg("lots"),
          py::arg("now_ns"), "The code of what is wrong with it; 0: it may be sent.")
      .def(
          "amend",
          [](RiskGate& self, std::uint64_t id, Ticks price_ticks, Lots lots, TimeNs now_ns) {
            return static_cast<int>(self.amend(id, price_ticks, lots, now_ns));
          },
          py::kw_only(), py::arg("id"), py::arg("price_ticks"), py::arg("lots"), py::arg("now_ns"))
      .def(
          "cancel",
          [](RiskGate& self, std::uint64_t id, TimeNs now_ns) {
            return static_cast<int>(self.cancel(id, now_ns));
          },
          py::kw_only(), py::arg("id"), py::arg("now_ns"));
}

void bind_reports(py::class_<RiskGate>& gate) {
  gate.def("on_market", &RiskGate::on_market, py::kw_only(), py::arg("mid_ticks_x2"),
           py::arg("now_ns"))
      .def("on_feed_lost", &RiskGate::on_feed_lost)
      .def("on_amended", &RiskGate::on_amended, py::kw_only(), py::arg("id"),
           py::arg("price_ticks"), py::arg("lots"))
      .def("on_fill", &RiskGate::on_fill, py::kw_only(), py::arg("id"), py::arg("price_ticks"),
           py::arg("lots"), py::arg("fee_e9"), py::arg("now_ns"))
      .def("on_closed", &RiskGate::on_closed, py::arg("id"))
      .def("on_reconciled", &reconcile, py::kw_only(), py::arg("position_lots"), py::arg("open"),
           "`open`: rows of id, side, price and lots.");
}

}  // namespace

void bind_risk(py::module_& m) {
  py::list reasons;
  for (const RiskReasonInfo& info : kRiskReasons) {
    reasons.append(py::make_tuple(static_cast<int>(info.id), info.name, info.meaning, info.remedy));
  }
  m.attr("RISK_REASONS") = py::tuple(reasons);
  py::class_<RiskGate> gate(m, "RiskGate", "What every live message passes before it leaves.");
  gate.def(py::init(&make_gate), py::kw_only(), py::arg("limits"));
  bind_actions(gate);
  bind_reports(gate);
  gate.def(
          "halt", [](RiskGate& self, int reason) { self.halt(reason_of(reason)); },
          py::arg("reason"))
      .def(
          "reduce", [](RiskGate& self, int reason) { self.reduce(reason_of(reason)); },
          py::arg("reason"))
      .def("clear", &RiskGate::clear)
      .def_property_readonly(
          "state",
          [](const RiskGate& self) { return kRiskStates[static_cast<std::size_t>(self.state())]; })
      .def_property_readonly("why",
                             [](const RiskGate& self) { return static_cast<int>(self.why()); })
      .def_property_readonly("position_lots", &RiskGate::position_lots)
      .def(
          "worst_lots",
          [](const RiskGate& self, int side) { return self.worst_lots(side_of(side)); },
          py::arg("side"))
      .def_property_readonly("open", &open_rows)
      .def_property_readonly("pnl", &RiskGate::pnl)
      .def_property_readonly("day_pnl", &RiskGate::day_pnl)
      .def_property_readonly("drawdown", &RiskGate::drawdown);
}

}  // namespace rlmm
