// Several clients on several workers write far more than maxmemory, while the limit and the policy
// change under them: the data never exceeds the limit by more than is promised, no write is refused
// where there is something to evict, and the counts agree in the end.
#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/stress/support/client.h"
#include "tests/stress/support/running_server.h"
#include "tests/stress/support/threads.h"

namespace larder::stress {
namespace {

constexpr unsigned kWorkers = 4;
constexpr uint64_t kLimit = 4 << 20;
constexpr uint64_t kMostValue = 4000;
// The overdraft, and for each worker what it may keep uncounted and one command, with what its
// value is rounded up to and its table grows by.
constexpr uint64_t kOneCommand = 2 * kMostValue + 16384;
constexpr uint64_t kSlack = kLimit / 64 + kLimit / 256 + kWorkers * kOneCommand;
constexpr int kRounds = 150;
constexpr int kPipelined = 32;

uint64_t field(Client& client, const std::string& section, const std::string& name) {
  const std::string text = client.must({"INFO", section}).text;
  const size_t at = text.find("\r\n" + name + ":");
  require(at != std::string::npos, "INFO has no " + name);
  return std::stoull(text.substr(at + name.size() + 3));
}

void write(Client& client, uint64_t seed) {
  std::mt19937_64 random(seed);
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Words> requests;
    for (int i = 0; i < kPipelined; ++i) {
      const std::string key = std::to_string(random() % 20'000);
      const std::string value(1 + random() % kMostValue, 'x');
      switch (random() % 8) {
        case 0:
          requests.push_back({"SET", key, value, "PX", std::to_string(1 + random() % 2000)});
          break;
        case 1:
          requests.push_back({"MSET", key, value, key + "b", "1"});
          break;
        case 2:
          requests.push_back({"DEL", key});
          break;
        default:
          requests.push_back({"SET", key, value});
      }
    }
    for (const Value& value : client.pipeline(requests)) {
      require(!value.is_error(), "a write was refused: " + value.text);
    }
  }
}

}  // namespace

TEST_CASE("the data stays within maxmemory, whatever several workers write") {
  RunningServer server(kWorkers);
  Client admin(server.port());
  admin.must({"CONFIG", "SET", "maxmemory", std::to_string(kLimit), "maxmemory-policy",
              "allkeys-random"});
  std::atomic<int> writers{4};
  std::vector<std::function<void()>> bodies;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    bodies.emplace_back([&, seed] {
      const Busy busy(writers);
      Client client(server.port());
      write(client, seed);
    });
  }
  bodies.emplace_back([&] {
    Client client(server.port());
    std::mt19937_64 random(17);
    while (writers > 0) {
      std::vector<Words> requests;
      for (int i = 0; i < kPipelined; ++i) {
        requests.push_back({"GET", std::to_string(random() % 20'000)});
      }
      for (const Value& value : client.pipeline(requests)) {
        require(!value.is_error(), "a read was refused: " + value.text);
      }
    }
  });
  bodies.emplace_back([&] {
    Client client(server.port());
    const std::vector<std::string> policies = {"allkeys-fifo",  "auto",           "allkeys-lfu",
                                               "allkeys-sieve", "allkeys-random", "allkeys-s3fifo",
                                               "allkeys-lru"};
    for (size_t turn = 0; writers > 0; ++turn) {
      const uint64_t used = field(client, "memory", "used_memory");
      require(used <= kLimit + kSlack, "the data takes " + std::to_string(used) + " bytes");
      // A lower limit is reached in slices; back again, nothing has been exceeded.
      if (turn % 10 == 0) {
        client.must({"CONFIG", "SET", "maxmemory", std::to_string(kLimit / 2)});
        client.must({"CONFIG", "SET", "maxmemory", std::to_string(kLimit), "maxmemory-policy",
                     policies[turn / 10 % policies.size()]});
      }
    }
  });
  run_threads(bodies);

  CHECK(field(admin, "memory", "used_memory") <= kLimit + kSlack);
  CHECK(field(admin, "stats", "evicted_keys") > 1000);
  CHECK(admin.must({"DBSIZE"}).number() > 100);

  // A limit that nothing fits into empties the cache, and writes go on.
  admin.must({"CONFIG", "SET", "maxmemory", "10000"});
  for (int tries = 0; field(admin, "memory", "used_memory") > 10'000 + kSlack; ++tries) {
    require(tries < 100'000, "eviction never catches up with a lowered limit");
    admin.call({"SET", "key", "value"});
  }
}

}  // namespace larder::stress
