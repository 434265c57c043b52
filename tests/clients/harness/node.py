"""Node.js programs as suites: installs the locked packages once, runs a program, hears its checks.

The program and this file talk in lines of JSON. It says {"check": title, "ok": true} or
{"check": title, "ok": false, "why": text}; it asks {"ask": "stop" | "start" | "restart"} about the
suite's server, or {"ask": "secured"} for another one with a password, and gets one line of JSON
back; at the end it says {"done": number of checks}. A program that ends otherwise has failed.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import threading

from harness.server import Server, die_with_parent
from harness.suite import Suite

FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODULES = os.path.join(FOLDER, "node_modules")
STAMP = os.path.join(MODULES, ".installed-from")
PROGRAM_DEADLINE_S = 180
INSTALL_DEADLINE_S = 600
SYSTEM_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"  # Node.js has its own list and ignores these

_install_problem = None  # npm retries for minutes; once per run is enough


def install_packages():
    """`npm ci`, unless node_modules was already made from this very lock file."""
    global _install_problem  # noqa: PLW0603
    if _install_problem is not None:
        raise _install_problem
    try:
        _install()
    except Exception as problem:
        _install_problem = problem
        raise


def _install():
    digest = hashlib.sha256()
    for name in ("package.json", "package-lock.json", ".npmrc"):
        with open(os.path.join(FOLDER, name), "rb") as file:
            digest.update(file.read())
    wanted = digest.hexdigest()
    with open(os.path.join(FOLDER, "package-lock.json"), encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at once install once
        try:
            with open(STAMP, encoding="ascii") as stamp:
                if stamp.read() == wanted:
                    return
        except OSError:
            pass
        environment = dict(os.environ)
        if os.path.exists(SYSTEM_CERTIFICATES):
            environment.setdefault("NODE_EXTRA_CA_CERTS", SYSTEM_CERTIFICATES)
        done = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=FOLDER,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_DEADLINE_S,
            check=False,
        )
        if done.returncode != 0:
            shutil.rmtree(MODULES, ignore_errors=True)
            raise AssertionError(f"npm ci failed:\n{done.stdout[-2000:]}")
        with open(STAMP, "w", encoding="ascii") as stamp:
            stamp.write(wanted)


def start_program(name, *arguments, stderr=None):
    """A Node.js program of node/, its stdin and stdout ours to talk with."""
    return subprocess.Popen(
        ["node", os.path.join(FOLDER, "node", name), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        preexec_fn=die_with_parent,
    )


def node_suite(name, proves, program):
    """A suite whose checks are those of a Node.js program."""
    suite = Suite(name, proves)
    suite.prepare = install_packages

    @suite.check(f"node/{program} runs to its end")
    def _(t):
        return lambda results: _converse(t, program, results)

    return suite


def _converse(t, program, results):
    errors_path = os.path.join(t.server.folder, "node-stderr")
    with open(errors_path, "w", encoding="utf-8") as errors:
        process = start_program(program, t.port, "redis" if t.is_redis else "larder", stderr=errors)
    killer = threading.Timer(PROGRAM_DEADLINE_S, process.kill)
    killer.start()
    heard, done = 0, None
    try:
        for line in process.stdout:
            message = json.loads(line)
            if "check" in message:
                heard += 1
                if message["ok"]:
                    results.ok(message["check"])
                else:
                    results.fail(message["check"], message["why"])
            elif "ask" in message:
                process.stdin.write(json.dumps(_answer(t, message["ask"])) + "\n")
                process.stdin.flush()
            else:
                done = message["done"]
        status = process.wait()
        if status != 0 or done is None or done != heard or heard == 0:
            with open(errors_path, encoding="utf-8", errors="replace") as errors:
                said = errors.read()[-3000:]
            results.fail(
                f"node/{program} ran to its end",
                f"status {status} after {heard} checks (it counted {done}): {said}",
            )
    finally:
        killer.cancel()
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdin.close()
        process.stdout.close()


def _answer(t, question):
    if question == "stop":
        return {"status": t.server.stop()}
    if question == "start":
        t.server.start()
        return {"port": t.server.port}
    if question == "restart":
        status = t.server.stop()
        t.server.start()
        return {"status": status}
    if question == "secured":
        server = Server(t.launch, "--requirepass", "s3cret")
        t.defer(server.discard)
        return {"port": server.start().port, "password": "s3cret"}
    raise AssertionError(f"the program asks {question!r}")
