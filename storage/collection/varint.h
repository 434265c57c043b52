// Varints: lengths in as few bytes as they need, 7 bits in each, the lowest first; all but the last
// have their highest bit set.
//
// Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace larder::storage {

constexpr size_t varint_bytes(uint64_t value) {
  size_t bytes = 1;
  for (; value >= 0x80; value >>= 7) ++bytes;
  return bytes;
}

// Returns what stands behind it.
inline char* write_varint(uint64_t value, char* at) {
  for (; value >= 0x80; value >>= 7) *at++ = static_cast<char>(value | 0x80);
  *at++ = static_cast<char>(value);
  return at;
}

// Moves `at` behind it.
inline uint64_t read_varint(const char*& at) {
  uint64_t value = static_cast<uint8_t>(*at++);
  if (value < 0x80) [[likely]]
    return value;
  value &= 0x7f;
  for (unsigned shift = 7;; shift += 7) {
    const auto byte = static_cast<uint8_t>(*at++);
    value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return value;
  }
}

}  // namespace larder::storage
