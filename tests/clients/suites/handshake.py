"""What client libraries say first, byte by byte: every trap that has made a client refuse a server
which otherwise speaks the protocol."""

import re

from harness.resp import ConnectionClosed, Error, Push, Simple, Verbatim
from harness.server import wait_until
from harness.suite import Suite, contains, equal, matches

suite = Suite("handshake", "the first words of client libraries are answered as they expect")

HELLO_FIELDS = ["server", "version", "proto", "id", "mode", "role", "modules"]


def pairs(flat):
    """A RESP2 array of alternating names and values as a dict."""
    return {flat[i].decode(): flat[i + 1] for i in range(0, len(flat), 2)}


def info(connection, *sections):
    """INFO as {field: text}."""
    text = connection.call("INFO", *sections).decode()
    return dict(line.split(":", 1) for line in text.split("\r\n") if line and not line.startswith("#"))


# --- HELLO ------------------------------------------------------------------------------------------


@suite.check("HELLO 3 is a map with server, version, proto, id, mode, role and modules")
def _(t):
    connection = t.connect()
    hello = connection.call("HELLO", "3")
    assert isinstance(hello, dict), hello
    equal(list(hello), HELLO_FIELDS)
    equal(hello["proto"], 3)
    equal(hello["id"], connection.call("CLIENT", "ID"), "id")
    equal((hello["mode"], hello["role"]), (b"standalone", b"master"))
    assert isinstance(hello["modules"], list), hello["modules"]
    matches(hello["version"], r"^\d+\.\d+\.\d+$")
    matches(hello["server"], r"^\w+$")


@suite.check("HELLO 2 is the same as an array; HELLO alone keeps the protocol")
def _(t):
    connection = t.connect()
    equal(list(pairs(connection.call("HELLO", "2"))), HELLO_FIELDS)
    equal(pairs(connection.call("HELLO"))["proto"], 2)
    equal(connection.call("HELLO", "3")["proto"], 3)
    equal(connection.call("HELLO")["proto"], 3)
    equal(pairs(connection.call("HELLO", "2"))["proto"], 2)
    equal(connection.call("GET", "nothing"), None)


@suite.check("an unsupported protocol is NOPROTO and leaves the connection as it was")
def _(t):
    connection = t.connect()
    for version in ("1", "4", "0", "-3"):
        equal(connection.call("HELLO", version), Error("NOPROTO unsupported protocol version"))
    equal(connection.call("HELLO", "abc"), Error("ERR Protocol version is not an integer or out of range"))
    equal(connection.call("HELLO", "3", "NONSENSE"), Error("ERR Syntax error in HELLO option 'NONSENSE'"))
    assert isinstance(connection.call("CONFIG", "GET", "save"), list), "no longer RESP2"
    connection.in_step()


@suite.check("HELLO in a pipeline switches exactly between the replies")
def _(t):
    connection = t.connect()
    ask = ("CONFIG", "GET", "appendonly")
    before, hello, after, back, last = connection.pipeline(ask, ("HELLO", "3"), ask, ("HELLO", "2"), ask)
    equal(before, [b"appendonly", b"no"])
    equal(hello["proto"], 3)
    equal(after, {"appendonly": b"no"})
    equal(pairs(back)["proto"], 2)
    equal(last, [b"appendonly", b"no"])


@suite.check("HELLO 3 AUTH user password SETNAME name does all of it")
def _(t):
    server = t.server_with("--requirepass", "s3cret")
    with server.connect(authenticate=False) as connection:
        hello = connection.call("HELLO", "3", "AUTH", "default", "s3cret", "SETNAME", "web-1")
        assert isinstance(hello, dict), hello
        equal(connection.call("CLIENT", "GETNAME"), b"web-1")
        equal(connection.call("SET", "k", "v"), "OK")


@suite.check("HELLO 3 with a wrong password does none of it")
def _(t):
    server = t.server_with("--requirepass", "s3cret")
    with server.connect(authenticate=False) as connection:
        reply = connection.call("HELLO", "3", "AUTH", "default", "wrong", "SETNAME", "web-1")
        equal(reply, Error("WRONGPASS invalid username-password pair or user is disabled."))
        equal(connection.call("GET", "k"), Error("NOAUTH Authentication required."))
        equal(connection.call("AUTH", "s3cret"), "OK")
        equal(connection.call("CLIENT", "GETNAME"), None)
        assert isinstance(connection.call("CONFIG", "GET", "save"), list), "no longer RESP2"


@suite.check("a name that is not allowed makes HELLO 3 AUTH SETNAME do nothing at all")
def _(t):
    connection = t.connect()
    reply = connection.call("HELLO", "3", "SETNAME", "two words")
    matches(reply, "^ERR Client names cannot contain spaces, newlines or special characters.")
    assert isinstance(connection.call("CONFIG", "GET", "save"), list), "no longer RESP2"
    equal(connection.call("CLIENT", "GETNAME"), None)


@suite.check("HELLO without AUTH on a server with a password says how to give it")
def _(t):
    server = t.server_with("--requirepass", "s3cret")
    with server.connect(authenticate=False) as connection:
        matches(connection.call("HELLO", "3"), "^NOAUTH HELLO must be called with the client already authenticated")
        connection.call("AUTH", "s3cret")
        equal(connection.call("HELLO", "3")["proto"], 3)


# --- errors clients look at -------------------------------------------------------------------------


@suite.check("an unknown command is named with the beginning of its arguments")
def _(t):
    for protocol in (2, 3):
        connection = t.connect(protocol)
        equal(
            connection.call("FROBNICATE", "a", "b"),
            Error("ERR unknown command 'FROBNICATE', with args beginning with: 'a' 'b' "),
        )
        equal(connection.call("frobnicate"), Error("ERR unknown command 'frobnicate', with args beginning with: "))
        long = connection.call("X" * 5000, "Y" * 5000, "Z" * 5000)
        assert len(long) < 400, f"an echo of {len(long)} characters"
        connection.in_step()


@suite.check("CLIENT MAINT_NOTIFICATIONS is one plain error and the connection goes on")
def _(t):
    for protocol in (2, 3):
        connection = t.connect(protocol)
        replies = connection.pipeline(
            ("CLIENT", "MAINT_NOTIFICATIONS", "ON", "moving-endpoint-type", "external-ip"),
            ("CLIENT", "MAINT_NOTIFICATIONS", "ON"),
            ("PING",),
        )
        for reply in replies[:2]:
            assert isinstance(reply, Error), reply
            matches(reply, "^ERR [Uu]nknown subcommand '?MAINT_NOTIFICATIONS'?")
        equal(replies[2], "PONG")


@suite.check("CLIENT SETINFO in a pipeline gets one reply each, whatever it says")
def _(t):
    connection = t.connect()
    replies = connection.pipeline(
        ("CLIENT", "SETINFO", "LIB-NAME", "test(client_v1)"),
        ("CLIENT", "SETINFO", "LIB-VER", "1.2.3"),
        ("CLIENT", "SETINFO", "LIB-COLOUR", "green"),
        ("CLIENT", "SETINFO"),
        ("PING",),
    )
    assert isinstance(replies[2], Error) and isinstance(replies[3], Error), replies
    equal(replies[4], "PONG")


@suite.check("CLIENT SETINFO is shown by CLIENT INFO", redis="7.0 has no CLIENT SETINFO, 7.2 has")
def _(t):
    connection = t.connect()
    equal(connection.call("CLIENT", "SETINFO", "LIB-NAME", "redis-py"), "OK")
    equal(connection.call("CLIENT", "SETINFO", "lib-ver", "5.0.1"), "OK")
    matches(connection.call("CLIENT", "INFO"), r" lib-name=redis-py lib-ver=5\.0\.1(\s|$)")


@suite.check("a failing AUTH in a pipeline gets its own reply, once")
def _(t):
    words = [("AUTH", "wrong"), ("PING",), ("AUTH", "default", "wrong"), ("AUTH", "nobody", "wrong"), ("ECHO", "x")]
    connection = t.connect()
    without = connection.pipeline(*words)
    matches(without[0], "^ERR AUTH <password> called without any password configured for the default user.")
    equal(without[1], "PONG")
    equal(without[4], b"x")
    server = t.server_with("--requirepass", "s3cret")
    with server.connect(authenticate=False) as connection:
        replies = connection.pipeline(*words, ("AUTH", "s3cret"), ("ECHO", "y"), ("AUTH", "wrong"), ("ECHO", "z"))
        wrong = Error("WRONGPASS invalid username-password pair or user is disabled.")
        none = Error("NOAUTH Authentication required.")
        equal(replies, [wrong, none, wrong, wrong, none, "OK", b"y", wrong, b"z"])
        connection.in_step()
        equal(connection.call("AUTH"), Error("ERR wrong number of arguments for 'auth' command"))


@suite.check("probes for what is not there get one reply each and the connection stays in step")
def _(t):
    probes = [
        ("CLUSTER", "NODES"),
        ("CLUSTER", "SLOTS"),
        ("SENTINEL", "MASTERS"),
        ("READONLY",),
        ("CLIENT", "CAPA", "redirect"),
        ("WAIT", "0", "0"),
        ("WAITAOF", "0", "0", "0"),
        ("PUBSUB", "SHARDNUMSUB"),
        ("LATENCY", "LATEST"),
        ("LATENCY", "HISTOGRAM"),
        ("SLOWLOG", "LEN"),
        ("MODULE", "LIST"),
        ("ACL", "WHOAMI"),
        ("SCRIPT", "EXISTS", "ffffffffffffffffffffffffffffffffffffffff"),
        ("FT._LIST",),
        ("JSON.GET", "a"),
    ]
    for protocol in (2, 3):
        connection = t.connect(protocol)
        connection.pipeline(*[request for probe in probes for request in (probe, ("PING",))])
        for probe in probes:
            connection.call(*probe)
            connection.in_step(f"after {probe[0]}")


# --- INFO and CONFIG --------------------------------------------------------------------------------


@suite.check("INFO: loading:0, maxmemory_policy, roles, and a version no client refuses")
def _(t):
    connection = t.connect()
    fields = info(connection)
    equal(fields["loading"], "0", "loading (ioredis's ready check)")
    equal(fields["maxmemory_policy"], "noeviction", "maxmemory_policy (BullMQ and Sidekiq warn otherwise)")
    equal((fields["role"], fields["redis_mode"]), ("master", "standalone"))
    version = tuple(int(part) for part in fields["redis_version"].split("."))
    assert (7, 0, 0) <= version < (8, 0, 0), f"redis_version {fields['redis_version']}"
    equal(fields["cluster_enabled"], "0")
    wait_until(lambda: info(connection)["connected_clients"] == "1", "earlier connections to be gone")
    equal(int(fields["tcp_port"]), t.port)


@suite.check("INFO names Larder's own version beside redis_version:7.4", redis="it is Redis")
def _(t):
    fields = info(t.connect(), "server")
    matches(fields["redis_version"], r"^7\.4\.\d+$")
    matches(fields["larder_version"], r"^\d+\.\d+\.\d+")


@suite.check("INFO takes sections, several and in any case; it is verbatim text in RESP3")
def _(t):
    connection = t.connect()
    server = info(connection, "SERVER")
    assert "redis_version" in server and "role" not in server, server
    both = info(connection, "server", "Replication")
    assert "redis_version" in both and "role" in both, both
    connection.call("SET", "k", "v")
    matches(info(connection, "keyspace")["db0"], "^keys=1,expires=0,avg_ttl=0")
    for everything in ("all", "everything", "default"):
        assert {"loading", "role", "redis_version"} <= set(info(connection, everything)), everything
    equal(info(connection, "no-such-section"), {})
    text = t.connect(3).call("INFO", "server")
    assert isinstance(text, Verbatim) and text.kind == b"txt", type(text)
    matches(text, r"^# Server\r\n")


@suite.check("CONFIG GET save and appendonly, which redis-benchmark asks: array in RESP2, map in RESP3")
def _(t):
    two, three = t.connect(2), t.connect(3)
    equal(two.call("CONFIG", "GET", "save"), [b"save", b""])
    equal(three.call("CONFIG", "GET", "save"), {"save": b""})
    equal(two.call("CONFIG", "GET", "appendonly"), [b"appendonly", b"no"])
    equal(pairs(two.call("CONFIG", "GET", "save", "appendonly")), {"save": b"", "appendonly": b"no"})
    equal(two.call("CONFIG", "GET", "no-such-setting"), [])
    equal(three.call("CONFIG", "GET", "no-such-setting"), {})


@suite.check("CONFIG GET * has what clients and exporters read")
def _(t):
    settings = t.connect(3).call("CONFIG", "GET", "*")
    equal(settings["databases"], b"16")
    equal(settings["maxmemory"], b"0")
    equal(settings["maxmemory-policy"], b"noeviction")
    equal(settings["timeout"], b"0")
    for name in ("maxclients", "port", "bind", "dir", "tcp-keepalive", "proto-max-bulk-len", "client-output-buffer-limit"):
        assert name in settings, f"no {name}"
    assert all(isinstance(value, bytes) for value in settings.values()), "a value that is not a string"


@suite.check("CONFIG SET changes all of its settings or none, and names the one at fault")
def _(t):
    connection = t.connect()
    equal(connection.call("CONFIG", "SET", "timeout", "100", "tcp-keepalive", "60"), "OK")
    refused = connection.call("CONFIG", "SET", "timeout", "200", "maxclients", "many")
    matches(refused, r"^ERR CONFIG SET failed \(possibly related to argument 'maxclients'\) - ")
    unknown = connection.call("CONFIG", "SET", "timeout", "200", "no-such-setting", "1")
    equal(unknown, Error("ERR Unknown option or number of arguments for CONFIG SET - 'no-such-setting'"))
    equal(connection.call("CONFIG", "GET", "timeout"), [b"timeout", b"100"])
    matches(
        connection.call("CONFIG", "SET", "dir", "/tmp"),
        r"^ERR CONFIG SET failed \(possibly related to argument 'dir'\) - can't set (immutable|protected) config$",
    )
    equal(connection.call("CONFIG", "SET", "timeout", "0", "tcp-keepalive", "300"), "OK")


# --- COMMAND ----------------------------------------------------------------------------------------


@suite.check("COMMAND INFO describes GET and answers null for what is unknown")
def _(t):
    rows = t.connect().call("COMMAND", "INFO", "get", "commandlog", "MSET")
    name, arity, flags, first, last, step = rows[0][:6]
    equal((name, arity, first, last, step), (b"get", 2, 1, 1, 1))
    assert {"readonly", "fast"} <= set(flags), flags
    equal(rows[1], None)
    equal(rows[2][:2] + rows[2][3:6], [b"mset", -3, 1, -1, 2])


@suite.check("COMMAND, COMMAND COUNT and COMMAND LIST agree; COMMAND GETKEYS finds the keys")
def _(t):
    connection = t.connect()
    names = [row[0] for row in connection.call("COMMAND")]
    equal(len(names), connection.call("COMMAND", "COUNT"))
    equal(len(set(names)), len(names), "names that differ")
    equal({n for n in connection.call("COMMAND", "LIST") if b"|" not in n}, set(names))
    equal(connection.call("COMMAND", "GETKEYS", "MSET", "a", "1", "b", "2"), [b"a", b"b"])
    equal(connection.call("COMMAND", "GETKEYS", "GET", "a", "b"), Error("ERR Invalid number of arguments specified for command"))


@suite.check("COMMAND DOCS is a map in RESP3, pairs in RESP2, and empty for the unknown")
def _(t):
    docs = t.connect(3).call("COMMAND", "DOCS", "get", "no-such-command")
    equal(list(docs), ["get"])
    equal(docs["get"]["group"], b"string")
    equal(docs["get"]["arguments"][0]["type"], b"key")
    flat = pairs(t.connect(2).call("COMMAND", "DOCS", "get"))
    equal(pairs(flat["get"])["group"], b"string")


# --- the connection ---------------------------------------------------------------------------------


@suite.check("CLIENT ID, SETNAME, GETNAME, INFO and LIST describe this connection")
def _(t):
    first, second = t.connect(2), t.connect(3)
    assert second.call("CLIENT", "ID") > first.call("CLIENT", "ID"), "ids do not grow"
    equal(first.call("CLIENT", "GETNAME"), None)
    equal(first.call("CLIENT", "SETNAME", "first"), "OK")
    equal(first.call("CLIENT", "GETNAME"), b"first")
    line = first.call("CLIENT", "INFO")
    for field in ("name=first ", "db=0 ", "cmd=client|info ", "user=default ", "resp=2"):
        contains(line, field.encode())
    equal(first.call("CLIENT", "SETNAME", ""), "OK")
    equal(first.call("CLIENT", "GETNAME"), None)
    listing = second.call("CLIENT", "LIST")
    assert isinstance(listing, Verbatim), type(listing)
    ids = {int(n) for n in re.findall(rb"(?m)^id=(\d+) ", listing)}
    assert ids >= {first.call("CLIENT", "ID"), second.call("CLIENT", "ID")}, listing


@suite.check("RESET returns to RESP2, database 0, no name, no transaction")
def _(t):
    connection = t.connect(3)
    connection.pipeline(("SELECT", "3"), ("CLIENT", "SETNAME", "x"), ("MULTI",), ("SET", "a", "1"))
    equal(connection.call("RESET"), "RESET")
    equal(connection.call("CONFIG", "GET", "save"), [b"save", b""])
    equal(connection.call("CLIENT", "GETNAME"), None)
    equal(connection.call("EXEC"), Error("ERR EXEC without MULTI"))
    contains(connection.call("CLIENT", "INFO"), b" db=0 ")


@suite.check("QUIT answers OK, then closes; what follows it in the pipeline is not executed")
def _(t):
    connection, other = t.connect(), t.connect()
    connection.send(b"*1\r\n$4\r\nQUIT\r\n*3\r\n$3\r\nSET\r\n$1\r\nq\r\n$1\r\n1\r\n")
    equal(connection.reply(), "OK")
    try:
        raise AssertionError(f"a reply after QUIT: {connection.reply()!r}")
    except ConnectionClosed:
        pass
    equal(other.call("EXISTS", "q"), 0)


@suite.check("SELECT knows 16 databases")
def _(t):
    connection = t.connect()
    equal(connection.call("SELECT", "15"), "OK")
    equal(connection.call("SELECT", "16"), Error("ERR DB index is out of range"))
    equal(connection.call("SELECT", "-1"), Error("ERR DB index is out of range"))
    equal(connection.call("SELECT", "x"), Error("ERR value is not an integer or out of range"))
    contains(connection.call("CLIENT", "INFO"), b" db=15 ")


@suite.check("CLIENT REPLY SKIP and OFF silence exactly what they should")
def _(t):
    connection = t.connect()
    connection.send(b"CLIENT REPLY SKIP\r\nPING\r\nECHO after-skip\r\n")
    equal(connection.reply(), b"after-skip")
    connection.send(b"CLIENT REPLY OFF\r\nPING\r\nSET silent 1\r\nCLIENT REPLY ON\r\nECHO on-again\r\n")
    equal(connection.reply(), "OK")
    equal(connection.reply(), b"on-again")
    equal(connection.call("GET", "silent"), b"1")


@suite.check("inline commands work, mixed with multibulk ones")
def _(t):
    connection = t.connect()
    connection.send(b'PING\r\nSET "two words" \'single\'\n*2\r\n$3\r\nGET\r\n$9\r\ntwo words\r\n\r\nPING\r\n')
    equal([connection.reply() for _ in range(4)], [Simple("PONG"), Simple("OK"), b"single", Simple("PONG")])


# --- whole handshakes, as recorded from the libraries -----------------------------------------------

HANDSHAKES = {
    "redis-py 8": [
        ("HELLO", "3"),
        ("CLIENT", "MAINT_NOTIFICATIONS", "ON", "moving-endpoint-type", "none"),
        ("CLIENT", "SETNAME", "app"),
        ("CLIENT", "SETINFO", "LIB-NAME", "redis-py"),
        ("CLIENT", "SETINFO", "LIB-VER", "8.0.0"),
        ("SELECT", "1"),
    ],
    "lettuce 7": [
        ("HELLO", "3", "SETNAME", "app"),
        ("CLIENT", "SETINFO", "lib-name", "Lettuce"),
        ("CLIENT", "SETINFO", "lib-ver", "7.0.0"),
        ("SELECT", "1"),
        ("CLIENT", "MAINT_NOTIFICATIONS", "on"),
        ("PING",),
    ],
    "go-redis 9": [
        ("HELLO", "3", "SETNAME", "app"),
        ("SELECT", "1"),
        ("CLIENT", "MAINT_NOTIFICATIONS", "ON"),
        ("CLIENT", "SETINFO", "LIB-NAME", "go-redis(,go1.24)"),
        ("CLIENT", "SETINFO", "LIB-VER", "9.14.0"),
    ],
    "StackExchange.Redis 3": [
        ("HELLO", "3"),
        ("CLIENT", "SETNAME", "app"),
        ("CLIENT", "SETINFO", "lib-name", "SE.Redis"),
        ("CLIENT", "SETINFO", "lib-ver", "3.0.0"),
        ("CLIENT", "ID"),
        ("CONFIG", "GET", "timeout"),
        ("CONFIG", "GET", "replica-read-only"),
        ("CONFIG", "GET", "databases"),
        ("SENTINEL", "MASTERS"),
        ("INFO", "replication"),
        ("INFO", "server"),
        ("CLUSTER", "NODES"),
        ("GET", "__Booksleeve_TieBreak"),
        ("ECHO", "\x01guid"),
    ],
    "Sidekiq 8 (redis-client)": [("HELLO", "3"), ("INFO",), ("CLIENT", "SETINFO", "LIB-NAME", "redis-client(v0.25)")],
}


@suite.check("whole handshakes (redis-py 8, lettuce 7, go-redis 9, SE.Redis 3, Sidekiq 8) stay in step")
def _(t):
    for library, requests in HANDSHAKES.items():
        connection = t.connect()
        replies = connection.pipeline(*requests)
        assert isinstance(replies[0], dict), f"{library}: {replies[0]!r}"
        assert not any(isinstance(reply, Push) for reply in replies), f"{library}: an unasked push"
        for request, reply in zip(requests, replies):
            if request[0] in ("SELECT", "PING", "INFO", "CONFIG", "GET", "ECHO"):
                assert not isinstance(reply, Error), f"{library}: {request} -> {reply}"
        connection.in_step(library)
