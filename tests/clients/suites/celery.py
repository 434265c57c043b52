"""Celery with the server as broker and as keeper of results; workers are processes of their own.

A worker starts in a second, so a check is many tasks.
"""

import os
import signal
import subprocess
import sys
import threading
import time

from celery import chain, chord, group
from celery.exceptions import ChordError, TaskRevokedError
from celery.result import AsyncResult

from harness.server import die_with_parent, wait_until
from harness.suite import Suite, contains, equal, matches
from python.celery_tasks import VISIBILITY_S, make_app

suite = Suite("celery", "Celery: results, groups, chords, retries, eta, revoke, events, tasks of killed workers")

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "python")
DEADLINE_S = 30


class Worker:
    """`celery worker`, a process group of its own because it has children."""

    def __init__(self, t, *arguments, name="one", mingle=False):
        self.log_path = os.path.join(t.server.folder, f"celery-{name}")
        command = [sys.executable, "-m", "celery", "-A", "celery_tasks", "worker", "--hostname", f"{name}@larder"]
        if not mingle:
            command.append("--without-mingle")  # asks the others who is there, for a second
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [*command, "--concurrency", "2", "--loglevel", "INFO", *arguments],
                cwd=FOLDER,
                env={**os.environ, "LARDER_PORT": str(t.port), "PYTHONWARNINGS": "ignore"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        t.defer(self.kill)

    def kill(self):
        """As a machine that loses its power."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)


def application(t):
    app = make_app(t.port)
    t.defer(close, app)
    return app


def close(app):
    app.backend.result_consumer.stop()
    app.backend.result_consumer.cancel_for = lambda task_id: None  # what is collected later asks nobody
    app.close()


def get(result):
    return result.get(timeout=DEADLINE_S)


def raises(kind, function, *arguments, **options):
    try:
        value = function(*arguments, **options)
    except kind as problem:
        return problem
    raise AssertionError(f"{value!r} instead of {kind}")


@suite.check("tasks run once each; results, failures and states come back and expire")
def _(t):
    app = application(t)
    worker = Worker(t)
    tasks = app.tasks
    values = ["text", "ünïcode \U0001f5dd", 12.5, None, [1, [2]], {"k": {"n": -7}}, "x" * 200_000]
    asked = [tasks["echo"].delay(value) for value in values]
    equal([get(each) for each in asked], values)
    many = [tasks["add"].delay(i, 1000) for i in range(200)]
    equal([get(each) for each in many], [i + 1000 for i in range(200)])
    for _ in range(20):
        tasks["quiet"].delay("quiet")
    results = app.backend.client
    wait_until(lambda: results.get("quiet") == b"20", "tasks without a result to run")

    failed = tasks["fail"].delay("missing")
    problem = raises(KeyError, get, failed)
    equal(problem.args, ("missing",))
    equal((failed.state, asked[0].state, AsyncResult("nobody", app=app).state), ("FAILURE", "SUCCESS", "PENDING"))
    contains(failed.traceback, "KeyError: 'missing'")

    equal(len(results.keys("celery-task-meta-*")), len(values) + 200 + 1, "results kept")
    assert 3500 < results.ttl(f"celery-task-meta-{failed.id}") <= 3600
    brief = tasks["add"].delay(1, 1)
    get(brief)
    results.pexpire(f"celery-task-meta-{brief.id}", 30)
    wait_until(lambda: AsyncResult(brief.id, app=app).state == "PENDING", "the result to be forgotten")
    failed.forget()
    equal(results.exists(f"celery-task-meta-{failed.id}"), 0)
    broker = t.connect()
    equal([broker.call("LLEN", "celery"), broker.call("HLEN", "unacked")], [0, 0], "tasks left in the broker")
    equal(worker.stop(), 0, "exit status of the worker")


@suite.check("chains, groups, chunks, chords and tasks that become chords")
def _(t):
    app = application(t)
    Worker(t)
    add, total, fail = (app.tasks[name] for name in ("add", "total", "fail"))
    equal(get(chain(add.s(1, 2), add.s(10), add.s(100))()), 113)
    many = group(add.s(i, i) for i in range(40))()
    equal(get(many), [2 * i for i in range(40)])
    equal((many.completed_count(), many.successful()), (40, True))
    many.save()
    equal(get(app.GroupResult.restore(many.id)), [2 * i for i in range(40)])
    equal(sorted(sum(get(add.chunks(zip(range(20), range(20)), 7)()), [])), [2 * i for i in range(20)])
    equal(get(chord([add.s(i, i) for i in range(30)])(total.s())), sum(2 * i for i in range(30)))
    nested = chain(add.s(1, 1), group(add.s(10), add.s(20)), total.s(), add.s(1000))
    equal(get(nested()), 12 + 22 + 1000)
    equal(get(app.tasks["tree"].delay(10)), 90)
    chords = [chord([add.s(i, n) for i in range(5)])(total.s()) for n in range(10)]
    equal([get(each) for each in chords], [10 + 5 * n for n in range(10)])
    equal(app.backend.client.keys("*.j"), [], "lists of chords that are done")
    matches(str(raises((ChordError, KeyError), get, chord([add.s(1, 1), fail.s("broken")])(total.s()))), "broken")


@suite.check("retries, countdowns, times of arrival, and tasks that came too late")
def _(t):
    app = application(t)
    Worker(t)
    flaky, stubborn, when = (app.tasks[name] for name in ("flaky", "stubborn", "when"))
    hopeless = flaky.delay(9), stubborn.delay()
    tries = [flaky.delay(n) for n in (0, 1, 3)]
    asked = time.time()
    later = when.apply_async(countdown=0.7)
    dated = when.apply_async(eta=app.now().fromtimestamp(asked + 0.5, app.timezone))
    missed = when.apply_async(expires=-1)
    equal([get(each) for each in tries], [0, 1, 3], "retries that it took")
    matches(str(raises(ValueError, get, hopeless[0])), "try 4")
    matches(str(raises(OSError, get, hopeless[1])), "never there")
    waits = get(later) - asked, get(dated) - asked
    assert waits[0] >= 0.7 and waits[1] >= 0.5, f"ran after {waits} s"
    raises(TaskRevokedError, get, missed)


@suite.check("revoked before they run, ended while they run; workers answer and obey")
def _(t):
    app = application(t)
    worker = Worker(t, mingle=True)
    control, inspect = app.control, app.control.inspect(timeout=5, limit=1)
    equal(wait_until(lambda: control.ping(timeout=1, limit=1), "a worker"), [{"one@larder": {"ok": "pong"}}])
    name = "one@larder"
    contains(inspect.registered()[name], "add")
    equal([queue["name"] for queue in inspect.active_queues()[name]], ["celery"])
    busy = [app.tasks["sleep"].delay(600) for _ in range(2)]
    wait_until(lambda: {each.state for each in busy} == {"STARTED"}, "both children to be at work")
    equal(sorted(task["id"] for task in inspect.active()[name]), sorted(each.id for each in busy))
    waiting = app.tasks["add"].delay(1, 1)
    waiting.revoke()
    wait_until(lambda: waiting.id in inspect.revoked()[name], "word of it")
    for each in busy:
        each.revoke(terminate=True, signal="SIGKILL")
    for each in busy:
        raises(TaskRevokedError, get, each)
    raises(TaskRevokedError, get, waiting)
    equal(get(app.tasks["add"].delay(2, 2)), 4, "from new children")
    answered = {"reply": True, "timeout": 5, "limit": 1}
    equal(control.rate_limit("add", "100/s", **answered), [{name: {"ok": "new rate limit set successfully"}}])
    equal(control.cancel_consumer("celery", **answered), [{name: {"ok": "no longer consuming from celery"}}])
    for _ in range(5):
        app.tasks["add"].delay(1, 1)
    wait_until(lambda: t.connect().call("LLEN", "celery") == 5, "five tasks that nobody takes")
    equal(control.purge(), 5)
    control.shutdown()
    equal(worker.process.wait(DEADLINE_S), 0, "exit status of the worker")


@suite.check("progress and events are heard while they happen")
def _(t):
    app = application(t)
    heard = []
    with app.connection() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": lambda event: heard.append(event)})

        def listen():
            receiver.capture(limit=None, timeout=None, wakeup=True)

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        wait_until(lambda: t.connect().call("PUBSUB", "NUMPAT") >= 1, "the listener")
        Worker(t, "--task-events")
        result = app.tasks["steps"].delay()
        redis = app.backend.client
        for part in (1, 2):
            wait_until(lambda: result.state == "PROGRESS" and result.info["part"] == part, f"part {part}")  # noqa: B023
            redis.lpush(f"gate:{part}", "go")
        equal(get(result), "done")
        life = lambda: [event["type"] for event in heard if event.get("uuid") == result.id]  # noqa: E731
        wait_until(lambda: "task-succeeded" in life(), "the last event")
        equal(life(), ["task-received", "task-started", "task-succeeded"])
        contains([event["type"] for event in heard], "worker-online")
        receiver.should_stop = True
    listener.join(DEADLINE_S)


@suite.check("priorities: of the tasks that wait, the most urgent queue first")
def _(t):
    app = application(t)
    trail = app.tasks["trail"]
    for priority in (9, 0, 6, 3, 0, 9):
        trail.apply_async((str(priority),), priority=priority)
    equal(t.connect().call("LLEN", "celery\x06\x169"), 2, "tasks of priority 9")
    Worker(t, "--concurrency", "1")
    wait_until(lambda: app.backend.client.llen("trail") == 6, "all six")
    equal(app.backend.client.lrange("trail", 0, -1), [b"0", b"0", b"3", b"6", b"9", b"9"])


@suite.check("the task of a worker that was killed is given to another after the visibility timeout")
def _(t):
    app = application(t)
    victim = Worker(t, name="victim")
    result = app.tasks["fragile"].delay()
    results = app.backend.client
    wait_until(lambda: results.get("fragile:runs") == b"1", "the task to begin")
    broker = t.connect()
    victim.kill()
    equal(broker.call("HLEN", "unacked"), 1, "tasks taken and not done")
    (_, taken), = [broker.call("ZRANGE", "unacked_index", "0", "-1", "WITHSCORES")]
    wait_until(lambda: time.time() > float(taken) + VISIBILITY_S, "the timeout")
    Worker(t, name="heir")
    equal(get(result), True, "redelivered")
    equal(results.get("fragile:runs"), b"2")
    wait_until(lambda: broker.call("HLEN", "unacked") == 0, "the task to be done")


@suite.check("after a restart of the server the worker comes back by itself")
def _(t):
    app = application(t)
    Worker(t)
    equal(get(app.tasks["add"].delay(1, 2)), 3)
    equal(t.server.stop(), 0, "exit status")
    t.server.start()
    equal(get(application(t).tasks["add"].delay(2, 2)), 4)
