"""No state of the book may make the flow explosive.

An intensity is f(state) x [baseline + excitation], so in a state whose factors are large an event
begets more events than the kernels say: the spectral radius is that of diag(f) K. A recording
leaves such states again before long, and its likelihood does not mind a radius above 1. An agent
that quotes inside the spread holds the market there, and would be paid by an avalanche of orders
that no recording has: on a day of AMZN, seven times the recorded market orders, and a rule that
loses in the recording itself gains.

So the factors of such a state are drawn towards 1, their mean, f -> f^power, by the largest power
up to 1 for which the radius stays below `CEILING`. The same holds for the time of day and the
regime, which last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.market_model import MarketModel
from rlmm_tf.market_parts import GroupParams

CEILING = 0.95
HALVINGS = 30

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Steadied:
    """A model no state of which is explosive."""

    model: MarketModel
    states: int  # whose factors were changed
    states_of: int
    activities: int  # regimes and bins of the season whose factors were changed


def steadied(model: MarketModel, rate_factor: Array, already: Array) -> Steadied:
    """The model with steady factors, and with other rates.

    Args:
        model: the market.
        rate_factor: what each group's intensity is multiplied with in all states.
        already: what it has been multiplied with before, in the factors of states.
    """
    kernels = np.array(model.excitation).reshape(-1, 6, 6).sum(axis=0)
    states = np.array([group.state_factor or (1.0,) * model.n_states for group in model.groups])
    states = states / already[:, np.newaxis]
    others = rate_factor * already
    season, bins = _drawn(
        kernels, np.array([group.season_factor or (1.0,) for group in model.groups]), others
    )
    regimes, kinds = _drawn(
        kernels,
        np.array([group.regime_factor or (1.0,) for group in model.groups]),
        others * season.max(axis=1),
    )
    states, cells = _drawn(kernels, states, others * season.max(axis=1) * regimes.max(axis=1))
    groups = tuple(
        _with_factors(group, states[g] * others[g], regimes[g], season[g])
        for g, group in enumerate(model.groups)
    )
    return Steadied(
        model.model_copy(update={"groups": groups}), cells, model.n_states, kinds + bins
    )


def _drawn(kernels: Array, factors: Array, others: Array) -> tuple[Array, int]:
    """The factors [group][column] drawn as far as they must, and how many columns that changed."""
    low, high = np.zeros(factors.shape[1]), np.ones(factors.shape[1])
    steady = _radius(kernels, factors * others[:, np.newaxis]) <= CEILING
    for _ in range(HALVINGS):
        power = (low + high) / 2.0
        below = _radius(kernels, factors**power * others[:, np.newaxis]) <= CEILING
        low, high = np.where(below, power, low), np.where(below, high, power)
    return np.where(steady, factors, factors**low), int((~steady).sum())


def _radius(kernels: Array, factors: Array) -> Array:
    """Spectral radii of diag(f) K, one for each column of factors."""
    scaled = factors.T[:, :, np.newaxis] * kernels
    return np.asarray(np.abs(np.linalg.eigvals(scaled)).max(axis=1))


def _with_factors(group: GroupParams, states: Array, regimes: Array, season: Array) -> GroupParams:
    return group.model_copy(
        update={
            "state_factor": tuple(states.tolist()),
            "regime_factor": tuple(regimes.tolist()) if group.regime_factor else (),
            "season_factor": tuple(season.tolist()) if group.season_factor else (),
        }
    )
