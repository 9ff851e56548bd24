// A test harness in one header: TEST registers a function, the CHECK macros count what fails.
//
// A failed check prints where, what and both values, and the test goes on; after a few lines it
// goes on in silence, so that a loop of a million checks stays readable.
#pragma once

#include <cmath>
#include <concepts>
#include <exception>
#include <iostream>
#include <limits>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace check {

struct TestCase {
  const char* name;
  void (*body)();
};

inline std::vector<TestCase>& all_tests() {
  static std::vector<TestCase> tests;
  return tests;
}

struct Registration {
  Registration(const char* name, void (*body)()) { all_tests().push_back({name, body}); }
};

// Failed checks of the test that is running.
inline int& failures() {
  static int count = 0;
  return count;
}

inline void fail(const char* file, int line, const std::string& message) {
  constexpr int kLinesMost = 10;
  if (++failures() <= kLinesMost) std::cerr << file << ":" << line << ": " << message << "\n";
}

template <class T>
std::string text_of(const T& value) {
  std::ostringstream out;
  out.precision(std::numeric_limits<double>::max_digits10);
  if constexpr (std::is_enum_v<T>) {
    out << static_cast<long long>(value);
  } else if constexpr (std::integral<T> && sizeof(T) == 1) {
    out << static_cast<int>(value);
  } else if constexpr (requires { out << value; }) {
    out << value;
  } else if constexpr (requires { value.begin() != value.end(); }) {
    out << "[";
    for (const auto& item : value) out << text_of(item) << " ";
    out << "]";
  } else {
    out << "(no text form)";
  }
  return out.str();
}

// Integers by their values, whatever their signs and widths; everything else by ==.
template <class A, class B>
bool equal(const A& a, const B& b) {
  if constexpr (std::integral<A> && std::integral<B> && !std::is_same_v<A, bool> &&
                !std::is_same_v<B, bool> && !std::is_same_v<A, char> && !std::is_same_v<B, char>) {
    return std::cmp_equal(a, b);
  } else {
    return a == b;
  }
}

template <class A, class B>
void check_equal(const char* file, int line, const char* expression, const A& a, const B& b) {
  if (equal(a, b)) return;
  fail(file, line,
       std::string(expression) + "\n    left:  " + text_of(a) + "\n    right: " + text_of(b));
}

// NaN on any side fails.
inline void check_near(const char* file, int line, const char* expression, double a, double b,
                       double tolerance) {
  if (std::fabs(a - b) <= tolerance) return;
  fail(file, line,
       std::string(expression) + "\n    left:  " + text_of(a) + "\n    right: " + text_of(b) +
           "\n    off by " + text_of(std::fabs(a - b)) + ", tolerance " + text_of(tolerance));
}

template <class Expected, class Body>
void check_throws(const char* file, int line, const char* expression, const std::string& part,
                  const Body& body) {
  try {
    body();
    fail(file, line, std::string(expression) + "\n    did not throw; expected '" + part + "'");
  } catch (const Expected& error) {
    if (std::string(error.what()).find(part) != std::string::npos) return;
    fail(file, line,
         std::string(expression) + "\n    message:  " + error.what() + "\n    expected: " + part);
  } catch (const std::exception& error) {
    fail(file, line, std::string(expression) + "\n    threw another type: " + error.what());
  }
}

}  // namespace check

#define RLMM_TEST_NAMED(name, function, registration)            \
  static void function();                                        \
  static const check::Registration registration(name, function); \
  static void function()
#define RLMM_TEST_AT(name, line) RLMM_TEST_NAMED(name, test_##line, kRegistration##line)
#define RLMM_TEST_EXPANDED(name, line) RLMM_TEST_AT(name, line)

#define TEST(name) RLMM_TEST_EXPANDED(name, __LINE__)

#define CHECK(condition)                                           \
  do {                                                             \
    if (!(condition)) check::fail(__FILE__, __LINE__, #condition); \
  } while (false)

#define CHECK_EQ(a, b) check::check_equal(__FILE__, __LINE__, #a " == " #b, a, b)

#define CHECK_NEAR(a, b, tolerance) \
  check::check_near(__FILE__, __LINE__, #a " near " #b, a, b, tolerance)

#define CHECK_THROWS(expression, type, part)                                        \
  check::check_throws<type>(__FILE__, __LINE__, #expression " throws " #type, part, \
                            [&] { (void)(expression); })
