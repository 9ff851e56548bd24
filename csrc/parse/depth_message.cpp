#include "parse/depth_message.h"

#include "parse/json.h"

namespace rlmm::parse {
namespace {

constexpr std::int64_t kNumberMost = std::int64_t{1} << 62U;  // one more is a number, too

constexpr int kNestingMost = 4;  // {"stream": ..., "data": {...}}

class Decoder {
 public:
  Decoder(std::string_view line, const Reading& reading, DepthMessage& message)
      : cursor_(line), reading_(reading), message_(message) {}

  bool decode() {
    if (!object(0)) return failed();
    if (!cursor_.at_end()) return failed();
    return good_;
  }

 private:
  bool failed() {
    if (good_) reading_.report(Reason::kBadJson, "line", "a JSON object", cursor_.rest());
    return false;
  }

  // Reports what is JSON and wrong nevertheless; reading goes on to the end of the line.
  void refuse(Reason reason, const char* field, const char* expected, std::string_view got) {
    if (good_) reading_.report(reason, field, expected, got);
    good_ = false;
  }

  bool object(int depth) {
    if (!cursor_.take('{')) return false;
    if (cursor_.take('}')) return true;
    do {
      std::string_view key;
      if (!cursor_.string(key) || !cursor_.take(':')) return false;
      if (key == "data" && cursor_.peek('{') && depth < kNestingMost) {
        if (!object(depth + 1)) return false;
      } else if (!member(key)) {
        return false;
      }
    } while (cursor_.take(','));
    return cursor_.take('}');
  }

  bool member(std::string_view key) {
    if (key == "b" || key == "bids") return levels("b", message_.has_bids, message_.bids);
    if (key == "a" || key == "asks") return levels("a", message_.has_asks, message_.asks);
    if (key == "type") return text("type", message_.type);
    if (key == "e") return text("e", message_.event);
    if (key == "s" || key == "symbol") return text("s", message_.symbol);
    if (key == "p") return text("p", message_.price);
    if (key == "q") return text("q", message_.size);
    if (key == "m") return text("m", message_.buyer_is_maker);
    if (key == "ts") return integer("ts", message_.ts);
    if (key == "cts") return integer("cts", message_.cts);
    if (key == "E") return integer("E", message_.event_time);
    if (key == "T") return integer("T", message_.trade_time);
    if (key == "U") return integer("U", message_.first_update);
    if (key == "u") return integer("u", message_.last_update);
    if (key == "pu") return integer("pu", message_.previous);
    if (key == "lastUpdateId") return integer("lastUpdateId", message_.last_update_id);
    std::string_view ignored;
    return cursor_.value(ignored);
  }

  bool text(const char* field, std::string_view& target) {
    std::string_view value;
    if (!cursor_.value(value)) return false;
    if (!target.empty()) refuse(Reason::kDuplicate, field, "each key once", value);
    target = value;
    return true;
  }

  bool integer(const char* field, std::optional<std::int64_t>& target) {
    std::string_view value;
    if (!cursor_.value(value)) return false;
    if (value == "null") return true;
    std::int64_t number = 0;
    if (parse_decimal(value, 0, number) != Decimal::kOk || number < 0 || number > kNumberMost) {
      refuse(Reason::kBadNumber, field, "a whole number from 0 to 2^62", value);
    }
    if (target.has_value()) refuse(Reason::kDuplicate, field, "each key once", value);
    target = number;
    return true;
  }

  bool levels(const char* field, bool& has, std::vector<Level>& target) {
    std::string_view value;
    if (!cursor_.peek('[')) return cursor_.value(value);  // bookTicker: "b" is a price
    if (has) refuse(Reason::kDuplicate, field, "each key once", field);
    has = true;
    cursor_.take('[');
    if (cursor_.take(']')) return true;
    do {
      std::string_view price;
      std::string_view size;
      if (!cursor_.take('[') || !cursor_.number_or_string(price) || !cursor_.take(',') ||
          !cursor_.number_or_string(size)) {
        return false;
      }
      while (cursor_.take(',')) {  // some vendors put more behind
        if (!cursor_.value(value)) return false;
      }
      if (!cursor_.take(']')) return false;
      Level level{};
      if (good_ &&
          (!reading_.price(field, price, level.price) || !reading_.size(field, size, level.size))) {
        good_ = false;
      }
      target.push_back(level);
    } while (cursor_.take(','));
    return cursor_.take(']');
  }

  JsonCursor cursor_;
  const Reading& reading_;
  DepthMessage& message_;
  bool good_ = true;
};

}  // namespace

void DepthMessage::clear() {
  std::vector<Level> bids_memory = std::move(bids);
  std::vector<Level> asks_memory = std::move(asks);
  bids_memory.clear();
  asks_memory.clear();
  *this = DepthMessage{};
  bids = std::move(bids_memory);
  asks = std::move(asks_memory);
}

bool parse_depth_message(std::string_view line, const Reading& reading, DepthMessage& message) {
  message.clear();
  return Decoder(line, reading, message).decode();
}

}  // namespace rlmm::parse
