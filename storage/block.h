// Block: 512 bytes of a table, eight buckets of one cache line each.
//
//   bucket   tags of slots 0..11, one byte each | control 4 | slots 0..11, 4 bytes each
//   tag      0: the slot is free; else 8 bits of the hash, never 0
//   control  bits 0..2 reach: how far from this bucket an item whose home it is may lie
//            bits 3..9 displaced: how many items whose home it is lie elsewhere
//            bits 10..14, first bucket only: depth, how many directory bits all items here share
//   slot     an ItemRef
//
// A slot remembers nothing of the hash but the tag: whoever moves items between buckets (a split, a
// merge) reads their keys, which takes a few microseconds per block and saves a third of the table.
//
// Invariants
//   * An item lies in its home bucket or at most `reach` buckets further, wrapping inside the
//   block.
//   * reach is 0 where displaced is.
//   * A free slot is 0.
//
// Thread: changed only under the shard's lock. prefetch_*() reads without it, so all words are
// atomics, read and written relaxed, which costs nothing here; a torn picture prefetches in vain.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "storage/hash.h"
#include "storage/item_ref.h"

namespace larder::storage {

using Slot = std::atomic<uint32_t>;

constexpr unsigned kDirectoryBits = 24;  // the deepest a directory can get
constexpr unsigned kBucketsPerBlock = 8;
constexpr unsigned kSlotsPerBucket = 12;
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

inline ItemRef ref_in(const Slot& slot) {
  return ItemRef(slot.load(std::memory_order_relaxed));
}

// One bit per slot.
using SlotSet = unsigned;
constexpr unsigned first_slot(SlotSet set) {
  return static_cast<unsigned>(std::countr_zero(set));
}

class alignas(64) Bucket {
 public:
  Slot& slot(unsigned index) { return slots_[index]; }
  const Slot& slot(unsigned index) const { return slots_[index]; }
  unsigned index_of(const Slot* slot) const { return static_cast<unsigned>(slot - slots_); }

  SlotSet with_tag(uint8_t tag) const {
#if defined(__SSE2__)
    const __m128i tags = _mm_set_epi64x(static_cast<int64_t>(high()), static_cast<int64_t>(low()));
    const __m128i same = _mm_cmpeq_epi8(tags, _mm_set1_epi8(static_cast<char>(tag)));
    return static_cast<SlotSet>(_mm_movemask_epi8(same)) & kAllSlots;
#else
    const uint64_t every = kEveryByte * tag;
    return zero_bytes(low() ^ every) | (zero_bytes(high() ^ every) & kHighSlots) << 8;
#endif
  }
  SlotSet free() const { return with_tag(0); }
  SlotSet used() const { return free() ^ kAllSlots; }
  bool is_empty() const { return used() == 0; }
  unsigned count() const { return static_cast<unsigned>(std::popcount(used())); }
  uint8_t tag(unsigned index) const {
    return static_cast<uint8_t>(index < 8 ? low() >> (8 * index) : high() >> (8 * (index - 8)));
  }

  void fill(unsigned index, uint8_t tag, ItemRef ref) {
    slots_[index].store(ref.bits(), std::memory_order_relaxed);
    word(index) |= uint64_t{tag} << shift(index);
  }
  void free_slot(unsigned index) {
    slots_[index].store(0, std::memory_order_relaxed);
    word(index) &= ~(uint64_t{0xff} << shift(index));
  }
  // Frees all slots, and sets everything else to 0.
  void clear() {
    words_[0].store(0, std::memory_order_relaxed);
    words_[1].store(0, std::memory_order_relaxed);
    for (Slot& slot : slots_) slot.store(0, std::memory_order_relaxed);
  }

  unsigned reach() const { return control(0, 3); }
  void set_reach(unsigned reach) { set_control(0, 3, reach); }
  unsigned displaced() const { return control(3, 7); }
  void set_displaced(unsigned displaced) { set_control(3, 7, displaced); }
  unsigned depth() const { return control(10, 5); }
  void set_depth(unsigned depth) { set_control(10, 5, depth); }

 private:
  static constexpr uint64_t kEveryByte = 0x0101010101010101;
  static constexpr SlotSet kAllSlots = (1u << kSlotsPerBucket) - 1;
  static constexpr SlotSet kHighSlots = kAllSlots >> 8;
  static constexpr unsigned kControlShift = 32;

  // A word of relaxed atomic memory that only the lock's holder changes.
  class Word {
   public:
    explicit Word(std::atomic<uint64_t>& word) : word_(word) {}
    void operator|=(uint64_t bits) { store(load() | bits); }
    void operator&=(uint64_t bits) { store(load() & bits); }

   private:
    uint64_t load() const { return word_.load(std::memory_order_relaxed); }
    void store(uint64_t value) { word_.store(value, std::memory_order_relaxed); }
    std::atomic<uint64_t>& word_;
  };
  Word word(unsigned index) { return Word(words_[index / 8]); }
  static unsigned shift(unsigned index) { return 8 * (index % 8); }

  uint64_t low() const { return words_[0].load(std::memory_order_relaxed); }
  uint64_t high() const { return words_[1].load(std::memory_order_relaxed); }
  unsigned control(unsigned at, unsigned bits) const {
    return static_cast<unsigned>(high() >> (kControlShift + at)) & ((1u << bits) - 1);
  }
  void set_control(unsigned at, unsigned bits, unsigned value) {
    const uint64_t mask = uint64_t{(1u << bits) - 1} << (kControlShift + at);
    words_[1].store((high() & ~mask) | uint64_t{value} << (kControlShift + at),
                    std::memory_order_relaxed);
  }
  // One bit for every byte that is zero, exactly.
  static constexpr SlotSet zero_bytes(uint64_t word) {
    constexpr uint64_t kLow = 0x7f7f7f7f7f7f7f7f;
    constexpr uint64_t kGather = 0x0002040810204081;
    const uint64_t tops = ~(((word & kLow) + kLow) | word | kLow);
    return static_cast<SlotSet>((tops >> 7) * (kGather << 7) >> 56);
  }

  std::atomic<uint64_t> words_[2]{};
  Slot slots_[kSlotsPerBucket]{};
};

struct alignas(512) Block {
  Bucket buckets[kBucketsPerBlock];

  unsigned depth() const { return buckets[0].depth(); }
  unsigned count() const;
  // No items, depth 0.
  void clear() {
    for (Bucket& bucket : buckets) bucket.clear();
  }

  unsigned bucket_of(const Slot* slot) const {
    return static_cast<unsigned>(
        (reinterpret_cast<uintptr_t>(slot) - reinterpret_cast<uintptr_t>(this)) / sizeof(Bucket));
  }

  // Puts a reference into its home bucket or the next one with room. Null if the block is full.
  Slot* place(Hash hash, ItemRef ref);
  // Frees a slot of this block, whose item has this hash.
  void remove(Slot* slot, Hash hash);
};
static_assert(sizeof(Bucket) == 64 && sizeof(Block) == 512);

inline Block* block_around(Slot* slot) {
  return reinterpret_cast<Block*>(reinterpret_cast<uintptr_t>(slot) & ~(sizeof(Block) - 1));
}

}  // namespace larder::storage
