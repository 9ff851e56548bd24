"""Small learners, and data at random for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rlmm_tf.agents.learners.dqn import DqnBlock, DqnLearner, DqnShape
from rlmm_tf.agents.learners.learner import Backend
from rlmm_tf.agents.learners.ppo import PpoBatch, PpoLearner, PpoShape
from rlmm_tf.agents.learners.sac import SacBlock, SacLearner, SacShape
from rlmm_tf.agents.learners.settings import DqnSettings, PpoSettings, SacSettings

PPO_SHAPES = {
    "gaussian": PpoShape(5, "gaussian", (2,), hidden=(8, 8), value_hidden=(8,)),
    "tanh_gaussian": PpoShape(5, "tanh_gaussian", (2,), hidden=(8, 8), value_hidden=(8,)),
    "categorical": PpoShape(5, "categorical", (3, 4), hidden=(8, 8), value_hidden=(8,)),
}
SAC_SHAPE = SacShape(
    3, 2, hidden=(6,), critic_hidden=(6,), activation="tanh", critic_activation="tanh"
)
DQN_SHAPE = DqnShape(3, (4, 3), hidden=(6,))
DQN_SMOOTH = DqnShape(3, (5, 5), hidden=(6,), degree=2)


def normals(generator: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    return generator.normal(size=shape).astype(np.float32)


def discounts(generator: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    """A fifth of the rows ended."""
    return np.where(generator.random(shape) < 0.2, 0.0, 0.99).astype(np.float32)


def ppo_batch(learner: PpoLearner, rows: int, seed: int = 1) -> PpoBatch:
    generator = np.random.default_rng(seed)
    shape = learner.shape
    obs = generator.normal(size=(rows, shape.obs_width)).astype(np.float32)
    actions: NDArray[Any] = generator.normal(size=(rows, shape.n_numbers)).astype(np.float32)
    if shape.head == "categorical":
        actions = np.stack([generator.integers(0, k, rows) for k in shape.actions], axis=1)
    log_prob = learner.evaluate(tf.constant(obs), tf.constant(actions))[0].numpy()
    return PpoBatch(
        obs,
        actions,
        log_prob,
        generator.normal(size=rows).astype(np.float32),
        generator.normal(size=rows).astype(np.float32),
    )


def ppo_learner(head: str, backend: Backend = "graph", **settings: Any) -> PpoLearner:
    chosen = PpoSettings(**{"minibatch": 32, "learning_rate": 1e-3, **settings})
    return PpoLearner(PPO_SHAPES[head], chosen, np.random.default_rng(7), backend=backend)


def sac_learner(
    backend: Backend = "graph", shape: SacShape = SAC_SHAPE, **settings: Any
) -> SacLearner:
    chosen = SacSettings(**{"learning_rate": 1e-2, "tau": 0.1, **settings})
    return SacLearner(shape, chosen, np.random.default_rng(7), backend=backend)


def sac_block(count: int, size: int, seed: int = 1) -> SacBlock:
    generator = np.random.default_rng(seed)

    width, n = SAC_SHAPE.obs_width, SAC_SHAPE.n_actions
    return SacBlock(
        obs=normals(generator, count, size, width),
        actions=np.tanh(normals(generator, count, size, n)),
        reward=normals(generator, count, size),
        next_obs=normals(generator, count, size, width),
        discount=discounts(generator, count, size),
        noise=normals(generator, count, 2, size, n),
    )


def dqn_learner(
    shape: DqnShape = DQN_SHAPE, backend: Backend = "graph", **settings: Any
) -> DqnLearner:
    chosen = DqnSettings(**{"learning_rate": 1e-2, "tau": 0.1, **settings})
    learner = DqnLearner(shape, chosen, np.random.default_rng(7), backend=backend)
    last = np.random.default_rng(8).normal(size=learner.weights.shape).astype(np.float32)
    for flat in (learner.weights, learner.targets, learner.averaged):
        flat.assign(0.5 * last)  # far from even, else every choice is as good
    return learner


def dqn_block(shape: DqnShape, count: int, size: int, seed: int = 1) -> DqnBlock:
    generator = np.random.default_rng(seed)

    chosen = [generator.integers(0, n, (count, size)) for n in shape.choices]
    return DqnBlock(
        obs=normals(generator, count, size, shape.obs_width),
        actions=np.stack(chosen, axis=-1).astype(np.int32),
        reward=normals(generator, count, size),
        next_obs=normals(generator, count, size, shape.obs_width),
        discount=discounts(generator, count, size),
        weight=generator.uniform(0.2, 1.0, (count, size)).astype(np.float32),
    )
