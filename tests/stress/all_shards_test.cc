// Commands about all keys against a load of single-key ones: neither starves the other.
//
// What keeps them from starving is that an all-shards command announces itself and that nothing new
// starts then. So between its first try and its success no other thread completes more than the
// one command it was in the middle of, however the threads are scheduled.
#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/stress/support/threads.h"
#include "tests/support/actor.h"

namespace larder::stress {
namespace {

using server::Outcome;
using support::Actor;
using support::Words;

constexpr int kRounds = 60;  // of each all-shards thread
constexpr int kKeys = 2000;

const std::vector<Words>& all_shards_commands() {
  static const std::vector<Words> commands{
      {"DBSIZE"}, {"RANDOMKEY"}, {"FLUSHALL"}, {"FLUSHDB"}};
  return commands;
}

// Writes and reads single keys until nobody is left who wants all shards.
void load_single_keys(Actor& actor, const std::atomic<int>& busy,
                      std::atomic<uint64_t>& completed) {
  for (int i = 0; busy > 0; i = (i + 7) % kKeys) {
    const std::string key = "key:" + std::to_string(i);
    actor.run({"SET", key, "v"});
    completed.fetch_add(1);
    actor.run({"GET", key});
    completed.fetch_add(1);
    actor.run({"MSET", key, "v", "other:" + key, "w"});
    completed.fetch_add(1);
    actor.turn();
  }
}

}  // namespace

TEST_CASE("an all-shards command waits for nothing that began after it") {
  constexpr unsigned kLoads = 3;
  server::Node node(support::node_options(kLoads + 1, 3));
  std::atomic<uint64_t> completed{0};
  std::atomic<int> busy{1};
  uint64_t most_others = 0;
  std::vector<std::function<void()>> bodies;
  for (unsigned i = 0; i < kLoads; ++i) {
    bodies.emplace_back([&, i] {
      Actor actor(node, i, i);
      load_single_keys(actor, busy, completed);
    });
  }
  bodies.emplace_back([&] {
    const Busy one(busy);
    Actor actor(node, kLoads, kLoads);
    for (int round = 0; round < kRounds; ++round) {
      for (const Words& words : all_shards_commands()) {
        // The others have been at it since the last one.
        const uint64_t seen = completed;
        while (completed == seen) std::this_thread::yield();
        if (actor.try_run(words) == Outcome::done) continue;
        const uint64_t before = completed;
        uint64_t after = before;
        while (actor.try_run(words) != Outcome::done) {
          std::this_thread::yield();
          after = completed;
        }
        most_others = std::max(most_others, after - before);
        actor.turn();
      }
    }
  });
  run_threads(bodies);
  CHECK(most_others <= kLoads);
}

TEST_CASE("several who want all shards, and those who want one, all come to their turn") {
  constexpr unsigned kWide = 2;
  constexpr unsigned kLoads = 2;
  server::Node node(support::node_options(kWide + kLoads, 4));
  std::atomic<uint64_t> completed{0};
  std::atomic<int> busy{kWide};
  std::vector<std::unique_ptr<Actor>> actors;
  for (unsigned i = 0; i < kWide + kLoads; ++i) {
    actors.push_back(std::make_unique<Actor>(node, i, i));
  }
  std::vector<std::function<void()>> bodies;
  for (unsigned i = 0; i < kWide; ++i) {
    bodies.emplace_back([&, i] {
      const Busy one(busy);
      while (completed == 0) std::this_thread::yield();  // not before the load has begun
      for (int round = 0; round < kRounds; ++round) {
        for (const Words& words : all_shards_commands()) actors[i]->run(words);
        // In a transaction they are all-shards commands still; SCAN grows its locks as it goes.
        actors[i]->run({"MULTI"});
        actors[i]->run({"SET", "wide", "v"});
        actors[i]->run({"DBSIZE"});
        actors[i]->run({"EXEC"});
        actors[i]->run({"SCAN", "0", "COUNT", "1000"});
        actors[i]->turn();
      }
    });
  }
  for (unsigned i = kWide; i < kWide + kLoads; ++i) {
    bodies.emplace_back([&, i] { load_single_keys(*actors[i], busy, completed); });
  }
  run_threads(bodies);
  // Every lock and the ticket were given back.
  Actor last(node, 0, 9);
  for (const Words& words : all_shards_commands()) CHECK(last.try_run(words) == Outcome::done);
  CHECK(last.run({"DBSIZE"}) == ":0\r\n");
}

}  // namespace larder::stress
