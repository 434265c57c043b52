// equal_bytes: are two texts of the same length the same?
//
// As memcmp, but for short texts it reads nothing beyond their end. The C library's memcmp loads 32
// bytes at once and masks what is too much; when those lie in a cache line nobody fetched, the
// masked load waits for it all the same: a third of an INCR of 16-byte keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace larder::storage {

// O(length).
inline bool equal_bytes(const char* left, const char* right, size_t length) {
  constexpr size_t kShort = 64;
  const auto same = [](const char* a, const char* b, auto word) {
    auto other = word;
    std::memcpy(&word, a, sizeof word);
    std::memcpy(&other, b, sizeof other);
    return word == other;
  };
  if (length > kShort) return std::memcmp(left, right, length) == 0;
  // Words from the front, and one that ends with the text.
  if (length >= sizeof(uint64_t)) {
    const size_t last = length - sizeof(uint64_t);
    for (size_t at = 0; at < last; at += sizeof(uint64_t)) {
      if (!same(left + at, right + at, uint64_t{})) return false;
    }
    return same(left + last, right + last, uint64_t{});
  }
  if (length >= sizeof(uint32_t)) {
    const size_t last = length - sizeof(uint32_t);
    return same(left, right, uint32_t{}) && same(left + last, right + last, uint32_t{});
  }
  for (size_t at = 0; at < length; ++at) {
    if (left[at] != right[at]) return false;
  }
  return true;
}

}  // namespace larder::storage
