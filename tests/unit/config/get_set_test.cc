// CONFIG GET and SET; texts as redis-server 7.0 answers them.
#include <catch2/catch.hpp>
#include <set>

#include "server/config/table.h"
#include "tests/unit/config/support.h"

namespace larder::config {
namespace {

using Pairs = std::vector<NameAndValue>;

std::string failed(const std::string& name, const std::string& reason) {
  return "ERR CONFIG SET failed (possibly related to argument '" + name + "') - " + reason;
}

TEST_CASE("asking for settings by name") {
  const Config config;
  CHECK(ask(config, {"save"}) == Pairs{{"save", ""}});
  CHECK(ask(config, {"appendonly"}) == Pairs{{"appendonly", "no"}});
  CHECK(ask(config, {"bind"}) == Pairs{{"bind", "* -::*"}});
  CHECK(ask(config, {"unixsocketperm"}) == Pairs{{"unixsocketperm", "0"}});
  CHECK(ask(config, {"proto-max-bulk-len"}) == Pairs{{"proto-max-bulk-len", "536870912"}});
  CHECK(ask(config, {"maxmemory-policy"}) == Pairs{{"maxmemory-policy", "noeviction"}});
  CHECK(ask(config, {"client-output-buffer-limit"}) ==
        Pairs{{"client-output-buffer-limit",
               "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"}});
  CHECK(ask(config, {"nosuch", "tim\\eout"}).empty());
}

TEST_CASE("several patterns answer each setting once, in the spelling that came first") {
  const Config config;
  CHECK(ask(config, {"TimeOut", "timeout", "time*"}) == Pairs{{"TimeOut", "0"}});
  CHECK(ask(config, {"TIME*", "TimeOut"}) == Pairs{{"timeout", "0"}});
  CHECK(ask(config, {"tcp-*"}) == Pairs{{"tcp-backlog", "511"}, {"tcp-keepalive", "300"}});
  CHECK(ask(config, {"*"}).size() == table().size());
}

TEST_CASE("setting values") {
  Config config;
  REQUIRE_FALSE(change(config, {{"Timeout", "12"},
                                {"proto-max-bulk-len", "100mb"},
                                {"client-output-buffer-limit", "normal 1mb 2mb 60 replica 0 0 0"},
                                {"requirepass", "a b"},
                                {"protected-mode", "no"}}));
  CHECK(config.timeout_seconds == 12);
  CHECK(config.proto_max_bulk_bytes == 100 * kMiB);
  CHECK(config.output_buffer_limit(ClientClass::normal) == OutputBufferLimit{kMiB, 2 * kMiB, 60});
  CHECK(config.output_buffer_limit(ClientClass::replica) == OutputBufferLimit{});
  CHECK(config.requirepass == "a b");
  CHECK_FALSE(config.protected_mode);
  REQUIRE_FALSE(change(config, {{"requirepass", ""}, {"client-output-buffer-limit", ""}}));
  CHECK(config.requirepass.empty());
}

TEST_CASE("all values or none") {
  Config config;
  CHECK(change(config, {{"timeout", "5"}, {"loglevel", "debug"}, {"tcp-keepalive", "x"}}));
  CHECK(change(config, {{"timeout", "5"}, {"nosuch", "3"}}));
  CHECK(config == Config{});
}

TEST_CASE("refusals in Redis's words") {
  Config config;
  const std::string unknown = "ERR Unknown option or number of arguments for CONFIG SET - ";
  CHECK(change(config, {{"x", "y"}}) == unknown + "'x'");
  CHECK(change(config, {{"a", "1"}, {"b", "2"}}) == unknown + "'a'");
  CHECK(change(config, {{"timeout", "x"}, {"nosuch", "3"}}) == unknown + "'nosuch'");
  CHECK(change(config, {{"timeout", "5"}, {"TIMEOUT", "6"}}) ==
        failed("TIMEOUT", "duplicate parameter"));
  CHECK(change(config, {{"databases", "5"}}) == failed("databases", "can't set immutable config"));
  CHECK(change(config, {{"timeout", "abc"}}) ==
        failed("timeout", "argument couldn't be parsed into an integer"));
  CHECK(change(config, {{"TIMEOUT", "-1"}}) ==
        failed("timeout", "argument must be between 0 and 2147483647 inclusive"));
  CHECK(change(config, {{"timeout", "99999999999"}}) ==
        failed("timeout", "argument must be between 0 and 2147483647 inclusive"));
  CHECK(change(config, {{"maxclients", "0"}}) ==
        failed("maxclients", "argument must be between 1 and 4294967295 inclusive"));
  CHECK(change(config, {{"loglevel", "foo"}}) ==
        failed("loglevel",
               "argument(s) must be one of the following: debug, verbose, notice, warning"));
  CHECK(change(config, {{"loglevel", "notice verbose"}}));
  CHECK(change(config, {{"protected-mode", "maybe"}}) ==
        failed("protected-mode", "argument must be 'yes' or 'no'"));
  CHECK(change(config, {{"proto-max-bulk-len", "1"}}) ==
        failed("proto-max-bulk-len",
               "argument must be between 1048576 and 9223372036854775807 inclusive"));
  CHECK(change(config, {{"proto-max-bulk-len", "5x"}}) ==
        failed("proto-max-bulk-len", "argument must be a memory value"));
  CHECK(change(config, {{"client-output-buffer-limit", "normal 1 2"}}) ==
        failed("client-output-buffer-limit",
               "Wrong number of arguments in buffer limit configuration."));
  CHECK(change(config, {{"client-output-buffer-limit", "normal 1 2 x"}}) ==
        failed("client-output-buffer-limit",
               "Error in hard, soft or soft_seconds setting in buffer limit configuration."));
  CHECK(change(config, {{"client-output-buffer-limit", "foo 1 2 3"}}) ==
        failed("client-output-buffer-limit",
               "Invalid client class specified in buffer limit configuration."));
  CHECK(change(config, {{"save", "a"}}) == failed("save", "Invalid save parameters"));
  CHECK(change(config, {{"notify-keyspace-events", "QQ"}}) ==
        failed("notify-keyspace-events", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."));
  CHECK(change(config, {{"maxmemory-policy", "foo"}}) ==
        failed("maxmemory-policy",
               "argument(s) must be one of the following: volatile-lru, volatile-lfu, "
               "volatile-random, volatile-ttl, volatile-fifo, volatile-s3fifo, volatile-sieve, "
               "allkeys-lru, allkeys-lfu, allkeys-random, allkeys-fifo, allkeys-s3fifo, "
               "allkeys-sieve, auto, noeviction"));
  CHECK_FALSE(change(config, {{"maxmemory-policy", "AllKeys-Random"}}));
  CHECK(config.maxmemory_policy == EvictionPolicy::allkeys_random);
  CHECK_FALSE(change(config, {{"maxmemory-policy", "noeviction"}}));
  CHECK(config == Config{});
}

TEST_CASE("maxmemory is a size, and 0 is no limit") {
  Config config;
  CHECK_FALSE(change(config, {{"maxmemory", "100mb"}}));
  CHECK(config.maxmemory_bytes == 100 << 20);
  CHECK(ask(config, {"maxmemory"}) == Pairs{{"maxmemory", "104857600"}});
  CHECK_FALSE(change(config, {{"maxmemory", "1k"}}));
  CHECK(config.maxmemory_bytes == 1000);
  for (const char* bad : {"-5", "1x", ""}) {
    CHECK(change(config, {{"maxmemory", bad}}) ==
          failed("maxmemory", "argument must be a memory value"));
  }
  CHECK_FALSE(change(config, {{"maxmemory", "0"}}));
  CHECK(config == Config{});
}

TEST_CASE("classes of keyspace events are shown in Redis's order") {
  using Pair = std::pair<std::string, std::string>;
  for (const auto& [asked, shown] :
       {Pair{"KEA", "AKE"}, Pair{"KEAn", "AKE"}, Pair{"nm", "nm"}, Pair{"$lshzxetdg", "A"},
        Pair{"dtexzhsl$", "$lshzxetd"}, Pair{"Kx", "xK"}, Pair{"KEd", "dKE"}, Pair{"AnmKE", "AKEm"},
        Pair{"mEgx", "gxEm"}, Pair{"xx", "x"}, Pair{"", ""}}) {
    Config config;
    REQUIRE_FALSE(change(config, {{"notify-keyspace-events", asked}}));
    const std::string_view name = "notify-keyspace-events";
    CHECK(ask(config, {name}) == std::vector<NameAndValue>{{"notify-keyspace-events", shown}});
  }
  Config config;
  REQUIRE_FALSE(change(config, {{"notify-keyspace-events", "An"}}));
  CHECK(config.notify_keyspace_events == (kEventsAll | kEventsNew));
}

TEST_CASE("asking for missing parts at run time") {
  Config config;
  CHECK_FALSE(change(config, {{"save", ""}, {"appendonly", "no"}}));
  CHECK(mentions(change(config, {{"save", "3600 1"}}), "persistence is not part of this version"));
  CHECK(config == Config{});
}

TEST_CASE("no file or address can be changed at run time") {
  Config config;
  for (const char* name : {"bind", "port", "unixsocket", "unixsocketperm", "dir", "logfile",
                           "pidfile", "threads", "driver", "databases"}) {
    INFO(name);
    CHECK(change(config, {{name, "1"}}) == failed(name, "can't set immutable config"));
  }
}

TEST_CASE("huge names and values are repeated only in part") {
  Config config;
  const std::string huge(1 << 20, 'x');
  CHECK(change(config, {{huge, "1"}}).value().size() < 300);
  CHECK(change(config, {{"timeout", huge}}).value().size() < 300);
}

}  // namespace
}  // namespace larder::config
