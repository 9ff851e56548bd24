"""From one root seed to the independent keys of every environment.

Keys come from `numpy.random.SeedSequence`, so seeds 0 and 1 share nothing. Key i does not depend
on how many keys are asked for: environment i of a small batch and of a large one are the same.
"""

from __future__ import annotations

import operator

import numpy as np
from numpy.typing import NDArray


def environment_keys(seed: int | np.random.SeedSequence | None, n_envs: int) -> NDArray[np.uint64]:
    """One 128-bit key per environment, as an array of shape (n_envs, 2).

    Args:
        seed: a non-negative integer, a SeedSequence, or None for fresh entropy from the system.
        n_envs: how many environments.
    """
    if not hasattr(n_envs, "__index__"):
        raise TypeError(f"n_envs: expected an integer, got {n_envs!r}")
    if operator.index(n_envs) < 1:
        raise ValueError(f"n_envs: expected at least 1, got {n_envs}")
    sequence = seed if isinstance(seed, np.random.SeedSequence) else seed_sequence(seed)
    words = np.asarray(sequence.generate_state(2 * n_envs, np.uint64), dtype=np.uint64)
    return words.reshape(n_envs, 2)


def seed_sequence(seed: int | None, *path: int) -> np.random.SeedSequence:
    """The sequence named by a root seed and a path of integers below it (purpose, replica, ...)."""
    if seed is None:
        return np.random.SeedSequence()
    try:
        value = operator.index(seed)
    except TypeError:
        raise TypeError(f"seed: expected an integer or None, got {seed!r}") from None
    if value < 0:
        raise ValueError(f"seed: expected a non-negative integer, got {value}")
    return np.random.SeedSequence(value, spawn_key=path)
