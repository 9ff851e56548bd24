"""SAC's training: rollouts in the engine into a replay, blocks of updates out of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.agents.learners.running import RewardScale, part, under
from rlmm_tf.agents.learners.sac import SacBlock, SacLearner, SacShape
from rlmm_tf.env import PolicySpec, PolicyWeights
from rlmm_tf.params import EnvParams
from rlmm_tf.training.collection import Collector, stream
from rlmm_tf.training.config import SacTrainingConfig
from rlmm_tf.training.replay import Replay, n_step_transitions
from rlmm_tf.training.schedules import linear
from rlmm_tf.training.tensor_file import Arrays, Texts


class SacTraining:
    """One training: `iterate` as often as `iterations_total` says."""

    def __init__(
        self,
        params: EnvParams,
        config: SacTrainingConfig,
        *,
        seed: np.random.SeedSequence,
        n_threads: int = 1,
    ) -> None:
        _require_fitting(params)
        self.config = config
        self.spec = PolicySpec.for_params(
            params, squashed=True, hidden=config.hidden, activation="relu"
        )
        self._generator = np.random.default_rng(stream(seed, "learner"))
        n_actions = self.spec.actions[0]
        shape = SacShape(
            self.spec.obs_width,
            n_actions,
            hidden=config.hidden,
            critic_hidden=config.critic_hidden,
        )
        self.learner = SacLearner(shape, config.update, self._generator)
        self._collector = Collector(
            params,
            self.spec,
            n_steps=max(1, config.rollout_steps // config.envs),
            n_envs=config.envs,
            seed=stream(seed, "rollouts"),
            n_threads=n_threads,
            final_obs=True,
        )
        self._replay = Replay(config.replay_rows, self.spec.obs_width, n_actions)
        has_horizon = params.episode.horizon_ends == "terminated"
        episode_steps = params.episode.n_steps if has_horizon else None
        self._scale = RewardScale(config.envs, episode_steps, config.gamma)
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
            **under("replay", self._replay.state()),
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
        self._replay.set_state(part(arrays, "replay"))
        self.iterations = int(texts["iterations"])
        self._generator.bit_generator.state = json.loads(texts["generator"])

    def weights(self) -> PolicyWeights:
        """Of the policy as it is now."""
        return self._collector.weights(actor=self.learner.actor_weights())

    def iterate(self) -> dict[str, float]:
        """A rollout and, once there is enough to learn from, its share of updates."""
        config = self.config
        done = self.iterations / self.iterations_total
        arrays = self._collector.collect(self.weights())
        ended = arrays.terminated | arrays.truncated
        n_steps = self._scale.observed(arrays.reward, arrays.terminated, ended)
        self._replay.add(
            n_step_transitions(arrays, n=config.reward_steps, gamma=config.gamma, n_steps=n_steps)
        )
        self.iterations += 1
        metrics = {"reward": float(arrays.reward.mean())}
        if len(self._replay) >= config.first_rows:
            rate = linear(1.0, config.rate_end, done)
            metrics |= self.learner.update(self._block(), rate_factor=rate)
        else:  # what is observed keeps its scale while there are updates
            self._collector.normaliser.add(arrays.obs.reshape(-1, self.spec.obs_width))
        return metrics

    def _block(self) -> SacBlock:
        config, collector = self.config, self._collector
        rows = self._replay.sample_block(config.updates, config.batch, self._generator)
        shape = (config.updates, 2, config.batch, self.spec.actions[0])
        weights = self.weights()
        return SacBlock(
            obs=collector.normalised(rows.obs, weights),
            actions=rows.actions,
            reward=self._scale.scaled(rows.reward, rows.n_steps).astype(np.float32),
            next_obs=collector.normalised(rows.next_obs, weights),
            discount=rows.discount,
            noise=self._generator.standard_normal(shape, np.float32),
        )


def _require_fitting(params: EnvParams) -> None:
    action, reward = params.action.kind, params.reward.utility
    if action != "continuous":
        raise ValueError(
            f"action.kind: expected 'continuous' for SAC, got {action!r}; train PPO instead"
        )
    if reward != "linear":
        raise ValueError(
            f"reward.utility: expected 'linear' for SAC, got {reward!r}; train PPO instead"
        )
