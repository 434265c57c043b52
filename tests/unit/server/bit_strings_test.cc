// Strings as rows of bits, against functions that go bit by bit.
#include "server/commands/bit_strings.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

namespace larder::server {
namespace {

using Bits = std::vector<bool>;

Bits bits_of(std::string_view bytes) {
  Bits bits;
  for (char byte : bytes) {
    for (unsigned i = 0; i < 8; ++i)
      bits.push_back((static_cast<uint8_t>(byte) >> (7 - i) & 1) != 0);
  }
  return bits;
}

std::string bytes_of(const Bits& bits) {
  std::string bytes(bits.size() / 8, '\0');
  for (size_t i = 0; i < bits.size(); ++i) {
    if (bits[i]) bytes[i / 8] = static_cast<char>(bytes[i / 8] | 0x80 >> i % 8);
  }
  return bytes;
}

class Chance {
 public:
  size_t below(size_t count) { return random_() % count; }
  uint64_t word() { return random_(); }
  // Of any density: mostly zeros, mostly ones, or mixed.
  std::string bytes(size_t size) {
    std::string text(size, below(2) == 0 ? '\0' : '\xff');
    const size_t odd_ones = below(3) == 0 ? size : below(4);
    for (size_t i = 0; i < odd_ones && size > 0; ++i)
      text[below(size)] = static_cast<char>(below(256));
    return text;
  }

 private:
  std::mt19937_64 random_{20240607};
};

TEST_CASE("fields of bits are read and written where they stand, and nowhere else") {
  Chance chance;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = chance.bytes(chance.below(20));
    const auto width = static_cast<unsigned>(1 + chance.below(64));
    const uint64_t offset = chance.below(160);
    Bits bits = bits_of(bytes);
    bits.resize(std::max<size_t>(bits.size(), (offset + width + 7) / 8 * 8));

    uint64_t expected = 0;
    for (unsigned i = 0; i < width; ++i) expected = expected << 1 | (bits[offset + i] ? 1 : 0);
    REQUIRE(read_bits(bytes, offset, width) == expected);

    const uint64_t value = chance.word();
    for (unsigned i = 0; i < width; ++i) bits[offset + i] = (value >> (width - 1 - i) & 1) != 0;
    const BitPatch patch(bytes, offset, width, value);
    bytes.resize(bits.size() / 8);
    REQUIRE(patch.offset() + patch.bytes().size() <= bytes.size());
    bytes.replace(patch.offset(), patch.bytes().size(), patch.bytes());
    REQUIRE(bytes == bytes_of(bits));
  }
}

TEST_CASE("ones are counted, and bits found, in any range") {
  Chance chance;
  for (int round = 0; round < 3000; ++round) {
    const std::string bytes = chance.bytes(1 + chance.below(round % 10 == 0 ? 400 : 40));
    const Bits bits = bits_of(bytes);
    REQUIRE(count_ones(bytes) == static_cast<uint64_t>(std::count(bits.begin(), bits.end(), true)));
    const size_t first = chance.below(bits.size());
    const size_t last = first + chance.below(bits.size() - first);
    const auto begin = bits.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = bits.begin() + static_cast<std::ptrdiff_t>(last) + 1;
    INFO(bits.size() << " bits, " << first << " to " << last);
    REQUIRE(count_ones(bytes, first, last) == static_cast<uint64_t>(std::count(begin, end, true)));
    for (bool wanted : {false, true}) {
      const auto at = std::find(begin, end, wanted);
      const auto found = find_bit(bytes, wanted, first, last);
      REQUIRE(found.has_value() == (at != end));
      if (found) REQUIRE(*found == static_cast<uint64_t>(at - bits.begin()));
    }
  }
  CHECK(count_ones({}) == 0);
}

bool combined(BitOperation operation, const std::vector<bool>& column) {
  const auto ones = std::count(column.begin(), column.end(), true);
  const bool others = ones > (column[0] ? 1 : 0);
  switch (operation) {
    case BitOperation::conjunction:
      return static_cast<size_t>(ones) == column.size();
    case BitOperation::disjunction:
      return ones > 0;
    case BitOperation::parity:
      return ones % 2 == 1;
    case BitOperation::complement:
      return !column[0];
    case BitOperation::first_only:
      return column[0] && !others;
    case BitOperation::others_only:
      return !column[0] && others;
    case BitOperation::first_shared:
      return column[0] && others;
    case BitOperation::exactly_one:
      return ones == 1;
  }
  return false;
}

TEST_CASE("combined bits are what each column says, zeros beyond the shorter strings") {
  Chance chance;
  for (auto operation :
       {BitOperation::conjunction, BitOperation::disjunction, BitOperation::parity,
        BitOperation::complement, BitOperation::first_only, BitOperation::others_only,
        BitOperation::first_shared, BitOperation::exactly_one}) {
    for (int round = 0; round < 60; ++round) {
      // Now and then of several pieces.
      const size_t longest = round % 12 == 0 ? 13'000 : 70;
      const size_t count = operation == BitOperation::complement ? 1 : 2 + chance.below(4);
      std::vector<std::string> texts;
      for (size_t i = 0; i < count; ++i) texts.push_back(chance.bytes(chance.below(longest)));
      const std::vector<std::string_view> sources(texts.begin(), texts.end());
      size_t size = 0;
      for (const std::string& text : texts) size = std::max(size, text.size());
      std::vector<Bits> columns_of;
      for (const std::string& text : texts) {
        columns_of.push_back(bits_of(text));
        columns_of.back().resize(size * 8);
      }
      Bits expected(size * 8);
      for (size_t i = 0; i < expected.size(); ++i) {
        std::vector<bool> column;
        for (const Bits& bits : columns_of) column.push_back(bits[i]);
        expected[i] = combined(operation, column);
      }
      std::string result(size + 1, '!');
      combine_bits(operation, sources, result.data(), size);
      REQUIRE(result.substr(0, size) == bytes_of(expected));
      REQUIRE(result.back() == '!');
    }
  }
}

}  // namespace
}  // namespace larder::server
