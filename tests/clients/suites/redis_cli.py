"""redis-cli as people use it: single commands, both protocols, pipes, scans, statistics."""

import json
import os
import re
import subprocess

from harness.server import die_with_parent, wait_until
from harness.suite import Suite, contains, equal, matches

suite = Suite("redis-cli", "redis-cli works: commands, RESP3, mass insertion, scans, live statistics")

ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
DEADLINE_S = 60


def cli(t, *arguments, stdin=None, status=0, server=None):
    """Runs redis-cli against the server and returns its output as bytes."""
    server = server or t.server
    done = subprocess.run(
        ["redis-cli", "-p", str(server.port), *arguments],
        input=stdin if stdin is not None else b"",
        capture_output=True,
        timeout=DEADLINE_S,
        env=ENVIRONMENT,
        preexec_fn=die_with_parent,
        check=False,
    )
    if status is not None:
        equal(done.returncode, status, f"exit status ({done.stdout[-200:]!r} {done.stderr[-200:]!r})")
    return done.stdout


def encode_set(key, value):
    return b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(key), key, len(value), value)


@suite.check("PING, SET and GET")
def _(t):
    equal(cli(t, "PING"), b"PONG\n")
    equal(cli(t, "SET", "greeting", "hello world"), b"OK\n")
    equal(cli(t, "GET", "greeting"), b"hello world\n")
    equal(cli(t, "GET", "nothing"), b"\n")


@suite.check("--no-raw shows the RESP2 types of replies")
def _(t):
    equal(cli(t, "--no-raw", "INCR", "n"), b"(integer) 1\n")
    equal(cli(t, "--no-raw", "GET", "n"), b'"1"\n')
    equal(cli(t, "--no-raw", "GET", "nothing"), b"(nil)\n")
    equal(cli(t, "--no-raw", "MGET", "n", "nothing"), b'1) "1"\n2) (nil)\n')
    matches(cli(t, "--no-raw", "INCR", "n", "n"), r"^\(error\) ERR wrong number of arguments for 'incr' command\n$")


@suite.check("-3 speaks RESP3: maps, nulls, verbatim text")
def _(t):
    equal(cli(t, "-3", "--no-raw", "CONFIG", "GET", "appendonly"), b'1# "appendonly" => "no"\n')
    equal(cli(t, "-3", "--no-raw", "GET", "nothing"), b"(nil)\n")
    contains(cli(t, "-3", "--no-raw", "HELLO"), b'"proto" => (integer) 3\n')
    contains(cli(t, "-3", "INFO", "server"), b"redis_version:")


@suite.check("--json turns RESP3 replies into JSON")
def _(t):
    equal(json.loads(cli(t, "--json", "CONFIG", "GET", "save")), {"save": ""})
    hello = json.loads(cli(t, "--json", "HELLO", "3"))
    equal(set(hello), {"server", "version", "proto", "id", "mode", "role", "modules"})


@suite.check("-n selects a database")
def _(t):
    cli(t, "-n", "5", "SET", "here", "five")
    equal(cli(t, "-n", "5", "GET", "here"), b"five\n")
    equal(cli(t, "GET", "here"), b"\n")
    equal(cli(t, "-n", "5", "DBSIZE"), b"1\n")


@suite.check("INFO SERVER, which an interactive session asks first")
def _(t):
    text = cli(t, "INFO", "SERVER").decode()
    matches(text, r"(?m)^redis_version:\d+\.\d+\.\d+\r?$")
    matches(text, rf"(?m)^tcp_port:{t.server.port}\r?$")
    matches(text, rf"(?m)^process_id:{t.server.process.pid}\r?$")


@suite.check("COMMAND DOCS, which an interactive session asks for its hints")
def _(t):
    documents = json.loads(cli(t, "--json", "COMMAND", "DOCS"))
    for name in ("get", "set", "expire", "scan", "client", "config", "multi"):
        entry = documents[name]
        for field in ("summary", "since", "group"):
            assert isinstance(entry[field], str) and entry[field], f"{name} without {field}"
    equal([a["name"] for a in documents["get"]["arguments"]], ["key"], "arguments of GET")
    assert "client|list" in documents["client"]["subcommands"], "CLIENT without subcommands"
    table = json.loads(cli(t, "--json", "COMMAND"))
    equal(set(documents), {row[0] for row in table}, "names in COMMAND DOCS and in COMMAND")


@suite.check("commands from a file, a transaction among them")
def _(t):
    script = b'SET a 1\nMULTI\nINCR a\nGET a\nEXEC\nSET "two words" "x\\ny"\nSTRLEN "two words"\n'
    equal(cli(t, stdin=script), b"OK\nOK\nQUEUED\nQUEUED\n2\n2\nOK\n3\n")


@suite.check("-x and -X take an argument from stdin, byte for byte")
def _(t):
    value = bytes(range(256)) * 40 + b"\r\n"
    equal(cli(t, "-x", "SET", "binary", stdin=value), b"OK\n")
    equal(cli(t, "GET", "binary"), value + b"\n")
    equal(cli(t, "-X", "here", "SET", "tagged", "here", "EX", "100", stdin=value), b"OK\n")
    equal(cli(t, "STRLEN", "tagged"), b"%d\n" % len(value))


@suite.check("-r repeats a command, -e turns an error into the exit status")
def _(t):
    equal(cli(t, "-r", "5", "INCR", "n"), b"1\n2\n3\n4\n5\n")
    cli(t, "-e", "INCR", "n", "n", status=1)
    matches(cli(t, "NO-SUCH-COMMAND", "x"), r"ERR unknown command 'NO-SUCH-COMMAND', with args beginning with: 'x'")


@suite.check("--pipe inserts 20,000 keys and learns by ECHO that all are in")
def _(t):
    keys = 20000
    stream = b"".join(encode_set(b"mass:%d" % i, b"value %d" % i) for i in range(keys))
    contains(cli(t, "--pipe", stdin=stream), b"errors: 0, replies: %d" % keys)
    equal(cli(t, "DBSIZE"), b"%d\n" % keys)
    equal(cli(t, "GET", "mass:19999"), b"value 19999\n")


@suite.check("--pipe counts the errors among the replies")
def _(t):
    bad = b"*2\r\n$3\r\nSET\r\n$1\r\nk\r\n"
    stream = (encode_set(b"k", b"v") + bad) * 100
    contains(cli(t, "--pipe", stdin=stream, status=1), b"errors: 100, replies: 200")


@suite.check("--scan --pattern finds exactly the keys that match")
def _(t):
    pairs = [word for i in range(2000) for word in (f"{'user' if i % 4 else 'item'}:{i}", "x")]
    equal(cli(t, "MSET", *pairs), b"OK\n")
    found = cli(t, "--scan", "--pattern", "item:*").split()
    equal(sorted(set(found)), sorted(b"item:%d" % i for i in range(0, 2000, 4)))
    equal(len(set(cli(t, "--scan").split())), 2000, "keys of a whole scan")


@suite.check("--stat prints a line of figures from INFO")
def _(t):
    cli(t, "MSET", "a", "1", "b", "2", "c", "3")
    process = subprocess.Popen(
        ["redis-cli", "-p", str(t.port), "--stat", "-i", "0.1"],
        stdout=subprocess.PIPE,
        env=ENVIRONMENT,
        preexec_fn=die_with_parent,
    )
    try:
        line = wait_until(
            lambda: (text := process.stdout.readline()).strip()[:1].isdigit() and text, "a line of figures"
        )
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    matches(line, r"^3 +\d+(\.\d+)?[BKMG] +\d+ +\d+ +\d+ \(\+\d+\) +\d+")


@suite.check("--latency measures round trips")
def _(t):
    line = cli(t, "--latency", "--raw", "-i", "0.3").decode()
    samples = re.fullmatch(r"\d+ \d+ \d+\.\d+ (\d+)\n", line)
    assert samples and int(samples.group(1)) > 0, f"not figures: {line!r}"


@suite.check("-s connects through a Unix socket")
def _(t):
    path = os.path.join(t.server.folder, "socket")
    t.server_with("--unixsocket", path)
    done = subprocess.run(
        ["redis-cli", "-s", path, "PING"], capture_output=True, timeout=DEADLINE_S, env=ENVIRONMENT, check=False
    )
    equal(done.stdout, b"PONG\n")


@suite.check("-a, --user with --pass, and -u redis:// give the password; without it NOAUTH")
def _(t):
    server = t.server_with("--requirepass", "s3cret")
    equal(cli(t, "-a", "s3cret", "--no-auth-warning", "PING", server=server), b"PONG\n")
    words = ["--user", "default", "--pass", "s3cret", "--no-auth-warning"]
    equal(cli(t, *words, "-3", "SET", "k", "v", server=server), b"OK\n")
    equal(cli(t, "-u", f"redis://default:s3cret@127.0.0.1:{server.port}/0", "GET", "k", server=server), b"v\n")
    contains(cli(t, "GET", "k", server=server), b"NOAUTH Authentication required.")
    contains(cli(t, "-a", "wrong", "--no-auth-warning", "GET", "k", server=server), b"NOAUTH")


@suite.check("CONFIG GET takes patterns, CONFIG SET is seen by the next GET")
def _(t):
    t.defer(cli, t, "CONFIG", "SET", "timeout", "0")
    equal(cli(t, "CONFIG", "SET", "timeout", "300"), b"OK\n")
    equal(cli(t, "CONFIG", "GET", "time?ut"), b"timeout\n300\n")


@suite.check("CLIENT LIST names the client and what it runs")
def _(t):
    line = cli(t, "CLIENT", "LIST").decode().strip().splitlines()[-1]
    for field in (r"\bid=\d+", r"\baddr=127\.0\.0\.1:\d+", r"\bdb=0\b", r"\bcmd=client\|list\b", r"\bresp=2\b"):
        matches(line, field)


@suite.check("without --threads there is a worker per core that the process may use", redis="Redis has no such workers")
def _(t):
    cores = os.sched_getaffinity(0)
    t.defer(os.sched_setaffinity, 0, cores)
    os.sched_setaffinity(0, {min(cores)})
    server = t.server_with("--threads", "0")
    contains(cli(t, "INFO", "server", server=server), b"\nthreads:1\r")


def keepalive_seconds_left(server_port, client_port):
    """Until the kernel probes the server's end of that connection; None if it will not."""
    ends = f"0100007F:{server_port:04X} 0100007F:{client_port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in table:
            fields = line.split()
            if " ".join(fields[1:3]) == ends:
                timer, ticks = fields[5].split(":")
                return int(ticks, 16) / os.sysconf("SC_CLK_TCK") if timer == "02" else None
    raise AssertionError(f"no connection {ends}")


@suite.check("CONFIG SET tcp-keepalive holds for the clients that come after it")
def _(t):
    def left():
        connection = t.connect()
        equal(connection.call("PING"), "PONG")
        return keepalive_seconds_left(t.port, connection.socket.getsockname()[1])

    t.defer(cli, t, "CONFIG", "SET", "tcp-keepalive", "300")
    assert 200 < left() <= 300
    equal(cli(t, "CONFIG", "SET", "tcp-keepalive", "50"), b"OK\n")
    assert 30 < left() <= 50
    equal(cli(t, "CONFIG", "SET", "tcp-keepalive", "0"), b"OK\n")
    equal(left(), None)


@suite.check("CONFIG SET loglevel holds for the lines that come after it", redis="Redis logs other lines")
def _(t):
    for level, logs in (("notice", True), ("warning", False)):
        server = t.server_with("--loglevel", "warning" if logs else "notice")
        equal(cli(t, "CONFIG", "SET", "loglevel", level, server=server), b"OK\n")
        equal(server.stop(), 0)
        equal("SIGTERM" in server.log_tail(), logs, level)


@suite.check("the log says who asked the server to end", redis="Redis logs other lines")
def _(t):
    for words, said in ((("SHUTDOWN", "NOSAVE"), "SHUTDOWN of a client"), ((), "SIGTERM")):
        server = t.server_with("--loglevel", "notice")
        if words:
            cli(t, *words, server=server, status=None)
            equal(server.process.wait(DEADLINE_S), 0)
        equal(server.stop(), 0)
        assert f"{said}: stopping" in server.log_tail(), server.log_tail()
