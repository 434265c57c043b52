// Block: 512 bytes of a table, eight buckets of one cache line each.
//
//   bucket   control 8: tags of slots 0..6, then the last byte   | slots 0..6, 8 bytes each
//   tag      0: the slot is free; else 8 bits of the hash, never 0
//   last     bits 0..2: reach, how far from this bucket an item whose home it is may lie;
//            bits 3..7, first bucket only: depth, how many directory bits all items here share
//   slot     bits 0..47: ItemRef; 48..50: home bucket; 51..63: the first 13 directory bits
//
// Invariants
//   * An item lies in its home bucket or at most `reach` buckets further, wrapping inside the
//   block.
//   * A free slot is 0.
//
// Thread: changed only under the shard's lock. prefetch_*() reads without it, so all words are
// atomics, read and written relaxed, which costs nothing here; a torn picture prefetches in vain.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "storage/hash.h"
#include "storage/item_ref.h"

namespace larder::storage {

using Slot = std::atomic<uint64_t>;

constexpr unsigned kDirectoryBits = 24;  // the deepest a directory can get
constexpr unsigned kStoredBits = 13;     // of them, those a slot remembers
constexpr unsigned kBucketsPerBlock = 8;
constexpr unsigned kSlotsPerBucket = 7;
constexpr unsigned kSlotsPerBlock = kBucketsPerBlock * kSlotsPerBucket;

// The directory bits of a hash, as a number below 2^24.
constexpr uint32_t directory_bits(Hash hash) {
  return static_cast<uint32_t>(hash >> 32) & ((1u << kDirectoryBits) - 1);
}
constexpr unsigned home_of(Hash hash) {
  return static_cast<unsigned>(hash >> 29) & 7;
}
constexpr uint8_t tag_of(Hash hash) {
  const auto tag = static_cast<uint8_t>(hash >> 21);
  return tag == 0 ? 1 : tag;
}
// The upper 16 bits of a slot.
constexpr uint64_t fragment_of(Hash hash) {
  return uint64_t{directory_bits(hash) >> (kDirectoryBits - kStoredBits)} << 3 | home_of(hash);
}

// A slot's word, taken apart.
constexpr uint64_t make_slot(ItemRef ref, uint64_t fragment) {
  return ref.bits() | fragment << 48;
}
constexpr ItemRef ref_of(uint64_t slot) {
  return ItemRef::from_bits(slot & ItemRef::kMask);
}
constexpr uint64_t fragment_in(uint64_t slot) {
  return slot >> 48;
}
constexpr unsigned home_in(uint64_t slot) {
  return static_cast<unsigned>(slot >> 48) & 7;
}
// The first kStoredBits directory bits of the item's hash; the others are 0.
constexpr uint32_t directory_bits_in(uint64_t slot) {
  return static_cast<uint32_t>(slot >> 51) << (kDirectoryBits - kStoredBits);
}

// One bit per slot, at the top of the slot's byte: bit 7 for slot 0, bit 15 for slot 1, ...
using SlotSet = uint64_t;
constexpr unsigned first_slot(SlotSet set) {
  return static_cast<unsigned>(std::countr_zero(set)) / 8;
}

class alignas(64) Bucket {
 public:
  Slot& slot(unsigned index) { return slots_[index]; }
  const Slot& slot(unsigned index) const { return slots_[index]; }
  unsigned index_of(const Slot* slot) const { return static_cast<unsigned>(slot - slots_); }

  SlotSet with_tag(uint8_t tag) const { return zero_bytes(control() ^ kEveryTag * tag) & kTops; }
  SlotSet free() const { return zero_bytes(control()) & kTops; }
  bool is_empty() const { return (control() & kTags) == 0; }
  unsigned count() const { return kSlotsPerBucket - static_cast<unsigned>(std::popcount(free())); }
  uint8_t tag(unsigned index) const { return static_cast<uint8_t>(control() >> (8 * index)); }

  void fill(unsigned index, uint8_t tag, uint64_t slot) {
    slots_[index].store(slot, std::memory_order_relaxed);
    set_control(control() | uint64_t{tag} << (8 * index));
  }
  void free_slot(unsigned index) {
    slots_[index].store(0, std::memory_order_relaxed);
    set_control(control() & ~(uint64_t{0xff} << (8 * index)));
  }
  // Frees all slots, sets reach to 0, keeps the depth.
  void clear() {
    set_control(control() & uint64_t{0xf8} << 56);
    for (Slot& slot : slots_) slot.store(0, std::memory_order_relaxed);
  }

  unsigned reach() const { return static_cast<unsigned>(control() >> 56) & 7; }
  void set_reach(unsigned reach) {
    set_control((control() & ~(uint64_t{7} << 56)) | uint64_t{reach} << 56);
  }
  unsigned depth() const { return static_cast<unsigned>(control() >> 59); }
  void set_depth(unsigned depth) {
    set_control((control() & ~(uint64_t{31} << 59)) | uint64_t{depth} << 59);
  }

 private:
  static constexpr uint64_t kEveryTag = 0x0101010101010101;
  static constexpr uint64_t kTags = 0x00ffffffffffffff;
  static constexpr uint64_t kTops = 0x0080808080808080;

  uint64_t control() const { return control_.load(std::memory_order_relaxed); }
  void set_control(uint64_t control) { control_.store(control, std::memory_order_relaxed); }
  // The top bit of every byte that is zero, exactly.
  static constexpr uint64_t zero_bytes(uint64_t word) {
    constexpr uint64_t kLow = 0x7f7f7f7f7f7f7f7f;
    return ~(((word & kLow) + kLow) | word | kLow);
  }

  std::atomic<uint64_t> control_{0};
  Slot slots_[kSlotsPerBucket]{};
};

struct alignas(512) Block {
  Bucket buckets[kBucketsPerBlock];

  unsigned depth() const { return buckets[0].depth(); }
  unsigned count() const;
  void clear() {
    for (Bucket& bucket : buckets) bucket.clear();
  }

  // The slot `item_slot` lies in this block; which bucket, and how far that is from its home.
  unsigned bucket_of(const Slot* slot) const {
    return static_cast<unsigned>(
        (reinterpret_cast<uintptr_t>(slot) - reinterpret_cast<uintptr_t>(this)) / sizeof(Bucket));
  }

  // Puts a slot into its home bucket or the next one with room. Null if the block is full.
  Slot* place(uint64_t slot, uint8_t tag);
  // Frees a slot of this block and takes back the reach it may have needed.
  void remove(Slot* slot);
};
static_assert(sizeof(Bucket) == 64 && sizeof(Block) == 512);

inline Block* block_around(Slot* slot) {
  return reinterpret_cast<Block*>(reinterpret_cast<uintptr_t>(slot) & ~(sizeof(Block) - 1));
}

}  // namespace larder::storage
