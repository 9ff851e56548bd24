"""DQN's training: rollouts in the engine, and updates from them (PQN) or from a replay."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.agents.learners.advantages import advantages
from rlmm_tf.agents.learners.dqn import DqnBlock, DqnLearner, DqnShape
from rlmm_tf.env import PolicySpec, PolicyWeights, RolloutArrays
from rlmm_tf.params import EnvParams
from rlmm_tf.training.collection import Collector, stream
from rlmm_tf.training.config import DqnTrainingConfig
from rlmm_tf.training.parts import Stateful, TrainingParts, reward_scale
from rlmm_tf.training.priorities import Priorities
from rlmm_tf.training.replay import Replay, n_step_transitions
from rlmm_tf.training.schedules import linear

TEMPERATURE_START = 0.01  # in units of scaled rewards; the entropy soon says what it should be
TEMPERATURE_STEP = 0.3  # change of its logarithm for a share of the entropy that is wrong by 1


class Temperature:
    """Of the choices' chances, exp(Q / temperature): it follows the entropy that is wanted."""

    def __init__(self) -> None:
        self.value = TEMPERATURE_START

    def follow(self, share: float, wanted: float) -> None:
        """One step; both are shares of the entropy of even chances."""
        self.value *= math.exp(TEMPERATURE_STEP * (wanted - share))

    def state(self) -> dict[str, NDArray[Any]]:
        """All that `set_state` needs."""
        return {"value": np.array(self.value)}

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes back to where `state` was taken."""
        self.value = float(state["value"])


class DqnTraining(TrainingParts):
    """One training: `iterate` as often as `iterations_total` says."""

    def __init__(
        self,
        params: EnvParams,
        config: DqnTrainingConfig,
        *,
        seed: np.random.SeedSequence,
        n_threads: int = 1,
    ) -> None:
        _require_fitting(params, config)
        spec = PolicySpec.for_params(params, hidden=config.hidden)
        generator = np.random.default_rng(stream(seed, "learner"))
        shape = DqnShape(spec.obs_width, spec.actions, config.hidden, degree=config.degree)
        self.learner = DqnLearner(shape, config.update, generator)
        n_envs = config.envs or max(1, config.rollout_steps // params.episode.n_steps)
        collector = Collector(
            params,
            spec,
            n_steps=max(1, config.rollout_steps // n_envs),
            n_envs=n_envs,
            seed=stream(seed, "rollouts"),
            n_threads=n_threads,
            final_obs=True,
        )
        scale = reward_scale(params, n_envs, config.gamma)
        self._temperature = Temperature()
        others: dict[str, Stateful] = {"learner": self.learner, "temperature": self._temperature}
        if config.mode == "replay":
            self._replay = Replay(config.replay_rows, spec.obs_width, len(spec.actions))
            self._priorities = Priorities(config.replay_rows, config.priority)
            others |= {"replay": self._replay, "priorities": self._priorities}
        super().__init__(config.steps, spec, collector, scale, generator, others)
        self.config = config
        self._entropy_most = float(np.log(spec.actions).sum())

    def weights(self) -> PolicyWeights:
        """Of the policy that is scored: the best choices by the weights' running mean."""
        actor = self.learner.actor_weights(temperature=self._temperature.value, averaged=True)
        return self._collector.weights(actor=actor)

    def iterate(self) -> dict[str, float]:
        """A rollout and its updates."""
        temperature = self._temperature.value
        actor = self.learner.actor_weights(temperature=temperature, averaged=False)
        weights = self._collector.weights(actor=actor)
        arrays = self._collector.collect(weights)
        ended = arrays.terminated | arrays.truncated
        n_steps = self._scale.observed(arrays.reward, arrays.terminated, ended)
        learn = self._from_replay if self.config.mode == "replay" else self._from_rollout
        rate = linear(1.0, self.config.rate_end, self.done)
        metrics = learn(arrays, n_steps, weights, rate)
        if metrics:
            wanted = linear(self.config.entropy_start, self.config.entropy_end, self.done)
            self._temperature.follow(metrics["entropy"] / self._entropy_most, wanted)
        self.iterations += 1
        return {**metrics, "temperature": temperature, "reward": float(arrays.reward.mean())}

    def _from_rollout(
        self,
        arrays: RolloutArrays,
        n_steps: NDArray[np.float64],
        weights: PolicyWeights,
        rate: float,
    ) -> dict[str, float]:
        """Each row once, towards the rollout's own returns."""
        config, normalised = self.config, self._collector.normalised
        rows, width = arrays.reward.size, self.spec.obs_width
        obs = normalised(arrays.obs.reshape(rows, width), weights)
        value = self.learner.best_values(obs).reshape(arrays.reward.shape)
        final_value = np.zeros_like(value)
        cut = arrays.truncated
        if cut.any():
            assert arrays.final_obs is not None  # asked for when the arrays were made
            final_value[cut] = self.learner.best_values(normalised(arrays.final_obs[cut], weights))
        surprise = advantages(
            self._scale.scaled(arrays.reward, n_steps),
            value,
            arrays.terminated,
            arrays.truncated,
            final_value,
            self.learner.best_values(normalised(arrays.last_obs, weights)),
            gamma=config.gamma,
            trace=config.trace,
        )
        size = min(config.batch, rows)
        count = rows // size
        order = self._generator.permutation(rows)[: count * size].reshape(count, size)
        block = DqnBlock(
            obs=obs[order],
            actions=arrays.actions.reshape(rows, -1).astype(np.int32)[order],
            reward=(surprise + value).reshape(-1)[order],
            next_obs=obs[order],  # of no weight: the discount is 0
            discount=np.zeros((count, size), np.float32),
            weight=np.ones((count, size), np.float32),
        )
        self._collector.normaliser.add(arrays.obs.reshape(rows, width))
        return self.learner.update(block, rate_factor=rate, temperature=self._temperature.value)[0]

    def _from_replay(
        self,
        arrays: RolloutArrays,
        n_steps: NDArray[np.float64],
        weights: PolicyWeights,
        rate: float,
    ) -> dict[str, float]:
        """A block of rows of what was seen, those with large errors more often."""
        config, collector = self.config, self._collector
        rows = n_step_transitions(
            arrays, n=config.reward_steps, gamma=config.gamma, n_steps=n_steps
        )
        self._replay.add(rows)
        self._priorities.add(rows.reward.size)
        if len(self._replay) < config.first_rows:  # what is observed keeps its scale from then on
            collector.normaliser.add(arrays.obs.reshape(-1, self.spec.obs_width))
            return {}
        at, weight = self._priorities.draw(
            config.updates, config.batch, self._generator, correction=linear(0.4, 1.0, self.done)
        )
        drawn = self._replay.at(at)
        block = DqnBlock(
            obs=collector.normalised(drawn.obs, weights),
            actions=drawn.actions.astype(np.int32),
            reward=self._scale.scaled(drawn.reward, drawn.n_steps).astype(np.float32),
            next_obs=collector.normalised(drawn.next_obs, weights),
            discount=drawn.discount,
            weight=weight,
        )
        metrics, errors = self.learner.update(
            block, rate_factor=rate, temperature=self._temperature.value
        )
        self._priorities.set(at, errors)
        return metrics


def _require_fitting(params: EnvParams, config: DqnTrainingConfig) -> None:
    action, utility = params.action, params.reward.utility
    if action.kind == "continuous":
        raise ValueError(
            "action.kind: expected 'discrete' or 'multidiscrete' for DQN, got 'continuous'; "
            "set it, or train PPO or SAC"
        )
    if utility != "linear":
        raise ValueError(
            f"reward.utility: expected 'linear' for DQN, got {utility!r}; train PPO instead"
        )
    if config.degree is not None and (action.kind == "discrete" or action.withdraw_choice):
        raise ValueError(
            "degree: expected null where choices are in no order (action.kind 'discrete', or "
            f"withdraw_choice), got {config.degree}"
        )
