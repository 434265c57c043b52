// Who goes first under each policy: shards against models that keep plain lists.
#include "storage/eviction.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <list>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "storage/shard.h"
#include "tests/support/eviction_model.h"

namespace larder::storage {
namespace {

constexpr uint64_t kAnyKey = UINT64_MAX - 1;

class OneShard {
 public:
  explicit OneShard(EvictionPolicy policy, bool volatile_only = false) {
    shard.use_eviction(policy, volatile_only);
  }

  void insert(const std::string& key, int64_t deadline_ms = kNoDeadline) {
    tick();
    shard.set(0, key, hasher(key), "a value of some length", deadline_ms);
  }
  void hit(const std::string& key) {
    tick();
    shard.touch(0, find(key));
  }
  Entry find(const std::string& key) { return shard.find(0, key, hasher(key)); }
  void erase(const std::string& key) { shard.erase(0, find(key)); }
  void tick() { shard.set_rank_clock({++now, now * 1'000}); }

  // One step in a segment: the key that went, or "" if the candidate got another chance.
  std::string step(unsigned segment) {
    for (int looks = 0; looks < 1'000; ++looks) {
      std::string gone;
      const auto done = shard.evict_step(segment, kAnyKey, random(), [&](unsigned db, Entry entry) {
        gone = entry.key();
        shard.erase(db, entry);
      });
      if (done == Shard::Step::evicted) return gone;
      if (done == Shard::Step::moved) return "";
    }
    FAIL("a segment has no candidate");
    return "";
  }
  // LRU and FIFO keep one order over both segments. Bounds may be behind, so that a candidate goes
  // only if it is first beside the other segment's bound.
  std::string evict_first() {
    std::string gone;
    for (int looks = 0; looks < 10'000 && gone.empty(); ++looks) {
      const unsigned segment = shard.least_key(1) < shard.least_key(0) ? 1 : 0;
      const uint64_t limit = std::min(shard.least_key(1 - segment), kAnyKey);
      shard.evict_step(segment, limit, random(), [&](unsigned db, Entry entry) {
        gone = entry.key();
        shard.erase(db, entry);
      });
    }
    return gone;
  }

  KeyHasher hasher{5};
  Shard shard{hasher};
  uint64_t now = 0;
  std::mt19937_64 random{1};
};

std::string some_key(std::mt19937_64& random) {
  return "key " + std::to_string(random() % 3'000);
}

TEST_CASE("under every policy exactly that entry goes which the policy puts first") {
  using Model = test_support::EvictionModel;
  const EvictionPolicy policy =
      GENERATE(from_range(std::begin(Model::kPolicies), std::end(Model::kPolicies)));
  const bool volatile_only = GENERATE(false, true);
  CAPTURE(static_cast<int>(policy), volatile_only);
  std::mt19937 random(8);
  const auto byte = [&random] { return static_cast<uint8_t>(random()); };
  Model model;
  // Made before any policy asks for ranks.
  for (int round = 0; round < 500; ++round) model.operate(0x80 & byte(), byte(), byte());
  model.use(policy, volatile_only);
  for (int round = 0; round < 20'000; ++round) model.operate(byte(), byte(), byte());
  CHECK((model.evicted() > 0) == (policy != EvictionPolicy::none));
  CHECK((model.spared() > 0) ==
        (policy == EvictionPolicy::s3fifo || policy == EvictionPolicy::sieve));
  model.finish();
}

TEST_CASE("FIFO evicts in the order of insertion, LRU in that of the last use") {
  for (const bool is_lru : {false, true}) {
    OneShard one(is_lru ? EvictionPolicy::lru : EvictionPolicy::fifo);
    std::list<std::string> order;
    std::map<std::string, std::list<std::string>::iterator> places;
    std::mt19937_64 random(2);
    for (int round = 0; round < 30'000; ++round) {
      const std::string key = some_key(random);
      const auto known = places.find(key);
      if (known == places.end()) {
        one.insert(key);
        places[key] = order.insert(order.end(), key);
      } else if (random() % 10 == 0) {
        one.erase(key);
        order.erase(known->second);
        places.erase(known);
      } else {
        one.hit(key);
        if (is_lru) order.splice(order.end(), order, known->second);
      }
      while (order.size() > 1'000) {
        const std::string gone = one.evict_first();
        REQUIRE(gone == order.front());
        places.erase(gone);
        order.pop_front();
      }
      if (round % 5'000 == 0) one.shard.verify();
    }
    one.shard.verify();
    CHECK(one.shard.size(0) == order.size());
    CHECK(one.shard.segment_size(0) + one.shard.segment_size(1) == order.size());
  }
}

TEST_CASE("S3-FIFO promotes what was read, gives main its rounds and remembers ghosts") {
  struct Known {
    int reads = 0;
    bool main = false;
  };
  OneShard one(EvictionPolicy::s3fifo);
  std::list<std::string> queues[2];
  std::map<std::string, Known> known;
  std::mt19937_64 random(3);
  size_t returned_to_main = 0;
  for (int round = 0; round < 30'000; ++round) {
    const std::string key = some_key(random);
    const auto place = known.find(key);
    if (place == known.end()) {
      one.insert(key);
      const bool main = StampRank::of(Shard::rank_of(one.find(key))).segment == 1;
      returned_to_main += main ? 1 : 0;
      known[key] = {0, main};
      queues[main].push_back(key);
    } else {
      one.hit(key);
      place->second.reads = std::min(3, place->second.reads + 1);
    }
    while (known.size() > 1'000) {
      const unsigned segment = queues[0].size() * 4 > known.size() || queues[1].empty() ? 0 : 1;
      REQUIRE(one.shard.segment_size(0) == queues[0].size());
      one.tick();
      const std::string gone = one.step(segment);
      const std::string first = queues[segment].front();
      queues[segment].pop_front();
      Known& candidate = known.at(first);
      if (candidate.reads > 0) {
        REQUIRE(gone.empty());
        candidate.reads = segment == 0 ? 0 : candidate.reads - 1;
        candidate.main = true;
        queues[1].push_back(first);
      } else {
        REQUIRE(gone == first);
        known.erase(first);
      }
    }
  }
  one.shard.verify();
  CHECK(returned_to_main > 100);
}

TEST_CASE("SIEVE's hand passes what was read and evicts what was not") {
  // The list from the oldest to the newest; the hand stands on the next candidate.
  struct Node {
    std::string key;
    bool visited = false;
  };
  OneShard one(EvictionPolicy::sieve);
  std::list<Node> order;
  std::map<std::string, std::list<Node>::iterator> places;
  auto hand = order.end();  // between two rounds, until something new comes
  bool has_moved = false;
  unsigned front = 0;
  std::mt19937_64 random(4);
  for (int round = 0; round < 30'000; ++round) {
    const std::string key = some_key(random);
    const auto known = places.find(key);
    if (known != places.end()) {
      one.hit(key);
      known->second->visited = true;
      continue;
    }
    while (order.size() >= 1'000) {
      if (hand == order.end()) hand = order.begin();
      if (one.shard.segment_size(front) == 0) one.shard.set_front(front ^= 1);
      const std::string gone = one.step(front);
      has_moved = true;
      if (hand->visited) {
        REQUIRE(gone.empty());
        hand->visited = false;
        ++hand;
      } else {
        REQUIRE(gone == hand->key);
        places.erase(gone);
        hand = order.erase(hand);
      }
    }
    one.insert(key);
    const bool at_end = has_moved && hand == order.end();
    places[key] = order.insert(order.end(), {key, false});
    if (at_end) hand = places[key];
  }
  one.shard.verify();
}

TEST_CASE("LFU evicts the least used, and old uses count less and less") {
  OneShard one(EvictionPolicy::lfu);
  for (int number = 0; number < 100; ++number) {
    one.insert(std::to_string(number));
    for (int hits = 0; hits < number; ++hits) one.hit(std::to_string(number));
  }
  one.shard.verify();
  CHECK(one.step(0) == "0");
  CHECK(one.step(0) == "1");
  one.shard.touch(0, one.find("2"));
  one.shard.touch(0, one.find("2"));
  CHECK(one.step(0) == "3");
  // Twenty half-lives later, one use weighs more than a hundred then.
  one.shard.set_rank_clock({one.now, one.now * 1'000 + (20u << 20)});
  one.shard.set(0, "new", one.hasher("new"), "value", kNoDeadline);
  for (int left = 97; left > 0; --left) CHECK(one.step(0) != "new");
  CHECK(one.shard.size(0) == 1);
}

TEST_CASE("LRU: an entry known from elsewhere goes as if it had been used here") {
  for (const bool had_no_rank : {false, true}) {
    OneShard one(had_no_rank ? EvictionPolicy::none : EvictionPolicy::lru);
    one.insert("guest");
    one.insert("oldest");
    if (had_no_rank) one.shard.use_eviction(EvictionPolicy::lru, false);
    while (had_no_rank && one.shard.release_slice(10)) {
    }
    if (had_no_rank) one.insert("guest");
    for (int number = 0; number < 500; ++number) one.insert(std::to_string(number));
    // With the 100th, or before everything that there is.
    const uint64_t tick = one.now - 400;
    one.shard.set_last_use(0, one.find("guest"), tick);
    one.shard.verify();
    CHECK(StampPolicy::key(Shard::rank_of(one.find("guest")), {one.now, 0}) ==
          StampPolicy::kKeyBias + tick);
    one.shard.set_last_use(0, one.find("oldest"), 0);
    CHECK(one.evict_first() == "oldest");
    for (int number = 0; number < 98; ++number) CHECK(one.evict_first() == std::to_string(number));
    std::vector<std::string> next{one.evict_first(), one.evict_first(), one.evict_first()};
    CHECK(std::count(next.begin(), next.end(), "guest") == 1);
    one.hit("200");
    one.shard.verify();
  }
  // What has no room for a rank gets it.
  OneShard one(EvictionPolicy::none);
  one.insert("a");
  one.shard.use_eviction(EvictionPolicy::lru, false);
  one.insert("b");
  one.shard.set_last_use(0, one.find("a"), one.now);
  CHECK(Shard::has_rank(one.find("a")));
  one.shard.verify();
}

TEST_CASE("a stamp reaches back so far that it is long until it seems new, and never forward") {
  const RankClock now{uint64_t{1} << 40, 0};
  const uint32_t rank = Lru::hit(Lru::admitted(now, 0, true), now);
  const auto key_of = [&](uint64_t tick) {
    return StampPolicy::key(Lru::stamped(rank, tick, now), now) - StampPolicy::kKeyBias;
  };
  CHECK(key_of(now.ticks) == now.ticks);
  CHECK(key_of(now.ticks - 12'345) == now.ticks - 12'345);
  CHECK(key_of(0) == now.ticks - StampPolicy::kMostTicksBack);
  CHECK(key_of(now.ticks + 5) == now.ticks);
  const StampRank parts = StampRank::of(Lru::stamped(rank, 0, now));
  CHECK(parts.segment == 1);
  CHECK(parts.reads == 1);
}

TEST_CASE("LFU: an entry known from elsewhere goes as if it had been hit so often here") {
  OneShard one(EvictionPolicy::lfu);
  for (const int count : {0, 1, 5, 255}) {
    one.insert(std::to_string(count));
    one.shard.set_uses(0, one.find(std::to_string(count)), count);
    const double weight = Lfu::weight(Shard::rank_of(one.find(std::to_string(count))),
                                      {one.now, one.now * 1'000});
    CHECK(weight == Approx(std::max(count, 0)).margin(0.01));
  }
  one.insert("new");
  one.shard.verify();
  for (const std::string expected : {"0", "1", "new", "5", "255"}) CHECK(one.step(0) == expected);
  // Under a policy that does not count, nothing happens.
  for (const EvictionPolicy policy : {EvictionPolicy::none, EvictionPolicy::fifo,
                                      EvictionPolicy::s3fifo, EvictionPolicy::sieve}) {
    OneShard other(policy);
    other.insert("a");
    other.insert("b");
    const uint32_t rank = Shard::rank_of(other.find("b"));
    other.shard.set_uses(0, other.find("b"), 0);
    other.shard.set_last_use(0, other.find("b"), 0);
    CHECK(Shard::rank_of(other.find("b")) == rank);
    other.shard.verify();
  }
}

TEST_CASE("entries without a deadline are no candidates of a volatile policy") {
  for (const EvictionPolicy policy :
       {EvictionPolicy::lru, EvictionPolicy::lfu, EvictionPolicy::fifo, EvictionPolicy::s3fifo,
        EvictionPolicy::sieve, EvictionPolicy::random, EvictionPolicy::ttl}) {
    OneShard one(policy, /*volatile_only=*/true);
    for (int number = 0; number < 500; ++number) {
      one.insert(std::to_string(number), number % 3 == 0 ? 1'000'000 + number : kNoDeadline);
    }
    // One gets a deadline later, one loses it.
    one.shard.set_deadline(0, one.find("1"), 5'000);
    one.shard.set_deadline(0, one.find("3"), kNoDeadline);
    one.shard.verify();
    for (int evictions = 0; evictions < 167; ++evictions) {
      const std::string gone = one.step(0);
      CAPTURE(static_cast<int>(policy), gone);
      CHECK((gone == "1" || (gone != "3" && std::stoi(gone) % 3 == 0)));
      if (policy == EvictionPolicy::ttl && evictions == 0) CHECK(gone == "1");
    }
    CHECK(one.shard.least_key(0) == UINT64_MAX);
    CHECK(one.shard.size(0) == 333);
    one.shard.verify();
  }
}

TEST_CASE("every policy takes over from every other, and from none") {
  const EvictionPolicy policies[] = {
      EvictionPolicy::none,   EvictionPolicy::fifo,  EvictionPolicy::lru,    EvictionPolicy::lfu,
      EvictionPolicy::s3fifo, EvictionPolicy::sieve, EvictionPolicy::random, EvictionPolicy::ttl};
  OneShard one(EvictionPolicy::none);
  std::mt19937_64 random(6);
  for (int number = 0; number < 4'000; ++number) {
    one.insert(std::to_string(number), number % 2 == 0 ? kNoDeadline : 1'000'000);
  }
  int next = 4'000;
  for (int round = 0; round < 60; ++round) {
    const EvictionPolicy policy = policies[random() % std::size(policies)];
    one.shard.use_eviction(policy, random() % 4 == 0);
    one.shard.verify();
    for (int repeat = 0; repeat < 40; ++repeat) {
      one.insert(std::to_string(next++), random() % 2 == 0 ? kNoDeadline : 1'000'000);
      if (random() % 2 == 0) one.shard.release_slice(100);
      if (policy == EvictionPolicy::none) continue;
      for (const unsigned segment : {0u, 1u}) {
        if (one.shard.least_key(segment) != UINT64_MAX) one.step(segment);
      }
    }
    one.shard.verify();
  }
  while (one.shard.release_slice(100)) {
  }
  one.shard.verify();
}

TEST_CASE("evicted keys are remembered, about as many as half of the entries") {
  Ghosts ghosts;
  const KeyHasher hasher(1);
  constexpr int kKeys = 10'000;
  for (int number = 0; number < kKeys; ++number) {
    ghosts.remember(hasher(std::to_string(number)), kKeys);
  }
  int strangers = 0;
  for (int number = kKeys; number < 2 * kKeys; ++number) {
    strangers += ghosts.recall(hasher(std::to_string(number))) ? 1 : 0;
  }
  CHECK(strangers < 20);
  int old_ones = 0;
  int new_ones = 0;
  for (int number = 0; number < kKeys; ++number) {
    if (!ghosts.recall(hasher(std::to_string(number)))) continue;
    CHECK_FALSE(ghosts.recall(hasher(std::to_string(number))));  // once
    ++(number < kKeys / 2 ? old_ones : new_ones);
  }
  CHECK(old_ones + new_ones > kKeys / 3);
  CHECK(new_ones > 4 * old_ones);
}

}  // namespace
}  // namespace larder::storage
