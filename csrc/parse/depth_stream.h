// Streams of JSON lines: Bybit's and Binance's book messages, with trades between them or without.
#pragma once

#include <deque>
#include <string>

#include "parse/depth_message.h"
#include "parse/merge.h"

namespace rlmm::parse {

enum class DepthVendor : std::uint8_t { kBybit, kBinance };

class DepthStream final : public Stream {
 public:
  // Messages of another symbol are left out; with an empty `symbol` all must have the same.
  DepthStream(std::size_t input, Workshop& workshop, DepthVendor vendor, std::string symbol)
      : lines_(input, workshop.defects),
        reading_(workshop.reading),
        vendor_(vendor),
        symbol_(std::move(symbol)),
        asked_(!symbol_.empty()) {}

  void feed(std::string_view bytes, bool last_of_file) override {
    lines_.feed(bytes, last_of_file);
  }
  void end() override { lines_.end(); }
  Got next() override;
  TimeNs turn() const override { return turn_; }
  void apply(DepthTape& depth) override;

 private:
  enum class Kind : std::uint8_t { kSnapshot, kChange, kTrade };
  // What has been decoded and waits.
  struct Item {
    Kind kind = Kind::kChange;
    Place place;
    TimeNs ts = 0;
    std::int64_t sign = 0;  // of a trade's resting side
    Level trade{};
    std::int64_t first = 0;  // Binance's numbers
    std::int64_t last = 0;
    std::int64_t previous = -1;
    std::vector<Level> bids;
    std::vector<Level> asks;
  };

  // Each is true where `item_` is to be applied.
  bool decode(std::string_view line);
  bool decode_bybit();
  bool decode_binance();
  bool decode_trade();
  bool is_symbol();
  bool follows_bybit(bool is_snapshot);
  bool follows_binance();
  void start_binance(std::int64_t id);
  bool take_time(std::optional<std::int64_t> ms, const char* field);
  bool wait(Item&& item);
  bool take_waiting();
  void drop_before_snapshot();
  void take_levels();
  bool take_turn();

  LineReader lines_;
  Reading reading_;
  DepthVendor vendor_;
  std::string symbol_;
  bool asked_;
  DepthMessage message_;
  Item item_;
  TimeNs turn_ = 0;
  TimeNs last_ts_ = 0;
  bool any_turn_ = false;
  bool started_ = false;
  bool counts_ = true;        // Bybit: u counts the messages
  std::int64_t steps_ = 0;    // Bybit: messages since the snapshot
  std::int64_t last_ = -1;    // the last update in the book
  std::deque<Item> waiting_;  // Binance: changes before the snapshot
  bool release_ = false;      // what waits may go
  bool at_end_ = false;       // nothing more comes to wait for
  std::size_t waiting_levels_ = 0;
};

}  // namespace rlmm::parse
