#include "parse/lines.h"

#include <cstring>

namespace rlmm::parse {

void LineReader::feed(std::string_view bytes, bool last_of_file) {
  if (file_complete_) {  // the bytes are those of the next file
    ++file_;
    line_ = offset_ = 0;
    any_line_ = false;
  }
  buffer_.erase(0, at_);
  at_ = 0;
  buffer_.append(bytes);
  file_complete_ = last_of_file;
}

std::string_view LineReader::taken(std::size_t length, std::size_t skipped) {
  std::string_view line(buffer_.data() + at_, length);
  place_.file = file_;
  place_.line = ++line_;
  place_.offset = offset_;
  at_ += length + skipped;
  offset_ += static_cast<std::int64_t>(length + skipped);
  while (line.ends_with('\r')) line.remove_suffix(1);
  if (line_ == 1 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
  return line;
}

Got LineReader::next(std::string_view& line) {
  for (;;) {
    const std::size_t left = buffer_.size() - at_;
    const char* begin = buffer_.data() + at_;
    const void* newline = left > 0 ? std::memchr(begin, '\n', left) : nullptr;
    const std::size_t length =
        newline != nullptr ? static_cast<std::size_t>(static_cast<const char*>(newline) - begin)
                           : left;
    if (length > kLineMost) {
      place_.file = file_;
      place_.line = line_ + 1;
      place_.offset = offset_;
      defects_->report(Reason::kLineTooLong, place_, "line", "at most 16 MiB",
                       std::string_view(begin, 40));
    }
    if (newline == nullptr && (left == 0 || !file_complete_)) {
      return ended_ ? Got::kEnd : Got::kNeedsBytes;
    }
    line = taken(length, newline != nullptr ? 1 : 0);
    if (line.empty()) continue;
    is_first_ = !any_line_;
    any_line_ = true;
    return Got::kItem;
  }
}

}  // namespace rlmm::parse
