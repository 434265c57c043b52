"""hiredis, in a program that is built here; the checks are in cpp/hiredis.cc."""

import os
import subprocess

from harness.programs import FOLDER, converse
from harness.suite import Suite

suite = Suite("hiredis", "hiredis: blocking, pipelined, binary, nested; asynchronous with libev, messages and MONITOR")

BUILD_DEADLINE_S = 120


@suite.check("cpp/hiredis.cc is built and runs to its end")
def _(t):
    program = os.path.join(t.server.folder, "hiredis")
    source = os.path.join(FOLDER, "cpp", "hiredis.cc")
    done = subprocess.run(
        [*"g++ -std=c++20 -O1 -o".split(), program, source, "-lhiredis", "-lev"],
        capture_output=True,
        text=True,
        timeout=BUILD_DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return lambda results: converse(t, [program], results)
