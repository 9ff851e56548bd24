"""How settings change in the course of a training."""

from __future__ import annotations


def linear(start: float, end: float, done: float) -> float:
    """From start to end while `done` goes from 0 to 1."""
    return start + (end - start) * done


def geometric(end: float, done: float, *, since: float, until: float) -> float:
    """1 until `since`, then evenly in its logarithm to `end`, which it has from `until` on."""
    part = min(1.0, max(0.0, done - since) / max(until - since, 1e-12))
    return float(end**part)
