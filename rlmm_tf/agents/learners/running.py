"""Moments of what a training sees, to bring it to a common scale; in float64.

The n-th batch weighs n times the first: what an untrained policy did is soon forgotten, and what is
left of the last batch's luck falls as 2 / n.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

VARIANCE_LEAST = 1e-8  # of a column that is constant


@dataclass
class RunningMoments:
    """Mean and variance by column; before the first batch 0 and 1, so that nothing is divided by 0.

    Batches are merged by their means and squares about them (Chan's rule).
    """

    width: int
    mean: Floats = field(init=False)
    variance: Floats = field(init=False)
    batches: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.mean = np.zeros(self.width)
        self.variance = np.ones(self.width)

    def add(self, rows: NDArray[np.float32] | Floats) -> None:
        """Merges a batch of shape (n, width)."""
        self.batches += 1
        share = 2.0 / (self.batches + 1)
        mean = rows.mean(axis=0, dtype=np.float64)
        variance = rows.var(axis=0, dtype=np.float64)
        delta = mean - self.mean
        between = (1.0 - share) * share * delta * delta
        self.variance = (1.0 - share) * self.variance + share * variance + between
        self.mean = self.mean + share * delta

    def state(self) -> dict[str, NDArray[Any]]:
        """All that `set_state` needs."""
        return {"mean": self.mean, "variance": self.variance, "batches": np.array(self.batches)}

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes back to where `state` was taken."""
        self.mean, self.variance = state["mean"].copy(), state["variance"].copy()
        self.batches = int(state["batches"])


@dataclass
class RewardScale:
    """Rewards less their mean, over the deviation of an episode's sum of these so far.

    Subtracting the mean c of a step adds c x (steps done - steps of the episode) to the value of
    a state: of the future, what is left is what distinguishes it. An episode that ends before its
    time loses the means that it has not had, so that what is best does not change.
    """

    n_envs: int
    episode_steps: int | None
    """Of an episode that ends at a horizon; None where an end has no appointed time."""
    gamma: float
    steps: RunningMoments = field(default_factory=lambda: RunningMoments(1), init=False)
    totals: RunningMoments = field(default_factory=lambda: RunningMoments(1), init=False)
    sums: Floats = field(init=False)
    ages: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.sums = np.zeros(self.n_envs)
        self.ages = np.zeros(self.n_envs, np.int64)

    def state(self) -> dict[str, NDArray[Any]]:
        """All that `set_state` needs."""
        return {
            **under("steps", self.steps.state()),
            **under("totals", self.totals.state()),
            "sums": self.sums,
            "ages": self.ages,
        }

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes back to where `state` was taken."""
        self.steps.set_state(part(state, "steps"))
        self.totals.set_state(part(state, "totals"))
        self.sums, self.ages = state["sums"].copy(), state["ages"].copy()

    @property
    def deviation(self) -> float:
        """What rewards are divided by."""
        return float(np.sqrt(self.totals.variance[0] + VARIANCE_LEAST))

    @property
    def centre(self) -> float:
        """What is taken off for each step."""
        return float(self.steps.mean[0]) if self.episode_steps is not None else 0.0

    def observed(
        self, reward: Floats, terminated: NDArray[np.bool_], ended: NDArray[np.bool_]
    ) -> Floats:
        """Counts rewards (T, N) in; returns for how many steps `scaled` is to take the mean off.

        1, and where an episode terminates before its time also those that it had left. `ended`:
        terminated or truncated.
        """
        self.steps.add(reward.reshape(-1, 1))
        n_steps = np.ones_like(reward)
        sums = np.empty_like(reward)
        for t in range(len(reward)):
            self.ages += 1
            if self.episode_steps is not None:
                n_steps[t] += np.where(terminated[t], self.episode_steps - self.ages, 0)
            self.sums = self.gamma * self.sums + reward[t] - self.centre * n_steps[t]
            sums[t] = self.sums
            self.sums = np.where(ended[t], 0.0, self.sums)
            self.ages = np.where(ended[t], 0, self.ages)
        self.totals.add(sums.reshape(-1, 1))
        return n_steps

    def scaled(self, reward: Floats, n_steps: Floats) -> Floats:
        """Rewards of as many steps, by the scale of now."""
        return (reward - self.centre * n_steps) / self.deviation


def under(prefix: str, state: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """A part's state as part of a whole's."""
    return {f"{prefix}.{name}": array for name, array in state.items()}


def part(state: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """The part's own again."""
    start = f"{prefix}."
    return {
        name.removeprefix(start): array for name, array in state.items() if name.startswith(start)
    }
