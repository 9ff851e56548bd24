// ARS-7 against an implementation written from FIPS-197 alone.
//
// The numbers come from a Python program that makes the S-box by trying all inverses, mixes columns
// by polynomial multiplication and reproduces the example of FIPS-197, appendix C.1, before it
// computes ARS's seven rounds with the same functions.
#include <bit>
#include <set>

#include "check.h"
#include "flow/ars.h"
#include "statistics.h"

namespace rlmm {
namespace {

constexpr std::uint64_t kAll = ~std::uint64_t{0};

}  // namespace

TEST("ars: known answers") {
  CHECK_EQ(ars4x32({0, 0, 0, 0}, {0, 0}),
           (ArsBlock{0xDACF61FF, 0xC45798F3, 0x113C7EEB, 0x101E27F3}));
  CHECK_EQ(ars4x32({0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, {kAll, kAll}),
           (ArsBlock{0xFBAAFF1F, 0xBB547EF9, 0x13D8CD78, 0x7AAA969B}));
  CHECK_EQ(ars4x32({0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344},
                   {0x299F31D0A4093822, 0xEC4E6C89082EFA98}),
           (ArsBlock{0xD1DF87AF, 0xF67D43BA, 0x4F66AFDB, 0x393DCB2D}));
}

TEST("ars: different counters and keys give different blocks") {
  std::set<ArsBlock> blocks;
  for (std::uint32_t n = 0; n < 1000; ++n) {
    blocks.insert(ars4x32({n, 0, 0, 0}, {1, 2}));
    blocks.insert(ars4x32({1000, n + 1, 0, 0}, {1, 2}));
    blocks.insert(ars4x32({1000, 0, n + 1, 0}, {1, 2}));
    blocks.insert(ars4x32({1000, 0, 0, n + 1}, {1, 2}));
    blocks.insert(ars4x32({1000, 0, 0, 0}, {n + 2, 2}));
    blocks.insert(ars4x32({1000, 0, 0, 0}, {1, n + 3}));
  }
  CHECK_EQ(blocks.size(), std::size_t{6000});
}

TEST("ars: one bit of the counter or the key changes half of the bits") {
  Sample changed;
  for (std::uint32_t n = 0; n < 200; ++n) {
    const ArsBlock block = ars4x32({n, 7, 0, 1}, {3, 4});
    for (unsigned bit = 0; bit < 32; ++bit) {
      const ArsBlock by_counter = ars4x32({n ^ (1U << bit), 7, 0, 1}, {3, 4});
      const ArsBlock by_key = ars4x32({n, 7, 0, 1}, {3 ^ (1U << bit), 4});
      for (std::size_t word = 0; word < 4; ++word) {
        changed.add(std::popcount(block[word] ^ by_counter[word]));
        changed.add(std::popcount(block[word] ^ by_key[word]));
      }
    }
  }
  CHECK_NEAR(changed.mean(), 16.0, kSigmas * std::sqrt(8.0 / changed.count()));
  CHECK_NEAR(changed.variance(), 8.0, kSigmas * changed.variance_error());
}

}  // namespace rlmm
