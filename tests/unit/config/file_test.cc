// Config files: syntax, every kind of value, includes, and errors that name their place.
#include <catch2/catch.hpp>

#include "tests/unit/config/support.h"

namespace larder::config {
namespace {

using Strings = std::vector<std::string>;

TEST_CASE("an empty file leaves the defaults") {
  Config config;
  CHECK_FALSE(load(config, ""));
  CHECK_FALSE(load(config, "\n\n# port 1\n   # port 2\n\t\r\n\v\n"));
  CHECK(config == Config{});
}

TEST_CASE("every kind of value") {
  Config config;
  const Error error = load(config, R"(
bind 127.0.0.1 -::1
PORT 7000
unixsocket "/tmp/a b.sock"
unixsocketperm 770
protected-mode NO
requirepass "a\x01b \" c"
maxclients 4294967295
client-output-buffer-limit normal 1mb 2kb 3 pubsub 0 0 0
client-output-buffer-limit slave 10 5 1
client-query-buffer-limit 2mb
loglevel Warning
driver EPOLL
threads 4
dir /var/lib/larder
)");
  REQUIRE(error.value_or("") == "");
  CHECK(config.bind == Strings{"127.0.0.1", "-::1"});
  CHECK(config.port == 7000);
  CHECK(config.unixsocket == "/tmp/a b.sock");
  CHECK(config.unixsocket_permissions == 0770);
  CHECK_FALSE(config.protected_mode);
  CHECK(config.requirepass ==
        "a\x01"
        "b \" c");
  CHECK(config.maxclients == 4294967295U);
  CHECK(config.output_buffer_limit(ClientClass::normal) == OutputBufferLimit{1048576, 2048, 3});
  CHECK(config.output_buffer_limit(ClientClass::replica) == OutputBufferLimit{10, 5, 1});
  CHECK(config.output_buffer_limit(ClientClass::pubsub) == OutputBufferLimit{0, 0, 0});
  CHECK(config.query_buffer_limit_bytes == 2 * kMiB);
  CHECK(config.loglevel == LogLevel::warning);
  CHECK(config.driver == DriverChoice::epoll);
  CHECK(config.threads == 4);
  CHECK(config.dir == "/var/lib/larder");
}

TEST_CASE("later lines win, and a limit of one class leaves the others") {
  Config config;
  REQUIRE_FALSE(load(config, "port 1\nport 2\r\nclient-output-buffer-limit pubsub 1 2 3"));
  CHECK(config.port == 2);
  CHECK(config.output_buffer_limit(ClientClass::replica).hard_bytes == 256 * kMiB);
  CHECK(config.output_buffer_limit(ClientClass::pubsub).hard_bytes == 1);
}

TEST_CASE("no bind address at all") {
  Config config;
  REQUIRE_FALSE(load(config, "bind \"\"\n"));
  CHECK(config.bind.empty());
}

TEST_CASE("a bad line is named by file and number, with what is accepted") {
  Config config;
  CHECK(load(config, "# one\nport abc\n") ==
        "larder.conf:2: setting 'port' with value 'abc': argument couldn't be parsed into an "
        "integer; accepted: a number from 0 to 65535");
  CHECK(load(config, "port 65536") ==
        "larder.conf:1: setting 'port' with value '65536': argument must be between 0 and 65535 "
        "inclusive; accepted: a number from 0 to 65535");
  CHECK(load(config, "nosuch 1") ==
        "larder.conf:1: unknown setting 'nosuch'; --help lists all settings");
  CHECK(load(config, "port") ==
        "larder.conf:1: setting 'port' without a value: wrong number of arguments; accepted: a "
        "number from 0 to 65535");
  CHECK(mentions(load(config, "port 1 2"), "'1' '2': wrong number of arguments"));
  CHECK(mentions(load(config, "requirepass \"a"), "larder.conf:1: unbalanced quotes"));
}

TEST_CASE("messages are one short line whatever the file holds") {
  Config config;
  const Error error = load(config, "\"x\\n\\x00y" + std::string(100000, 'z') + "\" 1");
  REQUIRE(error);
  CHECK(error->find('\n') == std::string::npos);
  CHECK(error->find('\0') == std::string::npos);
  CHECK(error->size() < 300);
}

TEST_CASE("a password is never repeated") {
  Config config;
  const Error error = load(config, "requirepass hush hush-hush");
  REQUIRE(error);
  CHECK_FALSE(mentions(error, "hush"));
}

TEST_CASE("values that no kind accepts") {
  for (const char* line : {"port 007",
                           "port +1",
                           "port -1",
                           "port ''",
                           "port ' 1'",
                           "port 99999999999999999999",
                           "port 1e3",
                           "port 0x10",
                           "timeout -0",
                           "unixsocketperm 8",
                           "unixsocketperm 1000",
                           "unixsocketperm ''",
                           "unixsocketperm -7",
                           "databases 0",
                           "databases 17",
                           "threads 257",
                           "protected-mode 1",
                           "protected-mode ''",
                           "loglevel notices",
                           "client-query-buffer-limit 1",
                           "client-query-buffer-limit 9223372036854775808",
                           "proto-max-bulk-len -1",
                           "maxclients 0",
                           "bind 'a,b'",
                           "bind 'a\\x00'",
                           "bind 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
                           "dir ''",
                           "logfile \"a\\x00b\"",
                           "client-output-buffer-limit normal 1 2",
                           "client-output-buffer-limit nobody 1 2 3",
                           "client-output-buffer-limit normal 1 2 -3",
                           "client-output-buffer-limit normal 1 2 x",
                           "client-output-buffer-limit normal -1 2 3"}) {
    INFO(line);
    Config config;
    CHECK(load(config, line));
  }
  Config config;
  CHECK(load(config, "unixsocket /" + std::string(107, 'a')));
  CHECK_FALSE(load(config, "unixsocket /" + std::string(106, 'a')));
}

TEST_CASE("what asks for no more than is true is accepted") {
  Config config;
  REQUIRE_FALSE(load(config, R"(
save ""
appendonly no
notify-keyspace-events ""
cluster-enabled no
daemonize no
supervised no
pidfile ""
)"));
  CHECK(config == Config{});
}

TEST_CASE("what asks for parts that do not exist is refused with a remedy") {
  Config config;
  CHECK(mentions(load(config, "save 3600 1 300 100"), "use save \"\""));
  CHECK(mentions(load(config, "save 3600"), "Invalid save parameters"));
  CHECK(mentions(load(config, "appendonly yes"), "use appendonly no"));
  CHECK(mentions(load(config, "maxmemory-samples 5"), "nothing is sampled"));
  CHECK(mentions(load(config, "cluster-enabled yes"), "use cluster-enabled no"));
  CHECK(mentions(load(config, "daemonize yes"), "service manager"));
  CHECK(mentions(load(config, "supervised systemd"), "use supervised no"));
  CHECK(mentions(load(config, "pidfile /run/x.pid"), "use pidfile \"\""));
  CHECK(mentions(load(config, "tls-port 6380"),
                 "setting 'tls-port' is not supported in this version: TLS"));
  CHECK(mentions(load(config, "REPLICAOF 127.0.0.1 6379"), "replication"));
  CHECK(mentions(load(config, "io-threads 4"), "use threads"));
  CHECK(config == Config{});
}

TEST_CASE("included files are read in place") {
  Config config;
  REQUIRE_FALSE(
      load(config, "port 1\ninclude a.conf\ntimeout 3\n",
           {{"a.conf", "port 2\ntimeout 2\ninclude 'b c.conf'"}, {"b c.conf", "threads 2"}}));
  CHECK(config.port == 2);
  CHECK(config.timeout_seconds == 3);
  CHECK(config.threads == 2);
}

TEST_CASE("errors of included files name both places") {
  Config config;
  CHECK(mentions(load(config, "\ninclude a.conf", {{"a.conf", "\n\nport x"}}),
                 "larder.conf:2: a.conf:3: setting 'port'"));
  CHECK(mentions(load(config, "include gone.conf"), "include 'gone.conf': cannot read the file"));
  CHECK(mentions(load(config, "include"), "wrong number of arguments"));
  CHECK(mentions(load(config, "include a.conf", {{"a.conf", "include a.conf"}}),
                 "nested too deeply"));
}

}  // namespace
}  // namespace larder::config
