"""Rollouts for a training: environments, arrays, and the normaliser of what is observed.

A training learns of a `Problem`: one of the engine's (`EngineProblem`, rollouts without Python), or
any other that can be stepped (`rlmm_tf.training.gym_problem`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.agents.learners.running import RunningMoments, part, under
from rlmm_tf.env import (
    Policy,
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


class Collector(ABC):
    """Steps N environments T times for each rollout; they go on where the last one stopped."""

    def __init__(self, spec: PolicySpec, arrays: RolloutArrays) -> None:
        self.spec, self.arrays = spec, arrays
        self.normaliser = RunningMoments(spec.obs_width)

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
        self._roll_out(make_policy(spec, weights))
        return self.arrays

    def normalised(self, obs: NDArray[np.float32], weights: PolicyWeights) -> NDArray[np.float32]:
        """Rows as the policy with these weights saw them."""
        assert weights.obs_mean is not None  # `weights` above gives them
        assert weights.obs_variance is not None
        spread = np.sqrt(weights.obs_variance + self.spec.obs_epsilon)
        rows = (obs - weights.obs_mean) / spread
        clipped: NDArray[Any] = np.clip(rows, -self.spec.obs_clip, self.spec.obs_clip)
        return clipped.astype(np.float32)

    @abstractmethod
    def state(self) -> dict[str, NDArray[Any]]:
        """All that `set_state` needs."""

    @abstractmethod
    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes back to where `state` was taken."""

    @abstractmethod
    def _roll_out(self, policy: Policy) -> None:
        """Fills the arrays."""


class Problem(Protocol):
    """What is learned."""

    @property
    def n_steps(self) -> int:
        """Of an episode, at most."""
        ...

    @property
    def horizon_steps(self) -> int | None:
        """Of an episode that terminates at a horizon; None where an end has no appointed time."""
        ...

    @property
    def risk_aversion(self) -> float:
        """Of the utility of what an episode earns; 0: it is what counts."""
        ...

    def spec(self, *, squashed: bool = False, **others: Any) -> PolicySpec:
        """Of a policy for it; see `PolicySpec.for_params`."""
        ...

    def collector(
        self,
        spec: PolicySpec,
        *,
        n_steps: int,
        n_envs: int,
        seed: np.random.SeedSequence,
        n_threads: int,
        final_obs: bool = False,
    ) -> Collector:
        """Of rollouts of as many steps and environments."""
        ...


class EngineCollector(Collector):
    """Rollouts inside the engine."""

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
        arrays = RolloutArrays.empty(spec, n_steps=n_steps, n_envs=n_envs, final_obs=final_obs)
        super().__init__(spec, arrays)
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

    def _roll_out(self, policy: Policy) -> None:
        roll_out(self.batch, policy, self.arrays)


class EngineProblem:
    """A market-making problem of the engine."""

    def __init__(self, params: EnvParams) -> None:
        self._params = params
        self.n_steps = params.episode.n_steps
        ends = params.episode.horizon_ends == "terminated"
        self.horizon_steps = self.n_steps if ends else None
        self.risk_aversion = params.reward.risk_aversion

    def spec(self, *, squashed: bool = False, **others: Any) -> PolicySpec:
        """Of a policy for it."""
        return PolicySpec.for_params(self._params, squashed=squashed, **others)

    def collector(self, spec: PolicySpec, **how: Any) -> Collector:
        """See `EngineCollector`."""
        return EngineCollector(training_params(self._params), spec, **how)


def problem_of(params: EnvParams | Problem) -> Problem:
    """Parameters as what trainings learn of."""
    return EngineProblem(params) if isinstance(params, EnvParams) else params
