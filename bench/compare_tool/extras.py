"""The smaller measurements: idle connections, start time, several workers, one hot key."""

import json
import os
import selectors
import subprocess
import time

from .loads import LOADS, check
from .pairs import Ratio, median
from .servers import Failure, Server

# Opened before counting, so that what all connections share (buffers, tables) is there already.
# Few, because what they leave to the allocator is used again by those that are counted.
SHARED_CONNECTIONS = 64
SETTLE_STEP_S = 0.5
SETTLED_STEPS = 6  # so many steps without change; redis trims its buffers after some seconds
SETTLE_AT_MOST_S = 20.0
OPEN_AT_ONCE = 200


def idle_bytes(kind, core, connections, with_ping):
    """Process memory per idle connection: (just after, once settled), in bytes."""
    with Server(kind, {core}) as server:
        clients = []
        try:
            open_clients(server, clients, SHARED_CONNECTIONS, with_ping)
            settle(server)
            before = server.resident_bytes()
            open_clients(server, clients, connections, with_ping)
            at_once = server.resident_bytes() - before
            settled = settle(server) - before
        finally:
            for client in clients:
                client.close()
        return at_once / connections, settled / connections


def open_clients(server, clients, count, with_ping):
    while count > 0:
        batch = [server.connect() for _ in range(min(count, OPEN_AT_ONCE))]
        clients.extend(batch)
        count -= len(batch)
        if with_ping:
            ping_all(server, batch)
    if not with_ping:
        # Accepting needs no request; one answer on a last connection says that it is done.
        last = server.connect()
        clients.append(last)
        ping_all(server, [last])


def ping_all(server, batch):
    """Each sends one request and reads its answer."""
    with selectors.DefaultSelector() as selector:
        for client in batch:
            client.sendall(server.ping())
            selector.register(client, selectors.EVENT_READ)
        waiting = len(batch)
        while waiting > 0:
            ready = selector.select(timeout=10.0)
            if not ready:
                raise Failure("%s: %d connections got no answer" % (server.name, waiting))
            for key, _ in ready:
                if not key.fileobj.recv(4096):
                    raise Failure("%s closed an idle connection" % server.name)
                selector.unregister(key.fileobj)
                waiting -= 1


def settle(server, settled_steps=SETTLED_STEPS):
    """Waits until the process memory stays the same; returns it."""
    last, same = server.resident_bytes(), 0
    deadline = time.monotonic() + SETTLE_AT_MOST_S
    while same < settled_steps and time.monotonic() < deadline:
        time.sleep(SETTLE_STEP_S)
        now = server.resident_bytes()
        same = same + 1 if now == last else 0
        last = now
    return last


def start_times(kinds, core, rounds):
    """Median time in seconds from starting each server to its first answer, in turn."""
    times = {kind.name: [] for kind in kinds}
    for _ in range(rounds):
        for kind in kinds:
            with Server(kind, {core}) as server:
                times[kind.name].append(server.start_s)
    return {name: median(values) for name, values in times.items()}


class Crowd:
    """Several generators at once, each on a core of its own as far as there are cores."""

    def __init__(self, generator, server_cores, clients):
        spare = [core for core in sorted(os.sched_getaffinity(0)) if core not in server_cores]
        self.shares_cores = clients > len(spare)
        self._cores = [spare[i % len(spare)] if spare else max(server_cores)
                       for i in range(clients)]
        self._generator = generator

    def measure(self, server, load, pipeline, seconds, keys):
        """Throughput of all together and server CPU per operation."""
        began_ns, began = server.cpu_ns(), time.monotonic()
        running = []
        for number, core in enumerate(self._cores):
            command = self._generator.command(server, load, core) + [
                "--load", load.verb, "--pipeline", str(pipeline), "--seconds", str(seconds),
                "--seed", str(number + 1), "--keys", str(keys), "--json"]
            running.append(subprocess.Popen(command, stdout=subprocess.PIPE,
                                            stderr=subprocess.PIPE, text=True))
        finished = [process.communicate() for process in running]
        used_ns = server.cpu_ns() - began_ns
        elapsed = time.monotonic() - began
        for process, (_, errors) in zip(running, finished):
            if process.returncode != 0:
                raise Failure("larder-load: " + errors.strip())
        reports = [check(server, load, json.loads(text)) for text, _ in finished]
        requests = sum(report["requests"] for report in reports)
        return {"throughput": sum(report["requests_per_second"] for report in reports),
                "cpu_us": used_ns / requests / 1000.0, "busy": used_ns / 1e9 / elapsed}


def threads_curve(kind, generator, threads, pipelines, rounds, seconds, say):
    """GET and SET at each number of workers, in turn, against the first number. One row each."""
    cores = sorted(os.sched_getaffinity(0))
    rows = []
    with_servers = []
    try:
        for count in threads:
            server_cores = set(cores[:min(count, len(cores))])
            server = Server(kind, server_cores, threads=count)
            with_servers.append((count, server, Crowd(generator, server_cores, count)))
        for load in [load for load in LOADS if load.name in ("get64", "set64")]:
            for _, server, _ in with_servers:
                generator.fill(server, load)
            for pipeline in pipelines:
                say("%s with %s workers, %s, pipeline %d" % (
                    kind.name, "/".join(map(str, threads)), load.title, pipeline))
                results = {count: [] for count in threads}
                for _ in range(rounds):
                    for count, server, crowd in with_servers:
                        results[count].append(
                            crowd.measure(server, load, pipeline, seconds, generator.keys))
                rows += curve_rows(kind, load, pipeline, threads, with_servers, results)
    finally:
        for _, server, _ in with_servers:
            server.stop()
    return rows


def curve_rows(kind, load, pipeline, threads, with_servers, results):
    first = results[threads[0]]
    return [{
        "server": kind.name, "load": load.title, "pipeline": pipeline, "threads": count,
        "throughput": median([r["throughput"] for r in results[count]]),
        "cpu_us": median([r["cpu_us"] for r in results[count]]),
        "throughput_ratio": ratio(results[count], first, "throughput"),
        "cpu_ratio": ratio(results[count], first, "cpu_us"),
        "shares_cores": crowd.shares_cores,
    } for count, _, crowd in with_servers]


def ratio(results, first, figure):
    return Ratio([r[figure] for r in results], [r[figure] for r in first])


def hot_key(kind, generator, threads, pipelines, rounds, seconds, say):
    """One key read (and counted up) by everybody against many keys, on one process, in turn."""
    cores = sorted(os.sched_getaffinity(0))
    rows = []
    for count in threads:
        server_cores = set(cores[:min(count, len(cores))])
        crowd = Crowd(generator, server_cores, count)
        with Server(kind, server_cores, threads=count) as server:
            for load in [load for load in LOADS if load.name in ("get64", "incr")]:
                generator.fill(server, load)
                for pipeline in pipelines:
                    say("%s, %d workers, one key, %s, pipeline %d" % (
                        kind.name, count, load.title, pipeline))
                    many, one = [], []
                    for _ in range(rounds):
                        many.append(crowd.measure(server, load, pipeline, seconds, generator.keys))
                        one.append(crowd.measure(server, load, pipeline, seconds, 1))
                    rows.append({
                        "server": kind.name, "load": load.title, "pipeline": pipeline,
                        "threads": count,
                        "throughput": median([r["throughput"] for r in one]),
                        "cpu_us": median([r["cpu_us"] for r in one]),
                        "throughput_ratio": ratio(one, many, "throughput"),
                        "cpu_ratio": ratio(one, many, "cpu_us"),
                        "shares_cores": crowd.shares_cores,
                    })
    return rows
