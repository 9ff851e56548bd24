"""Which back end's updates are faster here: a timed trial, of the very training that is to come."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np

from rlmm_tf.params import EnvParams
from rlmm_tf.training.config import CompiledBackend, TrainingConfig
from rlmm_tf.training.start import make_training

CALLS_WARM_UP = 2  # the first one compiles
CALLS_TIMED = 5


@dataclass(frozen=True)
class Trial:
    """The choice, and what it was made by: seconds of an iteration with each back end."""

    fastest: CompiledBackend
    seconds: Mapping[CompiledBackend, float]


def fastest_backend(
    params: EnvParams,
    config: TrainingConfig,
    *,
    n_threads: int,
) -> Trial:
    """Median seconds of iterations that learn, the back ends in turn.

    Args:
        params: the problem.
        config: of the algorithm; its own back end does not count.
        n_threads: of the engine.
    """
    backends: tuple[CompiledBackend, ...] = get_args(CompiledBackend)
    trainings = {
        backend: make_training(
            params,
            config.model_copy(update={"backend": backend}),
            seed=np.random.SeedSequence(0),
            n_threads=n_threads,
        )
        for backend in backends
    }
    for training in trainings.values():
        while training.learner.calls < CALLS_WARM_UP:  # a replay must fill before its first one
            training.iterate()
    taken: dict[CompiledBackend, list[float]] = {backend: [] for backend in backends}
    for _ in range(CALLS_TIMED):
        for backend, training in trainings.items():
            start = time.perf_counter()
            training.iterate()
            taken[backend].append(time.perf_counter() - start)
    medians = {backend: statistics.median(times) for backend, times in taken.items()}
    return Trial(min(backends, key=medians.__getitem__), medians)
