// A strict reader of one JSON text that never builds a tree.
#pragma once

#include <cstddef>
#include <string_view>

namespace rlmm::parse {

// Each step is false once the text is not JSON; `at` then tells where.
class JsonCursor {
 public:
  static constexpr int kDepthMost = 16;

  explicit JsonCursor(std::string_view text)
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

  // Takes the character, after blanks.
  bool take(char wanted) {
    skip_blanks();
    if (at_ == end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }
  bool peek(char wanted) {
    skip_blanks();
    return at_ != end_ && *at_ == wanted;
  }
  // A string, without its quotes and as it is written (escapes stay).
  bool string(std::string_view& text);
  // A number, as it is written.
  bool number(std::string_view& text);
  // A number, or a string that holds one.
  bool number_or_string(std::string_view& text) { return peek('"') ? string(text) : number(text); }
  // Any value; `text` is what a string or a plain value says.
  bool value(std::string_view& text, int depth = 0);

  bool at_end() {
    skip_blanks();
    return at_ == end_;
  }
  // What is not understood.
  std::string_view rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }

 private:
  void skip_blanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t')) ++at_;
  }
  bool word(std::string_view wanted, std::string_view& text);
  bool list(char close, bool with_keys, int depth);

  const char* begin_;
  const char* at_;
  const char* end_;
};

}  // namespace rlmm::parse
