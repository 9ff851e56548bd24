// A book market's events as arrays.
#include "market/recorder.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "bindings/arguments.h"
#include "bindings/parameters.h"
#include "bindings/parts.h"

namespace rlmm {
namespace {

constexpr std::int64_t kLevelsMost = 200;

template <class T, class Member>
py::array_t<T> column(const std::vector<BookEvent>& events, Member member) {
  py::array_t<T> values(static_cast<py::ssize_t>(events.size()));
  T* out = values.mutable_data();
  for (const BookEvent& event : events) *out++ = static_cast<T>(event.*member);
  return values;
}

py::dict to_arrays(const EventLog& log) {
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

class PyRecorder {
 public:
  PyRecorder(const PyEnvParams& params, const Array<std::uint64_t>& seed, const Integer& episode,
             const Integer& levels) {
    params.validate();
    if (!params.is_book()) {
      const char* kind = params.is_replay() ? "replay" : "analytic";
      throw py::value_error(std::string("market.kind: expected book, got ") + kind +
                            "; it has no events of its own to record");
    }
    const std::vector<SeedKey> keys = keys_from_python(seed);
    if (keys.size() != 1) {
      throw py::value_error("seed: expected one row, got " + std::to_string(keys.size()));
    }
    const std::int64_t number = episode.value("episode");
    if (number < 0) {
      throw py::value_error("episode: expected 0 or above, got " + std::to_string(number));
    }
    const std::int64_t shown = levels.value("levels");
    if (shown < 0 || shown > kLevelsMost) {
      throw py::value_error("levels: expected from 0 to 200, got " + std::to_string(shown));
    }
    const py::gil_scoped_release unlocked;
    recorder_ =
        std::make_unique<Recorder>(params.book(), keys[0], static_cast<std::uint64_t>(number),
                                   static_cast<std::size_t>(shown));
  }

  py::dict run(const Integer& until_ns) {
    const std::int64_t until = checked(until_ns);
    EventLog log;
    {
      const py::gil_scoped_release unlocked;
      recorder_->run(until, log);
    }
    until_ns_ = until;
    return to_arrays(log);
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
    constexpr std::int64_t kMost = std::int64_t{1} << 53;
    const std::int64_t until = until_ns.value("until_ns");
    if (until < until_ns_ || until > kMost) {
      throw py::value_error("until_ns: expected from " + std::to_string(until_ns_) +
                            " (where the last call ended) to 2^53, got " + std::to_string(until));
    }
    return until;
  }

  std::unique_ptr<Recorder> recorder_;
  std::int64_t until_ns_ = 0;
};

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
}

}  // namespace rlmm
