"""Hostile inputs of classes 1 to 10, 12, 15 and 17 (lengths, unauthenticated clients, buffers,
freed clients, integers, memory, patterns, scripts, injected replies, serialised values, foreign
protocols, reachable assertions, slow paths), as far as the commands go. Each check serves a
bystander meanwhile; many bound the server's memory."""

from suites import (  # noqa: F401 - they register the checks
    hostile_clients,
    hostile_collections,
    hostile_lengths,
    hostile_limits,
    hostile_scripts,
    hostile_slow,
    hostile_values,
)
from suites.hostile_support import suite

__all__ = ["suite"]
