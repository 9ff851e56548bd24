#include "bindings/tape.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bindings/arguments.h"
#include "bindings/arrays.h"
#include "bindings/fields.h"
#include "bindings/parts.h"
#include "bindings/table_rows.h"
#include "checks.h"
#include "market/resting_orders.h"
#include "replay_params.h"

namespace rlmm {
namespace {

constexpr std::int64_t kCheckpointEventsMost = std::int64_t{1} << 40;

std::shared_ptr<PyTape> make_tape(const Array<std::int64_t>& ts_ns, const Array<std::uint8_t>& kind,
                                  const Array<std::int8_t>& side,
                                  const Array<std::int64_t>& price_ticks,
                                  const Array<std::int64_t>& qty_lots,
                                  const Array<std::uint64_t>& order_id,
                                  const Array<std::uint8_t>& flags,
                                  const Integer& checkpoint_events) {
  ArrayGate gate;
  const auto* times = gate.take<std::int64_t>(ts_ns, "ts_ns", {kAnyExtent}, Access::kRead);
  const TableRows row = take_rows(gate, py::reinterpret_borrow<py::array>(ts_ns).shape(0), kind,
                                  side, price_ticks, qty_lots, order_id, flags);
  Tape::Columns columns{};
  columns.ts_ns = times;
  columns.kind = row.kind;
  columns.side = row.side;
  columns.price_ticks = row.price_ticks;
  columns.lots = row.lots;
  columns.order_ids = row.order_id;
  columns.flags = row.flags;
  columns.rows = static_cast<std::size_t>(row.count);
  const std::int64_t every = checkpoint_events.value("checkpoint_events");
  require_between("checkpoint_events", every, std::int64_t{1}, kCheckpointEventsMost);
  const py::gil_scoped_release unlocked;
  return std::make_shared<PyTape>(
      std::make_shared<const Tape>(columns, static_cast<std::size_t>(every)));
}

py::dict mended_rows(const PyTape& self) {
  py::dict rows;
  for (std::size_t i = 0; i < kMendedNames.size(); ++i) {
    const Tape::Mend& mend = self.get()->mended(static_cast<Mended>(i));
    if (mend.rows > 0) rows[kMendedNames[i]] = py::make_tuple(mend.rows, mend.first_row);
  }
  return rows;
}

py::object shares_ahead(const py::dict& queue, const py::array_t<double>& ahead_lots,
                        const py::array_t<double>& behind_lots) {
  QueueParams params;
  FromPython::read_struct<QueueParams>("queue", queue, params);
  const auto share = [&params](double ahead, double behind) {
    return share_ahead(params, ahead, behind);
  };
  return py::vectorize(share)(ahead_lots, behind_lots);
}

template <class T>
py::array_t<T> column_of(std::size_t rows) {
  return py::array_t<T>(static_cast<py::ssize_t>(rows));
}

py::tuple fills_of_orders(const PyTape& self, const py::dict& queue,
                          const Array<std::int64_t>& start_ns, const Array<std::int64_t>& end_ns,
                          const Array<std::int8_t>& side, const Array<std::int64_t>& price_ticks,
                          const Array<std::int64_t>& lots) {
  ArrayGate gate;
  const auto* starts = gate.take<std::int64_t>(start_ns, "start_ns", {kAnyExtent}, Access::kRead);
  const py::ssize_t rows = py::reinterpret_borrow<py::array>(start_ns).shape(0);
  const auto* ends = gate.take<std::int64_t>(end_ns, "end_ns", {rows}, Access::kRead);
  const auto* sides = gate.take<std::int8_t>(side, "side", {rows}, Access::kRead);
  const auto* prices = gate.take<std::int64_t>(price_ticks, "price_ticks", {rows}, Access::kRead);
  const auto* sizes = gate.take<std::int64_t>(lots, "lots", {rows}, Access::kRead);
  QueueParams params;
  FromPython::read_struct<QueueParams>("queue", queue, params);
  std::vector<RestingOrder> orders(static_cast<std::size_t>(rows));
  for (std::size_t i = 0; i < orders.size(); ++i) {
    if (sides[i] != 1 && sides[i] != -1) {
      refuse("order " + std::to_string(i) + ": side", "1 (bid) or -1 (ask)", int{sides[i]});
    }
    orders[i] = {starts[i], ends[i], prices[i], sizes[i], sides[i] == 1 ? Side::kBid : Side::kAsk};
  }
  RestingFills found;
  {
    const py::gil_scoped_release unlocked;
    found = resting_fills(*self.get(), params, orders);
  }
  auto order = column_of<std::int64_t>(found.fills.size());
  auto ts_ns = column_of<std::int64_t>(found.fills.size());
  auto filled = column_of<std::int64_t>(found.fills.size());
  for (std::size_t i = 0; i < found.fills.size(); ++i) {
    const auto row = static_cast<py::ssize_t>(i);
    order.mutable_at(row) = static_cast<std::int64_t>(found.fills[i].order);
    ts_ns.mutable_at(row) = found.fills[i].ts_ns;
    filled.mutable_at(row) = found.fills[i].lots;
  }
  auto rested = column_of<bool>(found.has_rested.size());
  for (std::size_t i = 0; i < found.has_rested.size(); ++i) {
    rested.mutable_at(static_cast<py::ssize_t>(i)) = found.has_rested[i] != 0;
  }
  return py::make_tuple(rested, order, ts_ns, filled);
}

}  // namespace

// The others have no use for one.
EnvParams with_tape(const EnvParams& params, const std::optional<std::shared_ptr<PyTape>>& tape) {
  EnvParams whole = params;
  if (!tape) return whole;
  if (!whole.is_replay()) throw py::value_error("tape: expected none without a replay market");
  whole.replay().tape = (*tape)->get();
  whole.replay().tape_checksum = (*tape)->get()->checksum();
  return whole;
}

void bind_tape(py::module_& m) {
  py::class_<PyTape, std::shared_ptr<PyTape>>(
      m, "Tape",
      "A recorded session as the engine plays it: made once, never changed, shared "
      "by all batches.")
      .def(py::init(&make_tape), py::kw_only(), py::arg("ts_ns"), py::arg("kind"), py::arg("side"),
           py::arg("price_ticks"), py::arg("qty_lots"), py::arg("order_id"), py::arg("flags"),
           py::arg("checkpoint_events"))
      .def_property_readonly("rows", [](const PyTape& self) { return self.get()->rows(); })
      .def_property_readonly("events",
                             [](const PyTape& self) { return self.get()->events().size(); })
      .def_property_readonly("by_order", [](const PyTape& self) { return self.get()->by_order(); })
      .def_property_readonly("first_ns", [](const PyTape& self) { return self.get()->first_ns(); })
      .def_property_readonly("last_ns", [](const PyTape& self) { return self.get()->last_ns(); })
      .def_property_readonly("checksum", [](const PyTape& self) { return self.get()->checksum(); })
      .def_property_readonly("checkpoint_bytes",
                             [](const PyTape& self) { return self.get()->checkpoint_bytes(); })
      .def_property_readonly("mended", &mended_rows,
                             "By reason: how many rows did not fit the book before them, and the "
                             "first such row.");
  m.def("resting_fills", &fills_of_orders, py::arg("tape"), py::kw_only(), py::arg("queue"),
        py::arg("start_ns"), py::arg("end_ns"), py::arg("side"), py::arg("price_ticks"),
        py::arg("lots"),
        "When orders would have been filled, each alone with the record: which came to rest at "
        "all, and of each fill the order, the time and the lots.");
  m.def("share_ahead", &shares_ahead, py::arg("queue"), py::arg("ahead_lots"),
        py::arg("behind_lots"),
        "The share of a cancelled lot that a queue law takes from the queue ahead.");
}

}  // namespace rlmm
