"""Suites and checks: what is proved, one line each.

    suite = Suite("name", "what the suite proves")

    @suite.check("what this check proves", redis="why redis-server 7.0 is excused, if it is")
    def _(t): ...          # t: Context; raise (assert, equal, ...) to fail

A check runs on the suite's server, emptied by FLUSHALL; servers with other settings are its own
(t.server_with). Against Larder no check is ever skipped.
"""

import contextlib
import re
import signal
import sys
import time
import traceback

from harness.server import Server, wait_until

CHECK_DEADLINE_S = 120


def equal(got, want, what=""):
    if got != want:
        raise AssertionError(f"{what + ': ' if what else ''}got {shorten(got)}, not {shorten(want)}")


def matches(text, pattern, what=""):
    if isinstance(text, (bytes, bytearray)):
        text = bytes(text).decode("utf-8", "replace")
    if not isinstance(text, str) or not re.search(pattern, text):
        raise AssertionError(f"{what + ': ' if what else ''}{shorten(text)} does not match {pattern!r}")


def contains(text, part, what=""):
    if part not in text:
        raise AssertionError(f"{what + ': ' if what else ''}no {shorten(part)} in {shorten(text)}")


def shorten(value, limit=600):
    text = repr(value)
    return text if len(text) <= limit else text[:limit] + f"... ({len(text)} characters)"


class Context:
    """What a check works with."""

    def __init__(self, launch, server):
        self.launch = launch
        self.server = server
        self.is_redis = launch.is_redis
        self._cleanup = contextlib.ExitStack()

    @property
    def port(self):
        return self.server.port

    def connect(self, protocol=2, **options):
        return self._cleanup.enter_context(self.server.connect(protocol, **options))

    def server_with(self, *arguments):
        """Another server with these settings; stopped when the check ends."""
        server = Server(self.launch, *arguments)
        self._cleanup.callback(server.discard)
        return server.start()

    def use(self, manager):
        return self._cleanup.enter_context(manager)

    def defer(self, function, *arguments):
        self._cleanup.callback(function, *arguments)

    def close(self):
        self._cleanup.close()


class Results:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.skipped = 0

    def ok(self, title):
        self.passed += 1
        print(f"  ok    {title}", flush=True)

    def fail(self, title, why):
        self.failed += 1
        print(f"  FAIL  {title}: {why}", flush=True)

    def skip(self, title, reason):
        self.skipped += 1
        print(f"  skip  {title} ({reason})", flush=True)


class Suite:
    def __init__(self, name, proves):
        self.name = name
        self.proves = proves
        self.checks = []
        self.prepare = None  # called once before the server starts; raises to fail the suite

    def check(self, title, redis=None):
        def register(function):
            self.checks.append((title, redis, function))
            return function

        return register

    def run(self, launch, results, only=None):
        """Runs every check (whose title contains `only`) on one server and stops it."""
        print(f"{self.name}: {self.proves}", flush=True)
        began = time.monotonic()
        server = Server(launch)
        try:
            if self.prepare:
                self.prepare()
            server.start()
        except Exception as problem:  # noqa: BLE001 - the suite cannot run, which is its failure
            results.fail(f"{self.name} can run", problem)
            server.discard()
            return
        try:
            for title, excuse, function in self.checks:
                if only and only not in title:
                    continue
                if excuse and launch.is_redis:
                    results.skip(title, excuse)
                    continue
                self._run_check(launch, server, title, function, results)
                if not server.alive():
                    results.fail("the server survived that", f"it ended:\n{server.log_tail()}")
                    server.start()
            self._stop(server, results)
        finally:
            server.discard()
        print(f"  ({time.monotonic() - began:.1f} s)", flush=True)

    def _stop(self, server, results):
        title = "the server then stops on SIGTERM with status 0"
        try:
            equal(server.stop(), 0, "exit status")
            results.ok(title)
        except AssertionError as problem:
            results.fail(title, f"{problem}\n{server.log_tail()}")

    def _run_check(self, launch, server, title, function, results):
        context = Context(launch, server)

        def too_long(*_):
            raise AssertionError(f"still running after {CHECK_DEADLINE_S} s")

        signal.signal(signal.SIGALRM, too_long)
        signal.alarm(CHECK_DEADLINE_S)
        try:
            with server.connect() as cleaner:
                # A process that was killed may have children that hold its connections a while longer.
                wait_until(
                    lambda: b"blocked_clients:0\r\n" in cleaner.call("INFO", "clients"),
                    "clients of the check before to wait no more",
                )
                equal(cleaner.call("FLUSHALL"), "OK", "FLUSHALL before the check")
            reporter = function(context)
            if reporter is not None:
                reporter(results)
            else:
                results.ok(title)
        except Exception as problem:  # noqa: BLE001 - whatever went wrong is the finding
            where = traceback.extract_tb(problem.__traceback__)
            ours = [f for f in where if "/suites/" in f.filename] or list(where)
            place = f"{ours[-1].filename.rsplit('/', 1)[-1]}:{ours[-1].lineno}"
            kind = "" if isinstance(problem, AssertionError) else f"{type(problem).__name__}: "
            results.fail(title, f"{kind}{problem or 'assertion'} [{place}]")
        finally:
            signal.alarm(0)
            try:
                context.close()
            except Exception as problem:  # noqa: BLE001
                print(f"        cleaning up: {problem}", file=sys.stderr)
