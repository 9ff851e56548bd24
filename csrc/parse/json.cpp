#include "parse/json.h"

#include "parse/decimal.h"

namespace rlmm::parse {

bool JsonCursor::string(std::string_view& text) {
  if (!take('"')) return false;
  const char* const begin = at_;
  for (; at_ != end_ && *at_ != '"'; ++at_) {
    if (static_cast<unsigned char>(*at_) < 0x20) return false;
    if (*at_ != '\\') continue;
    ++at_;
    if (at_ == end_) return false;
  }
  if (at_ == end_) return false;
  text = {begin, static_cast<std::size_t>(at_ - begin)};
  ++at_;
  return true;
}

bool JsonCursor::number(std::string_view& text) {
  skip_blanks();
  const char* const begin = at_;
  const auto digits = [&] {
    const char* const first = at_;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return at_ != first;
  };
  const auto one_of = [&](char a, char b) {
    const bool is = at_ != end_ && (*at_ == a || *at_ == b);
    at_ += is ? 1 : 0;
    return is;
  };
  one_of('-', '-');
  const bool zero = at_ != end_ && *at_ == '0';
  const char* const whole = at_;
  if (!digits() || (zero && at_ - whole > 1)) return false;
  if (one_of('.', '.') && !digits()) return false;
  if (one_of('e', 'E')) {
    one_of('+', '-');
    if (!digits()) return false;
  }
  text = {begin, static_cast<std::size_t>(at_ - begin)};
  return true;
}

bool JsonCursor::word(std::string_view wanted, std::string_view& text) {
  if (!rest().starts_with(wanted)) return false;
  text = wanted;
  at_ += wanted.size();
  return true;
}

bool JsonCursor::list(char close, bool with_keys, int depth) {
  if (depth >= kDepthMost) return false;
  ++at_;  // the bracket
  if (take(close)) return true;
  std::string_view ignored;
  do {
    if (with_keys && !(string(ignored) && take(':'))) return false;
    if (!value(ignored, depth + 1)) return false;
  } while (take(','));
  return take(close);
}

bool JsonCursor::value(std::string_view& text, int depth) {
  skip_blanks();
  if (at_ == end_) return false;
  switch (*at_) {
    case '"':
      return string(text);
    case '{':
      return list('}', true, depth);
    case '[':
      return list(']', false, depth);
    case 't':
      return word("true", text);
    case 'f':
      return word("false", text);
    case 'n':
      return word("null", text);
    default:
      return number(text);
  }
}

}  // namespace rlmm::parse
