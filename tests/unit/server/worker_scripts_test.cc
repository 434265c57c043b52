// Scripts that need several turns of their worker, and everybody else meanwhile.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/support/worker_desk.h"

namespace larder::server {
namespace {

using support::Peer;
using support::Words;
using support::WorkerDesk;

const std::string kEndless = "while true do end";
// Three slices or so.
const std::string kLong = "local n = 0 for i = 1, 3e6 do n = n + 1 end return n";
const std::string kBusy = "-" + std::string(ScriptEngine::kBusyError) + "\r\n";

std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

unsigned shard_of(WorkerDesk& desk, std::string_view key) {
  return storage::shard_of(desk.node().keyspace().hasher()(key));
}

bool is_any_shard_locked(WorkerDesk& desk) {
  for (unsigned i = 0; i < storage::kShardCount; ++i) {
    if (desk.node().keyspace().slot(i).lock.is_taken()) return true;
  }
  return false;
}

class Listener final : public EffectListener {
 public:
  explicit Listener(WorkerDesk& desk) : desk_(desk) { desk_.node().effect_log().attach(*this); }
  ~Listener() override { desk_.node().effect_log().detach(*this); }
  void on_record(const EffectRecord& record) override { records.emplace_back(record.bytes); }

  std::vector<std::string> records;

 private:
  WorkerDesk& desk_;
};

}  // namespace

TEST_CASE("while a script takes long, its worker serves others; then they hear that it is busy") {
  const unsigned workers = GENERATE(1u, 2u);
  WorkerDesk desk(workers);
  Peer& client = desk.connect();
  Peer& other = desk.connect();
  CHECK(desk.ask(client, {"EVAL", kEndless, "0"}) == "");
  CHECK(desk.ask(other, {"SET", "k", "v"}) == "+OK\r\n");
  CHECK(desk.result(client.worker).wait_ns == 50'000);

  desk.advance_ms(4000);
  desk.settle();
  CHECK(desk.ask(other, {"GET", "k"}) == bulk("v"));
  desk.advance_ms(1001);
  desk.settle();
  CHECK(desk.ask(other, {"GET", "k"}) == kBusy);
  CHECK(desk.ask(other, {"PING"}) == kBusy);
  CHECK(desk.ask(other, {"EVAL", "return 1", "0"}) == kBusy);
  CHECK(desk.ask(other, {"SCRIPT", "EXISTS", "x"}) == kBusy);
  CHECK(desk.ask(other, {"MULTI"}) == "+OK\r\n");
  CHECK(desk.ask(other, {"DISCARD"}) == "+OK\r\n");
  CHECK(desk.ask(other, {"SHUTDOWN"}) == kBusy);
  CHECK(client.heard.empty());

  CHECK(desk.ask(other, {"SCRIPT", "KILL"}) == "+OK\r\n");
  desk.advance_ms(1);
  desk.settle();
  CHECK(client.take().starts_with("-ERR Script killed by user with SCRIPT KILL..."));
  CHECK(desk.ask(other, {"GET", "k"}) == bulk("v"));
  CHECK(desk.ask(other, {"SCRIPT", "KILL"}) ==
        "-NOTBUSY No scripts in execution right now.\r\n");
  CHECK(desk.ask(client, {"EVAL", "return 1", "0"}) == ":1\r\n");
  CHECK_FALSE(is_any_shard_locked(desk));
}

TEST_CASE("requests behind a long script wait for it; those of others need not") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  Peer& other = desk.connect();
  desk.request(client, {"SET", "a", "1"});
  desk.request(client, {"EVAL", kLong, "0"});
  desk.request(client, {"GET", "a"});
  desk.request(other, {"PING"});
  desk.turn(0);
  desk.turn(0);
  CHECK(other.heard == "+PONG\r\n");
  desk.settle();
  CHECK(client.take() == "+OK\r\n:3000000\r\n" + bulk("1"));
}

TEST_CASE("keys that a script holds are not seen before its end") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  Peer& other = desk.connect();
  const std::string script = "redis.call('SET', KEYS[1], 1) redis.call('SET', 'undeclared', 1) " +
                             kLong.substr(0, kLong.find("return")) +
                             "redis.call('SET', KEYS[1], 2) redis.call('SET', 'undeclared', 2)";
  desk.request(client, {"EVAL", script, "1", "declared"});
  desk.request(other, {"MGET", "undeclared", "declared"});
  for (int turn = 0; turn < 2; ++turn) {
    desk.turn(0);
    CHECK(other.heard.empty());
  }
  desk.settle();
  CHECK(client.take() == "$-1\r\n");
  CHECK(other.take() == "*2\r\n" + bulk("2") + bulk("2"));
  CHECK_FALSE(is_any_shard_locked(desk));
}

TEST_CASE("a script waits for a shard that somebody holds, and goes on where it was") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  Peer& other = desk.connect();
  REQUIRE(desk.node().keyspace().try_lock(shard_of(desk, "taken")));
  CHECK(desk.ask(client, {"EVAL",
                          "local n = redis.call('INCR', 'n') local t = redis.call('INCR', 'taken') "
                          "return {n, t, redis.call('INCR', 'n')}",
                          "0"}) == "");
  CHECK(desk.ask(other, {"SET", "elsewhere", "x"}) == "+OK\r\n");
  CHECK(desk.ask(other, {"GET", "n"}) == "");
  desk.node().keyspace().unlock(shard_of(desk, "taken"));
  desk.advance_ms(1);
  desk.settle();
  CHECK(client.take() == "*3\r\n:1\r\n:1\r\n:2\r\n");
  CHECK(other.take() == bulk("2"));
}

TEST_CASE("a script that has written cannot be killed, but the server can be stopped") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  Peer& other = desk.connect();
  CHECK(desk.ask(client, {"EVAL", "redis.call('SET', 'k', 1) " + kEndless, "0"}) == "");
  desk.advance_ms(6000);
  desk.settle();
  CHECK(desk.ask(other, {"SCRIPT", "KILL"}).starts_with("-UNKILLABLE Sorry the script already"));
  desk.stop(/*at_once=*/true);
  desk.settle();
  CHECK(desk.result(0).finished);
  CHECK_FALSE(is_any_shard_locked(desk));
}

TEST_CASE("who waits for a key that a script writes to is served when the script ends") {
  WorkerDesk desk(2);
  Peer& client = desk.connect();
  Peer& other = desk.connect();
  Peer& last = desk.connect();
  const std::string push = "redis.call('RPUSH', ARGV[1], 'a') ";
  SECTION("at its end, not before") {
    CHECK(desk.ask(other, {"BLPOP", "list", "0"}) == "");
    desk.request(client, {"EVAL", push + kLong, "0", "list"});
    desk.turn(client.worker);
    desk.turn(client.worker);
    CHECK(other.heard.empty());
    desk.settle();
    CHECK(client.take() == ":3000000\r\n");
    CHECK(other.take() == "*2\r\n" + bulk("list") + bulk("a"));
  }
  SECTION("nobody, if nothing is left for him") {
    CHECK(desk.ask(other, {"BLPOP", "list", "0"}) == "");
    CHECK(desk.ask(client, {"EVAL", push + "return redis.call('LPOP', ARGV[1])", "0", "list"}) ==
          bulk("a"));
    CHECK(other.heard.empty());
  }
  SECTION("one after the other, also where a shard is taken, and in a transaction") {
    const bool in_transaction = GENERATE(false, true);
    CHECK(desk.ask(last, {"BLPOP", "there", "0"}) == "");
    CHECK(desk.ask(other, {"BLMOVE", "here", "there", "LEFT", "LEFT", "0"}) == "");
    REQUIRE(desk.node().keyspace().try_lock(shard_of(desk, "there")));
    if (in_transaction) desk.ask(client, {"MULTI"});
    desk.request(client, {"EVAL", push + "return 1", "0", "here"});
    if (in_transaction) desk.request(client, {"EXEC"});
    for (int turn = 0; turn < 3; ++turn) desk.turn(client.worker);
    CHECK(other.heard.empty());
    CHECK(last.heard.empty());
    desk.node().keyspace().unlock(shard_of(desk, "there"));
    desk.advance_ms(1);
    desk.settle();
    CHECK(client.take() == (in_transaction ? "+QUEUED\r\n*1\r\n:1\r\n" : ":1\r\n"));
    CHECK(other.take() == bulk("a"));
    CHECK(last.take() == "*2\r\n" + bulk("there") + bulk("a"));
  }
  CHECK_FALSE(is_any_shard_locked(desk));
  CHECK(desk.ask(client, {"EVAL", "return redis.call('BLPOP', 'list', 0)", "0"})
            .starts_with("-ERR This Redis command is not allowed from script"));
}

TEST_CASE("far over the limit on memory a script gets no more, whatever it has written") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  REQUIRE(desk.ask(client, {"CONFIG", "SET", "maxmemory", "8mb"}) == "+OK\r\n");
  REQUIRE(desk.ask(client, {"SET", "k", std::string(4'000'000, 'x')}) == "+OK\r\n");
  const std::string copies = "for i = 1, 5 do local r = redis.pcall('COPY', 'k', 'copy' .. i) "
                             "if type(r) == 'table' then return {i, r} end end return 'all'";
  const std::string refused =
      "*2\r\n:5\r\n-OOM command not allowed when used memory > 'maxmemory'.\r\n";
  SECTION("flags or none") {
    const std::string flags = GENERATE("", "#!lua\n", "#!lua flags=allow-oom\n");
    CHECK(desk.ask(client, {"EVAL", flags + copies, "0"}) == refused);
    CHECK(desk.ask(client, {"EVAL", "#!lua flags=allow-oom\nreturn redis.call('DEL', 'copy1')",
                            "0"}) == ":1\r\n");
  }
  SECTION("in a transaction") {
    desk.ask(client, {"MULTI"});
    desk.ask(client, {"EVAL", copies, "0"});
    CHECK(desk.ask(client, {"EXEC"}) == "*1\r\n" + refused);
  }
  SECTION("no limit") {
    REQUIRE(desk.ask(client, {"CONFIG", "SET", "maxmemory", "0"}) == "+OK\r\n");
    CHECK(desk.ask(client, {"EVAL", copies, "0"}) == bulk("all"));
  }
}

TEST_CASE("a command's reply that Lua could not hold is not built for it") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  REQUIRE(desk.ask(client, {"CONFIG", "SET", "script-memory-limit", "4mb"}) == "+OK\r\n");
  REQUIRE(desk.ask(client, {"SET", "small", std::string(1000, 'x')}) == "+OK\r\n");
  REQUIRE(desk.ask(client, {"SET", "large", std::string(1'000'000, 'x')}) == "+OK\r\n");
  // As many as unpack() allows: 8 GB, of which not even 5 MB can be kept.
  const std::string script =
      "local keys = {} for i = 1, tonumber(ARGV[1]) do keys[i] = KEYS[1] end "
      "return #redis.call('MGET', unpack(keys))";
  for (const char* key : {"small", "large"}) {
    CHECK(desk.ask(client, {"EVAL", script, "1", key, "7900"})
              .starts_with("-ERR the reply is too large for a script"));
    CHECK(desk.ask(client, {"EVAL", script, "1", key, "2"}) == ":2\r\n");
  }
}

TEST_CASE("the reply of a transaction with a script is bounded like any other") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  Peer& other = desk.connect();
  REQUIRE(desk.ask(other, {"SET", "k", std::string(100'000, 'x')}) == "+OK\r\n");
  REQUIRE(desk.ask(other, {"CONFIG", "SET", "client-output-buffer-limit",
                           "normal 1mb 0 0"}) == "+OK\r\n");
  const std::string script = GENERATE("return 1", kLong.c_str());
  desk.ask(client, {"MULTI"});
  desk.ask(client, {"EVAL", script, "0"});
  for (int i = 0; i < 30; ++i) desk.ask(client, {"GETRANGE", "k", "0", "-1"});
  desk.ask(client, {"EVAL", "error('x')", "0"});
  desk.request(client, {"EXEC"});
  desk.settle();
  CHECK(client.is_closed);
  CHECK(desk.ask(other, {"EVAL", "return 1", "0"}) == ":1\r\n");
}

TEST_CASE("a graceful stop waits for a script as long as for anything else") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  desk.request(client, {"EVAL", kLong, "0"});
  desk.turn(0);
  desk.stop(/*at_once=*/false);
  desk.settle();
  CHECK(client.take() == ":3000000\r\n");
  CHECK(desk.result(0).finished);

  WorkerDesk another;
  Peer& endless = another.connect();
  another.request(endless, {"EVAL", kEndless, "0"});
  another.turn(0);
  another.stop(/*at_once=*/false);
  another.settle();
  CHECK_FALSE(another.result(0).finished);
  another.advance_ms(2001);
  another.settle();
  another.advance_ms(1);
  another.settle();
  CHECK(another.result(0).finished);
}

TEST_CASE("a script runs to its end although its client is gone") {
  const bool killed = GENERATE(false, true);
  WorkerDesk desk;
  Peer& client = desk.connect();
  Peer& other = desk.connect();
  const std::string id = desk.ask(client, {"CLIENT", "ID"});
  const std::string script = kLong.substr(0, kLong.find("return")) +
                             "redis.call('SET', 'k', n) return n";
  desk.ask(client, {"WATCH", "watched"});
  desk.request(client, {"EVAL", script, "0"});
  desk.request(client, {"SET", "never", "1"});
  desk.turn(0);
  if (killed) {
    desk.request(other, {"CLIENT", "KILL", "ID", id.substr(1, id.size() - 3)});
  } else {
    client.end = -ECONNRESET;
  }
  desk.settle();
  CHECK(client.is_closed);
  CHECK(desk.ask(other, {"GET", "k"}).ends_with(bulk("3000000")));
  CHECK(desk.ask(other, {"EXISTS", "never"}) == ":0\r\n");
  CHECK(desk.node().keyspace().slot(shard_of(desk, "watched")).watches.empty());
  CHECK_FALSE(is_any_shard_locked(desk));
}

TEST_CASE("EXEC with a script pauses like a script, and is one instant to others") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  Peer& other = desk.connect();
  desk.ask(client, {"MULTI"});
  desk.ask(client, {"SET", "a", "1"});
  desk.ask(client, {"EVAL", "redis.call('INCR', 'b') " + kLong, "0"});
  desk.ask(client, {"GET", "b"});
  desk.request(client, {"EXEC"});
  desk.request(other, {"GET", "a"});
  desk.turn(0);
  desk.turn(0);
  CHECK(other.heard.empty());
  desk.settle();
  CHECK(client.take() == "*3\r\n+OK\r\n:3000000\r\n" + bulk("1"));
  CHECK(other.take() == bulk("1"));

  desk.ask(client, {"WATCH", "a"});
  desk.ask(other, {"EVAL", "return redis.call('INCR', 'a')", "0"});
  desk.ask(client, {"MULTI"});
  desk.ask(client, {"EVAL", "return redis.call('SET', 'c', 1)", "0"});
  CHECK(desk.ask(client, {"EXEC"}) == "*-1\r\n");
  CHECK(desk.ask(client, {"EXISTS", "c"}) == ":0\r\n");
}

TEST_CASE("what a script does is one unit to followers, its time stands still") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  Listener listener(desk);
  CHECK(desk.ask(client, {"EVAL",
                          "redis.call('SET', 'a', 1, 'PX', 100) local n = redis.call('INCR', 'b') "
                          "return n",
                          "0"}) == ":1\r\n");
  REQUIRE(listener.records.size() == 1);
  const std::string& record = listener.records[0];
  CHECK(record.find("MULTI") < record.find("PXAT"));
  CHECK(record.find("PXAT") < record.find("INCR"));
  CHECK(record.find("INCR") < record.find("EXEC"));

  // Half of it stays when the rest fails, and followers get that half.
  CHECK(desk.ask(client, {"EVAL", "redis.call('SET', 'c', 1) redis.call('INCR', 'c', 1)", "0"})
            .starts_with("-ERR Wrong number of args"));
  REQUIRE(listener.records.size() == 2);
  CHECK(listener.records[1].find("SET") != std::string::npos);

  // Nothing of what it was told not to tell.
  desk.ask(client, {"EVAL",
                    "redis.call('SET', 'd', 1) redis.set_repl(redis.REPL_NONE) "
                    "redis.call('SET', 'e', 1) redis.set_repl(redis.REPL_ALL) "
                    "redis.call('SET', 'f', 1)",
                    "0"});
  REQUIRE(listener.records.size() == 3);
  CHECK(listener.records[2].find("$1\r\nd\r\n") != std::string::npos);
  CHECK(listener.records[2].find("$1\r\ne\r\n") == std::string::npos);
  CHECK(listener.records[2].find("$1\r\nf\r\n") != std::string::npos);

  // A key that is due after the script began lives until it ends.
  const std::string script = "redis.call('SET', 'due', 1, 'PX', 10) local t = "
                             "redis.call('TIME')[2] " + kLong.substr(0, kLong.find("return")) +
                             "return {redis.call('GET', 'due'), t == redis.call('TIME')[2]}";
  desk.request(client, {"EVAL", script, "0"});
  desk.turn(0);
  desk.advance_ms(50);
  desk.settle();
  CHECK(client.take() == "*2\r\n" + bulk("1") + ":1\r\n");
  CHECK(desk.ask(client, {"GET", "due"}) == "$-1\r\n");
}

TEST_CASE("one script at a time, and every one gets its turn") {
  WorkerDesk desk(2);
  std::vector<Peer*> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(&desk.connect());
  for (int round = 0; round < 10; ++round) {
    for (Peer* client : clients) {
      desk.request(*client, {"EVAL", "return redis.call('INCR', 'n') .. ''", "0"});
    }
  }
  desk.settle();
  for (Peer* client : clients)
    CHECK(client->take().size() >= 10 * std::string("$1\r\n1\r\n").size());
  CHECK(desk.ask(*clients[0], {"GET", "n"}) == bulk("40"));
}

TEST_CASE("a long script's client that asked for silence gets it") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  desk.request(client, {"CLIENT", "REPLY", "SKIP"});
  desk.request(client, {"EVAL", kLong, "0"});
  desk.request(client, {"PING"});
  desk.settle();
  CHECK(client.take() == "+PONG\r\n");
}

TEST_CASE("a pause does not hold a running script up; a new one waits if it may write") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  Peer& other = desk.connect();
  desk.request(client, {"EVAL", kLong, "0"});
  desk.turn(0);
  desk.request(other, {"CLIENT", "PAUSE", "1000", "WRITE"});
  desk.settle();
  CHECK(client.take() == ":3000000\r\n");
  CHECK(desk.ask(client, {"EVAL_RO", "return 1", "0"}) == ":1\r\n");
  CHECK(desk.ask(client, {"EVAL", "return 1", "0"}) == "");
  desk.advance_ms(1001);
  desk.settle();
  CHECK(client.take() == ":1\r\n");
}

TEST_CASE("above maxmemory: which scripts may write") {
  config::Config config;
  config.maxmemory_bytes = 1 << 20;
  WorkerDesk desk(1, config);
  Peer& client = desk.connect();
  const std::string value(64 << 10, 'v');
  for (int i = 0; i < 64; ++i) desk.ask(client, {"SET", "k" + std::to_string(i), value});
  const std::string write = "return redis.call('SET', 'x', 1)";
  CHECK(desk.ask(client, {"EVAL", write, "0"}).starts_with("-OOM command not allowed"));
  CHECK(desk.ask(client, {"EVAL", "return redis.call('GET', 'x')", "0"}) == "$-1\r\n");
  CHECK(desk.ask(client, {"EVAL", "#!lua\n" + write, "0"})
            .starts_with("-OOM allow-oom flag is not set on the script"));
  CHECK(desk.ask(client, {"EVAL", "#!lua flags=no-writes\nreturn redis.call('GET', 'x')", "0"}) ==
        "$-1\r\n");
  CHECK(desk.ask(client, {"EVAL", "#!lua flags=allow-oom\n" + write, "0"}) == "+OK\r\n");
  // Not half of it.
  CHECK(desk.ask(client, {"EVAL", "redis.call('DEL', 'x') " + write, "0"}) == "+OK\r\n");
}

}  // namespace larder::server
