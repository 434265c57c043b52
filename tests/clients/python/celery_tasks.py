"""The tasks of the celery suite: the same program for those who ask and for the workers.

A worker:  LARDER_PORT=... python3 -m celery -A celery_tasks worker
"""

import os
import time

from celery import Celery, chord

VISIBILITY_S = 1


def make_app(port):
    """An application whose broker is database 0 and whose results are in database 1."""
    app = Celery(
        "larder",
        broker=f"redis://127.0.0.1:{port}/0",
        backend=f"redis://127.0.0.1:{port}/1",
        set_as_current=False,
    )
    app.conf.update(
        result_expires=3600,
        result_extended=True,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_S,
            "priority_steps": [0, 3, 6, 9],
            "queue_order_strategy": "priority",
        },
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        task_track_started=True,
    )

    @app.task(name="add")
    def add(a, b):
        return a + b

    @app.task(name="total")
    def total(numbers):
        return sum(numbers)

    @app.task(name="echo")
    def echo(value):
        return value

    @app.task(name="quiet", ignore_result=True)
    def quiet(key):
        app.backend.client.incr(key)

    @app.task(name="fail")
    def fail(text):
        raise KeyError(text)

    @app.task(name="flaky", bind=True, max_retries=4)
    def flaky(self, successes_after):
        if self.request.retries < successes_after:
            raise self.retry(countdown=0.1, exc=ValueError(f"try {self.request.retries}"))
        return self.request.retries

    @app.task(name="stubborn", autoretry_for=(OSError,), max_retries=2, default_retry_delay=0.1)
    def stubborn():
        raise OSError("never there")

    @app.task(name="when")
    def when():
        return time.time()

    @app.task(name="sleep")
    def sleep(seconds):
        time.sleep(seconds)
        return seconds

    @app.task(name="steps", bind=True)
    def steps(self):
        gate = app.backend.client
        for part in (1, 2):
            self.update_state(state="PROGRESS", meta={"part": part})
            gate.brpop(f"gate:{part}", 20)
        return "done"

    @app.task(name="trail")
    def trail(word):
        app.backend.client.rpush("trail", word)

    @app.task(name="fragile", acks_late=True, bind=True)
    def fragile(self):
        """Stays at work the first time, until its worker is killed."""
        if app.backend.client.incr("fragile:runs") == 1:
            time.sleep(600)
        return self.request.delivery_info["redelivered"]

    @app.task(name="tree", bind=True)
    def tree(self, leaves):
        """Becomes a chord: its result is the sum of its leaves."""
        return self.replace(chord([add.s(i, i) for i in range(leaves)], total.s()))

    return app


if "LARDER_PORT" in os.environ:
    app = make_app(int(os.environ["LARDER_PORT"]))
