// ItemRef: 32 bits that name an item's slot within its store; and RegionMap, which finds the slot.
//
//   ItemRef   31..13 region   12..0 offset in it, in units of 4 bytes
//   RegionMap address of a table of 2^D regions (a multiple of 64) | D, in one word
//
// Invariants
//   * No item has the reference 0: a region begins with its header.
//   * A region table is recycled, never unmapped, so that prefetch() may read an outdated one.
//
// Thread: whoever holds the shard's lock; prefetch() any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "storage/item.h"
#include "storage/region_source.h"

namespace larder::storage {

using RegionWord = std::atomic<char*>;

class ItemRef {
 public:
  static constexpr unsigned kUnitBytes = 4;
  static constexpr unsigned kRegionShift = 13;
  static_assert(kRegionBytes == size_t{kUnitBytes} << kRegionShift);
  static constexpr unsigned kRegionBits = 32 - kRegionShift;  // 16 GiB of slots

  constexpr ItemRef() = default;
  explicit constexpr ItemRef(uint32_t bits) : bits_(bits) {}
  constexpr ItemRef(uint32_t region, size_t offset_bytes)
      : bits_(region << kRegionShift | static_cast<uint32_t>(offset_bytes / kUnitBytes)) {}

  constexpr uint32_t bits() const { return bits_; }
  constexpr uint32_t region() const { return bits_ >> kRegionShift; }
  constexpr size_t offset() const {
    return size_t{bits_ & ((1u << kRegionShift) - 1)} * kUnitBytes;
  }

 private:
  uint32_t bits_ = 0;
};

class RegionMap {
 public:
  // REQUIRES: the reference is of an item that exists.
  Item* item(ItemRef ref) const {
    return reinterpret_cast<Item*>(table()[ref.region()].load(std::memory_order_relaxed) +
                                   ref.offset());
  }
  // Two steps, harmless whatever the reference is: the word that says where the region is, then the
  // first `bytes` of the slot; nothing for the reference 0.
  void prefetch_word(ItemRef ref) const {
    const uint64_t word = word_.load(std::memory_order_acquire);
    if (knows(word, ref)) __builtin_prefetch(words_in(word) + ref.region());
  }
  void prefetch(ItemRef ref, size_t bytes) const {
    const uint64_t word = word_.load(std::memory_order_acquire);
    if (ref.bits() == 0 || !knows(word, ref)) return;
    const char* region = words_in(word)[ref.region()].load(std::memory_order_relaxed);
    const auto begin = reinterpret_cast<uintptr_t>(region) + ref.offset();
    for (uintptr_t line = begin & ~uintptr_t{kLineBytes - 1}; line < begin + bytes;
         line += kLineBytes) {
      __builtin_prefetch(reinterpret_cast<const void*>(line));
    }
  }

  RegionWord* table() const { return words_in(word_.load(std::memory_order_relaxed)); }
  bool is_empty() const { return word_.load(std::memory_order_relaxed) == 0; }
  unsigned depth() const {
    return static_cast<unsigned>(word_.load(std::memory_order_relaxed) & kDepthMask);
  }
  void set(RegionWord* table, unsigned depth) {
    word_.store(reinterpret_cast<uint64_t>(table) | depth, std::memory_order_release);
  }
  void clear() { word_.store(0, std::memory_order_release); }
  void swap(RegionMap& other) {
    const uint64_t mine = word_.load(std::memory_order_relaxed);
    word_.store(other.word_.load(std::memory_order_relaxed), std::memory_order_release);
    other.word_.store(mine, std::memory_order_release);
  }

 private:
  static constexpr uint64_t kDepthMask = 63;
  static constexpr size_t kLineBytes = 64;

  static RegionWord* words_in(uint64_t word) {
    return reinterpret_cast<RegionWord*>(word & ~kDepthMask);
  }
  // A reference read without the lock may be of another time than the table.
  static bool knows(uint64_t word, ItemRef ref) {
    return word != 0 && ref.region() >> (word & kDepthMask) == 0;
  }

  std::atomic<uint64_t> word_{0};
};

}  // namespace larder::storage
