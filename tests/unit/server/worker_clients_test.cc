// A worker and its clients, turn by turn: how they come, leave, are refused, listed and killed, and
// commands that several workers do together.
#include <catch2/catch.hpp>
#include <string>

#include "tests/support/worker_desk.h"

namespace larder::server {
namespace {

using support::Peer;
using support::Words;
using support::WorkerDesk;

size_t occurrences(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("connections are spread over the workers") {
  WorkerDesk desk(4);
  std::vector<unsigned> per_worker(4);
  for (int i = 0; i < 12; ++i) ++per_worker[desk.connect().worker];
  CHECK(per_worker == std::vector<unsigned>{3, 3, 3, 3});
  CHECK(desk.node().total_connections() == 12);
}

TEST_CASE("more clients than maxclients are told so") {
  config::Config config;
  config.maxclients = 3;
  WorkerDesk desk(2, config);
  for (int i = 0; i < 3; ++i) desk.connect();
  Peer& fourth = desk.arrive();
  desk.settle();
  CHECK(fourth.is_refused);
  CHECK(fourth.refused_with == "-ERR max number of clients reached\r\n");
  CHECK(desk.stats(0).connections_rejected == 1);
}

TEST_CASE("the place of a client that left is free again") {
  config::Config config;
  config.maxclients = 1;
  WorkerDesk desk(1, config);
  for (int round = 0; round < 5; ++round) {
    Peer& client = desk.connect();
    CHECK(desk.ask(client, {"PING"}) == "+PONG\r\n");
    client.end = 0;
    desk.settle();
    CHECK(client.is_closed);
    CHECK(desk.node().total_connections() == 0);
  }
}

TEST_CASE("protected mode lets in who comes from this machine") {
  WorkerDesk desk;
  Peer& stranger = desk.arrive("192.0.2.1:4000");
  Peer& stranger6 = desk.arrive("[2001:db8::1]:4000");
  Peer& local = desk.arrive("127.0.0.9:4000");
  Peer& local6 = desk.arrive("[::1]:4000");
  desk.settle();
  for (Peer* peer : {&stranger, &stranger6}) {
    CHECK(peer->is_refused);
    CHECK(peer->refused_with.starts_with("-DENIED "));
  }
  CHECK(local.is_adopted);
  CHECK(local6.is_adopted);
}

TEST_CASE("with a password, or without protected mode, everybody may come") {
  config::Config open;
  open.protected_mode = false;
  config::Config guarded;
  guarded.requirepass = "secret";
  for (const config::Config& config : {open, guarded}) {
    WorkerDesk desk(1, config);
    Peer& stranger = desk.arrive("192.0.2.1:4000");
    desk.settle();
    CHECK(stranger.is_adopted);
  }
}

TEST_CASE("a client that has finished sending is answered, then closed") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  desk.request(client, {"SET", "k", "v"});
  desk.request(client, {"GET", "k"});
  desk.say(client, "*2\r\n$3\r\nGET");  // never finished
  client.end = 0;
  desk.settle();
  CHECK(client.heard == "+OK\r\n$1\r\nv\r\n");
  CHECK(client.is_closed);
}

TEST_CASE("a client that has finished sending is answered also when its requests had to wait") {
  WorkerDesk desk(2);
  Peer& client = desk.connect();
  const unsigned shard = storage::shard_of(desk.node().keyspace().hasher()("k"));
  REQUIRE(desk.node().keyspace().try_lock(shard));
  desk.request(client, {"CLIENT", "LIST"});
  desk.request(client, {"SET", "k", "v"});
  desk.request(client, {"GET", "k"});
  client.end = 0;
  desk.settle();
  CHECK_FALSE(client.is_closed);
  desk.node().keyspace().unlock(shard);
  desk.advance_ms(1);
  desk.settle();
  CHECK(client.heard.ends_with("\n\r\n+OK\r\n$1\r\nv\r\n"));
  CHECK(client.is_closed);
}

TEST_CASE("a client that is gone is closed without further ado") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  client.end = -ECONNRESET;
  desk.turn(0);
  CHECK(client.is_closing);
  desk.settle();
  CHECK(client.is_closed);
}

TEST_CASE("an idle client is closed after the timeout, a busy one is not") {
  config::Config config;
  config.timeout_seconds = 10;
  WorkerDesk desk(1, config);
  Peer& idle = desk.connect();
  Peer& busy = desk.connect();
  for (int second = 0; second < 9; ++second) {
    desk.advance_ms(1000);
    desk.ask(busy, {"PING"});
  }
  CHECK_FALSE(idle.is_closed);
  CHECK(desk.result(0).wait_ns >= 0);  // it will look again by itself
  for (int second = 0; second < 4; ++second) {
    desk.advance_ms(1000);
    desk.ask(busy, {"PING"});
  }
  CHECK(idle.is_closed);
  CHECK_FALSE(busy.is_closed);
}

TEST_CASE("a graceful stop sends what was answered and says good-bye to everybody") {
  WorkerDesk desk(2);
  Peer& one = desk.connect();
  Peer& other = desk.connect();
  one.reads = false;
  desk.request(one, {"PING"});
  desk.settle();
  desk.stop(/*at_once=*/false);
  desk.settle();
  CHECK(other.is_closed);
  CHECK_FALSE(one.is_closed);
  CHECK(desk.result(other.worker).finished);
  CHECK_FALSE(desk.result(one.worker).finished);
  one.reads = true;
  desk.settle();
  CHECK(one.heard == "+PONG\r\n");
  CHECK(one.is_closed);
  CHECK(desk.result(one.worker).finished);
}

TEST_CASE("a graceful stop does not wait for ever for a client that does not read") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  client.reads = false;
  desk.request(client, {"PING"});
  desk.settle();
  desk.stop(/*at_once=*/false);
  desk.settle();
  CHECK_FALSE(desk.result(0).finished);
  CHECK(desk.result(0).wait_ns > 0);
  desk.advance_ms(10'000);
  desk.settle();
  CHECK(client.is_closed);
  CHECK(desk.result(0).finished);
}

TEST_CASE("a stop at once waits for nobody, and nobody comes in any more") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  client.reads = false;
  desk.request(client, {"PING"});
  desk.settle();
  desk.stop(/*at_once=*/true);
  Peer& late = desk.arrive();
  desk.turn(0);
  CHECK(desk.count(OpKind::stop_listening) == 1);
  CHECK(late.is_refused);
  CHECK(client.is_closing);
  desk.settle();
  CHECK(desk.result(0).finished);
}

TEST_CASE("SHUTDOWN asks whoever runs the server") {
  int asked = 0;
  NodeServices services;
  services.stop = [&asked](bool) { ++asked; };
  WorkerDesk desk(2, {}, services);
  Peer& client = desk.connect();
  desk.request(client, {"SHUTDOWN", "NOSAVE"});
  desk.settle();
  CHECK(asked == 1);
  CHECK(client.heard.empty());
  CHECK(client.is_closed);
}

TEST_CASE("CLIENT LIST waits for every worker, and lists the clients of all") {
  WorkerDesk desk(3);
  Peer& asker = desk.connect();
  for (int i = 0; i < 5; ++i) desk.connect();
  desk.request(asker, {"CLIENT", "LIST"});
  desk.turn(asker.worker);
  desk.turn(asker.worker);
  CHECK(asker.heard.empty());
  desk.turn((asker.worker + 1) % 3);
  desk.turn(asker.worker);
  CHECK(asker.heard.empty());
  desk.settle();
  CHECK(occurrences(asker.heard, "id=") == 6);
}

TEST_CASE("a setting has reached every worker when the answer does") {
  WorkerDesk desk(2);
  Peer& asker = desk.connect();
  Peer& other = desk.connect();
  desk.request(asker, {"CONFIG", "SET", "timeout", "77"});
  desk.request(asker, {"PING"});
  desk.turn(asker.worker);
  desk.turn(asker.worker);
  CHECK(asker.heard.empty());
  desk.turn(other.worker);
  CHECK(desk.worker(other.worker).dispatcher().config().timeout_seconds == 77);
  desk.settle();
  CHECK(asker.heard == "+OK\r\n+PONG\r\n");
}

TEST_CASE("two settings at the same time leave all workers with the same") {
  WorkerDesk desk(3);
  Peer& one = desk.connect();
  Peer& other = desk.connect();
  desk.request(one, {"CONFIG", "SET", "timeout", "1"});
  desk.request(other, {"CONFIG", "SET", "timeout", "2"});
  desk.turn(one.worker);
  desk.turn(other.worker);
  desk.settle();
  CHECK(one.heard == "+OK\r\n");
  CHECK(other.heard == "+OK\r\n");
  const uint32_t timeout = desk.node().config_store().current()->timeout_seconds;
  for (unsigned worker = 0; worker < 3; ++worker) {
    CHECK(desk.worker(worker).dispatcher().config().timeout_seconds == timeout);
  }
}

TEST_CASE("a pause and its end at the same time leave all workers the same") {
  const bool pause_is_first = GENERATE(true, false);
  WorkerDesk desk(3);
  Peer& pauser = desk.connect();
  Peer& other = desk.connect();
  Peer& third = desk.connect();
  Peer* clients[] = {&pauser, &other, &third};
  desk.request(pauser, {"CLIENT", "PAUSE", "100000", "WRITE"});
  desk.request(other, {"CLIENT", "UNPAUSE"});
  // Each has done its own part before it hears of the other's.
  desk.turn(pause_is_first ? pauser.worker : other.worker);
  desk.turn(pause_is_first ? other.worker : pauser.worker);
  desk.settle();
  CHECK(pauser.take() == "+OK\r\n");
  CHECK(other.take() == "+OK\r\n");
  for (Peer* client : clients) {
    CHECK(desk.ask(*client, {"SET", "k", "v"}) == (pause_is_first ? "+OK\r\n" : ""));
  }
  desk.advance_ms(100'000);
  desk.settle();
  for (Peer* client : clients) CHECK(client->take() == (pause_is_first ? "" : "+OK\r\n"));
}

TEST_CASE("a second pause neither weakens nor shortens the first") {
  WorkerDesk desk(2);
  Peer& pauser = desk.connect();
  Peer& other = desk.connect();
  desk.ask(pauser, {"CLIENT", "PAUSE", "1000", "WRITE"});
  desk.ask(pauser, {"CLIENT", "PAUSE", "10", "WRITE"});
  desk.advance_ms(500);
  CHECK(desk.ask(other, {"SET", "k", "v"}).empty());
  desk.ask(pauser, {"CLIENT", "PAUSE", "100", "ALL"});
  CHECK(desk.ask(pauser, {"GET", "k"}).empty());
  desk.advance_ms(499);
  desk.settle();
  CHECK(pauser.heard.empty());
  desk.advance_ms(1);
  desk.settle();
  CHECK(other.take() == "+OK\r\n");
  CHECK(pauser.take().starts_with("$"));
  // One that is over has no say in the next.
  desk.ask(pauser, {"CLIENT", "PAUSE", "1000", "WRITE"});
  CHECK(desk.ask(pauser, {"GET", "k"}) == "$1\r\nv\r\n");
}

TEST_CASE("a client that leaves in the middle of a round is not mixed up with the next one") {
  WorkerDesk desk(2);
  Peer& asker = desk.connect();
  const unsigned worker = asker.worker;
  desk.request(asker, {"CLIENT", "LIST"});
  desk.turn(worker);  // the other worker has mail now
  asker.end = -ECONNRESET;
  desk.turn(worker);
  desk.turn(worker);
  REQUIRE(asker.is_closed);
  // Its slot is taken by somebody else before the other worker has answered.
  Peer& next = desk.arrive();
  Peer& spare = desk.arrive();
  desk.turn(0);
  desk.turn(worker);
  Peer& heir = next.worker == worker && next.is_adopted ? next : spare;
  REQUIRE(heir.worker == worker);
  CHECK(heir.id.slot == asker.id.slot);
  CHECK(heir.id.generation != asker.id.generation);
  desk.settle();
  CHECK(heir.heard.empty());
  CHECK(occurrences(desk.ask(heir, {"CLIENT", "LIST"}), "id=") == 2);
}

TEST_CASE("a client can be killed from another worker, and kill itself") {
  WorkerDesk desk(2);
  Peer& killer = desk.connect();
  Peer& victim = desk.connect();
  REQUIRE(killer.worker != victim.worker);
  const std::string id = desk.ask(victim, {"CLIENT", "ID"}).substr(1);
  victim.reads = false;
  desk.request(victim, {"PING"});
  desk.settle();
  CHECK(desk.ask(killer, {"CLIENT", "KILL", "ID", id.substr(0, id.size() - 2)}) == ":1\r\n");
  desk.settle();
  CHECK(victim.is_closed);
  CHECK(desk.ask(killer, {"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"}) == ":1\r\n");
  CHECK(killer.is_closed);
}

TEST_CASE("watches of a client that left are given back") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  desk.ask(client, {"WATCH", "a", "b", "c"});
  const auto watched = [&desk] {
    size_t shards = 0;
    for (unsigned i = 0; i < storage::kShardCount; ++i) {
      shards += !desk.node().keyspace().slot(i).watches.empty();
    }
    return shards;
  };
  REQUIRE(watched() > 0);
  // One shard is taken when it leaves: the worker tries again until it is free.
  const unsigned shard = storage::shard_of(desk.node().keyspace().hasher()("b"));
  REQUIRE(desk.node().keyspace().try_lock(shard));
  client.end = 0;
  for (int i = 0; i < 5; ++i) desk.turn(0);
  CHECK(client.is_closed);
  CHECK(watched() > 0);
  desk.node().keyspace().unlock(shard);
  desk.settle();
  CHECK(watched() == 0);
}

TEST_CASE("what FLUSHALL left is freed in the turns that follow") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  for (int i = 0; i < 300; ++i) {
    desk.request(client, {"SET", "key:" + std::to_string(i), std::string(100, 'v')});
  }
  desk.settle();
  client.heard.clear();
  CHECK(desk.ask(client, {"FLUSHALL"}) == "+OK\r\n");
  CHECK(desk.ask(client, {"DBSIZE"}) == ":0\r\n");
  for (unsigned shard = 0; shard < storage::kShardCount; ++shard) {
    CHECK(desk.node().keyspace().shard(shard).bytes() == 0);
    CHECK_FALSE(desk.node().keyspace().shard(shard).release_slice(1));
  }
}

}  // namespace larder::server
