// The duel of `auto`: miniatures are the caches they stand for, and the better rule is followed.
#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <random>
#include <set>
#include <vector>

#include "server/eviction_board.h"
#include "server/eviction_duel.h"

namespace larder::server {
namespace {

TEST_CASE("a miniature LRU hits what a list in order of use holds") {
  MiniatureCache cache;
  std::deque<uint32_t> order;
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const auto key = static_cast<uint32_t>(random() % 150);
    const auto place = std::find(order.begin(), order.end(), key);
    const bool known = place != order.end();
    REQUIRE(cache.access(key, 100, 0) == known);
    if (known) order.erase(place);
    order.push_back(key);
    if (order.size() > 100) order.pop_front();
  }
}

TEST_CASE("a miniature S3-FIFO keeps what was read through a scan, and promotes what comes back") {
  MiniatureCache cache;
  for (uint32_t key = 0; key < 50; ++key) {
    cache.access(key, 100, 25);
    CHECK(cache.access(key, 100, 25));
  }
  for (uint32_t key = 1000; key < 1500; ++key) CHECK_FALSE(cache.access(key, 100, 25));
  int hits = 0;
  for (uint32_t key = 0; key < 50; ++key) hits += cache.access(key, 100, 25);
  CHECK(hits == 50);
  // A ghost goes to main, and stays there while the scan goes on.
  CHECK_FALSE(cache.access(1450 - 20, 100, 25));
  for (uint32_t key = 2000; key < 2040; ++key) cache.access(key, 100, 25);
  CHECK(cache.access(1450 - 20, 100, 25));
}

// Feeds the duel as a cache of `objects` would.
struct Feeder {
  void access(uint64_t key) { duel.access(key * 0xD1B54A32D192ED03ULL, board); }

  EvictionBoard board;
  EvictionDuel duel;
  std::mt19937_64 random{7};
};

TEST_CASE("auto leaves LRU where scans would flush it, and comes back where only age counts") {
  for (const int64_t objects : {1'000, 100'000}) {
    Feeder feeder;
    feeder.board.add_to_segment(0, objects);
    CHECK(feeder.board.probation_percent() == 0);
    uint64_t scanned = 1u << 30;
    for (int64_t i = 0; i < 60 * objects; ++i) {
      // Half of it a hot set that fits, half of it keys that never come back.
      feeder.access(i % 2 == 0 ? feeder.random() % static_cast<uint64_t>(objects * 7 / 10)
                               : ++scanned);
    }
    CHECK(feeder.board.probation_percent() != 0);
    // Each key twice, half a cache apart: only LRU holds it so long.
    for (int64_t i = 0; i < 60 * objects; ++i) {
      const uint64_t fresh = (1ull << 40) + static_cast<uint64_t>(i);
      feeder.access(fresh);
      if (i > objects / 2) feeder.access(fresh - static_cast<uint64_t>(objects) * 45 / 100);
    }
    CHECK(feeder.board.probation_percent() == 0);
  }
}

}  // namespace
}  // namespace larder::server
