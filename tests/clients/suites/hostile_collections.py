"""Hostile inputs, part 7: lists, sets, hashes, sorted sets and streams."""

from harness.resp import Connection, ConnectionClosed, Error, encode
from harness.server import wait_until
from harness.suite import equal

from suites.hostile_clients import NUMBERS
from suites.hostile_support import MIB, attack

SETUP = [
    ("DEL", "l", "s", "h", "z", "g", "x", "d"),
    ("RPUSH", "l", "1", "two", "3", "-4"),
    ("SADD", "s", "1", "2", "three"),
    ("HSET", "h", "n", "1", "f", "v", "r", "1.5"),
    ("ZADD", "z", "1", "one", "2", "two", "3", "three"),
    ("GEOADD", "g", "13.361389", "38.115556", "Palermo", "15.087269", "37.502669", "Catania"),
    ("XADD", "x", "1-1", "f", "v"),
    ("XADD", "x", "2-1", "f", "v"),
    ("XGROUP", "CREATE", "x", "group", "0"),
    ("XREADGROUP", "GROUP", "group", "consumer", "STREAMS", "x", ">"),
]
NUMERIC = [
    ("LPOP", "l", "#"), ("RPOP", "l", "#"), ("LINDEX", "l", "#"), ("LRANGE", "l", "#", "#"), ("LRANGE", "l", "0", "#"),
    ("LTRIM", "l", "#", "#"), ("LSET", "l", "#", "v"), ("LREM", "l", "#", "1"), ("LPOS", "l", "1", "RANK", "#"),
    ("LPOS", "l", "1", "COUNT", "#"), ("LPOS", "l", "1", "MAXLEN", "#"), ("LMPOP", "#", "l", "LEFT"),
    ("LMPOP", "1", "l", "LEFT", "COUNT", "#"), ("BLPOP", "l", "#"), ("BLMPOP", "#", "1", "l", "LEFT"),
    ("BLMPOP", "1", "#", "l", "LEFT"), ("BLMPOP", "1", "1", "l", "LEFT", "COUNT", "#"), ("BLMOVE", "l", "d", "LEFT", "LEFT", "#"),
    ("SPOP", "s", "#"), ("SRANDMEMBER", "s", "#"), ("SINTERCARD", "#", "s"), ("SINTERCARD", "1", "s", "LIMIT", "#"),
    ("SSCAN", "s", "#"), ("SSCAN", "s", "0", "COUNT", "#"),
    ("HINCRBY", "h", "n", "#"), ("HINCRBYFLOAT", "h", "r", "#"), ("HRANDFIELD", "h", "#"), ("HRANDFIELD", "h", "#", "WITHVALUES"),
    ("HSCAN", "h", "#"), ("HSCAN", "h", "0", "COUNT", "#"), ("HEXPIRE", "h", "#", "FIELDS", "1", "f"),
    ("HPEXPIREAT", "h", "#", "FIELDS", "1", "n"), ("HEXPIRE", "h", "10", "FIELDS", "#", "f"), ("HTTL", "h", "FIELDS", "#", "f"),
    ("HPERSIST", "h", "FIELDS", "#", "f"), ("HGETEX", "h", "PX", "#", "FIELDS", "1", "f"), ("HGETDEL", "h", "FIELDS", "#", "f"),
    ("HSETEX", "h", "EX", "#", "FIELDS", "1", "f", "v"), ("HSETEX", "h", "FIELDS", "#", "f", "v"),
    ("ZADD", "z", "#", "m"), ("ZADD", "z", "INCR", "#", "one"), ("ZINCRBY", "z", "#", "one"), ("ZRANGE", "z", "#", "#"),
    ("ZRANGE", "z", "#", "#", "BYSCORE"), ("ZRANGE", "z", "(#", "+inf", "BYSCORE", "LIMIT", "#", "#"),
    ("ZRANGE", "z", "-", "+", "BYLEX", "LIMIT", "#", "#"), ("ZRANGEBYSCORE", "z", "-inf", "+inf", "LIMIT", "#", "#"),
    ("ZREVRANGEBYLEX", "z", "+", "-", "LIMIT", "0", "#"), ("ZRANGESTORE", "d", "z", "#", "#"), ("ZCOUNT", "z", "#", "#"),
    ("ZREMRANGEBYRANK", "z", "#", "#"), ("ZREMRANGEBYSCORE", "z", "#", "#"), ("ZPOPMIN", "z", "#"), ("ZPOPMAX", "z", "#"),
    ("ZRANDMEMBER", "z", "#"), ("ZRANDMEMBER", "z", "#", "WITHSCORES"), ("ZMPOP", "#", "z", "MIN"),
    ("ZMPOP", "1", "z", "MIN", "COUNT", "#"), ("BZPOPMIN", "z", "#"), ("BZMPOP", "#", "1", "z", "MIN"), ("ZUNION", "#", "z"),
    ("ZUNION", "1", "z", "WEIGHTS", "#"), ("ZUNIONSTORE", "d", "#", "z"), ("ZINTERSTORE", "d", "1", "z", "WEIGHTS", "#"),
    ("ZINTERCARD", "1", "z", "LIMIT", "#"), ("ZDIFFSTORE", "d", "#", "z"), ("ZSCAN", "z", "#"), ("ZSCAN", "z", "0", "COUNT", "#"),
    ("GEOADD", "g", "#", "#", "m"), ("GEOADD", "g", "#", "0", "m"), ("GEOSEARCH", "g", "FROMLONLAT", "#", "#", "BYRADIUS", "1", "km"),
    ("GEOSEARCH", "g", "FROMLONLAT", "15", "37", "BYRADIUS", "#", "km"), ("GEORADIUS", "g", "15", "37", "#", "m", "COUNT", "#"),
    ("GEOSEARCH", "g", "FROMMEMBER", "Palermo", "BYBOX", "#", "#", "km"), ("GEOSEARCH", "g", "FROMMEMBER", "Palermo", "BYRADIUS", "1", "km", "COUNT", "#", "ANY"),
    ("XADD", "x", "#", "f", "v"), ("XADD", "x", "#-#", "f", "v"), ("XADD", "x", "#-*", "f", "v"), ("XADD", "x", "MAXLEN", "#", "*", "f", "v"),
    ("XADD", "x", "MAXLEN", "~", "10", "LIMIT", "#", "*", "f", "v"), ("XADD", "x", "MINID", "#", "*", "f", "v"), ("XTRIM", "x", "MAXLEN", "#"),
    ("XTRIM", "x", "MINID", "~", "#", "LIMIT", "#"), ("XRANGE", "x", "#", "#"), ("XRANGE", "x", "(#", "+", "COUNT", "#"),
    ("XREVRANGE", "x", "+", "(#-#"), ("XREAD", "COUNT", "#", "STREAMS", "x", "0"), ("XREAD", "STREAMS", "x", "#"),
    ("XDEL", "x", "#", "#-#"), ("XSETID", "x", "#"), ("XSETID", "x", "#-#", "ENTRIESADDED", "#", "MAXDELETEDID", "#-#"),
    ("XGROUP", "SETID", "x", "group", "#", "ENTRIESREAD", "#"), ("XREADGROUP", "GROUP", "group", "c", "COUNT", "#", "STREAMS", "x", "#"),
    ("XACK", "x", "group", "#"), ("XPENDING", "x", "group", "#", "#", "#"), ("XPENDING", "x", "group", "IDLE", "#", "-", "+", "10"),
    ("XCLAIM", "x", "group", "c", "#", "1-1"), ("XCLAIM", "x", "group", "c", "0", "1-1", "IDLE", "#"), ("XCLAIM", "x", "group", "c", "0", "1-1", "TIME", "#"),
    ("XCLAIM", "x", "group", "c", "0", "1-1", "RETRYCOUNT", "#"), ("XCLAIM", "x", "group", "c", "0", "1-1", "LASTID", "#"),
    ("XAUTOCLAIM", "x", "group", "c", "#", "0"), ("XAUTOCLAIM", "x", "group", "c", "0", "#"), ("XAUTOCLAIM", "x", "group", "c", "0", "0", "COUNT", "#"),
    ("XINFO", "STREAM", "x", "FULL", "COUNT", "#"),
    ("SORT", "l", "ALPHA", "LIMIT", "#", "#"), ("SORT", "l", "LIMIT", "#", "#", "BY", "nosort"), ("SORT", "s", "ALPHA", "LIMIT", "0", "#", "STORE", "d"),
]  # fmt: skip


@attack(15, "every numeric argument of collections with the numbers that break things: one reply each, no crash", growth_mib=64)
def _(t):
    server = t.server_with()
    for value in NUMBERS:
        with server.connect() as connection:
            for template in NUMERIC:
                request = [word.replace("#", value) for word in template]
                connection.pipeline(*SETUP)
                try:
                    connection.call(*request)
                    connection.in_step(f"{template[0]} {value[:20]}")
                except (ConnectionClosed, AssertionError) as problem:
                    raise AssertionError(f"{' '.join(template)} with {value[:40]!r}: {problem}") from problem
    assert server.alive()


def fill(connection, name, elements):
    """One of each type, of so many elements; returns their names."""
    for first in range(0, elements, 1000):
        names = [f"element:{number}" for number in range(first, min(first + 1000, elements))]
        connection.pipeline(
            ("RPUSH", f"{name}:list", *names),
            ("SADD", f"{name}:set", *names),
            ("HSET", f"{name}:hash", *(word for one in names for word in (one, "value"))),
            ("ZADD", f"{name}:scores", *(word for number, one in enumerate(names) for word in (number, one))),
            *[("XADD", f"{name}:stream", "*", "f", one) for one in names[::10]],
        )
    return [f"{name}:{kind}" for kind in ("list", "set", "hash", "scores", "stream")]


@attack(17, "collections of 100,000 elements that are deleted, unlinked, overwritten, flushed, that expire: no memory stays")
def _(t):
    connection = t.connect()
    equal(connection.call("SELECT", 1), "OK")
    names = fill(connection, "warm", 100_000)
    equal(connection.call("FLUSHDB"), "OK")
    before = t.server.memory_bytes()
    endings = [
        lambda: [connection.call("DEL", *names)],
        lambda: [connection.call("UNLINK", *names)],
        lambda: [connection.call("MSET", *(word for name in names for word in (name, "v")))],
        lambda: [connection.call("FLUSHDB", "ASYNC")],
        lambda: [connection.call("SUNIONSTORE", name, "absent") for name in names],
        lambda: connection.pipeline(*[("PEXPIRE", name, 1) for name in names]),
    ]
    for ending in endings:
        names = fill(connection, "giant", 100_000)
        replies = ending()
        assert not any(isinstance(reply, Error) for reply in replies), replies
        wait_until(lambda: t.server.memory_bytes() - before < 48 * MIB, "their memory to be given back")
        equal(connection.call("FLUSHDB"), "OK")


@attack(17, "whole collections are asked for again and again, and nobody reads", growth_mib=192, redis="Redis lets replies pile up")
def _(t):
    connection = t.connect()
    names = fill(connection, "giant", 100_000)
    reads = [("LRANGE", names[0], 0, -1), ("SMEMBERS", names[1]), ("HGETALL", names[2]), ("ZRANGE", names[3], 0, -1), ("XRANGE", names[4], "-", "+")]
    for _ in range(4):
        silent = t.use(Connection(port=t.port, receive_buffer=4096))
        silent.send(b"".join(encode(*read) for read in reads) * 50)
    equal(connection.call("DEL", *names), len(names))
