// Client-side caching over several workers: where invalidations stand among replies, redirection
// from worker to worker, and what happens at the edges.
#include <catch2/catch.hpp>
#include <string>

#include "tests/support/worker_desk.h"

namespace larder::server {
namespace {

using support::Peer;
using support::Words;
using support::WorkerDesk;

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

std::string invalidation(std::string_view key) {
  return ">2\r\n$10\r\ninvalidate\r\n*1\r\n" + bulk(key);
}

const std::string kEverything = ">2\r\n$10\r\ninvalidate\r\n_\r\n";

Peer& tracker(WorkerDesk& desk, Words options = {}) {
  Peer& peer = desk.connect();
  desk.ask(peer, {"HELLO", "3"});
  Words words{"CLIENT", "TRACKING", "ON"};
  words.insert(words.end(), options.begin(), options.end());
  REQUIRE(desk.ask(peer, words) == "+OK\r\n");
  return peer;
}

// One that is served by another worker.
Peer& far_from(WorkerDesk& desk, const Peer& peer) {
  for (;;) {
    Peer& other = desk.connect();
    if (other.worker != peer.worker) return other;
  }
}

}  // namespace

TEST_CASE("an invalidation comes before the reply that shows the new state") {
  WorkerDesk desk(2);
  Peer& cache = tracker(desk);
  Peer& writer = far_from(desk, cache);
  CHECK(desk.ask(cache, {"GET", "k"}) == "_\r\n");
  desk.request(writer, {"SET", "k", "1"});
  desk.turn(writer.worker);
  // The mail lies in the box of the cache's worker, which in this turn first runs requests of the
  // same connection, then, in another order of events, would have looked into it.
  desk.request(cache, {"GET", "k"});
  desk.settle();
  CHECK(cache.take() == invalidation("k") + bulk("1"));
  for (const Words& words : {Words{"MULTI"}, {"GET", "k"}, {"PING"}}) desk.ask(cache, words);
  desk.request(writer, {"SET", "k", "2"});
  desk.turn(writer.worker);
  desk.request(cache, {"EXEC"});
  desk.settle();
  CHECK(cache.take() == invalidation("k") + "*2\r\n" + bulk("2") + "+PONG\r\n");
}

TEST_CASE("within one turn: a neighbour's change is told at once, one's own after the reply") {
  WorkerDesk desk(1);
  Peer& cache = tracker(desk);
  Peer& neighbour = desk.connect();
  desk.request(cache, {"GET", "k"});
  desk.request(cache, {"SET", "k", "1"});
  desk.request(cache, {"GET", "k"});
  desk.request(neighbour, {"SET", "k", "2"});
  desk.settle();
  CHECK(cache.take() == "_\r\n+OK\r\n" + invalidation("k") + bulk("1") + invalidation("k"));
}

TEST_CASE("redirection from worker to worker, and its end") {
  WorkerDesk desk(3);
  Peer& target = desk.connect();
  desk.ask(target, {"HELLO", "3"});
  const std::string id = desk.ask(target, {"CLIENT", "ID"});
  const std::string number = id.substr(1, id.size() - 3);
  Peer& cache = far_from(desk, target);
  desk.ask(cache, {"HELLO", "3"});
  REQUIRE(desk.ask(cache, {"CLIENT", "TRACKING", "ON", "REDIRECT", number}) == "+OK\r\n");
  Peer& writer = far_from(desk, cache);
  desk.ask(cache, {"GET", "k"});
  desk.ask(writer, {"SET", "k", "1"});
  CHECK(target.take() == invalidation("k"));
  CHECK(cache.take() == "");
  desk.ask(writer, {"FLUSHALL"});
  CHECK(target.take() == kEverything);
  target.end = 0;
  desk.settle();
  desk.ask(cache, {"GET", "k"});
  desk.ask(writer, {"SET", "k", "2"});
  CHECK(cache.take() == ">2\r\n$21\r\ntracking-redir-broken\r\n:" + number + "\r\n");
  CHECK(desk.ask(cache, {"CLIENT", "TRACKINGINFO"}).find("broken_redirect") != std::string::npos);
}

TEST_CASE("a redirection to a RESP2 client reaches it only while it has subscribed to something") {
  WorkerDesk desk(2);
  Peer& target = desk.connect();
  const std::string id = desk.ask(target, {"CLIENT", "ID"});
  Peer& cache = tracker(desk, {"REDIRECT", id.substr(1, id.size() - 3)});
  Peer& writer = desk.connect();
  desk.ask(cache, {"GET", "k"});
  desk.ask(writer, {"SET", "k", "1"});
  CHECK(target.take() == "");
  desk.ask(target, {"SUBSCRIBE", "__redis__:invalidate"});
  desk.ask(cache, {"GET", "k"});
  desk.ask(writer, {"SET", "k", "2"});
  CHECK(target.take() ==
        "*3\r\n$7\r\nmessage\r\n" + bulk("__redis__:invalidate") + "*1\r\n" + bulk("k"));
}

TEST_CASE("keys that expire or are evicted are told of") {
  config::Config config;
  config.maxmemory_policy = config::EvictionPolicy::allkeys_lru;
  WorkerDesk desk(2, config);
  Peer& cache = tracker(desk);
  Peer& writer = far_from(desk, cache);
  desk.ask(writer, {"SET", "k", "v", "PX", "100"});
  desk.ask(cache, {"GET", "k"});
  desk.advance_ms(150);
  desk.settle();
  CHECK(cache.take() == invalidation("k"));
  desk.ask(writer, {"SET", "old", "v"});
  desk.ask(cache, {"GET", "old"});
  desk.ask(writer, {"CONFIG", "SET", "maxmemory", "10000"});
  for (int i = 0; i < 1000; ++i) {
    desk.ask(writer, {"SET", "key" + std::to_string(i), std::string(100, 'x')});
  }
  CHECK(cache.take() == invalidation("old"));
}

TEST_CASE("tracking that begins inside a transaction tells to forget what that one read") {
  WorkerDesk desk(2);
  Peer& cache = desk.connect();
  desk.ask(cache, {"HELLO", "3"});
  for (const Words& words : {Words{"MULTI"}, {"CLIENT", "TRACKING", "ON"}, {"GET", "k"}}) {
    desk.ask(cache, words);
  }
  CHECK(desk.ask(cache, {"EXEC"}) == "*2\r\n+OK\r\n_\r\n" + kEverything + kEverything);
}

TEST_CASE("who has gone, or tracks no longer, leaves nothing behind") {
  WorkerDesk desk(2);
  Peer& gone = tracker(desk);
  Peer& reset = tracker(desk, {"BCAST", "PREFIX", "x"});
  Peer& writer = desk.connect();
  desk.ask(gone, {"MGET", "x1", "x2"});
  gone.end = -ECONNRESET;
  desk.ask(reset, {"RESET"});
  desk.settle();
  TrackingTable& table = desk.node().tracking();
  CHECK(table.clients() == 0);
  CHECK(table.prefixes() == 0);
  CHECK(table.keys() == 0);
  CHECK(table.bytes() == 0);
  // Nobody tracks, so writes say nothing; who tracks next hears of nobody else's keys.
  desk.ask(writer, {"SET", "x1", "1"});
  Peer& next = tracker(desk);
  desk.ask(writer, {"SET", "x2", "1"});
  CHECK(next.take() == "");
  CHECK(reset.take() == "");
}

TEST_CASE("who does not read invalidations is closed, not who reads them or waits for replies") {
  WorkerDesk desk(1);
  Peer& deaf = tracker(desk, {"BCAST"});
  Peer& near = tracker(desk, {"BCAST"});
  Peer& busy = tracker(desk, {"BCAST"});
  Peer& writer = desk.connect();
  desk.ask(writer, {"SET", "large", std::string(70 << 20, 'x')});
  for (Peer* peer : {&deaf, &near, &busy}) peer->take();
  desk.request(busy, {"GET", "large"});
  deaf.reads = busy.reads = false;
  const std::string key(1 << 20, 'k');
  int sent = 0;
  for (; sent < 100 && !deaf.is_closed; ++sent) {
    if (sent == 30) busy.reads = true;
    desk.ask(writer, {"SET", key, "1"});
    CHECK(near.take() == invalidation(key));
  }
  CHECK(deaf.is_closed);
  CHECK(sent > 50);
  CHECK(sent < 80);
  CHECK_FALSE(busy.is_closed);
  CHECK(desk.stats(0).output_limit_disconnections == 1);
}

TEST_CASE("prefixes of one client are bounded") {
  config::Config config;
  config.query_buffer_limit_bytes = 1 << 20;
  WorkerDesk desk(1, config);
  Peer& peer = desk.connect();
  Words words{"CLIENT", "TRACKING", "ON", "BCAST"};
  for (int i = 1000; i < 6000; ++i) {
    words.push_back("PREFIX");
    words.push_back("p" + std::to_string(i));
  }
  CHECK(desk.ask(peer, words) == "-ERR prefixes exceed client-query-buffer-limit\r\n");
  CHECK(desk.node().tracking().prefixes() == 0);
}

}  // namespace larder::server
