"""DQN's training: rollouts in the engine, and updates from them (PQN) or from a replay."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.agents.learners.advantages import advantages
from rlmm_tf.agents.learners.dqn import DqnBlock, DqnLearner, DqnShape
from rlmm_tf.env import PolicyWeights
from rlmm_tf.kernels.transitions import Priorities, TransitionRing
from rlmm_tf.params import EnvParams
from rlmm_tf.training.collection import Problem, problem_of, stream
from rlmm_tf.training.config import DqnTrainingConfig
from rlmm_tf.training.parts import Rollout, Stateful, TrainingParts, compiled_backend, reward_scale
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
        params: EnvParams | Problem,
        config: DqnTrainingConfig,
        *,
        seed: np.random.SeedSequence,
        n_threads: int = 1,
    ) -> None:
        if isinstance(params, EnvParams):
            _require_fitting(params, config)
        problem = problem_of(params)
        spec = problem.spec(hidden=config.hidden)
        generator = np.random.default_rng(stream(seed, "learner"))
        shape = DqnShape(spec.obs_width, spec.actions, config.hidden, degree=config.degree)
        backend = compiled_backend(config)
        self.learner = DqnLearner(shape, config.update, generator, backend=backend)
        n_envs = config.envs or max(1, config.rollout_steps // problem.n_steps)
        collector = problem.collector(
            spec,
            n_steps=max(1, config.rollout_steps // n_envs),
            n_envs=n_envs,
            seed=stream(seed, "rollouts"),
            n_threads=n_threads,
            final_obs=True,
        )
        scale = reward_scale(problem, n_envs, config.gamma)
        self._temperature = Temperature()
        others: dict[str, Stateful] = {"learner": self.learner, "temperature": self._temperature}
        if config.mode == "replay":
            self._replay = TransitionRing(config.replay_rows, spec.obs_width, len(spec.actions))
            self._priorities = Priorities(config.replay_rows, config.priority)
            others |= {"replay": self._replay, "priorities": self._priorities}
        super().__init__(config, config.steps, spec, collector, scale, generator, others)
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
        rollout = self._collected(self._collector.weights(actor=actor))
        learn = self._from_replay if self.config.mode == "replay" else self._from_rollout
        metrics = learn(rollout)
        if metrics:
            wanted = linear(self.config.entropy_start, self.config.entropy_end, self.done)
            self._temperature.follow(metrics["entropy"] / self._entropy_most, wanted)
        self.iterations += 1
        reward = float(rollout.arrays.reward.mean())
        return {**metrics, "temperature": temperature, "reward": reward}

    def _from_rollout(self, rollout: Rollout) -> dict[str, float]:
        """Each row once, towards the rollout's own returns."""
        weights, arrays = rollout.weights, rollout.arrays
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
            self._scale.scaled(arrays.reward, rollout.n_steps),
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
        self._observed(rollout)
        return self._learned(block)[0]

    def _from_replay(self, rollout: Rollout) -> dict[str, float]:
        """A block of rows of what was seen, those with large errors more often."""
        config, collector = self.config, self._collector
        self._replay.add(
            rollout.arrays, rollout.n_steps, horizon=config.reward_steps, gamma=config.gamma
        )
        self._priorities.add(rollout.arrays.reward.size)
        if len(self._replay) < config.first_rows:  # what is observed keeps its scale from then on
            self._observed(rollout)
            return {}
        draws = self._generator.random((config.updates, config.batch))
        at, weight = self._priorities.draw(draws, correction=linear(0.4, 1.0, self.done))
        drawn = self._replay.at(at)
        block = DqnBlock(
            obs=collector.normalised(drawn.obs, rollout.weights),
            actions=drawn.actions.astype(np.int32),
            reward=self._scale.scaled(drawn.reward, drawn.counts).astype(np.float32),
            next_obs=collector.normalised(drawn.next_obs, rollout.weights),
            discount=drawn.discount,
            weight=weight,
        )
        metrics, errors = self._learned(block)
        if math.isfinite(metrics["loss"]):  # else the training is about to say that it diverged
            self._priorities.set(at, errors)
        return metrics

    def _learned(self, block: DqnBlock) -> tuple[dict[str, float], NDArray[np.float32]]:
        """Updates; see `DqnLearner.update`."""
        temperature = self._temperature.value
        return self.learner.update(block, rate_factor=self.rate_factor, temperature=temperature)


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
