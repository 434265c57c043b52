"""redis-benchmark: all its loads, in all the shapes people measure.

It asks CONFIG GET save and appendonly first and warns on stderr if it does not understand the
answers; the first error reply ends it with status 1.
"""

import csv
import io
import subprocess

from harness.server import die_with_parent
from harness.suite import Suite, equal

suite = Suite("redis-benchmark", "redis-benchmark runs all its loads without an error or a warning")

LOADS = "ping,set,get,incr,mset"
ROWS = ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"]
LRANGES = [f"LRANGE_{n} (first {n} elements)" for n in (100, 300, 500, 600)]
ALL_ROWS = [
    *["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "LPUSH", "RPUSH", "LPOP", "RPOP"],
    *["SADD", "HSET", "SPOP", "ZADD", "ZPOPMIN", "LPUSH (needed to benchmark LRANGE)", *LRANGES, "MSET (10 keys)"],
]
REQUESTS = 5000
DEADLINE_S = 100
KEEPALIVE_OFF = (  # said with -k 0, about the client's machine
    "WARNING: Keepalive disabled. You probably need 'echo 1 > /proc/sys/net/ipv4/tcp_tw_reuse' for "
    "Linux and 'sudo sysctl -w net.inet.tcp.msl=1000' for Mac OS X in order to use a lot of clients/requests\n"
)


def benchmark(t, *arguments, server=None):
    """Runs it with --csv and returns {test: requests per second}."""
    server = server or t.server
    done = subprocess.run(
        ["redis-benchmark", "-p", str(server.port), "--csv", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        preexec_fn=die_with_parent,
        check=False,
    )
    equal(done.returncode, 0, f"exit status ({done.stdout[-300:]} {done.stderr[-300:]})")
    equal(done.stderr.replace(KEEPALIVE_OFF, ""), "", "what it said on stderr")
    assert "rror" not in done.stdout and "WARN" not in done.stdout, done.stdout
    rows = {row["test"]: float(row["rps"]) for row in csv.DictReader(io.StringIO(done.stdout))}
    for name, rate in rows.items():
        assert rate > 0, f"{name}: {rate} requests per second"
    return rows


def loads(t, *arguments):
    rows = benchmark(t, "-t", LOADS, "-n", str(REQUESTS), "-c", "20", *arguments)
    equal(list(rows), ROWS, "loads that ran")


@suite.check("one request at a time (-P 1)")
def _(t):
    loads(t, "-P", "1")
    with t.connect() as connection:
        equal(connection.call("GET", "counter:__rand_int__"), b"%d" % REQUESTS, "INCRs that arrived")


@suite.check("all its loads, as it runs them when nothing is chosen")
def _(t):
    rows = benchmark(t, "-n", "2000")
    equal(list(rows), ALL_ROWS)
    with t.connect() as connection:
        equal(connection.call("GET", "counter:__rand_int__"), b"2000", "INCRs that arrived")
        equal(connection.call("LLEN", "mylist"), 2000, "elements for LRANGE")
        equal(connection.call("HKEYS", "myhash"), [b"element:__rand_int__"])
        equal(connection.call("EXISTS", "myset", "myzset"), 0, "what SPOP and ZPOPMIN should have emptied")


@suite.check("all its loads with random keys and members, pipelined, in RESP3")
def _(t):
    rows = benchmark(t, "-n", "4000", "-r", "500", "-P", "8", "-3")
    equal(list(rows), ALL_ROWS)
    with t.connect() as connection:
        fields = connection.call("HLEN", "myhash")
        assert 450 < fields <= 500, f"{fields} fields of 500 after 4000 HSETs at random"
        equal(connection.call("EXISTS", "myset", "myzset"), 0, "what SPOP and ZPOPMIN should have emptied")


@suite.check("lists, one at a time and pipelined")
def _(t):
    for pipeline in ("1", "16"):
        rows = benchmark(t, "-t", "lpush,rpush,lpop,rpop,lrange", "-n", "3000", "-c", "20", "-P", pipeline)
        names = [name.split(" ")[0] for name in rows]
        equal(names[:4], ["LPUSH", "RPUSH", "LPOP", "RPOP"], "loads that ran")
        equal([name for name in names if name.startswith("LRANGE")], [f"LRANGE_{n}" for n in (100, 300, 500, 600)])
        with t.connect() as connection:
            sent = -(-3000 // int(pipeline)) * int(pipeline)  # whole pipelines only
            equal(connection.call("LLEN", "mylist"), sent, "elements that LPUSH and RPUSH brought, less those popped")
            connection.call("DEL", "mylist")


@suite.check("pipelined (-P 16)")
def _(t):
    loads(t, "-P", "16")


@suite.check("in RESP3 (-3), one at a time and pipelined")
def _(t):
    loads(t, "-3", "-P", "1")
    loads(t, "-3", "-P", "16")


@suite.check("random keys (-r) and large values (-d)")
def _(t):
    loads(t, "-P", "4", "-r", "1000", "-d", "4096")
    with t.connect() as connection:
        size = connection.call("DBSIZE")
        assert 1000 < size <= 3000, f"{size} keys after three loads over 1000 random keys each"
        keys = [k for k in connection.call("KEYS", "key:*") if connection.call("STRLEN", k) != 4096]
        equal(keys, [], "keys whose values do not have 4096 bytes")


@suite.check("several client threads (--threads 2)")
def _(t):
    loads(t, "--threads", "2", "-P", "8")


@suite.check("a command of one's own, deeply pipelined (-P 200)")
def _(t):
    rows = benchmark(
        t, "-n", "20000", "-r", "100", "-P", "200", "SET", "own:__rand_int__", "v", "EX", "100"
    )
    equal(len(rows), 1)
    with t.connect() as connection:
        size = connection.call("DBSIZE")
        assert 0 < size <= 100, f"{size} keys"
        assert 0 < connection.call("TTL", connection.call("RANDOMKEY")) <= 100


@suite.check("200 connections at once, a new one for every request (-k 0)")
def _(t):
    rows = benchmark(t, "-t", "set,get", "-n", "2000", "-c", "200", "-k", "0")
    equal(list(rows), ["SET", "GET"])


@suite.check("with a password (-a)")
def _(t):
    server = t.server_with("--requirepass", "s3cret")
    rows = benchmark(t, "-a", "s3cret", "-t", "set", "-n", "1000", server=server)
    equal(list(rows), ["SET"])
