"""node-redis in RESP3; the checks are in node/node_redis.mjs."""

from harness.node import node_suite

suite = node_suite(
    "node-redis", "node-redis works in RESP3: handshake, pipelines, transactions, scans, reconnection", "node_redis.mjs"
)
