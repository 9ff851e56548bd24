// What happens to a book and to the agent in it, event by event, up to the end of the episode.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "market/event_log.h"
#include "types.h"

namespace rlmm {

enum class AgentEvent : std::uint8_t {
  kDecision,
  kStanding,
  kNew,
  kReplace,
  kCancel,
  kArrived,
  kMaker,
  kTaker,
  kNotice
};

// All numbers of 64 bits: a row's bytes are its value.
struct AgentRow {
  TimeNs ts_ns = 0;
  std::int64_t what = 0;   // an AgentEvent
  std::int64_t side = 0;   // +1 bid, -1 ask, 0 both
  std::int64_t order = 0;  // the desk's number of it
  Ticks price_ticks = 0;
  Lots qty_lots = 0;
  Lots dropped_lots = 0;
  Lots ahead_lots = 0;
  TimeNs delay_ns = 0;
  std::int64_t book_rows = 0;  // rows of the book's log before this

  bool operator==(const AgentRow&) const = default;
};

struct Trace {
  EventLog book;  // empty where the book is a recording's
  std::vector<AgentRow> agent;

  void add(AgentEvent what, AgentRow row) {
    row.what = static_cast<std::int64_t>(what);
    row.book_rows = static_cast<std::int64_t>(book.events().size());
    agent.push_back(row);
  }
};

struct TraceColumnInfo {
  const char* name;
  const char* unit;
  const char* meaning;
  std::int64_t AgentRow::* member;
};

inline constexpr std::array<TraceColumnInfo, 10> kTraceColumns = {{
    {"ts_ns", "ns", "simulated time, since the episode's start", &AgentRow::ts_ns},
    {"what", "", "number of the word in AGENT_EVENTS", &AgentRow::what},
    {"side", "", "1 the bid, -1 the ask, 0 both", &AgentRow::side},
    {"order", "", "the agent's number of the order", &AgentRow::order},
    {"price_ticks", "ticks", "of the order or of the fill", &AgentRow::price_ticks},
    {"qty_lots", "lots", "asked for, standing, filled, or heard of as filled", &AgentRow::qty_lots},
    {"dropped_lots", "lots", "heard of as refused, cut or too late", &AgentRow::dropped_lots},
    {"ahead_lots", "lots", "with priority over what stands", &AgentRow::ahead_lots},
    {"delay_ns", "ns",
     "decision: age of what is seen; message: until it arrives; fill: wait in the queue; notice: "
     "until it is heard",
     &AgentRow::delay_ns},
    {"book_rows", "", "events of the book before this", &AgentRow::book_rows},
}};

// In the order of AgentEvent.
inline constexpr std::array<const char*, 9> kAgentEvents = {
    "decision", "standing", "new", "replace", "cancel", "arrived", "maker", "taker", "notice"};

}  // namespace rlmm
