// Size classes: what the allocator really takes for a number of bytes.
//
// Steps of 16 to 128, then four per doubling, as jemalloc has them, so that "still fits where it
// is" is a compare, freeing can name the size, and the memory account is exact.
#pragma once

#include <bit>
#include <cstddef>

namespace larder::storage {

// The smallest class that holds `bytes`, at least 1 and at most 2^37.
constexpr unsigned size_class_of(size_t bytes) {
  if (bytes <= 128) return bytes == 0 ? 0 : static_cast<unsigned>((bytes - 1) >> 4);
  const unsigned doubling = static_cast<unsigned>(std::bit_width(bytes - 1)) - 1;  // >= 7
  const size_t step = ((bytes - 1) >> (doubling - 2)) & 3;
  return 8 + (doubling - 7) * 4 + static_cast<unsigned>(step);
}

// Bytes of a class.
constexpr size_t size_of_class(unsigned size_class) {
  if (size_class < 8) return (size_t{size_class} + 1) << 4;
  const unsigned doubling = 7 + (size_class - 8) / 4;
  return size_t{5 + (size_class - 8) % 4} << (doubling - 2);
}

constexpr size_t round_to_class(size_t bytes) {
  return size_of_class(size_class_of(bytes));
}

static_assert(round_to_class(1) == 16 && round_to_class(16) == 16 && round_to_class(17) == 32);
static_assert(round_to_class(128) == 128 && round_to_class(129) == 160);
static_assert(round_to_class(160) == 160 && round_to_class(161) == 192);
static_assert(round_to_class(256) == 256 && round_to_class(257) == 320);
static_assert(round_to_class(size_t{1} << 30) == size_t{1} << 30);

}  // namespace larder::storage
