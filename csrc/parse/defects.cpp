#include "parse/defects.h"

namespace rlmm::parse {
namespace {

constexpr std::size_t kShownMost = 60;

constexpr std::array<ReasonInfo, kReasons> kInfo = {{
    {"absent_level", Severity::kNote, "normal where a snapshot is cut off; nothing to do"},
    {"no_counter", Severity::kNote, "older files lack it; gaps cannot be seen in them"},
    {"counter_leaps", Severity::kNote,
     "the counter does not count messages; gaps cannot be seen in this file"},
    {"reset", Severity::kNote, "the book starts again from here"},
    {"repeated", Severity::kNote, "a message that came again was left out"},
    {"unseen_lots", Severity::kNote, "the trade took lots that the book had not shown yet"},
    {"hidden_trade", Severity::kNote, "the trade was inside the spread or off the grid"},
    {"unsigned_trade", Severity::kNote, "the side that took is not known; it is written as 0"},
    {"off_exchange", Severity::kNote,
     "the trade was only reported to the tape: no quote was taken, and it fills nobody"},
    {"unknown_order", Severity::kNote,
     "the order came into the book before the recording or reach"},
    {"locked_book", Severity::kNote, "best bid equals best ask; normal on a consolidated tape"},
    {"time_rounded", Severity::kNote, "the time went through a float; it is rounded to 1 ns"},
    {"before_snapshot", Severity::kNote, "older than the snapshot, which holds it already"},
    {"suspicious", Severity::kFilter, "marked by the vendor"},
    {"outside_hours", Severity::kFilter, "not in the hours that were asked for"},
    {"other_symbol", Severity::kFilter, "not the instrument that was asked for"},
    {"other_record", Severity::kFilter, "says nothing about the book"},
    {"bad_number", Severity::kDefect, "mend the line, or leave it out with --lenient"},
    {"bad_time", Severity::kDefect, "mend the line, or leave it out with --lenient"},
    {"bad_side", Severity::kDefect, "mend the line, or leave it out with --lenient"},
    {"bad_type", Severity::kDefect, "mend the line, or leave it out with --lenient"},
    {"bad_json", Severity::kDefect, "mend the line, or leave it out with --lenient"},
    {"field_count", Severity::kDefect, "mend the line, or leave it out with --lenient"},
    {"missing_field", Severity::kDefect, "mend the line, or leave it out with --lenient"},
    {"bad_price", Severity::kDefect, "mend the line, or leave it out with --lenient"},
    {"bad_size", Severity::kDefect, "mend the line, or leave it out with --lenient"},
    {"off_tick", Severity::kDefect,
     "name a finer --tick-size, or leave the row out with --lenient"},
    {"off_lot", Severity::kDefect, "name a finer --lot-size, or leave the row out with --lenient"},
    {"out_of_order", Severity::kDefect,
     "sort the file; --lenient lets the row count from the moment of the row before it"},
    {"gap", Severity::kDefect,
     "messages are missing: get the file again; --lenient goes on and drops levels that cross"},
    {"crossed", Severity::kDefect, "--lenient drops the older levels that cross"},
    {"duplicate", Severity::kDefect, "--lenient leaves the second one out"},
    {"overfill", Severity::kDefect, "--lenient takes off what is there"},
    {"book_differs", Severity::kDefect, "--lenient goes on with the vendor's book"},
    {"truncated_record", Severity::kDefect, "get the file again; --lenient keeps what came before"},
    {"no_snapshot", Severity::kDefect,
     "add the file that holds the snapshot; --lenient starts with what there is"},
    {"not_this_format", Severity::kFatal, "name the format that the file has, or the columns"},
    {"line_too_long", Severity::kFatal, "is it a text file of this format?"},
    {"too_many", Severity::kFatal, "no recording needs so much; is it a file of this format?"},
    {"mixed_symbols", Severity::kFatal, "name one with --symbol"},
    {"rows_differ", Severity::kFatal, "the two files must come from the same day; get them again"},
}};

}  // namespace

const ReasonInfo& info_of(Reason reason) { return kInfo[static_cast<std::size_t>(reason)]; }

std::string shown(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : text.substr(0, kShownMost)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += "\\x";
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 15U];
    }
  }
  if (text.size() > kShownMost) out += "...";
  return out;
}

ParseError::ParseError(const Finding& finding)
    : std::runtime_error(std::string(info_of(finding.reason).name) + ": line " +
                         std::to_string(finding.place.line) + ", " + finding.field + ": expected " +
                         finding.expected + ", got '" + finding.got + "'"),
      finding_(finding) {}

void Defects::report(Reason reason, const Place& place, const char* field, const char* expected,
                     std::string_view got) {
  const Severity severity = info_of(reason).severity;
  const bool stops = severity == Severity::kFatal || (severity == Severity::kDefect && strict_);
  const bool is_first = ++counts_[static_cast<std::size_t>(reason)] == 1;
  if (!is_first && !stops) return;
  firsts_.push_back({reason, place, field, expected, shown(got)});
  if (stops) throw ParseError(firsts_.back());
}

}  // namespace rlmm::parse
