"""PPO's training: rollouts in the engine, advantages, updates; from random weights."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.agents.learners.advantages import advantages
from rlmm_tf.agents.learners.ppo import PpoBatch, PpoLearner, PpoShape
from rlmm_tf.agents.learners.running import RewardScale, part, under
from rlmm_tf.env import PolicySpec, PolicyWeights, RolloutArrays
from rlmm_tf.params import EnvParams
from rlmm_tf.training.collection import Collector, stream, training_params
from rlmm_tf.training.config import PpoTrainingConfig
from rlmm_tf.training.schedules import linear
from rlmm_tf.training.tensor_file import Arrays, Texts


class PpoTraining:
    """One training: `iterate` as often as `iterations_total` says."""

    def __init__(
        self,
        params: EnvParams,
        config: PpoTrainingConfig,
        *,
        seed: np.random.SeedSequence,
        n_threads: int = 1,
    ) -> None:
        self.config = config
        self.spec = PolicySpec.for_params(
            params,
            squashed=config.squashed,
            hidden=config.hidden,
            value_hidden=config.value_hidden,
        )
        self._generator = np.random.default_rng(stream(seed, "learner"))
        shape = PpoShape(
            self.spec.obs_width,
            self.spec.head,
            self.spec.actions,
            hidden=config.hidden,
            value_hidden=config.value_hidden,
        )
        self.learner = PpoLearner(shape, config.update, self._generator)
        n_steps = params.episode.n_steps
        n_envs = config.envs or max(1, config.rollout_steps // n_steps)
        self._collector = Collector(
            training_params(params),
            self.spec,
            n_steps=max(1, config.rollout_steps // n_envs),
            n_envs=n_envs,
            seed=stream(seed, "rollouts"),
            n_threads=n_threads,
        )
        has_horizon = params.episode.horizon_ends == "terminated"
        self._scale = RewardScale(n_envs, n_steps if has_horizon else None, config.gamma)
        self._risk_aversion = params.reward.risk_aversion
        self.iterations = 0

    @property
    def rollout_steps(self) -> int:
        """Of all environments together, in one iteration."""
        return self._collector.arrays.reward.size

    @property
    def iterations_total(self) -> int:
        """Until the training is done."""
        return max(1, math.ceil(self.config.steps / self.rollout_steps))

    def state(self) -> tuple[Arrays, Texts]:
        """Everything that the iterations to come depend on."""
        arrays = {
            **under("learner", self.learner.state()),
            **under("collector", self._collector.state()),
            **under("scale", self._scale.state()),
        }
        return arrays, {
            "iterations": str(self.iterations),
            "generator": json.dumps(self._generator.bit_generator.state),
        }

    def set_state(self, arrays: Mapping[str, NDArray[Any]], texts: Mapping[str, str]) -> None:
        """Goes back to where `state` was taken."""
        self.learner.set_state(part(arrays, "learner"))
        self._collector.set_state(part(arrays, "collector"))
        self._scale.set_state(part(arrays, "scale"))
        self.iterations = int(texts["iterations"])
        self._generator.bit_generator.state = json.loads(texts["generator"])

    def weights(self) -> PolicyWeights:
        """Of the policy as it is now."""
        learner = self.learner
        return self._collector.weights(
            actor=learner.actor_weights(), log_std=learner.log_std(), value=learner.value_weights()
        )

    def iterate(self) -> dict[str, float]:
        """A rollout and an update; returns what is worth a line in the metrics."""
        done = self.iterations / self.iterations_total
        weights = self.weights()
        arrays = self._collector.collect(weights)
        batch = self._batch(arrays, weights)
        metrics = self.learner.update(
            batch,
            self._generator,
            rate_factor=linear(1.0, self.config.rate_end, done),
            entropy_factor=linear(1.0, self.config.entropy_end, done),
        )
        self._collector.normaliser.add(arrays.obs.reshape(-1, self.spec.obs_width))
        self.iterations += 1
        log_std = self.learner.log_std()
        if log_std is not None:
            metrics["log_std"] = float(log_std.mean())
        metrics["reward"] = float(arrays.reward.mean())
        return metrics

    def _batch(self, arrays: RolloutArrays, weights: PolicyWeights) -> PpoBatch:
        """What the update learns from."""
        value, final_value, last_value = arrays.value, arrays.final_value, arrays.last_value
        assert value is not None  # the spec has a value network
        assert final_value is not None
        assert last_value is not None
        ended = arrays.terminated | arrays.truncated
        n_steps = self._scale.observed(arrays.reward, arrays.terminated, ended)
        reward = self._scale.scaled(arrays.reward, n_steps)
        ends = arrays.terminated, arrays.truncated
        advantage, surprise = (
            advantages(
                reward,
                value,
                *ends,
                final_value,
                last_value,
                gamma=self.config.gamma,
                trace=trace,
                risk_aversion=self._risk_aversion * self._scale.deviation,
            )
            for trace in (self.config.trace, self.config.value_trace)
        )
        chosen = arrays.actions if arrays.pre_squash is None else arrays.pre_squash
        actions = chosen.reshape(reward.size, -1)
        return PpoBatch(
            self._collector.normalised(arrays.obs.reshape(reward.size, -1), weights),
            actions,
            self.learner.behaviour_log_prob(arrays.log_prob.reshape(-1), actions),
            advantage.reshape(-1),
            (surprise + value).reshape(-1),
        )
