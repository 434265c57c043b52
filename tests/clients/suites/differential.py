"""The same random requests to the server and to redis-server 7.0: every reply must be the same.

`differential` beside `run` plays the same for as long as wanted, with any seed.
"""

import os
import random

from harness.differential import INTENDED_DIFFERENCES, Differential
from harness.server import Launch, Server
from harness.suite import Suite

REQUESTS = 20_000
SMALLEST_BULK_LIMIT = ("--proto-max-bulk-len", "1mb")  # reached by small requests

suite = Suite("differential", "random requests, right and wrong: every reply is what redis-server 7.0 says")


def start_pair(launch, use):
    """The server under test and the reference; `use` takes care of their end."""
    pair = []
    for one in (launch, Launch("redis-server", is_redis=True)):
        server = Server(one, *SMALLEST_BULK_LIMIT)
        use(server.discard)
        pair.append(server.start())
    return pair


@suite.check(f"{REQUESTS:,} requests: all types, keys, expiry, transactions, scripts, who waits, RESP2 and RESP3, inline, in pipelines")
def _(t):
    seed = int(os.environ.get("LARDER_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"        seed {seed} (LARDER_TEST_SEED)", flush=True)
    for reason, _ in INTENDED_DIFFERENCES:
        print(f"        not compared: {reason}", flush=True)
    servers = start_pair(t.launch, t.defer)
    Differential([server.port for server in servers], seed).play(REQUESTS)
    for server in servers:
        assert server.stop() == 0, f"did not end well:\n{server.log_tail()}"
