#include "server/commands/common_subsequence.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace larder::server {
namespace {

constexpr size_t kWordBits = 64;

// The row of the table that the columns of `columns` make, for one byte of the other string after
// the other.
class Row {
 public:
  // `others` is what advance() will be called with: only its bytes need a mask.
  Row(std::string_view columns, std::string_view others)
      : columns_(columns.size()),
        words_((columns.size() + kWordBits - 1) / kWordBits),
        bits_(words_, ~uint64_t{0}) {
    mask_of_.fill(kNoMask);
    size_t masks = 0;
    for (char byte : others) {
      size_t& mask = mask_of_[static_cast<uint8_t>(byte)];
      if (mask == kNoMask) mask = masks++;
    }
    masks_.resize(masks * words_);
    for (size_t i = 0; i < columns.size(); ++i) {
      const size_t mask = mask_of_[static_cast<uint8_t>(columns[i])];
      if (mask != kNoMask) masks_[mask * words_ + i / kWordBits] |= uint64_t{1} << i % kWordBits;
    }
  }

  // The row for one byte more. REQUIRES: the byte is one of `others`.
  void advance(char byte) {
    const uint64_t* mask = masks_.data() + mask_of_[static_cast<uint8_t>(byte)] * words_;
    uint64_t carry = 0;
    for (size_t i = 0; i < words_; ++i) {
      const uint64_t row = bits_[i];
      const uint64_t matches = row & mask[i];
      uint64_t sum;
      const bool over = __builtin_add_overflow(row, matches, &sum);
      const bool over_by_carry = __builtin_add_overflow(sum, carry, &sum);
      carry = over || over_by_carry ? 1 : 0;
      bits_[i] = sum | (row & ~mask[i]);
    }
  }

  // The length of the common subsequence of all columns and all bytes so far.
  size_t length() const {
    size_t zeros = 0;
    for (size_t i = 0; i < words_; ++i) {
      const size_t used = std::min(columns_ - i * kWordBits, kWordBits);
      zeros += static_cast<size_t>(std::popcount(~bits_[i] & (~uint64_t{0} >> (kWordBits - used))));
    }
    return zeros;
  }

  // As bytes, the column i in bit i % 8 of byte i / 8: kept rows waste less than 8 bits each.
  size_t packed_bytes() const { return (columns_ + 7) / 8; }
  void pack(uint8_t* to) const {
    if constexpr (std::endian::native == std::endian::little) {
      std::memcpy(to, bits_.data(), packed_bytes());
    } else {
      for (size_t i = 0; i < packed_bytes(); ++i) {
        to[i] = static_cast<uint8_t>(bits_[i / 8] >> i % 8 * 8);
      }
    }
  }

 private:
  static constexpr size_t kNoMask = ~size_t{0};

  size_t columns_;
  size_t words_;
  std::vector<uint64_t> bits_;       // 0: the length grows at this column
  std::array<size_t, 256> mask_of_;  // by byte
  std::vector<uint64_t> masks_;      // words_ each: the columns that hold the byte
};

}  // namespace

size_t common_length(std::string_view a, std::string_view b) {
  // The length is the same both ways; long rows waste fewer bits.
  if (a.size() > b.size()) std::swap(a, b);
  if (a.empty()) return 0;
  Row row(b, a);
  for (char byte : a) row.advance(byte);
  return row.length();
}

CommonSubsequence common_subsequence(std::string_view a, std::string_view b) {
  CommonSubsequence found;
  if (a.empty() || b.empty()) return found;
  Row row(b, a);
  const size_t stride = row.packed_bytes();
  std::vector<uint8_t> table(a.size() * stride);
  for (size_t i = 0; i < a.size(); ++i) {
    row.advance(a[i]);
    row.pack(table.data() + i * stride);
  }
  found.text.resize(row.length());
  size_t left = found.text.size();
  bool in_range = false;
  for (size_t i = a.size(), j = b.size(); left > 0 && i > 0 && j > 0;) {
    if (a[i - 1] == b[j - 1]) {
      found.text[--left] = a[--i];
      --j;
      if (!in_range) found.ranges.push_back({i, j, 0});
      in_range = true;
      found.ranges.back().a_first = i;
      found.ranges.back().b_first = j;
      ++found.ranges.back().length;
      continue;
    }
    in_range = false;
    const bool grows_here = (table[(i - 1) * stride + (j - 1) / 8] >> (j - 1) % 8 & 1) == 0;
    if (grows_here) {
      --i;
    } else {
      --j;
    }
  }
  return found;
}

}  // namespace larder::server
