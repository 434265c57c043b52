"""BullMQ, the queue of Node.js servers; the checks are in node/bullmq.mjs."""

from harness.node import node_suite

suite = node_suite("bullmq", "BullMQ: jobs, delays, retries, flows, schedules, stalled jobs, events", "bullmq.mjs")
