"""PPO's training: rollouts in the engine, advantages, updates; from random weights."""

from __future__ import annotations

import numpy as np

from rlmm_tf.agents.learners.advantages import advantages, deviation_by_observation
from rlmm_tf.agents.learners.ppo import PpoBatch, PpoLearner, PpoShape
from rlmm_tf.env import PolicyWeights
from rlmm_tf.params import EnvParams
from rlmm_tf.training.collection import Problem, problem_of, stream
from rlmm_tf.training.config import PpoTrainingConfig
from rlmm_tf.training.parts import Rollout, TrainingParts, compiled_backend, reward_scale
from rlmm_tf.training.schedules import linear


class PpoTraining(TrainingParts):
    """One training: `iterate` as often as `iterations_total` says."""

    def __init__(
        self,
        params: EnvParams | Problem,
        config: PpoTrainingConfig,
        *,
        seed: np.random.SeedSequence,
        n_threads: int = 1,
    ) -> None:
        hidden, value_hidden = config.hidden, config.value_hidden
        problem = problem_of(params)
        spec = problem.spec(squashed=config.squashed, hidden=hidden, value_hidden=value_hidden)
        generator = np.random.default_rng(stream(seed, "learner"))
        shape = PpoShape(
            spec.obs_width, spec.head, spec.actions, hidden=hidden, value_hidden=value_hidden
        )
        backend = compiled_backend(config)
        self.learner = PpoLearner(shape, config.update, generator, backend=backend)
        n_envs = config.envs or max(1, config.rollout_steps // problem.n_steps)
        collector = problem.collector(
            spec,
            n_steps=max(1, config.rollout_steps // n_envs),
            n_envs=n_envs,
            seed=stream(seed, "rollouts"),
            n_threads=n_threads,
        )
        scale = reward_scale(problem, n_envs, config.gamma)
        others = {"learner": self.learner}
        super().__init__(config, config.steps, spec, collector, scale, generator, others)
        self.config = config
        self._risk_aversion = problem.risk_aversion

    def weights(self) -> PolicyWeights:
        """Of the policy as it is now."""
        learner = self.learner
        return self._collector.weights(
            actor=learner.actor_weights(), log_std=learner.log_std(), value=learner.value_weights()
        )

    def iterate(self) -> dict[str, float]:
        """A rollout and an update; returns what is worth a line in the metrics."""
        rollout = self._collected(self.weights())
        metrics = self.learner.update(
            self._batch(rollout),
            self._generator,
            rate_factor=self.rate_factor,
            entropy_factor=linear(
                1.0, self.config.entropy_end, min(1.0, self.done / self.config.entropy_until)
            ),
        )
        self._observed(rollout)
        self.iterations += 1
        log_std = self.learner.log_std()
        if log_std is not None:
            metrics["log_std"] = float(log_std.mean())
        metrics["reward"] = float(rollout.arrays.reward.mean())
        return metrics

    def _batch(self, rollout: Rollout) -> PpoBatch:
        """What the update learns from."""
        arrays = rollout.arrays
        value, final_value, last_value = arrays.value, arrays.final_value, arrays.last_value
        assert value is not None  # the spec has a value network
        assert final_value is not None
        assert last_value is not None
        reward = self._scale.scaled(arrays.reward, rollout.n_steps)
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
        obs = self._collector.normalised(arrays.obs.reshape(reward.size, -1), rollout.weights)
        advantage = advantage.reshape(-1)
        if self.config.local_scale:
            advantage = advantage / deviation_by_observation(obs, advantage)
        return PpoBatch(
            obs,
            actions,
            self.learner.behaviour_log_prob(arrays.log_prob.reshape(-1), actions),
            advantage,
            (surprise + value).reshape(-1),
        )
