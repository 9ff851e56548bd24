// The order book by itself, for tests and for whoever wants a book: orders go by a number that is
// never used twice, and everything is checked at this door.
#include "book/order_book.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bindings/arguments.h"
#include "bindings/parts.h"
#include "bindings/zeroed.h"

namespace rlmm {
namespace {

constexpr std::array<const char*, 4> kTimesInForce = {"good_till_cancel", "post_only",
                                                      "immediate_or_cancel", "fill_or_kill"};
constexpr std::array<const char*, 3> kSelfTrades = {"cancel_resting", "cancel_incoming",
                                                    "cancel_both"};

std::int64_t number_between(const Integer& given, const char* name, std::int64_t low,
                            std::int64_t high) {
  const std::int64_t value = given.value(name);
  if (value < low || value > high) {
    throw py::value_error(std::string(name) + ": expected from " + std::to_string(low) + " to " +
                          std::to_string(high) + ", got " + std::to_string(value));
  }
  return value;
}

// As in the canonical table: +1 bid, -1 ask.
Side side_of(const Integer& given, const char* name) {
  const std::int64_t value = given.value(name);
  if (value != 1 && value != -1) {
    throw py::value_error(std::string(name) + ": expected 1 (bid) or -1 (ask), got " +
                          std::to_string(value));
  }
  return value == 1 ? Side::kBid : Side::kAsk;
}

Ticks price_of(const Integer& given, const char* name) {
  return number_between(given, name, -OrderBook::kPriceMax, OrderBook::kPriceMax);
}

Lots lots_of(const Integer& given, Lots most = OrderBook::kOrderLotsMax) {
  return number_between(given, "lots", 1, most);
}

struct BookOrder {
  std::uint64_t order_id;
  std::int64_t side;
  Ticks price_ticks;
  Lots lots;
  std::int64_t owner;
  std::int64_t pool;
};

BookOrder to_python(const Order& order) {
  return {order.arrival, sign(order.side), order.price_ticks, order.lots, order.owner, order.pool};
}

struct BookFill {
  std::uint64_t order_id;  // of the resting order
  std::int64_t side;
  Ticks price_ticks;
  Lots lots;
  Lots left_lots;
  std::int64_t owner;
};

struct BookOutcome {
  std::optional<std::uint64_t> order_id;  // of what rests
  Lots filled_lots;
  Lots dropped_lots;
  bool refused;
  std::vector<BookFill> fills;
};

// Conditions of an order, as Python gives them.
struct Terms {
  TimeInForce time_in_force;
  SelfTrade self_trade;
};

Terms terms_of(const std::string& time_in_force, const std::string& self_trade) {
  return {named<TimeInForce>(kTimesInForce, time_in_force, "time_in_force"),
          named<SelfTrade>(kSelfTrades, self_trade, "self_trade")};
}

auto sink_of(const OrderBook& book, std::vector<BookFill>& fills) {
  return [&book, &fills](const Fill& fill) {
    fills.push_back({book.order(fill.slot).arrival, sign(fill.side), fill.price_ticks, fill.lots,
                     fill.left_lots, fill.owner});
  };
}

class PyOrderBook : public Zeroed {
 public:
  PyOrderBook() : book_(std::make_unique<OrderBook>()) {}

  void clear() {
    get().clear();
    slots_.clear();
  }

  BookOutcome submit(const Integer& side, const Integer& price_ticks, const Integer& lots,
                     const std::string& time_in_force, const std::string& self_trade,
                     const Integer& owner, const Integer& pool) {
    const Terms terms = terms_of(time_in_force, self_trade);
    constexpr std::int64_t kOwnerMost = std::numeric_limits<Owner>::max();
    constexpr auto kPoolMost = static_cast<std::int64_t>(OrderBook::kPools) - 1;
    const Submission order{
        side_of(side, "side"),
        price_of(price_ticks, "price_ticks"),
        lots_of(lots),
        terms.time_in_force,
        terms.self_trade,
        static_cast<Owner>(number_between(owner, "owner", 0, kOwnerMost)),
        static_cast<Pool>(number_between(pool, "pool", 0, kPoolMost)),
    };
    std::vector<BookFill> fills;
    return told(get().submit(order, sink_of(get(), fills)), std::move(fills));
  }

  std::vector<BookFill> execute(const Integer& resting_side, const Integer& lots,
                                const Integer& limit_ticks) {
    constexpr Lots kMost = Lots{1} << 53;
    std::vector<BookFill> fills;
    get().execute(side_of(resting_side, "resting_side"), lots_of(lots, kMost),
                  price_of(limit_ticks, "limit_ticks"), sink_of(get(), fills));
    return fills;
  }

  void cancel(const Integer& order_id) { get().cancel(slot_of(order_id)); }

  void reduce(const Integer& order_id, const Integer& lots) {
    const Slot slot = slot_of(order_id);
    const Lots most = get().order(slot).lots - 1;
    get().reduce(slot, number_between(lots, "lots", 1, most));
  }

  BookOutcome amend(const Integer& order_id, const Integer& price_ticks, const Integer& lots,
                    const std::string& time_in_force, const std::string& self_trade) {
    const Terms terms = terms_of(time_in_force, self_trade);
    const Slot slot = slot_of(order_id);
    const Ticks price = price_of(price_ticks, "price_ticks");
    const Lots size = lots_of(lots);
    std::vector<BookFill> fills;
    const Outcome outcome = get().amend(slot, price, size, terms.time_in_force, terms.self_trade,
                                        sink_of(get(), fills));
    return told(outcome, std::move(fills));
  }

  std::optional<Ticks> best(const Integer& side) const {
    const Side at = side_of(side, "side");
    return get().has(at) ? std::optional(get().best(at)) : std::nullopt;
  }

  std::vector<std::pair<Ticks, Lots>> levels(const Integer& side, const Integer& count) const {
    const Side at = side_of(side, "side");
    const auto most = static_cast<std::size_t>(
        number_between(count, "count", 0, std::numeric_limits<std::int64_t>::max()));
    const Ticks none = at == Side::kBid ? OrderBook::kNoBid : OrderBook::kNoAsk;
    std::vector<std::pair<Ticks, Lots>> found;
    for (Ticks price = get().best(at); price != none && found.size() < most;
         price = get().next_price(at, price)) {
      found.emplace_back(price, get().lots_at(price));
    }
    return found;
  }

  std::vector<BookOrder> queue(const Integer& price_ticks) const {
    const Level level = get().level(price_of(price_ticks, "price_ticks"));
    std::vector<BookOrder> orders;
    for (Slot slot = level.front; slot != kNoSlot; slot = get().order(slot).next) {
      orders.push_back(to_python(get().order(slot)));
    }
    return orders;
  }

  std::optional<BookOrder> order(const Integer& order_id) const {
    const auto found = slots_.find(static_cast<std::uint64_t>(order_id.value("order_id")));
    if (found == slots_.end() || !get().is_live(found->second, found->first)) return std::nullopt;
    return to_python(get().order(found->second));
  }

  void track(const Integer& order_id) { get().track(slot_of(order_id)); }
  Lots queue_ahead(const Integer& order_id) const { return get().queue_ahead(slot_of(order_id)); }
  std::size_t live_orders() const { return get().live_orders(); }
  void check_invariants() const { get().check_invariants(); }

  py::bytes state() const {
    Writer out;
    get().save(out);
    return out.bytes();
  }

  void set_state(const py::bytes& state) {
    const std::string bytes(state);
    Reader in(bytes);
    slots_.clear();
    get().load(in);
    for (std::size_t pool = 0; pool < OrderBook::kPools; ++pool) {
      for (const Side side : kSides) {
        for (const Slot slot : get().pool(side, static_cast<Pool>(pool))) {
          slots_[get().order(slot).arrival] = slot;
        }
      }
    }
    if (in.left() == 0) return;
    clear();
    throw py::value_error("state: expected nothing behind the book, got " +
                          std::to_string(in.left()) + " bytes too many");
  }

 private:
  OrderBook& get() const {
    if (!book_) throw std::logic_error("order book: expected a made one, got one without memory");
    return *book_;
  }

  Slot slot_of(const Integer& order_id) const {
    const std::int64_t number = order_id.value("order_id");
    const auto found = slots_.find(static_cast<std::uint64_t>(number));
    if (found == slots_.end() || !get().is_live(found->second, found->first)) {
      throw py::key_error("order_id: expected one of a live order, got " + std::to_string(number));
    }
    return found->second;
  }

  BookOutcome told(const Outcome& outcome, std::vector<BookFill>&& fills) {
    BookOutcome result{std::nullopt, outcome.filled_lots, outcome.dropped_lots, outcome.refused,
                       std::move(fills)};
    if (outcome.slot == kNoSlot) return result;
    result.order_id = get().order(outcome.slot).arrival;
    slots_[*result.order_id] = outcome.slot;
    // Who was filled or prevented from trading with himself is still listed.
    constexpr std::size_t kWorthIt = 1024;
    if (slots_.size() > 2 * get().live_orders() + kWorthIt) {
      std::erase_if(slots_,
                    [&](const auto& entry) { return !get().is_live(entry.second, entry.first); });
    }
    return result;
  }

  std::unique_ptr<OrderBook> book_;
  std::unordered_map<std::uint64_t, Slot> slots_;
};

void bind_values(py::module_& m) {
  py::class_<BookOrder>(m, "BookOrder", "An order that rests in an OrderBook.")
      .def_readonly("order_id", &BookOrder::order_id)
      .def_readonly("side", &BookOrder::side)
      .def_readonly("price_ticks", &BookOrder::price_ticks)
      .def_readonly("lots", &BookOrder::lots)
      .def_readonly("owner", &BookOrder::owner)
      .def_readonly("pool", &BookOrder::pool);
  py::class_<BookFill>(m, "BookFill", "Lots of a resting order that traded; all but `lots` is its.")
      .def_readonly("order_id", &BookFill::order_id)
      .def_readonly("side", &BookFill::side)
      .def_readonly("price_ticks", &BookFill::price_ticks)
      .def_readonly("lots", &BookFill::lots)
      .def_readonly("left_lots", &BookFill::left_lots)
      .def_readonly("owner", &BookFill::owner);
  py::class_<BookOutcome>(m, "BookOutcome", "What became of an order at once.")
      .def_readonly("order_id", &BookOutcome::order_id, "Of what rests; None if nothing does.")
      .def_readonly("filled_lots", &BookOutcome::filled_lots)
      .def_readonly("dropped_lots", &BookOutcome::dropped_lots, "Neither filled nor resting.")
      .def_readonly("refused", &BookOutcome::refused,
                    "Post-only that would trade, or fill-or-kill that would not fill.")
      .def_readonly("fills", &BookOutcome::fills, "In the order in which they happened.");
}

}  // namespace

void bind_order_book(py::module_& m) {
  bind_values(m);
  py::class_<PyOrderBook>(
      m, "OrderBook",
      "A limit order book with every order in it: price-time priority, integer ticks and lots. "
      "Sides are 1 (bid) and -1 (ask); owner 0 is the crowd, orders of another owner do not trade "
      "with each other. An order goes by a number that is never used twice until `clear`.")
      .def(py::init<>())
      .def("clear", &PyOrderBook::clear, "Forgets every order.")
      .def("submit", &PyOrderBook::submit, py::arg("side"), py::arg("price_ticks"), py::arg("lots"),
           py::kw_only(), py::arg("time_in_force") = "good_till_cancel",
           py::arg("self_trade") = "cancel_resting", py::arg("owner") = py::int_(0),
           py::arg("pool") = py::int_(0),
           "Matches, then rests what is left as time_in_force says: good_till_cancel, post_only, "
           "immediate_or_cancel, fill_or_kill. self_trade, on meeting an order of the same owner: "
           "cancel_resting, cancel_incoming, cancel_both.")
      .def("execute", &PyOrderBook::execute, py::arg("resting_side"), py::arg("lots"),
           py::arg("limit_ticks"),
           "A market order of the crowd, not beyond limit_ticks; returns its fills.")
      .def("cancel", &PyOrderBook::cancel, py::arg("order_id"))
      .def("reduce", &PyOrderBook::reduce, py::arg("order_id"), py::arg("lots"),
           "Takes lots, fewer than it has, off an order that keeps its priority.")
      .def("amend", &PyOrderBook::amend, py::arg("order_id"), py::arg("price_ticks"),
           py::arg("lots"), py::kw_only(), py::arg("time_in_force") = "good_till_cancel",
           py::arg("self_trade") = "cancel_resting",
           "A new price or size. No more lots at the same price keep priority and number; anything "
           "else leaves the queue and is submitted anew.")
      .def("best", &PyOrderBook::best, py::arg("side"), "The best price; None on an empty side.")
      .def("levels", &PyOrderBook::levels, py::arg("side"),
           py::arg("count") = py::int_(std::numeric_limits<std::int64_t>::max()),
           "(price, lots) of the occupied levels, the best first.")
      .def("queue", &PyOrderBook::queue, py::arg("price_ticks"),
           "The orders at a price, the first to trade first.")
      .def("order", &PyOrderBook::order, py::arg("order_id"), "None if it is not live.")
      .def("track", &PyOrderBook::track, py::arg("order_id"),
           "From now on queue_ahead of this order takes constant time.")
      .def("queue_ahead", &PyOrderBook::queue_ahead, py::arg("order_id"),
           "Lots with priority over this order at its price.")
      .def_property_readonly("live_orders", &PyOrderBook::live_orders)
      .def("check_invariants", &PyOrderBook::check_invariants,
           "Walks everything; InvariantError at the first contradiction.")
      .def("state", &PyOrderBook::state, "Everything needed to go on from here, as bytes.")
      .def("set_state", &PyOrderBook::set_state, py::arg("state"));
}

}  // namespace rlmm
