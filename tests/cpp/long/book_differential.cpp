// book_differential [--operations N] [--seed S] [--start CHECKPOINT]: the order book against its
// oracle. Prints one JSON line; exit code 1 if they differ.
//
// A checkpoint is a number of operations after which a slice begins, a multiple of 10 million: a
// run of 1000 million can be cut into `--operations 50000000 --start 0`, `--start 50000000`, ...
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>

#include "../book_operations.h"

namespace {

struct Arguments {
  std::uint64_t operations = 1'000'000;
  std::uint64_t seed = 1;
  std::uint64_t start = 0;
};

std::uint64_t number_of(const std::string& text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos) {
    throw std::invalid_argument("expected a whole number, got '" + text + "'");
  }
  return std::stoull(text);
}

Arguments arguments_of(int argc, char** argv) {
  Arguments arguments;
  const std::map<std::string, std::uint64_t*> fields{{"--operations", &arguments.operations},
                                                     {"--seed", &arguments.seed},
                                                     {"--start", &arguments.start}};
  for (int i = 1; i < argc; i += 2) {
    const auto field = fields.find(argv[i]);
    if (field == fields.end() || i + 1 == argc) {
      throw std::invalid_argument(
          "expected --operations N, --seed S and --start CHECKPOINT only, got '" +
          std::string(argv[i]) + "'");
    }
    *field->second = number_of(argv[i + 1]);
  }
  if (arguments.operations == 0 || arguments.start % rlmm::kSliceOperations != 0) {
    throw std::invalid_argument(
        "expected at least one operation, and a start that is a multiple of " +
        std::to_string(rlmm::kSliceOperations));
  }
  return arguments;
}

// The number of operations compared until the end or the first difference.
std::uint64_t run(const Arguments& arguments, int& differences) {
  std::uint64_t done = 0;
  while (done < arguments.operations) {
    const std::uint64_t count = std::min(rlmm::kSliceOperations, arguments.operations - done);
    try {
      rlmm::run_slice(arguments.seed, (arguments.start + done) / rlmm::kSliceOperations, count);
    } catch (const rlmm::Difference& difference) {
      std::cerr << difference.what() << "\n";
      ++differences;
      return done;
    }
    done += count;
  }
  return done;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Arguments arguments = arguments_of(argc, argv);
    const auto begin = std::chrono::steady_clock::now();
    int differences = 0;
    const std::uint64_t done = run(arguments, differences);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    std::cout << "{\"seed\": " << arguments.seed << ", \"start\": " << arguments.start
              << ", \"operations\": " << done << ", \"differences\": " << differences
              << ", \"seconds\": " << taken.count() << "}\n";
    return differences == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const std::exception& error) {
    std::cerr << "book_differential: " << error.what() << "\n";
    return 2;
  }
}
