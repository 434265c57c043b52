"""What the jobs of the rq suite do, found by name in the worker's process."""

import time

from rq import get_current_job


def add(a, b):
    return a + b


def trail(word):
    get_current_job().connection.rpush("trail", word)


def fail(text):
    raise KeyError(text)


def flaky(successes_after):
    tries = get_current_job().connection.incr("tries")
    if tries <= successes_after:
        raise ValueError(f"try {tries}")
    return tries


def progress():
    job = get_current_job()
    job.meta["part"] = 1
    job.save_meta()
    return job.connection.brpop("gate", 20)[1]


def sleep(seconds):
    get_current_job().connection.set("sleeping", "yes")
    time.sleep(seconds)


def now():
    return time.time()


def told(job, connection, *what):
    connection.rpush("told", f"{job.func_name} {'failed' if len(what) > 1 else what[0]}")
