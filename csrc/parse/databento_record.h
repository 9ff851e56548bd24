// Databento's records of the schemas MBO, MBP-1 and MBP-10, from text or from DBN's bytes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parse/depth.h"
#include "parse/fields.h"
#include "parse/lines.h"

namespace rlmm::parse {

// Bits of a record's flags.
inline constexpr unsigned kLastOfEvent = 128;
inline constexpr unsigned kOfSnapshot = 32;
inline constexpr unsigned kBadReceived = 8;

inline constexpr std::int64_t kUndefinedPrice = std::numeric_limits<std::int64_t>::max();

struct DatabentoRecord {
  Place place;
  Stamp stamp;
  std::uint64_t instrument = 0;
  char action = 0;
  char side = 0;
  unsigned flags = 0;
  std::uint64_t order_id = 0;
  std::int64_t price = kUndefinedPrice;
  std::int64_t size = 0;
  bool has_levels = false;  // MBP
  std::array<std::vector<Level>, 2> levels;
};

// Where records come from.
class DatabentoReader {
 public:
  DatabentoReader(Reading& reading, bool binary)
      : reading_(&reading), binary_(binary), lines_(0, reading.defects()) {}

  void feed(std::string_view bytes, bool last_of_file);
  void end();
  // The next record that says something about a book.
  Got next(DatabentoRecord& record);

  // Number of levels in the records; 0: MBO.
  std::size_t depth() const { return depth_; }

 private:
  enum class Column : std::uint8_t {
    kReceived,
    kEvent,
    kInstrument,
    kAction,
    kSide,
    kPrice,
    kSize,
    kFlags,
    kOrder,
    kCount
  };
  static constexpr std::size_t kAbsent = static_cast<std::size_t>(-1);

  Got next_line(DatabentoRecord& record);
  void read_header(std::string_view line);
  bool read_line(std::string_view line, DatabentoRecord& record);
  bool read_stamp(std::string_view text, const char* field, TimeNs& value) const;
  bool read_price(std::string_view text, std::int64_t& value) const;
  bool read_order(std::string_view text, std::uint64_t& value) const;
  bool read_levels(DatabentoRecord& record) const;
  bool has(Column column) const { return at_[static_cast<std::size_t>(column)] != kAbsent; }
  std::string_view field(Column column) const {
    return fields_[at_[static_cast<std::size_t>(column)]];
  }

  Got next_binary(DatabentoRecord& record);
  bool skip_metadata();
  bool read_binary(std::string_view bytes, DatabentoRecord& record);
  void read_binary_levels(std::string_view bytes, DatabentoRecord& record) const;
  bool check_level(std::int64_t price, std::int64_t size, std::vector<Level>& levels) const;
  bool check_times(const DatabentoRecord& record) const;
  std::int64_t scaled(std::uint32_t size) const;

  Reading* reading_;
  bool binary_;
  LineReader lines_;
  std::array<std::size_t, static_cast<std::size_t>(Column::kCount)> at_{};
  std::size_t first_level_ = kAbsent;
  std::size_t depth_ = 0;
  std::size_t width_ = 0;
  std::vector<std::string_view> fields_;

  // DBN
  std::string buffer_;
  std::size_t position_ = 0;
  Place place_;
  bool metadata_done_ = false;
  bool file_complete_ = false;
  bool ended_ = false;
};

}  // namespace rlmm::parse
