"""Hostile inputs of classes 1, 2, 3, 4, 9, 12 and 15 (lengths, unauthenticated clients, buffers,
freed clients, injected replies, foreign protocols, reachable assertions), as far as the commands
go. Each check serves a bystander meanwhile; many bound the server's memory."""

from suites import hostile_clients, hostile_lengths, hostile_values  # noqa: F401 - they register the checks
from suites.hostile_support import suite

__all__ = ["suite"]
