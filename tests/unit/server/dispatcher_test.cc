// The dispatcher's locking rules, with another worker played by the test: what parks, what goes on,
// what is given back; EXEC under its watches; what is refused and queued.
#include "server/dispatcher.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "tests/support/actor.h"

namespace larder::server {
namespace {

using support::Actor;
using support::node_options;
using support::Words;

constexpr int64_t kNowMs = 1'000'000;

struct TwoClients {
  TwoClients() {
    a.set_time_ms(kNowMs);
    b.set_time_ms(kNowMs);
  }
  Key key(std::string_view text) { return {text, node.keyspace().hasher()(text)}; }
  unsigned shard(std::string_view text) { return key(text).shard(); }
  // A key that lies in another shard than `other`.
  std::string key_apart_from(std::string_view other) {
    for (int i = 0;; ++i) {
      std::string name = "apart" + std::to_string(i);
      if (shard(name) != shard(other)) return name;
    }
  }
  bool nothing_is_locked() {
    if (!node.keyspace().try_lock(ShardSet::all())) return false;
    node.keyspace().unlock(ShardSet::all());
    return node.keyspace().may_start(~uint64_t{0});
  }

  Node node{node_options(2, 1)};
  Actor a{node, 0, 1};
  Actor b{node, 1, 2};
};

}  // namespace

TEST_CASE("a command whose shard is taken parks and changes nothing") {
  TwoClients two;
  two.a.run({"SET", "k", "v"});
  const std::string other = two.key_apart_from("k");
  REQUIRE(two.node.keyspace().try_lock(two.shard("k")));
  const uint64_t parked = two.a.dispatcher().stats().parked_commands;
  for (const Words& words :
       {Words{"GET", "k"}, Words{"SET", "k", "w"}, Words{"MSET", other, "1", "k", "2"},
        Words{"MGET", "k", other}, Words{"DEL", other, "k"}, Words{"WATCH", other, "k"}}) {
    INFO(words[0]);
    CHECK(two.a.try_run(words) == Outcome::parked);
    CHECK(two.a.reply().empty());
    // What it had taken it has given back: the other shard serves others.
    CHECK(two.b.try_run({"GET", other}) == Outcome::done);
    CHECK(two.b.reply() == "$-1\r\n");
  }
  CHECK(two.a.dispatcher().stats().parked_commands == parked + 6);
  CHECK(two.a.session().watched.empty());
  two.node.keyspace().unlock(two.shard("k"));
  CHECK(two.a.run({"GET", "k"}) == "$1\r\nv\r\n");
  CHECK(two.nothing_is_locked());
}

TEST_CASE("an all-shards command that waits lets nothing new start") {
  TwoClients two;
  two.a.run({"SET", "k", "v"});
  REQUIRE(two.node.keyspace().try_lock(17));
  CHECK(two.a.try_run({"DBSIZE"}) == Outcome::parked);
  // Not even in shards that are free, nor for another all-shards command.
  CHECK(two.b.try_run({"GET", two.key_apart_from("k")}) == Outcome::parked);
  CHECK(two.b.try_run({"MGET", "k", "j"}) == Outcome::parked);
  CHECK(two.b.try_run({"FLUSHALL"}) == Outcome::parked);
  CHECK(two.b.try_run({"SCAN", "0"}) == Outcome::parked);
  CHECK(two.b.try_run({"PING"}) == Outcome::done);
  CHECK(two.a.try_run({"DBSIZE"}) == Outcome::parked);
  two.node.keyspace().unlock(17);
  CHECK(two.b.try_run({"GET", "k"}) == Outcome::parked);
  CHECK(two.a.try_run({"DBSIZE"}) == Outcome::done);
  CHECK(two.a.reply() == ":1\r\n");
  CHECK(two.b.try_run({"GET", "k"}) == Outcome::done);
  CHECK(two.nothing_is_locked());
}

TEST_CASE("a client that goes while it waits gives its ticket back") {
  TwoClients two;
  REQUIRE(two.node.keyspace().try_lock(17));
  CHECK(two.a.try_run({"FLUSHALL"}) == Outcome::parked);
  two.a.dispatcher().abandon(two.a.session());
  CHECK(two.b.try_run({"SET", two.key_apart_from("k"), "v"}) == Outcome::done);
  two.node.keyspace().unlock(17);
  CHECK(two.nothing_is_locked());
}

TEST_CASE("a scan stops before a shard that is taken, and waits if that is its first") {
  TwoClients two;
  for (int i = 0; i < 600; ++i) two.a.run({"SET", "key:" + std::to_string(i), "v"});
  REQUIRE(two.node.keyspace().try_lock(100));
  REQUIRE(two.a.try_run({"SCAN", "0", "COUNT", "1000000"}) == Outcome::done);
  const std::string reply = two.a.reply();
  const size_t begin = reply.find("\r\n", 4) + 2;
  const std::string cursor = reply.substr(begin, reply.find("\r\n", begin) - begin);
  CHECK(std::stoull(cursor) >> 45 == 100);
  CHECK(two.a.try_run({"SCAN", cursor}) == Outcome::parked);
  CHECK(two.a.reply().empty());
  two.node.keyspace().unlock(100);
  CHECK(two.a.try_run({"SCAN", cursor}) == Outcome::done);
  CHECK(two.nothing_is_locked());
}

TEST_CASE("EXEC takes the shards of queued and watched keys together") {
  TwoClients two;
  const std::string other = two.key_apart_from("k");
  two.a.run({"WATCH", "k"});
  two.a.run({"MULTI"});
  two.a.run({"SET", other, "v"});
  for (const std::string& taken : {std::string("k"), other}) {
    REQUIRE(two.node.keyspace().try_lock(two.shard(taken)));
    CHECK(two.a.try_run({"EXEC"}) == Outcome::parked);
    CHECK(two.a.reply().empty());
    CHECK(two.a.session().in_transaction());
    two.node.keyspace().unlock(two.shard(taken));
  }
  CHECK(two.a.run({"EXEC"}) == "*1\r\n+OK\r\n");
  CHECK_FALSE(two.a.session().in_transaction());
  CHECK(two.node.keyspace().slot(two.shard("k")).watches.empty());
  CHECK(two.nothing_is_locked());
}

TEST_CASE("EXEC with an all-shards command in it waits as one") {
  TwoClients two;
  two.a.run({"MULTI"});
  two.a.run({"SET", "k", "v"});
  two.a.run({"DBSIZE"});
  two.a.run({"SCAN", "0"});
  REQUIRE(two.node.keyspace().try_lock(17));
  CHECK(two.a.try_run({"EXEC"}) == Outcome::parked);
  CHECK(two.b.try_run({"GET", two.key_apart_from("k")}) == Outcome::parked);
  two.node.keyspace().unlock(17);
  CHECK(two.a.run({"EXEC"}) == "*3\r\n+OK\r\n:1\r\n*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n");
  CHECK(two.nothing_is_locked());
}

TEST_CASE("a watched key that changed, by whatever command, stops EXEC") {
  const Words change = GENERATE(
      Words{"SET", "k", "v"}, Words{"DEL", "k"}, Words{"UNLINK", "k"}, Words{"APPEND", "k", "x"},
      Words{"INCRBY", "n", "1"}, Words{"EXPIRE", "k", "100"}, Words{"PEXPIRE", "k", "0"},
      Words{"FLUSHALL"}, Words{"FLUSHDB"}, Words{"MSET", "j", "1", "k", "2"}, Words{"GETDEL", "k"},
      Words{"GETEX", "k", "EX", "100"}, Words{"SETRANGE", "k", "3", "x"},
      Words{"SETNX", "absent", "v"}, Words{"GETSET", "k", "v"}, Words{"INCRBYFLOAT", "n", "1"},
      Words{"PERSIST", "mortal"});
  TwoClients two;
  two.a.run({"MSET", "k", "v", "n", "1"});
  two.a.run({"SET", "mortal", "v", "EX", "100"});
  two.a.run({"WATCH", "k", "n", "absent", "mortal"});
  two.b.run(change);
  two.a.run({"MULTI"});
  two.a.run({"SET", "done", "yes"});
  INFO(change[0]);
  CHECK(two.a.run({"EXEC"}) == "*-1\r\n");
  CHECK(two.a.run({"GET", "done"}) == "$-1\r\n");
  CHECK(two.a.session().watched.empty());
}

TEST_CASE("what changes no watched key does not stop EXEC") {
  const Words no_change =
      GENERATE(Words{"GET", "k"}, Words{"SET", "other", "v"}, Words{"SETNX", "k", "w"},
               Words{"DEL", "absent"}, Words{"PERSIST", "k"}, Words{"EXPIRE", "absent", "1"},
               Words{"SET", "k", "v", "XX", "IFEQ", "no"}, Words{"INCR", "k"}, Words{"GETEX", "k"},
               Words{"SETRANGE", "k", "0", ""}, Words{"MSETNX", "absent", "1", "k", "2"});
  TwoClients two;
  two.a.run({"SET", "k", "v"});
  two.a.run({"WATCH", "k", "absent"});
  two.b.run(no_change);
  two.a.run({"MULTI"});
  two.a.run({"SET", "done", "yes"});
  INFO(no_change[0]);
  CHECK(two.a.run({"EXEC"}) == "*1\r\n+OK\r\n");
}

TEST_CASE("a watch holds for its own database, also when EXEC runs in another") {
  TwoClients two;
  two.a.run({"SELECT", "1"});
  two.a.run({"WATCH", "k"});
  two.a.run({"SELECT", "2"});
  two.b.run({"SET", "k", "in 0"});
  two.b.run({"SELECT", "2"});
  two.b.run({"SET", "k", "in 2"});
  two.a.run({"MULTI"});
  two.a.run({"GET", "k"});
  CHECK(two.a.run({"EXEC"}) == "*1\r\n$4\r\nin 2\r\n");

  two.a.run({"SELECT", "1"});
  two.a.run({"WATCH", "k"});
  two.a.run({"SELECT", "2"});
  two.b.run({"SELECT", "1"});
  two.b.run({"SET", "k", "in 1"});
  two.a.run({"MULTI"});
  two.a.run({"GET", "k"});
  CHECK(two.a.run({"EXEC"}) == "*-1\r\n");
}

TEST_CASE("a SELECT in a transaction is for what follows it") {
  TwoClients two;
  two.a.run({"MULTI"});
  two.a.run({"SET", "k", "in 0"});
  two.a.run({"SELECT", "5"});
  two.a.run({"SET", "k", "in 5"});
  two.a.run({"SELECT", "99"});  // fails when it runs
  two.a.run({"GET", "k"});
  CHECK(two.a.run({"EXEC"}) ==
        "*5\r\n+OK\r\n+OK\r\n+OK\r\n-ERR DB index is out of range\r\n$4\r\nin 5\r\n");
  CHECK(two.a.run({"GET", "k"}) == "$4\r\nin 5\r\n");
  CHECK(two.b.run({"GET", "k"}) == "$4\r\nin 0\r\n");
}

TEST_CASE("a watched key's deadline that passes is a change") {
  TwoClients two;
  two.a.run({"SET", "k", "v", "PX", "50"});
  two.a.run({"WATCH", "k"});
  two.a.set_time_ms(kNowMs + 50);
  two.a.run({"MULTI"});
  CHECK(two.a.run({"EXEC"}) == "*-1\r\n");

  // One that had passed before WATCH is none.
  two.b.run({"SET", "j", "v", "PX", "10"});
  two.a.run({"WATCH", "j"});
  two.a.run({"MULTI"});
  CHECK(two.a.run({"EXEC"}) == "*0\r\n");
}

TEST_CASE("a watched key's deadline that passes while nobody may remove it is a change") {
  TwoClients two;
  two.a.run({"SET", "k", "v", "PX", "50"});
  two.a.run({"SET", "j", "v", "PX", "10"});
  for (Actor* client : {&two.a, &two.b}) {
    client->dispatcher().environment().expiry = ExpiryMode::hide;
    client->set_time_ms(kNowMs + 20);
  }
  two.a.run({"WATCH", "k", "j"});  // j is absent already
  two.a.run({"MULTI"});
  CHECK(two.a.run({"EXEC"}) == "*0\r\n");
  two.a.run({"WATCH", "k"});
  two.a.set_time_ms(kNowMs + 50);
  two.a.run({"MULTI"});
  CHECK(two.a.run({"EXEC"}) == "*-1\r\n");

  // It being removed at last changes nothing; it being set does.
  for (const bool is_set : {false, true}) {
    two.a.run({"WATCH", is_set ? "k" : "j"});
    two.b.dispatcher().environment().expiry = ExpiryMode::remove;
    two.b.set_time_ms(kNowMs + (is_set ? 70 : 50));
    CHECK(two.b.run({"EXISTS", "j", "k"}) == ":0\r\n");
    if (is_set) two.b.run({"SET", "k", "new"});
    two.a.run({"MULTI"});
    CHECK(two.a.run({"EXEC"}) == (is_set ? "*-1\r\n" : "*0\r\n"));
    two.b.run({"SET", "k", "v", "PX", "10"});
    two.a.set_time_ms(kNowMs + 70);
  }
}

TEST_CASE("a deadline that passes in the middle of a transaction changes nothing within it") {
  TwoClients two;
  two.a.run({"SET", "k", "v", "PX", "50"});
  two.a.run({"MULTI"});
  two.a.run({"GET", "k"});
  two.a.run({"PTTL", "k"});
  two.a.set_time_ms(kNowMs + 49);
  CHECK(two.a.run({"EXEC"}) == "*2\r\n$1\r\nv\r\n:1\r\n");
}

TEST_CASE("watching twice counts once, and UNWATCH and DISCARD end it") {
  TwoClients two;
  two.a.run({"WATCH", "k", "k"});
  two.a.run({"WATCH", "k"});
  CHECK(two.a.session().watched.size() == 1);
  two.b.run({"SET", "k", "v"});
  two.a.run({"UNWATCH"});
  two.a.run({"MULTI"});
  CHECK(two.a.run({"EXEC"}) == "*0\r\n");
  two.a.run({"WATCH", "k"});
  two.a.run({"MULTI"});
  two.a.run({"DISCARD"});
  CHECK(two.node.keyspace().slot(two.shard("k")).watches.empty());
  two.a.run({"WATCH", "k"});
  CHECK(two.a.dispatcher().release_watches(two.a.session()));  // it goes
  CHECK(two.node.keyspace().slot(two.shard("k")).watches.empty());
}

TEST_CASE("watches of a client that goes wait for a shard that is taken") {
  TwoClients two;
  two.a.run({"WATCH", "k"});
  REQUIRE(two.node.keyspace().try_lock(two.shard("k")));
  CHECK_FALSE(two.a.dispatcher().release_watches(two.a.session()));
  two.node.keyspace().unlock(two.shard("k"));
  CHECK(two.a.dispatcher().release_watches(two.a.session()));
  CHECK(two.node.keyspace().slot(two.shard("k")).watches.empty());
}

TEST_CASE("one command that cannot be queued spoils the transaction") {
  const Words bad = GENERATE(Words{"NOSUCH"}, Words{"GET"}, Words{"CONFIG", "NOSUCH"});
  TwoClients two;
  two.a.run({"WATCH", "k"});
  two.a.run({"MULTI"});
  CHECK(two.a.run({"SET", "k", "v"}) == "+QUEUED\r\n");
  CHECK(two.a.run(bad).starts_with("-ERR "));
  CHECK(two.a.run({"SET", "k", "w"}) == "+QUEUED\r\n");
  CHECK(two.a.run({"EXEC"}) == "-EXECABORT Transaction discarded because of previous errors.\r\n");
  CHECK(two.a.run({"GET", "k"}) == "$-1\r\n");
  CHECK_FALSE(two.a.session().in_transaction());
  CHECK(two.node.keyspace().slot(two.shard("k")).watches.empty());
  CHECK(two.nothing_is_locked());
}

TEST_CASE("an error within a transaction does not undo what stands around it") {
  TwoClients two;
  two.a.run({"SET", "text", "abc"});
  two.a.run({"MULTI"});
  two.a.run({"SET", "before", "1"});
  two.a.run({"INCR", "text"});
  two.a.run({"SET", "after", "1"});
  CHECK(two.a.run({"EXEC"}) ==
        "*3\r\n+OK\r\n-ERR value is not an integer or out of range\r\n+OK\r\n");
  CHECK(two.a.run({"MGET", "before", "after"}) == "*2\r\n$1\r\n1\r\n$1\r\n1\r\n");
}

TEST_CASE("a node-wide command gathers first, and holds no shard meanwhile") {
  TwoClients two;
  CHECK(two.a.try_run({"CLIENT", "LIST"}) == Outcome::gathering);
  CHECK(two.a.session().gathered.size() == 1);
  CHECK(two.nothing_is_locked());
  two.a.dispatcher().abandon(two.a.session());
  CHECK(two.a.session().gathered.empty());

  two.a.run({"MULTI"});
  two.a.run({"SET", "k", "v"});
  two.a.run({"CLIENT", "LIST"});
  two.a.run({"INFO"});
  CHECK(two.a.try_run({"EXEC"}) == Outcome::gathering);
  CHECK(two.a.session().gathered.size() == 2);
  CHECK(two.b.run({"GET", "k"}) == "$-1\r\n");
  // As if every worker had been visited.
  CHECK(two.a.try_run({"EXEC"}) == Outcome::done);
  CHECK(two.a.reply().starts_with("*3\r\n+OK\r\n$"));
  CHECK(two.a.session().gathered.empty());
}

TEST_CASE("a node-wide change asks to be applied everywhere") {
  TwoClients two;
  CHECK(two.a.try_run({"CONFIG", "SET", "timeout", "17"}) == Outcome::applying);
  CHECK(two.a.reply() == "+OK\r\n");
  CHECK(two.a.session().to_apply.size() == 1);
  CHECK(two.node.config_store().current()->timeout_seconds == 17);
  two.a.session().to_apply.clear();
  CHECK(two.a.try_run({"CONFIG", "SET", "timeout", "never"}) == Outcome::done);
  CHECK(two.a.reply().starts_with("-ERR "));
  CHECK(two.node.config_store().current()->timeout_seconds == 17);
}

TEST_CASE("more clients than the system has descriptors for are refused") {
  NodeOptions options = node_options(1, 1);
  uint32_t asked_for = 0;
  options.services.allow_clients = [&asked_for](uint32_t clients) {
    asked_for = clients;
    return std::min<uint32_t>(clients, 20'000);
  };
  Node node(std::move(options));
  Actor client(node, 0, 1);
  const auto set = [&client](const std::string& value, const std::string& loglevel) {
    client.try_run({"CONFIG", "SET", "loglevel", loglevel, "maxclients", value});
    client.session().to_apply.clear();
    return client.reply();
  };
  CHECK(set("20000", "notice") == "+OK\r\n");
  CHECK(set("20001", "debug") ==
        "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating system "
        "is not able to handle the specified number of clients, try with 20000\r\n");
  CHECK(node.config_store().current()->maxclients == 20'000);
  CHECK(node.config_store().current()->loglevel == config::LogLevel::notice);
  asked_for = 0;
  CHECK(set("100", "debug") == "+OK\r\n");  // fewer always fit
  CHECK(asked_for == 0);
}

TEST_CASE("before authentication only few commands run") {
  NodeOptions options = node_options(1, 1);
  options.config.requirepass = "secret";
  Node node(std::move(options));
  Actor client(node, 0, 1);
  client.session().authenticated = false;
  for (const Words& words : {Words{"GET", "k"}, Words{"MULTI"}, Words{"CLIENT", "LIST"},
                             Words{"FLUSHALL"}, Words{"WATCH", "k"}, Words{"COMMAND"}}) {
    INFO(words[0]);
    CHECK(client.run(words) == "-NOAUTH Authentication required.\r\n");
  }
  CHECK(client.run({"EXEC"}).find("NOAUTH") != std::string::npos);
  CHECK(client.run({"AUTH", "wrong"}).starts_with("-WRONGPASS"));
  CHECK(client.run({"AUTH", "secret"}) == "+OK\r\n");
  CHECK(client.run({"GET", "k"}) == "$-1\r\n");
}

TEST_CASE("what an error repeats of a request is short") {
  TwoClients two;
  const std::string huge(100'000, 'x');
  CHECK(two.a.run({huge}).size() < 300);
  CHECK(two.a.run({"NOSUCH", huge, huge}).size() < 400);
  CHECK(two.a.run({"CONFIG", huge}).size() < 300);
  CHECK(two.a.run({"CLIENT", "KILL", huge, huge}).size() < 400);
}

TEST_CASE("a transaction may not grow without bounds") {
  NodeOptions options = node_options(1, 1);
  options.config.query_buffer_limit_bytes = 1 << 20;
  Node node(std::move(options));
  Actor client(node, 0, 1);
  client.run({"MULTI"});
  const std::string value(100'000, 'x');
  int queued = 0;
  while (client.run({"SET", "k", value}) == "+QUEUED\r\n") REQUIRE(++queued < 100);
  CHECK(queued >= 9);
  CHECK(client.session().transaction->bytes <= 1 << 20);
  CHECK(client.run({"EXEC"}).starts_with("-EXECABORT"));
}

}  // namespace larder::server
