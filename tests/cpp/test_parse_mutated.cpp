// Recordings that are sound, and recordings that something has been done to.
#include "check.h"
#include "parse_mutated.h"

namespace rlmm::parse {

TEST("parse any: sound recordings come in, strict, whatever the pieces") {
  for (std::size_t i = 0; i < kParserNames.size(); ++i) {
    const auto parser = static_cast<Parser>(i);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{37}, std::size_t{100'000}}) {
      const std::unique_ptr<Source> source = source_of(parser, true);
      try {
        CHECK(read_checked(*source, sound_files(parser, 60), piece) >= 40);
      } catch (const ParseError& error) {
        check::fail(__FILE__, __LINE__, std::string(kParserNames[i]) + ": " + error.what());
      }
    }
  }
}

// `make test-parse` reads ten thousand of each.
TEST("parse any: mutated recordings are read or refused, nothing else") {
  for (std::size_t i = 0; i < kParserNames.size(); ++i) {
    MutatedCount count;
    for (std::uint64_t number = 0; number < 300; ++number) {
      read_mutated(static_cast<Parser>(i), number, count);
    }
    CHECK_EQ(count.files, 300);
    CHECK(count.refused > 30);
    CHECK(count.refused < 300);
  }
}

}  // namespace rlmm::parse
