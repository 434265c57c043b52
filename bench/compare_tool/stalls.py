"""Does anything the server does for one client keep the others waiting?

A light probe (probe.py) runs throughout: quiet, while a disturbance happens, and quiet again, each
time on a fresh server. A disturbance says when it began and when it was over; only requests due
within that span count as disturbed. Quiet is a while before and a while after. Since the longest
of many is longer than the longest of few, the quiet time lasts as long as the disturbance or longer.

The server has one core, with all its threads: redis-server's FLUSHALL ASYNC frees in a thread of its
own, which competes with the one that serves. Probe and disturber share another core when there are
only two: see probe.py.
"""

import json
import os
import subprocess
import time

from . import probe
from .loads import TARGET_SERVER
from .pairs import median
from .report import Table
from .resp import Client, encode
from .servers import Failure, Server

WARM_S = 1.0
CALM_S = 0.5  # between a disturbance's end and the quiet time after it
TARGET_RATIO = 2.0  # of the p99.9
TARGET_STALL_MS = 5.0  # beyond the longest of the quiet time

FILL_BURST = 32
FILL_CONNECTIONS = 8
FILL_PIPELINE = 128
OVERWRITE_S = 10.0

EXPIRY_GROUPS = 50  # keys of a group have the same deadline
EXPIRY_WITHIN_MS = 1000
EXPIRY_GIVE_UP_S = 120.0

CHUNK_BYTES = 64 << 10
CHUNKS_PER_SECOND = 3200  # 200 MiB/s
PACE_S = 0.25  # between the changes of large values
LINGER_S = 1.0  # how long after its last command a disturbance at least counts

RESIDENT_STEP_S = 0.05
RESIDENT_SAME_STEPS = 20  # so many without change: all is freed
RESIDENT_AT_MOST_S = 30.0


class Setting:
    """What all disturbances need to know."""

    def __init__(self, generator, server_core, disturber_core, sizes, say):
        self.generator = generator
        self.server_core = server_core
        self.disturber_core = disturber_core
        self.sizes = sizes
        self.say = say


class Sizes:
    """How much of everything; scaled down for small machines and for the smallest test."""

    def __init__(self, keys=10000000, expiring=1000000, value_bytes=100000000, fill_rate=200000,
                 probe_rate=10000, quiet_s=5.0, elements=1000000):
        self.keys = keys
        self.expiring = expiring
        self.value_bytes = value_bytes
        self.fill_rate = fill_rate
        self.probe_rate = probe_rate
        self.quiet_s = quiet_s
        self.elements = elements


class Disturbance:
    """`prepare` brings the server to where the quiet time can begin. `disturb` runs in a thread
    that yields to the probe and returns the span, in ns of CLOCK_MONOTONIC."""

    judged = True

    def __init__(self, setting):
        self.steps = []  # (since when, title): parts of the disturbance, if it has any
        self.setting = setting
        self.sizes = setting.sizes
        self.generator = setting.generator

    def begin_step(self, title):
        self.steps.append((time.monotonic_ns(), title))

    def prepare(self, server):
        pass

    def disturb(self, server):
        raise NotImplementedError

    def longest_s(self):
        """No shorter than disturb() takes, its waiting included."""
        raise NotImplementedError


class PacedSets(Disturbance):
    """SETs at a limited rate, each key in its turn."""

    def run_sets(self, server, keys, requests):
        command = [self.generator.binary, "--port", str(server.port),
                   "--cpu", str(self.setting.disturber_core), "--load", "set",
                   "--distribution", "sequential", "--keys", str(keys), "--key-prefix", "key:",
                   "--value-bytes", "64", "--requests", str(requests),
                   "--connections", str(FILL_CONNECTIONS), "--pipeline", str(FILL_PIPELINE),
                   "--rate", str(self.sizes.fill_rate), "--burst", str(FILL_BURST),
                   "--timeout", "60", "--json"]
        begin = time.monotonic_ns()
        # A child has its parent thread's policy: it yields to the probe too.
        finished = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True)
        if finished.returncode != 0:
            raise Failure("%s: filling: %s" % (server.name, finished.stderr.strip()))
        reached = json.loads(finished.stdout)["requests_per_second"]
        if reached < 0.9 * self.sizes.fill_rate:
            self.setting.say("%s took %.0f SETs a second instead of %d" % (
                server.name, reached, self.sizes.fill_rate))
        return begin, time.monotonic_ns()

    def longest_s(self):
        return 10.0 + 4.0 * max(self.sizes.keys / self.sizes.fill_rate, OVERWRITE_S)


class Overwrites(PacedSets):
    """What the same stream of SETs costs when nothing grows: read `grow` against it."""

    name = "overwrite"
    title = "for comparison: the same SETs, nothing grows"
    judged = False

    def prepare(self, server):
        self._keys = min(self.sizes.keys, 1000000)
        self.generator.put(server, "key:", self._keys, 64)

    def disturb(self, server):
        requests = int(self.sizes.fill_rate * min(OVERWRITE_S, 2 * self.sizes.quiet_s))
        return self.run_sets(server, self._keys, requests)


class Growth(PacedSets):
    name = "grow"
    title = "table grows to %(keys)s keys"

    def disturb(self, server):
        span = self.run_sets(server, self.sizes.keys, self.sizes.keys)
        expect_keys(server, self.sizes.keys)
        return span


class Expiry(Disturbance):
    name = "expire"
    title = "%(expiring)s keys expire within 1 s"

    def prepare(self, server):
        each = self.sizes.expiring // EXPIRY_GROUPS
        ahead_s = 1.0 + self.sizes.expiring / 250000.0
        needed_s = WARM_S + self.sizes.quiet_s + 1.0
        while True:
            self._first_ms = int((time.time() + ahead_s + needed_s) * 1000)
            for group in range(EXPIRY_GROUPS):
                deadline_ms = self._first_ms + group * EXPIRY_WITHIN_MS // EXPIRY_GROUPS
                self.generator.put(server, "e%02d:" % group, each, 64,
                                   "PXAT %d" % deadline_ms)
            if time.time() + needed_s < self._first_ms / 1000.0:
                break
            ahead_s *= 2  # a slow machine: again, with later deadlines
        expect_keys(server, each * EXPIRY_GROUPS)

    def disturb(self, server):
        with Client(server) as client:
            time.sleep(max(0.0, self._first_ms / 1000.0 - time.time()))
            begin = time.monotonic_ns()
            time.sleep(EXPIRY_WITHIN_MS / 1000.0)
            while client.call("DBSIZE") > probe.KEYS:
                time.sleep(RESIDENT_STEP_S)
                if time.monotonic_ns() - begin > EXPIRY_GIVE_UP_S * 1e9:
                    raise Failure("%s: keys are still there %d s after their deadline" % (
                        server.name, EXPIRY_GIVE_UP_S))
            return begin, time.monotonic_ns()

    def longest_s(self):
        return EXPIRY_GIVE_UP_S + 30.0 + self.sizes.expiring / 50000.0


class LargeValues(Disturbance):
    """Three each are deleted, overwritten by a short value, and by one as large."""

    name = "large"
    title = "values of %(value_mb)s MB are deleted and overwritten"
    COUNT = 9

    def prepare(self, server):
        self._chunk = os.urandom(CHUNK_BYTES)
        with Client(server) as client:
            for number in range(self.COUNT):
                self.send_large(client, "large:%d" % number, 0)

    def send_large(self, client, key, chunks_per_second):
        """SET key, sent in pieces; 0: as fast as it goes."""
        client.socket.sendall(b"*3\r\n" + encode("SET", key)[4:] +
                              b"$%d\r\n" % self.sizes.value_bytes)
        left, due_ns = self.sizes.value_bytes, time.monotonic_ns()
        while left > 0:
            client.socket.sendall(self._chunk[:left])
            left -= min(left, CHUNK_BYTES)
            if chunks_per_second:
                due_ns += 1000000000 // chunks_per_second
                probe.pause_until(due_ns)
        client.socket.sendall(b"\r\n")
        client.read()

    def disturb(self, server):
        with Client(server) as client:
            begin = time.monotonic_ns()
            for number in range(self.COUNT):
                key = "large:%d" % number
                if number % 3 == 0:
                    self.begin_step("deleted")
                    client.call("DEL", key)
                elif number % 3 == 1:
                    self.begin_step("by a short one")
                    client.call("SET", key, "short")
                else:
                    self.begin_step("by a large one")
                    self.send_large(client, key, CHUNKS_PER_SECOND)
                time.sleep(PACE_S)
            time.sleep(LINGER_S)
            expect_keys(server, self.COUNT - self.COUNT // 3)
            return begin, time.monotonic_ns()

    def longest_s(self):
        return 30.0 + self.COUNT * (1.0 + self.sizes.value_bytes / 2e7)


class Flush(Disturbance):
    name = "flush"
    title = "FLUSHALL ASYNC of %(keys)s keys"

    def prepare(self, server):
        self.generator.put(server, "key:", self.sizes.keys, 64)
        expect_keys(server, self.sizes.keys)

    def disturb(self, server):
        with Client(server) as client:
            begin = time.monotonic_ns()
            client.call("FLUSHALL", "ASYNC")
            freed = wait_until_freed(server)
            probe.pause_until(begin + int(LINGER_S * 1e9))
            if client.call("DBSIZE") > probe.KEYS:
                raise Failure("%s: FLUSHALL left keys behind" % server.name)
            return begin, max(freed, begin + int(LINGER_S * 1e9))

    def longest_s(self):
        return 30.0 + RESIDENT_AT_MOST_S


class WholeCollections(Disturbance):
    """All of a collection is asked for, of each type in turn."""

    name = "ranges"
    title = "collections of %(elements)s elements are read as a whole"
    judged = False
    READS = [("LRANGE", "list", 0, -1), ("SMEMBERS", "set"), ("HGETALL", "hash"),
             ("ZRANGE", "scores", 0, -1)]
    AT_ONCE = 500

    def prepare(self, server):
        with Client(server) as client:
            for first in range(0, self.sizes.elements, self.AT_ONCE):
                numbers = range(first, min(first + self.AT_ONCE, self.sizes.elements))
                names = ["element:%07d" % number for number in numbers]
                client.call_all([
                    ["RPUSH", "list"] + names, ["SADD", "set"] + names,
                    ["HSET", "hash"] + [word for name in names for word in (name, "value")],
                    ["ZADD", "scores"] + [word for number, name in zip(numbers, names)
                                          for word in (number, name)]])
        expect_keys(server, len(self.READS))

    def disturb(self, server):
        with Client(server) as client:
            begin = time.monotonic_ns()
            for words in self.READS:
                self.begin_step(words[0])
                texts = self.sizes.elements * (2 if words[0] == "HGETALL" else 1)
                if read_texts(client, words) != texts:
                    raise Failure("%s: %s answered too little" % (server.name, words[0]))
                time.sleep(PACE_S)
            return begin, time.monotonic_ns()

    def longest_s(self):
        return 20.0 + self.sizes.elements / 2e4


class AllKeys(Disturbance):
    """KEYS that finds nothing, and KEYS that finds all."""

    name = "keys"
    title = "KEYS of %(keys)s keys"
    judged = False

    def prepare(self, server):
        self.generator.put(server, "key:", self.sizes.keys, 64)
        expect_keys(server, self.sizes.keys)

    def disturb(self, server):
        with Client(server) as client:
            begin = time.monotonic_ns()
            for pattern, least in (("none:*", 0), ("*", self.sizes.keys)):
                self.begin_step("KEYS " + pattern)
                if read_texts(client, ["KEYS", pattern]) < least:
                    raise Failure("%s: KEYS left some out" % server.name)
                time.sleep(LINGER_S)
            return begin, time.monotonic_ns()

    def longest_s(self):
        return 60.0 + self.sizes.keys / 1e5


DISTURBANCES = [Overwrites, Growth, Expiry, LargeValues, Flush, WholeCollections, AllKeys]


def read_texts(client, words):
    """Asks for an array of texts, none with a line break, and drops them; returns how many."""
    client.socket.sendall(encode(*words))
    count, left, ends_in = 0, None, b""
    data = b""
    while left is None or left > 0:
        piece = client.socket.recv(1 << 20)
        if not piece:
            raise Failure("the server closed a connection")
        if left is None:
            data += piece
            if b"\r\n" not in data:
                continue
            head, piece = data.split(b"\r\n", 1)
            count = int(head[1:])
            left = 2 * count  # lines: lengths and texts
        # A line break may come in two pieces.
        left -= (ends_in + piece).count(b"\r\n")
        ends_in = b"\r" if piece.endswith(b"\r") else b""
    return count


def expect_keys(server, count):
    """So many, besides the probe's."""
    with Client(server) as client:
        there = client.call("DBSIZE")
    if there != count + probe.KEYS:
        raise Failure("%s holds %d keys instead of %d" % (server.name, there, count + probe.KEYS))


def wait_until_freed(server):
    """Waits until the process memory stays the same; returns since when it does."""
    last, same, changed = server.resident_bytes(), 0, time.monotonic_ns()
    deadline = changed + int(RESIDENT_AT_MOST_S * 1e9)
    while same < RESIDENT_SAME_STEPS and time.monotonic_ns() < deadline:
        time.sleep(RESIDENT_STEP_S)
        now = server.resident_bytes()
        same += 1
        if now != last:
            last, same, changed = now, 0, time.monotonic_ns()
    return changed


def measure_round(kind, disturbance, setting):
    """One disturbance of one fresh server: what the probe saw quiet and disturbed."""
    sizes = setting.sizes
    with Server(kind, {setting.server_core}) as server:
        setting.generator.put(server, probe.PREFIX, probe.KEYS, 64)
        disturbance.prepare(server)
        longest_s = 2 * (disturbance.longest_s() + sizes.quiet_s) + WARM_S + CALM_S + 5.0
        with probe.Probe(setting.generator, server, sizes.probe_rate, longest_s) as running:
            time.sleep(WARM_S)
            quiet = [quiet_span(sizes.quiet_s)]
            disturbed = probe.in_background(lambda: disturbance.disturb(server))
            time.sleep(CALM_S)
            disturbed_s = (disturbed[1] - disturbed[0]) / 1e9
            quiet.append(quiet_span(max(sizes.quiet_s, disturbed_s - sizes.quiet_s)))
            seen = running.stop()
            result = {"quiet": seen(quiet).to_json(), "disturbed": seen([disturbed]).to_json()}
            ends = [at for at, _ in disturbance.steps[1:]] + [disturbed[1]]
            spans = {}
            for (at, title), end in zip(disturbance.steps, ends):
                spans.setdefault(title, []).append((at, end))
            result["steps"] = {title: seen(parts).to_json() for title, parts in spans.items()}
            return result


def quiet_span(seconds):
    begin = time.monotonic_ns()
    time.sleep(seconds)
    return begin, time.monotonic_ns()


def measure(kinds, wanted, rounds, setting):
    """One row per disturbance and server; servers take turns."""
    rows = []
    for chosen in wanted:
        found = {kind.name: [] for kind in kinds}
        for turn in range(rounds):
            for kind in kinds if turn % 2 == 0 else kinds[::-1]:
                setting.say("%s: %s, round %d" % (chosen.name, kind.name, turn + 1))
                found[kind.name].append(measure_round(kind, chosen(setting), setting))
        for kind in kinds:
            rows.append({"disturbance": chosen.name, "title": title_of(chosen, setting.sizes),
                         "judged": chosen.judged and kind.name == TARGET_SERVER,
                         "server": kind.name, "rounds": found[kind.name]})
    return rows


def title_of(disturbance, sizes):
    return disturbance.title % {
        "keys": "{:,}".format(sizes.keys), "elements": "{:,}".format(sizes.elements), "expiring": "{:,}".format(sizes.expiring),
        "value_mb": "%g" % (sizes.value_bytes / 1e6)}


def figures(row):
    """Medians over the rounds of a row; of the stall beyond quiet also the worst."""
    result = {}
    for state in ("quiet", "disturbed"):
        for name in ("p99", "p99.9", "max", "late_max", "seconds"):
            result[state, name] = median([one[state][name] for one in row["rounds"]])
    result["ratio"] = median([one["disturbed"]["p99.9"] / one["quiet"]["p99.9"]
                              for one in row["rounds"]])
    beyond_ms = [(one["disturbed"]["max"] - one["quiet"]["max"]) / 1000.0
                 for one in row["rounds"]]
    result["beyond_ms"], result["beyond_worst_ms"] = median(beyond_ms), max(beyond_ms)
    return result


def missed_targets(rows):
    judged = [figures(row) for row in rows if row["judged"]]
    missed = sum((found["ratio"] > TARGET_RATIO) + (found["beyond_ms"] > TARGET_STALL_MS)
                 for found in judged)
    return missed, 2 * len(judged)


def table(rows):
    columns = ["disturbance", "server", "quiet p99 us", "p99.9 us", "max us",
               "disturbed p99 us", "p99.9 us", "max us", "for s", "x p99.9",
               "stall beyond quiet, ms", "probe late, max us", "targets"]
    lines = []
    for row in rows:
        found = figures(row)
        lines.append([row["title"], row["server"]] + [
            "%.0f" % found[state, name] for state in ("quiet", "disturbed")
            for name in ("p99", "p99.9", "max")] + [
                "%.1f" % found["disturbed", "seconds"], "%.2f" % found["ratio"],
                "%.1f (worst %.1f)" % (found["beyond_ms"], found["beyond_worst_ms"]),
                "%.0f / %.0f" % (found["quiet", "late_max"], found["disturbed", "late_max"]),
                verdict(found) if row["judged"] else ""])
    return Table("Stalls", columns, lines, [
        "A light probe on each server, quiet and while something happens; medians of the rounds. "
        "Late is the probe itself, quiet / disturbed."] + step_notes(rows))


def step_notes(rows):
    """Where a disturbance has parts: the longest of each, the median over the rounds."""
    notes = []
    for row in rows:
        titles = list(row["rounds"][0]["steps"])
        if titles:
            notes.append("%s, %s: longest in ms %s." % (row["title"], row["server"], ", ".join(
                "%s %.1f" % (title, median([one["steps"][title]["max"] for one in row["rounds"]])
                             / 1000.0) for title in titles)))
    return notes


def verdict(found):
    return "p99.9 %s, stall %s" % (
        "met" if found["ratio"] <= TARGET_RATIO else "MISSED",
        "met" if found["beyond_ms"] <= TARGET_STALL_MS else "MISSED")
