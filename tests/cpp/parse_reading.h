// Recordings given as text, read in pieces of any size, and what comes out as lines of text.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "check.h"
#include "parse/source.h"

namespace rlmm::parse {

struct TestFile {
  std::string bytes;
  TimeNs time_base = 0;
  bool continues = false;
};
using TestInputs = std::vector<std::vector<TestFile>>;

// "add +1 100x5 #7 REMAINS @12" for each row.
inline std::string text_of(const EventColumns& columns, std::size_t row) {
  static constexpr std::array<const char*, 8> kKinds = {"",      "add",      "cancel", "modify",
                                                        "trade", "snapshot", "clear",  "status"};
  static constexpr std::array<const char*, 5> kFlags = {"REMAINS", "REACH", "AGENT", "MORE",
                                                        "HIDDEN"};
  std::ostringstream text;
  text << kKinds[columns.kind[row]] << (columns.side[row] >= 0 ? " +" : " ")
       << static_cast<int>(columns.side[row]) << " " << columns.price[row] << "x"
       << columns.size[row];
  if (columns.order_id[row] != 0) text << " #" << columns.order_id[row];
  for (std::size_t bit = 0; bit < kFlags.size(); ++bit) {
    if ((columns.flags[row] >> bit & 1U) != 0) text << " " << kFlags[bit];
  }
  text << " @" << columns.ts_event[row];
  if (columns.ts_recv[row] != columns.ts_event[row]) text << "/" << columns.ts_recv[row];
  return text.str();
}

// Reads to the end, a piece of `piece` bytes at a time.
inline std::vector<std::string> rows_of(Source& source, const TestInputs& inputs,
                                        std::size_t piece = 1 << 20,
                                        std::size_t rows_enough = 1 << 16) {
  std::vector<std::string> rows;
  std::vector<std::size_t> file(inputs.size(), 0);
  std::vector<std::size_t> at(inputs.size(), 0);
  while (!source.done()) {
    const std::size_t needs = source.advance(rows_enough);
    if (needs == kNothingNeeded) {
      const EventColumns columns = source.tape().take(source.done());
      for (std::size_t i = 0; i < columns.rows(); ++i) rows.push_back(text_of(columns, i));
      continue;
    }
    if (needs >= inputs.size() || file[needs] == inputs[needs].size()) {
      source.end(needs);
      continue;
    }
    const TestFile& from = inputs[needs][file[needs]];
    if (at[needs] == 0) source.begin_file(needs, {from.time_base, from.continues});
    const std::string_view bytes = std::string_view(from.bytes).substr(at[needs], piece);
    at[needs] += bytes.size();
    const bool last = at[needs] == from.bytes.size();
    source.feed(needs, bytes, last);
    if (last) {
      at[needs] = 0;
      ++file[needs];
    }
  }
  return rows;
}

// Strict, the reading stops for this reason; lenient, it goes on and counts it, or stops too.
template <class Make>
void check_refused(const Make& make, const TestInputs& inputs, const char* reason) {
  const auto strict = make(true);
  CHECK_THROWS(rows_of(*strict, inputs), ParseError, reason);
  const auto lenient = make(false);
  try {
    (void)rows_of(*lenient, inputs);
  } catch (const ParseError& error) {
    CHECK_EQ(info_of(error.finding().reason).severity, Severity::kFatal);
  }
  bool counted = false;
  for (const Finding& finding : lenient->defects().firsts()) {
    counted = counted || std::string_view(info_of(finding.reason).name) == reason;
  }
  CHECK(counted);
}

inline std::int64_t count_of(Source& source, Reason reason) {
  return source.defects().count(reason);
}

}  // namespace rlmm::parse
