// Locks of the keyspace, and the expiry duty that takes them between commands.
#include "server/keyspace.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "server/expiry_duty.h"
#include "tests/support/actor.h"

namespace larder::server {
namespace {

using support::Actor;
using support::node_options;

constexpr int64_t kNowMs = 1'000'000;

size_t keys_of(Node& node) {
  size_t keys = 0;
  for (unsigned i = 0; i < storage::kShardCount; ++i) keys += node.keyspace().shard(i).size(0);
  return keys;
}

}  // namespace

TEST_CASE("shards are locked all or none") {
  Keyspace keyspace(1);
  ShardSet some;
  for (const unsigned shard : {3u, 70u, 200u}) some.add(shard);
  REQUIRE(keyspace.try_lock(some));
  CHECK_FALSE(keyspace.try_lock(70));
  ShardSet overlapping;
  for (const unsigned shard : {1u, 70u, 201u}) overlapping.add(shard);
  CHECK_FALSE(keyspace.try_lock(overlapping));
  CHECK(keyspace.try_lock(1));  // given back
  CHECK(keyspace.try_lock(201));
  keyspace.unlock(1);
  keyspace.unlock(201);
  CHECK_FALSE(keyspace.try_lock(ShardSet::all()));
  keyspace.unlock(some);
  CHECK(keyspace.try_lock(ShardSet::all()));
  keyspace.unlock(ShardSet::all());
  CHECK(keyspace.try_lock(ShardSet()));
}

TEST_CASE("the exclusive ticket has one holder") {
  Keyspace keyspace(1);
  CHECK(keyspace.may_start(1));
  REQUIRE(keyspace.take_exclusive_ticket(1));
  CHECK(keyspace.take_exclusive_ticket(1));
  CHECK_FALSE(keyspace.take_exclusive_ticket(2));
  CHECK(keyspace.may_start(1));
  CHECK_FALSE(keyspace.may_start(2));
  keyspace.return_exclusive_ticket(2);  // not his
  CHECK_FALSE(keyspace.may_start(2));
  keyspace.return_exclusive_ticket(1);
  CHECK(keyspace.take_exclusive_ticket(2));
}

TEST_CASE("many deadlines at the same moment are worked off in slices") {
  constexpr size_t kKeys = 5000;
  Node node(node_options(1, 1));
  Actor worker(node, 0, 1);
  worker.set_time_ms(kNowMs);
  for (size_t i = 0; i < kKeys; ++i) {
    worker.run({"SET", "key:" + std::to_string(i), "v", "PX", "1000"});
  }
  worker.duty().run(worker.dispatcher().environment());
  CHECK(keys_of(node) == kKeys);

  worker.set_time_ms(kNowMs + 2000);
  size_t left = kKeys;
  int runs = 0;
  for (; worker.duty().earliest_ms() <= kNowMs + 2000; ++runs) {
    worker.duty().run(worker.dispatcher().environment());
    const size_t now_left = keys_of(node);
    // A slice, so that the loop goes on, but progress each time.
    CHECK(left - now_left <= 1000);
    CHECK(now_left < left);
    left = now_left;
    REQUIRE(runs < 1000);
  }
  CHECK(runs >= 5);
  CHECK(left == 0);
  CHECK(worker.duty().earliest_ms() == ExpiryDuty::kNothingDue);
  CHECK(worker.dispatcher().stats().expired_keys == kKeys);
}

TEST_CASE("a shard that is taken keeps its due keys for the next run") {
  Node node(node_options(1, 1));
  Actor worker(node, 0, 1);
  worker.set_time_ms(kNowMs);
  worker.run({"SET", "taken", "v", "PX", "1000"});
  worker.run({"SET", "free", "v", "PX", "1000"});
  const unsigned taken = storage::shard_of(node.keyspace().hasher()("taken"));
  REQUIRE(taken != storage::shard_of(node.keyspace().hasher()("free")));
  worker.set_time_ms(kNowMs + 2000);
  REQUIRE(node.keyspace().try_lock(taken));
  worker.duty().run(worker.dispatcher().environment());
  CHECK(keys_of(node) == 1);
  CHECK(worker.duty().earliest_ms() <= kNowMs + 2000);
  node.keyspace().unlock(taken);
  worker.duty().run(worker.dispatcher().environment());
  CHECK(keys_of(node) == 0);
  CHECK(worker.duty().earliest_ms() == ExpiryDuty::kNothingDue);
}

TEST_CASE("whoever writes a deadline minds it, whoever else looked in between") {
  Node node(node_options(2, 1));
  Actor one(node, 0, 1);
  Actor other(node, 1, 2);
  one.set_time_ms(kNowMs);
  other.set_time_ms(kNowMs);
  one.run({"SET", "k", "v", "PX", "5000"});
  other.run({"PEXPIRE", "k", "1000"});
  CHECK(other.duty().earliest_ms() <= kNowMs + 1064);
  // The first one finds the deadline moved to before its own; it does no harm that both look.
  for (Actor* worker : {&other, &one}) {
    worker->set_time_ms(kNowMs + 1064);
    worker->duty().run(worker->dispatcher().environment());
  }
  CHECK(keys_of(node) == 0);
  one.set_time_ms(kNowMs + 6000);
  one.duty().run(one.dispatcher().environment());
  CHECK(one.duty().earliest_ms() == ExpiryDuty::kNothingDue);

  // A deadline that was taken back costs a look and nothing else.
  one.run({"SET", "k", "v", "PX", "1000"});
  one.run({"PERSIST", "k"});
  one.set_time_ms(kNowMs + 9000);
  one.duty().run(one.dispatcher().environment());
  CHECK(keys_of(node) == 1);
}

TEST_CASE("a paused or following node hides what is due and removes nothing") {
  Node node(node_options(1, 1));
  Actor worker(node, 0, 1);
  worker.set_time_ms(kNowMs);
  worker.run({"SET", "k", "v", "PX", "1000"});
  worker.set_time_ms(kNowMs + 1000);
  CommandEnvironment& environment = worker.dispatcher().environment();
  environment.expiry = ExpiryMode::hide;
  CHECK(worker.run({"GET", "k"}) == "$-1\r\n");
  CHECK(worker.run({"EXISTS", "k"}) == ":0\r\n");
  CHECK(keys_of(node) == 1);
  environment.expiry = ExpiryMode::ignore;
  CHECK(worker.run({"GET", "k"}) == "$1\r\nv\r\n");
  // What a primary says is done as it says it: its time has the last word.
  CHECK(worker.run({"PEXPIREAT", "k", std::to_string(kNowMs - 1)}) == ":1\r\n");
  CHECK(keys_of(node) == 1);
  environment.expiry = ExpiryMode::remove;
  CHECK(worker.run({"GET", "k"}) == "$-1\r\n");
  CHECK(keys_of(node) == 0);
}

}  // namespace larder::server
