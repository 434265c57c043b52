"""PHP's own sessions with phpredis as their handler, in the built-in web server with four processes."""

import concurrent.futures
import http.client
import json
import os
import signal
import subprocess
import time

from harness.programs import FOLDER
from harness.server import die_with_parent, free_port, wait_until
from harness.suite import Suite, contains, equal

suite = Suite("php-sessions", "PHP sessions: locked against each other, renewed, ended by TTL and by logout")

DEADLINE_S = 20
PROCESSES = 4
LIFETIME_S = 1000
LOCK_EXPIRE_S = 10
LOCK_WAIT_US = 2000


class Web:
    """`php -S` and its processes. The browser's side is `request`, which carries the session's id."""

    def __init__(self, t, path="", **settings):
        self.redis_port = t.port
        values = {
            "session.save_handler": "redis",
            "session.save_path": f"tcp://127.0.0.1:{t.port}{path}",
            "session.gc_maxlifetime": LIFETIME_S,
            "session.gc_probability": 1,
            "session.gc_divisor": 1,  # as often as can be: for phpredis there is nothing to do
            "redis.session.locking_enabled": 1,
            "redis.session.lock_expire": LOCK_EXPIRE_S,
            "redis.session.lock_retries": -1,
            "redis.session.lock_wait_time": LOCK_WAIT_US,
            **settings,
        }
        options = [word for name, value in values.items() for word in ("-d", f'{name}="{value}"')]
        self.log_path = os.path.join(t.server.folder, "php")
        for _ in range(5):
            self.port = free_port()
            with open(self.log_path, "wb") as log:
                self.process = subprocess.Popen(
                    ["php", *options, "-S", f"127.0.0.1:{self.port}", os.path.join(FOLDER, "php", "web.php")],
                    env={**os.environ, "PHP_CLI_SERVER_WORKERS": str(PROCESSES)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=die_with_parent,
                )
            t.defer(self.kill, self.process)
            if wait_until(self._serves, "the web server") is True:
                return
        raise AssertionError("no port for the web server")

    def _serves(self):
        """True, None for not yet, "ended"."""
        if self.process.poll() is not None:
            return "ended"
        try:
            return self.request("/nothing")[0] == 404
        except OSError:
            return None

    @staticmethod
    def kill(process):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def request(self, path, session=None):
        """(status, body, from JSON if it is that and nothing else)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        try:
            connection.request("GET", path, headers={"Cookie": f"PHPSESSID={session}"} if session else {})
            response = connection.getresponse()
            body = response.read()
            try:
                return response.status, json.loads(body)
            except ValueError:
                return response.status, body
        finally:
            connection.close()

    def get(self, path, session=None):
        status, body = self.request(path, session)
        assert status == 200 and isinstance(body, dict), f"{path}: {status} {body!r}"
        return body


def key(session, what=""):
    return f"PHPREDIS_SESSION:{session}{what}"


@suite.check("a session is one key with its lifetime as TTL, renewed by use; its lock does not stay")
def _(t):
    web = Web(t)
    redis = t.connect()
    session = web.get("/visit")["id"]
    equal([web.get("/visit", session)["visits"] for _ in range(3)], [2, 3, 4])
    equal(redis.call("KEYS", "*"), [key(session).encode()])
    equal(redis.call("GET", key(session)), b"visits|i:4;")
    equal(redis.call("EXPIRE", key(session), 30), 1)
    equal(web.get("/peek", session)["visits"], 4)
    equal(web.get("/visit", session)["visits"], 5)
    assert LIFETIME_S - 10 < redis.call("TTL", key(session)) <= LIFETIME_S


@suite.check("of 60 requests at once over four processes every one counts: the lock holds")
def _(t):
    web = Web(t)
    sessions = [web.get("/visit")["id"] for _ in range(2)]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda i: web.get("/visit?pause=3", sessions[i % 2]), range(60)))
    for session in sessions:
        visits = sorted(each["visits"] for each in answers if each["id"] == session)
        equal(visits, list(range(2, 32)))
    assert len({each["pid"] for each in answers}) > 1, "one process did it all"
    equal(len(t.connect().call("KEYS", "*")), 2, "keys, locks among them")


@suite.check("a lock that somebody holds is waited for; one that stays ends the request")
def _(t):
    web = Web(t)
    redis = t.connect()
    session = web.get("/visit")["id"]
    equal(redis.call("SET", key(session, "_LOCK"), "somebody", "PX", 300), "OK")
    began = time.monotonic()
    equal(web.get("/visit", session)["visits"], 2)
    assert time.monotonic() - began > 0.25, "did not wait"

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        slow = pool.submit(web.request, "/visit?pause=500", session)
        lock = wait_until(lambda: redis.call("GET", key(session, "_LOCK")), "the lock")
        assert 0 < redis.call("PTTL", key(session, "_LOCK")) <= LOCK_EXPIRE_S * 1000
        equal(redis.call("SET", key(session, "_LOCK"), "thief"), "OK")
        contains(slow.result()[1], b"Failed to write session data")
    assert lock != b"thief"
    equal(redis.call("GET", key(session, "_LOCK")), b"thief", "released by one who does not hold it")
    equal(redis.call("GET", key(session)), b"visits|i:2;", "written without the lock")

    impatient = Web(t, **{"redis.session.lock_retries": 3})
    _, body = impatient.request("/visit", session)
    contains(body, b"Acquire of session lock was not successful")
    equal(redis.call("GET", key(session)), b"visits|i:2;")


@suite.check("login gives the session a new id and ends the old one, logout ends it")
def _(t):
    web = Web(t)
    redis = t.connect()
    before = web.get("/visit")["id"]
    after = web.get("/login?user=ada", before)["id"]
    assert after != before, "the same id"
    equal([redis.call("EXISTS", key(each)) for each in (before, after)], [0, 1])
    equal((web.get("/peek", after)["user"], web.get("/peek", after)["visits"]), ("ada", 1))
    equal(web.get("/peek", before)["user"], None, "the user of the old id")
    web.get("/logout", after)
    equal(redis.call("EXISTS", key(after)), 0)
    equal(web.get("/peek", after)["user"], None)


@suite.check("a session ends by its TTL")
def _(t):
    web = Web(t, **{"session.gc_maxlifetime": 1})
    session = web.get("/login?user=ada")["id"]
    wait_until(lambda: t.connect().call("DBSIZE") == 0, "the session to end by itself")
    equal(web.get("/peek", session)["user"], None)


@suite.check("kept in another database, under a prefix, by igbinary, through connections that stay")
def _(t):
    web = Web(t, "?database=3&prefix=app:&persistent=1&timeout=2", **{"session.serialize_handler": "igbinary"})
    session = web.get("/login?user=ada")["id"]
    equal([web.get("/visit", session)["visits"] for _ in range(12)], list(range(1, 13)))
    redis = t.connect()
    equal(redis.call("KEYS", "*"), [])
    equal(redis.call("SELECT", 3), "OK")
    equal(redis.call("KEYS", "*"), [f"app:{session}".encode()])
    assert redis.call("GET", f"app:{session}").startswith(b"\0\0\0\x02"), "not igbinary"
    equal(t.server.stop(), 0)
    t.server.start()
    again = wait_until(lambda: isinstance(body := web.request("/login?user=bo")[1], dict) and body, "the web to go on")
    equal(web.get("/peek", again["id"])["user"], "bo")
