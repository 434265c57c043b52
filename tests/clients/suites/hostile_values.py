"""Hostile inputs, part 3: large values and large crowds of keys under clients that are slow, then gone."""

import random
import socket
import struct

from harness import rdb
from harness.resp import Connection, Error
from harness.server import wait_until
from harness.suite import equal

from suites.hostile_support import MIB, attack


def reset(connection):
    """Goes with an RST, whatever was under way."""
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@attack(3, "large values on their way to slow readers stay whole while they are overwritten, deleted, flushed")
def _(t):
    chance = random.Random(7)
    writer = t.connect()
    equal(writer.call("SELECT", 1), "OK")  # the bystander works in database 0
    change = [
        lambda key: writer.call("SET", key, b"n" * MIB),
        lambda key: writer.call("DEL", key),
        lambda key: writer.call("APPEND", key, "!"),
        lambda key: writer.call("SETRANGE", key, MIB, "?"),
        lambda key: writer.call("GETDEL", key),
        lambda key: writer.call("FLUSHDB"),
    ]
    for turn in range(36):
        fill = b"%c" % (65 + turn % 26)
        equal(writer.call("SET", "big", fill * (3 * MIB)), "OK")
        readers = [t.use(Connection(port=t.port, receive_buffer=4096)) for _ in range(3)]
        for reader in readers:
            equal(reader.call("SELECT", 1), "OK")
            reader.send(b"GET big\r\n")
            reader.socket.recv(chance.randrange(1, 2000))  # the reply has begun
        change[turn % len(change)]("big")
        reset(readers[0])
        name = "%s:%d" % readers[1].socket.getsockname()
        equal(writer.call("CLIENT", "KILL", name), "OK")
        rest = b""
        while len(rest) < 3 * MIB - 4000:
            more = readers[2].socket.recv(MIB)
            assert more, "closed in the middle of a value"
            rest += more
        equal(set(rest.strip(b"\r\n0123456789$")), set(fill), "bytes of the value that was asked for")


@attack(4, "100,000 watched keys or queued commands of clients that go away leave nothing behind",
        redis="Redis compares each watched key with all before it")
def _(t):
    probe = t.connect()
    keys = [f"watched:{index}" for index in range(100000)]
    for ending in (reset, lambda c: c.call("UNWATCH"), lambda c: c.call("RESET")):
        with t.server.connect(timeout_s=60) as connection:
            equal(connection.call("WATCH", *keys), "OK")
            equal(connection.call("MULTI"), "OK")
            equal(connection.pipeline(*[("INCR", "n")] * 100000)[-1], "QUEUED")
            equal(probe.call("SET", keys[-1], "touched"), "OK")
            ending(connection)
    wait_until(lambda: len(probe.call("CLIENT", "LIST").splitlines()) == 2, "the clients to be gone")
    equal(probe.call("EXISTS", "n"), 0)
    equal(probe.call("WATCH", *keys), "OK")
    equal(probe.call("MULTI"), "OK")
    equal(probe.pipeline(*[("INCR", "n")] * 100000)[-1], "QUEUED")
    equal(probe.call("EXEC")[-1], 100000)
    assert isinstance(probe.call("EXEC"), Error)


@attack(6, "LCS of two megabytes is refused at once, and of what is allowed takes little memory", growth_mib=64)
def _(t):
    connection = t.connect()
    chance = random.Random(6)
    equal(connection.call("MSET", "a", b"a" * MIB, "b", b"b" * MIB, "short", "ab"), "OK")
    equal(connection.call("MSET", "c", chance.randbytes(11_000), "d", chance.randbytes(11_000)), "OK")
    refused = Error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
    for options in ([], ["LEN"], ["IDX", "WITHMATCHLEN"]):
        equal(connection.pipeline(*[("LCS", "a", "b", *options)] * 200), [refused] * 200)
    # The same bound, as near as can be: squares and stripes.
    length = connection.call("LCS", "c", "d", "LEN")
    equal(len(connection.call("LCS", "c", "d")), length)
    equal(connection.call("LCS", "short", "a"), b"a")
    equal(connection.call("LCS", "a", "short"), b"a")


@attack(10, "RESTORE of payloads that promise more than they hold takes no memory for it", growth_mib=64)
def _(t):
    connection = t.connect()
    for length in (2**20, 2**29, 2**31, 2**32 - 1, 2**63, 2**64 - 1):
        said = b"\x81" + length.to_bytes(8, "big")
        for body in (b"\x00" + said + b"a", b"\x00\xc3\x02" + said + b"\x00a", b"\x00\xc3" + said + b"\x02\x00a"):
            for _ in range(20):
                equal(connection.call("RESTORE", "k", 0, rdb.payload(body)), Error("ERR Bad data format"))


@attack(10, "RESTORE of 5,000 random bodies with right checksums: a value or an error, and the server stays", growth_mib=64)
def _(t):
    chance = random.Random(10)
    connection = t.connect()
    whole = [b"\x00\xc3\x06\x15\x01aa\xe0\x0a\x00", rdb.plain_string(b"x" * 40), b"\x00\xc2\x01\x02\x03\x04"]
    for _ in range(50):
        requests = []
        for _ in range(100):
            body = bytearray(chance.choice(whole))
            for _ in range(chance.randrange(4)):
                body[chance.randrange(len(body))] = chance.randrange(256)
            requests.append(("RESTORE", "k", 0, rdb.payload(bytes(body[: chance.randrange(1, 60)])), "REPLACE"))
        for reply in connection.pipeline(*requests):
            assert reply in ("OK", Error("ERR Bad data format")), reply
