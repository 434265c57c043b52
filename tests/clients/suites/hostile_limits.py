"""Hostile inputs, part 4: numbers beyond every end, little that asks for much, dear patterns."""

from harness import rdb
from harness.resp import Connection, Error
from harness.suite import equal, matches

from suites.hostile_support import MIB, attack

NOT_AN_INTEGER = Error("ERR value is not an integer or out of range")
NO_BIT_OFFSET = Error("ERR bit offset is not an integer or out of range")
TOO_LONG = Error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
OUT_OF_MEMORY = Error("OOM command not allowed when used memory > 'maxmemory'.")
NO_DATABASE = Error(
    "ERR value is out of range, value must between -2147483648 and 2147483647"
)
TOO_DEAR = Error("ERR the pattern takes too long to match")
TOP = 2**63 - 1
BOTTOM = -(2**63)


def expiry_error(command):
    return Error(f"ERR invalid expire time in '{command}' command")


# --- class 5: integers at and beyond their ends --------------------------------------------------

# Before each of them k is "0123456789" and n is TOP.
AT_THE_ENDS = [
    (("GETRANGE", "k", BOTTOM, TOP), b"0123456789"),
    (("GETRANGE", "k", TOP, BOTTOM), b""),
    (("GETRANGE", "k", BOTTOM, BOTTOM), b"0"),
    (("GETRANGE", "k", 2**63, 1), NOT_AN_INTEGER),
    (("SETRANGE", "k", TOP, "x"), TOO_LONG),
    (("SETRANGE", "k", 2**29, "x"), TOO_LONG),
    (("SETRANGE", "k", BOTTOM, "x"), Error("ERR offset is out of range")),
    (("SETRANGE", "k", TOP, ""), 10),
    (("GETBIT", "k", 2**32 - 1), 0),
    (("GETBIT", "k", 2**32), NO_BIT_OFFSET),
    (("SETBIT", "k", 2**32, 1), NO_BIT_OFFSET),
    (("SETBIT", "k", -1, 1), NO_BIT_OFFSET),
    (("SETBIT", "k", 1, 2**32), Error("ERR bit is not an integer or out of range")),
    (("BITCOUNT", "k", BOTTOM, TOP), 35),
    (("BITCOUNT", "k", BOTTOM, TOP, "BIT"), 35),
    (("BITCOUNT", "k", TOP, BOTTOM, "BIT"), 0),
    (("BITCOUNT", "k", 2**60, 2**61), 0),
    (("BITPOS", "k", 1, BOTTOM, TOP, "BIT"), 2),
    (("BITPOS", "k", 0, TOP), -1),
    (("BITPOS", "k", 0, 2**61, 2**62), -1),
    (("BITPOS", "k", 2**32 + 1), Error("ERR The bit argument must be 1 or 0.")),
    (("BITFIELD", "k", "GET", "i64", f"#{TOP}"), NO_BIT_OFFSET),
    (("BITFIELD", "k", "GET", "u63", 2**32 - 1), [0]),
    (("BITFIELD", "b", "SET", "i64", 0, TOP, "OVERFLOW", "SAT", "INCRBY", "i64", 0, 1), [0, TOP]),
    (("BITFIELD", "b", "SET", "i64", 0, BOTTOM, "INCRBY", "i64", 0, -1), [0, TOP]),
    (("BITFIELD", "b", "OVERFLOW", "FAIL", "INCRBY", "u1", 0, TOP), [None]),
    (("BITFIELD", "b", "OVERFLOW", "SAT", "INCRBY", "u63", 0, BOTTOM), [0]),
    (("INCR", "n"), Error("ERR increment or decrement would overflow")),
    (("INCRBY", "n", BOTTOM), -1),
    (("INCRBY", "k", TOP), NOT_AN_INTEGER),  # for the zero that it begins with
    (("DECRBY", "n", BOTTOM), Error("ERR decrement would overflow")),
    (("DECRBY", "n", TOP), 0),
    (("INCRBYFLOAT", "n", "1e5000"), Error("ERR value is not a valid float")),
    (("INCRBYFLOAT", "n", "inf"), Error("ERR increment would produce NaN or Infinity")),
    (("INCRBYFLOAT", "n", "nan"), Error("ERR value is not a valid float")),
    (("EXPIRE", "k", TOP), expiry_error("expire")),
    (("EXPIRE", "k", BOTTOM), expiry_error("expire")),
    (("EXPIRE", "k", 2**62 // 1000), 1),
    (("PEXPIRE", "k", TOP), expiry_error("pexpire")),
    (("PEXPIRE", "k", BOTTOM), 1),
    (("PEXPIREAT", "k", TOP), 1),
    (("EXPIREAT", "k", TOP // 1000 + 1), expiry_error("expireat")),
    (("SET", "k", "v", "EX", TOP // 1000), expiry_error("set")),
    (("SET", "k", "v", "PX", TOP), expiry_error("set")),
    (("SET", "k", "v", "PXAT", TOP), "OK"),
    (("SET", "k", "v", "EX", 0), expiry_error("set")),
    (("SETEX", "k", TOP, "v"), expiry_error("setex")),
    (("PSETEX", "k", 2**63, "v"), NOT_AN_INTEGER),
    (("GETEX", "k", "EX", TOP), expiry_error("getex")),
    (("GETEX", "k", "PXAT", BOTTOM), expiry_error("getex")),
    (("LCS", "k", "n", "IDX", "MINMATCHLEN", TOP), [b"matches", [], b"len", 5]),
    (("SCAN", 0, "COUNT", BOTTOM), Error("ERR syntax error")),
    (("SCAN", 0, "COUNT", 2**63), NOT_AN_INTEGER),
    (("SCAN", 2**64), Error("ERR invalid cursor")),
    (("RESTORE", "r", BOTTOM, "x"), Error("ERR Invalid TTL value, must be >= 0")),
    (("RESTORE", "r", 2**63, "x"), NOT_AN_INTEGER),
    (("COPY", "k", "c", "DB", 2**32), NO_DATABASE),
    (("COPY", "k", "c", "DB", 2**31 - 1), Error("ERR DB index is out of range")),
    (("SELECT", 2**32), NO_DATABASE),
    (("SWAPDB", 0, 2**32), Error("ERR invalid second DB index")),
    (("CLIENT", "PAUSE", 2**63), Error("ERR timeout is not an integer or out of range")),
    (("SLOWLOG", "GET", BOTTOM), Error("ERR count should be greater than or equal to -1")),
]  # fmt: skip


@attack(5, "numbers at the ends of their range mean what they mean anywhere", growth_mib=48)
def _(t):
    connection = t.connect()
    equal(connection.call("SELECT", 1), "OK")
    for request, want in AT_THE_ENDS:
        connection.call("FLUSHDB")
        equal(connection.call("MSET", "k", "0123456789", "n", TOP), "OK")
        equal(connection.call(*request), want, " ".join(map(str, request)))
    if not t.is_redis:  # it pauses for ever, and a product that is 0 in 64 bits is a good one there
        equal(connection.call("CLIENT", "PAUSE", TOP), Error("ERR timeout is out of range"))
        equal(connection.call("BITFIELD", "k", "GET", "u8", f"#{2**61}"), NO_BIT_OFFSET)


@attack(5, "a key that is named again and again in one request: the last value, once")
def _(t):
    connection = t.connect()
    pairs = [word for index in range(50_000) for word in ("twice", index)]
    equal(connection.call("MSETNX", *pairs), 1)
    equal(connection.call("GET", "twice"), b"49999")
    equal(connection.call("MSETNX", "fresh", 1, "twice", 2, "fresh", 3), 0)
    equal(connection.call("EXISTS", "fresh"), 0)
    equal(connection.call("MSET", *pairs), "OK")
    if not t.is_redis:
        equal(connection.call("MSETEX", 50_000, *pairs, "PXAT", TOP), 1)
        equal(connection.call("PEXPIRETIME", "twice"), TOP)
        equal(connection.call("MSETEX", 2, "fresh", 1, "fresh", 2, "NX"), 1)
        equal(connection.call("GET", "fresh"), b"2")
    equal(connection.call("EXISTS", *["twice"] * 50_000), 50_000)
    equal(connection.call("DEL", *["twice"] * 50_000), 1)
    equal(connection.call("RENAME", "twice", "twice"), Error("ERR no such key"))


@attack(5, "BITOP of thousands of sources, the destination among them", growth_mib=48)
def _(t):
    connection = t.connect()
    equal(connection.call("SETBIT", "far", 8 * MIB, 1), 0)
    equal(connection.call("SET", "near", "\x01\x02"), "OK")
    sources = ["far", "near", "none"] * 100
    equal(connection.call("BITOP", "XOR", "far", "far", "near", *sources), MIB + 1)
    equal(connection.call("BITCOUNT", "far"), 3)
    equal(connection.call("BITOP", "AND", "far", *["near"] * 20_000, "far"), MIB + 1)
    equal(connection.call("BITOP", "NOT", "far", "far"), MIB + 1)
    equal(connection.call("BITOP", "OR", "far", *["none"] * 20_000), 0)
    equal(connection.call("EXISTS", "far"), 0)


# --- class 6: little asks for much ---------------------------------------------------------------


@attack(6, "a small request cannot make one reply grow far beyond client-output-buffer-limit")
def _(t):
    server = t.server_with("--client-output-buffer-limit", "normal 8mb 0 0")
    owner = t.use(server.connect())
    equal(owner.call("MSET", "copied", "x" * 16_000, "pinned", "y" * 20_000), "OK")
    for name, count in (("copied", 20_000), ("pinned", 20_000)):
        for silent in (False, True):
            greedy = t.use(Connection(port=server.port))
            if silent:
                greedy.send(b"CLIENT REPLY OFF\r\n")
            greedy.send(b"*%d\r\n$4\r\nMGET\r\n" % (count + 1))
            greedy.send(b"$6\r\n%s\r\n" % name.encode() * count)
            if silent:
                greedy.send(b"CLIENT REPLY ON\r\nPING\r\n")
                equal([greedy.reply(), greedy.reply()], ["OK", "PONG"])
            else:
                assert len(greedy.until_closed()) < 16 * MIB
    greedy = t.use(server.connect())
    greedy.call("MULTI")
    greedy.pipeline(*[("GET", "copied")] * 20_000)
    greedy.send(b"EXEC\r\n")
    assert len(greedy.until_closed()) < 16 * MIB
    equal(owner.call("PING"), "PONG")
    grown = server.peak_memory_bytes() / MIB
    assert grown < 160, f"it took {grown:.0f} MiB at its peak"


@attack(6, "a transaction cannot take many times maxmemory", redis="Redis looks at EXEC alone")
def _(t):
    server = t.server_with("--maxmemory", "32mb", "--maxmemory-policy", "allkeys-lru")
    connection = t.use(server.connect())
    equal(connection.call("SET", "seed", "x" * 4 * MIB), "OK")
    for requests in (
        [("COPY", "seed", f"c{index}") for index in range(200)],
        [("SETRANGE", f"r{index}", 4 * MIB, "x") for index in range(200)],
        [("SETBIT", f"b{index}", 32 * MIB, 1) for index in range(200)],
        [("BITOP", "NOT", f"n{index}", "seed") for index in range(200)],
    ):
        equal(connection.call("SET", "seed", "x" * 4 * MIB), "OK")
        connection.call("MULTI")
        connection.pipeline(*requests)
        replies = connection.call("EXEC")
        refused = replies.count(OUT_OF_MEMORY)
        assert 180 <= refused <= 195, f"{refused} refused of {requests[0]} and so on"
        equal(replies[-refused:], [OUT_OF_MEMORY] * refused)
        equal(connection.call("SET", "small", "v"), "OK")
    peak = server.peak_memory_bytes() / MIB
    assert peak < 200, f"it took {peak:.0f} MiB at its peak"


@attack(6, "a few bytes cannot push out the whole cache for one value that is larger than it",
        redis="Redis makes the value, then evicts all others")
def _(t):
    server = t.server_with("--maxmemory", "16mb", "--maxmemory-policy", "allkeys-lru")
    connection = t.use(server.connect())
    connection.pipeline(*[("SET", f"k{index}", "v" * 100) for index in range(5000)])
    zeros = b"\x00\x00" + b"\xe0\xff\x00" * (20 * MIB // 264)  # copies of one byte, 264 at a time
    length = 1 + 264 * (20 * MIB // 264)
    lengths = b"\x80" + len(zeros).to_bytes(4, "big") + b"\x80" + length.to_bytes(4, "big")
    payload = rdb.payload(b"\x00\xc3" + lengths + zeros)
    for _ in range(20):
        equal(connection.call("SETRANGE", "new", 2**29 - 1, "x"), OUT_OF_MEMORY)
        equal(connection.call("SETRANGE", "k0", 2**29 - 1, "x"), OUT_OF_MEMORY)
        equal(connection.call("SETBIT", "new", 2**32 - 1, 1), OUT_OF_MEMORY)
        equal(connection.call("BITFIELD", "new", "SET", "u8", f"#{2**29 - 1}", 1), OUT_OF_MEMORY)
        equal(connection.call("RESTORE", "new", 0, payload), OUT_OF_MEMORY)
    equal(connection.call("DBSIZE"), 5000)
    equal(connection.call("STRLEN", "k0"), 100)
    peak = server.peak_memory_bytes() / MIB
    assert peak < 100, f"it took {peak:.0f} MiB at its peak"


@attack(6, "chains of COPY and a storm of large values stay within maxmemory")
def _(t):
    for policy in ("allkeys-lru", "allkeys-random"):
        server = t.server_with("--maxmemory", "48mb", "--maxmemory-policy", policy)
        clients = [t.use(server.connect()) for _ in range(4)]
        for turn in range(40):
            for index, client in enumerate(clients):
                client.send(
                    b"SETRANGE %d:%d 3000000 x\r\n" % (index, turn % 9)
                    + b"COPY %d:%d %d:copy REPLACE\r\n" % (index, turn % 9, index)
                    + b"APPEND %d:copy %s\r\n" % (index, b"y" * 50_000)
                    + b"GETDEL %d:%d\r\n" % (index, (turn + 4) % 9)
                )
            for client in clients:
                equal(client.reply(), 3_000_001)
                assert client.reply() in (0, 1)  # its source may have been evicted
                assert client.reply() >= 50_000
                client.reply()
        peak = server.peak_memory_bytes() / MIB
        assert peak < 160, f"{policy}: it took {peak:.0f} MiB at its peak"


@attack(6, "what one client watches has a bound, like what it queues", redis="it has none in Redis")
def _(t):
    server = t.server_with("--client-query-buffer-limit", "4mb")
    connection = t.use(server.connect())
    refused = Error("ERR watched keys exceed client-query-buffer-limit")
    batches = [[f"{batch}:{index}" for index in range(2000)] for batch in range(20)]
    replies = connection.pipeline(*[("WATCH", *batch) for batch in batches])
    equal(replies[0], "OK")
    equal(replies[-1], refused)
    matches(connection.call("CLIENT", "INFO").decode(), rf" watch={2000 * replies.count('OK')} ")
    equal(connection.call("WATCH", *["same"] * 2000), refused)
    equal(connection.call("UNWATCH"), "OK")
    equal(connection.call("WATCH", *batches[-1]), "OK")
    equal(connection.call("MULTI"), "OK")
    replies = connection.pipeline(*[("SET", "k", "v" * 1000)] * 5000)
    assert Error("ERR transaction exceeds client-query-buffer-limit") in replies
    matches(connection.call("EXEC"), "^EXECABORT")


@attack(6, "readers of a large value's parts that do not read cost no copies", growth_mib=96,
        redis="Redis copies the value for each of them")
def _(t):
    owner = t.connect()
    equal(owner.call("SETRANGE", "big", 32 * MIB - 1, "x"), 32 * MIB)
    for request in (b"GET big\r\n", b"GETRANGE big 1 -1\r\n", b"GETRANGE big 1000 30000000\r\n"):
        for _ in range(15):
            silent = t.use(Connection(port=t.port, receive_buffer=4096))
            silent.send(request)
            equal(silent.socket.recv(1), b"$")  # the reply has begun
    reader = t.connect()
    equal(reader.call("GETRANGE", "big", 32 * MIB - 20_000, -1), bytes(19_999) + b"x")
    equal(reader.call("GETRANGE", "big", 5 * MIB, -1), bytes(27 * MIB - 1) + b"x")
    equal(owner.call("DEL", "big"), 1)


ECHOING = [
    ("#",), ("CLIENT", "#"), ("CLIENT", "KILL", "#"), ("CLIENT", "KILL", "TYPE", "#"),
    ("CLIENT", "REPLY", "#"), ("CONFIG", "#"), ("CONFIG", "SET", "#", "1"),
    ("CONFIG", "SET", "maxmemory", "#"), ("OBJECT", "#", "k"), ("COMMAND", "#"),
    ("COMMAND", "GETKEYS", "#"), ("COMMAND", "LIST", "FILTERBY", "#", "x"), ("DEBUG", "#"),
    ("HELLO", "#"), ("HELLO", "3", "#"), ("HELLO", "3", "AUTH", "#", "x"), ("AUTH", "#"),
    ("AUTH", "#", "#"), ("SET", "k", "v", "#"), ("SCAN", "0", "#"), ("SCAN", "#"),
    ("LCS", "a", "b", "#"), ("SLOWLOG", "#"), ("LATENCY", "#"), ("MEMORY", "#"),
    ("BITOP", "#", "d", "k"), ("BITFIELD", "k", "GET", "#", "0"),
    ("BITFIELD", "k", "OVERFLOW", "#"), ("FLUSHALL", "#"), ("SHUTDOWN", "#"),
    ("RESTORE", "k", "0", "x", "#"), ("COPY", "a", "b", "#"), ("GETEX", "k", "#"),
    ("CLIENT", "NO-EVICT", "#"), ("CLIENT", "PAUSE", "1", "#"), ("CLIENT", "UNBLOCK", "1", "#"),
    ("CLIENT", "SETINFO", "#", "x"), ("CLIENT", "LIST", "TYPE", "#"),
]  # fmt: skip


@attack(6, "an error repeats no more than a few words of a request of megabytes", growth_mib=64)
def _(t):
    connection = t.connect()
    equal(connection.call("SET", "k", "v"), "OK")
    for template in ECHOING:
        request = ["z" * MIB if word == "#" else word for word in template]
        reply = connection.call(*request)
        assert isinstance(reply, Error), f"{template}: {str(reply)[:100]}"
        assert t.is_redis or len(reply) < 500, f"{template}: an error of {len(reply)} characters"
    connection.in_step()


# --- class 7: patterns ---------------------------------------------------------------------------


@attack(7, "a pattern and a key of half a megabyte each are matched for a moment, then refused",
        growth_mib=64, redis="Redis matches for hours")
def _(t):
    connection = t.connect()
    many = "a" * (MIB // 2)
    equal(connection.call("SET", many, "v"), "OK")
    connection.pipeline(*[("SET", f"key:{index}", "v") for index in range(2000)])
    for pattern in (f"*{many}b", f"*?{many[1:]}b", f"*[{many}]b", f"*[^{many}", f"{'*a' * 99999}b"):
        equal(connection.call("KEYS", pattern), TOO_DEAR, pattern[:10])
        equal(connection.call("SCAN", 0, "COUNT", TOP, "MATCH", pattern), TOO_DEAR, pattern[:10])
        for request in (("CONFIG", "GET"), ("COMMAND", "LIST", "FILTERBY", "PATTERN")):
            assert connection.call(*request, pattern) in (TOO_DEAR, []), pattern[:10]
    # What people write finds the same keys as ever, beside such a key, too.
    equal(len(connection.call("KEYS", "key:*")), 2000)
    equal(len(connection.call("KEYS", "*:*[0-9]*7*[^x]")), len(
        [index for index in range(2000) if "7" in str(index)[1:-1]]))
    equal(connection.call("KEYS", "*aaaaaaaaaaaaaa?"), [many.encode()])
    equal(connection.call("KEYS", many), [many.encode()])
    equal(connection.call("KEYS", "*" * 1000 + "a"), [many.encode()])


@attack(7, "patterns of half a megabyte do not hold up who publishes, and hear nothing", growth_mib=64,
        redis="Redis matches for hours")
def _(t):
    many, half = "a" * (MIB // 2), "a" * (MIB // 4)
    dear, plain, speaker = t.connect(protocol=3), t.connect(), t.connect()
    for pattern in (f"*{half}b", f"*?{half}b", f"*[{half}]b", f"{'*a' * 99999}b"):
        dear.call("PSUBSCRIBE", pattern)
    for pattern in ("*", "a*", "*a"):
        plain.call("PSUBSCRIBE", pattern)
    plain.call("SUBSCRIBE", many + "a")
    for _ in range(5):
        equal(speaker.call("PUBLISH", many + "a", "x"), 4)
        equal([plain.reply()[0] for _ in range(4)].count(b"pmessage"), 3)
    equal(speaker.call("PUBSUB", "CHANNELS", f"*{half}b"), TOO_DEAR)
    equal(speaker.call("PUBSUB", "CHANNELS", "a*"), [(many + "a").encode()])
    dear.in_step()


@attack(7, "patterns nested a hundred thousand deep, and what is not closed in them")
def _(t):
    connection = t.connect()
    equal(connection.call("SET", "key", "v"), "OK")
    deep = 100_000
    for pattern in ("[" * deep, "[^" * deep, "*[" * deep, "\\" * deep, "[a-" * deep, "?*" * deep):
        equal(connection.call("KEYS", pattern), [], f"KEYS {pattern[:6]}")
        equal(connection.call("SCAN", 0, "MATCH", pattern, "COUNT", 1000)[1], [])
        reply = connection.call("CONFIG", "GET", pattern)
        assert reply in ([], TOO_DEAR), f"CONFIG GET {pattern[:6]}: {reply}"
    assert b"key" in connection.call("KEYS", "*" * deep)
