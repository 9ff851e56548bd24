// A line of delimited text as fields.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace rlmm::parse {

inline constexpr std::size_t kFieldsMost = 8192;

// Fields may stand in double quotes, which are taken off. False where a quote does not end or is
// followed by something else than the delimiter, or where there are too many fields.
inline bool split_fields(std::string_view line, char delimiter,
                         std::vector<std::string_view>& fields) {
  fields.clear();
  for (;;) {
    if (fields.size() == kFieldsMost) return false;
    std::size_t end = 0;
    if (line.starts_with('"')) {
      const std::size_t close = line.find('"', 1);
      if (close == std::string_view::npos) return false;
      fields.push_back(line.substr(1, close - 1));
      end = close + 1;
      if (end < line.size() && line[end] != delimiter) return false;
    } else {
      // Fields are short: a call that looks for the end takes longer than looking.
      while (end < line.size() && line[end] != delimiter) ++end;
      fields.push_back(line.substr(0, end));
    }
    if (end == line.size()) return true;
    line.remove_prefix(end + 1);
  }
}

}  // namespace rlmm::parse
