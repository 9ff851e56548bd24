"""From one root seed to the independent keys of every environment.

Keys come from `numpy.random.SeedSequence`, so seeds 0 and 1 share nothing. Key i does not depend
on how many keys are asked for: environment i of a small batch and of a large one are the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.fields import whole_number


def environment_keys(seed: int | np.random.SeedSequence | None, n_envs: int) -> NDArray[np.uint64]:
    """One 128-bit key per environment, as an array of shape (n_envs, 2).

    Args:
        seed: a non-negative integer, a SeedSequence, or None for fresh entropy from the system.
        n_envs: how many environments.
    """
    n_envs = whole_number("n_envs", n_envs, least=1)
    sequence = seed if isinstance(seed, np.random.SeedSequence) else seed_sequence(seed)
    words = np.asarray(sequence.generate_state(2 * n_envs, np.uint64), dtype=np.uint64)
    return words.reshape(n_envs, 2)


def seed_sequence(seed: int | None, *path: int) -> np.random.SeedSequence:
    """The sequence named by a root seed and a path of integers below it (purpose, replica, ...)."""
    if seed is None:
        return np.random.SeedSequence()
    value = whole_number("seed", seed, least=0, expected="an integer or None")
    return np.random.SeedSequence(value, spawn_key=path)
