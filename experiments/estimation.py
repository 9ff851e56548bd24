"""A mean, or a certainty equivalent, and its standard error from independent episodes.

With a risk aversion gamma the certainty equivalent of terminal wealth W is -ln(E exp(-gamma W)) /
gamma. The weights exp(-gamma W) span hundreds of orders of magnitude, so they are kept relative to
the largest: exp(-gamma W - shift). Each block of episodes takes two passes, one for the mean and
one for the squares about it, and blocks are merged without subtracting large sums.
"""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

EFFECTIVE_SAMPLE_MIN = 100.0  # a mean of fewer effective weights has no standard error to speak of


class Moments(BaseModel):
    """Episodes summed up: the outcomes themselves, or with gamma > 0 their relative weights."""

    model_config = ConfigDict(frozen=True)

    risk_aversion: float
    n: int
    shift: float  # the largest -gamma W; 0 when risk-neutral
    mean: float
    squares: float  # sum of the squared distances from the mean
    lowest: float  # outcome

    @classmethod
    def of(cls, outcomes: NDArray[np.float64], risk_aversion: float) -> Self:
        """Those of at least one outcome: the sum of rewards, or with gamma > 0 terminal wealth."""
        shift, terms = 0.0, outcomes
        if risk_aversion > 0.0:
            exponents = -risk_aversion * outcomes
            shift = float(exponents.max())
            terms = np.exp(exponents - shift)
        mean = float(terms.mean())
        return cls(
            risk_aversion=risk_aversion,
            n=len(outcomes),
            shift=shift,
            mean=mean,
            squares=float(((terms - mean) ** 2).sum()),
            lowest=float(outcomes.min()),
        )

    def merged(self, other: Moments) -> Moments:
        """Those of both sets of episodes together."""
        shift = max(self.shift, other.shift)
        ours, theirs = math.exp(self.shift - shift), math.exp(other.shift - shift)
        n = self.n + other.n
        difference = theirs * other.mean - ours * self.mean
        between = difference**2 * (self.n * other.n / n)
        return Moments(
            risk_aversion=self.risk_aversion,
            n=n,
            shift=shift,
            mean=ours * self.mean + difference * (other.n / n),
            squares=ours**2 * self.squares + theirs**2 * other.squares + between,
            lowest=min(self.lowest, other.lowest),
        )

    @property
    def value(self) -> float:
        """The mean, or the certainty equivalent."""
        if self.risk_aversion == 0.0:
            return self.mean
        return -(self.shift + math.log(self.mean)) / self.risk_aversion

    @property
    def deviation(self) -> float:
        """Standard deviation of one episode on the scale of the value (delta method)."""
        deviation = math.sqrt(self.squares / self.n)
        if self.risk_aversion == 0.0:
            return deviation
        return deviation / (self.risk_aversion * self.mean)

    @property
    def effective_sample_size(self) -> float | None:
        """(sum w)^2 / sum w^2 of the weights w; None when every episode weighs the same."""
        if self.risk_aversion == 0.0:
            return None
        return self.n * self.mean**2 / (self.squares / self.n + self.mean**2)

    @property
    def is_broad(self) -> bool:
        """Whether the deviation can be trusted: positive, and carried by enough episodes."""
        size = self.effective_sample_size
        enough = size is None or size >= EFFECTIVE_SAMPLE_MIN
        return enough and math.isfinite(self.deviation) and self.deviation > 0.0
