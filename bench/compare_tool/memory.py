"""What keys cost: process memory over key and value bytes, and over maxmemory.

Growth: one server per size of value, with and without deadlines, grows through the numbers of keys;
at each the growth of its resident memory since its start is divided by its keys. Every key is set
once, so nothing is measured but filling. Policies: the same at one number of keys, with a maxmemory
that is never reached, because some policies keep notes about every key.

Mixes: maxmemory is reached and stays reached while the sizes of values change. Memory that the
allocator cannot use again shows as process memory over maxmemory.
"""

from .extras import settle
from .loads import TARGET_SERVER
from .report import Table
from .resp import Client, ErrorReply
from .servers import Failure, Server

KEY_BYTES = 16
TTL_S = 86400  # further away than any run is long
VALUE_SIZES = (8, 64, 512)
TARGET_VALUE_BYTES = 64
TARGET_PLAIN, TARGET_TTL = 16.0, 25.0  # bytes over key and value, at the middle number of keys
ELSEWHERE = 1.1  # as many times that at the other numbers of keys

# Bytes more than without a policy; None: nothing is promised.
POLICIES = {
    "noeviction": 0, "allkeys-random": None, "allkeys-fifo": 3, "allkeys-s3fifo": 3,
    "allkeys-sieve": 3, "auto": 3, "allkeys-lru": 9, "allkeys-lfu": 9,
}
ENDLESS = "1000gb"

MIX_POLICIES = ("allkeys-lru", "auto")
MIXES = {  # title -> sizes of values, one after the other; target for process memory / maxmemory
    "100 B, then 300 B, then 150 B": ((100, 300, 150), 1.5),
    "1 KiB throughout": ((1024, 1024, 1024), 1.3),
}
MIX_TURNOVERS = 3  # times maxmemory written in each phase


class Setting:
    """What all measurements here need to know."""

    def __init__(self, generator, server_core, settled_steps, say):
        self.generator = generator
        self.server_core = server_core
        self.settled_steps = settled_steps  # see extras.settle()
        self.say = say

    def resident_bytes(self, server):
        return settle(server, self.settled_steps)


def measure_growth(kinds, key_counts, setting):
    rows = []
    for value_bytes in VALUE_SIZES:
        for with_ttl in (False, True):
            for kind in kinds:
                setting.say("memory: %s, %d-byte values%s" % (
                    kind.name, value_bytes, " with TTL" if with_ttl else ""))
                with Server(kind, {setting.server_core}) as server:
                    grown = grow(server, key_counts, value_bytes, with_ttl, setting)
                for keys, over in zip(key_counts, grown):
                    rows.append({"server": kind.name, "policy": "", "keys": keys,
                                 "value_bytes": value_bytes, "ttl": with_ttl, "over": over,
                                 "target": growth_target(kind.name, key_counts, keys, value_bytes,
                                                         with_ttl)})
    return rows


def grow(server, key_counts, value_bytes, with_ttl, setting):
    """Bytes over key and value per key, at each number of keys (ascending)."""
    before = setting.resident_bytes(server)
    result, there = [], 0
    for stage, keys in enumerate(key_counts):
        setting.generator.put(server, "m%d:" % stage, keys - there, value_bytes,
                              "EX %d" % TTL_S if with_ttl else "")
        there = keys
        with Client(server) as client:
            found = client.call("DBSIZE")
        if found != keys:
            raise Failure("%s holds %d keys instead of %d" % (server.name, found, keys))
        grown = setting.resident_bytes(server) - before
        result.append(grown / keys - KEY_BYTES - value_bytes)
    return result


def growth_target(server_name, key_counts, keys, value_bytes, with_ttl):
    if server_name != TARGET_SERVER or value_bytes != TARGET_VALUE_BYTES:
        return None
    middle = key_counts[len(key_counts) // 2]
    return (TARGET_TTL if with_ttl else TARGET_PLAIN) * (1.0 if keys == middle else ELSEWHERE)


def measure_policies(kinds, keys, setting):
    rows = []
    for policy, more in POLICIES.items():
        for with_ttl in (False, True):
            for kind in kinds:
                setting.say("memory: %s, %s%s" % (
                    kind.name, policy, " with TTL" if with_ttl else ""))
                over = with_policy(kind, policy, ENDLESS, setting, lambda server: grow(
                    server, [keys], TARGET_VALUE_BYTES, with_ttl, setting)[0])
                target = None
                if more is not None and kind.name == TARGET_SERVER:
                    target = (TARGET_TTL if with_ttl else TARGET_PLAIN) + more
                rows.append({"server": kind.name, "policy": policy, "keys": keys,
                             "value_bytes": TARGET_VALUE_BYTES, "ttl": with_ttl, "over": over,
                             "target": target})
    return rows


def with_policy(kind, policy, maxmemory, setting, measure):
    """What `measure` finds on a server with this policy; None where the server refuses it."""
    with Server(kind, {setting.server_core}) as server:
        try:
            with Client(server) as client:
                client.call("CONFIG", "SET", "maxmemory", maxmemory)
                client.call("CONFIG", "SET", "maxmemory-policy", policy)
        except ErrorReply as refusal:
            setting.say(str(refusal))
            return None
        return measure(server)


def measure_mixes(kinds, maxmemory_bytes, setting):
    rows = []
    for title, (sizes, target) in MIXES.items():
        for policy in MIX_POLICIES:
            for kind in kinds:
                setting.say("memory: %s, %s, values of %s" % (kind.name, policy, title))
                phases = with_policy(kind, policy, maxmemory_bytes, setting, lambda server: mix(
                    server, sizes, maxmemory_bytes, setting))
                rows.append({"server": kind.name, "policy": policy, "mix": title,
                             "maxmemory_bytes": maxmemory_bytes, "sizes": sizes,
                             "phases": phases,
                             "target": target if kind.name == TARGET_SERVER else None})
    return rows


def mix(server, sizes, maxmemory_bytes, setting):
    """Per size of value: (process memory / maxmemory, used_memory / maxmemory), once settled.

    Keys are drawn from about twice as many as fit at the smallest size, so that SETs also replace
    keys that are there, by values of another size. None: the server did not evict."""
    keys = int(2 * maxmemory_bytes / (min(sizes) + KEY_BYTES))
    result = []
    for number, value_bytes in enumerate(sizes):
        requests = int(MIX_TURNOVERS * maxmemory_bytes / (value_bytes + KEY_BYTES))
        setting.generator.churn(server, "mix:", keys, value_bytes, requests, seed=number + 1)
        with Client(server) as client:
            info = client.info()
        if int(info.get("evicted_keys", 0)) == 0:
            return None
        result.append((setting.resident_bytes(server) / maxmemory_bytes,
                       int(info["used_memory"]) / maxmemory_bytes))
    return result


def missed_targets(growth, mixes):
    judged = [row for row in growth if row["target"] is not None]
    missed = sum(not met(row) for row in judged)
    judged_mixes = [row for row in mixes if row["target"] is not None]
    missed += sum(not mix_met(row) for row in judged_mixes)
    return missed, len(judged) + len(judged_mixes)


def met(row):
    return row["over"] is not None and row["over"] <= row["target"]


def mix_met(row):
    return row["phases"] is not None and max(part for part, _ in row["phases"]) <= row["target"]


def growth_table(title, rows):
    columns = ["value", "policy", "keys", "server", "B/key over, plain", "target", "with TTL",
               "target"]
    pairs = {}
    for row in rows:
        place = (row["value_bytes"], row["policy"], row["keys"], row["server"])
        pairs.setdefault(place, {})[row["ttl"]] = row
    lines = [["%d B" % value_bytes, policy, "{:,}".format(keys), name]
             + over_columns(both[False]) + over_columns(both[True])
             for (value_bytes, policy, keys, name), both in pairs.items()]
    if not any(row["policy"] for row in rows):
        columns, lines = columns[:1] + columns[2:], [line[:1] + line[2:] for line in lines]
    return Table(title, columns, lines, [
        "Growth of resident memory since the start, less %d bytes of key and the value." %
        KEY_BYTES])


def over_columns(row):
    over = "refused" if row["over"] is None else "%.1f" % row["over"]
    if row["target"] is None:
        return [over, ""]
    return [over, "%s (at most %.1f)" % ("met" if met(row) else "MISSED", row["target"])]


def mixes_table(rows):
    columns = ["values", "policy", "maxmemory", "server", "process memory / maxmemory",
               "used_memory / maxmemory", "target"]
    lines = []
    for row in rows:
        if row["phases"] is None:
            parts = ["refused, or nothing evicted", ""]
        else:
            parts = [", ".join("%.2f" % phase[i] for phase in row["phases"]) for i in (0, 1)]
        target = "" if row["target"] is None else "%s (at most %.2f)" % (
            "met" if mix_met(row) else "MISSED", row["target"])
        lines.append([row["mix"], row["policy"], "%d MiB" % (row["maxmemory_bytes"] >> 20),
                      row["server"]] + parts + [target])
    return Table("Process memory when sizes change", columns, lines, [
        "After each phase of SETs over random keys, %d times maxmemory each." % MIX_TURNOVERS])
