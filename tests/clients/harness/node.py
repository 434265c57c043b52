"""Node.js programs as suites, with the locked packages of npm, which are installed once."""

import fcntl
import hashlib
import os
import shutil
import subprocess

from harness import programs
from harness.programs import FOLDER

MODULES = os.path.join(FOLDER, "node_modules")
STAMP = os.path.join(MODULES, ".installed-from")
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
    return programs.start(["node", os.path.join(FOLDER, "node", name)], *arguments, stderr=stderr)


def node_suite(name, proves, program):
    """A suite whose checks are those of a Node.js program of node/ (harness/programs.py says how)."""
    suite = programs.program_suite(name, proves, ["node"], f"node/{program}")
    suite.prepare = install_packages
    return suite
