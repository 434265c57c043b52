// ItemRef: what a table stores to name an item; and ItemAllocator, where items come from.
//
// Only these two know that items are malloc'ed and named by address. A reference is 48 bits: the
// address, which is a multiple of 16, with its two lowest bits used for how many cache lines after
// the first the item's memory extends over (at most 3), so that all can be prefetched unseen.
#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/item.h"

namespace larder::storage {

class ItemRef {
 public:
  static constexpr uint64_t kMask = (uint64_t{1} << 48) - 1;

  constexpr ItemRef() = default;
  // `item` has the size class it was allocated with.
  static ItemRef to(Item* item) {
    const auto address = reinterpret_cast<uintptr_t>(item);
    const uint64_t more_lines = (address % kLineBytes + item->capacity() - 1) / kLineBytes;
    return ItemRef(address | (more_lines < kMaxMoreLines ? more_lines : kMaxMoreLines));
  }
  static constexpr ItemRef from_bits(uint64_t bits) { return ItemRef(bits); }
  constexpr uint64_t bits() const { return bits_; }
  Item* item() const { return reinterpret_cast<Item*>(bits_ & ~uint64_t{15}); }

  // The first two lines, and as many more as the item extends over within `bytes`. Harmless
  // whatever the bits are.
  void prefetch(size_t bytes = 0) const {
    const char* address = reinterpret_cast<const char*>(bits_ & ~uint64_t{15});
    __builtin_prefetch(address);
    const uint64_t more_lines = bits_ & kMaxMoreLines;
    if (more_lines != 0) __builtin_prefetch(address + kLineBytes);
    if (more_lines < 2) return;
    for (size_t at = 2 * kLineBytes; at < bytes; at += kLineBytes) __builtin_prefetch(address + at, 1);
  }

 private:
  static constexpr uint64_t kLineBytes = 64;
  static constexpr uint64_t kMaxMoreLines = 3;

  explicit constexpr ItemRef(uint64_t bits) : bits_(bits) {}

  uint64_t bits_ = 0;
};

class ItemAllocator {
 public:
  // Memory for an item of a size class, not yet formatted. Never null.
  static Item* allocate(unsigned size_class);
  // `item` as allocated; what its value refers to is not freed.
  static void release(Item* item);
};

}  // namespace larder::storage
