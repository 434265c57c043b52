#include "storage/block.h"

namespace larder::storage {

unsigned Block::count() const {
  unsigned sum = 0;
  for (const Bucket& bucket : buckets) sum += bucket.count();
  return sum;
}

Slot* Block::place(uint64_t slot, uint8_t tag) {
  const unsigned home = home_in(slot);
  for (unsigned distance = 0; distance < kBucketsPerBlock; ++distance) {
    Bucket& bucket = buckets[(home + distance) % kBucketsPerBlock];
    const SlotSet free = bucket.free();
    if (free == 0) continue;
    const unsigned index = first_slot(free);
    bucket.fill(index, tag, slot);
    if (distance > buckets[home].reach()) buckets[home].set_reach(distance);
    return &bucket.slot(index);
  }
  return nullptr;
}

void Block::remove(Slot* slot) {
  const unsigned position = bucket_of(slot);
  const unsigned home = home_in(slot->load(std::memory_order_relaxed));
  const unsigned distance = (position - home) % kBucketsPerBlock;
  buckets[position].free_slot(buckets[position].index_of(slot));
  unsigned reach = buckets[home].reach();
  if (distance == 0 || distance < reach) return;
  // It was one of the farthest: see how far the others of its home still go.
  for (; reach > 0; --reach) {
    const Bucket& bucket = buckets[(home + reach) % kBucketsPerBlock];
    for (unsigned index = 0; index < kSlotsPerBucket; ++index) {
      const uint64_t word = bucket.slot(index).load(std::memory_order_relaxed);
      if (word != 0 && home_in(word) == home) {
        buckets[home].set_reach(reach);
        return;
      }
    }
  }
  buckets[home].set_reach(0);
}

}  // namespace larder::storage
