// A market for several accounts: what a paper exchange stands on (rlmm_tf/live/exchange.py).
#include "venue/venue.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/arguments.h"
#include "bindings/parameters.h"
#include "bindings/parts.h"
#include "bindings/tape.h"
#include "bindings/zeroed.h"

namespace rlmm {
namespace {

constexpr std::array<const char*, 4> kKinds = {"limit", "post_only", "ioc", "fok"};
constexpr std::array<const char*, 2> kSideNames = {"bid", "ask"};
constexpr std::int64_t kTimeMost = std::int64_t{1} << 62;
constexpr std::int64_t kNumberMost = std::int64_t{1} << 53;

// refusal ("": none), filled, open and dropped lots.
using Told = std::tuple<std::string, Lots, Lots, Lots>;
// event, ts_ns, order, book_order_id, price_ticks, lots, left_lots, owner, kind, maker
using ToldNote = std::tuple<std::uint64_t, TimeNs, std::uint64_t, std::uint64_t, Ticks, Lots, Lots,
                            int, int, bool>;

std::int64_t between(const Integer& given, const char* name, std::int64_t low, std::int64_t high) {
  const std::int64_t value = given.value(name);
  if (value >= low && value <= high) return value;
  throw py::value_error(std::string(name) + ": expected from " + std::to_string(low) + " to " +
                        std::to_string(high) + ", got " + std::to_string(value));
}

Owner owner_of(const Integer& given) {
  return static_cast<Owner>(between(given, "owner", 1, std::numeric_limits<Owner>::max()));
}
std::uint64_t order_of(const Integer& given) {
  return static_cast<std::uint64_t>(between(given, "order", 1, kNumberMost));
}
Ticks price_of(const Integer& given) {
  return between(given, "price_ticks", 1, OrderBook::kPriceMax);
}
Lots lots_of(const Integer& given) { return between(given, "lots", 1, OrderBook::kOrderLotsMax); }

Told told(const Venue::Result& result) {
  return {kRefusalNames.at(static_cast<std::size_t>(result.refusal)), result.filled_lots,
          result.open_lots, result.dropped_lots};
}

void append(std::string& text, const BookEvent& row) {
  text += '[' + std::to_string(row.ts_ns) + ',' + std::to_string(static_cast<int>(row.kind)) + ',' +
          std::to_string(row.side) + ',' + std::to_string(row.price_ticks) + ',' +
          std::to_string(row.lots) + ',' + std::to_string(row.order_id) + ',' +
          std::to_string(row.flags) + ']';
}

class PyVenue : public Zeroed {
 public:
  PyVenue(const PyEnvParams& params, const Array<std::uint64_t>& seed,
          const std::optional<std::shared_ptr<PyTape>>& tape) {
    params.validate();
    const std::vector<SeedKey> keys = keys_from_python(seed);
    if (keys.size() != 1) {
      throw py::value_error("seed: expected one row, got " + std::to_string(keys.size()));
    }
    const EnvParams whole = with_tape(params, tape);
    const py::gil_scoped_release unlocked;
    venue_ = std::make_unique<Venue>(make_venue_book(whole, keys[0]));
  }

  void advance(const Integer& until_ns) {
    const TimeNs until = between(until_ns, "until_ns", now_ns(), kTimeMost);
    const py::gil_scoped_release unlocked;
    get().advance(until);
  }

  Told submit(const Integer& owner, const Integer& order, const std::string& side,
              const Integer& price_ticks, const Integer& lots, const std::string& kind) {
    static constexpr std::array<TimeInForce, 4> kForces = {
        TimeInForce::kGoodTillCancel, TimeInForce::kPostOnly, TimeInForce::kImmediateOrCancel,
        TimeInForce::kFillOrKill};
    enum class Kind : std::size_t {};
    const auto at = static_cast<std::size_t>(named<Kind>(kKinds, kind, "kind"));
    const Venue::Terms terms{named<Side>(kSideNames, side, "side"), price_of(price_ticks),
                             lots_of(lots), kForces.at(at)};
    return told(get().submit(owner_of(owner), order_of(order), terms));
  }

  Told amend(const Integer& owner, const Integer& order, const Integer& price_ticks,
             const Integer& lots, bool post_only) {
    return told(get().amend(owner_of(owner), order_of(order), price_of(price_ticks), lots_of(lots),
                            post_only));
  }

  Told cancel(const Integer& owner, const Integer& order) {
    return told(get().cancel(owner_of(owner), order_of(order)));
  }

  std::tuple<std::uint64_t, std::size_t, std::string, std::vector<ToldNote>> take() {
    const Venue::Taken taken = get().take();
    std::string rows = "[";
    for (const BookEvent& row : taken.rows) {
      if (rows.size() > 1) rows += ',';
      append(rows, row);
    }
    std::vector<ToldNote> notes;
    notes.reserve(taken.notes.size());
    for (const Note& note : taken.notes) {
      notes.emplace_back(note.event, note.ts_ns, note.order, note.book_order, note.price_ticks,
                         note.lots, note.left_lots, int{note.owner}, static_cast<int>(note.kind),
                         note.maker);
    }
    return {taken.first_event, taken.rows.size(), rows + ']', std::move(notes)};
  }

  std::vector<std::pair<Ticks, Lots>> levels(const std::string& side) const {
    const Side at = named<Side>(kSideNames, side, "side");
    const OrderBook& book = get().market().book();
    const Ticks none = OrderBook::kNone.at(index_of(at));
    std::vector<std::pair<Ticks, Lots>> found;
    for (Ticks price = book.best(at); price != none; price = book.next_price(at, price)) {
      found.emplace_back(price, book.lots_at(price));
    }
    return found;
  }

  TimeNs now_ns() const { return get().market().now_ns(); }
  std::uint64_t events() const { return get().events(); }
  bool halted() const { return get().market().halted(); }
  bool ended() const { return get().market().ended(); }
  std::size_t open_orders() const { return get().open_orders(); }
  void check_invariants() const { get().check_invariants(); }

  py::bytes state() const {
    Writer out;
    get().save(out);
    return out.bytes();
  }

  void set_state(const py::bytes& state) {
    const std::string bytes(state);
    Reader in(bytes);
    get().load(in);
    if (in.left() == 0) return;
    throw py::value_error("state: expected nothing behind the venue, got " +
                          std::to_string(in.left()) + " bytes too many");
  }

 private:
  Venue& get() const {
    if (!venue_) throw std::logic_error("venue: expected a made one, got one without a market");
    return *venue_;
  }

  std::unique_ptr<Venue> venue_;
};

}  // namespace

void bind_venue(py::module_& m) {
  py::class_<PyVenue>(m, "Venue",
                      "A market that several accounts trade in. An order goes by its owner, above "
                      "0, and a number that he has not used before.")
      .def(py::init<const PyEnvParams&, const Array<std::uint64_t>&,
                    const std::optional<std::shared_ptr<PyTape>>&>(),
           py::arg("params"), py::arg("seed"), py::arg("tape") = py::none())
      .def("advance", &PyVenue::advance, py::arg("until_ns"))
      .def("submit", &PyVenue::submit, py::arg("owner"), py::arg("order"), py::arg("side"),
           py::arg("price_ticks"), py::arg("lots"), py::arg("kind"),
           "(refusal or '', filled, open and dropped lots); kinds: limit, post_only, ioc, fok.")
      .def("amend", &PyVenue::amend, py::arg("owner"), py::arg("order"), py::arg("price_ticks"),
           py::arg("lots"), py::arg("post_only"), "`lots` are to be open; as `submit` otherwise.")
      .def("cancel", &PyVenue::cancel, py::arg("owner"), py::arg("order"))
      .def("take", &PyVenue::take,
           "What has happened since the last call: the number of the first row, how many rows, the "
           "rows as JSON, and notes (event, ts_ns, order, book_order_id, price_ticks, lots, "
           "left_lots, owner, kind, maker); kinds: 0 rested (left: lots ahead of it), 1 filled, "
           "2 taken off against trading with oneself.")
      .def("levels", &PyVenue::levels, py::arg("side"), "(price, lots), the best first.")
      .def_property_readonly("now_ns", &PyVenue::now_ns)
      .def_property_readonly("events", &PyVenue::events, "How many rows there have been.")
      .def_property_readonly("halted", &PyVenue::halted)
      .def_property_readonly("ended", &PyVenue::ended, "Of a recording: nothing is to come.")
      .def_property_readonly("open_orders", &PyVenue::open_orders)
      .def("check_invariants", &PyVenue::check_invariants,
           "Walks everything; InvariantError at the first contradiction.")
      .def("state", &PyVenue::state,
           "Everything needed to go on from here, as bytes; nothing may wait to be taken.")
      .def("set_state", &PyVenue::set_state, py::arg("state"));
}

}  // namespace rlmm
