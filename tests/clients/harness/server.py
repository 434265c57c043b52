"""A server process under test: started on a free port, watched, stopped by its own process id.

Owns: the process, its working folder and its log. Never: touches a process it did not start.
"""

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from harness.resp import Connection, ConnectionClosed

START_DEADLINE_S = 30
STOP_DEADLINE_S = 20
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    """Runs in a child before exec: when the test run is killed, so is what it started."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, deadline_s=20.0, pause_s=0.01):
    """Polls until `condition()` is true and returns its value; raises when the deadline passes."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline_s} s in vain: {what}")
        time.sleep(pause_s)


class Launch:
    """How to start servers: which program, and the arguments every one of them gets."""

    def __init__(self, program, is_redis, threads=None, driver=None):
        self.program = os.path.abspath(program) if os.sep in program else shutil.which(program)
        if not self.program or not os.access(self.program, os.X_OK):
            raise SystemExit(f"no server program at {program}")
        self.is_redis = is_redis
        self.arguments = []
        if is_redis:
            self.arguments += ["--save", "", "--appendonly", "no"]
        else:
            if threads is not None:
                self.arguments += ["--threads", str(threads)]
            if driver is not None:
                self.arguments += ["--driver", driver]

    def describe(self):
        return " ".join([self.program] + [a or '""' for a in self.arguments])


class Server:
    """One server. `arguments` come after the launch's own. Password, if any, is read from them."""

    def __init__(self, launch, *arguments):
        self.launch = launch
        self.arguments = list(arguments)
        self.folder = tempfile.mkdtemp(prefix="larder-clients-")
        self.log_path = os.path.join(self.folder, "log")
        self.port = None
        self.process = None
        self.password = None
        if "--requirepass" in arguments:
            self.password = arguments[arguments.index("--requirepass") + 1]

    def start(self):
        """Starts it and returns once it answers. On the same port as before, if there was one."""
        chosen = self.port
        for attempt in range(5):
            self.port = chosen or free_port()
            command = [self.launch.program, "--port", str(self.port), *self.launch.arguments]
            with open(self.log_path, "ab") as log:
                self.process = subprocess.Popen(
                    command + self.arguments,
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    preexec_fn=die_with_parent,
                )
            if self._answers():
                return self
            if chosen is None and "in use" in self.log_tail() and attempt < 4:
                continue  # somebody took the port between our looking and its listening
            break
        raise AssertionError(f"{' '.join(command)} did not start:\n{self.log_tail()}")

    def _answers(self):
        end = time.monotonic() + START_DEADLINE_S
        while time.monotonic() < end:
            if self.process.poll() is not None:
                return False
            try:
                with Connection(port=self.port) as connection:
                    connection.call("PING")  # any reply will do, also -NOAUTH
                    return self.process.poll() is None
            except (OSError, ConnectionClosed):
                time.sleep(0.01)
        self.process.kill()
        self.process.wait()
        return False

    def connect(self, protocol=2, authenticate=True, timeout_s=20):
        """A raw connection, authenticated if the server wants that."""
        connection = Connection(port=self.port, timeout_s=timeout_s)
        if self.password is not None and authenticate:
            assert connection.call("AUTH", self.password) == "OK"
        if protocol == 3:
            hello = connection.call("HELLO", "3")
            assert isinstance(hello, dict), hello
        return connection

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """Asks it to end as an init system would, and returns its exit status."""
        if not self.alive():
            return self.process.poll() if self.process else None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(
                f"did not stop within {STOP_DEADLINE_S} s of SIGTERM:\n{self.log_tail()}"
            ) from None

    def discard(self):
        """Ends it however it can and removes its folder."""
        if self.alive():
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def memory_bytes(self):
        """Resident memory now."""
        return self._status_bytes("VmRSS")

    def peak_memory_bytes(self):
        """The most resident memory since the start."""
        return self._status_bytes("VmHWM")

    def _status_bytes(self, name):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(rf"^{name}:\s+(\d+) kB", status.read(), re.M).group(1)) * 1024

    def descriptors(self):
        """How many files and sockets it has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def log_tail(self, lines=25):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                return "".join("    | " + line for line in log.readlines()[-lines:])
        except OSError:
            return ""
