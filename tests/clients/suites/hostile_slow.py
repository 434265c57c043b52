"""Hostile inputs, part 5: what takes a server long, and crowds that come and go."""

import itertools
import socket

from harness.resp import Connection, Error, encode
from harness.server import wait_until
from harness.suite import equal, matches

from suites.hostile_support import MIB, attack
from suites.hostile_values import reset


def clients(connection):
    return len(connection.call("CLIENT", "LIST").splitlines())


def fill(connection, count, value="v", *options):
    keys = [f"key:{index}" for index in range(count)]
    for begin in range(0, count, 10_000):
        replies = connection.pipeline(
            *[("SET", key, value, *options) for key in keys[begin : begin + 10_000]]
        )
        equal(set(replies), {"OK"})
    return keys


@attack(17, "giants that are deleted, unlinked, overwritten, flushed, that expire: no memory stays")
def _(t):
    connection = t.connect()
    equal(connection.call("SELECT", 1), "OK")
    before = t.server.memory_bytes()
    endings = [
        ("DEL", "g0", "g1", "g2"),
        ("UNLINK", "g0", "g1", "g2"),
        ("MSET", "g0", "", "g1", "", "g2", ""),
        ("FLUSHDB", "ASYNC"),
        ("FLUSHDB", "SYNC"),
        ("RENAME", "g0", "g1"),
    ]
    for ending in endings:
        for index in range(3):
            equal(connection.call("SETRANGE", f"g{index}", 40 * MIB, "x"), 40 * MIB + 1)
        assert not isinstance(connection.call(*ending), Error)
    for index in range(3):
        connection.call("SETRANGE", f"g{index}", 40 * MIB, "x")
        equal(connection.call("PEXPIRE", f"g{index}", 1), 1)
    wait_until(lambda: connection.call("DBSIZE") == 0, "the giants to expire")
    wait_until(
        lambda: t.server.memory_bytes() - before < 32 * MIB, "their memory to be given back"
    )


@attack(17, "200,000 keys that go in one request, by FLUSHDB, and all at the same instant")
def _(t):
    connection = t.connect()
    equal(connection.call("SELECT", 1), "OK")
    keys = fill(connection, 200_000)
    equal(connection.call("DEL", *keys), 200_000)
    fill(connection, 200_000)
    equal(connection.call("FLUSHDB"), "OK")
    equal(connection.call("DBSIZE"), 0)
    seconds, microseconds = map(int, connection.call("TIME"))
    instant = seconds * 1000 + microseconds // 1000 + 1
    fill(connection, 200_000, "v", "PXAT", instant)
    wait_until(lambda: connection.call("DBSIZE") == 0, "all keys to expire")
    equal(connection.call("RANDOMKEY"), None)


@attack(17, "KEYS and SCAN of everything, again and again, unread", growth_mib=128,
        redis="Redis answers on, read or not")
def _(t):
    connection = t.connect()
    keys = fill(connection, 100_000)
    equal(len(connection.call("KEYS", "key:*")), len(keys))
    cursor, found = connection.call("SCAN", 0, "COUNT", 2**63 - 1, "MATCH", "key:*")
    equal((cursor, len(set(found))), (b"0", len(keys)))
    for cursor in (2**63, 2**64 - 1, -1, 2**53, 2**53 - 1):
        equal(len(connection.call("SCAN", cursor)), 2)
    for request in (("KEYS", "*"), ("SCAN", 0, "COUNT", 2**63 - 1)):
        silent = t.use(Connection(port=t.port, receive_buffer=4096))
        silent.send(encode(*request) * 100)
    equal(connection.call("EXISTS", keys[0]), 1)


@attack(17, "monitors that do not read are let go, and cost no more than their share",
        growth_mib=200, redis="Redis keeps all for them")
def _(t):
    connection = t.connect()
    for _ in range(2):
        monitor = t.use(Connection(port=t.port, receive_buffer=4096))
        equal(monitor.call("MONITOR"), "OK")
    value = "v" * 20_000
    for _ in range(100):
        if clients(connection) == 2:
            break
        equal(connection.pipeline(*[("SET", "k", value)] * 100)[-1], "OK")
    equal(clients(connection), 2)  # the bystander and us


@attack(17, "CLIENT LIST and KILL beside a crowd of 800, and each is one of it", growth_mib=96)
def _(t):
    admin = t.connect()
    crowd = [t.use(Connection(port=t.port)) for _ in range(800)]
    for index, connection in enumerate(crowd):
        equal(connection.call("CLIENT", "SETNAME", f"crowd-{index}"), "OK")
    silent = t.use(Connection(port=t.port, receive_buffer=4096))
    silent.send(encode("CLIENT", "LIST") * 300)
    for _ in range(30):
        lines = admin.call("CLIENT", "LIST").decode().splitlines()
        equal(len([line for line in lines if " name=crowd-" in line]), 800)
        for line in lines:
            matches(line, r"^id=\d+ addr=\S+ .*cmd=\S+ ")
    ids = [connection.call("CLIENT", "ID") for connection in crowd]
    equal(len(set(ids)), 800)
    equal(len(admin.call("CLIENT", "LIST", "ID", *ids).splitlines()), 800)
    equal(admin.pipeline(*[("CLIENT", "KILL", "ID", victim) for victim in ids]), [1] * 800)
    wait_until(lambda: clients(admin) <= 3, "the crowd to be gone")


@attack(17, "keys that collide in unseeded hashes are as quick as any", growth_mib=96)
def _(t):
    connection = t.connect()
    # Each pair has the same sum in h * 31 + c and h * 33 + c; so have all strings made of them.
    for pair in (("Aa", "BB"), ("Ez", "FY")):
        keys = ["".join(parts) for parts in itertools.product(pair, repeat=15)]
        equal(set(connection.pipeline(*[("SET", key, key) for key in keys])), {"OK"})
        equal(connection.call("MGET", *keys), [key.encode() for key in keys])
        equal(connection.call("DEL", *keys), len(keys))


@attack(17, "nobody can compute where keys lie: each server has a secret of its own")
def _(t):
    orders = set()
    for _ in range(3):
        with t.server_with().connect() as connection:
            connection.call("MSET", *[f"k{index // 2}" for index in range(400)])
            orders.add(tuple(connection.call("SCAN", 0, "COUNT", 1000)[1]))
    equal(len(orders), 3, "orders of the same 200 keys in three servers")


@attack(17, "5,000 connections that come and go at once leave no descriptor", growth_mib=48)
def _(t):
    probe = t.connect()
    equal(clients(probe), 2)  # the bystander and us, so both are counted here
    before = t.server.descriptors()
    for _ in range(10):
        crowd = []
        for index in range(500):
            newcomer = socket.socket()
            newcomer.setblocking(False)
            newcomer.connect_ex(("127.0.0.1", t.port))
            crowd.append(newcomer)
        for index, newcomer in enumerate(crowd):
            if index % 2:
                newcomer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            newcomer.close()
        equal(probe.call("PING"), "PONG")
    # Those who did not get through may come in later still.
    wait_until(lambda: clients(probe) == 2, "all to be gone")
    wait_until(lambda: t.server.descriptors() <= before, "their descriptors to be closed")


@attack(17, "500 connections reset in the middle of everything leave nothing behind", growth_mib=64)
def _(t):
    probe = t.connect()
    equal(probe.call("SET", "big", b"x" * (2 * MIB)), "OK")
    before = t.server.descriptors()
    middles = [
        encode("SET", "half", b"x" * 50_000)[:30_000],
        encode("GET", "big") * 5,
        encode("MULTI") + encode("SET", "k", "v") * 500,
        encode("WATCH", *[f"w{index}" for index in range(200)]) + encode("MULTI"),
        encode("CLIENT", "LIST") * 50,
        encode("MONITOR"),
        encode("KEYS", "*") * 50 + encode("FLUSHDB", "ASYNC")[:-3],
        encode("MULTI") + encode("CONFIG", "GET", "*") * 50 + encode("EXEC"),
        encode("SUBSCRIBE", "channel") + encode("DEBUG", "SLEEP", "0"),
        encode("CONFIG", "SET", "timeout", "0") * 20,
    ]
    for _ in range(50):
        for middle in middles:
            connection = Connection(port=t.port, receive_buffer=4096)
            connection.send(middle)
            reset(connection)
    wait_until(lambda: clients(probe) == 2, "all to be gone")
    wait_until(lambda: t.server.descriptors() <= before, "their descriptors to be closed")
    equal(probe.call("STRLEN", "big"), 2 * MIB)
    equal(probe.call("EXISTS", "half"), 0)


@attack(17, "SLOWLOG of all requests, and its limit of entries, stay small", growth_mib=48)
def _(t):
    connection = t.connect()
    try:
        equal(connection.call("CONFIG", "SET", "slowlog-log-slower-than", 0), "OK")
        equal(connection.call("CONFIG", "SET", "slowlog-max-len", 1000), "OK")
        arguments = ["a" * 10_000] * 100
        equal(set(connection.pipeline(*[("DEL", *arguments)] * 100)), {0})
        connection.pipeline(*[("GET", f"k{index}") for index in range(3000)])
        equal(connection.call("SLOWLOG", "LEN"), 1000)
        entries = connection.call("SLOWLOG", "GET", -1)
        equal(len(entries), 1000)
        longest = max(len(word) for entry in entries for word in entry[3])
        assert longest < 200, f"a word of {longest} bytes"
    finally:
        connection.call("CONFIG", "SET", "slowlog-log-slower-than", 10_000, "slowlog-max-len", 128)
        connection.call("SLOWLOG", "RESET")
