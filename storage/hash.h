// Hash: the one hash of a key, and what its bits are used for.
//
// A key is hashed once, when its request is dispatched; everything below takes the hash as an
// argument.
//
//   63..56   shard
//   55..32   directory: the block a key lies in (most significant bit first, so that the order of
//            the directory is the order of the hashes)
//   31..29   home bucket inside the block
//   28..21   tag, compared before an item is touched
//   20.. 0   free
#pragma once

#include <cstdint>
#include <string_view>

namespace larder::storage {

using Hash = uint64_t;

constexpr unsigned kShardBits = 8;
constexpr unsigned kShardCount = 1u << kShardBits;

// The shard of a key is the top bits of its hash; never its database.
constexpr unsigned shard_of(Hash hash) {
  return static_cast<unsigned>(hash >> (64 - kShardBits));
}

// xxh3 with a secret made from a seed, so that nobody who does not know the seed can choose keys
// that collide. Immutable, so any thread may use it.
class KeyHasher {
 public:
  explicit KeyHasher(uint64_t seed);
  Hash operator()(std::string_view key) const;

 private:
  static constexpr unsigned kSecretBytes = 192;
  alignas(64) unsigned char secret_[kSecretBytes];
};

}  // namespace larder::storage
