"""ioredis in RESP3; the checks are in node/ioredis.mjs."""

from harness.node import node_suite

suite = node_suite(
    "ioredis", "ioredis works in RESP3: handshake, pipelines, transactions, scans, reconnection", "ioredis.mjs"
)
