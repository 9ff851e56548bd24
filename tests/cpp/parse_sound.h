// A sound recording for each reader of parse_any.h, of as many messages as wanted: a level of
// either side comes and goes, and trades take from it.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "joined.h"
#include "parse_any.h"
#include "parse_databento_text.h"

namespace rlmm::parse {

inline constexpr int kSoundSecond = 1'700'000'000;

inline std::string sound_trades(int messages) {
  std::string text = "ts,price,size,side\n";
  for (int n = 0; n < messages; n += 3) {
    const bool sold = n % 2 == 0;
    text += std::to_string(kSoundSecond + n) + (sold ? ".25,10.1,1,Sell\n" : ".25,10.4,1,Buy\n");
  }
  return text;
}

inline std::vector<std::string> sound_lobster(int messages) {
  std::string text;
  std::string book;
  for (int n = 0; n < messages; ++n) {
    const std::string at = std::to_string(34'200 + n / 2) + (n % 2 == 0 ? ".25," : ".5,");
    const std::string id = std::to_string(7 + n / 4);
    constexpr std::array<const char*, 4> kMessages = {"1", "4", "2", "3"};
    constexpr std::array<const char*, 4> kSizes = {"10", "3", "2", "5"};
    constexpr std::array<const char*, 4> kBooks = {"10", "7", "5", ""};
    const auto step = static_cast<std::size_t>(n % 4);
    text += joined(at, kMessages[step], ",", id, ",", kSizes[step], ",1000000,1\n");
    const std::string best = step == 3 ? "" : std::string("1000000,") + kBooks[step];
    book += "1000200,20," + (step == 3 ? "-9999999999,0" : best) + "\n";
  }
  return {text, book};
}

inline std::vector<std::string> sound_bybit(int messages) {
  std::string book;
  for (int n = 0; n < messages; ++n) {
    const std::string ms = std::to_string(kSoundSecond + n) + "000";
    const std::string levels =
        n == 0 ? R"("b":[["10.1","5"],["10","7"]],"a":[["10.4","5"],["10.5","9"]])"
        : n % 2 == 0
            ? R"("b":[["10.2","1"]],"a":[])"
            : R"("b":[["10.2","0"]],"a":[["10.4",")" + std::to_string(3 + n % 5) + R"("]])";
    book += joined(R"({"topic":"o","type":")", n == 0 ? "snapshot" : "delta", R"(","ts":)", ms,
                   R"(,"data":{"s":"X",)", levels, R"(,"u":)", std::to_string(n + 1), R"(,"seq":)",
                   std::to_string(n + 9), R"(},"cts":)", ms, "}\n");
  }
  return {sound_trades(messages), book};
}

inline std::vector<std::string> sound_binance(int messages) {
  std::string book =
      R"({"lastUpdateId":0,"bids":[["10.1","5"],["10","7"]],"asks":[["10.4","5"],["10.5","9"]]})"
      "\n";
  for (int n = 0; n < messages; ++n) {
    const std::string first = std::to_string(2 * n + 1);
    const std::string last = std::to_string(2 * n + 2);
    book += joined(R"({"e":"depthUpdate","E":)", std::to_string(kSoundSecond + n),
                   R"(000,"s":"X","U":)", first, R"(,"u":)", last, R"(,"b":[["10.2",")",
                   n % 2 == 0 ? "1" : "0", R"("]],"a":[["10.4",")", std::to_string(3 + n % 5),
                   "\"]]}\n");
  }
  return {sound_trades(messages), book};
}

inline std::vector<std::string> sound_changes(int messages) {
  std::string book;
  for (int n = 0; n < messages; ++n) {
    const std::string ns = std::to_string(kSoundSecond + n) + "000000000";
    const bool first = n == 0;
    book += ns + (first ? ",true" : ",false") + ",bid,10.1," + std::to_string(5 + n % 3) + ",X\n";
    book += ns + (first ? ",true" : ",false") + ",ask,10.4," + std::to_string(5 + n % 2) + ",X\n";
  }
  return {sound_trades(messages), book};
}

inline std::vector<std::string> sound_quotes(int messages, bool blocks) {
  std::string book = blocks ? "a,b\n" : "";
  for (int n = 0; n < messages; ++n) {
    const std::string size = std::to_string(5 + n % 3);
    if (blocks) {
      const std::string second = std::to_string(10 + n % 50);
      const std::string minute = std::to_string(10 + n / 50);
      book += joined("T,2023-11-14D22:", minute, ":", second, ".5\n");
      book += "10.1," + size + ",10.4,5\n10.0,7,10.5,4\n";
    } else {
      const std::string ns = std::to_string(kSoundSecond + n) + "000000000\n";
      book += n % 2 == 0 ? joined("10.1,", size, ",0,0,", ns) : joined("0,0,10.4,", size, ",", ns);
    }
  }
  return {blocks ? "ts,price,size,side\n" : sound_trades(messages), book};
}

inline std::vector<std::string> sound_databento(int messages, bool binary) {
  std::string text = kMboHeader;
  std::string bytes = dbn_metadata();
  for (int n = 0; n < messages; ++n) {
    const int id = 7 + n / 2;
    const char action = n % 2 == 0 ? 'A' : 'C';
    text += mbo(n, action, 'B', "100.25", 5, id);
    bytes += dbn_mbo(static_cast<std::uint64_t>(n), action, 'B', 100'250'000'000, 5,
                     static_cast<std::uint64_t>(id));
  }
  return {binary ? bytes : text, ""};
}

inline std::vector<std::string> sound_files(Parser parser, int messages) {
  switch (parser) {
    case Parser::kLobster:
      return sound_lobster(messages);
    case Parser::kLobsterMessages:
      return {sound_lobster(messages)[0]};
    case Parser::kBybit:
      return sound_bybit(messages);
    case Parser::kBinance:
      return sound_binance(messages);
    case Parser::kChanges:
      return sound_changes(messages);
    case Parser::kQuotes:
    case Parser::kBlocks:
      return sound_quotes(messages, parser == Parser::kBlocks);
    default:
      return sound_databento(messages, parser == Parser::kDbn);
  }
}

}  // namespace rlmm::parse
