"""What all hostile checks share: the suite, and a bystander who must be served during each attack."""

import threading
import time

from harness.resp import Connection
from harness.suite import Suite, matches

suite = Suite("hostile", "hostile inputs cost an error and bounded memory, and a bystander is served throughout")

MIB = 1 << 20


class Bystander(threading.Thread):
    """An honest client that works through the whole attack and remembers every wrong answer."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.connection = server.connect()
        self.stopping = threading.Event()
        self.served = 0
        self.problem = None

    def run(self):
        try:
            while not self.stopping.is_set():
                value = str(self.served).encode()
                if self.connection.call("SET", "bystander", value) != "OK":
                    raise AssertionError("SET was refused")
                read = self.connection.call("GET", "bystander")
                if read != value:
                    raise AssertionError(f"GET gave {read!r} instead of {value!r}")
                self.served += 1
                time.sleep(0.001)
        except Exception as problem:  # noqa: BLE001 - reported by the check
            self.problem = problem

    def finish(self):
        """Ends it, after at least one more round trip; raises what went wrong."""
        target = self.served + 2
        while self.served < target and self.problem is None and self.is_alive():
            time.sleep(0.001)
        self.stopping.set()
        self.join(30)
        self.connection.close()
        if self.problem is not None:
            raise AssertionError(f"the bystander, after {self.served} requests: {self.problem}")
        if self.is_alive():
            raise AssertionError("the bystander got no answer")


def attack(hostile_class, title, growth_mib=None, redis=None):
    """Registers a check: runs it beside a bystander; bounds how much resident memory may grow."""

    def register(function):
        @suite.check(f"[{hostile_class}] {title}", redis=redis)
        def _(t):
            bystander = Bystander(t.server)
            bystander.start()
            before = t.server.memory_bytes()
            try:
                function(t)
                if growth_mib is not None:
                    grown = t.server.memory_bytes() - before
                    assert grown <= growth_mib * MIB, f"memory grew by {grown / MIB:.0f} MiB"
            finally:
                if t.server.alive():
                    bystander.finish()
                else:
                    bystander.stopping.set()

        return function

    return register


def refused_and_closed(t, data, pattern):
    """Sends it on a fresh connection, which must be answered so and closed; returns the answer."""
    with Connection(port=t.port) as connection:
        try:
            connection.send(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was sent
        answer = connection.until_closed()
    matches(answer, pattern, f"answer to {data[:60]!r}")
    return answer
