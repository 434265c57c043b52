// Strings as rows of bits: reading, writing, counting, finding and combining them.
//
// Bit 0 is the most significant bit of the first byte; beyond its end a string is zeros without
// end. Pure functions over bytes: no keys, no replies. Nothing here allocates.
//
// Costs: O(1) for a field, O(length) for the rest, in words of 64 bits or wider.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace larder::server {

// The field of `width` bits (1 to 64) from bit `offset` on, right-aligned.
uint64_t read_bits(std::string_view bytes, uint64_t offset, unsigned width);

// What must be written where, so that a field holds a value. A field lies in 9 bytes at most.
class BitPatch {
 public:
  // The lowest `width` bits (1 to 64) of `value` in the place of those of `bytes` from `offset` on.
  BitPatch(std::string_view bytes, uint64_t offset, unsigned width, uint64_t value);

  size_t offset() const { return offset_; }  // of the first byte
  std::string_view bytes() const { return {bytes_, size_}; }

 private:
  size_t offset_;
  size_t size_;
  char bytes_[9];
};

// How many bits are set: in all of `bytes`, or in [first, last].
// REQUIRES: first <= last, and `last` lies in `bytes`.
uint64_t count_ones(std::string_view bytes);
uint64_t count_ones(std::string_view bytes, uint64_t first, uint64_t last);

// The first bit in [first, last] that is `wanted`; nothing if there is none.
// REQUIRES: first <= last, and `last` lies in `bytes`.
std::optional<uint64_t> find_bit(std::string_view bytes, bool wanted, uint64_t first,
                                 uint64_t last);

enum class BitOperation : uint8_t {
  conjunction,   // in all
  disjunction,   // in at least one
  parity,        // in an odd number
  complement,    // not in the only one
  first_only,    // in the first and none of the others
  others_only,   // in at least one of the others, not in the first
  first_shared,  // in the first and at least one of the others
  exactly_one,   // in one and no other
};

// Writes `size` bytes of the combined `sources` (at least one) to `result`, which overlaps none.
void combine_bits(BitOperation operation, std::span<const std::string_view> sources, char* result,
                  size_t size);

}  // namespace larder::server
