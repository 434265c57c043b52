// What has broken Lua in such servers, tried here: each attack is answered by an error or a
// harmless value, and the next script finds everything as it was. Names are those of the reports.
#include <catch2/catch.hpp>
#include <chrono>
#include <string>

#include "tests/support/script_bench.h"

namespace larder::server {
namespace {

using support::ScriptBench;

bool is_error(const std::string& reply, std::string_view text) {
  return reply.starts_with('-') && reply.find(text) != std::string::npos;
}

TEST_CASE("CVE-2024-31449: bit.tohex with the least integer") {
  ScriptBench bench;
  CHECK(bench.eval("return bit.tohex(65535, -2147483648)") == "$8\r\n0000FFFF\r\n");
  CHECK(bench.eval("return bit.tohex(1, 2147483647)") == "$8\r\n00000001\r\n");
  CHECK(bench.eval("return bit.tohex(1, 0)") == "$0\r\n\r\n");
}

TEST_CASE("CVE-2025-46817: unpack with ranges that overflow") {
  ScriptBench bench;
  for (const char* range : {"-2147483648, 2147483647", "0, 2147483647", "-1, 9007199254740992",
                            "-9007199254740992, 9007199254740992", "1, 8001"}) {
    INFO(range);
    CHECK(is_error(bench.eval("return {unpack({}, " + std::string(range) + ")}"),
                   "too many results to unpack"));
  }
  CHECK(bench.eval("return #{unpack({1,2,3}, 2147483647, 2147483647)}") == ":0\r\n");
  CHECK(bench.eval("return {unpack({1,2,3}, 2, 1)}") == "*0\r\n");
}

TEST_CASE("CVE-2015-8080, CVE-2018-11219, CVE-2020-14147: struct with sizes that overflow") {
  ScriptBench bench;
  for (const char* format : {"i99999999999", "c99999999999999999999", "!99999999999i", "I33",
                             "i2147483648", "c2147483648"}) {
    INFO(format);
    for (const std::string& call : {"struct.pack('" + std::string(format) + "', 1)",
                                   "struct.unpack('" + std::string(format) + "', 'abc')",
                                   "struct.size('" + std::string(format) + "')"}) {
      CHECK(bench.eval("return " + call).starts_with('-'));
    }
  }
  CHECK(
      is_error(bench.eval("return struct.unpack('c2147483647', 'abc')"), "data string too short"));
  CHECK(is_error(bench.eval("return struct.unpack('b', 'abc', 9007199254740992)"), "too short"));
  CHECK(
      is_error(bench.eval("return struct.unpack('b', 'abc', -1)"), "offset must be 1 or greater"));
  CHECK(is_error(bench.eval("return struct.unpack('dc0', struct.pack('d', 1e300))"), "too short"));
  CHECK(is_error(bench.eval("return struct.unpack('dc0', struct.pack('d', 0/0))"), "too short"));
  CHECK(is_error(bench.eval("return struct.unpack('bc0', '\\255abc')"), "too short"));
  CHECK(is_error(bench.eval("return struct.unpack(('b'):rep(9000), ('x'):rep(9000))"),
                 "too many results"));
  CHECK(bench.eval("return struct.size(('c2147483647'):rep(3))") == ":6442450941\r\n");
}

TEST_CASE("CVE-2018-11218, CVE-2022-24834: cmsgpack and cjson, nested and long") {
  ScriptBench bench(8 << 20);
  CHECK(is_error(bench.eval("return cmsgpack.unpack(('\\145'):rep(100000))"), "-ERR"));
  CHECK(is_error(bench.eval("return cmsgpack.unpack(('\\129'):rep(100000))"), "-ERR"));
  CHECK(is_error(bench.eval("return cmsgpack.unpack('\\221\\255\\255\\255\\255')"),
                 "Missing bytes in input"));
  CHECK(is_error(bench.eval("return cmsgpack.unpack('\\223\\255\\255\\255\\255')"),
                 "Missing bytes in input"));
  CHECK(is_error(bench.eval("return cmsgpack.unpack('\\219\\255\\255\\255\\255')"),
                 "Missing bytes in input"));
  CHECK(is_error(bench.eval("return cmsgpack.unpack('\\129\\192\\1')"), "-ERR"));
  CHECK(is_error(bench.eval("return #{cmsgpack.unpack(('\\1'):rep(100000))}"), "too many values"));
  CHECK(is_error(bench.eval("return cjson.decode(('['):rep(100000))"), "too many nested"));
  CHECK(is_error(bench.eval("cjson.decode_max_depth(2^31-1) return cjson.decode(('['):rep(1e6))"),
                 "too many nested"));
  CHECK(is_error(bench.eval("cjson.encode_max_depth(2^31-1) local t = {} t[1] = t "
                            "return cjson.encode(t)"),
                 "excessive nesting"));
  // Small tables, exponential output: two to the fortieth.
  const std::string dag = "local t = {1} for i = 1, 40 do t = {t, t} end ";
  CHECK(is_error(bench.eval(dag + "return cjson.encode(t)"), "not enough memory"));
  CHECK(is_error(bench.eval(dag + "return t"), "too large"));
  CHECK(is_error(bench.eval("local s = ('x'):rep(1e6) local t = {} for i = 1, 5000 do t[i] = s end "
                            "return cjson.encode(t)"),
                 "not enough memory"));
  CHECK(is_error(bench.eval("cjson.encode_sparse_array(false, 0) "
                            "return cjson.encode({[2147483647] = 1})"),
                 "not enough memory"));
  CHECK(bench.eval("return 1") == ":1\r\n");
}

TEST_CASE("what cjson was told is forgotten with the script") {
  ScriptBench bench;
  bench.eval("cjson.encode_max_depth(1) cjson.decode_max_depth(1) cjson.encode_number_precision(1) "
             "cjson.encode_sparse_array(true) cjson.encode_invalid_numbers('on')");
  CHECK(bench.eval("return cjson.encode({{{1.25}}})") == "$10\r\n[[[1.25]]]\r\n");
  CHECK(bench.eval("return cjson.decode('[[[5]]]')[1][1][1]") == ":5\r\n");
  CHECK(is_error(bench.eval("return cjson.encode(0/0)"), "must not be NaN"));
}

TEST_CASE("patterns: as deep as a pattern is long, and longer than anybody can wait") {
  ScriptBench bench;
  CHECK(is_error(bench.eval("return string.find(('a'):rep(1e5), ('a?'):rep(1e5))"),
                 "pattern too complex"));
  CHECK(is_error(bench.eval("return string.find('a', ('('):rep(33))"), "too many captures"));
  // Some 10^20 steps: a script that says so pauses again and again, and can be killed.
  for (const char* endless :
       {"return string.find(('a'):rep(100000), '.-.-.-.-b')",
        "return string.match(('a'):rep(100000), '.*.*.*.*b')",
        "return string.gsub(('a'):rep(100000), '.-.-.-b', '')",
        "for w in string.gmatch(('a'):rep(100000), '.-.-.-b') do end",
        // Long texts that differ at their ends.
        "local a, b = ('x'):rep(1e6) .. 'a', ('x'):rep(1e6) .. 'b' local t = {} "
        "for i = 1, 1e5 do t[i] = i % 2 == 0 and a or b end table.sort(t)"}) {
    INFO(endless);
    ScriptBench again;
    again.begin(endless);
    for (int slice = 0; slice < 5; ++slice) REQUIRE_FALSE(again.engine().fiber().resume());
    CHECK(again.engine().kill() == ScriptEngine::Kill::killing);
    CHECK(again.engine().fiber().resume());
    CHECK(is_error(again.reply(), "Script killed by user with SCRIPT KILL..."));
  }
  // Quadratic for who compares at every place.
  CHECK(
      bench
          .eval("local n = ('a'):rep(1e6) return {string.find(('a'):rep(2e6), n .. 'b', 1, true)}",
                {}, protocol::Dialect::resp2, 3)
          .starts_with("*"));
}

TEST_CASE("tables: shifting two billion places, and rest") {
  ScriptBench bench;
  CHECK(is_error(bench.eval("local t = {} table.insert(t, -2147483648, 1)"), "out of bounds"));
  CHECK(bench.eval("local t = {} table.insert(t, 2147483647, 5) return t[2147483647]") ==
        ":5\r\n");
  CHECK(is_error(bench.eval("return table.concat({}, 'x', 1, 2147483647)"), "-ERR"));
}

// #t is 2^29 for this one, of 30 elements.
const std::string kLongTable =
    "local s = '' for i = 0, 29 do s = s .. ('[%d]=1,'):format(2^i) end "
    "local t = loadstring('return {' .. s .. '}')() ";

TEST_CASE("C functions that take their time, again and again, can be stopped in between") {
  CHECK(ScriptBench().eval(kLongTable + "return #t") == ":536870912\r\n");
  for (const std::string& endless : {
           kLongTable + "table.remove(t, 1)",
           kLongTable + "table.insert(t, 1, 1)",
           kLongTable + "table.foreachi(t, math.randomseed)",
           std::string("load(collectgarbage)"),
           std::string("local s, set = ('a'):rep(1e5), '[' .. ('b'):rep(1e5) .. ']' "
                       "return s:find(set)"),
           std::string("local s = ('a'):rep(1e5) return s:find('(.-)%1%1b')"),
       }) {
    INFO(endless);
    ScriptBench bench;
    bench.begin(endless);
    for (int slice = 0; slice < 3; ++slice) {
      REQUIRE(bench.engine().fiber().is_running());
      static_cast<void>(bench.engine().fiber().resume());
    }
    REQUIRE(bench.engine().fiber().is_running());
    CHECK(bench.engine().kill() == ScriptEngine::Kill::killing);
    CHECK(bench.engine().fiber().resume());
    CHECK(is_error(bench.reply(), "Script killed by user"));
  }
}

TEST_CASE("who takes long from look to look is looked at more often") {
  ScriptBench bench;
  int64_t now_ns = 0;
  SECTION("commands") {
    bench.use_clock([&] { return now_ns; });
    bench.answer_with([&](protocol::Arguments) {
      now_ns += 1'000'000;
      return "+OK\r\n";
    });
    CHECK(bench.eval("for i = 1, 320 do redis.call('x') end return 1") == ":1\r\n");
    CHECK(bench.slices() >= 20);
  }
  SECTION("collections of garbage") {
    bench.use_clock([&] { return now_ns += 1'000'000; });
    CHECK(bench.eval("for i = 1, 80 do collectgarbage() end return 1") == ":1\r\n");
    CHECK(bench.slices() >= 15);
  }
  SECTION("functions of the library") {
    bench.use_clock([] {
      return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
    });
    CHECK(bench.eval("local s = ('x'):rep(5e6) for i = 1, 300 do s:reverse() end return 1") ==
          ":1\r\n");
    CHECK(bench.slices() >= 20);
    // And no more, once it is done.
    bench.use_clock([&] { return now_ns += 1000; });
    CHECK(bench.eval("local n = 0 for i = 1, 1e6 do n = n + 1 end return n") == ":1000000\r\n");
    CHECK(now_ns < 20'000'000);
  }
}

TEST_CASE("xpcall does what Lua's own does") {
  ScriptBench bench;
  CHECK(bench.eval("return {xpcall(function() return 1, 2 end, error)}") ==
        "*3\r\n:1\r\n:1\r\n:2\r\n");
  CHECK(bench.eval("return {select(2, xpcall(function() error({7}) end, "
                   "function(e) return e[1], 8 end))}") == "*1\r\n:7\r\n");
  CHECK(bench.eval("local ok, e = xpcall(function() error('x') end, function() error('y') end) "
                   "return {tostring(ok), e}") ==
        "*2\r\n$5\r\nfalse\r\n$23\r\nerror in error handling\r\n");
  CHECK(bench.eval("local ok, e = xpcall(function() return ('x'):rep(1e9) end, "
                   "function() return 'not asked' end) return e") ==
        "$17\r\nnot enough memory\r\n");
}

TEST_CASE("table.remove, foreach and foreachi do what Lua's own do") {
  ScriptBench bench;
  CHECK(bench.eval("local t = {1, 2, 3} return {table.remove(t, 1), table.remove(t), #t, t[1]}") ==
        "*4\r\n:1\r\n:3\r\n:1\r\n:2\r\n");
  CHECK(bench.eval("local t = {1, 2} return {select('#', table.remove(t, 3)), #t, "
                   "select('#', table.remove({})), select('#', table.remove(t, 0))}") ==
        "*4\r\n:0\r\n:2\r\n:0\r\n:0\r\n");
  CHECK(bench.eval("local r = {} table.foreachi({5, 6}, function(i, v) r[i] = v * 2 end) "
                   "return {r[1], r[2], table.foreachi({5, 6}, function(i, v) return v end)}") ==
        "*3\r\n:10\r\n:12\r\n:5\r\n");
  CHECK(bench.eval("local n = 0 table.foreach({a = 1, 2}, function(k, v) n = n + v end) "
                   "return {n, table.foreach({a = 7}, function(k, v) return v end)}") ==
        "*2\r\n:3\r\n:7\r\n");
}

TEST_CASE("no bytecode: neither into Lua nor out of it") {
  ScriptBench bench;
  CHECK(is_error(bench.eval("\033Lua"), "binary chunk"));
  CHECK(bench.eval("local f, e = loadstring('\\27Lua') return e") ==
        "$30\r\nattempt to load a binary chunk\r\n");
  CHECK(bench.eval("local first = true local f, e = load(function() if first then first = false "
                   "return '\\27' end return nil end) return e") ==
        "$30\r\nattempt to load a binary chunk\r\n");
  // The signature in pieces, after an empty one.
  CHECK(bench.eval("local parts = {'\\27Lu', 'aQ'} local i = 0 local f, e = load(function() "
                   "i = i + 1 return parts[i] end) return e") ==
        "$30\r\nattempt to load a binary chunk\r\n");
  CHECK(bench.eval("return type(string.dump)") == "$3\r\nnil\r\n");
}

TEST_CASE("CVE-2025-49844: the collector runs while a chunk is parsed") {
  ScriptBench bench;
  CHECK(bench.eval("for i = 1, 200 do local f = loadstring(('local x%d = %d '):format(i, i)"
                   ":rep(150) .. 'return 1', ('name%d'):format(i) .. ('n'):rep(1000)) "
                   "collectgarbage('step') assert(f() == 1) end return 1") == ":1\r\n");
  // The name ends at a NUL: the parser keeps another string than the one that was passed.
  CHECK(bench.eval("for i = 1, 200 do local f, e = loadstring('x =', ('n'):rep(100) .. i .. "
                   "'\\0tail') collectgarbage() assert(not f and #e > 0) end return 1") ==
        ":1\r\n");
}

TEST_CASE("CVE-2025-46819, CVE-2014-5461: the lexer's long brackets, many arguments") {
  ScriptBench bench;
  CHECK(bench.eval("return loadstring('return [' .. ('='):rep(1e6) .. '[x]' .. ('='):rep(1e6) .. "
                   "']')()") == "$1\r\nx\r\n");
  CHECK(bench.eval("return loadstring('return [' .. ('='):rep(1e6))") == "$-1\r\n");
  CHECK(bench.eval("local function f(...) return select('#', ...) end "
                   "return f(unpack({}, 1, 7000))") == ":7000\r\n");
  CHECK(is_error(bench.eval("return " + std::string(10'000, '(') + "1" + std::string(10'000, ')')),
                 "-ERR"));
  CHECK(is_error(bench.eval("local function f() return f() + 1 end return f()"), "stack overflow"));
  CHECK(is_error(bench.eval("local function f() return coroutine.wrap(f)() end return f()"),
                 "C stack overflow"));
  CHECK(
      is_error(bench.eval("local function f() return ('x'):gsub('x', f) end return f()"), "-ERR"));
  CHECK(
      is_error(bench.eval("local function f() return select(2, pcall(f)) end error(f())"), "-ERR"));
}

TEST_CASE("CVE-2022-0543, CVE-2024-46981 and their like: nothing leads out of the sandbox") {
  ScriptBench bench;
  for (const char* name : {"io", "debug", "package", "require", "module", "dofile", "loadfile",
                           "print", "getfenv", "setfenv", "newproxy", "jit"}) {
    INFO(name);
    CHECK(is_error(bench.eval("return " + std::string(name)), "nonexistent global variable"));
  }
  CHECK(bench.eval("local r = {} for k in pairs(os) do r[#r + 1] = k end return r") ==
        "*1\r\n$5\r\nclock\r\n");
  CHECK(
      bench.eval("local n = 0 for k, v in pairs(_G) do if type(v) == 'userdata' then n = n + 1 end "
                 "end return n") == ":0\r\n");
}

TEST_CASE("CVE-2022-24735, CVE-2025-46818: no script changes what another one finds") {
  ScriptBench bench;
  for (const char* attack : {
           "x = 1",
           "_G.x = 1",
           "KEYS = nil",
           "redis.call = nil",
           "string.upper = nil",
           "rawset(_G, 'x', 1)",
           "rawset(string, 'upper', 1)",
           "table.insert(redis, 1)",
           "table.insert(_G, 1, 1)",
           "table.sort(cjson)",
           "table.remove(bit)",
           "setmetatable(_G, {})",
           "setmetatable(redis, {__index = function() end})",
           "getmetatable('').__index = nil",
           "getmetatable('').__newindex = 1",
           "getmetatable('').__index.upper = nil",
           "rawset(getmetatable(''), '__index', 1)",
           "setmetatable(getmetatable(''), {})",
           "for k in pairs(_G) do _G[k] = nil end",
           "for k, v in pairs(math) do math[k] = 0 end",
           "local k = next(redis) redis[k] = nil",
           "string.x = function() end",
           "coroutine.wrap(function() y = 1 end)()",
           "loadstring('z = 1')()",
           "getmetatable(_G).__index = nil",
           "getmetatable(redis).__newindex = nil",
       }) {
    INFO(attack);
    CHECK(bench.eval(attack).starts_with('-'));
  }
  // Nor does anything hand out a table that is not a proxy.
  CHECK(is_error(bench.eval("local f, t = pairs(redis) t.x = 1"), "readonly"));
  CHECK(is_error(bench.eval("_G._G._G.x = 1"), "readonly"));
  CHECK(bench.eval("return getmetatable(_G) == nil and getmetatable(redis) == nil and 1") ==
        ":1\r\n");
  CHECK(bench.eval("return ('x'):upper() .. string.upper('y') .. type(redis.call)") ==
        "$10\r\nXYfunction\r\n");
  CHECK(is_error(bench.eval("return x"), "nonexistent"));
  CHECK(bench.eval("collectgarbage('stop') collectgarbage('setpause', 1e6) return 1") == ":1\r\n");
}

TEST_CASE("values with metatables are taken as they are, errors too") {
  ScriptBench bench;
  CHECK(bench.eval("return setmetatable({}, {__index = function() error('asked') end})") ==
        "*0\r\n");
  for (const char* index : {"return 'x'", "error('asked')"}) {
    CHECK(is_error(bench.eval("error(setmetatable({}, {__index = function() " +
                              std::string(index) + " end}))"),
                   "ERR unknown error script"));
  }
  CHECK(is_error(bench.eval("error({1})"), "ERR unknown error"));
  CHECK(bench.eval("error(('x'):rep(1e6))").size() < 70'000);
  CHECK(is_error(bench.eval("error({err = {}})"), "ERR unknown error"));
  CHECK(is_error(bench.eval("error(setmetatable({}, {__tostring = function() error('x') end}))"),
                 "-ERR"));
}

TEST_CASE("memory: what exceeds the limit is an error, and the next script has room again") {
  ScriptBench bench(4 << 20);
  for (const char* greedy : {
           "return #string.rep('x', 1e9)",
           "return #string.rep('x', 1e15)",
           "local s = 'x' while true do s = s .. s end",
           "local t = {} for i = 1, 1e9 do t[i] = i end",
           "local t = {} while true do t = {t} end",
           "return #table.concat({('x'):rep(1e6), ('x'):rep(1e6), ('x'):rep(1e6)})",
           "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end",
           "return loadstring(('x = 1 '):rep(1e6))()",
           "return #cmsgpack.pack(('x'):rep(3e6))",
           "return struct.pack('s', ('x'):rep(3e6))",
           "local a = ('x'):rep(1000) return (a:gsub('x', a:rep(1000)))",
       }) {
    INFO(greedy);
    const std::string reply = bench.eval(greedy);
    CHECK((is_error(reply, "not enough memory") || is_error(reply, "too large")));
    CHECK(bench.eval("return #string.rep('x', 1e6)") == ":1000000\r\n");
  }
  CHECK(bench.eval("return pcall(string.rep, 'x', 1e9) and 1 or 2") == ":2\r\n");
  std::vector<std::string> many;
  for (int i = 0; i < 100'000; ++i)
    many.push_back("an argument of some length " + std::to_string(i));
  CHECK(is_error(bench.eval("return #ARGV", {many.begin(), many.end()}), "not enough memory"));
  CHECK(bench.engine().usage().lua_bytes < 5 << 20);
}

TEST_CASE("the scripts that are kept are bounded, too") {
  ScriptBench bench(4 << 20);
  for (int i = 0; i < 600; ++i) {
    CHECK(bench.eval("return " + std::to_string(i)) == ":" + std::to_string(i) + "\r\n");
  }
  CHECK(bench.engine().usage().scripts == ScriptCache::kMostPassing);
  CHECK(bench.engine().usage().evicted == 100);
  std::string error;
  unsigned kept = 0;
  for (int i = 0; i < 100 && error.empty(); ++i) {
    const std::string source = "return [[" + std::to_string(i) + std::string(100'000, 'x') + "]]";
    if (bench.engine().load(source, /*keep=*/true, error) != nullptr) ++kept;
  }
  CHECK(error == "ERR Error compiling script (new function): not enough memory");
  CHECK(kept > 5);
  CHECK(kept < 40);
  CHECK(bench.eval("return 5") == ":5\r\n");
  bench.engine().flush();
  CHECK(bench.engine().usage().lua_bytes == 0);
  CHECK(bench.eval("return 6") == ":6\r\n");
}

TEST_CASE("a script that is killed ends, whatever it does about errors") {
  for (const char* stubborn : {
           "while true do end",
           "while true do pcall(function() while true do end end) end",
           "local function f() while true do pcall(f) end end f()",
           "while true do local co = coroutine.wrap(function() while true do end end) pcall(co) "
           "end",
           "local t = setmetatable({}, {__index = function() while true do end end}) return t.x",
           "table.sort({1, 2, 3}, function() while true do end end)",
           "('x'):gsub('x', function() while true do end end)",
           "xpcall(function() while true do end end, function() while true do end end)",
       }) {
    INFO(stubborn);
    ScriptBench bench;
    bench.begin(stubborn);
    for (int slice = 0; slice < 3; ++slice) REQUIRE_FALSE(bench.engine().fiber().resume());
    CHECK(bench.engine().kill() == ScriptEngine::Kill::killing);
    bool ended = false;
    for (int slice = 0; slice < 10 && !ended; ++slice) ended = bench.engine().fiber().resume();
    REQUIRE(ended);
    CHECK(is_error(bench.reply(), "Script killed by user"));
    CHECK(bench.engine().kill() == ScriptEngine::Kill::no_script);
    // The hook that ended it is gone.
    CHECK(bench.eval("local n = 0 for i = 1, 1e5 do n = n + 1 end return n") == ":100000\r\n");
  }
}

}  // namespace
}  // namespace larder::server
