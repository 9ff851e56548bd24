"""SAC's training: rollouts in the engine into a replay, blocks of updates out of it."""

from __future__ import annotations

import numpy as np

from rlmm_tf.agents.learners.sac import SacBlock, SacLearner, SacShape
from rlmm_tf.env import PolicyWeights
from rlmm_tf.kernels.transitions import TransitionRing
from rlmm_tf.params import EnvParams
from rlmm_tf.training.collection import Problem, problem_of, stream
from rlmm_tf.training.config import SacTrainingConfig
from rlmm_tf.training.parts import Stateful, TrainingParts, compiled_backend, reward_scale
from rlmm_tf.training.schedules import geometric


class SacTraining(TrainingParts):
    """One training: `iterate` as often as `iterations_total` says."""

    def __init__(
        self,
        params: EnvParams | Problem,
        config: SacTrainingConfig,
        *,
        seed: np.random.SeedSequence,
        n_threads: int = 1,
    ) -> None:
        _require_fitting(params, config)
        problem = problem_of(params)
        spec = problem.spec(squashed=True, hidden=config.hidden, activation=config.activation)
        generator = np.random.default_rng(stream(seed, "learner"))
        n_actions = spec.actions[0]
        shape = SacShape(
            spec.obs_width,
            n_actions,
            hidden=config.hidden,
            critic_hidden=config.critic_hidden,
            activation=config.activation,
            critic_activation=config.critic_activation,
            risk_averse=problem.risk_aversion > 0.0,
        )
        backend = compiled_backend(config)
        self.learner = SacLearner(shape, config.update, generator, backend=backend)
        self._replay = TransitionRing(config.replay_rows, spec.obs_width, n_actions)
        collector = problem.collector(
            spec,
            n_steps=max(1, config.rollout_steps // config.envs),
            n_envs=config.envs,
            seed=stream(seed, "rollouts"),
            n_threads=n_threads,
            final_obs=True,
        )
        scale = reward_scale(problem, config.envs, config.gamma)
        others: dict[str, Stateful] = {"learner": self.learner, "replay": self._replay}
        super().__init__(config, config.steps, spec, collector, scale, generator, others)
        self.config = config
        self._risk_aversion = problem.risk_aversion

    def weights(self) -> PolicyWeights:
        """Of the policy that is scored: the actor's running mean."""
        return self._collector.weights(actor=self.learner.actor_weights(averaged=True))

    def iterate(self) -> dict[str, float]:
        """A rollout and, once there is enough to learn from, its share of updates."""
        config = self.config
        weights = self._collector.weights(actor=self.learner.actor_weights(averaged=False))
        rollout = self._collected(weights, log_std_least=config.log_std_least)
        self._replay.add(
            rollout.arrays, rollout.n_steps, horizon=config.reward_steps, gamma=config.gamma
        )
        metrics = {"reward": float(rollout.arrays.reward.mean())}
        if len(self._replay) >= config.first_rows:
            cooling = geometric(
                config.cooling_end, self.done, since=config.cooling_from, until=config.cooling_to
            )
            metrics |= self.learner.update(
                self._block(weights),
                rate_factor=self.rate_factor,
                cooling=cooling,
                risk_aversion=self._risk_aversion * self._scale.deviation,
            )
        else:  # what is observed keeps its scale while there are updates
            self._observed(rollout)
        self.iterations += 1
        return metrics

    def _block(self, weights: PolicyWeights) -> SacBlock:
        config, collector = self.config, self._collector
        rows = self._replay.sample_block(self._generator.random((config.updates, config.batch)))
        shape = (config.updates, 2, config.batch, self.spec.actions[0])
        return SacBlock(
            obs=collector.normalised(rows.obs, weights),
            actions=rows.actions,
            reward=self._scale.scaled(rows.reward, rows.counts).astype(np.float32),
            next_obs=collector.normalised(rows.next_obs, weights),
            discount=rows.discount,
            noise=self._generator.standard_normal(shape, np.float32),
        )


def _require_fitting(params: EnvParams | Problem, config: SacTrainingConfig) -> None:
    action = params.action.kind if isinstance(params, EnvParams) else "continuous"
    if action != "continuous":
        raise ValueError(
            f"action.kind: expected 'continuous' for SAC, got {action!r}; train PPO or DQN instead"
        )
    if config.cooling_from > config.cooling_to:
        raise ValueError(
            f"cooling_from: expected at most cooling_to={config.cooling_to}, got "
            f"{config.cooling_from}"
        )
