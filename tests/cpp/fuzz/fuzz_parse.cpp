// Bytes as files of every vendor, strict or lenient, in pieces of any size (parse_any.h).
//
// Which reader, the input says: of all, or of those in `--only=NAME,NAME`.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "../parse_any.h"
#include "fuzz_bytes.h"

namespace {

using rlmm::parse::kParserNames;
using rlmm::parse::Parser;

std::vector<Parser>& parsers() {
  static std::vector<Parser> chosen;
  return chosen;
}

bool choose(std::string_view name) {
  for (std::size_t i = 0; i < kParserNames.size(); ++i) {
    if (!name.empty() && name != kParserNames[i]) continue;
    parsers().push_back(static_cast<Parser>(i));
    if (!name.empty()) return true;
  }
  return name.empty();
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerInitialize(const int* argc, char*** argv) {
  constexpr std::string_view kOption = "--only=";
  std::string_view names;
  for (int i = 1; i < *argc; ++i) {
    const std::string_view argument = (*argv)[i];
    if (argument.starts_with(kOption)) names = argument.substr(kOption.size());
  }
  for (std::size_t at = 0; at <= names.size();) {
    const std::size_t comma = std::min(names.find(',', at), names.size());
    if (!choose(names.substr(at, comma - at))) {
      std::cerr << "--only=: expected names of parse_any.h, got " << names << "\n";
      std::exit(1);
    }
    at = comma + 1;
  }
  return 0;
}

// The first byte names the reader and the mode, the second the size of the pieces, the next two how
// much belongs to the first input.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rlmm::FuzzBytes bytes(data, size);
  const std::uint8_t choice = bytes.byte();
  const std::size_t piece = bytes.byte() + std::size_t{1};
  const auto split = bytes.take<std::uint16_t>();
  const std::string text(reinterpret_cast<const char*>(data) + std::min<std::size_t>(size, 4),
                         size - std::min<std::size_t>(size, 4));
  const std::size_t first = std::min<std::size_t>(split, text.size());
  const Parser parser = parsers()[choice % parsers().size()];
  const auto source = rlmm::parse::source_of(parser, choice >= 128);
  try {
    rlmm::parse::read_checked(*source, {text.substr(0, first), text.substr(first)}, piece);
  } catch (const rlmm::parse::ParseError&) {
    return 0;
  }
  return 0;
}
