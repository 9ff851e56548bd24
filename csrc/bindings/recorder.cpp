// A book market's events as arrays.
#include "market/recorder.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bindings/arguments.h"
#include "bindings/event_arrays.h"
#include "bindings/parameters.h"
#include "bindings/parts.h"
#include "market/opening.h"

namespace rlmm {
namespace {

constexpr std::int64_t kLevelsMost = 200;
constexpr std::int64_t kTimeMost = std::int64_t{1} << 53;

template <class T, class Member>
py::array_t<T> column(const std::vector<BookEvent>& events, Member member) {
  py::array_t<T> values(static_cast<py::ssize_t>(events.size()));
  T* out = values.mutable_data();
  for (const BookEvent& event : events) *out++ = static_cast<T>(event.*member);
  return values;
}

}  // namespace

py::dict event_arrays(const EventLog& log) {
  const std::vector<BookEvent>& events = log.events();
  py::dict arrays;
  arrays["ts_ns"] = column<std::int64_t>(events, &BookEvent::ts_ns);
  arrays["kind"] = column<std::uint8_t>(events, &BookEvent::kind);
  arrays["side"] = column<std::int8_t>(events, &BookEvent::side);
  arrays["price_ticks"] = column<std::int64_t>(events, &BookEvent::price_ticks);
  arrays["qty_lots"] = column<std::int64_t>(events, &BookEvent::lots);
  arrays["order_id"] = column<std::uint64_t>(events, &BookEvent::order_id);
  arrays["flags"] = column<std::uint8_t>(events, &BookEvent::flags);
  const auto rows = static_cast<py::ssize_t>(events.size());
  const auto width = static_cast<py::ssize_t>(4 * log.levels());
  arrays["depth"] = py::array_t<std::int64_t>({rows, width}, log.depth().data());
  return arrays;
}

std::size_t levels_from(const Integer& levels) {
  const std::int64_t shown = levels.value("levels");
  if (shown < 0 || shown > kLevelsMost) {
    throw py::value_error("levels: expected from 0 to 200, got " + std::to_string(shown));
  }
  return static_cast<std::size_t>(shown);
}

namespace {

void require_book(const PyEnvParams& params) {
  params.validate();
  if (params.is_book()) return;
  const char* kind = params.is_replay() ? "replay" : "analytic";
  throw py::value_error(std::string("market.kind: expected book, got ") + kind +
                        "; it has no events of its own to record");
}

class PyRecorder {
 public:
  PyRecorder(const PyEnvParams& params, const Array<std::uint64_t>& seed, const Integer& episode,
             const Integer& levels) {
    require_book(params);
    const std::vector<SeedKey> keys = keys_from_python(seed);
    if (keys.size() != 1) {
      throw py::value_error("seed: expected one row, got " + std::to_string(keys.size()));
    }
    const std::int64_t number = episode.value("episode");
    if (number < 0) {
      throw py::value_error("episode: expected 0 or above, got " + std::to_string(number));
    }
    const std::size_t shown = levels_from(levels);
    const py::gil_scoped_release unlocked;
    recorder_ = std::make_unique<Recorder>(params.book(), keys[0],
                                           static_cast<std::uint64_t>(number), shown);
  }

  py::dict run(const Integer& until_ns) {
    const std::int64_t until = checked(until_ns);
    EventLog log;
    {
      const py::gil_scoped_release unlocked;
      recorder_->run(until, log);
    }
    until_ns_ = until;
    return event_arrays(log);
  }

  std::int64_t count(const Integer& until_ns) {
    const std::int64_t until = checked(until_ns);
    const py::gil_scoped_release unlocked;
    const std::int64_t events = recorder_->count(until);
    until_ns_ = until;
    return events;
  }

 private:
  std::int64_t checked(const Integer& until_ns) const {
    const std::int64_t until = until_ns.value("until_ns");
    if (until < until_ns_ || until > kTimeMost) {
      throw py::value_error("until_ns: expected from " + std::to_string(until_ns_) +
                            " (where the last call ended) to 2^53, got " + std::to_string(until));
    }
    return until;
  }

  std::unique_ptr<Recorder> recorder_;
  std::int64_t until_ns_ = 0;
};

// The windows' openings as arrays: one row per window, and one per order.
class Openings {
 public:
  Openings(const py::dict& arrays, std::size_t windows, ArrayGate& gate)
      : windows_(windows), gate_(&gate), arrays_(&arrays) {
    const auto n = static_cast<py::ssize_t>(windows);
    first_order_ = take<std::int64_t>("first_order", {n + 1});
    season_ns_ = take<std::int64_t>("season_ns", {n});
    regime_ = take<std::int64_t>("regime", {n});
    gap_ticks_ = take<double>("gap_ticks", {n});
    past_ = take<float>("past", {n, static_cast<py::ssize_t>(EventFlow::kDecaysMost), kGroups});
    const auto orders = static_cast<py::ssize_t>(checked_orders());
    side_ = take<std::int8_t>("side", {orders});
    price_ticks_ = take<std::int64_t>("price_ticks", {orders});
    lots_ = take<std::int64_t>("qty_lots", {orders});
    flickering_ = take<std::uint8_t>("flickering", {orders});
  }

  Opening at(std::size_t window) const {
    Opening opening;
    const auto end = static_cast<std::size_t>(first_order_[window + 1]);
    for (auto i = static_cast<std::size_t>(first_order_[window]); i < end; ++i) {
      opening.orders.push_back(
          {price_ticks_[i], lots_[i], side_[i] > 0 ? Side::kBid : Side::kAsk,
           flickering_[i] != 0 ? OrderClass::kFlickering : OrderClass::kPatient});
    }
    const float* past = past_ + window * EventFlow::kDecaysMost * kGroups;
    for (auto& decay : opening.past) {
      for (float& events : decay) events = *past++;
    }
    opening.season_ns = season_ns_[window];
    if (regime_[window] >= 0) opening.regime = static_cast<std::size_t>(regime_[window]);
    opening.gap_ticks = gap_ticks_[window];
    return opening;
  }

 private:
  template <class T>
  const T* take(const char* name, const Shape& shape) {
    if (!arrays_->contains(name)) {
      throw py::value_error(std::string("openings: expected an array '") + name + "', got none");
    }
    const py::object array = (*arrays_)[name];
    return gate_->take<T>(array, std::string("openings['") + name + "']", shape, Access::kRead);
  }

  std::int64_t checked_orders() const {
    for (std::size_t i = 0; i < windows_; ++i) {
      if (first_order_[0] == 0 && first_order_[i] <= first_order_[i + 1]) continue;
      throw py::value_error("openings['first_order']: expected values that rise from 0, got " +
                            std::to_string(first_order_[i]) + " before " +
                            std::to_string(first_order_[i + 1]));
    }
    return first_order_[windows_];
  }

  std::size_t windows_;
  ArrayGate* gate_;
  const py::dict* arrays_;
  const std::int64_t* first_order_ = nullptr;
  const std::int64_t* season_ns_ = nullptr;
  const std::int64_t* regime_ = nullptr;
  const double* gap_ticks_ = nullptr;
  const float* past_ = nullptr;
  const std::int8_t* side_ = nullptr;
  const std::int64_t* price_ticks_ = nullptr;
  const std::int64_t* lots_ = nullptr;
  const std::uint8_t* flickering_ = nullptr;
};

py::dict record_windows(const PyEnvParams& params, const Array<std::uint64_t>& seeds,
                        const py::dict& openings, const Integer& messages, const Integer& until_ns,
                        const Integer& levels) {
  require_book(params);
  const std::vector<SeedKey> keys = keys_from_python(seeds);
  ArrayGate gate;
  const Openings starts(openings, keys.size(), gate);
  const std::int64_t most = messages.value("messages");
  const std::int64_t until = until_ns.value("until_ns");
  if (most < 1) {
    throw py::value_error("messages: expected 1 or above, got " + std::to_string(most));
  }
  if (until < 0 || until > kTimeMost) {
    throw py::value_error("until_ns: expected from 0 to 2^53, got " + std::to_string(until));
  }
  const std::size_t shown = levels_from(levels);
  EventLog log;
  std::vector<std::int64_t> first_row{0};
  {
    const py::gil_scoped_release unlocked;
    WindowRecorder recorder(params.book(), shown);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      try {
        recorder.run(keys[i], starts.at(i), {static_cast<std::size_t>(most), until}, log);
      } catch (const std::exception& error) {
        throw std::invalid_argument("openings[" + std::to_string(i) + "]: " + error.what());
      }
      first_row.push_back(static_cast<std::int64_t>(log.events().size()));
    }
  }
  py::dict arrays = event_arrays(log);
  arrays["first_row"] =
      py::array_t<std::int64_t>(static_cast<py::ssize_t>(first_row.size()), first_row.data());
  return arrays;
}

}  // namespace

void bind_recorder(py::module_& m) {
  py::class_<PyRecorder>(m, "Recorder",
                         "A book market without an agent, written down event by event.")
      .def(py::init<const PyEnvParams&, const Array<std::uint64_t>&, const Integer&,
                    const Integer&>(),
           py::arg("params"), py::arg("seed"), py::arg("episode") = py::int_(0),
           py::arg("levels") = py::int_(0))
      .def("run", &PyRecorder::run, py::arg("until_ns"),
           "The events up to this time as arrays by name; the first call begins with a snapshot.")
      .def("count", &PyRecorder::count, py::arg("until_ns"),
           "Goes on to this time and returns how many events there were, writing none down.");
  m.def("record_windows", &record_windows, py::arg("params"), py::arg("seeds"), py::arg("openings"),
        py::arg("messages"), py::arg("until_ns"), py::arg("levels"),
        "Short recordings, each from an opening: arrays by name; window i begins at first_row[i].");
}

}  // namespace rlmm
