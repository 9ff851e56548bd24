"""How often a market order reaches a quote at depth d from the mid: lambda(d) = A exp(-k d).

Prices lie on a grid, so a market order whose worst fill is at depth D reaches quotes at D and not
at D + 1 tick. Depths are half ticks when the mid is; with parity p of the mid, the first depth of
the fitted range is g[p], and orders that reach it come at the rate A exp(-k g[p]) while the mid
has that parity, for T[p] seconds. The exact likelihood of N[p] such orders, the depths cut at the
end of the range, is

    sum over p of (N[p] log lambda(g[p]) - T[p] lambda(g[p]))
      + sum over orders of (-k (D - g) + [D before the last depth] log(1 - exp(-k))).

Least squares on the logarithms of cumulated counts, as often done, has intervals that cover 31 %
instead of 95 %: the counts share their orders. Market orders come in bursts, so standard errors
are a sandwich over blocks of time. The range in which the formula holds is found depth by depth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.optimize
import scipy.stats
from numpy.typing import NDArray

from calibration.estimate import Caution, Estimate

ORDERS_LEAST = 50
CELL_LEAST = 5.0  # expected orders in a cell of the misfit test
HOLDS_WITHIN = 0.25  # relative error of the rate, or two of its standard errors
MISFIT_P_LEAST = 0.01
RATE_LEAST, RATE_MOST = 1e-7, 50.0  # of k per tick

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


@dataclass(frozen=True)
class FillRate:
    """A and k, and how well the formula fits; per tick and per second and side."""

    a_hz: Estimate
    k_per_tick: Estimate
    low_ticks: float  # the fitted range
    high_ticks: float
    valid_low_ticks: float  # the widest run of depths where the formula holds
    valid_high_ticks: float
    depth_ticks: tuple[float, ...]  # of the observed rates
    observed_hz: tuple[float, ...]
    observed_error_hz: tuple[float, ...]
    misfit_p: float  # small: the depths are not exponential
    n: int
    converged: bool
    cautions: tuple[Caution, ...] = ()

    def rate_hz(self, depth_ticks: _Floats) -> _Floats:
        """The formula."""
        a, k = float(np.asarray(self.a_hz.value)), float(np.asarray(self.k_per_tick.value))
        return np.asarray(a * np.exp(-k * depth_ticks))

    def simulate(self, seconds: tuple[float, float], rng: np.random.Generator) -> _Ints:
        """Doubled depths of orders that come while the mid is whole, and half, for so long."""
        k = float(np.asarray(self.k_per_tick.value))
        found = []
        for parity in (0, 1):
            first = _first_depth_x2(round(2 * self.low_ticks), parity)
            rate = float(self.rate_hz(np.array(first / 2)))
            n = int(rng.poisson(rate * seconds[parity]))
            found.append(first + 2 * (rng.geometric(-np.expm1(-k), n) - 1))
        return np.concatenate(found).astype(np.int64)


def _first_depth_x2(low_x2: int, parity: int) -> int:
    """The first depth of that parity, not below the range's beginning."""
    return low_x2 + (low_x2 - parity) % 2


def fit_fill_rate(
    depth_x2: _Ints,
    seconds: tuple[float, float],
    *,
    low_x2: int,
    high_x2: int,
    block: _Ints | None = None,
) -> FillRate:
    """A and k by maximum likelihood.

    Args:
        depth_x2: |2 worst price - doubled mid before| of each market order.
        seconds: how long the doubled mid was even, and odd; times two where both sides are given.
        low_x2: where the fitted range begins; nearer orders are not counted.
        high_x2: where it ends; deeper orders count as orders that reach the end.
        block: of time, of each order, from 0; None: orders are independent.

    Raises:
        ValueError: the range or the times are none.
    """
    if not 0 <= low_x2 < high_x2 - 2:
        raise ValueError(
            "low_x2, high_x2: expected a range of two ticks or more from 0 on, got "
            f"{low_x2} to {high_x2}"
        )
    if min(seconds) < 0 or max(seconds) <= 0:
        raise ValueError(f"seconds: expected 0 or more, not both 0, got {seconds}")
    parity = depth_x2 % 2
    starts = np.array([_first_depth_x2(low_x2, p) for p in (0, 1)])
    inside = (depth_x2 >= starts[parity]) & (np.array(seconds)[parity] > 0)
    blocks = np.arange(len(depth_x2)) if block is None else block
    steps = (depth_x2 - starts[parity])[inside] // 2  # ticks beyond the first depth
    last = ((high_x2 - starts) // 2)[parity[inside]]
    n = int(inside.sum())
    if n < ORDERS_LEAST or not np.any(steps > 0):
        return _none(n, low_x2, high_x2)
    return _fit(
        np.minimum(steps, last),
        steps < last,
        parity[inside],
        blocks[inside],
        starts,
        seconds,
        high_x2,
    )


def _none(n: int, low_x2: int, high_x2: int) -> FillRate:
    text = (
        f"expected {ORDERS_LEAST} market orders that reach the range, some beyond its first "
        f"depth, got {n}; A and k are unknown"
    )
    unknown = Estimate.borrowed(float("nan"), "too few market orders")
    ends = low_x2 / 2, high_x2 / 2
    return FillRate(
        unknown,
        unknown,
        *ends,
        *ends,
        (),
        (),
        (),
        float("nan"),
        n,
        converged=False,
        cautions=(Caution("fill_rate_too_few_orders", "fill_rate", text),),
    )


def _fit(
    steps: _Ints,
    exact: NDArray[np.bool_],
    parity: _Ints,
    block: _Ints,
    starts: _Ints,
    seconds: tuple[float, float],
    high_x2: int,
) -> FillRate:
    n, n_exact, walked = len(steps), int(exact.sum()), float(steps.sum())
    first, time_s = starts / 2, np.array(seconds)
    reached = np.bincount(parity, minlength=2).astype(np.float64)

    def exposure(k: float) -> _Floats:
        return np.asarray(time_s * np.exp(-k * first))

    def slope(k: float) -> float:
        """Derivative of the log likelihood by k, with A = n / exposure put in."""
        share = exposure(k) / exposure(k).sum()
        return float(-reached @ first + n * (share @ first) - walked + n_exact / np.expm1(k))

    bracketed = slope(RATE_LEAST) > 0 > slope(RATE_MOST)
    k = float(scipy.optimize.brentq(slope, RATE_LEAST, RATE_MOST)) if bracketed else RATE_LEAST
    a = n / float(exposure(k).sum())
    variance = _sandwich(k, a, steps, exact, parity, block, first, time_s)
    errors = np.sqrt(np.diag(variance))
    misfit_p = _misfit(k, steps, exact, parity, starts, high_x2)
    cautions = []
    if not bracketed:
        text = "the rate does not fall with depth: k is at the edge of its range"
        cautions.append(Caution("fill_rate_no_decay", "fill_rate", text))
    depth, observed, error = _observed(steps, parity, starts, time_s)
    low, high = _valid(depth, observed, error, a * np.exp(-k * depth))
    if misfit_p < MISFIT_P_LEAST:
        text = (
            f"depths are not exponential (p = {misfit_p:.2g}); the formula holds within "
            f"{HOLDS_WITHIN:.0%} from {low:g} to {high:g} ticks"
        )
        cautions.append(Caution("fill_rate_misfit", "fill_rate", text))
    return FillRate(
        a_hz=Estimate(a, float(a * errors[0]), n),
        k_per_tick=Estimate(k, float(errors[1]), n),
        low_ticks=float(starts.min()) / 2,
        high_ticks=high_x2 / 2,
        valid_low_ticks=low,
        valid_high_ticks=high,
        depth_ticks=tuple(depth.tolist()),
        observed_hz=tuple(observed.tolist()),
        observed_error_hz=tuple(error.tolist()),
        misfit_p=misfit_p,
        n=n,
        converged=bracketed,
        cautions=tuple(cautions),
    )


def _sandwich(
    k: float,
    a: float,
    steps: _Ints,
    exact: NDArray[np.bool_],
    parity: _Ints,
    block: _Ints,
    first: _Floats,
    time_s: _Floats,
) -> _Floats:
    """Covariance of (log A, k): information^-1 (sum over blocks of score score') information^-1.

    The score's expected part is spread evenly over the blocks. Without blocks every order is one,
    and the number of orders a Poisson variable: the score of an order is its own part.
    """
    rate = a * time_s * np.exp(-k * first)  # expected orders of each parity
    depth = first[parity]
    curvature = np.exp(k) / np.expm1(k) ** 2
    information = np.array(
        [
            [rate.sum(), -(rate @ first)],
            [-(rate @ first), rate @ first**2 + exact.sum() * curvature],
        ]
    )
    own = np.stack([np.ones(len(steps)), -depth - steps + exact / np.expm1(k)], axis=1)
    _, at = np.unique(block, return_inverse=True)
    sums = np.zeros((at.max() + 1, 2))
    np.add.at(sums, at, own)
    n_blocks = int(block.max()) + 1
    if len(sums) < len(steps):  # real blocks, empty ones among them
        expected = np.array([rate.sum(), -(rate @ first)]) / n_blocks
        meat = (sums - expected).T @ (sums - expected)
        meat += (n_blocks - len(sums)) * np.outer(expected, expected)
        meat *= n_blocks / max(n_blocks - 2, 1)
    else:
        meat = sums.T @ sums
    bread = np.linalg.inv(information)
    return np.asarray(bread @ meat @ bread)


def _misfit(
    k: float,
    steps: _Ints,
    exact: NDArray[np.bool_],
    parity: _Ints,
    starts: _Ints,
    high_x2: int,
) -> float:
    """Pearson's chi-square of the depths in cells of enough expected orders."""
    total, freedom = 0.0, -1
    for p in (0, 1):
        mine = steps[parity == p]
        cells = int((high_x2 - starts[p]) // 2) + 1
        chance = np.exp(-k * np.arange(cells)) * -np.expm1(-k)
        chance[-1] = np.exp(-k * (cells - 1))
        expected = len(mine) * chance
        counts = np.bincount(mine, minlength=cells).astype(np.float64)
        groups = _pooled(expected)
        if len(groups) < 2:
            continue
        expected = np.add.reduceat(expected, groups)
        counts = np.add.reduceat(counts, groups)
        total += float(((counts - expected) ** 2 / expected).sum())
        freedom += len(groups) - 1
    return float(scipy.stats.chi2.sf(total, freedom)) if freedom > 0 else float("nan")


def _pooled(expected: _Floats) -> list[int]:
    """Where cells begin, so that each expects enough; what is left at the end joins the last."""
    begins, sum_ = [0], 0.0
    for i, value in enumerate(expected):
        if sum_ >= CELL_LEAST and expected[i:].sum() >= CELL_LEAST:
            begins.append(i)
            sum_ = 0.0
        sum_ += value
    return begins


def _observed(
    steps: _Ints, parity: _Ints, starts: _Ints, time_s: _Floats
) -> tuple[_Floats, _Floats, _Floats]:
    """Rates at which orders reach each depth, with Poisson errors."""
    found = []
    for p in (0, 1):
        mine = steps[parity == p]
        if time_s[p] <= 0 or len(mine) == 0:
            continue
        at = np.bincount(mine)
        reached = at[::-1].cumsum()[::-1]
        depths = starts[p] / 2 + np.arange(len(reached))
        found += [
            (float(d), float(m / time_s[p]), float(np.sqrt(m) / time_s[p]))
            for d, m in zip(depths, reached, strict=True)
        ]
    table = np.array(sorted(found))
    return table[:, 0], table[:, 1], table[:, 2]


def _valid(
    depth: _Floats, observed: _Floats, error: _Floats, fitted: _Floats
) -> tuple[float, float]:
    """The widest run of depths where formula and observation agree."""
    agrees = np.abs(observed - fitted) <= np.maximum(HOLDS_WITHIN * fitted, 2 * error)
    best, begin = (float("nan"), float("nan")), None
    for i, holds in enumerate(np.append(agrees, False)):
        if holds and begin is None:
            begin = i
        if not holds and begin is not None:
            if not depth[i - 1] - depth[begin] < best[1] - best[0]:
                best = float(depth[begin]), float(depth[i - 1])
            begin = None
    return best
