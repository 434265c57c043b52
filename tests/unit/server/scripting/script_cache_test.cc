#include "server/scripting/script_cache.h"

#include <catch2/catch.hpp>
#include <string>

namespace larder::server {
namespace {

Script script_of(const std::string& source, int function = 0, bool kept = false) {
  Script script;
  script.source = source;
  script.sha = sha1_text(source);
  script.function = function;
  script.kept = kept;
  return script;
}

TEST_CASE("scripts are found by their name in any case, and by their source") {
  ScriptCache cache;
  Script& script = cache.add(script_of("return 1", 7));
  CHECK(script.name() == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
  CHECK(cache.find(script.name()) == &script);
  CHECK(cache.find("E0E1F9FABFC9D4800C877A703B823AC0578FF8DB") == &script);
  CHECK(cache.contains("E0e1f9fabfc9d4800c877a703b823ac0578ff8db"));
  CHECK(cache.find_source("return 1") == &script);
  for (const char* name : {"", "e0e1", "e0e1f9fabfc9d4800c877a703b823ac0578ff8dc",
                           "e0e1f9fabfc9d4800c877a703b823ac0578ff8db0"}) {
    CHECK(cache.find(name) == nullptr);
    CHECK_FALSE(cache.contains(name));
  }
  CHECK(cache.find_source("return 2") == nullptr);
  CHECK(cache.size() == 1);
}

TEST_CASE("the least recently used script goes first, and one that is kept never") {
  ScriptCache cache;
  for (int i = 0; i < 4; ++i) cache.add(script_of("return " + std::to_string(i), i));
  const size_t bytes = cache.bytes();
  CHECK(bytes > 4 * std::string("return 0").size());
  cache.find_source("return 0");
  cache.keep(*cache.find_source("return 2"));
  CHECK(cache.passing() == 3);

  int function = -1;
  REQUIRE(cache.evict(nullptr, function));
  CHECK(function == 1);
  CHECK(cache.find_source("return 1") == nullptr);
  REQUIRE(cache.evict(cache.find_source("return 3"), function));
  CHECK(function == 0);
  REQUIRE(cache.evict(nullptr, function));
  CHECK(function == 3);
  CHECK_FALSE(cache.evict(nullptr, function));
  CHECK(cache.size() == 1);
  CHECK(cache.find_source("return 2") != nullptr);
  CHECK(cache.bytes() < bytes);
}

TEST_CASE("clearing visits every script once") {
  ScriptCache cache;
  cache.add(script_of("a", 1, /*kept=*/true));
  cache.add(script_of("b", 2));
  int sum = 0;
  cache.clear([&](const Script& script) { sum += script.function; });
  CHECK(sum == 3);
  CHECK(cache.size() == 0);
  CHECK(cache.bytes() == 0);
  CHECK(cache.find_source("a") == nullptr);
  cache.add(script_of("a", 1));
  CHECK(cache.size() == 1);
}

}  // namespace
}  // namespace larder::server
