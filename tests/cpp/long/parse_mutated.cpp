// parse_mutated [FILES]: each reader on so many mutated recordings (parse_mutated.h), 10 000 if not
// said. Prints one JSON line for each; exit code 1 if one takes longer than a second, or the memory
// of the process is above a bound. What else may go wrong ends the process.
#include "../parse_mutated.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

namespace {

constexpr unsigned kHangSeconds = 60;  // then the process is ended
constexpr double kSlowSeconds = 1;
constexpr std::int64_t kMemoryMostMib = 1024;  // the address sanitizer keeps 256 of freed memory

std::int64_t peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

bool run(rlmm::parse::Parser parser, std::uint64_t files) {
  rlmm::parse::MutatedCount count;
  for (std::uint64_t number = 0; number < files; ++number) {
    alarm(kHangSeconds);
    rlmm::parse::read_mutated(parser, number, count);
  }
  const std::int64_t mib = peak_mib();
  std::cout << R"({"parser": ")" << rlmm::parse::kParserNames[static_cast<std::size_t>(parser)]
            << R"(", "files": )" << count.files << R"(, "refused": )" << count.refused
            << R"(, "slowest_s": )" << count.slowest_s << R"(, "peak_mib": )" << mib << "}\n"
            << std::flush;
  return count.slowest_s <= kSlowSeconds && mib <= kMemoryMostMib;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string text = argc == 2 ? argv[1] : "10000";
  if (argc > 2 || text.size() > 9 || text.find_first_not_of("0123456789") != std::string::npos) {
    std::cerr << "parse_mutated: expected a number of files, or nothing\n";
    return 2;
  }
  try {
    bool good = true;
    for (std::size_t i = 0; i < rlmm::parse::kParserNames.size(); ++i) {
      const auto parser = static_cast<rlmm::parse::Parser>(i);
      good = run(parser, std::strtoull(text.c_str(), nullptr, 10)) && good;
    }
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const std::exception& error) {
    std::cerr << "parse_mutated: " << error.what() << "\n";
    return EXIT_FAILURE;
  }
}
