"""Hostile inputs, part 2: clients that misbehave (unauthenticated, not reading, killed, injecting)
and requests that look for an assertion. See hostile_lengths.py for part 1."""

import os
import random

from harness import rdb
from harness.resp import Connection, ConnectionClosed, Error, Push, encode
from harness.server import wait_until
from harness.suite import equal, matches

from suites.hostile_support import MIB, Bystander, attack

PASSWORD = ("--requirepass", "s3cret")
NO_AUTH = Error("NOAUTH Authentication required.")

# Everything Larder answers before it gets to later pieces of work; see the root README.
COMMANDS = (
    "HELLO AUTH PING ECHO SELECT QUIT RESET CLIENT COMMAND INFO CONFIG DBSIZE TIME SHUTDOWN DEL UNLINK EXISTS "
    "TYPE EXPIRE PEXPIRE EXPIREAT PEXPIREAT TTL PTTL EXPIRETIME PEXPIRETIME PERSIST SCAN KEYS RANDOMKEY FLUSHDB "
    "FLUSHALL SET GET GETEX GETDEL GETSET SETEX PSETEX SETNX MGET MSET MSETNX APPEND STRLEN GETRANGE SETRANGE "
    "INCR DECR INCRBY DECRBY INCRBYFLOAT MULTI EXEC DISCARD WATCH UNWATCH SETBIT GETBIT BITCOUNT BITPOS BITOP BITFIELD "
    "BITFIELD_RO LCS SUBSTR MSETEX DELEX DELIFEQ INCREX CL.THROTTLE SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE "
    "SSUBSCRIBE SUNSUBSCRIBE PUBLISH SPUBLISH PUBSUB"
).split()
BEFORE_AUTH = {"HELLO", "AUTH", "QUIT", "RESET"}


# --- class 2: before authentication -----------------------------------------------------------------


@attack(2, "before AUTH every command but HELLO, AUTH, RESET and QUIT is NOAUTH")
def _(t):
    server = t.server_with(*PASSWORD)
    connection = t.use(server.connect(authenticate=False))
    arguments = {"SET": ["k", "v"], "MSET": ["k", "v"], "CLIENT": ["ID"], "CONFIG": ["GET", "requirepass"]}
    one_key = {"GET", "DEL", "ECHO", "SELECT", "KEYS", "SCAN", "WATCH", "TYPE", "TTL", "INCR", "MGET", "EXISTS"}
    for name in COMMANDS:
        if name in BEFORE_AUTH:
            continue
        words = arguments.get(name, ["0"] if name in one_key else [])
        reply = connection.call(name, *words)
        # Redis looks at the number of arguments first, and so says that instead.
        # EXEC says it with EXECABORT in front.
        assert "NOAUTH" in reply or "wrong number of arguments" in reply, f"{name} -> {reply!r}"
    equal(connection.call("GET", "k"), NO_AUTH)
    equal(connection.call("RESET"), "RESET")
    equal(connection.call("MULTI"), NO_AUTH)
    equal(connection.call("AUTH", "s3cret"), "OK")
    equal(connection.call("EXISTS", "k"), 0)
    equal(connection.call("RESET"), "RESET")
    equal(connection.call("GET", "k"), NO_AUTH, "RESET keeps the authentication")
    equal(connection.call("QUIT"), "OK")


@attack(2, "before AUTH a request has at most 10 arguments of 16 KiB")
def _(t):
    server = t.server_with(*PASSWORD)
    for data, words in (
        (b"*11\r\n", "unauthenticated multibulk length"),
        (b"*2147483647\r\n", "unauthenticated multibulk length"),
        (b"*2\r\n$4\r\nAUTH\r\n$16385\r\n", "unauthenticated bulk length"),
    ):
        with server.connect(authenticate=False) as connection:
            connection.send(data)
            equal(connection.until_closed(), b"-ERR Protocol error: %s\r\n" % words.encode())
    with server.connect(authenticate=False) as connection:
        matches(connection.call("AUTH", "x" * 16384), "^WRONGPASS")
    with server.connect() as connection:
        equal(connection.call("SET", "k", "x" * 20000), "OK", "the same after AUTH")
        equal(connection.call("EXISTS", *["k"] * 20), 20)


@attack(2, "forty unauthenticated clients that send all they can without reading cost little memory")
def _(t):
    server = t.server_with(*PASSWORD)
    bystander = Bystander(server)
    bystander.start()
    before = server.memory_bytes()
    flood = encode("GET", "k") * 2000
    for _ in range(40):
        connection = t.use(Connection(port=server.port, timeout_s=0.1, receive_buffer=4096))
        try:
            for _ in range(1000):  # 40 MB of requests, 74 MB of replies
                connection.socket.send(flood)
        except OSError:
            pass  # not taken any more, or closed by the server: both are answers to a flood
    # Four workers' receive buffers are 16 MiB, if all of them were used for the first time now.
    grown = server.memory_bytes() - before
    assert grown < 28 * MIB, f"memory grew by {grown / MIB:.0f} MiB"
    bystander.finish()


@attack(2, "beyond maxclients newcomers are told so; those inside are served, and a freed place is taken")
def _(t):
    server = t.server_with("--maxclients", "20")

    def admitted():
        """A newcomer's connection, or None if it was turned away."""
        newcomer = Connection(port=server.port)
        try:
            if newcomer.call("PING") == "PONG":
                return t.use(newcomer)
        except (ConnectionClosed, OSError):
            pass
        newcomer.close()
        return None

    # Whoever asked whether the server is up may not have left yet, so a place may need a moment.
    inside = [wait_until(admitted, "a place") for _ in range(20)]
    for _ in range(30):
        with Connection(port=server.port) as late:
            equal(late.until_closed(), b"-ERR max number of clients reached\r\n")
    for connection in inside:
        equal(connection.call("PING"), "PONG")
    inside[7].close()
    wait_until(admitted, "a place to become free")
    equal(inside[3].call("PING"), "PONG")


@attack(2, "wrong passwords of every length are refused alike")
def _(t):
    server = t.server_with(*PASSWORD)
    with server.connect(authenticate=False) as connection:
        for wrong in ("", "s", "s3cre", "s3cret ", "S3CRET", "s3cret\x00", "x" * 5000):
            matches(connection.call("AUTH", wrong), "^WRONGPASS", f"password {wrong[:10]!r}")
        equal(connection.call("GET", "k"), NO_AUTH)


# --- class 3: buffers -------------------------------------------------------------------------------


@attack(3, "a client that does not read costs bounded memory, and still gets every reply at last",
        growth_mib=64, redis="Redis keeps all replies in memory unless a limit is set")
def _(t):
    connection = t.connect()
    value = os.urandom(64 << 10)
    equal(connection.call("SET", "big", value), "OK")
    requests = 4000  # 250 MiB of replies
    connection.send(encode("GET", "big") * requests)
    with t.server.connect() as other:
        for _ in range(200):  # meanwhile the others are served, and memory is looked at
            equal(other.call("PING"), "PONG")
    mid = t.server.memory_bytes()
    for index in range(requests):
        assert connection.reply() == value, f"reply {index} differs"
    connection.in_step()
    after = t.server.memory_bytes()
    assert abs(after - mid) < 64 * MIB, f"memory went from {mid} to {after}"


@attack(3, "a subscriber that does not read is closed at its limit and slows nobody", growth_mib=96)
def _(t):
    publisher, reader, deaf = t.connect(), t.connect(), t.use(Connection(port=t.port, receive_buffer=4096))
    for one in (reader, deaf):
        equal(list(one.call("SUBSCRIBE", "c")), [b"subscribe", b"c", 1])
    payload = b"x" * (256 << 10)
    reached = []
    for number in range(400):  # 100 MiB; the limit of the class is 32
        reached.append(publisher.call("PUBLISH", "c", b"%d:" % number + payload))
        equal(reader.reply()[2][:8], (b"%d:" % number + payload)[:8])
    assert reached[0] == 2 and reached[-1] == 1, f"reached {reached[0]} at first, {reached[-1]} in the end"
    assert 100 < reached.index(1) < 250, f"closed after {reached.index(1)} messages of 256 KiB"


@attack(3, "writing without ever reading does not grow the server", growth_mib=64,
        redis="Redis keeps all replies in memory unless a limit is set")
def _(t):
    connection = t.connect()
    equal(connection.call("SET", "k", "x" * 1000), "OK")
    connection.socket.settimeout(0.2)
    flood = encode("GET", "k") * 1000
    sent = 0
    try:
        while sent < 64 * MIB:  # some 2 GB of replies
            sent += connection.socket.send(flood)
    except TimeoutError:
        return  # the server stopped listening to it: back-pressure
    except OSError:
        return  # or closed it
    raise AssertionError("the server read requests without end")


@attack(3, "a reply beyond client-output-buffer-limit costs that client its connection, no one else")
def _(t):
    server = t.server_with("--client-output-buffer-limit", "normal 1mb 0 0")
    owner = t.use(server.connect())
    equal(owner.call("SET", "big", b"x" * (600 << 10)), "OK")
    reader = t.use(Connection(port=server.port, receive_buffer=4096))
    reader.send(encode("MGET", *["big"] * 200))  # 117 MiB in one reply
    data = reader.until_closed()
    assert len(data) < 110 * MIB, f"{len(data)} bytes were delivered"
    equal(owner.call("PING"), "PONG")
    equal(owner.call("STRLEN", "big"), 600 << 10)


@attack(3, "a client over the soft output limit goes when its time is up, one that reads on stays",
        redis="Redis 7.0 does not count such clients")
def _(t):
    server = t.server_with("--client-output-buffer-limit", "normal 0 256kb 1")
    owner = t.use(server.connect())
    equal(owner.call("SET", "big", b"x" * (8 * MIB)), "OK")
    silent = t.use(Connection(port=server.port, receive_buffer=4096))
    silent.send(encode("GET", "big") * 2)  # more than the sockets of both ends hold
    # It is let go although it neither asks nor reads any more.
    wait_until(
        lambda: b"client_output_buffer_limit_disconnections:1\r\n" in owner.call("INFO", "stats"),
        "the silent reader is let go",
    )
    assert len(silent.until_closed()) < 16 * MIB, "everything was delivered"
    reader = t.use(Connection(port=server.port))
    for _ in range(20):
        equal(len(reader.call("GET", "big")), 8 * MIB)
    assert b"client_output_buffer_limit_disconnections:1\r\n" in owner.call("INFO", "stats")


@attack(3, "a hard output limit far below what would make a client wait holds, too")
def _(t):
    server = t.server_with("--client-output-buffer-limit", "normal 64kb 0 0")
    owner = t.use(server.connect())
    equal(owner.call("SET", "middling", b"x" * (48 << 10)), "OK")
    equal(len(owner.call("GET", "middling")), 48 << 10)
    greedy = t.use(server.connect())
    greedy.send(encode("GET", "middling") * 40)
    assert len(greedy.until_closed()) < 40 * (48 << 10), "everything was delivered"
    equal(owner.call("PING"), "PONG")


@attack(3, "clients killed or gone while replies are under way, a hundred times")
def _(t):
    admin = t.connect()
    admin.call("SET", "big", b"x" * (2 * MIB))
    for index in range(100):
        victim = Connection(port=t.port, receive_buffer=4096)
        number = victim.call("CLIENT", "ID")
        victim.send(encode("GET", "big") * 5)
        if index % 3 == 0:
            admin.call("CLIENT", "KILL", "ID", str(number))
        elif index % 3 == 1:
            victim.socket.setsockopt(1, 13, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # RST on close
        victim.close()
        if index % 10 == 0:
            admin.call("SET", "big", b"%d" % index * MIB)  # the value under way is replaced
    equal(admin.call("PING"), "PONG")


@attack(3, "values larger than any buffer: 64 MiB in and out, beside a bystander")
def _(t):
    connection = t.connect()
    value = os.urandom(1 << 16) * 1024
    equal(connection.call("SET", "huge", value), "OK")
    assert connection.call("GET", "huge") == value, "another value came back"
    equal(connection.call("MGET", "huge", "huge")[1] == value, True)
    equal(connection.call("DEL", "huge"), 1)


# --- class 4: freed clients -------------------------------------------------------------------------


@attack(4, "CLIENT KILL of oneself: alone, in MULTI, in a pipeline, with SKIPME no")
def _(t):
    def my(connection):
        return str(connection.call("CLIENT", "ID"))

    connection = t.connect()
    connection.send(encode("CLIENT", "KILL", "ID", my(connection), "SKIPME", "NO") + encode("SET", "after", "1"))
    equal(connection.until_closed(), b":1\r\n")
    connection = t.connect()
    equal(connection.call("CLIENT", "KILL", "ID", my(connection), "SKIPME", "YES"), 0)
    number = my(connection)
    kill = ("CLIENT", "KILL", "ID", number, "SKIPME", "NO")
    for request in (("MULTI",), ("SET", "in", "1"), kill, ("SET", "in", "2"), ("EXEC",)):
        connection.send(encode(*request))
    heard = connection.until_closed()  # Redis stops in the middle of the reply of EXEC, but executes all of it
    whole = b"+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n:1\r\n+OK\r\n"
    assert whole.startswith(heard) and b"*3" in heard, heard
    equal(t.connect().call("MGET", "after", "in"), [None, b"2"])


@attack(4, "CLIENT KILL of others: in MULTI, in the middle of a request, watching, all at once")
def _(t):
    admin = t.connect()
    victims = [t.connect() for _ in range(4)]
    numbers = [str(victim.call("CLIENT", "ID")) for victim in victims]
    victims[0].pipeline(("WATCH", "a"), ("MULTI",), ("SET", "a", "1"))
    victims[1].send(b"*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$100000\r\npartial")
    victims[2].send(encode("CLIENT", "REPLY", "OFF"))
    for number in numbers[:3]:
        wait_until(lambda n=number: f"id={n} " in admin.call("CLIENT", "LIST").decode(), "the client to be listed")
        equal(admin.call("CLIENT", "KILL", "ID", number), 1)
    for victim in victims[:3]:
        equal(victim.until_closed(), b"")
    replies = admin.pipeline(("MULTI",), ("CLIENT", "KILL", "ID", numbers[3]), ("PING",), ("EXEC",))
    equal(replies[3], [1, "PONG"])
    equal(victims[3].until_closed(), b"")
    equal(admin.call("MGET", "a", "b"), [None, None])


@attack(4, "clients killed while paused stay dead, and their writes undone")
def _(t):
    admin = t.connect()
    t.defer(t.connect().call, "CLIENT", "UNPAUSE")
    victims = [t.connect() for _ in range(10)]
    numbers = [str(victim.call("CLIENT", "ID")) for victim in victims]
    equal(admin.call("CLIENT", "PAUSE", "3000", "WRITE"), "OK")
    for index, victim in enumerate(victims):
        victim.send(encode("SET", f"paused:{index}", "1"))
    for number in numbers:
        equal(admin.call("CLIENT", "KILL", "ID", number), 1)
    for victim in victims:
        equal(victim.until_closed(), b"")
    equal(admin.call("CLIENT", "UNPAUSE"), "OK")
    equal(admin.call("KEYS", "paused:*"), [])


@attack(4, "CLIENT KILL TYPE normal, by name of a whole crowd, while they work")
def _(t):
    server = t.server_with()
    admin = t.use(server.connect())
    for _ in range(5):
        crowd = [t.use(server.connect()) for _ in range(40)]
        for connection in crowd:
            equal(connection.call("PING"), "PONG")  # the server has accepted it
            connection.send(encode("INCR", "n") * 200)
        killed = admin.call("CLIENT", "KILL", "TYPE", "normal")
        assert killed >= 40, f"{killed} killed"
        for connection in crowd:
            connection.until_closed()
        wait_until(lambda: len(admin.call("CLIENT", "LIST").splitlines()) == 1, "all of them to be gone")
    assert 0 <= int(admin.call("GET", "n") or 0) <= 5 * 40 * 200


@attack(4, "CLIENT LIST while clients come and go lists whole lines only")
def _(t):
    admin = t.connect()
    for _ in range(60):
        crowd = [Connection(port=t.port) for _ in range(10)]
        for connection in crowd[::2]:
            connection.send(encode("CLIENT", "SETNAME", "come-and-go") + encode("GET", "x"))
        for line in admin.call("CLIENT", "LIST").decode().splitlines():
            matches(line, r"^id=\d+ addr=\S+ .*cmd=\S+ ")
        for connection in crowd:
            connection.close()


# --- class 5: cheap to ask, dear to answer ------------------------------------------------------------


@attack(5, "WATCH of 100,000 keys, each twice, costs no more than other commands with so many arguments",
        redis="Redis compares each key with all others")
def _(t):
    watcher, writer = t.connect(), t.connect()
    keys = [f"key:{index}" for index in range(100_000)]
    equal(watcher.call("WATCH", *keys), "OK")
    equal(watcher.call("WATCH", *keys), "OK")
    matches(watcher.call("CLIENT", "INFO").decode(), r"\bwatch=100000\b")
    equal(writer.call("SET", keys[-1], "changed"), "OK")
    equal(watcher.call("MULTI"), "OK")
    equal(watcher.call("GET", keys[-1]), "QUEUED")
    equal(watcher.call("EXEC"), None)


# --- class 9: replies that echo input ---------------------------------------------------------------


@attack(9, "CR, LF and NUL in what errors echo cannot start another reply")
def _(t):
    poison = "x\r\n+OK\r\n$3\r\nbad\r\n\x00"
    requests = [
        (poison,),
        (poison, poison),
        ("PING", poison, poison),
        ("CLIENT", poison),
        ("CLIENT", "KILL", poison),
        ("CLIENT", "KILL", "TYPE", poison),
        ("CLIENT", "SETNAME", poison),
        ("CLIENT", "SETINFO", "LIB-NAME", poison),
        ("CLIENT", "REPLY", poison),
        ("CONFIG", poison),
        ("CONFIG", "SET", poison, "1"),
        ("CONFIG", "SET", "maxclients", poison),
        ("CONFIG", "SET", "maxmemory-policy", poison),
        ("COMMAND", poison),
        ("COMMAND", "GETKEYS", poison),
        ("COMMAND", "LIST", "FILTERBY", poison, poison),
        ("HELLO", poison),
        ("HELLO", "3", poison),
        ("AUTH", poison, poison),
        ("SELECT", poison),
        ("SET", "k", "v", poison),
        ("EXPIRE", "k", "1", poison),
        ("SCAN", poison),
        ("SCAN", "0", poison, poison),
        ("FLUSHALL", poison),
        ("INCRBY", "k", poison),
        ("SHUTDOWN", poison),
    ]
    for protocol in (2, 3):
        connection = t.connect(protocol)
        for request in requests:
            reply = connection.call(*request)
            if reply != poison.encode():  # COMMAND LIST and the like may answer without an error
                assert isinstance(reply, (Error, list)), f"{request} -> {reply!r}"
            if isinstance(reply, Error):
                assert "\n" not in reply and "\r" not in reply, repr(reply)
            connection.in_step(f"after {request[0]!r}"[:40])
        if protocol == 3:
            connection.call("HELLO", "3")


@attack(9, "an unknown command inside MULTI and EXEC cannot, either")
def _(t):
    connection = t.connect()
    connection.call("MULTI")
    assert isinstance(connection.call("NO\r\n+QUEUED\r\nSUCH", "\n:1"), Error)
    matches(connection.call("EXEC"), "^EXECABORT")
    connection.in_step()


@attack(9, "CLIENT LIST cannot be forged by names, INFO and CONFIG REWRITE not by settings")
def _(t):
    connection = t.connect()
    for name in ("a\nid=1", "a b", "a\x00", "a\tb", "\x1b[31m"):
        matches(connection.call("CLIENT", "SETNAME", name), "^ERR Client names cannot contain spaces, newlines")
    equal(connection.call("CLIENT", "GETNAME"), None)
    listed = connection.call("CLIENT", "LIST").splitlines()
    assert all(line.startswith(b"id=") for line in listed), listed
    secret = "p\r\nrequirepass other"
    server = t.server_with()
    with server.connect() as admin:
        equal(admin.call("CONFIG", "SET", "requirepass", secret), "OK")
        equal(admin.call("CONFIG", "GET", "requirepass"), [b"requirepass", secret.encode()])
        assert b"other" not in admin.call("INFO", "all")


# --- class 15: assertions reachable from the network ------------------------------------------------

NUMBERS = [
    "0", "1", "-1", "-0", "2147483647", "2147483648", "-2147483648", "-2147483649", "4294967295", "4294967296",
    "4294967297", str(2**62), str(-(2**62)), str(2**63 - 1), str(2**63), str(-(2**63)), str(-(2**63) - 1), str(2**64),
    "18446744073709551615", "nan", "inf", "-inf", "1e400", "-1e400", "1e-400", "", " 1", "1 ", "+1", "01", "0x10", "1.5",
    "9" * 5000, "-" * 100,
]  # fmt: skip

PLAIN = rdb.payload(rdb.plain_string(b"v"))

NUMERIC = [
    ("SET", "k", "v", "EX", "#"), ("SET", "k", "v", "PX", "#"), ("SET", "k", "v", "EXAT", "#"), ("SET", "k", "v", "PXAT", "#"),
    ("SETEX", "k", "#", "v"), ("PSETEX", "k", "#", "v"), ("GETEX", "k", "EX", "#"), ("GETEX", "k", "PXAT", "#"),
    ("EXPIRE", "k", "#"), ("PEXPIRE", "k", "#"), ("EXPIREAT", "k", "#"), ("PEXPIREAT", "k", "#"), ("EXPIRE", "k", "#", "GT"),
    ("RESTORE", "k", "#", PLAIN, "REPLACE"), ("RESTORE", "k", "#", PLAIN, "REPLACE", "ABSTTL"),
    ("RESTORE", "k", "0", PLAIN, "REPLACE", "IDLETIME", "#"), ("RESTORE", "k", "0", PLAIN, "REPLACE", "FREQ", "#"),
    ("SETRANGE", "k", "#", ""), ("GETRANGE", "k", "#", "10"), ("GETRANGE", "k", "0", "#"), ("GETRANGE", "k", "#", "#"),
    ("INCRBY", "n", "#"), ("DECRBY", "n", "#"), ("INCRBYFLOAT", "f", "#"), ("SCAN", "#"), ("SCAN", "0", "COUNT", "#"),
    ("SETBIT", "k", "0", "#"), ("GETBIT", "k", "#"), ("BITCOUNT", "k", "#", "#"), ("BITCOUNT", "k", "#", "-1", "BIT"),
    ("BITCOUNT", "k", "0", "#", "BIT"), ("BITPOS", "k", "#"), ("BITPOS", "k", "0", "#"), ("BITPOS", "k", "1", "#", "#", "BIT"),
    ("BITFIELD", "k", "GET", "u8", "#"), ("BITFIELD", "k", "SET", "i8", "0", "#"), ("BITFIELD", "k", "INCRBY", "i64", "#1", "#"),
    ("BITFIELD", "k", "OVERFLOW", "SAT", "INCRBY", "u63", "0", "#"), ("BITFIELD", "k", "GET", "#", "0"),
    ("BITFIELD_RO", "k", "GET", "i64", "#"), ("LCS", "k", "n", "IDX", "MINMATCHLEN", "#"), ("SUBSTR", "k", "#", "#"),
    ("MSETEX", "#", "k", "v"), ("MSETEX", "1", "k", "v", "EX", "#"), ("MSETEX", "1", "k", "v", "PXAT", "#"),
    ("INCREX", "n", "BYINT", "#"), ("INCREX", "n", "BYINT", "#", "SATURATE"), ("INCREX", "f", "BYFLOAT", "#"),
    ("INCREX", "n", "UBOUND", "#", "SATURATE"), ("INCREX", "n", "LBOUND", "#", "UBOUND", "#", "SATURATE"),
    ("INCREX", "f", "BYFLOAT", "#", "LBOUND", "#", "SATURATE"), ("INCREX", "n", "EX", "#"), ("INCREX", "n", "PXAT", "#", "ENX"),
    ("CL.THROTTLE", "t", "#", "1", "1"), ("CL.THROTTLE", "t", "1", "#", "1"), ("CL.THROTTLE", "t", "1", "1", "#"),
    ("CL.THROTTLE", "t", "1", "1", "1", "#"), ("CL.THROTTLE", "t", "#", "#", "#", "#"), ("CL.THROTTLE", "n", "#", "1", "#"),
    ("SELECT", "#"), ("CLIENT", "KILL", "ID", "#"), ("CLIENT", "KILL", "MAXAGE", "#"), ("CLIENT", "LIST", "ID", "#"),
    ("CLIENT", "UNBLOCK", "#"), ("HELLO", "#"), ("CONFIG", "SET", "timeout", "#"), ("CONFIG", "SET", "tcp-keepalive", "#"),
    ("CONFIG", "SET", "maxclients", "#"), ("CONFIG", "SET", "proto-max-bulk-len", "#"),
]  # fmt: skip


@attack(15, "every numeric argument with the numbers that break things: one reply each, no crash", growth_mib=64)
def _(t):
    server = t.server_with()
    for value in NUMBERS:
        connection = t.use(server.connect())
        connection.pipeline(("SET", "k", "0123456789"), ("SET", "n", "1"), ("SET", "f", "1"))
        for template in NUMERIC:
            if t.is_redis and template[2:3] == ("maxclients",):
                continue  # Redis makes room for that many clients at once, which takes it minutes
            request = [value if word == "#" else word for word in template]
            try:
                connection.call(*request)
                connection.in_step(f"{template[0]} {value[:20]}")
            except (ConnectionClosed, AssertionError) as problem:
                raise AssertionError(f"{' '.join(template)} with {value[:40]!r}: {problem}") from problem
            if template[0] == "CONFIG":
                restore = {"timeout": "0", "tcp-keepalive": "300", "maxclients": "1000", "proto-max-bulk-len": "512mb"}
                connection.call("CONFIG", "SET", template[2], restore[template[2]])
            if template[0] == "HELLO":
                connection.call("HELLO", "2")
        connection.close()
    assert server.alive()
    before = server.memory_bytes()
    with server.connect() as connection:
        matches(connection.call("SETRANGE", "k", "536870912", "x"), "^ERR string exceeds maximum allowed size")
        matches(connection.call("SETRANGE", "k", str(2**63 - 1), "x"), "^ERR string exceeds maximum allowed size")
        matches(connection.call("SETRANGE", "k", "-1", "x"), "^ERR offset is out of range")
        for offset in ("4294967296", str(2**63 - 1), "-1"):
            matches(connection.call("SETBIT", "k", offset, "1"), "^ERR bit offset is not an integer or out of range")
            matches(connection.call("BITFIELD", "k", "SET", "u8", "#" + offset, "1"), "^ERR bit offset is not an integer")
    assert server.memory_bytes() - before < 64 * MIB


WORDS = [
    "", "0", "1", "-1", "k", "kk", "GET", "SET", "NX", "XX", "EX", "PX", "KEEPTTL", "MATCH", "COUNT", "TYPE", "*", "[", "\\",
    "a*" * 50 + "b", "ID", "ADDR", "USER", "SKIPME", "YES", "NO", "ON", "OFF", "LIST", "INFO", "DOCS", "GETKEYS", "FILTERBY",
    "PATTERN", "ACLCAT", "MODULE", "RESETSTAT", "\x00", "\r\n", "\xff", "9223372036854775807", "x" * 3000, "default", "string",
    "ASYNC", "SYNC", "IFEQ", "WRITE", "ALL", "NORMAL", "MASTER", "LADDR", "BIT", "u8", "i64", "#2", "INCRBY", "OVERFLOW",
    "SAT", "FAIL", "AND", "DIFF", "IDX", "LEN",
]  # fmt: skip
# They answer once for each name, or none.
SUBSCRIBING = {"SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE", "SSUBSCRIBE", "SUNSUBSCRIBE"}
# The others end the connection or the server as they should.
NOT_AT_RANDOM = {"SHUTDOWN", "QUIT", "RESET"} | SUBSCRIBING


@attack(15, "20,000 random requests of known words: one reply each, and the server lives")
def _(t):
    seed = int(os.environ.get("LARDER_TEST_SEED", "20240607"))
    print(f"        seed {seed} (LARDER_TEST_SEED)")
    chance = random.Random(seed)
    server = t.server_with()
    names = [name for name in COMMANDS if name not in NOT_AT_RANDOM]
    subcommands = {
        "CLIENT": "ID INFO LIST GETNAME SETNAME SETINFO NO-EVICT NO-TOUCH UNPAUSE UNBLOCK".split(),
        "CONFIG": "GET RESETSTAT".split(),
        "COMMAND": "COUNT INFO LIST GETKEYS GETKEYSANDFLAGS".split(),
    }
    connection = server.connect()
    for batch in range(200):
        requests = []
        for index in range(100):
            name = chance.choice(names)
            words = [name]
            if name in subcommands:
                words.append(chance.choice(subcommands[name]))
            words += chance.choices(WORDS, k=chance.choice((0, 1, 1, 2, 2, 3, 4, 6)))
            requests += [words, ["ECHO", f"{batch}:{index}"]]
        replies = connection.pipeline(*requests)
        in_transaction = False
        for index in range(0, len(replies), 2):
            reply, echo = replies[index], replies[index + 1]
            assert echo in (requests[index + 1][1].encode(), "QUEUED"), f"{requests[index]} -> {reply!r}, then {echo!r}"
            in_transaction = echo == "QUEUED"
        if in_transaction:
            connection.call("DISCARD")
        connection.in_step()
    connection.close()
    assert server.alive()


@attack(15, "each command with 0 to 8 arguments of every kind: arity errors are replies")
def _(t):
    server = t.server_with()
    connection = t.use(server.connect())
    for name in COMMANDS:
        if name in NOT_AT_RANDOM:
            continue
        for count in range(9):
            for word in ("", "0", "x", "\x00\xff"):
                connection.call(name, *[word] * count)
                connection.in_step(f"{name} {count}") if name != "MULTI" else connection.call("DISCARD")
    listener = t.use(server.connect(protocol=3))
    for name in sorted(SUBSCRIBING):
        for count in range(9):
            for word in ("", "0", "x", "\x00\xff"):
                listener.send(encode(name, *[word] * count) + encode("ECHO", f"{name} {count}"))
                while isinstance(reply := listener.reply(), (Push, Error)):
                    pass
                equal(reply, f"{name} {count}".encode())
    for name in ("CLIENT", "CONFIG", "COMMAND"):
        listed = connection.call("COMMAND", "INFO", name)[0]
        for row in listed[9] if len(listed) > 9 else []:
            parent, sub = row[0].decode().split("|")
            if sub in ("reply", "pause", "kill", "rewrite"):
                continue
            for count in range(5):
                connection.call(parent, sub, *["x"] * count)
                connection.in_step(f"{parent} {sub} {count}")
    assert server.alive()


@attack(15, "transactions out of order: EXEC, DISCARD, nested MULTI, WATCH inside, empty ones")
def _(t):
    connection = t.connect()
    equal(connection.call("EXEC"), Error("ERR EXEC without MULTI"))
    equal(connection.call("DISCARD"), Error("ERR DISCARD without MULTI"))
    equal(connection.pipeline(("MULTI",), ("EXEC",)), ["OK", []])
    equal(connection.call("MULTI"), "OK")
    equal(connection.call("MULTI"), Error("ERR MULTI calls can not be nested"))
    equal(connection.call("WATCH", "k"), Error("ERR WATCH inside MULTI is not allowed"))
    equal(connection.call("EXEC"), []) if not t.is_redis else connection.call("EXEC")
    for _ in range(100):
        connection.pipeline(("WATCH", *[f"w{i}" for i in range(50)]), ("WATCH", "w1"), ("UNWATCH",))
    equal(connection.pipeline(("MULTI",), *[("SET", "k", "v")] * 5000, ("EXEC",))[-1], ["OK"] * 5000)
    connection.pipeline(("MULTI",), ("SELECT", "9"), ("FLUSHDB",), ("SET", "k", "nine"))
    equal(connection.call("EXEC"), ["OK", "OK", "OK"])
    equal(connection.pipeline(("GET", "k"), ("SELECT", "0"), ("GET", "k")), [b"nine", "OK", b"v"])


@attack(15, "patterns that take exponential time elsewhere")
def _(t):
    connection = t.connect()
    connection.call("SET", "a" * 5000, "v")
    evil = "a*" * 2000 + "b"
    equal(connection.call("KEYS", evil), [])
    equal(connection.call("SCAN", "0", "MATCH", evil, "COUNT", "1000")[1], [])
    equal(connection.call("CONFIG", "GET", "*?" * 200 + "!"), [])
    for odd in ("[", "[a", "[^", "[a-", "\\", "[]", "[\\", "**" * 1000 + "z"):
        equal(connection.call("KEYS", odd), [], f"KEYS {odd[:10]!r}")


# --- class 6: memory through small requests, as far as messages and client-side caching go -------------


@attack(6, "100,000 channels and patterns of one client are counted, and given back", growth_mib=96)
def _(t):
    connection, other = t.connect(), t.connect()
    for command in ("SUBSCRIBE", "PSUBSCRIBE"):
        for start in range(0, 50_000, 1000):
            connection.send(encode(command, *(f"some:channel:{i}" for i in range(start, start + 1000))))
            for _ in range(1000):
                connection.reply()
    equal(other.call("PUBSUB", "NUMPAT"), 50_000)
    if not t.is_redis:
        shown = [line for line in other.call("INFO", "memory").split(b"\r\n") if b"mem_client_subscriptions" in line]
        assert int(shown[0].split(b":")[1]) > 10 * MIB, shown
    connection.close()
    wait_until(lambda: other.call("PUBSUB", "NUMPAT") == 0, "the subscriptions to end")


@attack(3, "a client that broadcasts and does not read what others change is closed", growth_mib=192,
        redis="Redis keeps all of it: normal clients have no limit")
def _(t):
    deaf, writer = t.connect(protocol=3), t.connect()
    equal(deaf.call("CLIENT", "TRACKING", "ON", "BCAST"), "OK")
    for number in range(2000):
        writer.call("SET", "k" * 100_000 + str(number), "v", "PX", "1")
        if number % 50 == 49 and b"tracking_clients:0" in writer.call("INFO", "clients"):
            break
    assert number < 1500, f"{number} invalidations of 100 kB are kept for one client"


@attack(6, "a client that tracks and reads a million names costs what tracking-table-max-keys allows", growth_mib=96)
def _(t):
    connection, other = t.connect(protocol=3), t.connect()
    equal(other.call("CONFIG", "SET", "tracking-table-max-keys", "100000"), "OK")
    equal(connection.call("CLIENT", "TRACKING", "ON"), "OK")
    told = 0
    for start in range(0, 1_000_000, 1000):
        connection.send(encode("MGET", *(f"name:{i}" for i in range(start, start + 1000))))
        while isinstance(reply := connection.reply(), Push):
            told += 1
        equal(len(reply), 1000)
    info = other.call("INFO", "stats")
    keys = int(info.split(b"tracking_total_keys:")[1].split(b"\r\n")[0])
    assert keys <= 110_000, f"{keys} keys are remembered"
    assert told > 800_000, f"only {told} were told to be forgotten"
    equal(other.call("CONFIG", "SET", "tracking-table-max-keys", "1000000"), "OK")
