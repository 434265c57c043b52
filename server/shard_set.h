// ShardSet: which shards a command needs, as a bitmap. Iteration is in ascending order, which is
// the order locks are taken in.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "storage/shard.h"

namespace larder::server {

class ShardSet {
 public:
  static constexpr unsigned kWords = storage::kShardCount / 64;
  static_assert(storage::kShardCount % 64 == 0);

  static ShardSet all() {
    ShardSet set;
    set.words_.fill(~uint64_t{0});
    return set;
  }

  void add(unsigned shard) { words_[shard / 64] |= uint64_t{1} << (shard % 64); }
  void remove(unsigned shard) { words_[shard / 64] &= ~(uint64_t{1} << (shard % 64)); }
  bool contains(unsigned shard) const { return (words_[shard / 64] >> (shard % 64)) & 1; }
  void clear() { words_.fill(0); }
  bool empty() const {
    uint64_t any = 0;
    for (uint64_t word : words_) any |= word;
    return any == 0;
  }
  bool operator==(const ShardSet&) const = default;

  // Calls `visit(shard)` in ascending order until it returns false; false if it did.
  template <typename Visit>
  bool for_each(Visit&& visit) const {
    for (unsigned w = 0; w < kWords; ++w) {
      for (uint64_t rest = words_[w]; rest != 0; rest &= rest - 1) {
        if (!visit(w * 64 + static_cast<unsigned>(std::countr_zero(rest)))) return false;
      }
    }
    return true;
  }

 private:
  std::array<uint64_t, kWords> words_{};
};

}  // namespace larder::server
