// A worker and its clients' requests, turn by turn: pipelines, requests in pieces, parked and
// paused ones, clients that do not read, silence that was asked for, broken protocols.
#include <catch2/catch.hpp>
#include <string>

#include "tests/support/worker_desk.h"

namespace larder::server {
namespace {

using support::Peer;
using support::Words;
using support::WorkerDesk;

std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

std::string wire(const Words& words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) out += bulk(word);
  return out;
}

unsigned shard_of(WorkerDesk& desk, std::string_view key) {
  return storage::shard_of(desk.node().keyspace().hasher()(key));
}

// Stores a value that makes replies of about `bytes`.
void store(WorkerDesk& desk, Peer& client, const std::string& key, size_t bytes) {
  REQUIRE(desk.ask(client, {"SET", key, std::string(bytes, 'v')}) == "+OK\r\n");
}

}  // namespace

TEST_CASE("a pipeline is answered in order, by one send") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  std::string requests;
  std::string replies;
  for (int i = 0; i < 100; ++i) {
    requests += wire({"SET", "k" + std::to_string(i % 7), std::to_string(i)}) +
                wire({"GET", "k" + std::to_string(i % 7)}) + "PING\r\n";
    replies += "+OK\r\n" + bulk(std::to_string(i)) + "+PONG\r\n";
  }
  desk.say(client, requests);
  desk.settle();
  CHECK(client.heard == replies);
  CHECK(client.sends == 1);
}

TEST_CASE("what a client says does not depend on how it is cut") {
  const std::string requests = wire({"SET", "k", "a\r\nb"}) + "  \r\nGET k\r\n" + wire({"MULTI"}) +
                               wire({"APPEND", "k", "*3\r\n"}) + wire({"EXEC"}) + "ping \"a b\"\n" +
                               wire({"GET", "k"});
  const std::string replies = "+OK\r\n" + bulk("a\r\nb") + "+OK\r\n+QUEUED\r\n*1\r\n:8\r\n" +
                              bulk("a b") + bulk("a\r\nb*3\r\n");
  for (size_t cut = 1; cut < requests.size(); ++cut) {
    WorkerDesk desk;
    Peer& client = desk.connect();
    desk.say(client, requests.substr(0, cut));
    // Half of the times both pieces come in the same turn.
    if (cut % 2 == 0) desk.settle();
    desk.say(client, requests.substr(cut));
    desk.settle();
    REQUIRE(client.heard == replies);
  }
  WorkerDesk desk;
  Peer& client = desk.connect();
  for (const char byte : requests) {
    desk.say(client, std::string(1, byte));
    desk.turn(0);
  }
  desk.settle();
  CHECK(client.heard == replies);
}

TEST_CASE("a large value arrives in pieces larger and smaller than the headroom") {
  for (const size_t piece : {100u, 4095u, 4096u, 4097u, 70'000u}) {
    WorkerDesk desk;
    Peer& client = desk.connect();
    const std::string value(300'000, 'x');
    const std::string requests = wire({"PING"}) + wire({"SET", "k", value}) + wire({"STRLEN", "k"});
    for (size_t at = 0; at < requests.size(); at += piece) {
      desk.say(client, requests.substr(at, piece));
      desk.turn(0);
    }
    desk.settle();
    INFO(piece);
    CHECK(client.heard == "+PONG\r\n+OK\r\n:300000\r\n");
  }
}

TEST_CASE("requests of many clients in one turn are all answered, each to its own") {
  WorkerDesk desk;
  std::vector<Peer*> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(&desk.connect());
  for (size_t i = 0; i < clients.size(); ++i) {
    desk.say(*clients[i], wire({"SET", "k" + std::to_string(i), std::to_string(i)}) +
                              wire({"GET", "k" + std::to_string(i)}));
  }
  desk.turn(0);
  desk.settle();
  for (size_t i = 0; i < clients.size(); ++i) {
    CHECK(clients[i]->heard == "+OK\r\n" + bulk(std::to_string(i)));
  }
}

TEST_CASE("a short send goes on where it ended") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  store(desk, client, "k", 1000);
  client.reads_at_most = 7;
  desk.say(client, wire({"GET", "k"}) + wire({"PING"}));
  desk.settle();
  CHECK(client.heard == bulk(std::string(1000, 'v')) + "+PONG\r\n");
}

TEST_CASE("a parked request holds up its own client and nobody else") {
  WorkerDesk desk;
  Peer& one = desk.connect();
  Peer& other = desk.connect();
  REQUIRE(desk.node().keyspace().try_lock(shard_of(desk, "k")));
  desk.say(one, wire({"SET", "k", "1"}) + wire({"PING"}));
  desk.say(other, wire({"PING"}));
  desk.turn(0);
  CHECK(desk.result(0).wait_ns == 0);  // it wants to look again at once
  desk.say(one, wire({"GET", "k"}));
  desk.say(other, wire({"ECHO", "x"}));
  desk.settle();
  CHECK(other.heard == "+PONG\r\n$1\r\nx\r\n");
  CHECK(one.heard.empty());
  CHECK(desk.result(0).wait_ns > 0);  // after many tries no longer at once, but soon
  CHECK(desk.result(0).wait_ns < 1'000'000);
  desk.node().keyspace().unlock(shard_of(desk, "k"));
  desk.advance_ms(1);
  desk.settle();
  CHECK(one.heard == "+OK\r\n+PONG\r\n$1\r\n1\r\n");
  CHECK(desk.result(0).wait_ns < 0);  // nothing left to wait for
}

TEST_CASE("a client that goes while it is parked is forgotten with what it held") {
  WorkerDesk desk;
  Peer& one = desk.connect();
  Peer& other = desk.connect();
  desk.ask(one, {"WATCH", "w"});
  REQUIRE(desk.node().keyspace().try_lock(17));
  desk.request(one, {"FLUSHALL"});
  desk.turn(0);
  desk.request(other, {"GET", "k"});
  desk.settle();
  CHECK(other.heard.empty());  // the flush has announced itself
  one.end = -ECONNRESET;
  desk.settle();
  desk.node().keyspace().unlock(17);
  desk.advance_ms(1);
  desk.settle();
  CHECK(one.is_closed);
  CHECK(other.heard == "$-1\r\n");
  CHECK(desk.node().keyspace().slot(shard_of(desk, "w")).watches.empty());
}

TEST_CASE("a client that does not read costs bounded memory and gets everything in the end") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  Peer& other = desk.connect();
  store(desk, client, "k", 10'000);
  client.reads = false;
  const int kRequests = 2000;  // 20 MB of replies
  const uint64_t before = desk.stats(0).commands_processed;
  for (int i = 0; i < kRequests; ++i) desk.say(client, wire({"GET", "k"}) + wire({"INCR", "n"}));
  // Unread requests are bounded, too.
  for (int i = 0; i < 1000; ++i) desk.say(client, wire({"SET", "j", std::string(1000, 'x')}));
  desk.turn(0);
  desk.settle();
  CHECK(desk.stats(0).commands_processed - before < 300);
  CHECK(client.is_receive_paused);
  CHECK(client.pauses == 1);
  CHECK(desk.ask(other, {"PING"}) == "+PONG\r\n");

  client.reads = true;
  desk.settle();
  CHECK_FALSE(client.is_receive_paused);
  std::string expected;
  const std::string value = bulk(std::string(10'000, 'v'));
  for (int i = 1; i <= kRequests; ++i) expected += value + ":" + std::to_string(i) + "\r\n";
  for (int i = 0; i < 1000; ++i) expected += "+OK\r\n";
  CHECK((client.heard == expected));
}

TEST_CASE("beyond the hard limit a client that does not read is closed") {
  config::Config config;
  config.output_buffer_limits[0] = {.hard_bytes = 4 << 20};
  WorkerDesk desk(1, config);
  Peer& client = desk.connect();
  store(desk, client, "k", 3 << 20);
  client.reads = false;
  desk.say(client, wire({"GET", "k"}));
  desk.turn(0);
  CHECK_FALSE(client.is_closing);
  client.reads = true;
  desk.settle();
  CHECK(client.take().size() > (3 << 20));
  client.reads = false;
  desk.say(client, wire({"MGET", "k", "k"}));
  desk.turn(0);
  CHECK(client.is_closing);
  CHECK(desk.stats(0).output_limit_disconnections == 1);
  desk.settle();
  CHECK(client.is_closed);
}

TEST_CASE("CLIENT REPLY silences what it says") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  CHECK(desk.ask(client, {"CLIENT", "REPLY", "SKIP"}).empty());
  CHECK(desk.ask(client, {"SET", "k", "1"}).empty());
  CHECK(desk.ask(client, {"GET", "k"}) == "$1\r\n1\r\n");
  desk.say(client,
           wire({"CLIENT", "REPLY", "SKIP"}) + wire({"SET", "k", "2"}) + wire({"GET", "k"}));
  desk.settle();
  CHECK(client.take() == "$1\r\n2\r\n");
  CHECK(desk.ask(client, {"CLIENT", "REPLY", "OFF"}).empty());
  CHECK(desk.ask(client, {"SET", "k", "3"}).empty());
  CHECK(desk.ask(client, {"NOSUCH"}).empty());
  CHECK(desk.ask(client, {"CLIENT", "LIST"}).empty());
  CHECK(desk.ask(client, {"CLIENT", "REPLY", "ON"}) == "+OK\r\n");
  CHECK(desk.ask(client, {"GET", "k"}) == "$1\r\n3\r\n");
}

TEST_CASE("a skipped reply stays skipped when the request has to wait") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  REQUIRE(desk.node().keyspace().try_lock(shard_of(desk, "k")));
  desk.say(client,
           wire({"CLIENT", "REPLY", "SKIP"}) + wire({"SET", "k", "1"}) + wire({"GET", "k"}));
  desk.turn(0);
  desk.turn(0);
  desk.node().keyspace().unlock(shard_of(desk, "k"));
  desk.settle();
  CHECK(client.heard == "$1\r\n1\r\n");
}

TEST_CASE("good requests before a broken one are answered, then the error, then the end") {
  const std::string broken = GENERATE(as<std::string>(), "*1\r\n:1\r\n", "*x\r\n", "*1\r\n$-5\r\n",
                                      "*1\r\n$3\r\nabcd\r\n", "set \"a\r\n");
  WorkerDesk desk;
  Peer& client = desk.connect();
  desk.say(client, wire({"PING"}) + wire({"SET", "k", "v"}) + broken + wire({"SET", "k", "after"}));
  desk.settle();
  INFO(broken);
  CHECK(client.heard.starts_with("+PONG\r\n+OK\r\n-ERR Protocol error: "));
  CHECK(client.heard.find("\r\n", 14) == client.heard.size() - 2);
  CHECK(client.is_closed);
  Peer& other = desk.connect();
  CHECK(desk.ask(other, {"GET", "k"}) == "$1\r\nv\r\n");
}

TEST_CASE("nothing runs after QUIT") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  desk.say(client, wire({"SET", "k", "1"}) + wire({"QUIT"}) + wire({"SET", "k", "2"}));
  desk.settle();
  CHECK(client.heard == "+OK\r\n+OK\r\n");
  CHECK(client.is_closed);
  Peer& other = desk.connect();
  CHECK(desk.ask(other, {"GET", "k"}) == "$1\r\n1\r\n");
}

TEST_CASE("what a browser sends runs nothing") {
  const std::string first = GENERATE(as<std::string>(), "POST / HTTP/1.1\r\n", "Host: x\r\n");
  WorkerDesk desk;
  Peer& client = desk.connect();
  desk.say(client, first + "SET k v\r\n");
  desk.settle();
  CHECK(client.heard.empty());
  CHECK(client.is_closed);
  Peer& other = desk.connect();
  CHECK(desk.ask(other, {"GET", "k"}) == "$-1\r\n");
}

TEST_CASE("before authentication a client may only say little") {
  config::Config config;
  config.requirepass = "secret";
  WorkerDesk desk(1, config);
  Peer& client = desk.connect();
  desk.say(client, wire({"GET", "k"}) + wire({"AUTH", "secret"}) +
                       wire({"SET", "k", std::string(20'000, 'x')}));
  desk.settle();
  CHECK(client.heard == "-NOAUTH Authentication required.\r\n+OK\r\n+OK\r\n");
  Peer& stranger = desk.connect();
  desk.say(stranger, "*2\r\n$4\r\nECHO\r\n$20000\r\n");
  desk.settle();
  CHECK(stranger.heard == "-ERR Protocol error: unauthenticated bulk length\r\n");
  CHECK(stranger.is_closed);
  Peer& another = desk.connect();
  desk.say(another, "*11\r\n");
  desk.settle();
  CHECK(another.heard == "-ERR Protocol error: unauthenticated multibulk length\r\n");
  CHECK(another.is_closed);
}

TEST_CASE("a paused client waits, the others go on, and the end of the pause needs no event") {
  WorkerDesk desk(2);
  Peer& one = desk.connect();
  Peer& other = desk.connect();
  CHECK(one.worker != other.worker);
  CHECK(desk.ask(one, {"CLIENT", "PAUSE", "100", "WRITE"}) == "+OK\r\n");
  desk.say(other, wire({"SET", "k", "v"}) + wire({"GET", "k"}));
  desk.settle();
  CHECK(other.heard.empty());
  CHECK(desk.ask(one, {"GET", "k"}) == "$-1\r\n");
  const int64_t wait_ns = desk.result(other.worker).wait_ns;
  CHECK(wait_ns > 0);
  CHECK(wait_ns <= 100'000'000);
  desk.advance_ms(99);
  desk.settle();
  CHECK(other.heard.empty());
  desk.advance_ms(1);
  desk.settle();
  CHECK(other.heard == "+OK\r\n$1\r\nv\r\n");
}

TEST_CASE("keys go on time while nobody asks for them") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  desk.ask(client, {"SET", "k", "v", "PX", "1000"});
  CHECK(desk.ask(client, {"DBSIZE"}) == ":1\r\n");
  const int64_t wait_ns = desk.result(0).wait_ns;
  CHECK(wait_ns > 0);
  CHECK(wait_ns <= 1'064'000'000);
  desk.advance_ms(wait_ns / 1'000'000 + 1);
  desk.settle();
  CHECK(desk.stats(0).expired_keys == 1);
  CHECK(desk.ask(client, {"DBSIZE"}) == ":0\r\n");
  CHECK(desk.result(0).wait_ns < 0);  // an idle server does not wake
}

}  // namespace larder::server
