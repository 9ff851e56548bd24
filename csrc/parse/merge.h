// Two inputs read in the order of their times: a book's messages, and the trades between them.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

#include "parse/depth.h"
#include "parse/source.h"

namespace rlmm::parse {

// One of the inputs. `next` decodes a message and says when its turn is; `apply` writes it.
class Stream {
 public:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  Stream(Stream&&) = delete;
  Stream& operator=(Stream&&) = delete;
  virtual ~Stream() = default;

  virtual void feed(std::string_view bytes, bool last_of_file) = 0;
  virtual void end() = 0;
  // Before the first bytes of each file: what its times count from, ns UTC.
  virtual void begin_file(TimeNs) {}
  virtual Got next() = 0;
  virtual TimeNs turn() const = 0;
  // When it happened, by the clock that both inputs share: the exchange's.
  virtual TimeNs happened() const { return turn(); }
  virtual void apply(DepthTape& depth) = 0;
};

// All that the readers of one recording share.
struct Workshop {
  Workshop(const ParseOptions& options, Crossing crossing)
      : defects(options.strict), reading(defects, options.units), depth(tape, reading, crossing) {}

  Defects defects;
  Reading reading;
  EventTape tape;
  DepthTape depth;
};

// A book's message knows of all trades up to its time, which go before it however late they come:
// a level must not shrink twice. The time is the exchange's; but where two messages were received
// more than a second apart, one of the stamps is wrong, and they go in the order they came in.
class MergedSource final : public Source {
 public:
  static constexpr std::size_t kTrades = 0;
  static constexpr std::size_t kBook = 1;

  MergedSource(std::unique_ptr<Workshop> workshop, std::unique_ptr<Stream> trades,
               std::unique_ptr<Stream> book)
      : workshop_(std::move(workshop)), streams_{std::move(trades), std::move(book)} {}

  std::size_t inputs() const override { return streams_.size(); }
  void feed(std::size_t input, std::string_view bytes, bool last_of_file) override {
    streams_[input]->feed(bytes, last_of_file);
  }
  void end(std::size_t input) override { streams_[input]->end(); }
  void begin_file(std::size_t input, const FileStart& start) override {
    streams_[input]->begin_file(start.time_base);
  }
  std::size_t advance(std::size_t rows_enough) override;
  bool done() const override { return done_; }
  EventTape& tape() override { return workshop_->tape; }
  Defects& defects() override { return workshop_->defects; }

 private:
  bool trade_is_first() const;

  static constexpr TimeNs kLateMost = 1'000'000'000;

  std::unique_ptr<Workshop> workshop_;
  std::array<std::unique_ptr<Stream>, 2> streams_;
  std::array<Got, 2> got_ = {Got::kNeedsBytes, Got::kNeedsBytes};
  bool done_ = false;
};

}  // namespace rlmm::parse
