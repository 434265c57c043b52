#include "storage/rdb/crc64.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

namespace larder::storage::rdb {
namespace {

constexpr uint64_t kReflectedPolynomial = 0x95ac9329ac4bc9b5;

// Table k: what a byte contributes that has k more bytes behind it ("slicing by eight").
using Tables = std::array<std::array<uint64_t, 256>, 8>;

consteval Tables make_tables() {
  Tables tables{};
  for (uint64_t byte = 0; byte < 256; ++byte) {
    uint64_t sum = byte;
    for (int bit = 0; bit < 8; ++bit) {
      sum = (sum & 1) != 0 ? sum >> 1 ^ kReflectedPolynomial : sum >> 1;
    }
    tables[0][byte] = sum;
  }
  for (size_t behind = 1; behind < tables.size(); ++behind) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint64_t sum = tables[behind - 1][byte];
      tables[behind][byte] = sum >> 8 ^ tables[0][sum & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

static_assert(std::endian::native == std::endian::little, "words are summed as they lie in memory");

}  // namespace

uint64_t crc64(std::string_view bytes, uint64_t before) {
  uint64_t sum = before;
  while (bytes.size() >= sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof word);
    word ^= sum;
    sum = 0;
    for (unsigned at = 0; at < sizeof word; ++at) sum ^= kTables[7 - at][word >> (8 * at) & 0xff];
    bytes.remove_prefix(sizeof word);
  }
  for (const char byte : bytes) {
    sum = kTables[0][(sum ^ static_cast<uint8_t>(byte)) & 0xff] ^ sum >> 8;
  }
  return sum;
}

}  // namespace larder::storage::rdb
