"""A web tier that keeps its sessions in the server: two processes of one Express application.

Each check starts from an empty server; the two processes live as long as the check.
"""

import http.client
import json
import signal
import threading

from harness.node import install_packages, start_program
from harness.server import wait_until
from harness.suite import Suite, equal

suite = Suite(
    "sessions", "express-session on two web processes: logged in on one, known on the other, until logged out"
)
suite.prepare = install_packages

DEADLINE_S = 20


class Web:
    """One web process. The browser's side of it is `request`, which carries a session cookie."""

    def __init__(self, t, name):
        self.t = t
        self.name = name
        self.process = None
        self.port = None
        t.defer(self.kill)
        self.start()

    def start(self):
        self.process = start_program("web.mjs", self.t.port, self.name)
        line = self.process.stdout.readline()
        assert line.strip().isdigit(), f"web process {self.name} did not start: {line!r}"
        self.port = int(line)

    def kill(self):
        """As a machine that loses its power."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def request(self, method, path, cookie=None):
        """(status, JSON body, the session cookie to use next)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        try:
            connection.request(method, path, headers={"Cookie": cookie} if cookie else {})
            response = connection.getresponse()
            body = response.read()
            fresh = response.getheader("Set-Cookie")
            return (
                response.status,
                json.loads(body) if body[:1] == b"{" else body,
                fresh.split(";")[0] if fresh else cookie,
            )
        finally:
            connection.close()

    def login(self, user, max_age_ms=None):
        path = f"/login?user={user}" + (f"&maxAge={max_age_ms}" if max_age_ms else "")
        status, body, cookie = self.request("POST", path)
        equal((status, body["user"]), (200, user), "login")
        return cookie, body["id"]

    def who(self, cookie):
        """The user this process takes the cookie for, or None."""
        status, body, _ = self.request("GET", "/me", cookie)
        if status == 401:
            return None
        equal(status, 200, f"GET /me ({body!r})")
        equal(body["servedBy"], self.name)
        return body["user"]


def two_processes(t):
    return Web(t, "A"), Web(t, "B")


@suite.check("logged in on one process, known on the other; a stranger on neither")
def _(t):
    a, b = two_processes(t)
    cookie, _ = a.login("ada")
    equal((a.who(cookie), b.who(cookie)), ("ada", "ada"))
    equal((a.who(None), b.who("sid=s%3Aforged.signature")), (None, None))
    equal([b.request("GET", "/me", cookie)[1]["visits"] for _ in range(3)], [3, 4, 5], "visits, counted by both")


@suite.check("the session is one key with the TTL of its cookie, renewed by use")
def _(t):
    a, b = two_processes(t)
    cookie, session_id = a.login("ada", max_age_ms=600000)
    redis = t.connect()
    key = f"sess:{session_id}"
    equal(redis.call("KEYS", "*"), [key.encode()])
    assert 0 < redis.call("TTL", key) <= 600
    equal(redis.call("EXPIRE", key, "30"), 1)
    equal(b.who(cookie), "ada")
    assert redis.call("TTL", key) > 500, "use did not renew the session"


@suite.check("survives the death of either process")
def _(t):
    a, b = two_processes(t)
    cookie, _ = a.login("ada")
    a.kill()
    equal(b.who(cookie), "ada", "after the death of A, where it was made")
    a.start()
    equal(a.who(cookie), "ada", "on A, restarted")
    b.kill()
    equal(a.who(cookie), "ada", "after the death of B")
    b.start()
    equal(b.who(cookie), "ada", "on B, restarted")


@suite.check("survives the death of both processes at once")
def _(t):
    a, b = two_processes(t)
    cookie, _ = b.login("grace")
    a.kill()
    b.kill()
    a.start()
    b.start()
    equal((a.who(cookie), b.who(cookie)), ("grace", "grace"))


@suite.check("logged out by TTL on both processes, and the key is gone")
def _(t):
    a, b = two_processes(t)
    lasting, _ = a.login("lasting")
    brief, session_id = a.login("brief", max_age_ms=2000)
    left_ms = t.connect().call("PTTL", f"sess:{session_id}")
    assert left_ms == -2 or 0 < left_ms <= 2000, f"PTTL {left_ms}"  # -2: we were slow to ask
    peek = f"/peek/{session_id}"
    wait_until(lambda: b.request("GET", peek)[1]["user"] is None, "the session to end by itself")
    equal((a.who(brief), b.who(brief)), (None, None))
    equal(t.connect().call("EXISTS", f"sess:{session_id}"), 0)
    equal((a.who(lasting), b.who(lasting)), ("lasting", "lasting"), "a session beside it")


@suite.check("logged out on one process, unknown on the other")
def _(t):
    a, b = two_processes(t)
    cookie, session_id = a.login("ada")
    equal(b.who(cookie), "ada")
    equal(b.request("POST", "/logout", cookie)[0], 200)
    equal((a.who(cookie), b.who(cookie)), (None, None))
    equal(t.connect().call("EXISTS", f"sess:{session_id}"), 0)


@suite.check("forty logins at once over both processes; the store lists them all")
def _(t):
    processes = two_processes(t)
    cookies = {}

    def login(index):
        cookies[index] = processes[index % 2].login(f"user{index:02}")[0]

    threads = [threading.Thread(target=login, args=(i,), daemon=True) for i in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    equal(len(cookies), 40, "logins")
    for index, cookie in cookies.items():
        equal(processes[(index + 1) % 2].who(cookie), f"user{index:02}")
    for process in processes:
        body = process.request("GET", "/sessions")[1]
        equal((body["length"], body["users"]), (40, [f"user{i:02}" for i in range(40)]))


@suite.check("after a restart of the server the web tier goes on by itself, everybody logged out")
def _(t):
    a, b = two_processes(t)
    cookie, _ = a.login("ada")
    equal(t.server.stop(), 0, "exit status")
    t.server.start()
    equal((a.who(cookie), b.who(cookie)), (None, None))
    again, _ = b.login("ada")
    equal((a.who(again), b.who(again)), ("ada", "ada"))
