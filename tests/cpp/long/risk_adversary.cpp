// risk_adversary [--actions N] [--seed S] [--start SLICE]: random actions and reports against the
// risk gate. Prints one JSON line; exit code 1 if a limit was not held. A slice has 100000 actions.
#include "../risk_adversary.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>

int main(int argc, char** argv) {
  try {
    std::map<std::string, std::uint64_t> values{
        {"--actions", 1'000'000}, {"--seed", 1}, {"--start", 0}};
    for (int i = 1; i < argc; i += 2) {
      const auto value = values.find(argv[i]);
      if (value == values.end() || i + 1 == argc) {
        throw std::invalid_argument("expected --actions N, --seed S and --start SLICE only, got '" +
                                    std::string(argv[i]) + "'");
      }
      value->second = std::stoull(argv[i + 1]);
    }
    const auto begin = std::chrono::steady_clock::now();
    rlmm::RiskTally tally;
    int breaches = 0;
    for (std::uint64_t slice = values["--start"]; tally.actions < values["--actions"]; ++slice) {
      const std::uint64_t count =
          std::min(rlmm::kRiskSliceActions, values["--actions"] - tally.actions);
      try {
        rlmm::run_risk_slice(values["--seed"], slice, count, tally);
      } catch (const std::logic_error& error) {
        std::cerr << error.what() << "\n";
        ++breaches;
        break;
      }
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    std::cout << "{\"seed\": " << values["--seed"] << ", \"start\": " << values["--start"]
              << ", \"actions\": " << tally.actions << ", \"passed\": " << tally.passed
              << ", \"fills\": " << tally.fills << ", \"while_halted\": " << tally.halts
              << ", \"breaches\": " << breaches << ", \"seconds\": " << taken.count() << "}\n";
    return breaches == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const std::exception& error) {
    std::cerr << "risk_adversary: " << error.what() << "\n";
    return 2;
  }
}
