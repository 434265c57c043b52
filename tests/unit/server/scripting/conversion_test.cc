#include "server/scripting/conversion.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/support/script_bench.h"

namespace larder::server {
namespace {

using protocol::Dialect;
using support::ScriptBench;

// What a script returns that returns what a command answered.
std::string through(const std::string& reply, Dialect dialect) {
  ScriptBench bench;
  bench.answer_with([&](protocol::Arguments) { return reply; });
  return bench.eval(dialect == Dialect::resp3 ? "redis.setresp(3) return redis.pcall('X')"
                                              : "return redis.pcall('X')",
                    {}, dialect);
}

TEST_CASE("replies go through a script and back as they are, where Lua has the value") {
  for (const std::string& reply :
       std::vector<std::string>{"+OK\r\n", "-ERR text\r\n", ":5\r\n", ":-5\r\n", "$3\r\nabc\r\n",
                                "$0\r\n\r\n", std::string("$5\r\na\r\n\0b\r\n", 11), "*0\r\n",
                                "*2\r\n:1\r\n*1\r\n$1\r\nx\r\n", "$-1\r\n"}) {
    INFO(reply);
    CHECK(through(reply, Dialect::resp2) == reply);
  }
  for (const std::string reply :
       {"_\r\n", "#t\r\n", "#f\r\n", ",1.5\r\n", ",inf\r\n", ",-inf\r\n",
        "(123456789012345678901\r\n", "=7\r\ntxt:abc\r\n", "%1\r\n$1\r\nk\r\n:1\r\n",
        "~1\r\n$1\r\nk\r\n", "%1\r\n+a\r\n%1\r\n:1\r\n~0\r\n"}) {
    INFO(reply);
    if (reply.find("+a") == std::string::npos) CHECK(through(reply, Dialect::resp3) == reply);
  }
  CHECK(through("*-1\r\n", Dialect::resp2) == "$-1\r\n");
  CHECK(through("*3\r\n:1\r\n_\r\n:3\r\n", Dialect::resp3) == "*1\r\n:1\r\n");
}

TEST_CASE("replies that break off or nest without end are taken as far as they go") {
  for (const std::string reply : {"", "*", "*1\r\n", "$5\r\nabc", "$9999999999\r\n", ":x\r\n",
                                  "*9999999999999\r\n", "%1\r\n:1\r\n", "=2\r\nab\r\n", "?\r\n"}) {
    INFO(reply);
    CHECK(through(reply, Dialect::resp3).size() < 32);
  }
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "*1\r\n";
  CHECK(through(deep, Dialect::resp3).starts_with("*1\r\n*1\r\n"));
}

TEST_CASE("numbers lose their fraction, and what no integer can hold becomes the least one") {
  ScriptBench bench;
  CHECK(bench.eval("return {3.99, -3.99, 2^53, -2^63}") ==
        "*4\r\n:3\r\n:-3\r\n:9007199254740992\r\n:-9223372036854775808\r\n");
  CHECK(bench.eval("return {2^63, 1e300, -1e300, 0/0, 1/0, -1/0}") ==
        "*6\r\n:-9223372036854775808\r\n:-9223372036854775808\r\n:-9223372036854775808\r\n"
        ":-9223372036854775808\r\n:-9223372036854775808\r\n:-9223372036854775808\r\n");
}

TEST_CASE("no text that a script returns breaks the protocol") {
  ScriptBench bench;
  CHECK(bench.eval("return {err = 'a\\r\\n+b\\0c'}") == "-a  +b c\r\n");
  CHECK(bench.eval("return {ok = 'a\\r\\n:1'}") == "+a  :1\r\n");
  CHECK(bench.eval("error('a\\r\\nb')").find("\r\n") ==
        bench.eval("error('a\\r\\nb')").size() - 2);
  CHECK(bench.eval("return {big_number = '1\\r\\n:2'}", {}, Dialect::resp3) == "(1  :2\r\n");
  CHECK(bench.eval("return {verbatim_string = {format = 'a\\r\\nb', string = 'x'}}", {},
                   Dialect::resp3)
            .size() == std::string("=5\r\nabc:x\r\n").size());
  CHECK(bench.eval("return {verbatim_string = {format = '', string = 'x'}}", {}, Dialect::resp3) ==
        "=5\r\n   :x\r\n");
}

TEST_CASE("tables that are too deep, too large or endless are an error") {
  ScriptBench bench;
  CHECK(bench.eval("local t = {} for i = 1, 1e5 do t = {t} end return t") ==
        "-ERR reached lua stack limit\r\n");
  CHECK(bench.eval("local t = {} t[1] = t return t") == "-ERR reached lua stack limit\r\n");
  CHECK(bench.eval("local t = {} t.map = t return t") == "-ERR reached lua stack limit\r\n");
  CHECK(bench.eval("return 1") == ":1\r\n");
}

TEST_CASE("words of commands: texts as they are, numbers as Redis writes them") {
  ScriptBench bench;
  bench.answer_with([](protocol::Arguments words) {
    std::string joined;
    for (std::string_view word : words.subspan(1)) joined += std::string(word) + " ";
    return "+" + joined + "\r\n";
  });
  CHECK(bench.eval("return redis.call('X', 1, -1, 0, 1.5, 1e15, 1e17, 0.1, 123456789012345, "
                   "1/0, 0/0 ~= 0/0 and 'nan')") ==
        "+1 -1 0 1.5 1000000000000000 1e+17 0.10000000000000001 123456789012345 inf nan \r\n");
}

TEST_CASE("redis.log joins its words and has four levels") {
  ScriptBench bench;
  bench.eval("redis.log(redis.LOG_WARNING, 'a', 1, true, 'b') redis.log(redis.LOG_DEBUG, 'x')");
  CHECK(bench.logged() == std::vector<std::string>{"3 a 1 b", "0 x"});
}

}  // namespace
}  // namespace larder::server
