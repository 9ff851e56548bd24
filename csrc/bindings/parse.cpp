// Readers of recordings, and the pass over an event table that knows its book.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/parts.h"
#include "bindings/table_rows.h"
#include "parse/book_pass.h"
#include "parse/databento.h"
#include "parse/delimited.h"
#include "parse/depth_stream.h"
#include "parse/lobster.h"
#include "parse/merge.h"

namespace rlmm {
namespace {

constexpr std::size_t kRowsLeast = std::size_t{1} << 16U;

py::dict as_dict(const parse::Finding& finding, std::int64_t count) {
  const parse::ReasonInfo& info = parse::info_of(finding.reason);
  constexpr std::array<const char*, 4> kSeverities = {"note", "filter", "defect", "fatal"};
  py::dict found;
  found["reason"] = info.name;
  found["severity"] = kSeverities[static_cast<std::size_t>(info.severity)];
  found["count"] = count;
  found["input"] = finding.place.input;
  found["file"] = finding.place.file;
  found["line"] = finding.place.line;
  found["offset"] = finding.place.offset;
  found["field"] = finding.field;
  found["expected"] = finding.expected;
  found["got"] = finding.got;
  found["remedy"] = info.remedy;
  return found;
}

class PyReader {
 public:
  explicit PyReader(std::unique_ptr<parse::Source> source) : source_(std::move(source)) {}

  void begin_file(std::size_t input, TimeNs time_base, bool continues) {
    require_input(input);
    source_->begin_file(input, {time_base, continues});
  }

  void feed(std::size_t input, const py::bytes& bytes, bool last_of_file) {
    require_input(input);
    const std::string_view view(bytes);
    const py::gil_scoped_release unlocked;
    source_->feed(input, view, last_of_file);
  }

  void end(std::size_t input) {
    require_input(input);
    source_->end(input);
  }

  // The input that needs bytes; -1 when rows wait to be taken or there is nothing more.
  std::int64_t advance(std::size_t rows_enough) {
    const py::gil_scoped_release unlocked;
    const std::size_t needs = source_->advance(std::max(rows_enough, kRowsLeast));
    return needs == parse::kNothingNeeded ? -1 : static_cast<std::int64_t>(needs);
  }

  bool done() const { return source_->done(); }
  std::size_t rows() const { return source_->tape().rows(); }

  py::dict take() {
    parse::EventColumns columns;
    {
      const py::gil_scoped_release unlocked;
      columns = source_->tape().take(source_->done());
    }
    py::dict arrays;
    arrays["ts_event"] = as_array(columns.ts_event);
    arrays["ts_recv"] = as_array(columns.ts_recv);
    arrays["seq"] = as_array(columns.seq);
    arrays["kind"] = as_array(columns.kind);
    arrays["side"] = as_array(columns.side);
    arrays["price_ticks"] = as_array(columns.price);
    arrays["qty_lots"] = as_array(columns.size);
    arrays["order_id"] = as_array(columns.order_id);
    arrays["flags"] = as_array(columns.flags);
    return arrays;
  }

  // What was found, one entry per reason, with the place of the first.
  py::list findings() const {
    py::list all;
    const parse::Defects& defects = source_->defects();
    for (const parse::Finding& finding : defects.firsts()) {
      all.append(as_dict(finding, defects.count(finding.reason)));
    }
    return all;
  }

  std::int64_t price_divisor() const { return source_->tape().price_divisor(); }
  std::int64_t size_divisor() const { return source_->tape().size_divisor(); }

 private:
  void require_input(std::size_t input) const {
    if (input >= source_->inputs()) {
      throw py::value_error("input: expected below " + std::to_string(source_->inputs()) +
                            ", got " + std::to_string(input));
    }
  }

  std::unique_ptr<parse::Source> source_;
};

parse::ParseOptions options_of(bool strict, int price_places, int size_places, std::int64_t tick,
                               std::int64_t lot) {
  const auto require = [](const char* name, int places) {
    if (places < 0 || places > parse::kPlacesMost) {
      throw py::value_error(std::string(name) + ": expected from 0 to 18, got " +
                            std::to_string(places));
    }
  };
  require("price_places", price_places);
  require("size_places", size_places);
  if (tick < 0 || lot < 0) throw py::value_error("tick, lot: expected 0 (unknown) or above");
  return {strict, {price_places, size_places, tick, lot}};
}

// --- layouts of delimited text ------------------------------------------------------------------

template <class Enum>
Enum choice(const py::dict& values, const char* key,
            const std::vector<std::pair<const char*, Enum>>& known) {
  const auto name = values[key].cast<std::string>();
  std::string names;
  for (const auto& [candidate, value] : known) {
    if (name == candidate) return value;
    names += (names.empty() ? "" : ", ") + std::string(candidate);
  }
  throw py::value_error(std::string(key) + ": expected one of (" + names + "), got '" + name + "'");
}

parse::Role role_of(const std::string& name) {
  for (std::size_t i = 0; i < parse::kRoles; ++i) {
    const auto role = static_cast<parse::Role>(i);
    if (name == parse::name_of(role)) return role;
  }
  throw py::value_error("columns: expected known roles, got '" + name + "'");
}

parse::Layout layout_of(const py::dict& values) {
  parse::Layout layout;
  layout.kind = choice<parse::TableKind>(values, "kind",
                                         {{"trades", parse::TableKind::kTrades},
                                          {"changes", parse::TableKind::kChanges},
                                          {"levels", parse::TableKind::kLevels}});
  layout.header = choice<parse::Header>(values, "header",
                                        {{"none", parse::Header::kNone},
                                         {"always", parse::Header::kAlways},
                                         {"maybe", parse::Header::kMaybe}});
  const auto delimiter = values["delimiter"].cast<std::string>();
  if (delimiter.size() != 1 || delimiter[0] == '"' || delimiter[0] == '\n') {
    throw py::value_error("delimiter: expected one character, got '" + delimiter + "'");
  }
  layout.delimiter = delimiter[0];
  for (const py::handle item : values["columns"].cast<py::list>()) {
    const auto column = item.cast<py::tuple>();
    layout.columns.push_back({role_of(column[0].cast<std::string>()), column[1].cast<std::string>(),
                              column[2].cast<std::size_t>()});
  }
  layout.time_places = values["time_places"].cast<int>();
  if (layout.time_places < parse::Layout::kGuessUnit || layout.time_places > 9) {
    throw py::value_error("time_places: expected from -2 to 9");
  }
  for (const py::handle item : values["zone"].cast<py::list>()) {
    const auto [from, offset] = item.cast<std::pair<TimeNs, TimeNs>>();
    layout.zone.push_back({from, offset});
  }
  layout.hours_from = values["hours_from"].cast<TimeNs>();
  layout.hours_until = values["hours_until"].cast<TimeNs>();
  layout.night = values["night"].cast<TimeNs>();
  layout.symbol = values["symbol"].cast<std::string>();
  layout.bid_words = values["bid_words"].cast<std::vector<std::string>>();
  layout.ask_words = values["ask_words"].cast<std::vector<std::string>>();
  layout.off_exchange_words = values["off_exchange_words"].cast<std::vector<std::string>>();
  layout.one_sided = values["one_sided"].cast<bool>();
  layout.block_marker = values["block_marker"].cast<std::string>();
  return layout;
}

// --- makers -------------------------------------------------------------------------------------

PyReader lobster_reader(bool strict, int price_places, int size_places, std::int64_t tick,
                        std::int64_t lot, bool with_book) {
  return PyReader(std::make_unique<parse::LobsterSource>(
      options_of(strict, price_places, size_places, tick, lot), with_book));
}

PyReader databento_reader(bool strict, int price_places, int size_places, std::int64_t tick,
                          std::int64_t lot, bool binary, std::uint64_t instrument) {
  return PyReader(std::make_unique<parse::DatabentoSource>(
      options_of(strict, price_places, size_places, tick, lot), binary, instrument));
}

using WorkshopPtr = std::unique_ptr<parse::Workshop>;

std::unique_ptr<parse::Stream> json_stream(std::size_t input, parse::Workshop& workshop,
                                           const std::string& vendor, const std::string& symbol) {
  if (vendor != "bybit" && vendor != "binance") {
    throw py::value_error("vendor: expected bybit or binance, got '" + vendor + "'");
  }
  return std::make_unique<parse::DepthStream>(
      input, workshop,
      vendor == "bybit" ? parse::DepthVendor::kBybit : parse::DepthVendor::kBinance, symbol);
}

PyReader depth_reader(bool strict, int price_places, int size_places, std::int64_t tick,
                      std::int64_t lot, const std::string& vendor, const std::string& symbol,
                      const std::optional<py::dict>& trades) {
  auto workshop = std::make_unique<parse::Workshop>(
      options_of(strict, price_places, size_places, tick, lot), parse::Crossing::kDefect);
  using Merged = parse::MergedSource;
  std::unique_ptr<parse::Stream> first =
      trades.has_value()
          ? std::make_unique<parse::DelimitedStream>(Merged::kTrades, *workshop, layout_of(*trades))
          : json_stream(Merged::kTrades, *workshop, vendor, symbol);
  auto second = json_stream(Merged::kBook, *workshop, vendor, symbol);
  return PyReader(
      std::make_unique<Merged>(std::move(workshop), std::move(first), std::move(second)));
}

PyReader delimited_reader(bool strict, int price_places, int size_places, std::int64_t tick,
                          std::int64_t lot, const py::dict& trades, const py::dict& book,
                          bool consolidated) {
  auto workshop = std::make_unique<parse::Workshop>(
      options_of(strict, price_places, size_places, tick, lot),
      consolidated ? parse::Crossing::kNormal : parse::Crossing::kDefect);
  using Merged = parse::MergedSource;
  auto first =
      std::make_unique<parse::DelimitedStream>(Merged::kTrades, *workshop, layout_of(trades));
  auto second = std::make_unique<parse::DelimitedStream>(Merged::kBook, *workshop, layout_of(book));
  return PyReader(
      std::make_unique<Merged>(std::move(workshop), std::move(first), std::move(second)));
}

// --- pass over an event table -------------------------------------------------------------------

class PyBookPass {
 public:
  explicit PyBookPass(std::size_t levels) : levels_(levels) {
    constexpr std::size_t kLevelsMost = 200;
    if (levels < 1 || levels > kLevelsMost) {
      throw py::value_error("levels: expected from 1 to 200, got " + std::to_string(levels));
    }
  }

  py::array_t<std::int64_t> run(const Array<std::uint8_t>& kind, const Array<std::int8_t>& side,
                                const Array<std::int64_t>& price_ticks,
                                const Array<std::int64_t>& qty_lots,
                                const Array<std::uint64_t>& order_id,
                                const Array<std::uint8_t>& flags) {
    const auto rows = static_cast<py::ssize_t>(py::len(kind));
    ArrayGate gate;
    const TableRows row = take_rows(gate, rows, kind, side, price_ticks, qty_lots, order_id, flags);
    const auto width = static_cast<py::ssize_t>(4 * levels_);
    py::array_t<std::int64_t> depth({rows, width});
    std::int64_t* out = depth.mutable_data();
    const py::gil_scoped_release unlocked;
    for (py::ssize_t i = 0; i < rows; ++i) {
      pass_.apply({static_cast<EventKind>(row.kind[i]), row.side[i], row.price_ticks[i],
                   row.lots[i], row.order_id[i], row.flags[i]});
      write_depth(out);
      out += width;
    }
    return depth;
  }

  const parse::BookPass& pass() const { return pass_; }

 private:
  void write_depth(std::int64_t* out) const {
    const auto& bids = pass_.bids().levels();
    const auto& asks = pass_.asks().levels();
    for (std::size_t n = 0; n < levels_; ++n, out += 4) {
      const parse::Level ask = n < asks.size() ? asks[asks.size() - 1 - n] : parse::Level{};
      const parse::Level bid = n < bids.size() ? bids[bids.size() - 1 - n] : parse::Level{};
      out[0] = ask.price;
      out[1] = ask.size;
      out[2] = bid.price;
      out[3] = bid.size;
    }
  }

  std::size_t levels_;
  parse::BookPass pass_;
};

}  // namespace

void bind_parse(py::module_& m) {
  py::register_exception<parse::ParseError>(m, "ParseError", PyExc_ValueError);
  py::class_<PyReader>(m, "Reader", "A recording that is being read; fed piece by piece.")
      .def("begin_file", &PyReader::begin_file, py::arg("input"), py::arg("time_base"),
           py::arg("continues"))
      .def("feed", &PyReader::feed, py::arg("input"), py::arg("bytes"), py::arg("last_of_file"))
      .def("end", &PyReader::end, py::arg("input"))
      .def("advance", &PyReader::advance, py::arg("rows_enough"))
      .def("take", &PyReader::take)
      .def("findings", &PyReader::findings)
      .def_property_readonly("done", &PyReader::done)
      .def_property_readonly("rows", &PyReader::rows)
      .def_property_readonly("price_divisor", &PyReader::price_divisor)
      .def_property_readonly("size_divisor", &PyReader::size_divisor);
  m.def("lobster_reader", &lobster_reader, py::arg("strict"), py::arg("price_places"),
        py::arg("size_places"), py::arg("tick"), py::arg("lot"), py::arg("with_book"));
  m.def("databento_reader", &databento_reader, py::arg("strict"), py::arg("price_places"),
        py::arg("size_places"), py::arg("tick"), py::arg("lot"), py::arg("binary"),
        py::arg("instrument"));
  m.def("depth_reader", &depth_reader, py::arg("strict"), py::arg("price_places"),
        py::arg("size_places"), py::arg("tick"), py::arg("lot"), py::arg("vendor"),
        py::arg("symbol"), py::arg("trades"));
  m.def("delimited_reader", &delimited_reader, py::arg("strict"), py::arg("price_places"),
        py::arg("size_places"), py::arg("tick"), py::arg("lot"), py::arg("trades"), py::arg("book"),
        py::arg("consolidated"));
  py::class_<PyBookPass>(m, "BookPass", "The book that an event table describes, row by row.")
      .def(py::init<std::size_t>(), py::arg("levels"))
      .def("run", &PyBookPass::run, py::arg("kind"), py::arg("side"), py::arg("price_ticks"),
           py::arg("qty_lots"), py::arg("order_id"), py::arg("flags"),
           "The book after each row: ask price, ask lots, bid price, bid lots, level by level.")
      .def_property_readonly("missing_lots",
                             [](const PyBookPass& p) { return p.pass().missing_lots(); })
      .def_property_readonly("missing_rows",
                             [](const PyBookPass& p) { return p.pass().missing_rows(); })
      .def_property_readonly("first_missing_row",
                             [](const PyBookPass& p) { return p.pass().first_missing_row(); });
}

}  // namespace rlmm
