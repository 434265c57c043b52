// The hash's bits are used for different things; none may starve, and a seed must matter.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "storage/block.h"
#include "storage/hash.h"

namespace larder::storage {

TEST_CASE("a hash depends on the key and on the seed") {
  const KeyHasher one(1);
  const KeyHasher same(1);
  const KeyHasher other(2);
  for (size_t length = 0; length < 600; ++length) {
    const std::string key(length, 'k');
    CHECK(one(key) == same(key));
    CHECK(one(key) != other(key));
    CHECK(one(key) != one(key + "x"));
  }
}

TEST_CASE("keys spread evenly over shards, buckets and tags") {
  const KeyHasher hasher(7);
  std::vector<int> shards(kShardCount);
  std::vector<int> homes(kBucketsPerBlock);
  std::vector<int> tags(256);
  constexpr int kKeys = 256 * 1000;
  for (int index = 0; index < kKeys; ++index) {
    const Hash hash = hasher("key:" + std::to_string(index));
    ++shards[shard_of(hash)];
    ++homes[home_of(hash)];
    ++tags[tag_of(hash)];
  }
  // 1000 expected, standard deviation 32; six of them are never seen by chance.
  for (const int count : shards) CHECK(std::abs(count - 1000) < 200);
  for (const int count : homes) CHECK(std::abs(count - kKeys / 8) < 1200);
  CHECK(tags[0] == 0);
  CHECK(std::abs(tags[1] - 2000) < 300);  // takes over what would be tag 0
  for (unsigned tag = 2; tag < 256; ++tag) CHECK(std::abs(tags[tag] - 1000) < 200);
}

}  // namespace larder::storage
