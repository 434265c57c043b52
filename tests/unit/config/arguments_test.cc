// Command lines, as redis-server takes them.
#include <catch2/catch.hpp>

#include "tests/unit/config/support.h"

namespace larder::config {
namespace {

using Strings = std::vector<std::string>;

TEST_CASE("without arguments the defaults serve") {
  Config config;
  const StartRequest request = start(config, {});
  CHECK(request.action == StartAction::serve);
  CHECK_FALSE(request.error);
  CHECK(config == Config{});
}

TEST_CASE("names and values in all three spellings") {
  Config config;
  REQUIRE_FALSE(start(config, {"--port", "7000", "--bind", "127.0.0.1", "::1", "--timeout=5",
                               "--loglevel verbose", "--client-output-buffer-limit", "normal", "1",
                               "2", "3", "--Threads", "2"})
                    .error);
  CHECK(config.port == 7000);
  CHECK(config.bind == Strings{"127.0.0.1", "::1"});
  CHECK(config.timeout_seconds == 5);
  CHECK(config.loglevel == LogLevel::verbose);
  CHECK(config.output_buffer_limit(ClientClass::normal) == OutputBufferLimit{1, 2, 3});
  CHECK(config.threads == 2);
}

TEST_CASE("several words in one argument") {
  Config config;
  REQUIRE_FALSE(start(config, {"--bind", "127.0.0.1 ::1"}).error);
  CHECK(config.bind == Strings{"127.0.0.1", "::1"});
  REQUIRE_FALSE(start(config, {"--bind=10.0.0.1  10.0.0.2"}).error);
  CHECK(config.bind == Strings{"10.0.0.1", "10.0.0.2"});
}

TEST_CASE("a value may look like an option or hold an equals sign") {
  Config config;
  REQUIRE_FALSE(start(config, {"--requirepass", "--port", "--port", "1"}).error);
  CHECK(config.requirepass == "--port");
  CHECK(config.port == 1);
  REQUIRE_FALSE(start(config, {"--requirepass=a=b c"}).error);
  CHECK(config.requirepass == "a=b c");
}

TEST_CASE("save may stand alone") {
  Config config;
  CHECK_FALSE(start(config, {"--save"}).error);
  CHECK_FALSE(start(config, {"--save", "--port", "1"}).error);
  CHECK_FALSE(start(config, {"--save", "", "--appendonly", "no"}).error);
  CHECK(config.port == 1);
  CHECK(mentions(start(config, {"--save", "3600 1"}).error, "use save \"\""));
}

TEST_CASE("arguments win over the file named first") {
  Config config;
  REQUIRE_FALSE(
      start(config, {"a.conf", "--port", "2"}, {{"a.conf", "port 1\ntimeout 9\n"}}).error);
  CHECK(config.port == 2);
  CHECK(config.timeout_seconds == 9);
  CHECK(config.config_file == "a.conf");
}

TEST_CASE("a dash is standard input, which CONFIG REWRITE cannot write") {
  Config config;
  REQUIRE_FALSE(start(config, {"-"}, {{"-", "port 3"}}).error);
  CHECK(config.port == 3);
  CHECK(config.config_file.empty());
  CHECK(mentions(start(config, {"-"}, {{"-", "port x"}}).error, "standard input:1: "));
}

TEST_CASE("help and version are asked for wherever a name may stand") {
  Config config;
  CHECK(start(config, {"--help"}).action == StartAction::show_help);
  CHECK(start(config, {"-h"}).action == StartAction::show_help);
  CHECK(start(config, {"--version"}).action == StartAction::show_version);
  CHECK(start(config, {"--port", "1", "-v"}).error);
  CHECK(start(config, {"--save", "--version"}).action == StartAction::show_version);
  CHECK(start(config, {"--port", "1", "--help"}).action == StartAction::show_help);
  CHECK(start(config, {"--requirepass", "--help"}).action == StartAction::serve);
}

TEST_CASE("bad arguments are named") {
  Config config;
  CHECK(start(config, {"--port", "x"}).error ==
        "setting 'port' with value 'x': argument couldn't be parsed into an integer; accepted: a "
        "number from 0 to 65535");
  CHECK(mentions(start(config, {"--port"}).error, "setting 'port' without a value"));
  CHECK(mentions(start(config, {"--port", "1", "2"}).error, "'1' '2': wrong number of arguments"));
  CHECK(mentions(start(config, {"--nosuch", "1"}).error, "unknown setting 'nosuch'"));
  CHECK(mentions(start(config, {"--"}).error, "unknown setting ''"));
  CHECK(mentions(start(config, {"-p", "1"}).error, "unknown argument '-p'"));
  CHECK(mentions(start(config, {"gone.conf"}).error, "config file 'gone.conf' cannot be read"));
  CHECK(mentions(start(config, {"--port \"1"}).error, "unbalanced quotes"));
  CHECK(mentions(start(config, {"--include", "gone.conf"}).error, "gone.conf"));
}

}  // namespace
}  // namespace larder::config
