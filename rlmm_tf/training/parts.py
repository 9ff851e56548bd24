"""What trainings have in common: their course, and what a checkpoint holds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.agents.learners.running import RewardScale, part, under
from rlmm_tf.env import PolicySpec, PolicyWeights, RolloutArrays
from rlmm_tf.training.collection import Collector, Problem
from rlmm_tf.training.config import CompiledBackend, Course
from rlmm_tf.training.schedules import linear
from rlmm_tf.training.tensor_file import Arrays, Texts


class Stateful(Protocol):
    """A part that later iterations depend on."""

    def state(self) -> Mapping[str, NDArray[Any]]:
        """All that `set_state` needs."""
        ...

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes back to where `state` was taken."""
        ...


@dataclass(frozen=True)
class Rollout:
    """What was collected, and by what."""

    weights: PolicyWeights
    arrays: RolloutArrays
    n_steps: NDArray[np.float64]  # (T, N), of `RewardScale.observed`


class TrainingParts:
    """Base of the trainings.

    Args:
        config: of the training.
        steps: of all environments together, until the end.
        spec: of the policy.
        collector: makes the rollouts.
        scale: of the rewards.
        generator: what a learner draws from.
        others: further parts by name, the learner among them.
    """

    def __init__(
        self,
        config: Course,
        steps: int,
        spec: PolicySpec,
        collector: Collector,
        scale: RewardScale,
        generator: np.random.Generator,
        others: Mapping[str, Stateful],
    ) -> None:
        self.spec = spec
        self.iterations = 0
        self._course, self._steps = config, steps
        self._collector, self._scale, self._generator = collector, scale, generator
        self._parts: dict[str, Stateful] = {"collector": collector, "scale": scale, **others}

    @property
    def rollout_steps(self) -> int:
        """Of all environments together, in one iteration."""
        return self._collector.arrays.reward.size

    @property
    def iterations_total(self) -> int:
        """Until the training is done."""
        return max(1, math.ceil(self._steps / self.rollout_steps))

    @property
    def done(self) -> float:
        """The part of the training that is over, 0 to 1."""
        return self.iterations / self.iterations_total

    @property
    def rate_factor(self) -> float:
        """Of the learning rate now."""
        return linear(1.0, self._course.rate_end, self.done)

    def _collected(self, weights: PolicyWeights, **how: Any) -> Rollout:
        """The next rollout, counted into the scale of the rewards; `how`: see `Collector`."""
        arrays = self._collector.collect(weights, **how)
        ended = arrays.terminated | arrays.truncated
        n_steps = self._scale.observed(arrays.reward, arrays.terminated, ended)
        return Rollout(weights, arrays, n_steps)

    def _observed(self, rollout: Rollout) -> None:
        """Counts the rollout into the normaliser of the observations."""
        self._collector.normaliser.add(rollout.arrays.obs.reshape(-1, self.spec.obs_width))

    def state(self) -> tuple[Arrays, Texts]:
        """Everything that the iterations to come depend on."""
        arrays: Arrays = {}
        for name, one in self._parts.items():
            arrays |= under(name, one.state())
        draws = json.dumps(self._generator.bit_generator.state)
        return arrays, {"iterations": str(self.iterations), "generator": draws}

    def set_state(self, arrays: Mapping[str, NDArray[Any]], texts: Mapping[str, str]) -> None:
        """Goes back to where `state` was taken."""
        for name, one in self._parts.items():
            one.set_state(part(arrays, name))
        self.iterations = int(texts["iterations"])
        self._generator.bit_generator.state = json.loads(texts["generator"])


def reward_scale(problem: Problem, n_envs: int, gamma: float) -> RewardScale:
    """For this problem; its horizon counts where the problem ends there."""
    return RewardScale(n_envs, problem.horizon_steps, gamma)


def compiled_backend(config: Course) -> CompiledBackend:
    """The configuration's, which a trial must have chosen by now."""
    if config.backend == "auto":
        raise ValueError(
            "backend: expected 'graph' or 'xla', got 'auto'; choose one by "
            "rlmm_tf.training.trial.fastest_backend"
        )
    return config.backend
