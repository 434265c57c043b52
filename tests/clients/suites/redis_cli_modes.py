"""redis-cli's other modes: what it finds out about keys, latencies and caches, scripts, a terminal."""

import os
import pty
import re
import signal
import subprocess

from harness.server import die_with_parent, wait_until
from harness.suite import Suite, contains, equal, matches
from suites.redis_cli import DEADLINE_S, ENVIRONMENT, cli

suite = Suite("redis-cli-modes", "redis-cli finds big and hot keys, runs scripts, shows latencies; a whole session by hand")

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """redis-cli as somebody sees it who sits at it."""

    def __init__(self, t, *arguments, server=None):
        master, slave = pty.openpty()
        self.terminal = master
        self.seen = ""
        self.process = subprocess.Popen(
            ["redis-cli", "-p", str((server or t.server).port), *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**ENVIRONMENT, "TERM": "dumb", "HOME": t.server.folder},
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        os.close(slave)
        os.set_blocking(master, False)
        t.defer(self.close)

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)

    def _read(self):
        try:
            self.seen += COLOURS.sub("", os.read(self.terminal, 1 << 16).decode("utf-8", "replace"))
        except (BlockingIOError, OSError):
            pass
        return self.seen

    def await_(self, pattern):
        """The match, when it is there; what came until then is not looked at again."""
        try:
            found = wait_until(lambda: re.search(pattern, self._read()), pattern)
        except AssertionError as problem:
            raise AssertionError(f"{problem}; there is {self.seen[-500:]!r}") from None
        self.seen = self.seen[found.end() :]
        return found

    def type(self, line):
        os.write(self.terminal, line.encode() + b"\r")


def run(server, *arguments):
    """Runs it to its end; both outputs, and the status whatever it is."""
    return subprocess.run(
        ["redis-cli", "-p", str(server.port), *arguments],
        capture_output=True,
        timeout=DEADLINE_S,
        env=ENVIRONMENT,
        preexec_fn=die_with_parent,
        check=False,
    )


def script(t, text):
    path = os.path.join(t.server.folder, "script.lua")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def fill(t):
    """One large value of each type among 500 small strings."""
    with t.connect() as c:
        c.pipeline(*(("SET", f"small:{i}", "x" * 5) for i in range(500)))
        c.pipeline(
            ("SET", "the:string", "x" * 30_000),
            ("RPUSH", "the:list", *range(900)),
            ("SADD", "the:set", *range(800)),
            ("HSET", "the:hash", *range(1400)),
            ("ZADD", "the:zset", *(n for i in range(600) for n in (i, f"m{i}"))),
            *(("XADD", "the:stream", "*", "n", i) for i in range(500)),
        )


KINDS = {"string": 30_000, "list": 900, "set": 800, "hash": 700, "zset": 600, "stream": 500}


@suite.check("--bigkeys finds the longest of every type and counts them all")
def _(t):
    fill(t)
    text = cli(t, "--bigkeys").decode()
    contains(text, "Sampled 506 keys in the keyspace!")
    contains(text, "501 strings with 32500 bytes (99.01% of keys, avg size 64.87)")
    for kind, size in KINDS.items():
        matches(text, rf'(?m)^Biggest +{kind} found \'"the:{kind}"\' has {size} (bytes|items|members|fields|entries)$')


@suite.check("--memkeys asks MEMORY USAGE of every key")
def _(t):
    fill(t)
    text = cli(t, "--memkeys").decode()
    contains(text, "Sampled 506 keys in the keyspace!")
    with t.connect() as c:
        for kind in KINDS:
            used = c.call("MEMORY", "USAGE", f"the:{kind}")
            found = re.search(rf'(?m)^Biggest +{kind} found \'"the:{kind}"\' has (\d+) bytes$', text)
            assert found and int(found.group(1)) == used > 500, f"{kind}: {found} beside {used}"


@suite.check("--hotkeys finds what is used most where uses are counted, and says so where not")
def _(t):
    cli(t, "SET", "k", "v")
    contains(run(t.server, "--hotkeys").stderr, b"An LFU maxmemory policy is not selected")
    server = t.server_with("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lfu")
    with server.connect() as c:
        c.pipeline(*(("SET", f"cold:{i}", "x") for i in range(300)))
        for _ in range(20):
            c.pipeline(*(("GET", "hot") if i % 2 else ("INCR", "hot") for i in range(200)))
    text = run(server, "--hotkeys").stdout
    contains(text, b"Sampled 301 keys in the keyspace!")
    hottest = re.search(rb"hot key found with counter: (\d+)\tkeyname: (.*)", text)
    equal(hottest.group(2), b'"hot"')
    assert int(hottest.group(1)) > 10, hottest


@suite.check("--eval takes keys before the comma and arguments after it; errors say where")
def _(t):
    path = script(t, "return {redis.call('SET', KEYS[1], ARGV[1]), redis.call('GET', KEYS[1]), #KEYS, #ARGV}")
    equal(cli(t, "--eval", path, "k", "two", ",", "hello world", "b", "c"), b"OK\nhello world\n2\n3\n")
    equal(cli(t, "--eval", path, "k", ",", "x"), b"OK\nx\n1\n1\n")
    matches(cli(t, "--eval", script(t, "return nothing.here")), r"user_script:1: .*'nothing'")
    matches(cli(t, "--eval", script(t, "return (")), r"^ERR Error compiling script .*user_script:1:")


@suite.check("--rdb, --functions-rdb and --replica say that there is no replication, and end", redis="Redis has replication")
def _(t):
    path = os.path.join(t.server.folder, "dump.rdb")
    for words in (("--rdb", path), ("--functions-rdb", path), ("--replica",)):
        done = run(t.server, *words)
        equal((words, done.returncode), (words, 1))
        matches(done.stderr, r"SYNC with master failed: -ERR unknown command|Failed requesting functions only RDB")
        assert not os.path.exists(path), "a file that is no snapshot"


@suite.check("--latency-history and --latency-dist show figures as they come")
def _(t):
    history = Terminal(t, "--latency-history", "-i", "0.3")
    for _ in range(2):
        found = history.await_(r"min: \d+, max: \d+, avg: (\d+\.\d+) \((\d+) samples\) -- 0\.\d+ seconds range")
        assert float(found.group(1)) < 1000 and int(found.group(2)) > 1, found
    Terminal(t, "--latency-dist", "-i", "0.3").await_(r"From 0 to 100%: .*\n.*-{40}")


@suite.check("--lru-test: a cache at its limit of memory hits what is used most")
def _(t):
    server = t.server_with("--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru")
    line = Terminal(t, "--lru-test", "10000000", server=server)
    gets, hits, misses = line.await_(r"(\d+) Gets/sec \| Hits: (\d+) \(\d+\.\d+%\) \| Misses: (\d+)").groups()
    assert int(gets) == int(hits) + int(misses) > 0, f"{gets} {hits} {misses}"
    wait_until(lambda: b"\nevicted_keys:0\r" not in cli(t, "INFO", "stats", server=server), "the limit to be reached")
    for _ in range(2):
        hits = int(line.await_(r"Gets/sec \| Hits: (\d+) ").group(1))
    assert hits > 0, "no hits"


@suite.check("a session by hand: databases and transactions in the prompt, hints, messages, MONITOR")
def _(t):
    user = Terminal(t)
    prompt = rf"127\.0\.0\.1:{t.port}"
    user.await_(rf"{prompt}> ")
    for line, answer, after in (
        ('SET greeting "hello\\n" EX 60', r"OK", ""),
        ("GET greeting", r'"hello\\n"', ""),
        ("SELECT 3", r"OK", r"\[3\]"),
        ("MULTI", r"OK", r"\[3\]\(TX\)"),
        ("LPUSH l a b", r"QUEUED", r"\[3\]\(TX\)"),
        ("LRANGE l 0 -1", r"QUEUED", r"\[3\]\(TX\)"),
        ("EXEC", r'1\) \(integer\) 2\r?\n2\) 1\) "b"\r?\n   2\) "a"', r"\[3\]"),
        ("HELLO 3", r'1# "server" => "redis"', r"\[3\]"),
        ("HGETALL nothing", r"\(empty hash\)", r"\[3\]"),
        ("HSET h f v", r"\(integer\) 1", r"\[3\]"),
        ("HGETALL h", r'1# "f" => "v"', r"\[3\]"),
        ("2 INCR n", r"\(integer\) 1\r?\n\(integer\) 2", r"\[3\]"),
        ("HELP HSET", r"(?s)HSET key field value .*\n  group: hash", r"\[3\]"),
        ("GET", r"\(error\) ERR wrong number of arguments for 'get' command", r"\[3\]"),
    ):
        user.type(line)
        user.await_(answer)
        user.await_(rf"{prompt}{after}> ")

    listener, watcher = Terminal(t, "SUBSCRIBE", "news"), Terminal(t, "MONITOR")
    listener.await_(r'3\) \(integer\) 1')
    watcher.await_(r"OK")
    user.type("PUBLISH news hello")
    user.await_(r"\(integer\) 1")
    listener.await_(r'1\) "message"\s+2\) "news"\s+3\) "hello"')
    watcher.await_(r'^\s*\d+\.\d{6} \[3 127\.0\.0\.1:\d+\] "PUBLISH" "news" "hello"')
    for each in (listener, watcher):
        each.process.send_signal(signal.SIGINT)
    user.type("QUIT")
    equal(user.process.wait(DEADLINE_S), 0, "exit status")


@suite.check("a lost connection is noticed and made again")
def _(t):
    user = Terminal(t)
    user.await_(r"> ")
    equal(t.server.stop(), 0)
    user.type("PING")
    user.await_(r"Could not connect to Redis|not connected")
    t.server.start()
    user.type("PING")
    user.await_(r"PONG")
