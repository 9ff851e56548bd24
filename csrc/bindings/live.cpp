// What a live client sees and asks for: market data in, observations and messages out.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "agent/quotes.h"
#include "bindings/arguments.h"
#include "bindings/arrays.h"
#include "bindings/parameters.h"
#include "bindings/parts.h"
#include "bindings/table_rows.h"
#include "checks.h"
#include "market/live_view.h"

namespace rlmm {
namespace {

// ts_ns, kind, side, price_ticks, lots, order_id, flags.
using WireRow = std::array<std::int64_t, 7>;
using WireLevel = std::pair<Ticks, Lots>;
// What to do ("new", "replace", "cancel"), side, order, price, lots, lots believed to be open.
using WireMessage = std::tuple<const char*, int, std::uint64_t, Ticks, Lots, Lots>;

constexpr Lots kLotsMost = Lots{1} << 40U;
constexpr std::array<const char*, 3> kMessageKinds = {"new", "replace", "cancel"};

void require_whole(std::int64_t value, std::int64_t low, std::int64_t high, const char* name) {
  if (value < low || value > high) {
    throw py::value_error(std::string("row: expected ") + name + " from " + std::to_string(low) +
                          " to " + std::to_string(high) + ", got " + std::to_string(value));
  }
}

LiveView::Row checked(const LiveView::Row& row) {
  constexpr auto kFirst = static_cast<std::int64_t>(EventKind::kAdd);
  constexpr auto kLast = static_cast<std::int64_t>(EventKind::kStatus);
  require_whole(static_cast<std::int64_t>(row.kind), kFirst, kLast, "a kind");
  require_whole(row.side, -1, 1, "a side");
  const bool has_level = row.kind != EventKind::kClear && row.kind != EventKind::kStatus;
  require_whole(row.lots, 0, kLotsMost, "lots");
  if (has_level && row.side != 0) require_whole(row.price_ticks, 1, kPriceMax, "a price");
  if (has_level && row.side == 0 && row.kind != EventKind::kTrade) {
    throw py::value_error("row: expected side 1 or -1, got 0");
  }
  return row;
}

class PyLiveView {
 public:
  explicit PyLiveView(const EnvParams& params)
      : view_(params),
        reader_(params.action),
        discrete_(params.action.kind != ActionKind::kContinuous) {}

  void snapshot(TimeNs ts_ns, const std::vector<WireLevel>& bids,
                const std::vector<WireLevel>& asks) {
    view_.clear_book(ts_ns);
    for (const auto& [price_ticks, lots] : bids) set_level(Side::kBid, price_ticks, lots);
    for (const auto& [price_ticks, lots] : asks) set_level(Side::kAsk, price_ticks, lots);
    view_.start(ts_ns);
  }

  // The last observations go to `obs`, round and round: of step k of this call to row k % rows.
  std::int64_t feed(const std::vector<WireRow>& rows, const Array<float>& obs) {
    Sink sink = sink_of(obs);
    for (const WireRow& one : rows) {
      require_whole(one[1], 0, 255, "a kind");
      require_whole(one[6], 0, 255, "flags");
      step_over({one[0], static_cast<EventKind>(one[1]), one[2], one[3], one[4],
                 static_cast<std::uint64_t>(one[5]), static_cast<std::uint64_t>(one[6])},
                sink);
    }
    return sink.steps;
  }

  std::int64_t feed_table(const Array<std::int64_t>& ts_ns, const Array<std::uint8_t>& kind,
                          const Array<std::int8_t>& side, const Array<std::int64_t>& price_ticks,
                          const Array<std::int64_t>& qty_lots, const Array<std::uint64_t>& order_id,
                          const Array<std::uint8_t>& flags, const Array<float>& obs) {
    ArrayGate gate;
    const auto* times = gate.take<std::int64_t>(ts_ns, "ts_ns", {kAnyExtent}, Access::kRead);
    const TableRows rows =
        take_rows(gate, py::len(ts_ns), kind, side, price_ticks, qty_lots, order_id, flags);
    Sink sink = sink_of(obs);
    for (py::ssize_t i = 0; i < rows.count; ++i) {
      step_over({times[i], static_cast<EventKind>(rows.kind[i]), rows.side[i], rows.price_ticks[i],
                 rows.lots[i], rows.order_id[i], rows.flags[i]},
                sink);
    }
    return sink.steps;
  }

  std::int64_t close_until(TimeNs ts_ns, const Array<float>& obs) {
    Sink sink = sink_of(obs);
    while (view_.started() && view_.step_end_ns() <= ts_ns) end_step(sink);
    return sink.steps;
  }

  void observe(const Array<float>& obs) const {
    ArrayGate gate;
    view_.observe(gate.take<float>(obs, "obs", {width()}, Access::kWrite));
  }

  std::vector<WireMessage> decide(const py::object& action) {
    ArrayGate gate;
    std::int64_t clipped = 0;
    Quotes quotes;
    const py::ssize_t width = reader_.width();
    if (discrete_) {
      const auto* row = gate.take<std::int64_t>(action, "action", {width}, Access::kRead);
      reader_.check_all(row, 1);
      quotes = reader_.read(row, clipped);
    } else {
      const auto* row = gate.take<float>(action, "action", {width}, Access::kRead);
      reader_.check_all(row, 1);
      quotes = reader_.read(row, clipped);
    }
    return messages(view_.decide(quotes));
  }
  std::vector<WireMessage> withdraw() { return messages(view_.decide(Quotes{})); }

  LiveView& view() { return view_; }
  const LiveView& view() const { return view_; }

  std::vector<std::array<std::int64_t, 3>> levels(Side side, std::size_t most) const {
    std::vector<std::array<std::int64_t, 3>> rows;
    view_.levels(side, most, [&rows](Ticks price_ticks, Lots lots, Lots own_lots) {
      rows.push_back({price_ticks, lots, own_lots});
    });
    return rows;
  }

 private:
  struct Sink {
    float* rows;
    std::int64_t n_rows;
    std::int64_t steps = 0;
  };

  py::ssize_t width() const { return static_cast<py::ssize_t>(view_.features().width()); }

  Sink sink_of(const Array<float>& obs) const {
    ArrayGate gate;
    auto* const rows = gate.take<float>(obs, "obs", {kAnyExtent, width()}, Access::kWrite);
    const py::ssize_t n_rows = py::len(obs);
    if (n_rows < 1) throw py::value_error("obs: expected at least one row, got none");
    return {rows, n_rows};
  }

  void set_level(Side side, Ticks price_ticks, Lots lots) {
    require_whole(price_ticks, 1, kPriceMax, "a price");
    require_whole(lots, 1, kLotsMost, "lots");
    view_.set_level(side, price_ticks, lots);
  }

  void end_step(Sink& sink) {
    view_.end_step();
    view_.observe(sink.rows + (sink.steps % sink.n_rows) * width());
    ++sink.steps;
  }

  void step_over(const LiveView::Row& row, Sink& sink) {
    checked(row);
    while (view_.started() && view_.is_later(row.ts_ns)) end_step(sink);
    view_.apply(row);
    if (!view_.started()) view_.start(row.ts_ns);
  }

  static std::vector<WireMessage> messages(const Packet& packet) {
    std::vector<WireMessage> rows;
    for (std::size_t i = 0; i < packet.size; ++i) {
      const Message& one = packet.messages[i];
      rows.emplace_back(kMessageKinds[static_cast<std::size_t>(one.kind)],
                        static_cast<int>(sign(one.side)), one.order, one.price_ticks, one.lots,
                        one.open_lots);
    }
    return rows;
  }

  LiveView view_;
  ActionReader reader_;
  bool discrete_;
};

Side side_of(int side) {
  if (side != 1 && side != -1) {
    throw py::value_error("side: expected 1 (bid) or -1 (ask), got " + std::to_string(side));
  }
  return side == 1 ? Side::kBid : Side::kAsk;
}

void hear(PyLiveView& self, int side, std::uint64_t order, Lots filled_lots, Lots dropped_lots) {
  Notice notice;
  notice.order = order;
  notice.side = side_of(side);
  notice.filled_lots = filled_lots;
  notice.dropped_lots = dropped_lots;
  self.view().hear(notice);
}

void bind_market_data(py::class_<PyLiveView>& view) {
  view.def("snapshot", &PyLiveView::snapshot, py::kw_only(), py::arg("ts_ns"), py::arg("bids"),
           py::arg("asks"), "A new book: levels of price and lots.")
      .def("feed", &PyLiveView::feed, py::arg("rows"), py::kw_only(), py::arg("obs"),
           "Rows of ts_ns, kind, side, price_ticks, lots, order_id and flags. Returns how many "
           "steps ended, the observations of which go round the rows of obs.")
      .def("feed_table", &PyLiveView::feed_table, py::kw_only(), py::arg("ts_ns"), py::arg("kind"),
           py::arg("side"), py::arg("price_ticks"), py::arg("qty_lots"), py::arg("order_id"),
           py::arg("flags"), py::arg("obs"), "The same for a table.")
      .def("close_until", &PyLiveView::close_until, py::arg("ts_ns"), py::kw_only(), py::arg("obs"),
           "No row up to then is missing: ends the steps that are over.")
      .def("observe", &PyLiveView::observe, py::kw_only(), py::arg("obs"));
}

void bind_agent(py::class_<PyLiveView>& view) {
  view.def(
          "reconcile",
          [](PyLiveView& self, Lots inventory_lots) { self.view().reconcile(inventory_lots); },
          py::arg("inventory_lots"), "He has this position, and no order.")
      .def(
          "on_order",
          [](PyLiveView& self, int side, std::uint64_t order_id, Ticks price_ticks, Lots lots,
             Lots ahead_lots) {
            self.view().on_order(side_of(side), order_id, price_ticks, lots, ahead_lots);
          },
          py::kw_only(), py::arg("side"), py::arg("order_id"), py::arg("price_ticks"),
          py::arg("lots"), py::arg("ahead_lots"), "His order as it is in the public rows.")
      .def("hear", &hear, py::kw_only(), py::arg("side"), py::arg("order"), py::arg("filled_lots"),
           py::arg("dropped_lots"), "What became of an order of the desk's.")
      .def("decide", &PyLiveView::decide, py::arg("action"),
           "The fewest messages that bring his orders to what the action asks for: what to do, "
           "side, order, price, lots, and lots believed to be open.")
      .def("withdraw", &PyLiveView::withdraw, "The messages that take his orders off.")
      .def(
          "take_back", [](PyLiveView& self, int side) { self.view().take_back(side_of(side)); },
          py::arg("side"), "The last message of that side was not sent.");
}

}  // namespace

void bind_live(py::module_& m) {
  py::class_<PyLiveView> view(m, "LiveView",
                              "A book and a step clock that follow market data, the agent's "
                              "orders in it, and the observations that training would make.");
  view.def(py::init<const PyEnvParams&>(), py::arg("params"));
  bind_market_data(view);
  bind_agent(view);
  view.def(
          "levels",
          [](const PyLiveView& self, int side, std::size_t most) {
            return self.levels(side_of(side), most);
          },
          py::arg("side"), py::arg("most"), "Price, lots and own lots of each, the best first.")
      .def(
          "quote",
          [](const PyLiveView& self, int side) {
            const Desk& desk = self.view().desk();
            const Side one = side_of(side);
            return std::pair(desk.price_ticks(one), desk.open_lots(one));
          },
          py::arg("side"), "Price and lots of the order that the desk believes in.")
      .def_property_readonly("started", [](const PyLiveView& s) { return s.view().started(); })
      .def_property_readonly("has_both", [](const PyLiveView& s) { return s.view().has_both(); })
      .def_property_readonly("mid_ticks_x2",
                             [](const PyLiveView& s) { return s.view().mid_ticks_x2(); })
      .def_property_readonly("inventory_lots",
                             [](const PyLiveView& s) { return s.view().desk().inventory_lots(); })
      .def_property_readonly("steps_done",
                             [](const PyLiveView& s) { return s.view().steps_done(); })
      .def_property_readonly("step_end_ns",
                             [](const PyLiveView& s) { return s.view().step_end_ns(); });
}

}  // namespace rlmm
