"""Programs in other languages as suites: starts one, hears its checks, does what it asks.

The program and this file talk in lines of JSON. It says {"check": title, "ok": true} or
{"check": title, "ok": false, "why": text}; it asks {"ask": "stop" | "start" | "restart"} about the
suite's server, or {"ask": "secured"} for another one with a password, and gets one line of JSON
back; at the end it says {"done": number of checks}. A program that ends otherwise has failed.
Its last arguments are the server's port and "redis" or "larder".
"""

import json
import os
import subprocess
import threading

from harness.server import Server, die_with_parent
from harness.suite import Suite

FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAM_DEADLINE_S = 180


def start(command, *arguments, stderr=None):
    """A program, its stdin and stdout ours to talk with."""
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        preexec_fn=die_with_parent,
    )


def program_suite(name, proves, interpreter, path):
    """A suite whose checks are those of a program: `path` in this folder, run by `interpreter` (a list)."""
    suite = Suite(name, proves)

    @suite.check(f"{path} runs to its end")
    def _(t):
        return lambda results: converse(t, [*interpreter, os.path.join(FOLDER, path)], results)

    return suite


def converse(t, command, results):
    """Runs a program to its end; what it checks are checks of `results`."""
    errors_path = os.path.join(t.server.folder, "program-stderr")
    with open(errors_path, "w", encoding="utf-8") as errors:
        process = start(command, t.port, "redis" if t.is_redis else "larder", stderr=errors)
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
                f"{os.path.basename(command[-1])} ran to its end",
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
