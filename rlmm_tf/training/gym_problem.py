"""Any Gymnasium task as a problem: standard tasks, with which algorithms are compared elsewhere.

    PpoTraining(GymProblem("CartPole-v1"), config, seed=seed)

The policy is the engine's and acts on all environments at once; Gymnasium steps them one by one, so
this is the slow path. An ended environment restarts in the same step, as the engine's do. What the
policy puts out of a continuous action, -1 to 1, spans the task's bounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from numpy.typing import NDArray

from rlmm_tf.agents.learners.running import part, under
from rlmm_tf.env import Policy, PolicySpec, PolicyWeights, RolloutArrays, aligned_empty, make_policy
from rlmm_tf.env.rollout import Head
from rlmm_tf.training.collection import Collector

# Words of a draw's name (`rlmm_tf.env.draw_names`): two of the environment's own, then how many
# decisions it has had.
_KEYS, _DECISION = slice(0, 2), 2


class GymProblem:
    """A task of Gymnasium's, by its id."""

    horizon_steps = None
    risk_aversion = 0.0

    def __init__(self, task: str) -> None:
        self._task = task
        with gymnasium.make(task) as env:
            self._obs, self._action = env.observation_space, env.action_space
            limit = env.spec.max_episode_steps if env.spec is not None else None
        _require(isinstance(self._obs, Box) and len(self._obs.shape) == 1, task, self._obs)
        bounded = isinstance(self._action, Box) and self._action.is_bounded("both")
        _require(bounded or isinstance(self._action, Discrete), task, self._action)
        self.n_steps = limit or 1000

    def spec(self, *, squashed: bool = False, **others: Any) -> PolicySpec:
        """Of a policy for it."""
        width = int(np.prod(self._obs.shape or ()))
        if isinstance(self._action, Discrete):
            return PolicySpec(width, "categorical", (int(self._action.n),), **others)
        head: Head = "tanh_gaussian" if squashed else "gaussian"
        actions = (int(np.prod(self._action.shape or ())),)
        return PolicySpec(width, head, actions, **others)

    def collector(
        self,
        spec: PolicySpec,
        *,
        n_steps: int,
        n_envs: int,
        seed: np.random.SeedSequence,
        n_threads: int,
        final_obs: bool = False,
    ) -> GymCollector:
        """See `GymCollector`; there is nothing for more threads to do."""
        del n_threads
        arrays = RolloutArrays.empty(spec, n_steps=n_steps, n_envs=n_envs, final_obs=final_obs)
        return GymCollector(self, spec, arrays, seed)

    def environments(self, n_envs: int) -> SyncVectorEnv:
        """As many of them, restarting in the step that ends an episode."""
        makers = [lambda: gymnasium.make(self._task)] * n_envs
        return SyncVectorEnv(makers, autoreset_mode=AutoresetMode.SAME_STEP)

    def actions(self, emitted: NDArray[Any]) -> NDArray[Any]:
        """The task's, of those that a policy put out."""
        if isinstance(self._action, Discrete):
            chosen: NDArray[Any] = emitted.reshape(len(emitted)) + self._action.start
            return chosen
        assert isinstance(self._action, Box)  # as required above
        low, high = self._action.low, self._action.high
        share = 0.5 * (np.clip(emitted, -1.0, 1.0) + 1.0)
        scaled = low + share.reshape(-1, *low.shape) * (high - low)
        return np.asarray(scaled, self._action.dtype)

    def mean_return(
        self,
        spec: PolicySpec,
        weights: PolicyWeights,
        *,
        episodes: int,
        seed: np.random.SeedSequence,
    ) -> float:
        """Of one episode in each of so many environments, with the policy's mode."""
        envs = self.environments(episodes)
        policy = make_policy(spec, weights)
        rows, _ = envs.reset(seed=_starts(seed.generate_state(episodes, np.uint64)))
        dtype = np.int64 if spec.head == "categorical" else np.float32
        emitted = aligned_empty((episodes, *spec.action_shape), dtype)
        total, running = np.zeros(episodes), np.ones(episodes, np.bool_)
        while running.any():
            policy.act(np.ascontiguousarray(rows, np.float32), actions=emitted)
            rows, reward, terminated, truncated, _ = envs.step(self.actions(emitted))
            total += np.where(running, reward, 0.0)
            running &= ~(terminated | truncated)
        envs.close()
        return float(total.mean())


class GymCollector(Collector):
    """Rollouts step by step."""

    def __init__(
        self,
        problem: GymProblem,
        spec: PolicySpec,
        arrays: RolloutArrays,
        seed: np.random.SeedSequence,
    ) -> None:
        super().__init__(spec, arrays)
        n_envs = arrays.reward.shape[1]
        self._problem, self._envs = problem, problem.environments(n_envs)
        words = seed.generate_state(3 * n_envs, np.uint64).reshape(n_envs, 3)
        self._draws = aligned_empty((n_envs, 3), np.uint64)
        self._draws[:, _KEYS] = words[:, _KEYS]
        self._draws[:, _DECISION] = 0
        self._obs = self._envs.reset(seed=_starts(words[:, 2]))[0].astype(np.float32)

    def state(self) -> dict[str, NDArray[Any]]:
        """Of the normaliser; Gymnasium's environments cannot be saved."""
        return under("normaliser", self.normaliser.state())

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """The normaliser goes back to where `state` was taken; the environments do not."""
        self.normaliser.set_state(part(state, "normaliser"))

    def _roll_out(self, policy: Policy) -> None:
        arrays = self.arrays
        for t in range(len(arrays.reward)):
            arrays.obs[t] = self._obs
            policy.act(
                arrays.obs[t],
                actions=arrays.actions[t],
                draws=self._draws,
                log_prob=arrays.log_prob[t],
                value=None if arrays.value is None else arrays.value[t],
                pre_squash=None if arrays.pre_squash is None else arrays.pre_squash[t],
            )
            self._draws[:, _DECISION] += np.uint64(1)
            self._step(policy, t)
        arrays.last_obs[...] = self._obs
        if arrays.last_value is not None:
            arrays.last_value[...] = self._values(policy, arrays.last_obs)

    def _step(self, policy: Policy, t: int) -> None:
        arrays = self.arrays
        actions = self._problem.actions(arrays.actions[t])
        obs, arrays.reward[t], arrays.terminated[t], arrays.truncated[t], infos = self._envs.step(
            actions
        )
        # Gymnasium may say both of a last step; then the problem ended with it.
        arrays.truncated[t] &= ~arrays.terminated[t]
        self._obs = obs.astype(np.float32)
        ended = arrays.terminated[t] | arrays.truncated[t]
        if arrays.final_value is not None:
            arrays.final_value[t] = 0.0
        if not ended.any():
            return
        final = np.array(infos["final_obs"][ended].tolist(), np.float32)
        if arrays.final_obs is not None:
            arrays.final_obs[t][ended] = final
        if arrays.final_value is not None:
            values = self._values(policy, final)
            arrays.final_value[t][ended] = np.where(arrays.truncated[t][ended], values, 0.0)

    def _values(self, policy: Policy, obs: NDArray[np.float32]) -> NDArray[np.float32]:
        value = np.empty(len(obs), np.float32)
        dtype = self.arrays.actions.dtype
        actions = np.empty((len(obs), *self.spec.action_shape), dtype)
        policy.act(obs, actions=actions, value=value)
        return value


def _starts(words: NDArray[Any]) -> list[int | None]:
    """Seeds as Gymnasium takes them, below 2^31."""
    return [int(word >> np.uint64(33)) for word in words]


def _require(fits: bool, task: str, got: object) -> None:
    if not fits:
        raise ValueError(
            f"{task}: expected observations in a row, and actions that are bounded or a choice, "
            f"got {got}; train in another task"
        )
