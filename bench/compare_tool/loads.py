"""Loads: what is asked of the servers, and what Larder has to reach.

A Load is one row group of the table (GET 64 B ...); a cell is a load at one pipeline depth. The
generator (larder-load) does the work; here its command line is written and its answer checked.
"""

import json
import subprocess

from .resp import Client
from .servers import Failure


class Load:
    def __init__(self, name, title, verb, value_bytes, prefix, reply_bytes):
        self.name = name
        self.title = title
        self.verb = verb
        self.value_bytes = value_bytes
        self.prefix = prefix
        self.reply_bytes = reply_bytes  # of a floor server: a bulk of so many bytes, 0: +OK
        self.filled_by = verb  # what makes its keys: numbers, if it counts; None: nothing

    @property
    def data_set(self):
        """Loads of one data set run against the same processes."""
        return 1024 if self.value_bytes == 1024 else 64

    def fits(self, kind):
        """Can such a server run it?"""
        return True

    def prepare(self, generator, server):
        """Before each run."""

    def words(self, seconds, warmup):
        """What tells the generator what to do, and for how long."""
        return ["--load", self.verb, "--seconds", str(seconds), "--warmup", str(warmup)]


class CommandLoad(Load):
    """A command of any kind, or several that are one request, on keys that `filled_by` made."""

    def __init__(self, name, title, command, value_bytes, prefix, filled_by="set"):
        super().__init__(name, title, "command", value_bytes, prefix, 0)
        self.command = command
        self.filled_by = filled_by

    def fits(self, kind):
        return kind.protocol == "resp" and not kind.floor

    def words(self, seconds, warmup):
        return ["--command", self.command, "--seconds", str(seconds), "--warmup", str(warmup)]


class ListLoad(CommandLoad):
    """A command about lists of 16-byte elements, each run on lists that were just made.

    There are LISTS of them, of `length` elements each. `whole`: a run is as many requests as there
    are elements, but for some that are left, and not so many seconds.
    """

    LISTS = 1000
    ELEMENT_BYTES = 16
    PUSHED_AT_ONCE = 50
    PART_POPPED = 0.95

    def __init__(self, name, title, command, length, whole=False):
        super().__init__(name, title, command, self.ELEMENT_BYTES, "list:", filled_by=None)
        self.length = length
        self.whole = whole

    @property
    def data_set(self):
        return 0

    def prepare(self, generator, server):
        with Client(server) as client:
            client.call("FLUSHALL")
        if self.length == 0:
            return
        times = self.length // self.PUSHED_AT_ONCE
        run([generator.binary, "--port", str(server.port), "--cpu", str(generator.client_core),
             "--connections", "8", "--pipeline", "8", "--distribution", "sequential",
             "--keys", str(self.LISTS), "--key-prefix", self.prefix,
             "--value-bytes", str(self.ELEMENT_BYTES),
             "--command", "RPUSH {key}" + " {value}" * self.PUSHED_AT_ONCE,
             "--requests", str(self.LISTS * times), "--timeout", "60"])
        with Client(server) as client:
            if client.call("DBSIZE") != self.LISTS:
                raise Failure("%s: not all lists were made" % server.name)

    def words(self, seconds, warmup):
        sequential = ["--distribution", "sequential"]
        if not self.whole:
            return super().words(seconds, warmup) + sequential
        requests = int(self.LISTS * self.length * self.PART_POPPED)
        return ["--command", self.command, "--requests", str(requests)] + sequential


class SortedSetLoad(CommandLoad):
    """A command about one sorted set, each run on one that was just made.

    It has `length` members, "member:000000012345" and the like, with random scores. `whole`: as with
    lists.
    """

    SCORE_BYTES = 12
    PART_POPPED = 0.95

    def __init__(self, name, title, command, length, whole=False):
        # What the generator calls keys are numbers, which scores and members are made of.
        super().__init__(name, title, command, 0, "", filled_by=None)
        self.length = length
        self.whole = whole

    @property
    def LISTS(self):
        return self.length

    @property
    def data_set(self):
        return 0

    def prepare(self, generator, server):
        with Client(server) as client:
            client.call("FLUSHALL")
        run([generator.binary, "--port", str(server.port), "--cpu", str(generator.client_core),
             "--connections", "8", "--pipeline", "16", "--keys", str(self.length),
             "--key-prefix", "", "--key-bytes", str(self.SCORE_BYTES), "--value-bytes", "0",
             "--command", "ZADD scores {key} member:{key}", "--requests", str(2 * self.length),
             "--timeout", "60"])
        with Client(server) as client:
            self.members = client.call("ZCARD", "scores")
        if self.members < self.length // 2:
            raise Failure("%s: the sorted set was not made" % server.name)

    def words(self, seconds, warmup):
        key_bytes = ["--key-bytes", str(self.SCORE_BYTES)]
        if not self.whole:
            return super().words(seconds, warmup) + key_bytes
        requests = int(self.members * self.PART_POPPED)
        return ["--command", self.command, "--requests", str(requests)] + key_bytes


class CollectionLoad(ListLoad):
    """A command about one large collection or many small ones, each run on what was just made.

    In words of commands `{key}` is one of `names`: a key, or an element's name. `filling` is sent
    once for each of them before a run. `whole`: a run takes out most of what was filled in.
    """

    def __init__(self, name, title, command, prefix, names, filling="", whole=False):
        super().__init__(name, title, command, 1, whole)
        self.prefix = prefix
        self.LISTS = names
        self.filling = filling

    def prepare(self, generator, server):
        with Client(server) as client:
            client.call("FLUSHALL")
        if not self.filling:
            return
        run([generator.binary, "--port", str(server.port), "--cpu", str(generator.client_core),
             "--connections", "8", "--pipeline", "8", "--distribution", "sequential",
             "--keys", str(self.LISTS), "--key-prefix", self.prefix,
             "--value-bytes", str(self.ELEMENT_BYTES), "--command", self.filling,
             "--requests", str(self.LISTS), "--timeout", "60"])


FIELDS_OF_TEN = "".join(" field:%d {value}" % field for field in range(10))

# INCR has keys of its own: a 64-byte value is no number.
LOADS = [
    Load("get64", "GET 64 B", "get", 64, "key:", 64),
    Load("set64", "SET 64 B", "set", 64, "key:", 0),
    Load("incr", "INCR", "incr", 64, "cnt:", 0),
    Load("get1k", "GET 1 KiB", "get", 1024, "key:", 1024),
    Load("set1k", "SET 1 KiB", "set", 1024, "key:", 0),
    CommandLoad("multi5", "MULTI of five SETs",
                "MULTI ; " + "SET {key} {value} ; " * 5 + "EXEC", 64, "key:"),
    CommandLoad("eval", "EVAL of an INCR", "EVAL \"return redis.call('INCR', KEYS[1])\" 1 {key}",
                64, "cnt:", filled_by="incr"),
    ListLoad("lpush", "LPUSH 16 B", "LPUSH {key} {value}", 0),
    ListLoad("lpop", "LPOP 16 B", "LPOP {key}", 400, whole=True),
    ListLoad("lrange100", "LRANGE of 100", "LRANGE {key} 0 99", 400),
    ListLoad("lrange600", "LRANGE of 600", "LRANGE {key} 0 599", 600),
    CommandLoad("mset10", "MSET of 10", "MSET" + " {key} {value}" * 10, 64, "key:"),
    CommandLoad("mixed", "eight commands of all kinds",
                "SET {key} {value} ; GET {key} ; INCR n{key} ; LPUSH l{key} {value} ; SADD s{key} a ; "
                "HSET h{key} field {value} ; ZADD z{key} 1 a ; GET {key}", 64, "key:"),
    SortedSetLoad("zadd", "ZADD to 100,000", "ZADD scores {key} member:{key}", 100_000),
    SortedSetLoad("zpopmin", "ZPOPMIN of 400,000", "ZPOPMIN scores", 400_000, whole=True),
    CollectionLoad("sadd", "SADD", "SADD set {key}", "member:", 500_000),
    CollectionLoad("spop", "SPOP", "SPOP set", "member:", 500_000, "SADD set {key}", whole=True),
    CollectionLoad("hset", "HSET 16 B", "HSET hash {key} {value}", "field:", 500_000),
    CollectionLoad("hgetall10", "HGETALL of 10", "HGETALL {key}", "hash:", 1000, "HSET {key}" + FIELDS_OF_TEN),
    ListLoad("xadd", "XADD 16 B", "XADD {key} * field {value}", 0),
]

# Larder against redis: load -> pipeline -> (throughput at least, server CPU per operation at most).
# None: nothing is promised.
TARGETS = {
    "get64": {1: (1.4, 0.68), 16: (2.7, 0.35), 64: (3.8, 0.25)},
    "incr": {1: (1.4, 0.68), 16: (2.7, 0.35), 64: (3.8, 0.25)},
    "set64": {1: (1.5, 0.64), 16: (3.3, 0.28), 64: (5.0, 0.18)},
    "get1k": {1: (1.5, 0.65), 16: (1.9, 0.40), 64: (2.1, 0.33)},
    "set1k": {1: (1.5, 0.65), 16: (3.2, 0.30), 64: (4.5, 0.20)},
    "multi5": {1: (None, 0.8), 16: (None, 0.6)},
    "eval": {1: (None, 0.9), 16: (None, 0.9)},
    "lpush": {1: (None, 0.8), 16: (None, 0.6)},
    "lpop": {1: (None, 0.8), 16: (None, 0.6)},
    "lrange100": {1: (None, 0.8), 16: (None, 0.6)},
    "lrange600": {1: (None, 0.8), 16: (None, 0.6)},
    "mset10": {1: (None, 0.8), 16: (None, 0.6)},
    "mixed": {1: (None, 0.8), 16: (None, 0.6)},
    "zadd": {1: (None, 0.8), 16: (None, 0.6)},
    "zpopmin": {1: (None, 0.8), 16: (None, 0.6)},
    "sadd": {1: (None, 0.8), 16: (None, 0.6)},
    "spop": {1: (None, 0.8), 16: (None, 0.6)},
    "hset": {1: (None, 0.8), 16: (None, 0.6)},
    "hgetall10": {1: (None, 0.8), 16: (None, 0.6)},
    "xadd": {1: (None, 0.8), 16: (None, 0.6)},
}
TARGET_SERVER = "larder"
TARGET_BASELINE = "redis"
IDLE_TARGET_BYTES = 1024


class Generator:
    """Runs larder-load with what all runs of one comparison share."""

    def __init__(self, binary, client_core, connections, keys):
        self.binary = binary
        self.client_core = client_core
        self.connections = connections
        self.keys = keys

    def command(self, server, load, core=None):
        return [self.binary, "--port", str(server.port), "--protocol", server.kind.protocol,
                "--cpu", str(self.client_core if core is None else core),
                "--connections", str(self.connections),
                "--keys", str(getattr(load, "LISTS", self.keys)),
                "--key-prefix", load.prefix, "--value-bytes", str(load.value_bytes)]

    def fill(self, server, load):
        """Sets all keys of the load."""
        # The verb tells the generator whether the values are counters; one request is the least.
        run(self.command(server, load) + ["--fill", "--load", load.filled_by, "--requests", "1"])

    def put(self, server, prefix, keys, value_bytes, options="", setup=()):
        """SETs each of so many keys once, in order, as fast as it goes. `options`: words of the
        command after the value; `setup`: commands sent on every connection first."""
        report = json.loads(run(
            [self.binary, "--port", str(server.port), "--cpu", str(self.client_core),
             "--connections", "8", "--pipeline", "64", "--distribution", "sequential",
             "--keys", str(keys), "--key-prefix", prefix, "--value-bytes", str(value_bytes),
             "--command", ("SET {key} {value} " + options).strip(), "--requests", str(keys),
             "--timeout", "60", "--json"]
            + [word for command in setup for word in ("--setup", command)]))
        if report["requests"] != keys or report["nils"] != 0:
            raise Failure("%s: %d of %d keys were set" % (server.name, report["requests"], keys))

    def churn(self, server, prefix, keys, value_bytes, requests, seed):
        """SETs of random keys, as fast as it goes."""
        run([self.binary, "--port", str(server.port), "--cpu", str(self.client_core),
             "--connections", "8", "--pipeline", "16", "--keys", str(keys),
             "--key-prefix", prefix, "--value-bytes", str(value_bytes), "--load", "set",
             "--requests", str(requests), "--seed", str(seed), "--timeout", "60"])

    def measure(self, server, load, pipeline, seconds, warmup, seed, extra=()):
        """One run; the generator's report as a dictionary."""
        load.prepare(self, server)
        text = run(self.command(server, load) + load.words(seconds, warmup) + [
            "--pipeline", str(pipeline), "--seed", str(seed), "--pid", str(server.pid), "--json",
            *extra])
        return check(server, load, json.loads(text))


def check(server, load, report):
    """A run that did not do what its name says must not become a figure."""
    if report["requests"] == 0:
        raise Failure("%s, %s: no requests were answered" % (server.name, load.title))
    if report["nils"] != 0:
        raise Failure("%s, %s: %d keys were not found" % (server.name, load.title, report["nils"]))
    # OK, five times QUEUED, and an array of five times OK.
    if load.name == "multi5" and report["received_bytes"] < report["requests"] * 79:
        raise Failure("%s, %s: replies are shorter than those of transactions"
                      % (server.name, load.title))
    elements = {"lrange100": 100, "lrange600": 600}.get(load.name, 0)
    if report["received_bytes"] < report["requests"] * elements * ListLoad.ELEMENT_BYTES:
        raise Failure("%s, %s: replies are shorter than the ranges" % (server.name, load.title))
    if load.verb == "get" and report["received_bytes"] < report["requests"] * load.value_bytes:
        raise Failure("%s, %s: replies are shorter than the values" % (server.name, load.title))
    return report


def run(command):
    finished = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if finished.returncode != 0:
        raise Failure("%s\n%s" % (" ".join(command), finished.stderr.strip()))
    return finished.stdout


def target_of(server_name, baseline_name, load_name, pipeline):
    """(throughput at least, CPU at most), or None where nothing is promised."""
    if server_name != TARGET_SERVER or baseline_name != TARGET_BASELINE:
        return None
    return TARGETS.get(load_name, {}).get(pipeline)
