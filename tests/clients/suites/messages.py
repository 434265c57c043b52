"""Messages as applications use them: Debian's python3-redis (pub/sub, keyspace notifications), and
a chat of a thousand clients."""

import threading

import redis

from harness.resp import encode
from harness.server import wait_until
from harness.suite import Suite, equal

suite = Suite("messages", "pub/sub and keyspace notifications work, up to a chat of 1000 subscribers")


def client(t, **options):
    made = redis.Redis(host="127.0.0.1", port=t.port, socket_timeout=20, **options)
    t.defer(made.close)
    return made


def next_message(pubsub):
    """The next one that is no confirmation."""
    found = []

    def look():
        message = pubsub.get_message(ignore_subscribe_messages=True, timeout=0.1)
        if message is not None:
            found.append(message)
        return bool(found)

    wait_until(look, "a message")
    return found[0]


@suite.check("python: channels and patterns, handlers, unsubscribing")
def _(t):
    r = client(t)
    handled = []
    with client(t).pubsub() as pubsub:
        pubsub.subscribe("news", **{"handled": lambda message: handled.append(message["data"])})
        pubsub.psubscribe("new*")
        wait_until(lambda: dict(r.pubsub_numsub("news", "handled")) == {b"news": 1, b"handled": 1}, "subscribers")
        wait_until(lambda: r.pubsub_numpat() == 1, "a pattern")
        equal(r.publish("news", "first"), 2)
        kinds = {next_message(pubsub)["type"], next_message(pubsub)["type"]}
        equal(kinds, {"message", "pmessage"})
        equal(r.publish("handled", "x"), 1)
        wait_until(lambda: pubsub.get_message(timeout=0.1) is None and handled == [b"x"], "the handler")
        equal(r.pubsub_channels("n*"), [b"news"])
        pubsub.ping()
        pubsub.unsubscribe()
        pubsub.punsubscribe()
        wait_until(lambda: r.pubsub_channels() == [] and r.pubsub_numpat() == 0, "the end of all subscriptions")
    equal(r.publish("news", "nobody"), 0)


@suite.check("python: a thread that listens hears everything in order, small and large")
def _(t):
    r = client(t)
    heard = []
    pubsub = client(t).pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(**{"jobs": lambda message: heard.append(message["data"])})
    thread = pubsub.run_in_thread(sleep_time=0.05, daemon=True)
    wait_until(lambda: dict(r.pubsub_numsub("jobs")) == {b"jobs": 1}, "the listener")
    sent = []
    with r.pipeline(transaction=False) as pipe:
        for i in range(2000):
            data = b"%d:" % i + b"x" * (20000 if i % 100 == 0 else i % 50)
            sent.append(data)
            pipe.publish("jobs", data)
        equal(set(pipe.execute()), {1})
    wait_until(lambda: len(heard) == len(sent), "all messages")
    equal(heard, sent)
    thread.stop()
    thread.join(10)


@suite.check("python: keyspace notifications as session stores use them (Egx)")
def _(t):
    r = client(t)
    r.config_set("notify-keyspace-events", "Egx")
    equal(r.config_get("notify-keyspace-events"), {"notify-keyspace-events": "gxE"})
    with client(t).pubsub() as pubsub:
        pubsub.psubscribe("__keyevent@*__:expired", "__keyevent@*__:del")
        wait_until(lambda: r.pubsub_numpat() == 2, "two patterns")
        r.set("session:1", "data", px=50)
        equal((lambda m: (m["channel"], m["data"]))(next_message(pubsub)), (b"__keyevent@0__:expired", b"session:1"))
        r.set("session:2", "data", ex=100)
        r.delete("session:2")
        equal((lambda m: (m["channel"], m["data"]))(next_message(pubsub)), (b"__keyevent@0__:del", b"session:2"))
    r.config_set("notify-keyspace-events", "")


@suite.check("a chat: 1000 subscribers hear what 10 of them say, each the same, in the same order")
def _(t):
    members, speakers, lines = 1000, 10, 30
    room = [t.connect(protocol=2 + i % 2) for i in range(members)]
    for member in room:
        member.send(encode("SUBSCRIBE", "room"))
    for member in room:
        equal(list(member.reply()), [b"subscribe", b"room", 1])
    talking = [t.connect() for _ in range(speakers)]

    def talk(speaker, name):
        for line in range(lines):
            reached = speaker.call("PUBLISH", "room", f"{name}:{line}")
            assert reached == members, f"{reached} instead of {members}"

    threads = [threading.Thread(target=talk, args=(s, i), daemon=True) for i, s in enumerate(talking)]
    for thread in threads:
        thread.start()
    expected = None
    total = speakers * lines
    for member in room:
        heard = [bytes(member.reply()[2]) for _ in range(total)]
        if expected is None:
            expected = heard
            for name in range(speakers):
                mine = [text for text in heard if text.startswith(b"%d:" % name)]
                equal(mine, [b"%d:%d" % (name, line) for line in range(lines)], "the order of one speaker")
        equal(heard, expected, "what another member heard")
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive(), "a speaker is still talking"


@suite.check("subscribers that come and go at any moment leave nothing behind")
def _(t):
    r = client(t)
    for number in range(20):
        some = [t.connect() for _ in range(20)]
        for i, one in enumerate(some):
            one.send(encode("SUBSCRIBE", "c", f"c{i}") + encode("PSUBSCRIBE", "c*"))
        r.publish("c", number)
        for one in some:
            one.close()
    wait_until(lambda: r.pubsub_channels() == [] and r.pubsub_numpat() == 0, "all subscriptions to be gone")
