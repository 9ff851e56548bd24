"""How much more often each group's events come in each regime.

Counts N[t, g] with exposure E[t, g] (seconds x season) have mean E[t, g] rate[k(t), g]. The regime
k(t) is not seen; its probabilities w[t, k], from the volatility alone, are. So

    E(N[t, g] | volatility) = E[t, g] sum over k of w[t, k] rate[k, g],

a regression without attenuation (a mean weighted by w would pull all regimes together):

  sum over j of (sum over t of w[t, k] w[t, j] E[t, g]) rate[j, g] = sum over t of w[t, k] N[t, g].

The factor is the rate over its mean, regimes weighted by their exposure. Standard errors come from
blocks of bins in a row: counts cluster, and where a regime is mistaken it is for a while.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.estimate import Caution, Estimate

EVENTS_LEAST = 50  # expected in a regime
BLOCK_BINS = 30  # longer than regimes last, which is what errors of the probabilities share

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RegimeFactors:
    """Of each group, in the order of the columns: one factor per regime, mean 1."""

    factors: tuple[Estimate, ...]
    mean_rates: tuple[float, ...]  # events per unit of exposure
    converged: bool
    cautions: tuple[Caution, ...] = ()

    def simulate(
        self, states: NDArray[np.int64], exposure: _Floats, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Poisson counts (bins, groups) in these regimes."""
        factors = np.array([factor.value for factor in self.factors])
        counts: NDArray[np.int64] = rng.poisson(
            exposure * np.array(self.mean_rates) * factors[:, states].T
        )
        return counts


def fit_regime_factors(
    counts: NDArray[np.int64], exposure: _Floats, probabilities: _Floats
) -> RegimeFactors:
    """The factors of each group.

    Args:
        counts: (bins, groups); bins in order, stretches one after another.
        exposure: same shape: seconds, times the season's factor of the bin.
        probabilities: (bins, regimes), smoothed: the whole day is known when a model is fitted.

    Raises:
        ValueError: the arrays do not belong together.
    """
    bins, n_groups = counts.shape
    if exposure.shape != counts.shape or probabilities.shape[0] != bins:
        raise ValueError(
            f"counts: expected the shape of exposure {exposure.shape} and a row for each of "
            f"{probabilities.shape[0]} bins, got {counts.shape}"
        )
    if np.any(counts < 0) or np.any(exposure < 0) or np.any(probabilities < 0):
        raise ValueError("counts, exposure, probabilities: expected none below 0")
    results = [
        _of_group(counts[:, g].astype(np.float64), exposure[:, g], probabilities, g)
        for g in range(n_groups)
    ]
    return RegimeFactors(
        factors=tuple(factor for factor, _, _ in results),
        mean_rates=tuple(rate for _, rate, _ in results),
        converged=not any(caution for _, _, caution in results),
        cautions=tuple(caution for _, _, caution in results if caution is not None),
    )


def _of_group(
    counts: _Floats, exposure: _Floats, weights: _Floats, group: int
) -> tuple[Estimate, float, Caution | None]:
    k = weights.shape[1]
    in_regime = weights.T @ exposure
    mean = float(counts.sum() / exposure.sum()) if exposure.sum() > 0 else 0.0
    part = f"regime_factors[{group}]"
    if k == 1:
        return Estimate((1.0,), (0.0,), int(counts.sum())), mean, None
    if mean * in_regime.min() < EVENTS_LEAST:
        text = (
            f"expected {EVENTS_LEAST} events in each regime, got "
            f"{mean * in_regime.min():.0f} of group {group}; factor 1 instead"
        )
        unit = Estimate.borrowed((1.0,) * k, "too few events")
        return unit, mean, Caution("regime_factors_too_few_events", part, text)
    moments = (weights * exposure[:, None]).T @ weights
    # The weights of the mean: a unit rate in every regime gives a mean of 1.
    share = in_regime / in_regime.sum()
    rates = np.linalg.solve(moments, weights.T @ counts)
    caution = None
    if rates.min() < 0.0:
        rates = (weights.T @ counts) / in_regime
        moments = np.diag(in_regime)
        text = f"regimes of group {group} are too uncertain to be told apart; weighted means"
        caution = Caution("regime_factors_attenuated", part, text)
    residual = weights * (counts - exposure * (weights @ rates))[:, None]
    blocks = np.add.reduceat(residual, np.arange(0, len(residual), BLOCK_BINS), axis=0)
    solved = np.linalg.solve(moments, blocks.T)  # influence of each block on the rates
    center = float(share @ rates)
    influence = solved / center - np.outer(rates, share @ solved) / center**2
    n_blocks = influence.shape[1]
    errors = np.sqrt((influence**2).sum(axis=1) * n_blocks / max(n_blocks - k, 1))
    factors = rates / center
    estimate = Estimate(tuple(factors.tolist()), tuple(errors.tolist()), int(counts.sum()))
    return estimate, center, caution
