// What can be wrong with a recording: counted by reason, the first of each kept with its place.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "types.h"

namespace rlmm::parse {

enum class Severity : std::uint8_t {
  kNote,    // normal; worth counting
  kFilter,  // a row that was asked to be left out
  kDefect,  // strict: stops; lenient: the row is left out or mended, and counted
  kFatal    // always stops
};

enum class Reason : std::uint8_t {
  // notes
  kAbsentLevel,
  kNoCounter,
  kCounterLeaps,
  kReset,
  kRepeated,
  kUnseenLots,
  kHiddenTrade,
  kUnsignedTrade,
  kOffExchange,
  kUnknownOrder,
  kLockedBook,
  kTimeRounded,
  kBeforeSnapshot,
  // filters
  kSuspicious,
  kOutsideHours,
  kOtherSymbol,
  kOtherRecord,
  // defects
  kBadNumber,
  kBadTime,
  kBadSide,
  kBadType,
  kBadJson,
  kFieldCount,
  kMissingField,
  kBadPrice,
  kBadSize,
  kOffTick,
  kOffLot,
  kOutOfOrder,
  kGap,
  kCrossed,
  kDuplicate,
  kOverfill,
  kBookDiffers,
  kTruncatedRecord,
  kNoSnapshot,
  // fatal
  kNotThisFormat,
  kLineTooLong,
  kTooMany,
  kMixedSymbols,
  kRowsDiffer,
  kCount
};

inline constexpr std::size_t kReasons = static_cast<std::size_t>(Reason::kCount);

struct ReasonInfo {
  const char* name;
  Severity severity;
  const char* remedy;
};

const ReasonInfo& info_of(Reason reason);

struct Place {
  std::size_t input = 0;    // which of the parser's inputs
  std::int64_t file = 0;    // which of the input's files, from 0
  std::int64_t line = 0;    // from 1; of a binary file: the record
  std::int64_t offset = 0;  // of the line's first byte, in the decompressed file
};

struct Finding {
  Reason reason;
  Place place;
  std::string field;
  std::string expected;
  std::string got;  // printable
};

class ParseError : public std::runtime_error {
 public:
  explicit ParseError(const Finding& finding);
  const Finding& finding() const { return finding_; }

 private:
  Finding finding_;
};

// Text from a file, printable and short.
std::string shown(std::string_view text);

class Defects {
 public:
  explicit Defects(bool strict) : strict_(strict) {}

  // Counts; throws ParseError where the reading has to stop.
  void report(Reason reason, const Place& place, const char* field, const char* expected,
              std::string_view got);

  std::int64_t count(Reason reason) const { return counts_[static_cast<std::size_t>(reason)]; }
  const std::vector<Finding>& firsts() const { return firsts_; }  // one per reason that occurred

 private:
  bool strict_;
  std::array<std::int64_t, kReasons> counts_{};
  std::vector<Finding> firsts_;
};

}  // namespace rlmm::parse
