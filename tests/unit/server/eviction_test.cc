// Eviction around the shards: how much, from where, who hears of it. What each policy chooses
// within a shard is the shards' affair.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "server/node.h"
#include "tests/support/actor.h"
#include "tests/support/follower.h"
#include "tests/support/worker_desk.h"

namespace larder::server {
namespace {

using support::Actor;
using support::Peer;
using support::WorkerDesk;
using support::Words;

std::string key(int number) { return "key:" + std::to_string(number); }

uint64_t really_used(Node& node) {
  uint64_t bytes = 0;
  for (unsigned shard = 0; shard < storage::kShardCount; ++shard) {
    bytes += node.keyspace().shard(shard).bytes();
  }
  return bytes;
}

size_t keys_in(Node& node) {
  size_t count = 0;
  for (unsigned shard = 0; shard < storage::kShardCount; ++shard) {
    count += node.keyspace().shard(shard).size(0);
  }
  return count;
}

config::Config limited(uint64_t bytes, config::EvictionPolicy policy) {
  config::Config config;
  config.maxmemory_bytes = bytes;
  config.maxmemory_policy = policy;
  return config;
}

constexpr uint64_t kLimit = 4 << 20;
const std::string kValue(1000, 'x');

const std::vector<config::EvictionPolicy> kAllKeys = {
    config::EvictionPolicy::allkeys_lru,    config::EvictionPolicy::allkeys_lfu,
    config::EvictionPolicy::allkeys_random, config::EvictionPolicy::allkeys_fifo,
    config::EvictionPolicy::allkeys_s3fifo, config::EvictionPolicy::allkeys_sieve,
    config::EvictionPolicy::automatic};
const std::vector<config::EvictionPolicy> kVolatile = {
    config::EvictionPolicy::volatile_lru,    config::EvictionPolicy::volatile_lfu,
    config::EvictionPolicy::volatile_random, config::EvictionPolicy::volatile_fifo,
    config::EvictionPolicy::volatile_s3fifo, config::EvictionPolicy::volatile_sieve,
    config::EvictionPolicy::volatile_ttl};

TEST_CASE("every policy keeps the data within the limit, and evicts no more than that takes") {
  for (const auto policy : kAllKeys) {
    INFO("policy " << static_cast<int>(policy));
    WorkerDesk desk(1, limited(kLimit, policy));
    Peer& peer = desk.connect();
    const uint64_t overdraft = desk.node().memory().overdraft_bytes();
    for (int i = 0; i < 8000; ++i) {
      REQUIRE(desk.ask(peer, {"SET", key(i), kValue}) == "+OK\r\n");
      REQUIRE(really_used(desk.node()) <= kLimit + overdraft + 2 * kValue.size());
    }
    CHECK(really_used(desk.node()) <= kLimit + 2 * kValue.size());
    CHECK(really_used(desk.node()) > kLimit * 95 / 100);
    CHECK(desk.stats(0).evicted_keys == 8000 - keys_in(desk.node()));
    CHECK(desk.ask(peer, {"INFO", "stats"})
              .find("evicted_keys:" + std::to_string(desk.stats(0).evicted_keys) + "\r\n") !=
          std::string::npos);
  }
}

TEST_CASE("collections that grow in place stay within the limit, whoever goes for it") {
  for (const auto policy : {config::EvictionPolicy::allkeys_lru, config::EvictionPolicy::automatic,
                            config::EvictionPolicy::noeviction}) {
    INFO("policy " << static_cast<int>(policy));
    WorkerDesk desk(1, limited(kLimit, policy));
    Peer& peer = desk.connect();
    const std::string text(100, 't');
    // What a command may add before the next one is refused or makes room: its text, and what the
    // structures that grow around it take.
    const uint64_t most = kLimit + desk.node().memory().overdraft_bytes() + (64 << 10);
    uint64_t refused = 0;
    for (int i = 0; i < 60'000; ++i) {
      const std::string element = text + std::to_string(i);
      const std::string name = ":" + std::to_string(i % 12);
      const std::vector<Words> growing = {{"RPUSH", "list" + name, element},
                                          {"SADD", "set" + name, element},
                                          {"HSET", "hash" + name, element, "v"},
                                          {"ZADD", "scores" + name, std::to_string(i), element},
                                          {"XADD", "stream" + name, "*", "f", element},
                                          {"APPEND", "string" + name, element}};
      const std::string reply = desk.ask(peer, growing[static_cast<size_t>(i) % growing.size()]);
      if (reply.starts_with("-OOM")) {
        ++refused;
      } else {
        REQUIRE(reply[0] != '-');
      }
      if (i % 16 == 0) REQUIRE(really_used(desk.node()) <= most);
    }
    CHECK((refused > 0) == (policy == config::EvictionPolicy::noeviction));
    CHECK(really_used(desk.node()) <= most);
    CHECK(really_used(desk.node()) > kLimit / 4);
  }
}

TEST_CASE("volatile policies take keys with a deadline only, and refuse when there are no more") {
  for (const auto policy : kVolatile) {
    INFO("policy " << static_cast<int>(policy));
    WorkerDesk desk(1, limited(kLimit, policy));
    Peer& peer = desk.connect();
    for (int i = 0; i < 1000; ++i) desk.ask(peer, {"SET", key(i), kValue});
    for (int i = 0; i < 1000; ++i) desk.ask(peer, {"SET", "due:" + key(i), kValue, "EX", "1000"});
    std::string answer;
    int written = 1000;
    for (; written < 8000; ++written) {
      answer = desk.ask(peer, {"SET", key(written), kValue});
      if (answer != "+OK\r\n") break;
    }
    CHECK(answer == "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    CHECK(desk.stats(0).evicted_keys == 1000);
    CHECK(static_cast<int>(keys_in(desk.node())) == written);
    // One that may go makes room for one.
    REQUIRE(desk.ask(peer, {"EXPIRE", key(0), "1000"}) == ":1\r\n");
    CHECK(desk.ask(peer, {"SET", key(written), kValue}) == "+OK\r\n");
    CHECK(desk.ask(peer, {"EXISTS", key(0)}) == ":0\r\n");
  }
}

TEST_CASE("LRU and FIFO evict the oldest of the whole cache") {
  for (const bool reads_count : {true, false}) {
    WorkerDesk desk(1, limited(kLimit, reads_count ? config::EvictionPolicy::allkeys_lru
                                                   : config::EvictionPolicy::allkeys_fifo));
    Peer& peer = desk.connect();
    int next = 0;
    while (desk.stats(0).evicted_keys == 0) desk.ask(peer, {"SET", key(next++), kValue});
    const int begin = static_cast<int>(desk.stats(0).evicted_keys);
    // What was there first, but has been read since.
    for (int i = begin; i < begin + 50; ++i) desk.ask(peer, {"GET", key(i)});
    // Questions about keys are no use of them.
    for (int i = begin + 50; i < begin + 100; ++i) {
      desk.ask(peer, {"EXISTS", key(i)});
      desk.ask(peer, {"TTL", key(i)});
      desk.ask(peer, {"TYPE", key(i)});
    }
    while (desk.stats(0).evicted_keys < static_cast<uint64_t>(begin) + 50) {
      desk.ask(peer, {"SET", key(next++), kValue});
    }
    int survivors = 0;
    for (int i = begin; i < begin + 50; ++i) {
      survivors += desk.ask(peer, {"EXISTS", key(i)}) == ":1\r\n";
    }
    CHECK(survivors == (reads_count ? 50 : 0));
    for (int i = begin + 100; i < next; ++i) {
      REQUIRE(desk.ask(peer, {"EXISTS", key(i)}) == ":1\r\n");
    }
  }
}

TEST_CASE("CLIENT NO-TOUCH: reads leave no trace, TOUCH does") {
  WorkerDesk desk(1, limited(kLimit, config::EvictionPolicy::allkeys_lru));
  Peer& peer = desk.connect();
  Peer& ghost = desk.connect();
  REQUIRE(desk.ask(ghost, {"CLIENT", "NO-TOUCH", "ON"}) == "+OK\r\n");
  int next = 0;
  while (desk.stats(0).evicted_keys == 0) desk.ask(peer, {"SET", key(next++), kValue});
  const int begin = static_cast<int>(desk.stats(0).evicted_keys);
  for (int i = begin; i < begin + 20; ++i) desk.ask(ghost, {"GET", key(i)});
  while (desk.stats(0).evicted_keys < static_cast<uint64_t>(begin) + 20) {
    desk.ask(peer, {"SET", key(next++), kValue});
  }
  for (int i = begin; i < begin + 20; ++i) CHECK(desk.ask(peer, {"EXISTS", key(i)}) == ":0\r\n");
}

TEST_CASE("OBJECT IDLETIME: seconds since the last use, of any kind and on any worker") {
  WorkerDesk desk(2, limited(0, config::EvictionPolicy::allkeys_lru));
  Peer& one = desk.connect();
  Peer& other = desk.connect();
  desk.ask(one, {"SET", "a", "1"});
  desk.ask(one, {"SET", "b", "1"});
  CHECK(desk.ask(one, {"OBJECT", "IDLETIME", "a"}) == ":0\r\n");
  desk.advance_ms(100'000);
  CHECK(desk.ask(one, {"OBJECT", "IDLETIME", "a"}) == ":100\r\n");
  CHECK(desk.ask(other, {"OBJECT", "IDLETIME", "a"}) == ":100\r\n");
  desk.ask(other, {"GET", "a"});
  CHECK(desk.ask(one, {"OBJECT", "IDLETIME", "a"}) == ":0\r\n");
  desk.advance_ms(7'000);
  desk.ask(one, {"SET", "b", "2"});
  desk.advance_ms(1'000);
  CHECK(desk.ask(other, {"OBJECT", "IDLETIME", "a"}) == ":8\r\n");
  CHECK(desk.ask(other, {"OBJECT", "IDLETIME", "b"}) == ":1\r\n");
}

TEST_CASE("OBJECT FREQ: counts uses, of which older ones count less as others are written") {
  WorkerDesk desk(1, limited(0, config::EvictionPolicy::allkeys_lfu));
  Peer& peer = desk.connect();
  desk.ask(peer, {"SET", "a", "1"});
  desk.ask(peer, {"SET", "b", "1"});
  CHECK(desk.ask(peer, {"OBJECT", "FREQ", "a"}) == ":1\r\n");
  for (int i = 0; i < 9; ++i) desk.ask(peer, {"GET", "a"});
  CHECK(desk.ask(peer, {"OBJECT", "FREQ", "a"}) == ":10\r\n");
  CHECK(desk.ask(peer, {"OBJECT", "FREQ", "b"}) == ":1\r\n");
  for (int i = 0; i < 1000; ++i) desk.ask(peer, {"SET", key(i), "1"});
  CHECK(desk.ask(peer, {"OBJECT", "FREQ", "a"}) < std::string(":5\r\n"));
}

// What DUMP answers for "a".
const std::string kPayload("\x00\x01\x61\x0a\x00\xbf\xfe\xef\x9b\x8f\x36\x7d\xb4", 13);

TEST_CASE("RESTORE IDLETIME: OBJECT answers it, and eviction goes by it") {
  WorkerDesk desk(2, limited(0, config::EvictionPolicy::allkeys_lru));
  Peer& one = desk.connect();
  Peer& other = desk.connect();
  for (const std::string seconds : {"0", "1", "5", "1000", "16000000"}) {
    desk.advance_ms(1'000);
    REQUIRE(desk.ask(one, {"RESTORE", "k", "0", kPayload, "IDLETIME", seconds, "REPLACE"}) ==
            "+OK\r\n");
    CHECK(desk.ask(other, {"OBJECT", "IDLETIME", "k"}) == ":" + seconds + "\r\n");
  }
  desk.advance_ms(10'000);
  CHECK(desk.ask(other, {"OBJECT", "IDLETIME", "k"}) == ":16000010\r\n");
  desk.ask(other, {"GET", "k"});
  CHECK(desk.ask(one, {"OBJECT", "IDLETIME", "k"}) == ":0\r\n");
  // More than can be noted: the most that can be.
  desk.ask(one, {"RESTORE", "m", "0", kPayload, "IDLETIME", "9223372036854775807"});
  CHECK(std::stoull(desk.ask(other, {"OBJECT", "IDLETIME", "m"}).substr(1)) > 100'000'000);
  desk.ask(one, {"RESTORE", "n", "0", kPayload, "FREQ", "100"});
  CHECK(desk.ask(other, {"OBJECT", "IDLETIME", "n"}) == ":0\r\n");
}

TEST_CASE("RESTORE IDLETIME: an entry goes before those that were used since") {
  WorkerDesk desk(1, limited(kLimit, config::EvictionPolicy::allkeys_lru));
  Peer& peer = desk.connect();
  int next = 0;
  while (desk.stats(0).evicted_keys == 0) desk.ask(peer, {"SET", key(next++), kValue});
  for (int round = 0; round < 20; ++round) {
    desk.ask(peer, {"RESTORE", "guest", "0", kPayload, "IDLETIME", "1000"});
    const uint64_t evicted = desk.stats(0).evicted_keys;
    while (desk.stats(0).evicted_keys == evicted) desk.ask(peer, {"SET", key(next++), kValue});
    CHECK(desk.ask(peer, {"EXISTS", "guest"}) == ":0\r\n");
  }
}

TEST_CASE("RESTORE FREQ: OBJECT answers it, and the follower ends equal") {
  WorkerDesk desk(1, limited(0, config::EvictionPolicy::noeviction));
  Peer& peer = desk.connect();
  support::Follower follower(77, desk.now_ms());
  follower.attach(desk.node());
  desk.ask(peer, {"SET", "k", "an entry without a rank"});
  // Shards are converted one by one; that of a hint must not have to wait.
  desk.request(peer, {"CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"});
  desk.request(peer, {"RESTORE", "k", "0", kPayload, "REPLACE", "FREQ", "5"});
  CHECK(desk.ask(peer, {"OBJECT", "FREQ", "k"}) == "+OK\r\n+OK\r\n:5\r\n");
  for (const std::string frequency : {"0", "1", "30"}) {
    desk.ask(peer, {"RESTORE", "k", "0", kPayload, "REPLACE", "FREQ", frequency});
    CHECK(desk.ask(peer, {"OBJECT", "FREQ", "k"}) == ":" + frequency + "\r\n");
  }
  desk.ask(peer, {"RESTORE", "n", "5000", kPayload, "IDLETIME", "100"});
  CHECK(desk.ask(peer, {"OBJECT", "FREQ", "n"}) == ":1\r\n");
  follower.apply();
  CHECK(support::difference(desk.node(), follower.node()) == "");
}

TEST_CASE("a limit that is lowered is reached in slices, and writes go on meanwhile") {
  WorkerDesk desk(1, limited(16 << 20, config::EvictionPolicy::allkeys_lru));
  Peer& admin = desk.connect();
  Peer& peer = desk.connect();
  for (int i = 0; i < 10'000; ++i) desk.ask(admin, {"SET", key(i), kValue});
  const size_t before = keys_in(desk.node());
  desk.request(admin, {"CONFIG", "SET", "maxmemory", "1mb"});
  desk.request(peer, {"SET", "new", "x"});
  desk.turn(0);
  // A turn and a command have had their slices, no more.
  CHECK(keys_in(desk.node()) < before);
  CHECK(keys_in(desk.node()) + 300 > before);
  CHECK(really_used(desk.node()) > 8 << 20);
  CHECK(desk.result(0).wait_ns == 0);
  desk.turn(0);
  CHECK(peer.take() == "+OK\r\n");
  desk.settle();
  CHECK(really_used(desk.node()) <= 1 << 20);
  CHECK(really_used(desk.node()) > 900 << 10);
  CHECK(desk.ask(peer, {"GET", "new"}) == "$1\r\nx\r\n");
}

TEST_CASE("who writes faster than eviction frees has to wait for it") {
  WorkerDesk desk(1, limited(kLimit, config::EvictionPolicy::allkeys_random));
  Peer& peer = desk.connect();
  for (int i = 0; i < 40'000; ++i) desk.ask(peer, {"SET", key(i), "small"});
  const uint64_t overdraft = desk.node().memory().overdraft_bytes();
  const std::string large(300'000, 'x');
  for (int i = 0; i < 12; ++i) desk.request(peer, {"SET", "large:" + key(i), large});
  for (int turns = 0; turns < 2000; ++turns) {
    desk.turn(0);
    REQUIRE(really_used(desk.node()) <= kLimit + overdraft + large.size() * 5 / 4);
  }
  desk.settle();
  std::string expected;
  for (int i = 0; i < 12; ++i) expected += "+OK\r\n";
  CHECK(peer.take() == expected);
  CHECK(desk.stats(0).parked_commands > 0);
  CHECK(really_used(desk.node()) <= kLimit);
}

TEST_CASE("a policy that is changed while the server runs is that of the next eviction") {
  WorkerDesk desk(1, limited(kLimit, config::EvictionPolicy::noeviction));
  Peer& peer = desk.connect();
  int next = 0;
  while (desk.ask(peer, {"SET", key(next), kValue}) == "+OK\r\n") ++next;
  for (const auto& [name, evicts] : std::vector<std::pair<std::string, bool>>{
           {"volatile-lru", false}, {"allkeys-lfu", true}, {"volatile-ttl", false},
           {"allkeys-random", true}, {"noeviction", false}, {"auto", true}}) {
    INFO(name);
    REQUIRE(desk.ask(peer, {"CONFIG", "SET", "maxmemory-policy", name}) == "+OK\r\n");
    for (int i = 0; i < 100; ++i) {
      const bool fits = really_used(desk.node()) <= kLimit;
      const std::string answer = desk.ask(peer, {"SET", key(next++), kValue});
      REQUIRE((answer == "+OK\r\n") == (evicts || fits));
    }
  }
}

TEST_CASE("an eviction touches who watches the key") {
  WorkerDesk desk(1, limited(kLimit, config::EvictionPolicy::allkeys_random));
  Peer& peer = desk.connect();
  Peer& watcher = desk.connect();
  desk.ask(peer, {"SET", "watched", kValue});
  desk.ask(watcher, {"WATCH", "watched"});
  desk.ask(watcher, {"MULTI"});
  desk.ask(watcher, {"GET", "watched"});
  for (int i = 0; desk.ask(peer, {"EXISTS", "watched"}) == ":1\r\n"; ++i) {
    REQUIRE(i < 1'000'000);
    desk.ask(peer, {"SET", key(i), kValue});
  }
  CHECK(desk.ask(watcher, {"EXEC"}) == "*-1\r\n");
}

TEST_CASE("in a pause nothing is evicted, and eviction catches up after it") {
  WorkerDesk desk(2, limited(kLimit, config::EvictionPolicy::allkeys_random));
  Peer& peer = desk.connect();
  for (int i = 0; i < 2000; ++i) desk.ask(peer, {"SET", key(i), kValue});
  const uint64_t used = really_used(desk.node());
  desk.ask(peer, {"CLIENT", "PAUSE", "1000", "WRITE"});
  desk.ask(peer, {"CONFIG", "SET", "maxmemory", "1mb"});
  CHECK(desk.ask(peer, {"GET", "absent"}) == "$-1\r\n");
  CHECK(really_used(desk.node()) == used);
  desk.ask(peer, {"CLIENT", "UNPAUSE"});
  CHECK(really_used(desk.node()) <= 1 << 20);
}

TEST_CASE("a follower of the effects knows what was evicted") {
  Node node(support::node_options(1, 7));
  Actor actor(node, 0, 1);
  actor.set_time_ms(1000);
  support::Follower follower(9, 1000);
  follower.attach(node);
  config::Config config = limited(kLimit, config::EvictionPolicy::allkeys_random);
  actor.dispatcher().use_config(std::make_shared<const config::Config>(config));
  for (int i = 0; i < 8000; ++i) {
    REQUIRE(actor.run({"SET", key(i), kValue}) == "+OK\r\n");
    if (i % 100 == 0) actor.run({"MSET", "a", "1", key(i), "2"});
  }
  REQUIRE(actor.dispatcher().stats().evicted_keys > 1000);
  follower.apply();
  CHECK(support::contents_of(follower.node()) == support::contents_of(node));
}

}  // namespace
}  // namespace larder::server
