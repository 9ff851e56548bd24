// rlmm_tests [--times] [part of a name]...: runs the tests whose name contains one of the parts,
// or all of them.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iomanip>
#include <string>
#include <vector>

#include "check.h"

namespace {

bool passes(const check::TestCase& test) {
  check::failures() = 0;
  try {
    test.body();
  } catch (const std::exception& error) {
    ++check::failures();
    std::cerr << "unexpected exception: " << error.what() << "\n";
  }
  if (check::failures() == 0) return true;
  std::cerr << "FAILED " << test.name << " (" << check::failures() << " checks)\n";
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> parts(argv + 1, argv + argc);
  const bool times = std::erase(parts, "--times") > 0;
  int passed = 0;
  int failed = 0;
  for (const check::TestCase& test : check::all_tests()) {
    const std::string name = test.name;
    const auto is_in_name = [&name](const std::string& part) {
      return name.find(part) != std::string::npos;
    };
    if (!parts.empty() && std::ranges::none_of(parts, is_in_name)) continue;
    const auto start = std::chrono::steady_clock::now();
    ++(passes(test) ? passed : failed);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    if (times)
      std::cout << std::fixed << std::setprecision(3) << taken.count() << " " << name << "\n";
  }
  std::cout << passed << " passed, " << failed << " failed\n";
  return failed == 0 && passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
