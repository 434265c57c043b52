// maxmemory: what is counted, who is refused.
#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "server/memory_account.h"
#include "server/node.h"
#include "tests/support/actor.h"
#include "tests/support/worker_desk.h"

namespace larder::server {
namespace {

using support::Actor;
using support::Peer;
using support::WorkerDesk;
using support::Words;

constexpr std::string_view kRefusal = "OOM command not allowed when used memory > 'maxmemory'.";

std::string refused() { return "-" + std::string(kRefusal) + "\r\n"; }

uint64_t really_used(Node& node) {
  uint64_t bytes = 0;
  for (unsigned shard = 0; shard < storage::kShardCount; ++shard) {
    bytes += node.keyspace().shard(shard).bytes();
  }
  return bytes;
}

TEST_CASE("what workers keep in their shares is bounded, and nothing is lost") {
  MemoryAccount account(4);
  account.set_limit(1 << 20);
  MemoryShare one(account);
  MemoryShare other(account);
  std::atomic<size_t> counted_a{0};
  std::atomic<size_t> counted_b{0};
  size_t a = 0;
  size_t b = 0;
  uint64_t random = 1;
  for (int step = 0; step < 10'000; ++step) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    size_t& bytes = random >> 63 ? a : b;
    bytes = (random >> 40) % 50'000;
    // Whoever holds the shard settles it.
    MemoryShare& share = (random >> 62) % 2 ? one : other;
    share.settle(&bytes == &a ? counted_a : counted_b, bytes);
    REQUIRE(std::abs(one.pending()) < account.fold_bytes());
    REQUIRE(std::abs(other.pending()) < account.fold_bytes());
    const int64_t known = account.balance() + one.pending() + other.pending();
    REQUIRE(known == static_cast<int64_t>(a + b));
    REQUIRE(account.peak() >= account.used());
  }
  one.renew();
  other.renew();
  CHECK(account.used() == a + b);
}

TEST_CASE("a lowered limit leaves the ceiling where the use is, and it sinks with it") {
  MemoryAccount account(1);
  MemoryShare share(account);
  std::atomic<size_t> counted{0};
  share.settle(counted, 64 << 20);
  CHECK_FALSE(share.is_over_limit());  // there is none
  account.set_limit(32 << 20);
  share.renew();
  CHECK(share.is_over_limit());
  CHECK_FALSE(share.is_over_ceiling());
  share.settle(counted, (64 << 20) + account.overdraft_bytes() + 1);
  CHECK(share.is_over_ceiling());
  share.settle(counted, 40 << 20);
  account.lower_ceiling(share.used());
  CHECK_FALSE(share.is_over_ceiling());
  share.settle(counted, (40 << 20) + account.overdraft_bytes() + 1);
  CHECK(share.is_over_ceiling());
  share.settle(counted, 10 << 20);
  account.lower_ceiling(share.used());
  CHECK(account.ceiling() == 32 << 20);
  account.set_limit(0);
  CHECK_FALSE(share.is_over_limit());
  CHECK_FALSE(share.is_over_ceiling());
}

TEST_CASE("whatever commands do to shards is in the account") {
  Node node(support::node_options(2, 7));
  Actor one(node, 0, 1);
  Actor other(node, 1, 2);
  const auto is_exact = [&] {
    // Nothing is hidden in the shares any more.
    one.dispatcher().use_config(node.config_store().current());
    other.dispatcher().use_config(node.config_store().current());
    return node.memory().used() == really_used(node);
  };
  one.set_time_ms(1000);
  other.set_time_ms(1000);
  for (int i = 0; i < 3000; ++i) {
    const std::string name = std::to_string(i);
    one.run({"SET", "key:" + name, std::string(static_cast<size_t>(i % 300), 'x')});
    other.run({"MSET", "a" + name, "1", "b" + name, "text", "c" + name, "3"});
    other.run({"SET", "due:" + name, "x", "PX", std::to_string(1 + i % 500)});
  }
  REQUIRE(really_used(node) > 0);
  CHECK(is_exact());
  one.run({"SET", "large", std::string(1 << 20, 'x')});
  other.run({"APPEND", "large", std::string(1 << 20, 'y')});
  CHECK(is_exact());
  other.run({"MULTI"});
  other.run({"DEL", "large", "a1", "b1"});
  other.run({"SETRANGE", "range", "5000", "x"});
  other.run({"EXEC"});
  CHECK(is_exact());
  const uint64_t before = node.memory().used();
  // One goes when it is looked at, the rest on time.
  one.set_time_ms(2000);
  one.run({"GET", "due:0"});
  CHECK(is_exact());
  while (one.duty().earliest_ms() <= 2000) one.turn();
  other.set_time_ms(2000);
  while (other.duty().earliest_ms() <= 2000) other.turn();
  CHECK(is_exact());
  CHECK(node.memory().used() < before);
  const uint64_t peak = node.memory().peak();
  CHECK(peak >= before);
  one.run({"FLUSHALL"});
  CHECK(is_exact());
  CHECK(node.memory().used() == 0);
  CHECK(node.memory().peak() == peak);
}

TEST_CASE("over the limit only commands that need memory are refused") {
  WorkerDesk desk;
  Peer& peer = desk.connect();
  REQUIRE(desk.ask(peer, {"SET", "a", std::string(50'000, 'x')}) == "+OK\r\n");
  REQUIRE(desk.ask(peer, {"CONFIG", "SET", "maxmemory", "20000"}) == "+OK\r\n");
  CHECK(desk.ask(peer, {"SET", "b", "x"}) == refused());
  CHECK(desk.ask(peer, {"APPEND", "a", "x"}) == refused());
  CHECK(desk.ask(peer, {"MSET", "a", "x", "b", "y"}) == refused());
  CHECK(desk.ask(peer, {"STRLEN", "a"}) == ":50000\r\n");
  CHECK(desk.ask(peer, {"EXPIRE", "a", "100"}) == ":1\r\n");
  // Arity comes first.
  CHECK(desk.ask(peer, {"SET", "b"}) ==
        "-ERR wrong number of arguments for 'set' command\r\n");
  CHECK(desk.ask(peer, {"DEL", "a"}) == ":1\r\n");
  CHECK(desk.ask(peer, {"SET", "b", "x"}) == "+OK\r\n");
  REQUIRE(desk.ask(peer, {"SET", "a", std::string(50'000, 'x')}) == "+OK\r\n");
  CHECK(desk.ask(peer, {"SET", "b", "y"}) == refused());
  REQUIRE(desk.ask(peer, {"CONFIG", "SET", "maxmemory", "0"}) == "+OK\r\n");
  CHECK(desk.ask(peer, {"SET", "b", "y"}) == "+OK\r\n");
}

TEST_CASE("a transaction does not grow over the limit, and can be ended there") {
  WorkerDesk desk;
  Peer& peer = desk.connect();
  Peer& admin = desk.connect();
  REQUIRE(desk.ask(peer, {"SET", "a", std::string(50'000, 'x')}) == "+OK\r\n");
  const auto limit = [&](const std::string& bytes) {
    REQUIRE(desk.ask(admin, {"CONFIG", "SET", "maxmemory", bytes}) == "+OK\r\n");
  };
  limit("20000");
  desk.ask(peer, {"MULTI"});
  CHECK(desk.ask(peer, {"GET", "a"}) == refused());
  CHECK(desk.ask(peer, {"EXEC"}) ==
        "-EXECABORT Transaction discarded because of previous errors.\r\n");
  desk.ask(peer, {"MULTI"});
  CHECK(desk.ask(peer, {"WATCH", "a"}) == refused());
  CHECK(desk.ask(peer, {"DISCARD"}) == "+OK\r\n");

  for (const std::string last : {"SET", "GET"}) {
    limit("0");
    desk.ask(peer, {"WATCH", "a"});
    desk.ask(peer, {"MULTI"});
    CHECK(desk.ask(peer, last == "SET" ? Words{"SET", "b", "x"} : Words{"STRLEN", "a"}) ==
          "+QUEUED\r\n");
    limit("20000");
    CHECK(desk.ask(peer, {"EXEC"}) == (last == "SET" ? "-EXECABORT Transaction discarded because "
                                                       "of: " + std::string(kRefusal) + "\r\n"
                                                     : "*1\r\n:50000\r\n"));
    // The transaction is over either way, and so are its watches.
    CHECK(desk.ask(peer, {"EXEC"}) == "-ERR EXEC without MULTI\r\n");
    for (unsigned shard = 0; shard < storage::kShardCount; ++shard) {
      CHECK(desk.node().keyspace().slot(shard).watches.empty());
    }
  }
}

TEST_CASE("far over the limit the rest of a transaction is refused") {
  WorkerDesk desk;
  Peer& peer = desk.connect();
  REQUIRE(desk.ask(peer, {"CONFIG", "SET", "maxmemory", "8mb"}) == "+OK\r\n");
  REQUIRE(desk.ask(peer, {"SET", "k", std::string(4'000'000, 'x')}) == "+OK\r\n");
  desk.ask(peer, {"MULTI"});
  for (const char* copy : {"a", "b", "c", "d", "e"}) desk.ask(peer, {"COPY", "k", copy});
  desk.ask(peer, {"STRLEN", "k"});
  desk.ask(peer, {"DEL", "a", "b", "c"});
  desk.ask(peer, {"COPY", "k", "f"});
  // Past twice the limit there is no more, until there is room again.
  CHECK(desk.ask(peer, {"EXEC"}) == "*8\r\n:1\r\n:1\r\n:1\r\n:1\r\n" + refused() +
                                        ":4000000\r\n:3\r\n:1\r\n");
  CHECK(desk.ask(peer, {"CONFIG", "SET", "maxmemory", "0"}) == "+OK\r\n");
  desk.ask(peer, {"MULTI"});
  for (int i = 0; i < 5; ++i) desk.ask(peer, {"COPY", "k", "a", "REPLACE"});
  CHECK(desk.ask(peer, {"EXEC"}) == "*5\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n");
}

TEST_CASE("a few bytes cannot make a value that would only push out all others") {
  WorkerDesk desk;
  Peer& peer = desk.connect();
  REQUIRE(desk.ask(peer, {"CONFIG", "SET", "maxmemory", "1mb", "maxmemory-policy",
                          "allkeys-lru"}) == "+OK\r\n");
  REQUIRE(desk.ask(peer, {"SET", "k", "v"}) == "+OK\r\n");
  CHECK(desk.ask(peer, {"SETRANGE", "a", "1048576", "x"}) == refused());
  CHECK(desk.ask(peer, {"SETBIT", "a", "8388608", "1"}) == refused());
  CHECK(desk.ask(peer, {"SETBIT", "a", "8388608", "0"}) == refused());
  CHECK(desk.ask(peer, {"BITFIELD", "a", "SET", "u8", "#1048576", "1"}) == refused());
  CHECK(desk.ask(peer, {"BITFIELD", "a", "GET", "u8", "#1048576"}) == "*1\r\n:0\r\n");
  CHECK(desk.ask(peer, {"EXISTS", "a", "k"}) == ":1\r\n");
  CHECK(desk.ask(peer, {"SETRANGE", "a", "500000", "x"}) == ":500001\r\n");
  CHECK(desk.ask(peer, {"SETBIT", "a", "8", "1"}) == ":0\r\n");
  REQUIRE(desk.ask(peer, {"CONFIG", "SET", "maxmemory", "0"}) == "+OK\r\n");
  CHECK(desk.ask(peer, {"SETBIT", "a", "8388608", "1"}) == ":0\r\n");
  const std::string dump = desk.ask(peer, {"DUMP", "a"});
  const size_t begin = dump.find("\r\n") + 2;
  const std::string payload = dump.substr(begin, dump.size() - begin - 2);
  REQUIRE(desk.ask(peer, {"FLUSHALL"}) == "+OK\r\n");
  REQUIRE(desk.ask(peer, {"CONFIG", "SET", "maxmemory", "1mb"}) == "+OK\r\n");
  CHECK(desk.ask(peer, {"RESTORE", "b", "0", payload}) == refused());
  CHECK(desk.ask(peer, {"EXISTS", "b"}) == ":0\r\n");
}

TEST_CASE("what one client watches has a bound") {
  WorkerDesk desk;
  Peer& peer = desk.connect();
  REQUIRE(desk.ask(peer, {"CONFIG", "SET", "client-query-buffer-limit", "1mb"}) == "+OK\r\n");
  Words watch{"WATCH"};
  for (int i = 0; i < 1000; ++i) watch.push_back("key:" + std::to_string(i));
  for (int round = 0; round < 3; ++round) {
    for (auto& key : watch) key += key == "WATCH" ? "" : std::to_string(round);
    CHECK(desk.ask(peer, watch) == "+OK\r\n");
  }
  for (auto& key : watch) key += key == "WATCH" ? "" : "x";
  CHECK(desk.ask(peer, watch) == "-ERR watched keys exceed client-query-buffer-limit\r\n");
  CHECK(desk.ask(peer, {"CLIENT", "INFO"}).find(" watch=3000 ") != std::string::npos);
  CHECK(desk.ask(peer, {"UNWATCH"}) == "+OK\r\n");
  CHECK(desk.ask(peer, watch) == "+OK\r\n");
}

TEST_CASE("INFO tells what counts") {
  WorkerDesk desk;
  Peer& peer = desk.connect();
  desk.ask(peer, {"SET", "a", std::string(100'000, 'x')});
  desk.ask(peer, {"CONFIG", "SET", "maxmemory", "1mb"});
  const uint64_t used = really_used(desk.node());
  std::string info = desk.ask(peer, {"INFO", "memory"});
  const auto has = [&](const std::string& line) {
    return info.find("\r\n" + line + "\r\n") != std::string::npos;
  };
  CHECK(has("used_memory:" + std::to_string(used)));
  CHECK(has("maxmemory:1048576"));
  CHECK(has("maxmemory_human:1.00M"));
  CHECK(has("maxmemory_policy:noeviction"));
  desk.ask(peer, {"FLUSHALL"});
  info = desk.ask(peer, {"INFO", "memory"});
  CHECK(has("used_memory:0"));
  CHECK(has("used_memory_peak:" + std::to_string(used)));
}

}  // namespace
}  // namespace larder::server
