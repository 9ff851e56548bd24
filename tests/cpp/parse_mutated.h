// Sound recordings with a few things done to them, read to the end or to the error that they give.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "parse_any.h"
#include "parse_sound.h"
#include "rng.h"

namespace rlmm::parse {

class Mutation {
 public:
  explicit Mutation(rlmm::Stream& random) : random_(&random) {}

  void apply(std::string& text) {
    if (text.empty()) text.push_back('x');
    switch (random_->below(8)) {
      case 0:
        text[at(text)] = static_cast<char>(random_->below(256));
        break;
      case 1:
        text[at(text)] = kMarks[random_->below(kMarks.size())];
        break;
      case 2:
        text.resize(at(text));
        break;
      case 3:
        text.insert(at(text), kWords[random_->below(kWords.size())]);
        break;
      case 4:
        text.erase(at(text), 1 + random_->below(20));
        break;
      case 5:
        move_line(text, true);
        break;
      case 6:
        move_line(text, false);
        break;
      default:
        replace_field(text);
        break;
    }
  }

 private:
  static constexpr std::string_view kMarks = ",\"\n\r\0{}[]:.-e0123456789";
  static constexpr std::array<std::string_view, 12> kWords = {"9223372036854775807",
                                                              "-9223372036854775808",
                                                              "99999999999999999999",
                                                              "0.000000000001",
                                                              "NaN",
                                                              "1e308",
                                                              "\xef\xbb\xbf",
                                                              "\"\"",
                                                              "\r\n\r\n",
                                                              "null",
                                                              "-0",
                                                              "[[[[[[[["};

  std::size_t at(const std::string& text) { return random_->below(text.size()); }

  // A line once more at another place, or no more at its own.
  void move_line(std::string& text, bool keep) {
    const std::size_t begin = text.rfind('\n', at(text)) + 1;  // npos + 1 is 0
    const std::size_t end = std::min(text.find('\n', begin), text.size() - 1) + 1;
    const std::string line = text.substr(begin, end - std::min(begin, end));
    if (!keep) text.erase(begin, line.size());
    if (!text.empty()) text.insert(text.rfind('\n', at(text)) + 1, line);
  }

  void replace_field(std::string& text) {
    constexpr std::string_view kEnds = ",\n:]}";
    const std::size_t begin = text.find_first_of(kEnds, at(text));
    if (begin == std::string::npos) return;
    const std::size_t end = std::min(text.find_first_of(kEnds, begin + 1), text.size());
    text.replace(begin + 1, end - begin - 1, kWords[random_->below(kWords.size())]);
  }

  rlmm::Stream* random_;
};

struct MutatedCount {
  std::int64_t files = 0;
  std::int64_t refused = 0;  // with a ParseError; anything else gets out
  double slowest_s = 0;
};

// File `number` is always the same.
inline void read_mutated(Parser parser, std::uint64_t number, MutatedCount& count) {
  rlmm::Stream random({71, static_cast<std::uint64_t>(parser)}, number, Purpose::kReset);
  std::vector<std::string> files = sound_files(parser, 1 + static_cast<int>(random.below(60)));
  Mutation mutation(random);
  for (std::uint64_t n = 1 + random.below(6); n > 0; --n) {
    mutation.apply(files[random.below(files.size())]);
  }
  const std::unique_ptr<Source> source = source_of(parser, random.below(4) == 0);
  const auto begin = std::chrono::steady_clock::now();
  try {
    read_checked(*source, files, 1 + random.below(random.below(2) == 0 ? 16 : 4096));
  } catch (const ParseError&) {
    ++count.refused;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  count.slowest_s = std::max(count.slowest_s, took.count());
  ++count.files;
}

}  // namespace rlmm::parse
