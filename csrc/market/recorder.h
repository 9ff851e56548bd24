// A book market without an agent, written down event by event.
#pragma once

#include <cstddef>
#include <cstdint>

#include "market/event_log.h"
#include "market/flow_book.h"
#include "market/opening.h"
#include "market/scenario.h"
#include "params.h"
#include "rng.h"

namespace rlmm {

// A clear, the orders that are there, and the status if trading is halted.
void write_snapshot(const FlowBook& market, EventLog& log);

class Recorder {
 public:
  // Starts episode `episode` of the environment with this key: the market a batch would show there
  // while its agent sends nothing. `levels` of the book are written after every event; 0: none.
  Recorder(BookMarketParams params, SeedKey key, std::uint64_t episode, std::size_t levels);

  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // Appends what happens up to `until_ns`; the first call begins with a clear and the orders that
  // are there, as snapshot events (and the status, if trading is halted then).
  void run(TimeNs until_ns, EventLog& log);

  // Goes on to `until_ns` without writing anything down; returns the number of the flow's events.
  std::int64_t count(TimeNs until_ns);

 private:
  void apply_scenario();

  BookMarketParams params_;
  FlowModel model_;
  Scenario scenario_;
  FlowBook market_;
  std::size_t levels_;
  TimeNs change_ns_ = 0;
  bool begun_ = false;
};

// Short recordings that each go on from a book and a past, one after the other.
class WindowRecorder {
 public:
  // How long a window is: until there are so many messages (rows that are neither of the opening
  // nor of levels that come into reach or leave it), or until this time.
  struct Length {
    std::size_t messages;
    TimeNs until_ns;
  };

  // Throws std::invalid_argument for a market with shocks, which belong to a time of day.
  WindowRecorder(BookMarketParams params, std::size_t levels);

  WindowRecorder(const WindowRecorder&) = delete;
  WindowRecorder& operator=(const WindowRecorder&) = delete;

  // Appends a window from time 0 on; it begins with a clear and the orders that are there. The
  // event that brings the last message is written whole, so there may be more messages.
  void run(SeedKey key, const Opening& opening, const Length& length, EventLog& log);

 private:
  BookMarketParams params_;
  FlowModel model_;
  FlowBook market_;
  std::size_t levels_;
};

}  // namespace rlmm
