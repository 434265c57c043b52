"""Values that move between the server and redis-server 7.0, in both directions, by DUMP and RESTORE."""

import os
import random

from harness import rdb
from harness.server import Launch, Server
from harness.suite import Suite, equal

VALUES = 2000
BATCH = 100

suite = Suite("migration", "DUMP and RESTORE carry values to redis-server 7.0 and back")

# Around every border of the format: lengths of a length, widths of an integer, where packing begins.
BORDERS = [
    *(str(sign * (2**bits + more)).encode() for sign in (1, -1) for bits in (7, 15, 31, 63) for more in (-1, 0, 1)),
    *(b"a" * length for length in (0, 1, 19, 20, 21, 22, 63, 64, 264, 265, 266, 16383, 16384, 16385)),
    b"007", b"-0", b"+1", b" 1", b"1.5", b"\x00" * 100, bytes(range(256)), b"ab" * 5000, b"\r\n" * 10,
]  # fmt: skip


def random_value(chance):
    """Of all the kinds that are written differently: packed well, badly or not at all, long, a number."""
    kind = chance.random()
    if kind < 0.2:
        return str(chance.randrange(-(2 ** chance.randrange(1, 64)), 2 ** chance.randrange(1, 64))).encode()
    length = chance.choice((chance.randrange(30), chance.randrange(300), chance.randrange(20_000)))
    if kind < 0.4:
        return chance.randbytes(length)
    if kind < 0.7:
        return bytes(chance.choices(b"abcdefgh"[: chance.randrange(1, 9)], k=length))
    words = [chance.randbytes(chance.randrange(1, 12)) for _ in range(10)]
    return b" ".join(chance.choices(words, k=1 + length // 10))[:length]


def both(t):
    """Connections to the server under test and to a redis-server beside it."""
    server = Server(Launch("redis-server", True))
    t.defer(server.discard)
    return t.connect(), server.start().connect()


def require_done(replies, what):
    equal([reply for reply in replies if reply != "OK"][:3], [], what)


def carry(values, source, target):
    """DUMP at one, RESTORE at the other, where nothing may be by then; what it then has there."""
    keys = [b"key:%d" % i for i in range(len(values))]
    require_done(source.pipeline(*(["SET", *pair] for pair in zip(keys, values))), "SET")
    payloads = source.pipeline(*(["DUMP", key] for key in keys))
    target.call("FLUSHALL")
    require_done(target.pipeline(*(["RESTORE", key, 0, payload] for key, payload in zip(keys, payloads))), "RESTORE")
    return payloads, target.pipeline(*(["GET", key] for key in keys))


def require_same_both_ways(values, ours, reference):
    to_reference, there = carry(values, ours, reference)
    to_us, here = carry(values, reference, ours)
    for value, payload, other, at_reference, at_us in zip(values, to_reference, to_us, there, here):
        equal(at_reference, value, "carried to redis-server")
        equal(at_us, value, "carried from redis-server")
        equal(payload, other, f"the payload of {value[:60]!r}")


@suite.check("values at the borders of the format: the same payloads, and the same values after the way")
def _(t):
    require_same_both_ways(BORDERS, *both(t))


@suite.check(f"{VALUES:,} random values: the same payloads, and the same values after the way")
def _(t):
    seed = int(os.environ.get("LARDER_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"        seed {seed} (LARDER_TEST_SEED)", flush=True)
    chance = random.Random(seed)
    connections = both(t)
    for _ in range(VALUES // BATCH):
        require_same_both_ways([random_value(chance) for _ in range(BATCH)], *connections)


@suite.check("a value of 10 MB that packs and one that does not, there and back")
def _(t):
    ours, reference = both(t)
    for value in (b"0123456789abcdef" * (10 << 16), random.Random(1).randbytes(10 << 20)):
        require_same_both_ways([value], ours, reference)


# ---- lists ----------------------------------------------------------------------------------------


def random_list(chance):
    """Of one element to some thousands, in one node of Redis or in many."""
    count = chance.choice((1, chance.randrange(1, 10), chance.randrange(1, 300), chance.randrange(1, 3000)))
    if count > 100:
        pool = [random_value(chance)[:200] for _ in range(20)]
        return chance.choices(pool, k=count)
    return [random_value(chance) for _ in range(count)]


def carry_lists(lists, source, target):
    keys = [b"key:%d" % i for i in range(len(lists))]
    source.call("FLUSHALL")
    equal(source.pipeline(*(["RPUSH", key, *one] for key, one in zip(keys, lists))), [len(one) for one in lists], "RPUSH")
    payloads = source.pipeline(*(["DUMP", key] for key in keys))
    target.call("FLUSHALL")
    require_done(target.pipeline(*(["RESTORE", key, 0, payload] for key, payload in zip(keys, payloads))), "RESTORE")
    return payloads, target.pipeline(*(["LRANGE", key, 0, -1] for key in keys))


def require_same_lists_both_ways(lists, ours, reference):
    _, there = carry_lists(lists, ours, reference)
    _, here = carry_lists(lists, reference, ours)
    for one, at_reference, at_us in zip(lists, there, here):
        equal(at_reference, one, "carried to redis-server")
        equal(at_us, one, "carried from redis-server")


@suite.check("lists of elements at the borders of the format, there and back; small ones in the same payloads")
def _(t):
    ours, reference = both(t)
    require_same_lists_both_ways([[value] for value in BORDERS] + [BORDERS, BORDERS[::-1]], ours, reference)
    small = [[value, b"x", value] for value in BORDERS if len(value) < 1000]
    equal(carry_lists(small, ours, reference)[0], carry_lists(small, reference, ours)[0], "the payloads")


@suite.check("200 random lists, there and back, and what both do with them then")
def _(t):
    seed = int(os.environ.get("LARDER_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"        seed {seed} (LARDER_TEST_SEED)", flush=True)
    chance = random.Random(seed)
    ours, reference = both(t)
    for _ in range(20):
        lists = [random_list(chance) for _ in range(10)]
        require_same_lists_both_ways(lists, ours, reference)
        carry_lists(lists, ours, reference)
        for i, one in enumerate(lists):
            pivot, key = chance.choice(one), b"key:%d" % i
            for request in (
                ["LINSERT", key, "BEFORE", pivot, random_value(chance)],
                ["LSET", key, chance.randrange(len(one)), b"set"],
                ["LREM", key, chance.choice((0, 2, -2)), chance.choice(one)],
                ["LPUSH", key, *random_list(chance)[:50]],
                ["LTRIM", key, chance.randrange(len(one)), -1],
                ["LRANGE", key, 0, -1],
            ):
                equal(ours.call(*request), reference.call(*request), str(request)[:100])


@suite.check("lists in the types of older Redis: both read the same from the same payloads")
def _(t):
    ours, reference = both(t)
    ziplist = bytes.fromhex("1e00000016000000050000016103f602c02c0104fef9030568656c6c6fff")
    string = bytes([len(ziplist)]) + ziplist
    listpack = bytes.fromhex("0a0000000100816102ff")
    for body in (
        b"\x01\x03\x01a\xc0\x05\x05hello",
        b"\x0a" + string,
        b"\x0e\x01" + string,
        b"\x0e\x03" + string * 3,
        b"\x12\x02\x01\x05alone\x02\x0a" + listpack,
    ):
        for target in (ours, reference):
            equal(target.call("RESTORE", "k", 0, rdb.payload(body), "REPLACE"), "OK", body.hex())
        equal(ours.call("LRANGE", "k", 0, -1), reference.call("LRANGE", "k", 0, -1), body.hex())


@suite.check("a list of a million elements, there and back")
def _(t):
    ours, reference = both(t)
    ours.pipeline(*(["RPUSH", "k", *(b"element %d" % i for i in range(n, n + 10_000))] for n in range(0, 1_000_000, 10_000)))
    for source, target in ((ours, reference), (reference, ours)):
        payload = source.call("DUMP", "k")
        target.call("DEL", "k")
        equal(target.call("RESTORE", "k", 0, payload), "OK")
        equal(target.call("LLEN", "k"), 1_000_000)
        equal(target.call("LINDEX", "k", 765_432), b"element 765432")


@suite.check("lifetimes and hints travel beside the payload")
def _(t):
    ours, reference = both(t)
    ours.call("SET", "k", "v", "PX", "1000000")
    deadline = ours.call("PEXPIRETIME", "k")
    payload = ours.call("DUMP", "k")
    for target in (ours, reference):
        equal(target.call("RESTORE", "k", deadline, payload, "ABSTTL", "REPLACE", "FREQ", 5), "OK")
        equal(target.call("PEXPIRETIME", "k"), deadline, "the deadline")


# ---- sets, hashes, sorted sets, streams -----------------------------------------------------------


def random_members(chance):
    """Few or many, short or long, integers or not: whatever decides how they are kept."""
    count = chance.choice((1, chance.randrange(1, 10), chance.randrange(100, 700), chance.randrange(1, 3000)))
    if chance.random() < 0.3:
        bits = chance.choice((8, 15, 16, 31, 32, 62))
        return list({str(chance.randrange(-(2**bits), 2**bits)).encode() for _ in range(count)})
    most = 300 if chance.random() < 0.3 else 40
    return list({random_value(chance)[:most] for _ in range(count)})


def random_collection(chance, key):
    """Requests that make one, and the type it is of."""
    members = random_members(chance)
    kind = chance.choice(("set", "hash", "zset", "stream", "hyperloglog"))
    if kind == "set":
        return kind, [["SADD", key, *members]]
    if kind == "hash":
        return kind, [["HSET", key, *(part for member in members for part in (member, random_value(chance)[:100]))]]
    if kind == "zset":
        scores = [str(chance.choice((chance.randrange(100), chance.uniform(-1e9, 1e9), "inf", "-inf"))) for _ in members]
        return kind, [["ZADD", key, *(part for pair in zip(scores, members) for part in pair)]]
    if kind == "hyperloglog":
        return kind, [["PFADD", key, *members], ["PFCOUNT", key]]
    requests = []
    for i, member in enumerate(members[:400]):
        fields = [b"same", member] if chance.random() < 0.7 else [member, b"1", b"other", member]
        requests.append(["XADD", key, f"{1 + i // 3}-{i % 3 + 1}", *fields])
    requests.append(["XDEL", key, "1-2", f"{1 + len(requests) // 6}-1"])
    for group in ("g", "another"):
        requests.append(["XGROUP", "CREATE", key, group, chance.choice(("0", "$", "2-1"))])
        requests.append(["XREADGROUP", "GROUP", group, "alice", "COUNT", 10, "STREAMS", key, ">"])
        requests.append(["XREADGROUP", "GROUP", group, "bob", "COUNT", 5, "STREAMS", key, ">"])
    return kind, requests


def contents(kind, key, connection):
    """All that can be asked of it, in an order that both servers agree on."""
    if kind == "set":
        return sorted(connection.call("SMEMBERS", key))
    if kind == "hash":
        flat = connection.call("HGETALL", key)
        return sorted(zip(flat[::2], flat[1::2]))
    if kind == "zset":
        flat = connection.call("ZRANGE", key, 0, -1, "WITHSCORES")
        return [(member, float(score)) for member, score in zip(flat[::2], flat[1::2])]
    if kind == "hyperloglog":
        return connection.call("GET", key)
    # For how long an entry has been pending goes on meanwhile.
    groups = [
        [(id, consumer, deliveries) for id, consumer, _, deliveries in connection.call("XPENDING", key, group, "-", "+", 1000)]
        for group in ("g", "another")
    ]
    about = connection.call("XINFO", "STREAM", key)
    # How many nodes there are is each server's own matter.
    said = [pair for pair in zip(about[::2], about[1::2]) if not pair[0].startswith(b"radix-tree")]
    return [connection.call("XRANGE", key, "-", "+"), groups, said]


@suite.check("120 random sets, hashes, sorted sets, streams and HyperLogLogs, there and back")
def _(t):
    seed = int(os.environ.get("LARDER_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"        seed {seed} (LARDER_TEST_SEED)", flush=True)
    chance = random.Random(seed)
    ours, reference = both(t)
    for number in range(120):
        source, target = (ours, reference) if number % 2 == 0 else (reference, ours)
        kind, requests = random_collection(chance, "k")
        for connection in (source, target):
            connection.call("DEL", "k")
        source.pipeline(*requests)
        made = contents(kind, "k", source)
        equal(target.call("RESTORE", "k", 0, source.call("DUMP", "k")), "OK", f"{kind}, there")
        equal(contents(kind, "k", target), made, f"{kind}, there")
        equal(source.call("RESTORE", "k", 0, target.call("DUMP", "k"), "REPLACE"), "OK", f"{kind}, back")
        equal(contents(kind, "k", source), made, f"{kind}, back")


@suite.check("types of Redis's modules are refused and change nothing", redis="it asks for the module")
def _(t):
    ours, _ = both(t)
    for kind in (6, 7, 8, 26, 100, 255):
        equal(str(ours.call("RESTORE", "k", 0, rdb.payload(bytes([kind]) + b"\x01\x01a"))), "ERR Bad data format", kind)
        equal(ours.call("EXISTS", "k"), 0, "the key")
