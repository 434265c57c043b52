"""Debian's python3-redis (4.3): the library that most Python web frameworks stand on."""

import os
import threading

import redis

from harness.server import wait_until
from harness.suite import Suite, contains, equal, matches

suite = Suite("python-redis", "python3-redis works: strings, TTLs, transactions, scans, pools, administration")


def client(t, **options):
    made = redis.Redis(host="127.0.0.1", port=t.port, socket_timeout=20, **options)
    t.defer(made.close)
    return made


def raises(kind, pattern, function, *arguments, **named):
    try:
        result = function(*arguments, **named)
    except kind as problem:
        matches(str(problem), pattern)
        return
    raise AssertionError(f"{result!r} instead of {kind.__name__}")


@suite.check("strings: set, get, append, ranges, getset, getdel, getex, mget, mset, msetnx")
def _(t):
    r = client(t)
    equal(r.set("k", "hello"), True)
    equal(r.get("k"), b"hello")
    equal(r.append("k", " world"), 11)
    equal((r.strlen("k"), r.getrange("k", 0, 4), r.getrange("k", -5, -1)), (11, b"hello", b"world"))
    equal(r.setrange("k", 6, "redis"), 11)
    equal(r.getset("k", "new"), b"hello redis")
    equal(r.getdel("k"), b"new")
    equal(r.get("k"), None)
    equal(r.mset({"a": 1, "b": 2}), True)
    equal(r.mget("a", "missing", "b"), [b"1", None, b"2"])
    equal(r.msetnx({"c": 3, "a": 9}), False)
    equal(r.exists("a", "b", "c"), 2)
    equal(r.getex("a", ex=50), b"1")
    assert 0 < r.ttl("a") <= 50
    equal(r.getex("a", persist=True), b"1")
    equal(r.ttl("a"), -1)
    equal((r.type("a"), r.type("missing")), (b"string", b"none"))


@suite.check("set with nx, xx, get, keepttl, ex, px, exat, pxat")
def _(t):
    r = client(t)
    equal(r.set("k", "1", nx=True, ex=100), True)
    equal(r.set("k", "2", nx=True), None)
    equal(r.set("missing", "2", xx=True), None)
    equal(r.set("k", "3", get=True, keepttl=True), b"1")
    assert 0 < r.ttl("k") <= 100
    equal(r.set("k", "4", px=50000), True)
    assert 0 < r.pttl("k") <= 50000
    r.set("k", "5", exat=4000000000)
    equal(r.execute_command("EXPIRETIME", "k"), 4000000000)
    r.set("k", "6", pxat=4000000000123)
    equal(r.execute_command("PEXPIRETIME", "k"), 4000000000123)
    r.set("k", "7")
    equal(r.ttl("k"), -1, "ttl after a plain set")


@suite.check("counters: incr, decr, by integers and by floats, and what is no number")
def _(t):
    r = client(t)
    equal((r.incr("n"), r.incr("n", 41), r.decr("n", 2), r.decr("n")), (1, 42, 40, 39))
    equal(r.incrbyfloat("f", 0.1), 0.1)
    equal(r.incrbyfloat("f", 10.5), 10.6)
    r.set("n", str(2**63 - 1))
    raises(redis.ResponseError, "increment or decrement would overflow", r.incr, "n")
    r.set("s", "text")
    raises(redis.ResponseError, "value is not an integer or out of range", r.incr, "s")
    raises(redis.ResponseError, "value is not a valid float", r.incrbyfloat, "s", 1.5)


@suite.check("the expire and TTL families, with nx, xx, gt and lt")
def _(t):
    r = client(t)
    r.set("k", "v")
    equal((r.ttl("k"), r.pttl("k"), r.ttl("missing")), (-1, -1, -2))
    equal(r.expire("k", 100), True)
    equal(r.expire("missing", 100), False)
    assert 0 < r.pttl("k") <= 100000
    equal(r.execute_command("EXPIRE", "k", 200, "NX"), 0)
    equal(r.execute_command("EXPIRE", "k", 200, "XX"), 1)
    equal(r.execute_command("EXPIRE", "k", 150, "GT"), 0)
    equal(r.execute_command("EXPIRE", "k", 150, "LT"), 1)
    equal(r.pexpireat("k", 4000000000000), True)
    equal(r.execute_command("PEXPIRETIME", "k"), 4000000000000)
    equal(r.expireat("k", 4000000000), True)
    equal(r.persist("k"), True)
    equal(r.persist("k"), False)
    equal(r.pexpire("k", 50), True)
    wait_until(lambda: r.get("k") is None, "the key to expire")
    equal((r.exists("k"), r.ttl("k")), (0, -2))
    r.set("gone", "v")
    equal(r.expire("gone", -1), True, "an expiry in the past")
    equal(r.exists("gone"), 0)


@suite.check("expired keys leave by themselves: DBSIZE falls with nobody reading them")
def _(t):
    r = client(t)
    pipe = r.pipeline(transaction=False)
    for i in range(500):
        pipe.set(f"short:{i}", "v", px=100 + i % 100)
    pipe.set("long", "v")
    pipe.execute()
    wait_until(lambda: r.dbsize() == 1, "500 keys to be freed")
    equal(r.get("long"), b"v")


@suite.check("binary keys and values, and a value of 5 MB")
def _(t):
    r = client(t)
    key = bytes(range(256))
    r.set(key, key * 2)
    equal(r.get(key), key * 2)
    equal(r.keys("*"), [key])
    big = os.urandom(1 << 20) * 5
    r.set("big", big)
    equal(r.get("big"), big)
    equal(r.strlen("big"), len(big))


@suite.check("decode_responses gives text")
def _(t):
    r = client(t, decode_responses=True)
    r.set("ключ", "значение")
    equal(r.get("ключ"), "значение")
    equal(r.keys("кл*"), ["ключ"])


@suite.check("pipelines: with MULTI by default, without it on request, errors in their places")
def _(t):
    r = client(t)
    with r.pipeline() as pipe:
        equal(pipe.set("a", "x").incr("n").get("a").execute(), [True, 1, b"x"])
        pipe.set("a", "x").incr("a").get("a")
        results = pipe.execute(raise_on_error=False)
    equal((results[0], type(results[1]), results[2]), (True, redis.ResponseError, b"x"))
    with r.pipeline(transaction=False) as pipe:
        for i in range(10000):
            pipe.set(f"p:{i}", i)
        equal(set(pipe.execute()), {True})
    equal(r.dbsize(), 10002)
    with r.pipeline() as pipe:
        pipe.execute_command("NO-SUCH-COMMAND").get("a")
        raises(redis.ResponseError, "unknown command", pipe.execute)
    equal(r.get("a"), b"x", "the connection after an EXECABORT")


@suite.check("WATCH: eight clients incrementing in retry loops lose nothing")
def _(t):
    clients, rounds = 8, 25
    retries = []

    def increment(r):
        for _ in range(rounds):
            with r.pipeline() as pipe:
                while True:
                    try:
                        pipe.watch("counter", "also:watched")
                        value = int(pipe.get("counter") or 0)
                        pipe.multi()
                        pipe.set("counter", value + 1)
                        pipe.execute()
                        break
                    except redis.WatchError:
                        retries.append(1)

    threads = [threading.Thread(target=increment, args=(client(t),), daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a retry loop that does not end"
    equal(int(client(t).get("counter")), clients * rounds)


@suite.check("WATCH: a touched key fails EXEC, in whatever way it was touched; an untouched one does not")
def _(t):
    r, other = client(t), client(t)
    touches = {
        "set": lambda: other.set("k", "2"),
        "del": lambda: other.delete("k"),
        "expire": lambda: other.expire("k", 100),
        "append": lambda: other.append("k", "x"),
        "flushdb": other.flushdb,
        "flushall": other.flushall,
        "due": lambda: (other.pexpire("k", 1), wait_until(lambda: not other.exists("k"), "expiry")),
    }
    for how, touch in touches.items():
        r.set("k", "1")
        with r.pipeline() as pipe:
            pipe.watch("k")
            touch()
            pipe.multi()
            pipe.set("k", "mine")
            raises(redis.WatchError, "", pipe.execute)
        assert other.get("k") != b"mine", how
    r.set("k", "1")
    with r.pipeline() as pipe:
        pipe.watch("k")
        other.get("k")
        other.set("another", "x")
        pipe.multi()
        pipe.set("k", "mine")
        equal(pipe.execute(), [True])
        pipe.watch("k")
        other.set("k", "2")
        pipe.unwatch()
        pipe.multi()
        pipe.get("k")
        equal(pipe.execute(), [b"2"])


@suite.check("Redis.transaction() moves money between two keys without losing any")
def _(t):
    r = client(t)
    r.mset({"account:a": 100, "account:b": 0})

    def move(pipe):
        left = int(pipe.get("account:a")) - 30
        right = int(pipe.get("account:b")) + 30
        pipe.multi()
        pipe.mset({"account:a": left, "account:b": right})

    equal(r.transaction(move, "account:a", "account:b"), [True])
    equal(r.mget("account:a", "account:b"), [b"70", b"30"])


@suite.check("scan_iter sees every key once it has not changed, with match, count and type")
def _(t):
    r = client(t)
    r.mset({f"{'user' if i % 3 else 'item'}:{i}": i for i in range(3000)})
    equal(len(set(r.scan_iter(count=100))), 3000)
    equal(set(r.scan_iter("item:*", count=1000)), {b"item:%d" % i for i in range(0, 3000, 3)})
    equal(len(set(r.scan_iter(_type="string"))), 3000)
    equal(set(r.scan_iter(_type="hash")), set())
    equal(len(r.keys("user:*")), 2000)
    assert r.randomkey().split(b":")[0] in (b"user", b"item")


@suite.check("a scan while other keys come and go still returns all that stayed")
def _(t):
    r = client(t)
    stay = {b"stay:%d" % i for i in range(2000)}
    r.mset({key: 1 for key in stay})
    seen, cursor, calls = set(), None, 0
    while cursor != 0:
        cursor, keys = r.scan(cursor or 0, count=50)
        seen.update(keys)
        r.mset({f"come:{calls}:{i}": 1 for i in range(50)})
        if calls % 2:
            r.delete(*[f"come:{calls - 1}:{i}" for i in range(50)])
        calls += 1
        assert calls < 5000, "a scan that does not end"
    equal(stay - seen, set(), "keys that stayed and were not returned")


@suite.check("databases: select by connection, flushdb leaves the others, flushall does not")
def _(t):
    zero, nine = client(t), client(t, db=9)
    zero.set("k", "zero")
    nine.set("k", "nine")
    equal((zero.get("k"), nine.get("k")), (b"zero", b"nine"))
    equal(nine.flushdb(asynchronous=True), True)
    equal((zero.get("k"), nine.get("k")), (b"zero", None))
    nine.set("k", "nine")
    equal(zero.flushall(), True)
    equal((zero.dbsize(), nine.dbsize()), (0, 0))


@suite.check("config_get, config_set, config_resetstat")
def _(t):
    r = client(t, decode_responses=True)
    equal(r.config_get("maxmemory-policy"), {"maxmemory-policy": "noeviction"})
    equal(r.config_set("timeout", 77), True)
    equal(r.config_get("time*"), {"timeout": "77"})
    equal(r.config_set("timeout", 0), True)
    equal(r.config_resetstat(), True)
    raises(redis.ResponseError, "Unknown option", r.config_set, "no-such-setting", "1")


@suite.check("info is parsed into numbers; keyspace hits and misses are counted")
def _(t):
    r = client(t)
    r.set("k", "v", ex=100)
    r.config_resetstat()
    r.mget("k", "k", "missing")
    info = r.info()
    for field in ("uptime_in_seconds", "connected_clients", "used_memory", "total_commands_processed", "process_id"):
        assert isinstance(info[field], int), field
    equal((info["keyspace_hits"], info["keyspace_misses"]), (2, 1))
    db = info["db0"]
    equal((db["keys"], db["expires"]), (1, 1))
    equal(r.info("server")["process_id"], t.server.process.pid)
    seconds, microseconds = r.time()
    assert seconds > 1600000000 and 0 <= microseconds < 1000000


@suite.check("clients: setname, list, kill by id and by address; the killed one reconnects")
def _(t):
    r, victim = client(t), client(t, client_name="victim")
    victim.ping()
    victim_id = victim.client_id()
    r.client_setname("boss")
    equal(r.client_getname(), "boss" if isinstance(r.client_getname(), str) else b"boss")
    named = {entry["name"]: entry for entry in r.client_list()}
    assert {"boss", "victim"} <= set(named), named
    equal(int(named["victim"]["id"]), victim_id)
    equal(r.client_kill_filter(_id=victim_id), 1)
    equal(r.client_kill_filter(_id=victim_id), 0)
    wait_until(lambda: "victim" not in {e["name"] for e in r.client_list()}, "the victim to be gone")
    equal(victim.ping(), True, "ping after the connection was killed")
    address = next(e["addr"] for e in r.client_list() if e["name"] == "victim")
    equal(r.client_kill(address), True)
    raises(redis.ResponseError, "No such client", r.client_kill, "127.0.0.1:1")
    equal(victim.ping(), True)


@suite.check("client_pause stops writes and client_unpause lets them go on")
def _(t):
    r, writer = client(t), client(t)
    writer.ping()
    t.defer(r.client_unpause)
    assert r.client_pause(30000, all=False)
    done = []
    thread = threading.Thread(target=lambda: done.append(writer.set("k", "v")), daemon=True)
    thread.start()
    reader = client(t)
    for _ in range(20):
        equal(reader.get("k"), None, "a read while writes are paused")
    assert not done, "a write went through the pause"
    assert r.client_unpause()
    thread.join(20)
    equal(done, [True])
    equal(r.get("k"), b"v")


@suite.check("a blocking connection pool shared by sixteen threads")
def _(t):
    pool = redis.BlockingConnectionPool(host="127.0.0.1", port=t.port, max_connections=4, timeout=20)
    t.defer(pool.disconnect)
    problems = []

    def work(index):
        try:
            r = redis.Redis(connection_pool=pool)
            for i in range(50):
                r.set(f"t:{index}", i)
                if int(r.get(f"t:{index}")) != i:
                    problems.append((index, i))
        except Exception as problem:  # noqa: BLE001
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(i,), daemon=True) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    equal(problems, [])
    equal(redis.Redis(connection_pool=pool).dbsize(), 16)


@suite.check("a Unix socket, and nobody else may open it with unixsocketperm 700")
def _(t):
    path = os.path.join(t.server.folder, "own.sock")
    t.server_with("--unixsocket", path, "--unixsocketperm", "700")
    r = redis.Redis(unix_socket_path=path, socket_timeout=20)
    t.defer(r.close)
    equal(r.set("k", "v"), True)
    equal(r.get("k"), b"v")
    equal(os.stat(path).st_mode & 0o777, 0o700)
    contains(r.client_list()[0]["addr"], path)


@suite.check("requirepass: right, wrong and no password; CONFIG SET requirepass while running")
def _(t):
    server = t.server_with("--requirepass", "s3cret")

    def client_of(**credentials):
        made = redis.Redis(host="127.0.0.1", port=server.port, socket_timeout=20, **credentials)
        t.defer(made.close)
        return made

    right = client_of(password="s3cret")
    equal(right.ping(), True)
    equal(client_of(username="default", password="s3cret").set("k", "v"), True)
    raises(redis.AuthenticationError, "Authentication required", client_of().ping)
    wrong = "invalid username-password|WRONGPASS"
    raises(redis.ResponseError, wrong, client_of(username="default", password="wrong").ping)
    equal(right.config_set("requirepass", "changed"), True)
    equal(right.get("k"), b"v", "a connection that was authenticated before")
    raises(redis.ResponseError, wrong, client_of(password="s3cret").ping)
    equal(client_of(password="changed").ping(), True)


@suite.check("after a restart of the server, clients and pools go on by themselves")
def _(t):
    server = t.server_with()
    r = redis.Redis(host="127.0.0.1", port=server.port, socket_timeout=20, health_check_interval=1)
    t.defer(r.close)
    r.set("k", "v")
    equal(server.stop(), 0, "exit status")
    raises(redis.ConnectionError, "", r.ping)
    server.start()
    equal(r.ping(), True)
    equal(r.set("k", "v2"), True)


@suite.check("register_script: by SHA1, again after SCRIPT FLUSH, in a pipeline, with KEYS and ARGV")
def _(t):
    r = client(t)
    add = r.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1]) + #KEYS + #ARGV")
    equal(add(keys=["n"], args=[5]), 7)
    equal(r.script_exists(add.sha, "0" * 40), [True, False])
    equal(r.script_flush(), True)
    equal(add(keys=["n"], args=[5]), 12, "after NOSCRIPT")
    equal(r.script_flush("ASYNC"), True)
    pipe = r.pipeline()
    pipe.set("a", "x")
    add(keys=["n"], args=[1], client=pipe)
    pipe.get("n")
    equal(pipe.execute(), [True, 13, b"11"])
    equal(r.evalsha(r.script_load("return {1, 'two', {3}, false}"), 0), [1, b"two", [3], None])
    raises(redis.exceptions.NoScriptError, "No matching script", r.evalsha, "0" * 40, 0)
    raises(redis.ResponseError, "user_script:1: .*nonexistent global variable 'x'", r.eval, "return x", 0)
    raises(redis.ResponseError, "read-only scripts", r.eval_ro, "return redis.call('SET', 'a', 1)", 0)
    raises(redis.ResponseError, "No scripts in execution", r.script_kill)


@suite.check("Lock: taken once, extended, given back only by its owner, free again after its time")
def _(t):
    r, other = client(t), client(t)
    mine = r.lock("job", timeout=20)
    equal(mine.acquire(blocking=False), True)
    theirs = other.lock("job", timeout=20)
    equal(theirs.acquire(blocking=False), False)
    equal(theirs.acquire(blocking_timeout=0.2), False)
    equal(mine.extend(30), True)
    assert 40 < r.ttl("job") <= 50
    equal(mine.reacquire(), True)
    assert 0 < r.ttl("job") <= 20
    mine.release()
    equal(theirs.acquire(blocking=False), True)
    mine.local.token = b"somebody else's"
    raises(redis.exceptions.LockNotOwnedError, "no longer owned", mine.release)
    theirs.release()
    equal(r.exists("job"), 0)

    counter = {"value": 0}

    def work():
        mine = client(t)
        for _ in range(20):
            with mine.lock("counter", timeout=20, sleep=0.001):
                seen = counter["value"]
                mine.ping()
                counter["value"] = seen + 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    equal(counter["value"], 80)
