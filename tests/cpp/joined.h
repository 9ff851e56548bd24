// Text in one piece.
#pragma once

#include <string>
#include <string_view>

template <class... Parts>
std::string joined(const Parts&... parts) {
  std::string text;
  (text.append(std::string_view(parts)), ...);
  return text;
}
