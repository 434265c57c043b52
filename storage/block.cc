#include "storage/block.h"

namespace larder::storage {

unsigned Block::count() const {
  unsigned sum = 0;
  for (const Bucket& bucket : buckets) sum += bucket.count();
  return sum;
}

Slot* Block::place(Hash hash, ItemRef ref) {
  const unsigned home_index = home_of(hash);
  Bucket& home = buckets[home_index];
  for (unsigned distance = 0; distance < kBucketsPerBlock; ++distance) {
    Bucket& bucket = buckets[(home_index + distance) % kBucketsPerBlock];
    const SlotSet free = bucket.free();
    if (free == 0) continue;
    const unsigned index = first_slot(free);
    bucket.fill(index, tag_of(hash), ref);
    if (distance > 0) {
      home.set_displaced(home.displaced() + 1);
      if (distance > home.reach()) home.set_reach(distance);
    }
    return &bucket.slot(index);
  }
  return nullptr;
}

void Block::remove(Slot* slot, Hash hash) {
  const unsigned position = bucket_of(slot);
  buckets[position].free_slot(buckets[position].index_of(slot));
  Bucket& home = buckets[home_of(hash)];
  if (&home == &buckets[position]) return;
  home.set_displaced(home.displaced() - 1);
  if (home.displaced() == 0) home.set_reach(0);
}

}  // namespace larder::storage
