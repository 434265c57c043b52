"""COMMAND INFO and COMMAND DOCS against redis-server 7.0: what client libraries route, cache and
complete by. What differs on purpose is listed here and nowhere else.
"""

from harness.server import Launch, Server
from harness.suite import Suite, equal

suite = Suite("command-rows", "COMMAND INFO and COMMAND DOCS say of every command what redis-server 7.0 says")

FIELDS = [
    "name",
    "arity",
    "flags",
    "first key",
    "last key",
    "step",
    "categories",
    "tips",
    "key specifications",
    "subcommands",
]
# Or never part of Redis: CL.THROTTLE is the module redis-cell's.
NEWER_THAN_7_0 = {
    *(b"client|setinfo", b"client|no-touch", b"delex", b"delifeq", b"msetex", b"increx"),
    b"cl.throttle",
    *(b"hexpire", b"hpexpire", b"hexpireat", b"hpexpireat", b"httl", b"hpttl", b"hexpiretime", b"hpexpiretime"),
    *(b"hpersist", b"hgetex", b"hsetex", b"hgetdel"),
}
# What later versions say otherwise of a command that 7.0 has: WITHSCORE came with 7.2.
CHANGED_SINCE_7_0 = {(b"zrank", "arity"), (b"zrevrank", "arity")}
# Parts that do not exist here, so neither do the words that drive them.
ABSENT = {
    *(b"latency|doctor", b"latency|graph"),
    b"script|debug",
}


def oracle(t):
    server = Server(Launch("redis-server", True))
    t.defer(server.discard)
    return server.start()


def pairs(reply):
    """A map, whatever the dialect made of it."""
    if isinstance(reply, dict):
        return reply
    return {reply[i]: reply[i + 1] for i in range(0, len(reply), 2)}


def without_notes(specifications):
    """Notes are prose about keys; the rest of a specification is what clients use."""
    return [
        {key: value for key, value in pairs(one).items() if key not in (b"notes", "notes")} for one in specifications
    ]


def comparable(information):
    fields = dict(zip(FIELDS, information))
    fields["key specifications"] = without_notes(fields["key specifications"])
    names = {sub[0] for sub in fields["subcommands"]}
    fields["subcommands"] = sorted(names - NEWER_THAN_7_0 - ABSENT)
    return fields


def names_known_to_both(t, connection, reference):
    names = set(connection.call("COMMAND", "LIST"))
    known = set(reference.call("COMMAND", "LIST"))
    equal(names - known, set() if t.is_redis else NEWER_THAN_7_0, "commands that Redis 7.0 lacks")
    return sorted(names & known)


@suite.check("COMMAND INFO: arity, flags, keys, categories, tips, in both protocols")
def _(t):
    server = oracle(t)
    for protocol in (2, 3):
        ours, reference = t.connect(protocol), server.connect(protocol)
        for name in names_known_to_both(t, ours, reference):
            [got] = ours.call("COMMAND", "INFO", name)
            [want] = reference.call("COMMAND", "INFO", name)
            got, want = comparable(got), comparable(want)
            for field in FIELDS:
                if (name, field) in CHANGED_SINCE_7_0 and not t.is_redis:
                    continue
                equal(got[field], want[field], f"{name.decode()} in RESP{protocol}: {field}")


@suite.check("COMMAND without more lists the same as COMMAND INFO, and COUNT counts them")
def _(t):
    connection = t.connect()
    everything = connection.call("COMMAND")
    equal(len(everything), connection.call("COMMAND", "COUNT"), "COMMAND COUNT")
    for information in everything:
        equal(connection.call("COMMAND", "INFO", information[0]), [information], "COMMAND INFO")


@suite.check("COMMAND DOCS: since, group, deprecations, and arguments where there are some")
def _(t):
    ours, reference = t.connect(), oracle(t).connect()
    for name in names_known_to_both(t, ours, reference):
        got = pairs(ours.call("COMMAND", "DOCS", name)[1])
        want = pairs(reference.call("COMMAND", "DOCS", name)[1])
        for field in (b"since", b"group"):
            equal(got[field], want[field], f"{name.decode()}: {field.decode()}")
        for field in (b"summary", b"complexity"):
            assert got.get(field) or field not in want, f"{name.decode()}: no {field.decode()}"
        equal(b"arguments" in got, b"arguments" in want, f"{name.decode()}: has arguments")
        if b"deprecated_since" in want:
            equal(got[b"deprecated_since"], want[b"deprecated_since"], name.decode())


@suite.check("COMMAND GETKEYS finds the keys that redis-server finds")
def _(t):
    ours, reference = t.connect(), oracle(t).connect()
    for request in [
        ["GET", "a"],
        ["MSET", "a", "1", "b", "2"],
        ["MGET", "a", "b", "c"],
        ["DEL", "a", "a"],
        ["SET", "a", "b", "GET"],
        ["SET", "a", "b", "EX", "10"],
        ["GETEX", "a", "PERSIST"],
        ["RESTORE", "a", "0", "payload"],
        ["RENAME", "a", "b"],
        ["RENAMENX", "a", "b"],
        ["COPY", "a", "b", "DB", "1", "REPLACE"],
        ["MOVE", "a", "1"],
        ["TOUCH", "a", "b", "c"],
        ["OBJECT", "ENCODING", "a"],
        ["CLIENT", "ID"],
        ["CLIENT", "NOSUCH"],
        ["CONFIG", "GET", "x"],
        ["PING", "x"],
        ["NOSUCH", "x"],
        ["GET", "a", "b"],
        ["BITOP", "AND", "d", "a", "b"],
        ["BITFIELD", "a", "GET", "u1", "0"],
        ["BITFIELD", "a", "OVERFLOW", "SAT", "GET", "u1", "0"],
        ["BITFIELD", "a", "GET", "u1", "0", "SET", "u1", "0", "1"],
        ["BITFIELD", "a", "SET", "u1", "0"],
        ["LCS", "a", "b", "LEN"],
        ["EVAL", "return 1", "2", "a", "b", "c"],
        ["EVAL", "return 1", "0"],
        ["EVALSHA_RO", "0" * 40, "1", "a"],
        ["EVAL", "return 1", "5", "a"],
        ["EVAL", "return 1", "x", "a"],
    ]:
        for form in ("GETKEYS", "GETKEYSANDFLAGS"):
            equal(ours.call("COMMAND", form, *request), reference.call("COMMAND", form, *request), str(request))


def plain(text):
    return text.strip(b".").lower()


@suite.check("COMMAND DOCS: summaries and histories are in words of our own", redis="these are its own")
def _(t):
    ours, reference = t.connect(), oracle(t).connect()
    for name in names_known_to_both(t, ours, reference):
        got = pairs(ours.call("COMMAND", "DOCS", name)[1])
        want = pairs(reference.call("COMMAND", "DOCS", name)[1])
        assert plain(got[b"summary"]) != plain(want[b"summary"]), f"{name.decode()}: {got[b'summary']}"
        theirs = {plain(text) for _, text in want.get(b"history", [])}
        for _, text in got.get(b"history", []):
            assert plain(text) not in theirs, f"{name.decode()}: {text}"
