// Lines of text from bytes that come in pieces, file after file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "parse/defects.h"

namespace rlmm::parse {

enum class Got : std::uint8_t { kItem, kNeedsBytes, kEnd };

// Takes off a byte-order mark and the ends of lines (LF or CRLF); the last line needs none. A line
// of more than `kLineMost` bytes is refused, so memory stays bounded whatever the file.
class LineReader {
 public:
  static constexpr std::size_t kLineMost = std::size_t{1} << 24U;

  LineReader(std::size_t input, Defects& defects) : defects_(&defects) { place_.input = input; }

  // More bytes of the file, its last ones or not; only when `next` asked for them.
  void feed(std::string_view bytes, bool last_of_file);
  // There are no more files.
  void end() { ended_ = file_complete_ = true; }

  // The next line that is not empty; it stays valid until the next call.
  Got next(std::string_view& line);

  // Of the last line.
  const Place& place() const { return place_; }
  bool is_first_of_file() const { return is_first_; }

 private:
  std::string_view taken(std::size_t length, std::size_t skipped);

  Defects* defects_;
  std::string buffer_;
  std::size_t at_ = 0;
  Place place_;
  std::int64_t line_ = 0;
  std::int64_t offset_ = 0;  // in the file, of buffer_[at_]
  std::int64_t file_ = 0;
  bool is_first_ = false;
  bool any_line_ = false;
  bool file_complete_ = false;
  bool ended_ = false;
};

}  // namespace rlmm::parse
