// Databento's records as text and as bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

namespace rlmm::parse {

inline const std::string kMboHeader =
    "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,price,size,channel_id,order_id,"
    "flags,ts_in_delta,sequence\n";

inline std::string mbo(int ts, char action, char side, const std::string& price, int size, int id,
                       int flags = 128, int instrument = 1) {
  return std::to_string(ts + 1) + "," + std::to_string(ts) + ",160,1," +
         std::to_string(instrument) + "," + action + "," + side + "," + price + "," +
         std::to_string(size) + ",0," + std::to_string(id) + "," + std::to_string(flags) + ",0,1\n";
}

template <class T>
void append(std::string& bytes, T value) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  bytes.append(raw, sizeof value);
}

inline std::string dbn_metadata(std::uint32_t length = 4) {
  std::string bytes = "DBN\x02";
  append(bytes, length);
  return bytes + std::string(length, 'm');
}

inline std::string header_bytes(std::uint8_t length, std::uint8_t type, std::uint64_t ts,
                                std::uint32_t instrument = 1) {
  std::string bytes;
  append(bytes, static_cast<std::uint8_t>(length / 4));
  append(bytes, type);
  append(bytes, std::uint16_t{1});
  append(bytes, instrument);
  append(bytes, ts);
  return bytes;
}

inline std::string dbn_mbo(std::uint64_t ts, char action, char side, std::int64_t price,
                           std::uint32_t size, std::uint64_t id) {
  std::string bytes = header_bytes(56, 160, ts);
  append(bytes, id);
  append(bytes, price);
  append(bytes, size);
  append(bytes, std::uint8_t{128});
  append(bytes, std::uint8_t{0});
  bytes += action;
  bytes += side;
  append(bytes, ts + 5);
  append(bytes, std::int32_t{0});
  append(bytes, std::uint32_t{1});
  return bytes;
}

}  // namespace rlmm::parse
