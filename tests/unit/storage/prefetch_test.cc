// prefetch_*() run without the lock while the table grows, shrinks, is flushed and its memory is
// used again. What this proves it proves under the thread and address sanitizers.
#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "storage/shard.h"

namespace larder::storage {

TEST_CASE("prefetching needs no lock") {
  const KeyHasher hasher(1);
  Shard shard(hasher);
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> rounds{0};
  std::vector<std::thread> readers;
  for (uint64_t seed = 0; seed < 2; ++seed) {
    readers.emplace_back([&, seed] {
      std::mt19937_64 random(seed);
      while (!stop.load()) {
        Hash hashes[8];
        for (Hash& hash : hashes) hash = random();
        for (const Hash hash : hashes) shard.prefetch_bucket(0, hash);
        for (const Hash hash : hashes) shard.prefetch_item(0, shard.prefetch_region(0, hash));
        rounds.fetch_add(1);
      }
    });
  }
  for (int round = 0; round < 6; ++round) {
    const uint64_t before = rounds.load();
    for (int number = 0; number < 20'000; ++number) {
      const std::string key = std::to_string(number);
      shard.set(0, key, hasher(key), "value", number % 2 == 0 ? kNoDeadline : 1'000 + number);
    }
    // The readers have been at it, whatever the scheduler thinks.
    while (rounds.load() == before) std::this_thread::yield();
    if (round % 2 == 0) {
      for (int number = 0; number < 20'000; ++number) {
        const std::string key = std::to_string(number);
        shard.erase(0, shard.find(0, key, hasher(key)));
      }
    } else {
      shard.clear(0);
      while (shard.release_slice(500)) {
      }
    }
  }
  stop.store(true);
  for (std::thread& reader : readers) reader.join();
  shard.verify();
  CHECK(shard.bytes() == 0);
}

}  // namespace larder::storage
