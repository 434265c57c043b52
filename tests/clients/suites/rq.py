"""RQ with workers as processes of their own, which fork for every job."""

import datetime
import os
import signal
import subprocess
import sys
import time

import redis
from rq import Queue, Retry
from rq import Worker as RqWorker
from rq.command import send_kill_horse_command, send_shutdown_command, send_stop_job_command
from rq.job import Job, JobStatus

from harness.server import die_with_parent, wait_until
from harness.suite import Suite, contains, equal

suite = Suite("rq", "RQ: results, failures, retries, schedules, dependencies, callbacks, stopped jobs")

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "python")
DEADLINE_S = 20

sys.path.append(FOLDER)  # the jobs by the name that they have for the workers
import rq_jobs  # noqa: E402


class Worker:
    """`rq worker`, a process group of its own because it forks."""

    def __init__(self, t, *arguments, queues=("default",)):
        with open(os.path.join(t.server.folder, "rq"), "ab") as log:
            self.process = subprocess.Popen(
                ["rq", "worker", "--url", f"redis://127.0.0.1:{t.port}", "--path", FOLDER, *arguments, *queues],
                env={**os.environ, "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        t.defer(self.kill)

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def wait(self):
        return self.process.wait(DEADLINE_S)


def client(t):
    made = redis.Redis(host="127.0.0.1", port=t.port, socket_timeout=20)
    t.defer(made.close)
    return made


def status(job):
    return job.get_status(refresh=True)


def finished(*jobs):
    """The results, when all are there."""
    for job in jobs:
        wait_until(lambda: status(job) in (JobStatus.FINISHED, JobStatus.FAILED), job.func_name)  # noqa: B023
        equal(status(job), JobStatus.FINISHED, f"{job.func_name} ({job.exc_info})")
    return [Job.fetch(job.id, connection=job.connection).result for job in jobs]


def failed(job):
    wait_until(lambda: status(job) == JobStatus.FAILED, f"{job.func_name} to fail")
    return job.exc_info


@suite.check("jobs in two queues, in the order of queues and of arrival; results with their TTL")
def _(t):
    r = client(t)
    low, high = Queue("low", connection=r), Queue("high", connection=r)
    for i in range(3):
        low.enqueue("rq_jobs.trail", f"low {i}")
        high.enqueue("rq_jobs.trail", f"high {i}")
    high.enqueue("rq_jobs.trail", "urgent", at_front=True)
    sums = high.enqueue_many([Queue.prepare_data("rq_jobs.add", (i, 0.5), result_ttl=100) for i in range(4)])
    brief = low.enqueue("rq_jobs.add", "ünï", "code", result_ttl=0)
    equal((len(low), len(high), high.get_job_position(sums[0])), (4, 8, 4))
    equal(Worker(t, "--burst", queues=("high", "low")).wait(), 0, "exit status of the worker")
    wanted = ["urgent", "high 0", "high 1", "high 2", "low 0", "low 1", "low 2"]
    equal([word.decode() for word in r.lrange("trail", 0, -1)], wanted)
    equal(finished(*sums), [0.5, 1.5, 2.5, 3.5])
    assert 90 < r.ttl(sums[0].key) <= 100
    equal(r.exists(brief.key), 0, "a result that nobody wanted")
    equal((high.finished_job_registry.count, len(high), len(low)), (8, 0, 0))
    equal(RqWorker.count(connection=r), 0, "workers that are there")
    (gone,) = r.keys("rq:worker:*")
    assert 0 < r.ttl(gone) <= 60, "the trace of a worker stays"


@suite.check("failures are kept with their traceback, and can be requeued")
def _(t):
    r = client(t)
    queue = Queue(connection=r)
    broken = queue.enqueue("rq_jobs.fail", "missing", failure_ttl=500)
    missing = queue.enqueue("rq_jobs.no_such_function")
    lucky = queue.enqueue("rq_jobs.flaky", 1)
    equal(Worker(t, "--burst").wait(), 0)
    contains(failed(broken), "KeyError: 'missing'")
    contains(failed(missing), "import_attribute(self.func_name)")
    equal(sorted(queue.failed_job_registry.get_job_ids()), sorted([broken.id, missing.id, lucky.id]))
    assert 0 < r.zscore("rq:failed:default", broken.id) - time.time() <= 500
    queue.failed_job_registry.requeue(lucky)
    equal(queue.job_ids, [lucky.id])
    equal(Worker(t, "--burst").wait(), 0)
    equal(finished(lucky), [2])
    equal(queue.failed_job_registry.count, 2)


@suite.check("retries at once and after a pause, schedules by time and by delay")
def _(t):
    r = client(t)
    queue = Queue(connection=r)
    asked = time.time()
    soon = queue.enqueue_in(datetime.timedelta(seconds=1), "rq_jobs.now")
    at = queue.enqueue_at(datetime.datetime.now(datetime.timezone.utc), "rq_jobs.now")
    far = queue.enqueue_in(datetime.timedelta(hours=1), "rq_jobs.now")
    retried = queue.enqueue("rq_jobs.flaky", 3, retry=Retry(max=3, interval=[0, 1, 0]))
    hopeless = queue.enqueue("rq_jobs.fail", "always", retry=Retry(max=2))
    equal(queue.scheduled_job_registry.count, 3)
    Worker(t, "--with-scheduler")
    ran = finished(at, soon, retried)
    assert ran[1] >= int(asked + 1), f"{ran[1] - asked} s"  # RQ's schedules know whole seconds
    equal(ran[2], 4, "tries")
    contains(failed(hopeless), "always")
    hopeless.refresh()
    equal(hopeless.retries_left, 0)
    equal(queue.scheduled_job_registry.get_job_ids(), [far.id])
    far.cancel()
    equal((queue.scheduled_job_registry.count, queue.canceled_job_registry.get_job_ids()), (0, [far.id]))


@suite.check("jobs that depend on others wait for them; callbacks hear how they ended")
def _(t):
    r = client(t)
    queue = Queue(connection=r)
    first = [queue.enqueue("rq_jobs.add", i, i, on_success=rq_jobs.told) for i in range(3)]
    second = queue.enqueue("rq_jobs.trail", "second", depends_on=first)
    third = queue.enqueue("rq_jobs.trail", "third", depends_on=second)
    broken = queue.enqueue("rq_jobs.fail", "x", on_failure=rq_jobs.told)
    never = queue.enqueue("rq_jobs.trail", "never", depends_on=broken)
    equal((status(second), queue.deferred_job_registry.count), (JobStatus.DEFERRED, 3))
    equal(Worker(t, "--burst").wait(), 0)
    finished(*first, second, third)
    contains(failed(broken), "KeyError")
    equal(r.lrange("trail", 0, -1), [b"second", b"third"])
    equal((status(never), queue.deferred_job_registry.get_job_ids()), (JobStatus.DEFERRED, [never.id]))
    wanted = [b"rq_jobs.add 0", b"rq_jobs.add 2", b"rq_jobs.add 4", b"rq_jobs.fail failed"]
    equal(sorted(r.lrange("told", 0, -1)), wanted)


@suite.check("workers are known while they live; jobs are stopped, and seen in the middle")
def _(t):
    r = client(t)
    queue = Queue(connection=r)
    process = Worker(t)
    wait_until(lambda: RqWorker.count(connection=r) == 1, "the worker")
    worker = RqWorker.all(connection=r)[0]
    equal((worker.pid, worker.queue_names()), (process.process.pid, ["default"]))

    job = queue.enqueue("rq_jobs.progress")
    wait_until(lambda: job.get_meta(refresh=True).get("part") == 1, "the first part")
    equal(queue.started_job_registry.get_job_ids(), [job.id])
    r.lpush("gate", "open")
    equal(finished(job), [b"open"])

    for ending in (
        lambda job: send_stop_job_command(r, job.id),
        lambda job: send_kill_horse_command(r, worker.name),
    ):
        r.delete("sleeping")
        job = queue.enqueue("rq_jobs.sleep", 600)
        wait_until(lambda: r.get("sleeping") == b"yes", "the job to begin")
        ending(job)
        wait_until(lambda: status(job) in (JobStatus.STOPPED, JobStatus.FAILED), "the job to end")  # noqa: B023
    late = queue.enqueue("rq_jobs.sleep", 600, job_timeout=1)
    contains(failed(late), "JobTimeoutException")
    send_shutdown_command(r, worker.name)
    equal(process.wait(), 0, "exit status of the worker")
    equal(RqWorker.count(connection=r), 0)


@suite.check("three workers share 30 jobs, each of which runs exactly once")
def _(t):
    r = client(t)
    queue = Queue(connection=r)
    queue.enqueue_many([Queue.prepare_data("rq_jobs.trail", (str(i),)) for i in range(30)])
    equal([worker.wait() for worker in [Worker(t, "--burst") for _ in range(3)]], [0, 0, 0])
    equal(sorted(int(i) for i in r.lrange("trail", 0, -1)), list(range(30)))
    equal(queue.finished_job_registry.count, 30)
    queue.delete()
    equal(queue.empty(), 0)
    equal(r.smembers("rq:queues"), set())
