"""Tasks of Gymnasium's as problems: rows, ends and values are the task's own."""

from __future__ import annotations

import re
from typing import Any

import gymnasium
import numpy as np
import pytest

pytest.importorskip("tensorflow")

from gymnasium.spaces import Box
from numpy.typing import NDArray

from rlmm_tf.env import PolicyWeights, make_policy
from rlmm_tf.training.config import (
    DqnTrainingConfig,
    PpoTrainingConfig,
    SacTrainingConfig,
    TrainingConfig,
)
from rlmm_tf.training.gym_problem import GymProblem
from rlmm_tf.training.start import make_training

SEED = np.random.SeedSequence(3)
OBS = Box(-10.0, 10.0, (2,), np.float32)


class Counting(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """Shows how often it was stepped; its second episode terminates, others are cut at 4 steps."""

    observation_space = OBS
    action_space = Box(np.float32([-2.0, 0.0]), np.float32([2.0, 1.0]))

    def __init__(self) -> None:
        self._episode = self._step = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed, options=options)
        self._episode, self._step = self._episode + 1, 0
        return np.float32([self._episode, 0.0]), {}

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        self._step += 1
        assert self.action_space.contains(action)
        obs = np.float32([self._episode, self._step])
        terminated = self._episode == 2 and self._step == 2
        return obs, float(action[0]), terminated, False, {}


gymnasium.register("rlmm-tests/Counting-v0", Counting, max_episode_steps=4)


def test_rows_of_a_rollout() -> None:
    problem = GymProblem("rlmm-tests/Counting-v0")
    assert (problem.n_steps, problem.horizon_steps, problem.risk_aversion) == (4, None, 0.0)
    spec = problem.spec(squashed=True, hidden=(4,), value_hidden=(4,))
    assert (spec.obs_width, spec.head, spec.actions) == (2, "tanh_gaussian", (2,))
    collector = problem.collector(spec, n_steps=9, n_envs=3, seed=SEED, n_threads=1, final_obs=True)
    random = PolicyWeights.random(spec, np.random.default_rng(1))
    weights = collector.weights(actor=random.actor, value=random.value)
    arrays = collector.collect(weights)
    steps = [0, 1, 2, 3, 0, 1, 0, 1, 2]
    episodes = [1, 1, 1, 1, 2, 2, 3, 3, 3]
    expected = np.array([episodes, steps], np.float32).T
    assert np.array_equal(arrays.obs, np.repeat(expected[:, None], 3, axis=1))
    assert np.array_equal(arrays.last_obs, np.full((3, 2), (3.0, 3.0), np.float32))
    assert np.array_equal(np.flatnonzero(arrays.truncated[:, 0]), [3])
    assert np.array_equal(np.flatnonzero(arrays.terminated[:, 0]), [5])
    assert arrays.final_obs is not None
    assert np.array_equal(arrays.final_obs[[3, 5], 0], [[1.0, 4.0], [2.0, 2.0]])
    assert np.allclose(arrays.reward, 2.0 * arrays.actions[..., 0], atol=1e-6)  # -2 to 2
    assert len(np.unique(arrays.log_prob)) == arrays.log_prob.size  # all draw something else

    policy = make_policy(spec, weights)
    ends = np.array([[1.0, 4.0], [3.0, 3.0]], np.float32)
    values = np.empty(2, np.float32)
    policy.act(ends, actions=np.empty((2, 2), np.float32), value=values)
    assert arrays.final_value is not None
    assert arrays.last_value is not None
    assert np.array_equal(arrays.final_value[:, 0], np.where(arrays.truncated[:, 0], values[0], 0))
    assert np.array_equal(arrays.last_value, np.full(3, values[1]))

    before = arrays.actions.copy()
    again = problem.collector(spec, n_steps=9, n_envs=3, seed=SEED, n_threads=1)
    assert np.array_equal(again.collect(weights).actions, before)  # the same seed, the same draws
    again.normaliser.add(arrays.obs.reshape(-1, 2))
    collector.set_state(again.state())
    assert np.array_equal(collector.normaliser.mean, again.normaliser.mean)


def test_mean_return_counts_one_episode_of_each() -> None:
    problem = GymProblem("rlmm-tests/Counting-v0")
    spec = problem.spec(hidden=())
    weights = PolicyWeights.zeros(spec)
    weights.actor[-2] = 0.25  # the mode: a quarter of the way from the middle to the bound
    mean = problem.mean_return(spec, weights, episodes=3, seed=SEED)
    assert mean == pytest.approx(4 * 0.5)


@pytest.mark.parametrize(
    ("task", "config"),
    [
        ("CartPole-v1", PpoTrainingConfig(steps=600, envs=3, rollout_steps=150, hidden=(4,))),
        (
            "CartPole-v1",
            DqnTrainingConfig(
                mode="replay", steps=300, envs=3, rollout_steps=30, first_rows=60, updates=2,
                batch=8, replay_rows=200, hidden=(4,),
            ),
        ),
        (
            "Pendulum-v1",
            SacTrainingConfig(
                steps=300, envs=3, rollout_steps=30, first_rows=60, updates=2, batch=8,
                replay_rows=200, hidden=(4,), critic_hidden=(4,), backend="graph",
            ),
        ),
    ],
)  # fmt: skip
def test_algorithms_learn_from_it(task: str, config: TrainingConfig) -> None:
    training = make_training(GymProblem(task), config, seed=SEED, n_threads=1)
    before = training.weights().actor
    while training.iterations < training.iterations_total:
        metrics = training.iterate()
    assert all(np.isfinite(value) for value in metrics.values())
    assert not np.array_equal(training.weights().actor, before)


def test_tasks_that_do_not_fit_are_refused() -> None:
    expected = "FrozenLake-v1: expected observations in a row, and actions that are bounded or a "
    with pytest.raises(ValueError, match=re.escape(expected)):
        GymProblem("FrozenLake-v1")
