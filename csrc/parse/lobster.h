// LOBSTER's message files, with the book files beside them or without.
#pragma once

#include <array>
#include <vector>

#include "parse/depth.h"
#include "parse/fields.h"
#include "parse/order_map.h"
#include "parse/source.h"

namespace rlmm::parse {

// Messages become rows as they are. The book file says which levels came into reach or left it, is
// what the recording starts from, and is held against the book that the rows make.
class LobsterSource final : public Source {
 public:
  static constexpr std::size_t kMessages = 0;
  static constexpr std::size_t kBook = 1;

  LobsterSource(const ParseOptions& options, bool with_book)
      : defects_(options.strict),
        reading_(defects_, options.units),
        lines_{LineReader(kMessages, defects_), LineReader(kBook, defects_)},
        with_book_(with_book),
        orders_most_(options.orders_most) {}

  std::size_t inputs() const override { return with_book_ ? 2 : 1; }
  // The base of a message file is midnight of its day; of a book file, when its session starts.
  void begin_file(std::size_t input, const FileStart& start) override {
    (input == kMessages ? midnight_ : session_start_) = start.time_base;
    if (input == kMessages) continues_ = start.continues;
  }
  void feed(std::size_t input, std::string_view bytes, bool last_of_file) override {
    lines_[input].feed(bytes, last_of_file);
  }
  void end(std::size_t input) override { lines_[input].end(); }
  std::size_t advance(std::size_t rows_enough) override;
  bool done() const override { return done_; }
  EventTape& tape() override { return tape_; }
  Defects& defects() override { return defects_; }

 private:
  enum Type : std::uint8_t {
    kNew = 1,
    kPartCancelled,
    kCancelled,
    kExecuted,
    kHidden,
    kCross,
    kHalt
  };
  struct Message {
    TimeNs ts = 0;
    std::int64_t type = 0;
    std::uint64_t id = 0;
    std::int64_t size = 0;
    std::int64_t price = 0;
    std::int64_t sign = 0;
  };
  using View = std::vector<Level>;  // of one side, the best first

  void require_aligned();
  void take_pair();
  bool read_message(Message& message);
  bool read_halt(Message& message);
  bool read_book(std::string_view line);
  bool read_level(std::size_t at, std::size_t side);
  bool follows(const Message& message);
  void start_session(const Message& first);
  void remember_reach();
  void write(const Message& message);
  void write_hidden(const Message& message, std::int64_t side);
  void write_new(const Message& message);
  void write_reduction(const Message& message);
  std::int64_t take_off(const Message& message, bool& remains);
  std::int64_t move_level(std::size_t side, std::int64_t price, std::int64_t by);
  void compare();
  // Calls `pass` with each level that came into reach or left it, and `correct` with each that is
  // there on both sides, or on one and should not be.
  template <class Pass, class Correct>
  void each_difference(std::size_t side, const Pass& pass, const Correct& correct) const;
  void pass_reach(EventKind kind, std::size_t side, const Level& level);
  void correct(std::size_t side, const Level& level, std::int64_t before);
  static bool is_better(std::size_t side, std::int64_t a, std::int64_t b) {
    return side == 0 ? a > b : a < b;
  }

  Defects defects_;
  Reading reading_;
  EventTape tape_;
  std::array<LineReader, 2> lines_;
  bool with_book_;
  std::size_t orders_most_;
  std::array<Got, 2> got_ = {Got::kNeedsBytes, Got::kNeedsBytes};
  std::array<std::string_view, 2> line_;
  bool done_ = false;
  TimeNs midnight_ = 0;
  TimeNs session_start_ = 0;
  TimeNs last_ts_ = 0;
  bool any_session_ = false;
  bool session_open_ = false;
  bool continues_ = false;  // the file
  bool joins_ = false;      // the session is still to be held against the file's first row
  bool is_lost_ = false;    // a message was left out: the book may differ

  std::vector<std::string_view> fields_;
  OrderMap orders_;
  std::array<View, 2> book_;   // that the rows make, as far as the vendor's file reaches
  std::array<View, 2> shown_;  // the vendor's row
  std::array<bool, 2> was_full_ = {};
  std::array<std::int64_t, 2> old_worst_ = {};
  std::size_t levels_ = 0;
};

}  // namespace rlmm::parse
