"""Hostile inputs, part 4: scripts that take memory, time or the server itself. What they may do to
Lua is tried in tests/unit/server/scripting; here is what a client of the whole server sees."""

import time

from harness.resp import Error, encode
from harness.server import wait_until
from harness.suite import contains, equal, matches

from suites.hostile_support import MIB, attack

LIMIT_MIB = 256  # script-memory-limit's default


def error_of(connection, *request):
    result = connection.call(*request)
    assert isinstance(result, Error), f"{result!r} instead of an error"
    return str(result)


@attack(8, "scripts that want more memory than there is get an error, again and again", growth_mib=2 * LIMIT_MIB,
        redis="redis-server takes as much as it is asked for")
def _(t):
    connection = t.connect()
    # Some take seconds; that the bystander hears BUSY then is not what this is about.
    equal(connection.call("CONFIG", "SET", "busy-reply-threshold", "0"), "OK")
    for script in [
        "local s = 'x' while true do s = s .. s end",
        "local t = {} for i = 1, 1e9 do t[i] = {} end",
        "return string.rep('x', 1e12)",
        "local t = {1} for i = 1, 60 do t = {t, t} end return cjson.encode(t)",
        "local t = {1} for i = 1, 60 do t = {t, t} end return t",
        "local s = ('x'):rep(1e7) local t = {} for i = 1, 1000 do t[i] = s end return t",
        "return cmsgpack.unpack('\\221\\127\\255\\255\\255')",
    ] * 2:
        matches(error_of(t.connect(), "EVAL", script, "0"), "not enough memory|too large|Missing bytes")
        equal(connection.call("EVAL", "return #('x'):rep(1000000)", "0"), 1000000)
    equal(connection.call("CONFIG", "SET", "busy-reply-threshold", "5000"), "OK")


@attack(8, "values in the sources of scripts do not fill the memory", growth_mib=LIMIT_MIB,
        redis="redis-server 7.0 keeps every script")
def _(t):
    connection = t.connect()
    padding = "-" * 20000
    for index in range(3000):
        equal(connection.call("EVAL", f"return {index} --{padding}", "0"), index)
    info = connection.call("INFO", "memory").decode()
    [scripts] = [int(line.split(":")[1]) for line in info.splitlines() if line.startswith("number_of_cached_scripts:")]
    assert scripts <= 500, scripts


@attack(8, "an endless pattern, and an endless loop inside pcall, can be killed", redis="redis-server cannot do that")
def _(t):
    for script in [
        "return string.find(('a'):rep(100000), '.-.-.-.-.-b')",
        "while true do pcall(function() while true do end end) end",
        "table.sort({1, 2, 3}, function() while true do end end)",
    ]:
        victim = t.connect()
        victim.send(encode("EVAL", script, "0"))
        probe = t.connect()
        wait_until(lambda: probe.call("SCRIPT", "KILL") == "OK", "the script to be killed")
        contains(str(victim.reply()), "Script killed by user")


@attack(8, "attacks that crash Lua 5.1 do not crash the server", redis="some of them end redis-server 7.0")
def _(t):
    for script in [
        "return bit.tohex(1, -2147483648)",
        "return {unpack({}, -2147483648, 2147483647)}",
        "return string.find(('a'):rep(1000000), ('a?'):rep(1000000))",
        "error({a = 1})",
        "return struct.unpack('i99999999999', 'x')",
        "return cjson.decode(('['):rep(1000000))",
        "return cmsgpack.unpack(('\\145'):rep(1000000))",
        "local function f() return coroutine.wrap(f)() end return f()",
        "local t = {} table.insert(t, -2147483648, 1)",
        "return loadstring('\\27LuaQ')()",
        "getmetatable('').__index = nil",
    ]:
        connection = t.connect()
        connection.call("EVAL", script, "0")
        equal(connection.call("PING"), "PONG", script)


@attack(4, "clients that are killed while their scripts run, alone and inside EXEC")
def _(t):
    killer = t.connect()
    before = killer.call("EVAL", "return redis.call('INCR', 'ended')", "0")
    script = "local n = 0 for i = 1, 3e6 do n = n + 1 end return redis.call('INCR', 'ended')"
    for requests in ([("EVAL", script, "0")], [("MULTI",), ("EVAL", script, "0"), ("EXEC",)]):
        for _ in range(5):
            victim = t.connect()
            identity = victim.call("CLIENT", "ID")
            for request in requests:
                victim.send(encode(*request))
            time.sleep(0.005)
            killer.call("CLIENT", "KILL", "ID", str(identity))
    equal(killer.call("PING"), "PONG")
    assert int(killer.call("GET", "ended")) >= before
    equal(killer.call("EVAL", "return 1", "0"), 1)
