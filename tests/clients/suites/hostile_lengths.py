"""Hostile inputs, part 1: bytes that are not what they claim (lengths, counts, foreign protocols).

Checks register on the suite of hostile.py through `attack`, which keeps a bystander busy meanwhile.
"""

import os
import random
import re

from harness.resp import Connection, ConnectionClosed, Error, encode
from harness.server import wait_until
from harness.suite import equal, matches

from suites.hostile_support import attack, refused_and_closed

MIB = 1 << 20
NUL_EXCUSE = "Redis looks for the end of a line only up to a NUL, so it waits"


@attack(1, "multibulk counts that are none are refused in words and the connection is closed")
def _(t):
    for count in (b"abc", b"2147483648", b"99999999999999999999", b"+1", b" 1", b"01", b"1 ", b"0x1", b"1.0", b"--1"):
        refused_and_closed(t, b"*%s\r\n" % count, "^-ERR Protocol error: invalid multibulk length\r\n$")


@attack(1, "bulk lengths that are none are refused in words and the connection is closed")
def _(t):
    lengths = (b"-1", b"abc", b"", b"+3", b"03", b" 3", b"3 ", b"536870913", b"9223372036854775808", b"-9223372036854775808")
    for length in lengths:
        refused_and_closed(t, b"*1\r\n$%s\r\nxyz\r\n" % length, "^-ERR Protocol error: invalid bulk length\r\n$")
    for start in b"x*:+-\r":
        refused_and_closed(
            t, b"*1\r\n%c3\r\nxyz\r\n" % start, r"^-ERR Protocol error: expected '\$', got '.*'\r\n$"
        )


@attack(1, "a NUL where a header should be is refused", redis=NUL_EXCUSE)
def _(t):
    refused_and_closed(t, b"*1\r\n\x003\r\nxyz\r\n", r"^-ERR Protocol error: expected '\$', got '.*'\r\n$")
    refused_and_closed(t, b"*1\x00\r\n$4\r\nPING\r\n", "^-ERR Protocol error: invalid multibulk length\r\n$")


@attack(1, "header and inline lines without an end are refused at 64 KiB")
def _(t):
    refused_and_closed(t, b"*" + b"1" * 70000, "too big mbulk count string")
    refused_and_closed(t, b"*1\r\n$" + b"1" * 70000, "too big bulk count string")
    refused_and_closed(t, b"PING " + b"x" * 70000, "too big inline request")


@attack(1, "unbalanced quotes are refused")
def _(t):
    for line in (b'SET k "open\r\n', b"SET k 'open\r\n", b'SET k "a"b\r\n', b"GET 'a'b\r\n"):
        refused_and_closed(t, line, "^-ERR Protocol error: unbalanced quotes in request\r\n$")


@attack(1, "a bulk that does not end in CRLF is refused", redis="Redis skips the two bytes unseen")
def _(t):
    for ending in (b"xx", b"\r\r", b"\n\r", b"\n*", b"*1", b"\x00\x00"):
        data = refused_and_closed(t, b"*2\r\n$3\r\nGET\r\n$3\r\nkey" + ending + b"\r\n", "^-ERR Protocol error: ")
        equal(data.count(b"\r\n"), 1, "lines of the answer")


@attack(1, "empty requests ask nothing: only the PING behind them is answered")
def _(t):
    connection = t.connect()
    connection.send((b"*0\r\n" + b"*-1\r\n" + b"\r\n" + b"\n" + b"*-2147483648\r\n") * 500 + b"PING\r\n")
    equal(connection.reply(), "PONG")
    connection.in_step()


@attack(1, "promises of huge arguments cost nothing until kept", growth_mib=48)
def _(t):
    promises = (
        b"*2147483647\r\n",
        b"*2147483647\r\n$3\r\nSET\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\n",
        b"*1048576\r\n$536870912\r\nx",
    )
    for _ in range(25):
        for promise in promises:
            t.connect().send(promise)


@attack(1, "an unfinished request grows to client-query-buffer-limit and no further")
def _(t):
    server = t.server_with("--client-query-buffer-limit", "2mb")
    before = server.memory_bytes()
    connection = t.use(server.connect())
    connection.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000000\r\n")
    sent = 0
    try:
        while sent < 100 * MIB:
            connection.send(b"x" * MIB)
            sent += MIB
        raise AssertionError(f"{sent} bytes of one argument were taken")
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert server.memory_bytes() - before < 32 * MIB, "memory grew beyond the limit"
    with server.connect() as after:
        equal(after.call("EXISTS", "k"), 0)


@attack(1, "a bulk beyond proto-max-bulk-len is refused; one at the limit is stored")
def _(t):
    server = t.server_with("--proto-max-bulk-len", "1mb")
    with server.connect() as connection:
        equal(connection.call("SET", "k", b"x" * MIB), "OK")
        connection.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % (MIB + 1))
        matches(connection.until_closed(), "^-ERR Protocol error: invalid bulk length\r\n$")


@attack(1, "every split point of a pipeline, and one byte at a time, gives the same replies")
def _(t):
    connection = t.connect()
    stream = encode("SET", "k", b"a\r\nb\x00*3\r\n") + b"GET k\r\n" + b"*0\r\n" + encode("MGET", "k", "") + encode("APPEND", "", "")
    want = b"+OK\r\n$9\r\na\r\nb\x00*3\r\n\r\n*2\r\n$9\r\na\r\nb\x00*3\r\n\r\n$-1\r\n:0\r\n"

    def answered():
        data = b""
        while len(data) < len(want):
            more = connection.socket.recv(4096)
            assert more, "closed"
            data += more
        equal(data, want)

    for split in range(1, len(stream)):
        connection.send(stream[:split])  # two segments: TCP_NODELAY is set
        connection.send(stream[split:])
        answered()
        equal(connection.call("DEL", "", "k"), 2)
    for byte in stream:
        connection.send(bytes([byte]))
    answered()


@attack(1, "keys and values with NUL, CR, LF and invalid UTF-8 come back byte for byte")
def _(t):
    connection = t.connect()
    for value in (b"\x00", b"\r\n", b"", b"\xff\xfe", b"$5\r\nhello\r\n", bytes(range(256))):
        equal(connection.call("SET", value, value), "OK")
        equal(connection.call("GET", value), value)
        equal(connection.call("ECHO", value), value)


@attack(1, "noise: images, random bytes and half requests end in an error or silence, never in a crash")
def _(t):
    seed = int(os.environ.get("LARDER_TEST_SEED", "20240607"))
    print(f"        seed {seed} (LARDER_TEST_SEED)")
    chance = random.Random(seed)
    starts = (b"\x89PNG\r\n\x1a\n", b"*3\r\n$3\r\nSET\r\n", b"*", b"$", b"\x16\x03\x01", b"PING ", b"")
    for _ in range(300):
        noise = chance.choice(starts) + bytes(chance.choices(b"*$\r\n0123456789-+ \"'\\x\x00\xffGETS", k=chance.randrange(200)))
        with Connection(port=t.port) as connection:
            connection.send(noise)


@attack(1, "500 clients that leave in the middle of a request leave nothing behind", growth_mib=48)
def _(t):
    probe = t.connect()

    def clients():
        return len(probe.call("CLIENT", "LIST").splitlines())

    for _ in range(5):
        crowd = [Connection(port=t.port) for _ in range(100)]
        for index, connection in enumerate(crowd):
            connection.send(encode("SET", f"half:{index}", b"x" * 20000)[: 37 * index + 5])
            if index % 2:  # an RST instead of a FIN
                connection.socket.setsockopt(1, 13, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # SO_LINGER 0
        for connection in crowd:
            connection.close()
    wait_until(lambda: clients() == 2, "the server to see that they left")  # the bystander and us


@attack(1, "100,000 requests in one pipeline are all answered, in order")
def _(t):
    connection = t.connect()
    equal(connection.pipeline(*[("INCR", "n")] * 100000), list(range(1, 100001)))


@attack(1, "a request of 100,000 arguments, an empty command name, a megabyte of command name")
def _(t):
    connection = t.connect()
    equal(connection.call("DEL", *[f"k{i}" for i in range(100000)]), 0)
    equal(connection.call(""), Error("ERR unknown command '', with args beginning with: "))
    error = connection.call("X" * MIB, "Y" * MIB)
    matches(error, "^ERR unknown command 'XXX")
    assert len(error) < 500, f"an echo of {len(error)} characters"
    matches(connection.call("\x00"), "^ERR unknown command '")
    connection.in_step()


@attack(1, "requests of 2,000,000 keys give back all their memory, on every worker")
def _(t):
    keys = b"*2000001\r\n$3\r\nDEL\r\n" + b"$1\r\nk\r\n" * 2000000

    def used_bytes():
        with t.server.connect() as connection:
            return int(re.search(rb"allocator_allocated:(\d+)", connection.call("INFO", "memory")).group(1))

    before = used_bytes()
    for _ in range(6):
        with t.server.connect() as connection:
            connection.send(keys)
            equal(connection.reply(), 0)
    # What the allocator keeps for later is its own affair.
    wait_until(lambda: used_bytes() - before < 16 * MIB, "the memory to be given back")


@attack(1, "a slow sender, one byte now and then, holds up nobody")
def _(t):
    connection = t.connect()
    with t.server.connect() as other:
        for byte in encode("SET", "slow", "value"):
            connection.send(bytes([byte]))
            equal(other.call("PING"), "PONG")
    equal(connection.reply(), "OK")


# --- class 12: other protocols at our door ----------------------------------------------------------


@attack(12, "an HTTP POST is closed and nothing in its body is executed")
def _(t):
    body = b"SET owned yes\r\nFLUSHALL\r\n"
    request = b"POST / HTTP/1.1\r\nHost: localhost:6379\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    watcher = t.connect()
    watcher.call("SET", "treasure", "safe")
    for data in (request, request.replace(b"POST", b"post"), b"Host: localhost\r\n" + body):
        with Connection(port=t.port) as connection:
            connection.send(data)
            answer = connection.until_closed()
            assert b"+OK" not in answer, answer
    equal(watcher.call("MGET", "owned", "treasure"), [None, b"safe"])


@attack(12, "an HTTP GET dies at its Host line; PUT and OPTIONS do, too")
def _(t):
    watcher = t.connect()
    for method in (b"GET", b"PUT", b"OPTIONS"):
        with Connection(port=t.port) as connection:
            connection.send(method + b" / HTTP/1.1\r\nAccept: */*\r\nHost: x\r\n\r\nSET owned yes\r\n")
            answer = connection.until_closed()
            assert b"+OK" not in answer, answer
    equal(watcher.call("GET", "owned"), None)


@attack(12, "an HTTP POST cut into single bytes is closed all the same")
def _(t):
    watcher = t.connect()
    with Connection(port=t.port) as connection:
        try:
            for byte in b"POST / HTTP/1.1\r\nSET owned yes\r\n":
                connection.send(bytes([byte]))
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert b"+OK" not in connection.until_closed()
    equal(watcher.call("GET", "owned"), None)


@attack(12, "words of SMTP and memcached are errors, one each, and do no harm")
def _(t):
    connection = t.connect()
    for line in (b"EHLO example", b"MAIL FROM:<a@b>", b"gets k", b"version", b"stats", b"delete k", b"mg k v"):
        connection.send(line + b"\r\n")
        reply = connection.reply()
        assert isinstance(reply, Error), f"{line!r} -> {reply!r}"
    connection.send(b"set k 0 0 5\r\nhello\r\n")
    assert isinstance(connection.reply(), Error), "a memcached set"
    connection.reply()  # `hello` is a command here, too
    connection.in_step()
    equal(connection.call("EXISTS", "k"), 0)


@attack(12, "a TLS hello on the plain port is answered or closed, not waited for without end", redis=NUL_EXCUSE)
def _(t):
    hello = bytes.fromhex("16030100c8010000c40303") + bytes(range(190)) + b"\r\n"
    with Connection(port=t.port) as connection:
        connection.send(hello)
        try:
            assert isinstance(connection.reply(), Error)
        except ConnectionClosed:
            pass
