#include "flow/ars.h"

#include <bit>
#include <cstring>

namespace rlmm {
namespace {

using State = std::array<std::uint8_t, 16>;

constexpr std::uint8_t twice(std::uint8_t x) {
  const unsigned wide = x;
  return static_cast<std::uint8_t>((wide << 1U) ^ ((wide >> 7U) * 0x1BU));
}

// The S-box from its definition: the inverse in GF(2^8), then an affine map. Powers of the
// generator 3 run through the field, powers of its inverse through the inverses.
constexpr std::array<std::uint8_t, 256> make_substitution() {
  std::array<std::uint8_t, 256> box{};
  std::uint8_t p = 1;
  std::uint8_t q = 1;
  do {
    p = static_cast<std::uint8_t>(p ^ twice(p));
    q = static_cast<std::uint8_t>(q ^ (q << 1U));
    q = static_cast<std::uint8_t>(q ^ (q << 2U));
    q = static_cast<std::uint8_t>(q ^ (q << 4U));
    if ((q & 0x80U) != 0) q ^= 0x09;
    const auto affine = static_cast<std::uint8_t>(q ^ std::rotl(q, 1) ^ std::rotl(q, 2) ^
                                                  std::rotl(q, 3) ^ std::rotl(q, 4));
    box[p] = affine ^ 0x63;
  } while (p != 1);
  box[0] = 0x63;
  return box;
}

constexpr std::array<std::uint8_t, 256> kSubstitution = make_substitution();

// Bytes are numbered down the columns, as AES does.
State shifted_and_substituted(const State& in) {
  State out;
  for (std::size_t column = 0; column < 4; ++column) {
    for (std::size_t row = 0; row < 4; ++row) {
      out[4 * column + row] = kSubstitution[in[4 * ((column + row) % 4) + row]];
    }
  }
  return out;
}

void mix_columns(State& state) {
  for (std::size_t c = 0; c < 16; c += 4) {
    const std::array<std::uint8_t, 4> a{state[c], state[c + 1], state[c + 2], state[c + 3]};
    for (std::size_t row = 0; row < 4; ++row) {
      const std::uint8_t next = a[(row + 1) % 4];
      state[c + row] = static_cast<std::uint8_t>(twice(a[row]) ^ twice(next) ^ next ^
                                                 a[(row + 2) % 4] ^ a[(row + 3) % 4]);
    }
  }
}

void add_key(State& state, const std::array<std::uint64_t, 2>& key) {
  std::array<std::uint64_t, 2> words;
  std::memcpy(words.data(), state.data(), sizeof words);
  words[0] ^= key[0];
  words[1] ^= key[1];
  std::memcpy(state.data(), words.data(), sizeof words);
}

}  // namespace

ArsBlock ars4x32(ArsBlock counter, SeedKey key) {
  State state;
  std::memcpy(state.data(), counter.data(), sizeof state);
  std::array<std::uint64_t, 2> round_key{key.low, key.high};
  add_key(state, round_key);
  for (int round = 1; round <= detail::kArsRounds; ++round) {
    round_key[0] += detail::kArsWeylLow;
    round_key[1] += detail::kArsWeylHigh;
    state = shifted_and_substituted(state);
    if (round < detail::kArsRounds) mix_columns(state);
    add_key(state, round_key);
  }
  ArsBlock block;
  std::memcpy(block.data(), state.data(), sizeof block);
  return block;
}

}  // namespace rlmm
