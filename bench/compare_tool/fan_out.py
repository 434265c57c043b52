"""What a message costs its server for each subscriber who hears it.

One publisher, and so many subscribers of one channel. A round is one pipeline of PUBLISH, and is over
when the publisher has its replies and every subscriber has every message, counted by bytes; rounds
follow one another without a pause for a while. The servers take turns, whiles are compared in pairs.

CPU only: the subscribers here are slower than any server, so throughput would be theirs. A server is
never ahead of them by more than one pipeline, so all servers find the same situation.
"""

import select
import time

from .loads import TARGET_BASELINE, TARGET_SERVER
from .pairs import Ratio, median
from .report import Table
from .resp import encode
from .servers import Failure, Server

CHANNEL = "room"
PAYLOAD = b"x" * 64
HEARD_BYTES = len(encode("message", CHANNEL, PAYLOAD))
CONFIRMED_BYTES = len(encode("subscribe", CHANNEL, "")) - len(b"$0\r\n\r\n") + len(b":1\r\n")
SILENCE_S = 20.0
RECEIVE_BYTES = 64 << 10
TARGETS = {1: 0.8, 16: 0.6}  # pipeline -> CPU, of the baseline's


class Audience:
    """The subscribers' connections, and how much each has heard."""

    def __init__(self, server, subscribers):
        self._server = server
        self._heard = {}
        self._sockets = {}
        self._poll = select.epoll()
        for _ in range(subscribers):
            client = server.connect()
            client.setblocking(False)
            client.sendall(encode("SUBSCRIBE", CHANNEL))
            self._sockets[client.fileno()] = client
            self._poll.register(client.fileno(), select.EPOLLIN)
        self.wait_for(CONFIRMED_BYTES)

    def wait_for(self, size):
        """Until each has heard exactly so many bytes since the last time."""
        self._heard = dict.fromkeys(self._sockets, 0)
        missing = len(self._sockets)
        while missing > 0:
            ready = self._poll.poll(SILENCE_S)
            if not ready:
                raise Failure("%s: %d subscribers wait in vain" % (self._server.name, missing))
            for handle, _ in ready:
                got = len(self._sockets[handle].recv(RECEIVE_BYTES))
                self._heard[handle] += got
                if got == 0 or self._heard[handle] > size:
                    raise Failure("%s: a subscriber heard %d bytes instead of %d" % (
                        self._server.name, self._heard[handle], size))
                missing -= self._heard[handle] == size

    def close(self):
        self._poll.close()
        for client in self._sockets.values():
            client.close()


class Stage:
    """One server with its audience and its publisher. Use as a context manager."""

    def __init__(self, kind, core, subscribers):
        self.server = Server(kind, {core})
        self._subscribers = subscribers
        self._audience = Audience(self.server, subscribers)
        self._publisher = self.server.connect()
        self._publisher.settimeout(SILENCE_S)

    def run(self, pipeline, seconds):
        """CPU of the server in us for each message that one subscriber heard."""
        said = encode("PUBLISH", CHANNEL, PAYLOAD) * pipeline
        replies = (b":%d\r\n" % self._subscribers) * pipeline
        rounds = 0
        before_ns = self.server.cpu_ns()
        end = time.monotonic() + seconds
        while rounds == 0 or time.monotonic() < end:
            self._publisher.sendall(said)
            self._audience.wait_for(HEARD_BYTES * pipeline)
            answer = b""
            while len(answer) < len(replies):
                part = self._publisher.recv(RECEIVE_BYTES)
                if not part:
                    raise Failure("%s closed the publisher" % self.server.name)
                answer += part
            if answer != replies:
                raise Failure("%s answered PUBLISH with %r" % (self.server.name, answer[:80]))
            rounds += 1
        spent_ns = self.server.cpu_ns() - before_ns
        return spent_ns / 1000.0 / (rounds * pipeline * self._subscribers)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._audience.close()
        self._publisher.close()
        self.server.stop()


def measure(kinds, core, subscribers, pipelines, rounds, seconds, say):
    """Rows, one for each pipeline and server."""
    rows = []
    stages = []
    try:
        for kind in kinds:
            say("%d subscribers of %s" % (subscribers, kind.name))
            stages.append(Stage(kind, core, subscribers))
        for pipeline in pipelines:
            say("fan-out at pipeline %d" % pipeline)
            costs = [[] for _ in stages]
            for number in range(rounds):
                for at in sorted(range(len(stages)), reverse=number % 2 == 1):
                    stages[at].run(pipeline, seconds / 4)
                    costs[at].append(stages[at].run(pipeline, seconds))
            rows += [{"server": stage.server.name, "subscribers": subscribers,
                      "pipeline": pipeline, "cpu_us": cost}
                     for stage, cost in zip(stages, costs)]
    finally:
        for stage in stages:
            stage.__exit__()
    return rows


def ratio(row, rows):
    """Against the baseline of the same pipeline; None for itself, and where it did not run."""
    for base in rows:
        if base["server"] == TARGET_BASELINE and base["pipeline"] == row["pipeline"]:
            return Ratio(row["cpu_us"], base["cpu_us"]) if base is not row else None
    return None


def target(row, rows):
    has_one = row["server"] == TARGET_SERVER and ratio(row, rows) is not None
    return TARGETS.get(row["pipeline"]) if has_one else None


def missed_targets(rows):
    judged = [row for row in rows if target(row, rows) is not None]
    return sum(ratio(row, rows).median > target(row, rows) for row in judged), len(judged)


def table(rows):
    lines = []
    for row in rows:
        against, limit = ratio(row, rows), target(row, rows)
        lines.append([
            str(row["pipeline"]), row["server"], "%.3f" % median(row["cpu_us"]),
            "" if against is None else str(against),
            "" if limit is None else "%s (at most %.2f)" % (
                "met" if against.median <= limit else "MISSED", limit)])
    return Table("Fan-out to %d subscribers" % rows[0]["subscribers"],
                 ["pipeline", "server", "CPU us/delivery", "x CPU", "target"], lines,
                 ["PUBLISH of %d bytes; a delivery is one message to one subscriber." %
                  len(PAYLOAD)])
