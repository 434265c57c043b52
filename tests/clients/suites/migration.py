"""Values that move between the server and redis-server 7.0, in both directions, by DUMP and RESTORE."""

import os
import random

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


@suite.check("lifetimes and hints travel beside the payload")
def _(t):
    ours, reference = both(t)
    ours.call("SET", "k", "v", "PX", "1000000")
    deadline = ours.call("PEXPIRETIME", "k")
    payload = ours.call("DUMP", "k")
    for target in (ours, reference):
        equal(target.call("RESTORE", "k", deadline, payload, "ABSTTL", "REPLACE", "FREQ", 5), "OK")
        equal(target.call("PEXPIRETIME", "k"), deadline, "the deadline")


@suite.check("types that the server does not have are refused and change nothing", redis="it has them")
def _(t):
    ours, reference = both(t)
    for request in (
        ["RPUSH", "k", "a"],
        ["SADD", "k", "1"],
        ["SADD", "k", "a"],
        ["ZADD", "k", "1", "a"],
        ["HSET", "k", "f", "v"],
        ["XADD", "k", "*", "f", "v"],
    ):
        reference.call("DEL", "k")
        reference.call(*request)
        equal(str(ours.call("RESTORE", "k", 0, reference.call("DUMP", "k"))), "ERR Bad data format", request[0])
        equal(ours.call("EXISTS", "k"), 0, "the key")
