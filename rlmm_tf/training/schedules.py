"""How settings change in the course of a training."""

from __future__ import annotations


def linear(start: float, end: float, done: float) -> float:
    """From start to end while `done` goes from 0 to 1."""
    return start + (end - start) * done
