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


class ListLoad(Load):
    """A command about lists of 16-byte elements, each run on lists that were just made.

    There are LISTS of them, of `length` elements each. `whole`: a run is as many requests as there
    are elements, but for some that are left, and not so many seconds.
    """

    LISTS = 1000
    ELEMENT_BYTES = 16
    PUSHED_AT_ONCE = 50
    PART_POPPED = 0.95

    def __init__(self, name, title, command, length, whole=False):
        super().__init__(name, title, "command", self.ELEMENT_BYTES, "list:", 0)
        self.command = command
        self.length = length
        self.whole = whole

    @property
    def data_set(self):
        return 0

    def fits(self, kind):
        return kind.protocol == "resp" and not kind.floor

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
        words = ["--command", self.command, "--distribution", "sequential"]
        if not self.whole:
            return words + ["--seconds", str(seconds), "--warmup", str(warmup)]
        return words + ["--requests", str(int(self.LISTS * self.length * self.PART_POPPED))]


# INCR has keys of its own: a 64-byte value is no number.
LOADS = [
    Load("get64", "GET 64 B", "get", 64, "key:", 64),
    Load("set64", "SET 64 B", "set", 64, "key:", 0),
    Load("incr", "INCR", "incr", 64, "cnt:", 0),
    Load("get1k", "GET 1 KiB", "get", 1024, "key:", 1024),
    Load("set1k", "SET 1 KiB", "set", 1024, "key:", 0),
    ListLoad("lpush", "LPUSH 16 B", "LPUSH {key} {value}", 0),
    ListLoad("lpop", "LPOP 16 B", "LPOP {key}", 400, whole=True),
    ListLoad("lrange100", "LRANGE of 100", "LRANGE {key} 0 99", 400),
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
    "lpush": {1: (None, 0.8), 16: (None, 0.6)},
    "lpop": {1: (None, 0.8), 16: (None, 0.6)},
    "lrange100": {1: (None, 0.8), 16: (None, 0.6)},
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
        """Sets all keys of the load. A floor server has none."""
        if server.kind.floor or isinstance(load, ListLoad):
            return
        # The verb tells the generator whether the values are counters; one request is the least.
        run(self.command(server, load) + ["--fill", "--load", load.verb, "--requests", "1"])

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
    if load.name == "lrange100" and report["received_bytes"] < report["requests"] * 1600:
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
