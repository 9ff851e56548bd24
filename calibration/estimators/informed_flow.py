"""Latent informed flow: a hidden efficient price that draws orders, fitted by simulated moments.

    dP = volatility_ticks dW,   x = clip((P - mid) / gap_scale_ticks, +-gap_clip)
    market buys x 2 / (1 + exp(-2 market_tilt x)), sells x 2 less that; improving quotes likewise
    with limit_tilt; the same-less-opposite part of slow market order kernels x sign_shrink

Nobody sees P, so nothing of it can be counted. What it does is seen: prices drift on after trades
and the mid moves as much over a minute as its moves over a second say. The three parameters are
those whose simulation comes closest to the recording in the moments of `calibration.price_path`,

    minimise  sum over moments of ((simulated - recorded) / standard error of the recorded)^2,

every simulation with the same random numbers (common random numbers: the criterion is a function,
not noise). Standard errors: the sandwich (J'WJ)^-1 J'W (S + S_sim) W J (J'WJ)^-1 with J by
differences, S the block jackknife of the recording and S_sim that of the simulation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.estimate import Caution, Estimate
from calibration.price_path import (
    MOMENTS,
    PricePath,
    jackknife_covariance,
    moment_sums,
    pooled_moments,
)
from rlmm_tf.market_parts import InformedFlowParams

PART = "informed_flow"
ORDERS_LEAST = 200
BLOCKS_LEAST = 6
ITERATIONS_MOST = 15
STEPS = np.array([0.15, 0.1, 0.1])  # of log volatility and the tilts, for differences
SETTLED = 0.05  # steps shorter than this share of STEPS
GAIN_LEAST = 0.02  # of the criterion, in an iteration
DAMPING_MOST = 1e3
FAR = 1e3  # in standard errors: a market that cannot be run
GAIN_OF_FLOW_LEAST = 10.0  # of the criterion, by three parameters: as much as BIC would ask for
SIGN_SHRINK = 0.5  # moves along a ridge with market_tilt: fixed
TILT_MOST = (2.0, 1.5)  # of market orders and of improving quotes
START_TILTS = (0.5, 0.3)
# No model is exact: a moment counts as known to this share of itself at best, or the one that is
# recorded with the least noise would have all the weight.
MISFIT_SHARE = 0.1
MISFIT_LEAST = 0.01

Simulate = Callable[[InformedFlowParams], Sequence[PricePath]]


@dataclass(frozen=True)
class Moment:
    """One moment, recorded and simulated."""

    name: str
    recorded: float
    standard_error: float
    without: float  # simulated without informed flow
    simulated: float


@dataclass(frozen=True)
class InformedFlowFit:
    """Parameters of the hidden price; no flow where the data have too little or do not need it."""

    params: InformedFlowParams
    volatility_ticks: Estimate
    market_tilt: Estimate
    limit_tilt: Estimate
    moments: tuple[Moment, ...]
    distance: float  # mean squared error in standard errors
    distance_without: float
    evaluations: int
    converged: bool
    cautions: tuple[Caution, ...]

    def to_json(self) -> dict[str, Any]:
        """How near the simulation came, moment by moment; a number that is not finite is None."""
        rows = [
            {name: _plain(value) for name, value in asdict(moment).items()}
            for moment in self.moments
        ]
        return {
            "distance": _plain(self.distance),
            "distance_without": _plain(self.distance_without),
            "evaluations": self.evaluations,
            "converged": self.converged,
            "moments": rows,
        }


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def fit_informed_flow(
    recorded: Sequence[PricePath], simulate: Simulate, *, gap_scale_ticks: float
) -> InformedFlowFit:
    """The hidden price under which simulations move as the recording does.

    Args:
        recorded: blocks of the recording.
        simulate: paths of the model with these parameters, by the same random numbers each time.
        gap_scale_ticks: the gap that counts as one; about the mean spread.
    """
    sums = [moment_sums(path) for path in recorded]
    orders = int(sum(len(path.order_sign) for path in recorded))
    if orders < ORDERS_LEAST or len(sums) < BLOCKS_LEAST:
        return _nothing(
            f"expected {ORDERS_LEAST} market orders and {BLOCKS_LEAST} blocks at least, got "
            f"{orders} and {len(sums)}; the model has no informed flow: prices do not drift on "
            "after trades, and market makers look better in it than they are"
        )
    target = _Target.of(sums)
    search = _Search(target, simulate, gap_scale_ticks)
    try:
        without = search.simulated_without()
    except ValueError as error:  # it runs away
        return _nothing(
            f"expected a market that goes on from recorded books, got: {error}; the model has no "
            "informed flow",
            "not_simulated",
        )
    best, converged = search.minimum(np.array([np.log(target.volatility), *START_TILTS]))
    errors, simulated = search.standard_errors(best)
    volatility = float(np.exp(best[0]))
    values = zip(MOMENTS, target.values, target.errors, without, simulated, strict=True)
    fit = InformedFlowFit(
        params=search.params(best),
        volatility_ticks=Estimate(volatility, volatility * float(errors[0]), orders),
        market_tilt=Estimate(float(best[1]), float(errors[1]), orders),
        limit_tilt=Estimate(float(best[2]), float(errors[2]), orders),
        moments=tuple(Moment(name, *map(float, row)) for name, *row in values),
        distance=target.distance(simulated),
        distance_without=target.distance(without),
        evaluations=search.evaluations,
        converged=converged,
        cautions=search.cautions(best, converged),
    )
    gain = float(target.used.sum()) * (fit.distance_without - fit.distance)
    return fit if gain > GAIN_OF_FLOW_LEAST else _without_flow(fit)


def _without_flow(fit: InformedFlowFit) -> InformedFlowFit:
    none = Estimate.fixed(0.0, "the recording does not ask for informed flow")
    caution = Caution(
        "no_informed_flow",
        PART,
        "without informed flow the simulation moves like the recording already (mean squared "
        f"distance {fit.distance_without:.2f} standard errors, with it {fit.distance:.2f}); the "
        "model has none",
    )
    return replace(
        fit,
        params=InformedFlowParams(),
        volatility_ticks=none,
        market_tilt=none,
        limit_tilt=none,
        cautions=(*fit.cautions, caution),
    )


def _nothing(text: str, code: str = "too_little_data") -> InformedFlowFit:
    none = Estimate.borrowed(0.0, "no informed flow")
    caution = Caution(code, PART, text)
    return InformedFlowFit(
        InformedFlowParams(), none, none, none, (), np.nan, np.nan, 0, False, (caution,)
    )


@dataclass(frozen=True)
class _Target:
    values: NDArray[np.float64]
    covariance: NDArray[np.float64]
    errors: NDArray[np.float64]
    used: NDArray[np.bool_]  # moments that were seen at all

    @classmethod
    def of(cls, sums: Sequence[NDArray[np.float64]]) -> _Target:
        values = pooled_moments(sums)
        used = np.isfinite(values)
        covariance = np.nan_to_num(jackknife_covariance(sums))
        misfit = np.maximum(MISFIT_SHARE * np.abs(np.nan_to_num(values)), MISFIT_LEAST)
        errors = np.hypot(np.sqrt(np.diag(covariance)), misfit)
        return cls(values, covariance, errors, used)

    @property
    def volatility(self) -> float:
        """Over the longest step that was seen: about that of the efficient price."""
        rates = [
            value
            for name, value in zip(MOMENTS, self.values, strict=True)
            if name.startswith("volatility") and np.isfinite(value) and value > 0.0
        ]
        return float(rates[-1]) if rates else 1.0

    def distance(self, simulated: NDArray[np.float64]) -> float:
        away = (np.nan_to_num(simulated) - self.values)[self.used] / self.errors[self.used]
        return float(np.mean(away**2))


class _Search:
    """The criterion as a function of (log volatility, market tilt, limit tilt)."""

    def __init__(self, target: _Target, simulate: Simulate, gap_scale_ticks: float) -> None:
        self.evaluations = 0
        self._target = target
        self._simulate = simulate
        self._gap_scale_ticks = gap_scale_ticks
        middle = np.log(target.volatility)
        self._low = np.array([middle - np.log(4.0), 0.0, 0.0])
        self._high = np.array([middle + np.log(4.0), *TILT_MOST])

    def bounded(self, at: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.clip(at, self._low, self._high)

    def params(self, at: NDArray[np.float64]) -> InformedFlowParams:
        return InformedFlowParams(
            volatility_ticks=float(np.exp(at[0])),
            gap_scale_ticks=self._gap_scale_ticks,
            market_tilt=float(at[1]),
            limit_tilt=float(at[2]),
            sign_shrink=SIGN_SHRINK,
        )

    def minimum(self, start: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool]:
        """Levenberg-Marquardt with differences wide enough to see past the simulation's noise."""
        at, damping = self.bounded(start), 0.1
        away = self._away(at)
        for _ in range(ITERATIONS_MOST):
            slopes = self._slopes(at, away)
            curvature = slopes.T @ slopes
            step = np.linalg.solve(
                curvature + damping * np.diag(np.diag(curvature) + 1e-9), -slopes.T @ away
            )
            tried = self.bounded(at + step)
            tried_away = self._away(tried)
            better = tried_away @ tried_away < away @ away
            settled = np.max(np.abs(tried - at) / STEPS) < SETTLED or (
                better and tried_away @ tried_away > (1.0 - GAIN_LEAST) * (away @ away)
            )
            if better:
                at, away, damping = tried, tried_away, damping / 3.0
            else:
                damping *= 6.0
            if settled or damping > DAMPING_MOST:
                return at, True
        return at, False

    def _away(self, at: NDArray[np.float64]) -> NDArray[np.float64]:
        used = self._target.used
        try:
            moments = np.nan_to_num(pooled_moments(self._sums(self.params(at))))
        except ValueError:  # it runs away with these
            return np.full(int(used.sum()), FAR)
        away: NDArray[np.float64] = (moments - self._target.values)[used] / self._target.errors[
            used
        ]
        return away

    def _slopes(self, at: NDArray[np.float64], away: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of `away` by each parameter: one-sided, towards the inside of the bounds."""
        slopes = np.empty((len(away), len(at)))
        for i, step in enumerate(STEPS):
            end = at.copy()
            end[i] += step if at[i] + step <= self._high[i] else -step
            slopes[:, i] = (self._away(end) - away) / (end[i] - at[i])
        return slopes

    def simulated_without(self) -> NDArray[np.float64]:
        return pooled_moments(self._sums(InformedFlowParams()))

    def standard_errors(
        self, at: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of the parameters, and the moments simulated there."""
        sums = self._sums(self.params(at))
        used, sums = self._target.used, self._sums(self.params(at))
        slopes = np.empty((int(used.sum()), len(at)))
        for i, step in enumerate(STEPS):
            ends = self.bounded(at + step * np.eye(3)[i]), self.bounded(at - step * np.eye(3)[i])
            slopes[:, i] = (self._away(ends[0]) - self._away(ends[1])) / (ends[0] - ends[1])[i]
        noise = self._target.covariance + np.nan_to_num(jackknife_covariance(sums))
        scaled = noise[np.ix_(used, used)] / np.outer(*[self._target.errors[used]] * 2)
        bread = np.linalg.pinv(slopes.T @ slopes)
        return (
            np.sqrt(np.diag(bread @ slopes.T @ scaled @ slopes @ bread)),
            pooled_moments(sums),
        )

    def cautions(self, at: NDArray[np.float64], converged: bool) -> tuple[Caution, ...]:
        found = []
        if not converged:
            found.append(
                Caution(
                    "not_converged",
                    PART,
                    f"the search stopped after {self.evaluations} simulations without settling; "
                    "the best parameters so far are used",
                )
            )
        names = ("volatility_ticks", "market_tilt", "limit_tilt")
        for name, value, low, high in zip(names, at, self._low, self._high, strict=True):
            if min(value - low, high - value) < 1e-3 * (high - low):
                found.append(
                    Caution(
                        "at_a_bound", PART, f"{name} ended at a bound of the search ({value:.4g})"
                    )
                )
        return tuple(found)

    def _sums(self, params: InformedFlowParams) -> list[NDArray[np.float64]]:
        self.evaluations += 1
        return [moment_sums(path) for path in self._simulate(params)]
