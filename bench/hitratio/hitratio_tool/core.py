"""Calls larder-hitratio, and starts the servers it plays to.

A Line is one line of the chart: a server under one eviction policy. A server here lives for one run.
"""

import json
import os
import re
import shutil
import subprocess

from compare_tool.servers import Failure, Kind, Server

CALL_TIMEOUT_S = 3600


class Core:
    """larder-hitratio for one trace."""

    def __init__(self, binary, trace, options):
        if not os.access(binary, os.X_OK):
            raise Failure("%s is not there: build larder-hitratio, or give --build" % binary)
        self.binary = binary
        self.trace = trace
        self.options = options  # of every call

    def _ask(self, task, options):
        command = [self.binary, task, "--trace", self.trace, *self.options, *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=CALL_TIMEOUT_S,
                              check=False)
        if done.returncode != 0:
            raise Failure(done.stderr.strip() or "larder-hitratio ended with %d" % done.returncode)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def describe(self):
        return self._ask("describe", [])[0]

    def model(self, policies, capacities, unit, value_bytes=None):
        """Miss ratios as {(policy, capacity): ratio}."""
        options = ["--unit", unit]
        for policy in policies:
            options += ["--policy", policy]
        for capacity in capacities:
            options += ["--capacity", str(capacity)]
        answers = self._ask("model", options + sized(value_bytes))
        return {(answer["policy"], answer["capacity"]): answer["miss_ratio"] for answer in answers}

    def replay(self, port, value_bytes=None, extra=()):
        answer = self._ask("replay", ["--port", str(port), *sized(value_bytes), *extra])[0]
        answer["used_memory"] = used_memory(answer.pop("memory"))
        emptied = answer.pop("emptied")
        answer["emptied_memory"] = used_memory(emptied) if emptied else None
        return answer


def sized(value_bytes):
    return ["--value-bytes", str(value_bytes)] if value_bytes else []


def used_memory(info):
    found = re.search(r"\bused_memory:(\d+)", info)
    if not found:
        raise Failure("the server's INFO does not say used_memory")
    return int(found.group(1))


# redis-server's LRU tells times apart by the second, and looks at its clock `hz` times a second.
REDIS_CLOCK_SPEED = 1000
REDIS_HZ = 500


class Line:
    """`server:policy`, and how to start that server with a limit on its memory."""

    def __init__(self, text, build):
        self.name = text
        self.build = build
        server, colon, self.policy = text.partition(":")
        if not colon or server not in ("larder", "redis"):
            raise Failure("%r is not larder:POLICY or redis:POLICY" % text)
        self.server = server
        if server == "larder":
            self.clock_speed = 1
            self.command = [os.path.join(build, "bin", "larder-server"), "--threads", "1"]
        else:
            self.clock_speed = REDIS_CLOCK_SPEED
            self.command = ["redis-server", "--save", "", "--appendonly", "no", "--dir", "/tmp",
                            "--hz", str(REDIS_HZ)]
        if not shutil.which(self.command[0]):
            raise Failure("%s is not there" % self.command[0])

    def start(self, maxmemory):
        """A running server; use as a context manager. `maxmemory` 0: no limit."""
        limit = []
        if maxmemory:
            limit = ["--maxmemory", str(int(maxmemory)), "--maxmemory-policy", self.policy]
        kind = Kind(self.name, lambda port, *_: [
            *self.environment(), *self.command, "--bind", "127.0.0.1", "--port", str(port), *limit])
        return Server(kind, os.sched_getaffinity(0))

    def environment(self):
        if self.clock_speed == 1:
            return []
        library = os.path.join(self.build, "bin", "liblarder_fast_clock.so")
        if not os.access(library, os.R_OK):
            raise Failure("%s is not there: build larder_fast_clock" % library)
        return ["env", "LD_PRELOAD=" + library, "LARDER_CLOCK_SPEED=%d" % self.clock_speed]

    def replay_options(self):
        return ["--clock-speed", str(self.clock_speed)]
