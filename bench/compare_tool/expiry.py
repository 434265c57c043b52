"""How late keys go after their deadline, and whether a server that waits for deadlines sleeps.

Late: as many groups of keys as a server has databases by default, each group in a database of its
own with one deadline for all its keys. DBSIZE, asked for all databases every POLL_S, then says how
many keys of each group are gone, without touching a key (which would expire it). A key is late by
the time from its deadline until it is seen gone, so up to POLL_S is the measurement's: never less
than the truth. Groups are STEP_MS apart, a prime, so that they meet a server's own ticks at
different phases.

Wakes: voluntary context switches of all threads, while nobody asks anything and every key has an
hour to live.
"""

import os
import time

from .loads import TARGET_SERVER
from .report import Table
from .resp import Client
from .servers import Failure, Server

DATABASES = 16
STEP_MS = 239
POLL_S = 0.01
GIVE_UP_S = 60.0
TARGET_P99_MS = 150.0

IDLE_KEYS = 10000
IDLE_SETTLE_S = 2.0
TARGET_WAKES = 0


class Lateness:
    """How many keys were how late, in ms."""

    def __init__(self):
        self._seen = []  # (late by, keys)

    def add(self, late_ms, keys):
        if keys > 0:
            self._seen.append((late_ms, keys))

    def at(self, percent):
        """The smallest lateness that so many percent of the keys do not exceed."""
        wanted = percent / 100.0 * sum(keys for _, keys in self._seen)
        passed = 0
        for late_ms, keys in sorted(self._seen):
            passed += keys
            if passed >= wanted - 1e-9:
                return late_ms
        raise ValueError("nothing was seen")


def measure_late(kind, core, generator, keys):
    """Fills, waits for the deadlines, and returns (p50, p99, longest) in ms."""
    each = max(1, keys // DATABASES)
    ahead_s = 2.0 + keys / 100000.0
    with Server(kind, {core}) as server:
        while True:
            first_ms = int((time.time() + ahead_s) * 1000)
            deadlines = [first_ms + number * STEP_MS for number in range(DATABASES)]
            for number, deadline_ms in enumerate(deadlines):
                generator.put(server, "t:", each, 64, "PXAT %d" % deadline_ms,
                              ["SELECT %d" % number])
            if time.time() + 0.5 < first_ms / 1000.0:
                break
            ahead_s *= 2  # a slow machine: again, with later deadlines
        with Client(server) as client:
            return watch(server, client, each, deadlines)


def watch(server, client, each, deadlines):
    lateness = Lateness()
    left = [each] * len(deadlines)
    give_up_ms = deadlines[-1] + GIVE_UP_S * 1000
    commands = [words for number in range(len(deadlines))
                for words in (("SELECT", number), ("DBSIZE",))]
    while any(left):
        asked_ms = time.time() * 1000
        sizes = client.call_all(commands)[1::2]
        now_ms = time.time() * 1000
        for number, size in enumerate(sizes):
            if size < left[number] and asked_ms > deadlines[number]:
                lateness.add(now_ms - deadlines[number], left[number] - size)
                left[number] = size
            elif size < left[number] and now_ms < deadlines[number]:
                raise Failure("%s: a key went before its deadline" % server.name)
        if now_ms > give_up_ms:
            raise Failure("%s: %d keys are still there %d s after their deadline" % (
                server.name, sum(left), GIVE_UP_S))
        time.sleep(POLL_S)
    return {"p50_ms": lateness.at(50), "p99_ms": lateness.at(99), "max_ms": lateness.at(100)}


def measure_wakes(kind, core, generator, seconds):
    with Server(kind, {core}) as server:
        generator.put(server, "t:", IDLE_KEYS, 64, "EX 3600")
        time.sleep(IDLE_SETTLE_S)
        before = voluntary_switches(server)
        time.sleep(seconds)
        return voluntary_switches(server) - before


def voluntary_switches(server):
    total = 0
    for task in os.listdir("/proc/%d/task" % server.pid):
        with open("/proc/%d/task/%s/status" % (server.pid, task)) as status:
            for line in status:
                if line.startswith("voluntary_ctxt_switches:"):
                    total += int(line.split()[1])
    return total


def measure(kinds, core, generator, keys, idle_s, say):
    rows = []
    for kind in kinds:
        say("expiry of %d keys: %s" % (keys, kind.name))
        row = {"server": kind.name, "keys": keys, "idle_s": idle_s,
               "judged": kind.name == TARGET_SERVER}
        row.update(measure_late(kind, core, generator, keys))
        say("idle with deadlines: " + kind.name)
        row["wakes"] = measure_wakes(kind, core, generator, idle_s)
        rows.append(row)
    return rows


def missed_targets(rows):
    judged = [row for row in rows if row["judged"]]
    missed = sum((row["p99_ms"] > TARGET_P99_MS) + (row["wakes"] > TARGET_WAKES)
                 for row in judged)
    return missed, 2 * len(judged)


def table(rows):
    lines = [[row["server"], "{:,}".format(row["keys"]), "%.0f" % row["p50_ms"],
              "%.0f" % row["p99_ms"], "%.0f" % row["max_ms"],
              "%d in %g s" % (row["wakes"], row["idle_s"]),
              verdict(row) if row["judged"] else ""] for row in rows]
    return Table("Expiry", ["server", "keys", "late p50 ms", "p99 ms", "max ms", "idle wakes",
                            "targets"], lines, [
        "From a key's deadline until DBSIZE is seen without it, asked every %d ms." % (
            POLL_S * 1000)])


def verdict(row):
    return "late %s (at most %d ms), wakes %s (at most %d)" % (
        "met" if row["p99_ms"] <= TARGET_P99_MS else "MISSED", TARGET_P99_MS,
        "met" if row["wakes"] <= TARGET_WAKES else "MISSED", TARGET_WAKES)
