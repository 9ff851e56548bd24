"""No regime and no time of day may make the flow explosive.

Season and regime multiply a whole intensity, its memory of past events included, so while their
factors are large an event begets more events than the kernels say: the spectral radius is that of
diag(f) K. A recording leaves a busy minute again before long, and its likelihood does not mind a
radius above 1; a simulation that stays there runs away.

So the factors of such a time are drawn towards 1, their mean, f -> f^power, by the largest power up
to 1 for which the radius stays below `CEILING` (or below that of the kernels, where theirs is
above). The states of the book drive baselines alone and need no such care.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.market_model import MarketModel

CEILING = 0.95
HALVINGS = 30

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Steadied:
    """A model that no regime and no season makes explosive."""

    model: MarketModel
    activities: int  # regimes and bins of the season whose factors were changed


def steadied(model: MarketModel) -> Steadied:
    """The model with steady factors of regimes and season."""
    kernels = np.array(model.excitation).reshape(-1, 6, 6).sum(axis=0)
    season, bins = _drawn(
        kernels, np.array([group.season_factor or (1.0,) for group in model.groups]), np.ones(6)
    )
    regimes, kinds = _drawn(
        kernels,
        np.array([group.regime_factor or (1.0,) for group in model.groups]),
        season.max(axis=1),
    )
    groups = tuple(
        group.model_copy(
            update={
                "regime_factor": tuple(regimes[g].tolist()) if group.regime_factor else (),
                "season_factor": tuple(season[g].tolist()) if group.season_factor else (),
            }
        )
        for g, group in enumerate(model.groups)
    )
    return Steadied(model.model_copy(update={"groups": groups}), kinds + bins)


def _drawn(kernels: Array, factors: Array, others: Array) -> tuple[Array, int]:
    """The factors [group][column] drawn as far as they must, and how many columns that changed."""
    low, high = np.zeros(factors.shape[1]), np.ones(factors.shape[1])
    steady = _radius(kernels, factors * others[:, np.newaxis]) <= CEILING
    steady |= np.all(factors == 1.0, axis=0)  # nothing to draw
    for _ in range(HALVINGS):
        power = (low + high) / 2.0
        below = _radius(kernels, factors**power * others[:, np.newaxis]) <= CEILING
        low, high = np.where(below, power, low), np.where(below, high, power)
    return np.where(steady, factors, factors**low), int((~steady).sum())


def _radius(kernels: Array, factors: Array) -> Array:
    """Spectral radii of diag(f) K, one for each column of factors."""
    scaled = factors.T[:, :, np.newaxis] * kernels
    return np.asarray(np.abs(np.linalg.eigvals(scaled)).max(axis=1))
