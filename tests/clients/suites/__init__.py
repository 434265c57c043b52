"""Every suite, in the order in which they run."""

from suites import (
    bullmq,
    celery,
    command_rows,
    differential,
    handshake,
    hostile,
    ioredis,
    messages,
    migration,
    node_redis,
    python_redis,
    rate_limits,
    redis_benchmark,
    redis_cli,
    rq,
    sessions,
)

ALL_SUITES = [
    handshake.suite,
    command_rows.suite,
    differential.suite,
    migration.suite,
    redis_cli.suite,
    redis_benchmark.suite,
    python_redis.suite,
    messages.suite,
    ioredis.suite,
    node_redis.suite,
    rate_limits.suite,
    sessions.suite,
    celery.suite,
    rq.suite,
    bullmq.suite,
    hostile.suite,
]
