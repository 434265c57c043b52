"""Rate limits as Node.js servers set them; the checks are in node/rate_limits.mjs."""

from harness.node import node_suite

suite = node_suite(
    "rate-limits", "rate-limiter-flexible, INCREX and CL.THROTTLE through two clients", "rate_limits.mjs"
)
