// Databento's MBO and MBP records as rows.
#pragma once

#include <map>
#include <optional>

#include "parse/databento_record.h"
#include "parse/order_map.h"
#include "parse/source.h"

namespace rlmm::parse {

// A fill is told three times: T by the taker, F by the resting order, and then a C or M that takes
// its lots off the book. Here F is the trade, and what follows only the rest of the change.
class DatabentoSource final : public Source {
 public:
  // Records of another instrument are left out; 0: all must be of one.
  DatabentoSource(const ParseOptions& options, bool binary, std::uint64_t instrument)
      : defects_(options.strict),
        reading_(defects_, options.units),
        reader_(reading_, binary),
        depth_(tape_, reading_),
        instrument_(instrument),
        asked_(instrument != 0),
        orders_most_(options.orders_most) {}

  std::size_t inputs() const override { return 1; }
  void begin_file(std::size_t, const FileStart&) override {}
  void feed(std::size_t, std::string_view bytes, bool last_of_file) override {
    reader_.feed(bytes, last_of_file);
  }
  void end(std::size_t) override { reader_.end(); }
  std::size_t advance(std::size_t rows_enough) override;
  bool done() const override { return done_; }
  EventTape& tape() override { return tape_; }
  Defects& defects() override { return defects_; }

 private:
  bool is_usable();
  bool is_instrument();
  bool has_price();
  void begin_event();
  void write();
  void write_levels();
  void add();
  void fill();
  void cancel();
  void modify();
  void end_event();
  void reduce(LiveOrder& order, std::int64_t lots, EventKind kind);
  std::int64_t sign() const { return record_.side == 'B' ? 1 : (record_.side == 'A' ? -1 : 0); }

  Defects defects_;
  Reading reading_;
  EventTape tape_;
  DatabentoReader reader_;
  DepthTape depth_;
  std::uint64_t instrument_;
  bool asked_;
  std::size_t orders_most_;
  bool done_ = false;
  DatabentoRecord record_;
  OrderMap orders_;
  bool event_open_ = false;
  TimeNs last_recv_ = 0;
  bool any_rows_ = false;
  // Of the event that is open: what F has taken off already, and what T has told of.
  std::map<std::uint64_t, std::int64_t> filled_;
  std::int64_t untold_ = 0;
  std::int64_t trade_price_ = 0;
  std::int64_t trade_sign_ = 0;
};

}  // namespace rlmm::parse
