// Readers of recordings: bytes of several inputs in, rows of the canonical event table out.
#pragma once

#include <cstddef>
#include <string_view>

#include "parse/defects.h"
#include "parse/lines.h"
#include "parse/tape.h"

namespace rlmm::parse {

inline constexpr std::size_t kNothingNeeded = static_cast<std::size_t>(-1);

// What is known of a file before it is read.
struct FileStart {
  TimeNs time_base = 0;    // what its times count from, ns UTC; where they say no date
  bool continues = false;  // it says that it begins where the input's file before it ended
};

// A recording that is being read. The caller feeds the input that `advance` asks for, in pieces of
// any size, and takes rows when there are enough.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  Source(Source&&) = delete;
  Source& operator=(Source&&) = delete;
  virtual ~Source() = default;

  virtual std::size_t inputs() const = 0;
  // Before the first bytes of each file.
  virtual void begin_file(std::size_t input, const FileStart& start) = 0;
  // Bytes of the file that the input is at; then its next file.
  virtual void feed(std::size_t input, std::string_view bytes, bool last_of_file) = 0;
  // The input has no more files.
  virtual void end(std::size_t input) = 0;
  // Reads until it needs bytes, has `rows_enough` rows or comes to the end.
  // Returns: the input that needs bytes, or kNothingNeeded.
  virtual std::size_t advance(std::size_t rows_enough) = 0;
  virtual bool done() const = 0;

  virtual EventTape& tape() = 0;
  virtual Defects& defects() = 0;
};

}  // namespace rlmm::parse
