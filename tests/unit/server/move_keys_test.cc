// RENAME, RENAMENX, COPY and MOVE: their effects and events, the locks they take, and the memory
// that must not stay behind.
#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "server/expiry_duty.h"
#include "tests/support/actor.h"
#include "tests/support/follower.h"

namespace larder::server {
namespace {

using support::Actor;
using support::contents_of;
using support::node_options;

constexpr int64_t kNowMs = 1'700'000'000'000;

// Events as "name database key".
class Listener final : public EffectListener {
 public:
  void on_record(const EffectRecord& record) override {
    for (const KeyEvent& event : record.events) {
      events.push_back(std::string(event.name) + " " + std::to_string(event.database) + " " +
                       event.key);
    }
  }
  std::vector<std::string> take_events() { return std::exchange(events, {}); }

  std::vector<std::string> events;
};

using Events = std::vector<std::string>;

size_t bytes_of(Node& node) {
  size_t bytes = 0;
  for (unsigned i = 0; i < storage::kShardCount; ++i) bytes += node.keyspace().shard(i).bytes();
  return bytes;
}

struct Primary {
  Primary() { client.set_time_ms(kNowMs); }

  Node node{node_options(1, 3)};
  Actor client{node, 0, 3};
};

TEST_CASE("each side hears of it in its own database") {
  Primary primary;
  Actor& client = primary.client;
  Listener listener;
  primary.node.effect_log().attach(listener);
  client.run({"MSET", "a", "1", "b", "2"});
  listener.take_events();
  client.run({"RENAME", "a", "b"});
  CHECK(listener.take_events() == Events{"rename_from 0 a", "rename_to 0 b"});
  client.run({"RENAMENX", "b", "a"});
  CHECK(listener.take_events() == Events{"rename_from 0 b", "rename_to 0 a"});
  client.run({"COPY", "a", "b", "DB", "2"});
  CHECK(listener.take_events() == Events{"copy_to 2 b"});
  client.run({"MOVE", "a", "7"});
  CHECK(listener.take_events() == Events{"move_from 0 a", "move_to 7 a"});
  CHECK(client.run({"MOVE", "a", "7"}) == ":0\r\n");
  CHECK(client.run({"RENAME", "a", "b"}) == "-ERR no such key\r\n");
  client.run({"SET", "a", "3"});
  listener.take_events();
  client.run({"RENAME", "a", "a"});
  client.run({"RENAMENX", "a", "a"});
  CHECK(client.run({"MOVE", "a", "7"}) == ":0\r\n");
  CHECK(client.run({"COPY", "a", "b", "DB", "2"}) == ":0\r\n");
  CHECK(listener.take_events().empty());
}

TEST_CASE("keys past their deadline are removed on both sides before anything goes") {
  Primary primary;
  Actor& client = primary.client;
  client.run({"SET", "a", "1", "PX", "10"});
  client.run({"SET", "b", "2", "PX", "10"});
  client.run({"SET", "c", "3"});
  Listener listener;
  primary.node.effect_log().attach(listener);
  client.set_time_ms(kNowMs + 10);
  CHECK(client.run({"RENAMENX", "c", "b"}) == ":1\r\n");
  CHECK(listener.take_events() == Events{"expired 0 b", "rename_from 0 c", "rename_to 0 b"});
  CHECK(client.run({"RENAME", "a", "c"}) == "-ERR no such key\r\n");
  CHECK(listener.take_events() == Events{"expired 0 a"});
  CHECK(client.run({"PTTL", "b"}) == ":-1\r\n");
}

TEST_CASE("a follower that hears effects only ends equal, wherever its shards lie") {
  Primary primary;
  Actor& client = primary.client;
  support::Follower follower(99, kNowMs - 1000);
  follower.attach(primary.node);
  client.run({"SET", "a", "1", "PX", "10"});
  client.run({"SET", "b", "2", "PX", "1000"});
  client.run({"SET", "large", std::string(70'000, 'x')});
  client.run({"COPY", "b", "c", "DB", "3"});
  client.run({"COPY", "large", "b", "REPLACE"});
  client.run({"RENAME", "large", "c"});
  client.run({"SELECT", "3"});
  client.run({"MOVE", "c", "0"});
  client.run({"RENAME", "c", "d"});
  client.set_time_ms(kNowMs + 10);
  client.run({"SELECT", "0"});
  client.run({"RENAMENX", "c", "a"});
  follower.apply();
  CHECK(support::difference(primary.node, follower.node()) == "");
  CHECK(contents_of(primary.node).size() == 3);
}

TEST_CASE("a deadline that travelled is kept, and the one it came from is forgotten") {
  Primary primary;
  Actor& client = primary.client;
  client.run({"SET", "a", "1", "PX", "100"});
  client.run({"SET", "b", "1", "PX", "100"});
  client.run({"COPY", "a", "there", "DB", "5"});
  client.run({"RENAME", "a", "renamed"});
  client.run({"MOVE", "b", "6"});
  CHECK(contents_of(primary.node).size() == 3);
  client.set_time_ms(kNowMs + 500);
  while (client.duty().earliest_ms() <= kNowMs + 500) client.turn();
  CHECK(contents_of(primary.node).empty());
  CHECK(bytes_of(primary.node) == 0);
}

TEST_CASE("what goes to and fro leaves no memory behind") {
  Primary primary;
  Actor& client = primary.client;
  for (const size_t length : {size_t{5}, size_t{500}, storage::kLargeValue, size_t{300'000}}) {
    client.run({"SET", "a", std::string(length, 'v')});
    for (int i = 0; i < 20; ++i) {
      REQUIRE(client.run({"RENAME", "a", "b"}) == "+OK\r\n");
      REQUIRE(client.run({"COPY", "b", "a"}) == ":1\r\n");
      REQUIRE(client.run({"MOVE", "b", "1"}) == ":1\r\n");
      client.run({"SELECT", "1"});
      REQUIRE(client.run({"DEL", "b"}) == ":1\r\n");
      client.run({"SELECT", "0"});
    }
    CHECK(client.run({"STRLEN", "a"}) == ":" + std::to_string(length) + "\r\n");
  }
  client.run({"DEL", "a"});
  CHECK(bytes_of(primary.node) == 0);
}

TEST_CASE("a large value is not copied, whatever key or database it goes to") {
  Primary primary;
  Actor& client = primary.client;
  const auto place_of = [&](unsigned database, const std::string& key) {
    const storage::Hash hash = primary.node.keyspace().hasher()(key);
    storage::NumberText scratch;
    const storage::Entry entry =
        primary.node.keyspace().shard(storage::shard_of(hash)).find(database, key, hash);
    REQUIRE(entry);
    return entry.text(scratch).data();
  };
  client.run({"SET", "a", std::string(300'000, 'v')});
  const char* const place = place_of(0, "a");
  client.run({"RENAME", "a", "b"});
  CHECK(place_of(0, "b") == place);
  client.run({"RENAMENX", "b", "c"});
  CHECK(place_of(0, "c") == place);
  client.run({"MOVE", "c", "4"});
  CHECK(place_of(4, "c") == place);
  client.run({"SELECT", "4"});
  client.run({"COPY", "c", "d", "DB", "0"});
  CHECK(place_of(0, "d") == place);
  client.run({"APPEND", "c", "!"});
  CHECK(place_of(0, "d") == place);
  client.run({"SELECT", "0"});
  CHECK(client.run({"STRLEN", "d"}) == ":300000\r\n");
}

TEST_CASE("two keys of one shard, and keys whose shard is taken") {
  Primary primary;
  Actor& client = primary.client;
  const storage::KeyHasher& hasher = primary.node.keyspace().hasher();
  const unsigned shard = storage::shard_of(hasher("a"));
  std::string other;
  for (int i = 0; other.empty() || storage::shard_of(hasher(other)) != shard; ++i) {
    other = "b" + std::to_string(i);
  }
  for (int i = 0; i < 50; ++i) {  // enough for the shard to grow in the middle of it
    client.run({"SET", "a", std::to_string(i) + "-value"});
    REQUIRE(client.run({"RENAME", "a", other}) == "+OK\r\n");
    REQUIRE(client.run({"COPY", other, "a", "DB", std::to_string(1 + i % 15), "REPLACE"}) ==
            ":1\r\n");
  }
  REQUIRE(primary.node.keyspace().try_lock(shard));
  CHECK(client.try_run({"RENAME", "elsewhere", other}) == Outcome::parked);
  CHECK(client.try_run({"COPY", other, "elsewhere", "DB", "1"}) == Outcome::parked);
  CHECK(client.try_run({"MOVE", "a", "1"}) == Outcome::parked);
  primary.node.keyspace().unlock(shard);
  CHECK(client.run({"GET", other}) == "$8\r\n49-value\r\n");
  primary.node.keyspace().shard(shard).verify();
}

TEST_CASE("databases that change places take deadlines along, at the follower, too") {
  Primary primary;
  Actor& client = primary.client;
  support::Follower follower(99, kNowMs - 1000);
  follower.attach(primary.node);
  client.run({"SET", "a", "0", "PX", "100"});
  client.run({"SET", "b", std::string(40'000, 'b')});
  client.run({"SELECT", "4"});
  client.run({"SET", "a", "4"});
  CHECK(client.run({"SWAPDB", "0", "4"}) == "+OK\r\n");
  client.run({"SET", "c", "new"});
  follower.apply();
  CHECK(support::difference(primary.node, follower.node()) == "");
  CHECK(client.run({"PTTL", "a"}) == ":100\r\n");
  client.set_time_ms(kNowMs + 500);
  while (client.duty().earliest_ms() <= kNowMs + 500) client.turn();
  CHECK(client.run({"DBSIZE"}) == ":2\r\n");
  follower.apply();
  CHECK(support::difference(primary.node, follower.node()) == "");
  CHECK(contents_of(primary.node).size() == 3);
  for (unsigned i = 0; i < storage::kShardCount; ++i) primary.node.keyspace().shard(i).verify();
}

TEST_CASE("a key past its deadline does not seem to come with the other database") {
  Primary primary;
  Actor& client = primary.client;
  Actor other(primary.node, 0, 4);
  other.set_time_ms(kNowMs);
  other.run({"SELECT", "1"});
  other.run({"SET", "k", "v", "PX", "10"});
  client.run({"WATCH", "k"});
  for (Actor* actor : {&client, &other}) actor->set_time_ms(kNowMs + 10);
  other.run({"SWAPDB", "0", "1"});
  client.run({"MULTI"});
  CHECK(client.run({"EXEC"}) == "*0\r\n");
  CHECK(contents_of(primary.node).empty());
}

}  // namespace
}  // namespace larder::server
