"""Running means and variances, merged batch by batch (Chan's rule), in float64."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass
class RunningMoments:
    """Of rows seen so far; starts as one row of zeros with variance 1, so nothing divides by 0."""

    width: int
    mean: NDArray[np.float64] = field(init=False)
    variance: NDArray[np.float64] = field(init=False)
    count: float = field(default=1e-4, init=False)

    def __post_init__(self) -> None:
        self.mean = np.zeros(self.width)
        self.variance = np.ones(self.width)

    def add(self, rows: NDArray[np.float32] | NDArray[np.float64]) -> None:
        """Merges rows of shape (n, width)."""
        n = len(rows)
        mean = rows.mean(axis=0, dtype=np.float64)
        variance = rows.var(axis=0, dtype=np.float64)
        total = self.count + n
        delta = mean - self.mean
        between = delta * delta * (self.count * n / total)
        self.variance = (self.variance * self.count + variance * n + between) / total
        self.mean = self.mean + delta * (n / total)
        self.count = total


@dataclass
class RewardScale:
    """Standard deviation of the discounted sum of rewards, per environment and over all of them."""

    n_envs: int
    gamma: float
    moments: RunningMoments = field(default_factory=lambda: RunningMoments(1), init=False)
    sums: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.sums = np.zeros(self.n_envs)

    def scaled(self, reward: NDArray[np.float64], ended: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Rewards (T, N) over the standard deviation so far, these included."""
        sums = np.empty_like(reward)
        for t in range(len(reward)):
            self.sums = self.gamma * self.sums + reward[t]
            sums[t] = self.sums
            self.sums = np.where(ended[t], 0.0, self.sums)
        self.moments.add(sums.reshape(-1, 1))
        scaled: NDArray[np.float64] = reward / np.sqrt(self.moments.variance[0] + 1e-8)
        return scaled
