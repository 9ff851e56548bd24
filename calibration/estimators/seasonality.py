"""How event rates change over a session: one multiplicative curve per group of events, mean 1.

Counts N[d, b] of day d in bin b, watched for w[d, b] seconds, are Poisson-like with mean

    E N[d, b] = w[d, b] exp(day[d] + season[b])

- several days: day and bin effects are free (a pooled Poisson GLM), as long as the bins hold
  enough events;
- one day, or few events: season[b] is a smooth curve. A session that opens and closes gets
  a x + b x^2 + c exp(-t / opening) (x from -1 to 1, t since the opening); a day that never closes
  gets two harmonics of the session.

Events cluster, and bins have luck of their own, so counts vary more than a Poisson law's: with
mean m their variance is phi m + alpha m^2, both found (not negative) from squared residuals over
1 - h, h the leverage. Standard errors are the sandwich's with this variance. The factors
exp(season) are divided by their mean over the session (delta method).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.optimize
import statsmodels.api as sm
from numpy.typing import NDArray
from statsmodels.tools.sm_exceptions import ConvergenceWarning, PerfectSeparationWarning

from calibration.estimate import Caution, Estimate

Method = Literal["flat", "curve", "bins"]

EVENTS_LEAST = 200  # below: no curve at all
EVENTS_PER_BIN_LEAST = 20  # below: a curve instead of free bins
OPENING_SHARE = 1 / 13  # of the session: half an hour of six and a half
CURVE_BINS_LEAST = 8

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Season:
    """The curve of one group."""

    factor: Estimate  # per bin, mean 1 over the session
    method: Method
    dispersion: float  # Pearson's: 1 for Poisson counts
    converged: bool
    cautions: tuple[Caution, ...] = ()

    def simulate(
        self, seconds: _Floats, rates_hz: _Floats, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Poisson counts of days with these mean rates, in bins watched for `seconds`."""
        mean = seconds * rates_hz[:, None] * np.array(self.factor.value)
        counts: NDArray[np.int64] = rng.poisson(mean)
        return counts


def fit_season(
    counts: NDArray[np.int64], seconds: _Floats, *, periodic: bool = False, part: str = "season"
) -> Season:
    """The season of counts per (day, bin).

    Args:
        counts: events, shape (days, bins).
        seconds: how long each bin was watched, same shape; 0 leaves it out.
        periodic: the market never closes and the session is one turn of its day.
        part: what cautions call it, such as the group.

    Raises:
        ValueError: the arrays do not belong together, or a bin was never watched.
    """
    _require_counts(counts, seconds)
    n, bins = int(counts.sum()), counts.shape[1]
    watched = seconds > 0
    usable = watched.any(axis=1)
    counts, seconds, watched = counts[usable], seconds[usable], watched[usable]
    if n < EVENTS_LEAST or bins < 2:
        text = f"expected {EVENTS_LEAST} events in 2 bins or more, got {n} in {bins}; flat instead"
        return _flat(bins, n, Caution("season_too_few_events", part, text))
    if np.any(counts.sum(axis=1) == 0):
        raise ValueError(
            f"counts: expected events on every day that was watched, got none on "
            f"{int(np.argmin(counts.sum(axis=1)))}; leave that day out"
        )
    cautions: list[Caution] = []
    by_bin = counts.sum(axis=0)
    free = len(counts) > 1 and by_bin.min() >= EVENTS_PER_BIN_LEAST
    if not free and bins < CURVE_BINS_LEAST:
        text = (
            f"expected {CURVE_BINS_LEAST} bins for a curve, or two days and "
            f"{EVENTS_PER_BIN_LEAST} events in each bin, got {bins} bins; flat instead"
        )
        return _flat(bins, n, Caution("season_too_few_bins", part, text))
    if len(counts) == 1:
        text = "one day cannot tell a season from what that day did; smooth curve"
        cautions.append(Caution("season_of_one_day", part, text))
    elif not free:
        text = f"fewest events of a bin: {by_bin.min()} < {EVENTS_PER_BIN_LEAST}; smooth curve"
        cautions.append(Caution("season_smoothed", part, text))
    basis = _bin_effects(bins) if free else smooth_basis(bins, periodic=periodic)
    return _fit(counts, seconds, watched, basis, "bins" if free else "curve", part, cautions)


def smooth_basis(bins: int, *, periodic: bool) -> _Floats:
    """Columns of the smooth curve at the bins' middles."""
    middle = (np.arange(bins) + 0.5) / bins
    if periodic:
        turn = 2 * np.pi * middle
        return np.stack([np.cos(turn), np.sin(turn), np.cos(2 * turn), np.sin(2 * turn)], axis=1)
    x = 2 * middle - 1
    return np.stack([x, x**2, np.exp(-middle / OPENING_SHARE)], axis=1)


def log_curve(values: _Floats, *, periodic: bool) -> _Floats:
    """The smooth curve of a series per (day, bin) by least squares, mean 0; NaN is left out.

    What is taken off a logarithm, such as that of realised volatility, before regimes are sought.
    """
    days, bins = values.shape
    basis = smooth_basis(bins, periodic=periodic)
    basis = basis - basis.mean(axis=0)
    of_day = np.repeat(np.eye(days), bins, axis=0)
    rows = np.isfinite(values).ravel()
    design = np.concatenate([np.tile(basis, (days, 1)), of_day], axis=1)[rows]
    solved, *_ = np.linalg.lstsq(design, values.ravel()[rows], rcond=None)
    curve: _Floats = basis @ solved[: basis.shape[1]]
    return curve


def _require_counts(counts: NDArray[np.int64], seconds: _Floats) -> None:
    if counts.ndim != 2 or counts.shape != seconds.shape:
        raise ValueError(
            f"counts: expected (days, bins) as seconds {seconds.shape}, got {counts.shape}"
        )
    if counts.size == 0 or np.any(counts < 0) or np.any(seconds < 0):
        raise ValueError("counts: expected some, and none below 0; nor seconds below 0")
    if np.any(counts[seconds == 0] > 0):
        raise ValueError("counts: expected 0 where nothing was watched (seconds 0)")
    never = np.flatnonzero((seconds > 0).sum(axis=0) == 0)
    if len(never):
        raise ValueError(f"seconds: expected each bin watched on some day, got 0 in bin {never[0]}")


def _bin_effects(bins: int) -> _Floats:
    """The first bin is what the others are compared with."""
    return np.eye(bins)[:, 1:]


def _flat(bins: int, n: int, caution: Caution) -> Season:
    factor = Estimate.borrowed((1.0,) * bins, "flat: too little data")
    return Season(factor, "flat", float("nan"), converged=True, cautions=(caution,))


def _fit(
    counts: NDArray[np.int64],
    seconds: _Floats,
    watched: NDArray[np.bool_],
    basis: _Floats,
    method: Method,
    part: str,
    cautions: list[Caution],
) -> Season:
    """The Poisson GLM, and its curve with mean 1."""
    days, bins = counts.shape
    rows = watched.ravel()
    of_day = np.repeat(np.eye(days), bins, axis=0)
    design = np.concatenate([of_day, np.tile(basis, (days, 1))], axis=1)[rows]
    model = sm.GLM(
        counts.ravel()[rows],
        design,
        family=sm.families.Poisson(),
        offset=np.log(seconds.ravel()[rows]),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # told by `converged`
        warnings.simplefilter("ignore", PerfectSeparationWarning)
        fit = model.fit()
    freedom = max(int(rows.sum()) - design.shape[1], 1)
    dispersion = float(fit.pearson_chi2) / freedom
    covariance = _sandwich(fit, design)
    factors, errors = _mean_one(
        basis, fit.params[days:], covariance[days:, days:], seconds.mean(axis=0)
    )
    converged = bool(fit.converged) and bool(np.isfinite(errors).all())
    if not converged:
        text = "the fit of the season did not converge; flat instead"
        return _flat(bins, int(counts.sum()), Caution("season_not_converged", part, text))
    factor = Estimate(tuple(factors.tolist()), tuple(errors.tolist()), int(counts.sum()))
    return Season(factor, method, dispersion, converged, tuple(cautions))


def _sandwich(fit: Any, design: _Floats) -> _Floats:
    """(X' M X)^-1 X' V X (X' M X)^-1, M the fitted means, V the variance of the counts."""
    mean = np.asarray(fit.mu, dtype=np.float64)
    inverse = np.linalg.pinv(design.T @ (mean[:, None] * design))
    leverage = mean * np.einsum("bi,ij,bj->b", design, inverse, design)
    squares = fit.resid_response**2 / np.maximum(1 - leverage, 1e-6) / mean
    (phi, alpha), _ = scipy.optimize.nnls(np.stack([np.ones(len(mean)), mean], axis=1), squares)
    bread: _Floats = inverse @ (design.T * np.sqrt(phi * mean + alpha * mean**2))
    return bread @ bread.T


def _mean_one(
    basis: _Floats, parameters: _Floats, covariance: _Floats, weights: _Floats
) -> tuple[_Floats, _Floats]:
    """exp(basis parameters) over its weighted mean, and standard errors by the delta method."""
    weights = weights / weights.sum()
    curve = np.exp(basis @ parameters)
    factors = curve / (weights @ curve)
    # d factor[b] = factor[b] (basis[b] - sum over c of weight[c] factor[c] basis[c]) d parameters
    slopes = factors[:, None] * (basis - (weights * factors) @ basis)
    variances = np.einsum("bi,ij,bj->b", slopes, covariance, slopes)
    return factors, np.sqrt(variances)
