// Segment: some words without order, each with a tag of one byte by which it is found.
//
//   count 4 | capacity 4 | tags, one byte each | words, 8 bytes each
//
// Plain data of ElementTable, which says what tags and words mean. The capacity is a multiple of 8
// and fills one of the allocator's size classes.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "storage/memory.h"
#include "storage/size_class.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace larder::storage {

struct Segment {
  uint32_t count;
  uint32_t capacity;

  // Tags that are compared at once.
  static constexpr size_t kGroup = 16;

  // With room for at least so many, and none in it. REQUIRES: capacity > 0.
  static Segment* create(size_t capacity) {
    const size_t bytes = round_to_class(sizeof(Segment) + (capacity + 7) / 8 * kBytesOfEight);
    auto* segment = static_cast<Segment*>(take_memory(bytes));
    segment->count = 0;
    segment->capacity = static_cast<uint32_t>((bytes - sizeof(Segment)) / kBytesOfEight * 8);
    return segment;
  }
  size_t allocated_bytes() const {
    return round_to_class(sizeof(Segment) + capacity / 8 * kBytesOfEight);
  }

  uint8_t* tags() { return reinterpret_cast<uint8_t*>(this + 1); }
  const uint8_t* tags() const { return reinterpret_cast<const uint8_t*>(this + 1); }
  uint64_t* words() { return reinterpret_cast<uint64_t*>(tags() + capacity); }
  const uint64_t* words() const { return reinterpret_cast<const uint64_t*>(tags() + capacity); }

  // One bit for each of the next kGroup slots that is in use and has this tag. REQUIRES: `from` is
  // a multiple of kGroup, below count.
  unsigned with_tag(size_t from, uint8_t tag) const {
    const size_t left = count - from;
    const unsigned used = left >= kGroup ? 0xffffu : (1u << left) - 1;
#if defined(__SSE2__)
    // The words stand behind the tags, so that there are always 16 bytes to be read.
    const __m128i tags = _mm_loadu_si128(reinterpret_cast<const __m128i*>(this->tags() + from));
    const __m128i same = _mm_cmpeq_epi8(tags, _mm_set1_epi8(static_cast<char>(tag)));
    return static_cast<unsigned>(_mm_movemask_epi8(same)) & used;
#else
    unsigned same = 0;
    for (size_t i = 0; i < kGroup && i < left; ++i) same |= unsigned{tags()[from + i] == tag} << i;
    return same & used;
#endif
  }

  // REQUIRES: count < capacity.
  void add(uint8_t tag, uint64_t word) {
    tags()[count] = tag;
    words()[count] = word;
    ++count;
  }
  // The last takes the place of the one that goes.
  void remove(size_t slot) {
    --count;
    tags()[slot] = tags()[count];
    words()[slot] = words()[count];
  }
  // Copies all that another one has. REQUIRES: there is room.
  void take_all(const Segment& other) {
    std::memcpy(tags() + count, other.tags(), other.count);
    std::memcpy(words() + count, other.words(), other.count * sizeof(uint64_t));
    count += other.count;
  }

 private:
  static constexpr size_t kBytesOfEight = 8 + 8 * sizeof(uint64_t);
};
static_assert(sizeof(Segment) == 8);

}  // namespace larder::storage
