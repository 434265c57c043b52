"""Servers under comparison: how each is started, watched and stopped.

A Server is one process on one port of 127.0.0.1, pinned to given cores. Nothing here knows loads or
figures. Every process started here is stopped here, by its id.
"""

import os
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import time

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 10.0
START_ATTEMPTS = 3  # a port found free may be taken before the server binds it
MAX_CLIENTS = 15000


class Failure(Exception):
    """The comparison cannot go on; the text is for the operator."""


class Kind:
    """A sort of server: its name and how to start one.

    `command(port, threads)` returns an argument list. `floor` servers hold no data: they are not
    filled, and answer every request with `reply_bytes` bytes (0: +OK).
    """

    def __init__(self, name, command, protocol="resp", floor=False):
        self.name = name
        self.command = command
        self.protocol = protocol
        self.floor = floor


def larder_kind(build, name="larder", driver=None):
    binary = os.path.join(build, "bin", "larder-server")
    if not os.access(binary, os.X_OK):
        return None
    extra = ["--driver", driver] if driver else []
    return Kind(name, lambda port, threads, _: [
        binary, "--bind", "127.0.0.1", "--port", str(port), "--threads", str(threads),
        "--maxclients", str(MAX_CLIENTS), *extra])


def redis_kind():
    binary = shutil.which("redis-server")
    if not binary:
        return None
    return Kind("redis", lambda port, threads, _: [
        binary, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no",
        "--maxclients", str(MAX_CLIENTS), "--dir", "/tmp"]
        + (["--io-threads", str(threads)] if threads > 1 else []))


def memcached_kind():
    binary = shutil.which("memcached")
    if not binary:
        return None
    user = ["-u", "root"] if os.geteuid() == 0 else []
    return Kind("memcached", lambda port, threads, _: [
        binary, *user, "-l", "127.0.0.1", "-p", str(port), "-t", str(threads), "-m", "8192",
        "-c", str(MAX_CLIENTS)], protocol="memcached")


def floor_kind(build, driver):
    binary = os.path.join(build, "bin", "floor_server")
    if not os.access(binary, os.X_OK):
        return None
    return Kind("floor-" + driver, lambda port, _, reply_bytes: [
        binary, "--driver", driver, "--port", str(port), "--reply-bytes", str(reply_bytes)],
        floor=True)


def custom_kind(text):
    """`name=command with {port} and perhaps {threads}`; the command must stay in the foreground."""
    name, equals, command = text.partition("=")
    if not equals or "{port}" not in command:
        raise Failure("--server: expected name=command with {port}, not %r" % text)
    return Kind(name, lambda port, threads, _: [
        word.replace("{port}", str(port)).replace("{threads}", str(threads))
        for word in shlex.split(command)])


def all_kinds(build, custom):
    """Every kind that can be started on this machine, by name, in the order of the table."""
    kinds = [larder_kind(build), redis_kind(), memcached_kind(), floor_kind(build, "uring"),
             floor_kind(build, "epoll")] + [custom_kind(text) for text in custom]
    return {kind.name: kind for kind in kinds if kind}


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One running server. Use as a context manager."""

    def __init__(self, kind, cores, threads=1, reply_bytes=0):
        self.kind = kind
        self.name = kind.name
        self.port = 0
        self.start_s = 0.0  # from the start of the process to its first answer
        self._process = None
        for attempt in range(START_ATTEMPTS):
            try:
                self._start(cores, threads, reply_bytes)
                return
            except Failure:
                self.stop()
                if attempt + 1 == START_ATTEMPTS:
                    raise

    def _start(self, cores, threads, reply_bytes):
        self.port = free_port()
        command = self.kind.command(self.port, threads, reply_bytes)

        def pin():
            os.sched_setaffinity(0, cores)

        began = time.monotonic()
        self._process = subprocess.Popen(command, preexec_fn=pin, stdin=subprocess.DEVNULL,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            if self._answers():
                self.start_s = time.monotonic() - began
                return
            if self._process.poll() is not None:
                raise Failure("%s ended at its start (status %d): %s" % (
                    self.name, self._process.returncode, " ".join(command)))
            if time.monotonic() - began > START_TIMEOUT_S:
                raise Failure("%s does not answer: %s" % (self.name, " ".join(command)))
            time.sleep(0.0002)

    def _answers(self):
        try:
            with self.connect() as client:
                client.sendall(self.ping())
                return len(client.recv(64)) > 0
        except OSError:
            return False

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.port), timeout=5.0)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def ping(self):
        """A request that every server of this protocol answers shortly."""
        return b"version\r\n" if self.kind.protocol == "memcached" else b"*1\r\n$4\r\nPING\r\n"

    @property
    def pid(self):
        return self._process.pid

    def resident_bytes(self):
        with open("/proc/%d/statm" % self.pid) as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def cpu_ns(self):
        """CPU time used so far, over all threads."""
        total = 0
        for task in os.listdir("/proc/%d/task" % self.pid):
            with open("/proc/%d/task/%s/schedstat" % (self.pid, task)) as schedstat:
                total += int(schedstat.read().split()[0])
        return total

    def stop(self):
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
