"""How long news takes: ts_recv - ts_event of recordings with two clocks.

A shifted log-normal law,

    latency = shift + exp(mu + sigma Z),   Z ~ N(0, 1),

by maximum likelihood. The likelihood has no bound as the shift comes up to the least value, so the
maximum is the inner one of the profile over the shift. Two clocks differ by an unknown offset,
which may change from day to day: it is part of each day's shift and cannot be told from the delay.
mu and sigma are free of it; days are pooled by their precision. Empirical quantiles stand beside.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from calibration.estimate import Caution, Estimate

VALUES_LEAST = 200
VALUES_MOST = 50_000  # of a day: evenly spread ones are enough, and neighbours are alike
DISTINCT_LEAST = 10
QUANTILES = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999)
_GRID = 60

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Latency:
    """The law in milliseconds."""

    mu: Estimate  # of the logarithm of milliseconds
    sigma: Estimate
    shift_ms: Estimate  # of each day: delay and clock offset together
    quantiles: tuple[float, ...]
    quantile_ms: tuple[float, ...]
    n: int
    converged: bool
    cautions: tuple[Caution, ...] = ()

    def simulate(self, n: int, rng: np.random.Generator, *, day: int = 0) -> NDArray[np.int64]:
        """That many latencies in ns."""
        shift = np.asarray(self.shift_ms.value, dtype=np.float64).ravel()[day]
        mu, sigma = (float(np.asarray(each.value)) for each in (self.mu, self.sigma))
        values = shift + np.exp(mu + sigma * rng.standard_normal(n))
        latencies: NDArray[np.int64] = np.rint(values * 1e6).astype(np.int64)
        return latencies


def fit_latency(days: Sequence[NDArray[np.int64]]) -> Latency:
    """The law of latencies in ns, given day by day.

    Raises:
        ValueError: there are no days.
    """
    if not days:
        raise ValueError("days: expected the latencies of one day or more, got none")
    known = np.concatenate(days)
    if len(known) == 0 or not known.any():
        text = "both stamps are always the same: the data have one clock"
        return _unknown(known, len(days), Caution("latency_one_clock", "latency", text))
    fits = [_fit_day(day[:: max(1, len(day) // VALUES_MOST)] / 1e6) for day in days]
    usable = [fit for fit in fits if fit is not None]
    if not usable:
        text = (
            f"expected {VALUES_LEAST} latencies of {DISTINCT_LEAST} different values on a day, and "
            "an inner maximum of their likelihood; quantiles only"
        )
        return _unknown(known, len(days), Caution("latency_no_law", "latency", text))
    cautions = []
    if len(days) > 1:
        text = "each day's shift holds its clocks' offset: delay and offset cannot be told apart"
        cautions.append(Caution("latency_clock_offset", "latency", text))
    if np.any(known < 0):
        text = f"{np.mean(known < 0):.1%} of the news came before it happened: the clocks differ"
        cautions.append(Caution("latency_negative", "latency", text))
    n = sum(fit[2] for fit in usable)
    mu, sigma = (_pooled([(fit[0][i], fit[1][i]) for fit in usable], n) for i in (1, 2))
    nan = float("nan")
    shifts = tuple(fit[0][0] if fit else nan for fit in fits)
    errors = tuple(fit[1][0] if fit else nan for fit in fits)
    return Latency(
        mu=mu,
        sigma=sigma,
        shift_ms=Estimate(shifts, errors, n),
        quantiles=QUANTILES,
        quantile_ms=_quantiles(known),
        n=n,
        converged=len(usable) == len(days),
        cautions=tuple(cautions),
    )


def _quantiles(latency_ns: NDArray[np.int64]) -> tuple[float, ...]:
    if len(latency_ns) == 0:
        return (float("nan"),) * len(QUANTILES)
    return tuple((np.quantile(latency_ns, QUANTILES) / 1e6).tolist())


def _unknown(latency_ns: NDArray[np.int64], days: int, caution: Caution) -> Latency:
    none = Estimate.borrowed(float("nan"), "no law")
    return Latency(
        none,
        none,
        Estimate.borrowed((float("nan"),) * days, "no law"),
        QUANTILES,
        _quantiles(latency_ns),
        len(latency_ns),
        converged=False,
        cautions=(caution,),
    )


def _pooled(pairs: list[tuple[float, float]], n: int) -> Estimate:
    """Mean by precision."""
    values, errors = np.array(pairs).T
    weights = errors**-2 / (errors**-2).sum()
    return Estimate(float(weights @ values), float((errors**-2).sum() ** -0.5), n)


def _fit_day(latency_ms: _Floats) -> tuple[tuple[float, ...], tuple[float, ...], int] | None:
    """(shift, mu, sigma) with errors, and the number of values."""
    n = len(latency_ms)
    if n < VALUES_LEAST or len(np.unique(latency_ms)) < DISTINCT_LEAST:
        return None
    least, spread = float(latency_ms.min()), float(latency_ms.std())

    def loss(log_gap: float) -> float:
        """-log likelihood / n at the best mu and sigma, the shift exp(log_gap) below the least."""
        logs = np.log(latency_ms - least + math.exp(log_gap))
        return float(logs.mean() + 0.5 * np.log(logs.var()))

    grid = math.log(spread) + np.linspace(math.log(1e-6), math.log(1e3), _GRID)
    losses = np.array([loss(float(at)) for at in grid])
    inner = np.flatnonzero((losses[1:-1] <= losses[:-2]) & (losses[1:-1] <= losses[2:])) + 1
    if len(inner) == 0:
        return None
    at = int(inner[np.argmin(losses[inner])])
    found = scipy.optimize.minimize_scalar(
        loss, bounds=(grid[at - 1], grid[at + 1]), method="bounded", options={"xatol": 1e-9}
    )
    shift = least - math.exp(float(found.x))
    logs = np.log(latency_ms - shift)
    mu, sigma = float(logs.mean()), float(logs.std())
    covariance = np.linalg.inv(_information(latency_ms - shift, mu, sigma))
    errors = np.sqrt(np.diag(covariance))
    if not np.isfinite(errors).all():
        return None
    return (shift, mu, sigma), tuple(errors.tolist()), n


def _information(beyond: _Floats, mu: float, sigma: float) -> _Floats:
    """Minus the second derivatives of the log likelihood in (shift, mu, sigma).

    log density = -log y - log sigma - z^2 / 2, with y = x - shift and z = (log y - mu) / sigma.
    """
    z, n = (np.log(beyond) - mu) / sigma, len(beyond)
    inverse = 1 / beyond
    shift_shift = -(inverse**2 * (1 + (z / sigma) - 1 / sigma**2)).sum()
    return np.array(
        [
            [shift_shift, (inverse / sigma**2).sum(), (2 * z * inverse / sigma**2).sum()],
            [(inverse / sigma**2).sum(), n / sigma**2, (2 * z).sum() / sigma**2],
            [
                (2 * z * inverse / sigma**2).sum(),
                (2 * z).sum() / sigma**2,
                (3 * z**2 - 1).sum() / sigma**2,
            ],
        ]
    )
