"""How far a score is from the real one under a condition: the mean over groups of the condition.

Messages are grouped by the condition (its values, its deciles, or 24 parts of the day); within a
group the score's values are binned by its deciles there, or each by itself. A group counts by its
number of messages in both samples. One that a sample has no messages of has a total variation of 1
and no Wasserstein distance, which then counts as 0, as in the benchmark.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calibration.fidelity.blocks import Floats
from calibration.fidelity.distances import Sample, l1, wasserstein
from calibration.fidelity.messages import FidelityError
from calibration.fidelity.scores import DAY_S, Groups

DECILES = np.arange(0.1, 1.0, 0.1)
HOURS = np.linspace(0.0, DAY_S, 24)
_TIE = 1e-2  # what the original adds to a threshold that is there twice


@dataclass(frozen=True)
class Conditioned:
    """Values of a score with those of its condition, message by message."""

    values: Floats
    condition: Floats

    @classmethod
    def of(cls, score: Sample, condition: Sample) -> Conditioned:
        """Where both are known; the samples have one value per message."""
        if len(score.values) != len(condition.values):
            raise FidelityError(
                f"condition: expected one value per value of the score ({len(score.values)}), got "
                f"{len(condition.values)}"
            )
        known = np.isfinite(score.values) & np.isfinite(condition.values)
        return cls(score.values[known], condition.values[known])


def conditional_distances(
    real: Conditioned, other: Conditioned, groups: Groups, *, discrete: bool, pooled: bool = False
) -> tuple[float, float]:
    """L1 and Wasserstein's distance, each the mean over the groups.

    Args:
        real: sample that groups, bins and scale are made for.
        other: sample.
        groups: how the condition is cut.
        discrete: each value of the score is a bin of its own, instead of deciles.
        pooled: groups, bins and scale of both samples together, as the original has them.
    """
    total = len(real.values) + len(other.values)
    if total == 0:
        return 1.0, float("nan")
    one, two = _groups(real.condition, other.condition, groups, pooled=pooled)
    l1_sum = w_sum = 0.0
    for group in np.unique(np.concatenate([one, two])):
        p, q = real.values[one == group], other.values[two == group]
        weight = (len(p) + len(q)) / total
        if len(p) == 0 or len(q) == 0:
            l1_sum += weight
            continue
        w_sum += weight * wasserstein(p, q, pooled=pooled)
        if not discrete:
            within = _thresholds(np.concatenate([p, q]) if pooled else p, pooled=pooled)
            p, q = (np.searchsorted(within, x, side="right").astype(float) for x in (p, q))
        l1_sum += weight * l1(p, q, discrete=True)
    return l1_sum, w_sum


def _groups(real: Floats, other: Floats, groups: Groups, *, pooled: bool) -> tuple[Floats, Floats]:
    if groups == "values":
        return real, other
    if groups == "hours":
        edges = HOURS
    else:
        edges = _thresholds(np.concatenate([real, other]) if pooled else real, pooled=pooled)
    one, two = (np.searchsorted(edges, x, side="right").astype(float) for x in (real, other))
    return one, two


def _thresholds(values: Floats, *, pooled: bool) -> Floats:
    """Deciles, each once; the original keeps one that is there twice, a little higher."""
    if len(values) == 0:
        return np.empty(0)
    edges: Floats = np.quantile(values, DECILES)
    if not pooled:
        return np.unique(edges)
    again = np.append(False, edges[1:] == edges[:-1])
    edges = edges[~np.append(False, again[1:] & again[:-1])]
    again = np.append(False, edges[1:] == edges[:-1])
    return edges + _TIE * again
