// Ghosts: keys evicted not long ago, 16 bits of hash each.
//
// Buckets of eight, the newest first; a ninth pushes the oldest out. Room for about as many as half
// of the entries. One in 8,000 questions about a key that was never here is answered yes.
// Thread: whoever holds the shard's lock.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "storage/hash.h"

namespace larder::storage {

class Ghosts {
 public:
  size_t bytes() const { return prints_.capacity() * sizeof(uint16_t); }
  void clear() { prints_ = {}; }

  // Remembers a key; `entries` is how many the shard has.
  void remember(Hash hash, size_t entries) {
    const size_t wanted = std::bit_floor(std::max(entries / 2, kBucket));
    if (wanted > prints_.size()) grow(wanted);
    uint16_t* bucket = bucket_of(hash);
    std::memmove(bucket + 1, bucket, (kBucket - 1) * sizeof(uint16_t));
    bucket[0] = print_of(hash);
  }
  // Was it here? If so, it is forgotten.
  bool recall(Hash hash) {
    if (prints_.empty()) return false;
    uint16_t* bucket = bucket_of(hash);
    uint16_t* found = std::find(bucket, bucket + kBucket, print_of(hash));
    if (found == bucket + kBucket) return false;
    std::memmove(found, found + 1,
                 static_cast<size_t>(bucket + kBucket - 1 - found) * sizeof *found);
    bucket[kBucket - 1] = 0;
    return true;
  }

 private:
  static constexpr size_t kBucket = 8;

  static uint16_t print_of(Hash hash) {
    const auto print = static_cast<uint16_t>(hash);
    return print == 0 ? 1 : print;  // 0: nobody
  }
  uint16_t* bucket_of(Hash hash) {
    const size_t buckets = prints_.size() / kBucket;
    return prints_.data() + ((hash >> 16) & (buckets - 1)) * kBucket;
  }
  // Each half of the larger table begins as a copy: whoever was here is found again in either.
  void grow(size_t size) {
    std::vector<uint16_t> larger(size);
    for (size_t at = 0; at < size && !prints_.empty(); at += prints_.size()) {
      std::copy(prints_.begin(), prints_.end(), larger.begin() + static_cast<ptrdiff_t>(at));
    }
    prints_ = std::move(larger);
  }

  std::vector<uint16_t> prints_;
};

}  // namespace larder::storage
