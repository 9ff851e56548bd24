"""Rollouts for a training: environments, arrays, and the normaliser of what is observed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.agents.learners.running import RunningMoments, part, under
from rlmm_tf.env import (
    PolicySpec,
    PolicyWeights,
    RolloutArrays,
    aligned_empty,
    make_batch,
    make_policy,
    roll_out,
)
from rlmm_tf.params import EnvParams
from rlmm_tf.seeding import environment_keys

PURPOSES = ("rollouts", "learner", "evaluation")


def stream(
    seed: np.random.SeedSequence, purpose: Literal["rollouts", "learner", "evaluation"]
) -> np.random.SeedSequence:
    """The randomness of one purpose of a training; none has any in common with another's."""
    path = (*seed.spawn_key, PURPOSES.index(purpose))
    return np.random.SeedSequence(seed.entropy, spawn_key=path)


def training_params(params: EnvParams) -> EnvParams:
    """The problem as agents train on it: of a utility of wealth, the wealth that it comes from.

    A step's change of utility says in which state the wealth is, and falls by magnitudes while that
    grows; learners take the change of wealth and the risk aversion apart.
    """
    if params.reward.utility == "linear":
        return params
    reward = params.reward.model_copy(update={"utility": "linear", "risk_aversion": 0.0})
    return params.model_copy(update={"reward": reward})


class Collector:
    """Steps N environments T times for each rollout; they go on where the last one stopped."""

    def __init__(
        self,
        params: EnvParams,
        spec: PolicySpec,
        *,
        n_steps: int,
        n_envs: int,
        seed: np.random.SeedSequence,
        n_threads: int,
        final_obs: bool = False,
    ) -> None:
        self.spec = spec
        self.normaliser = RunningMoments(spec.obs_width)
        self.arrays = RolloutArrays.empty(spec, n_steps=n_steps, n_envs=n_envs, final_obs=final_obs)
        keys = environment_keys(seed, n_envs)
        self.batch = make_batch(params, seeds=keys, n_threads=min(n_threads, n_envs))
        self.batch.reset(obs=aligned_empty((n_envs, spec.obs_width), np.float32))

    def state(self) -> dict[str, NDArray[Any]]:
        """All that `set_state` needs."""
        batch = np.frombuffer(self.batch.state(), np.uint8)
        return {"batch": batch, **under("normaliser", self.normaliser.state())}

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes back to where `state` was taken."""
        self.batch.set_state(state["batch"].tobytes())
        self.normaliser.set_state(part(state, "normaliser"))

    def weights(self, **networks: NDArray[np.float32] | None) -> PolicyWeights:
        """A policy's networks with the normaliser of now."""
        weights = PolicyWeights.zeros(self.spec)
        for name, values in networks.items():
            if values is not None:
                getattr(weights, name)[:] = values
        weights.obs_mean = self.normaliser.mean.copy()
        weights.obs_variance = self.normaliser.variance.copy()
        return weights

    def collect(
        self, weights: PolicyWeights, *, log_std_least: float | None = None
    ) -> RolloutArrays:
        """One rollout; the arrays are the same ones each time.

        Args:
            weights: of the policy that acts.
            log_std_least: instead of the spec's, where the network puts it out.
        """
        spec = self.spec
        if log_std_least is not None:
            spec = replace(spec, log_std_bounds=(log_std_least, spec.log_std_bounds[1]))
        roll_out(self.batch, make_policy(spec, weights), self.arrays)
        return self.arrays

    def normalised(self, obs: NDArray[np.float32], weights: PolicyWeights) -> NDArray[np.float32]:
        """Rows as the policy with these weights saw them."""
        assert weights.obs_mean is not None  # `weights` above gives them
        assert weights.obs_variance is not None
        spread = np.sqrt(weights.obs_variance + self.spec.obs_epsilon)
        rows = (obs - weights.obs_mean) / spread
        clipped: NDArray[Any] = np.clip(rows, -self.spec.obs_clip, self.spec.obs_clip)
        return clipped.astype(np.float32)
