// MONITOR: who is sent what, from which worker, and when it ends; DEBUG, as far as workers do it.
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/worker_desk.h"

namespace larder::server {
namespace {

using support::Peer;
using support::Words;
using support::WorkerDesk;

config::Config with_debug() {
  config::Config config;
  config.enable_debug_command = config::DebugAccess::yes;
  return config;
}

}  // namespace

TEST_CASE("a monitor is sent what clients of every worker run, after their replies") {
  WorkerDesk desk(2);
  Peer& monitor = desk.connect();
  Peer& other = desk.connect();
  Peer& near = desk.connect();
  REQUIRE(monitor.worker != other.worker);
  REQUIRE(monitor.worker == near.worker);
  CHECK(desk.ask(monitor, {"MONITOR"}) == "+OK\r\n");
  desk.ask(other, {"SET", "k", "a b\n"});
  CHECK(monitor.take() == "+1700000000.000000 [0 127.0.0.1:5000] \"SET\" \"k\" \"a b\\n\"\r\n");
  desk.ask(near, {"SELECT", "3"});
  CHECK(monitor.take() == "+1700000000.000000 [3 127.0.0.1:5000] \"SELECT\" \"3\"\r\n");
  CHECK(desk.ask(monitor, {"PING"}) ==
        "+PONG\r\n+1700000000.000000 [0 127.0.0.1:5000] \"PING\"\r\n");
}

TEST_CASE("monitors do not see what administrators do, what was refused, and passwords") {
  WorkerDesk desk;
  Peer& monitor = desk.connect();
  Peer& client = desk.connect();
  desk.ask(monitor, {"MONITOR"});
  monitor.take();
  for (const Words& words : {Words{"CONFIG", "GET", "port"}, Words{"CLIENT", "LIST"}, Words{"GET"},
                             Words{"NOPE"}, Words{"SLOWLOG", "LEN"}}) {
    desk.ask(client, words);
  }
  CHECK(monitor.take() == "");
  desk.ask(client, {"AUTH", "user", "secret"});
  CHECK(monitor.take().ends_with("\"AUTH\" \"(redacted)\" \"(redacted)\"\r\n"));
}

TEST_CASE("a transaction is shown when it runs: its commands, then EXEC") {
  WorkerDesk desk(2);
  Peer& monitor = desk.connect();
  Peer& client = desk.connect();
  desk.ask(monitor, {"MONITOR"});
  desk.ask(client, {"MULTI"});
  monitor.take();
  desk.ask(client, {"SET", "a", "1"});
  desk.ask(client, {"MONITOR"});
  CHECK(monitor.take() == "");
  CHECK(desk.ask(client, {"EXEC"}) ==
        "*2\r\n+OK\r\n-ERR MONITOR isn't allowed for DENY BLOCKING client\r\n");
  const std::string seen = monitor.take();
  CHECK(seen.find("\"SET\" \"a\" \"1\"\r\n") < seen.find("\"EXEC\"\r\n"));
  CHECK(seen.find("MONITOR") == std::string::npos);
}

TEST_CASE("RESET and leaving end monitoring; then nothing is put into words any more") {
  WorkerDesk desk(2);
  Peer& first = desk.connect();
  Peer& second = desk.connect();
  Peer& client = desk.connect();
  desk.ask(first, {"MONITOR"});
  desk.ask(second, {"MONITOR"});
  CHECK(desk.node().monitor_count() == 2);
  CHECK(desk.ask(first, {"CLIENT", "LIST"}).find("flags=O ") != std::string::npos);
  CHECK(desk.ask(first, {"GET", "k"}) == "-ERR Replica can't interact with the keyspace\r\n");
  CHECK(desk.ask(first, {"RESET"}) == "+RESET\r\n");
  second.end = 0;
  desk.settle();
  desk.ask(client, {"PING"});
  CHECK(first.take() == "");
  CHECK(desk.node().monitor_count() == 0);
  CHECK(desk.ask(first, {"GET", "k"}) == "$-1\r\n");
}

TEST_CASE("a monitor that does not read is closed before it costs much") {
  WorkerDesk desk(2);
  Peer& monitor = desk.connect();
  Peer& far = desk.connect();
  Peer& near = desk.connect();
  REQUIRE(far.worker != monitor.worker);
  REQUIRE(near.worker == monitor.worker);
  Peer* client = GENERATE(0, 1) == 0 ? &near : &far;
  desk.ask(monitor, {"MONITOR"});
  monitor.reads = false;
  const std::string value(16'000, 'v');
  for (int i = 0; i < 5000 && !monitor.is_closed; ++i) desk.ask(*client, {"SET", "k", value});
  CHECK(monitor.is_closed);
  CHECK(desk.ask(*client, {"PING"}) == "+PONG\r\n");
  CHECK(desk.node().monitor_count() == 0);
}

TEST_CASE("lines are cut: 16 KiB of an argument, 1 MiB in all") {
  WorkerDesk desk;
  Peer& monitor = desk.connect();
  Peer& client = desk.connect();
  desk.ask(monitor, {"MONITOR"});
  desk.ask(client, {"ECHO", std::string(20'000, 'x')});
  CHECK(monitor.take().ends_with("xxx... (3616 more bytes)\"\r\n"));
  Words many(200, std::string(10'000, 'k'));
  many[0] = "EXISTS";
  desk.ask(client, many);
  const std::string line = monitor.take();
  CHECK(line.ends_with(" more arguments)\"\r\n"));
  CHECK(line.size() > (1 << 20));
  CHECK(line.size() < (1 << 20) + 20'000);
}

TEST_CASE("DEBUG is refused unless it is allowed, to everybody or to this machine's clients") {
  const std::string refusal =
      "-ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you "
      "can run it from a local connection, otherwise you need to set this option in the "
      "configuration file, and then restart the server.\r\n";
  config::Config config;
  config.protected_mode = false;
  for (const auto access :
       {config::DebugAccess::no, config::DebugAccess::local, config::DebugAccess::yes}) {
    config.enable_debug_command = access;
    WorkerDesk desk(1, config);
    Peer& near = desk.connect();
    Peer& stranger = desk.arrive("192.0.2.1:4000");
    desk.settle();
    const bool near_may = access != config::DebugAccess::no;
    const bool all_may = access == config::DebugAccess::yes;
    CHECK(desk.ask(near, {"DEBUG", "ERROR", "CODE text"}) ==
          (near_may ? "-CODE text\r\n" : refusal));
    CHECK(desk.ask(stranger, {"DEBUG", "ERROR", "CODE text"}) ==
          (all_may ? "-CODE text\r\n" : refusal));
  }
}

TEST_CASE("DEBUG SLEEP puts every worker to sleep, without any lock, and counts as its time") {
  NodeServices services;
  auto slept_ns = std::make_shared<std::vector<int64_t>>();
  auto now_ns = std::make_shared<int64_t>(0);
  std::shared_ptr<Keyspace*> keyspace = std::make_shared<Keyspace*>(nullptr);
  auto locked = std::make_shared<int>(0);
  services.sleep_ns = [=](int64_t duration_ns) {
    slept_ns->push_back(duration_ns);
    *now_ns += duration_ns;
    for (unsigned shard = 0; shard < storage::kShardCount; ++shard) {
      if ((*keyspace)->try_lock(shard)) {
        (*keyspace)->unlock(shard);
      } else {
        ++*locked;
      }
    }
  };
  services.precise_ns = [=] { return *now_ns; };
  WorkerDesk desk(3, with_debug(), services);
  *keyspace = &desk.node().keyspace();
  Peer& client = desk.connect();
  CHECK(desk.ask(client, {"DEBUG", "SLEEP", "0.25"}) == "+OK\r\n");
  CHECK(*slept_ns == std::vector<int64_t>(3, 250'000'000));
  CHECK(*locked == 0);
  CHECK(desk.ask(client, {"SLOWLOG", "GET"}).find(":250000\r\n*3\r\n$5\r\nDEBUG\r\n") !=
        std::string::npos);
  for (const char* text : {"-1", "nonsense", "nan", "0"}) {
    slept_ns->clear();
    CHECK(desk.ask(client, {"DEBUG", "SLEEP", text}) == "+OK\r\n");
    CHECK(*slept_ns == std::vector<int64_t>(3, 0));
  }
}

TEST_CASE("DEBUG SET-ACTIVE-EXPIRE: keys past their time stay until somebody looks, or it is on") {
  WorkerDesk desk(2, with_debug());
  Peer& client = desk.connect();
  desk.ask(client, {"DEBUG", "SET-ACTIVE-EXPIRE", "0"});
  for (const char* key : {"a", "b", "c"}) desk.ask(client, {"SET", key, "v", "PX", "10"});
  desk.advance_ms(1000);
  desk.settle();
  CHECK(desk.ask(client, {"DBSIZE"}) == ":3\r\n");
  CHECK(desk.ask(client, {"GET", "a"}) == "$-1\r\n");
  CHECK(desk.ask(client, {"DBSIZE"}) == ":2\r\n");
  desk.ask(client, {"DEBUG", "SET-ACTIVE-EXPIRE", "1"});
  desk.advance_ms(1000);
  desk.settle();
  CHECK(desk.ask(client, {"DBSIZE"}) == ":0\r\n");
}

}  // namespace larder::server
