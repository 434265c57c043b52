"""What a light client sees of a server: an open loop whose every request is kept with its times.

The probe is larder-load at a constant rate, reading and writing a few keys of its own. Latency
counts from when a request was due, so requests that a stall kept from being sent count in full.
Times are CLOCK_MONOTONIC, the clock of time.monotonic_ns(), so spans of the script and of the probe
fit together.

Who disturbs the server may have to share the probe's core. It then runs as SCHED_IDLE, which any
waking ordinary task interrupts at once, so it takes only what the probe leaves. Whether that held
is measured: `late` is how much later than due the probe itself sent, and none of it is the
server's doing.
"""

import array
import math
import os
import signal
import subprocess
import tempfile
import threading
import time

from .servers import Failure

KEYS = 10000
PREFIX = "probe:"
CONNECTIONS = 8
PIPELINE = 4096  # so deep that the probe never waits for replies before it sends
LEAST_PART = 0.9  # of the requests due in a span that must have been answered


class Spans:
    """What the probe saw in some spans of time, taken together."""

    def __init__(self, samples, spans):
        self.latencies_ns = []
        self.late_max_ns = 0
        self._longest_ns, self._longest_due = -1, spans[0][0]
        self._begin = spans[0][0]
        self.seconds = sum(end - begin for begin, end in spans) / 1e9
        for due, sent, answered in samples:
            if any(begin <= due < end for begin, end in spans):
                self.latencies_ns.append(answered - due)
                self.late_max_ns = max(self.late_max_ns, sent - due)
                if answered - due > self._longest_ns:
                    self._longest_ns, self._longest_due = answered - due, due
        self.latencies_ns.sort()

    def at(self, percent):
        """The smallest latency in us that so many percent of the requests do not exceed."""
        rank = math.ceil(percent / 100.0 * len(self.latencies_ns) - 1e-9)
        return self.latencies_ns[max(rank, 1) - 1] / 1000.0

    def to_json(self):
        return {"requests": len(self.latencies_ns), "seconds": self.seconds,
                "p50": self.at(50), "p99": self.at(99), "p99.9": self.at(99.9),
                "max": self.at(100), "late_max": self.late_max_ns / 1000.0,
                # When the longest was due, counted from the beginning of the first span.
                "max_at_s": (self._longest_due - self._begin) / 1e9}


class Probe:
    """Runs from entering the context to stop()."""

    def __init__(self, generator, server, rate, longest_s):
        self._rate = rate
        self._directory = tempfile.TemporaryDirectory(prefix="larder-probe-")
        self._file = os.path.join(self._directory.name, "samples")
        self._command = [
            generator.binary, "--port", str(server.port), "--cpu", str(generator.client_core),
            "--connections", str(CONNECTIONS), "--pipeline", str(PIPELINE), "--keys", str(KEYS),
            "--key-prefix", PREFIX, "--load", "mix:1:1", "--rate", str(rate),
            "--seconds", str(longest_s), "--timeout", "60", "--samples", self._file, "--json"]
        self._process = None

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, text=True)
        return self

    def stop(self):
        """Ends the probe; returns a function from spans to what it saw in them."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        _, errors = self._process.communicate()
        if self._process.returncode != 0:
            raise Failure("the probe failed: " + errors.strip())
        numbers = array.array("Q")
        with open(self._file, "rb") as samples:
            numbers.frombytes(samples.read())
        samples = list(zip(numbers[0::3], numbers[1::3], numbers[2::3]))

        def seen(spans):
            found = Spans(samples, spans)
            if len(found.latencies_ns) < LEAST_PART * self._rate * found.seconds:
                raise Failure("the probe sent %d requests in %.1f s instead of %d a second" % (
                    len(found.latencies_ns), found.seconds, self._rate))
            return found
        return seen

    def __exit__(self, *_):
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
        self._directory.cleanup()


def yield_to_probe():
    """Makes the calling thread one that only takes what others leave of a core."""
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except OSError:
        os.nice(19)


def in_background(function):
    """Calls it in a thread that yields to the probe; returns or raises what it does."""
    outcome = {}

    def body():
        yield_to_probe()
        try:
            outcome["value"] = function()
        except BaseException as failure:  # handed on to the caller, whatever it is
            outcome["failure"] = failure

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if "failure" in outcome:
        raise outcome["failure"]
    return outcome["value"]


def pause_until(deadline_ns):
    left_ns = deadline_ns - time.monotonic_ns()
    if left_ns > 0:
        time.sleep(left_ns / 1e9)
