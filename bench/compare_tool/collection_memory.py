"""What elements of collections cost: process memory by type and size of the collection.

Each time one fresh server is filled twice with about as many elements, in keys of so many each:
resident memory it has grown by the second time, over the number of elements. The first time pays
for what is there once, however much follows: receive buffers that were never touched, the first
memory of each shard. Keys and what surrounds a collection are in it, so a small collection's
elements carry more.
"""

from .extras import settle
from .loads import TARGET_BASELINE, TARGET_SERVER
from .report import Table
from .resp import Client
from .servers import Failure, Server

SIZES = (8, 100, 1000, None)  # elements in a key; None: all in one
AT_ONCE = 100  # elements in a command
COMMANDS_AT_ONCE = 200
MOST_OVER_BASELINE = 1.0


def texts(word):
    return lambda number: (b"%s:%07d" % (word, number),)


class Type:
    def __init__(self, title, command, element, entries=False):
        self.title = title
        self.command = command
        self.element = element  # its words, from a number
        self.entries = entries  # a command adds one

    def commands(self, key, first, count):
        step = 1 if self.entries else AT_ONCE
        for begin in range(first, first + count, step):
            words = [self.command, key] + (["*"] if self.entries else [])
            for number in range(begin, min(begin + step, first + count)):
                words.extend(self.element(number))
            yield words


TYPES = [
    Type("list, 15 B", "RPUSH", texts(b"element")),
    Type("set of integers", "SADD", lambda number: (b"%d" % (10000000 + 7 * number),)),
    Type("set, 14 B", "SADD", texts(b"member")),
    Type("hash, 13 B and 16 B", "HSET", lambda number: (b"field:%07d" % number, b"%016x" % (number * 2654435761))),
    Type("sorted set, 14 B", "ZADD",
         lambda number: (b"%d" % (number * 2654435761 % 1000003), b"member:%07d" % number)),
    Type("stream, 5 B and 16 B", "XADD", lambda number: (b"field", b"%016x" % (number * 2654435761)),
         entries=True),
]


def measure(kinds, elements, settled_steps, core, say):
    rows = []
    for one in TYPES:
        for size in SIZES:
            in_key = min(size or elements, elements)
            for kind in kinds:
                say("memory: %s, %s, %d in a key" % (kind.name, one.title, in_key))
                with Server(kind, {core}) as server:
                    fill(server, one, elements, in_key, "a")
                    before = settle(server, settled_steps)
                    count = fill(server, one, elements, in_key, "b")
                    grown = settle(server, settled_steps) - before
                rows.append({"server": kind.name, "type": one.title, "in_key": in_key,
                             "elements": count, "bytes": grown / count})
    return rows


def fill(server, one, elements, in_key, prefix):
    """Returns how many elements there are more than before."""
    keys = max(elements // in_key, 1)
    with Client(server) as client:
        there = client.call("DBSIZE")
        batch = []
        for number in range(keys):
            for words in one.commands("%s:%07d" % (prefix, number), number * in_key, in_key):
                batch.append(words)
                if len(batch) == COMMANDS_AT_ONCE:
                    client.call_all(batch)
                    batch = []
        client.call_all(batch)
        found = client.call("DBSIZE") - there
        if found != keys:
            raise Failure("%s holds %d keys more instead of %d" % (server.name, found, keys))
    return keys * in_key


def places(rows):
    """(type, elements in a key) -> server -> bytes of an element."""
    found = {}
    for row in rows:
        found.setdefault((row["type"], row["in_key"]), {})[row["server"]] = row["bytes"]
    return found


def ratio(by_server):
    """Of Larder's memory to the baseline's; None where one of them is missing."""
    if TARGET_SERVER not in by_server or TARGET_BASELINE not in by_server:
        return None
    return by_server[TARGET_SERVER] / by_server[TARGET_BASELINE]


def missed_targets(rows):
    ratios = [ratio(by_server) for by_server in places(rows).values()]
    judged = [one for one in ratios if one is not None]
    return sum(one > MOST_OVER_BASELINE for one in judged), len(judged)


def table(rows):
    names = list(dict.fromkeys(row["server"] for row in rows))
    lines = []
    for (title, in_key), by_server in places(rows).items():
        found = ratio(by_server)
        verdict = ["", ""] if found is None else [
            "%.2f" % found, "met" if found <= MOST_OVER_BASELINE else "MISSED"]
        lines.append([title, "{:,}".format(in_key)] +
                     ["%.1f" % by_server[name] for name in names] + verdict)
    return Table("Memory of collections", ["elements", "in a key"] + [
        name + ", B/element" for name in names] + [
            "%s / %s" % (TARGET_SERVER, TARGET_BASELINE), "target"], lines, [
                "Growth of resident memory by the second of two equal fills, over the number of "
                "its elements; their text is in it, and keys of 9 bytes."])
