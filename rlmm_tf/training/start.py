"""A training of any algorithm, by its configuration."""

from __future__ import annotations

import numpy as np

from rlmm_tf.agents.learners.threads import start_tensorflow
from rlmm_tf.params import EnvParams
from rlmm_tf.training.collection import Problem
from rlmm_tf.training.config import (
    DqnTrainingConfig,
    PpoTrainingConfig,
    SacTrainingConfig,
)
from rlmm_tf.training.dqn import DqnTraining
from rlmm_tf.training.loop import Training
from rlmm_tf.training.ppo import PpoTraining
from rlmm_tf.training.sac import SacTraining


def make_training(
    params: EnvParams | Problem,
    config: PpoTrainingConfig | SacTrainingConfig | DqnTrainingConfig,
    *,
    seed: np.random.SeedSequence,
    n_threads: int,
) -> Training:
    """At its start.

    Args:
        params: the problem, or the parameters of one of the engine's.
        config: of the algorithm.
        seed: all randomness comes from it.
        n_threads: of the engine; no result depends on it.
    """
    start_tensorflow()
    if isinstance(config, SacTrainingConfig):
        return SacTraining(params, config, seed=seed, n_threads=n_threads)
    if isinstance(config, DqnTrainingConfig):
        return DqnTraining(params, config, seed=seed, n_threads=n_threads)
    return PpoTraining(params, config, seed=seed, n_threads=n_threads)
