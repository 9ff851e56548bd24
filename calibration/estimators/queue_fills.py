"""How likely an order that joins the best price is to be filled in time, by the queue before it.

Kaplan and Meier's product over the times t at which orders were filled,

    S(h) = product over t <= h of (1 - filled[t] / at_risk[t]),      fill probability 1 - S(h),

orders that were watched for less than h leave the ones at risk when their watch ends. Greenwood's
variance is S^2 sum of filled / (at_risk (at_risk - filled)). Orders that join within one horizon
of each other meet the same trades, so where blocks of time are given the error is the larger of
Greenwood's and a sum over blocks of the estimate's influence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.estimate import Caution, Estimate

ORDERS_LEAST = 30

_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class QueueFills:
    """Fill probabilities by part of the queue's length, shortest first."""

    horizons_s: tuple[float, ...]
    edges_lots: tuple[float, ...]  # upper ones of all parts but the last
    probability: tuple[Estimate, ...]  # of each part, per horizon
    n: int
    converged: bool
    cautions: tuple[Caution, ...] = ()

    def simulate(
        self, n: int, rng: np.random.Generator, *, part: int = 0
    ) -> tuple[_Floats, _Bools]:
        """Times (s) until fill or the end of the watch, and which were filled.

        Between two horizons the hazard is constant.
        """
        value = self.probability[part].value
        alive = 1.0 - np.asarray(value, dtype=np.float64).ravel()
        ladder = np.concatenate([[0.0], -np.log(np.maximum(alive, 1e-12))])
        times = np.concatenate([[0.0], self.horizons_s])
        draws = rng.exponential(size=n)
        filled = draws <= ladder[-1]
        waited = np.interp(draws, ladder, times)
        return np.where(filled, waited, times[-1]), filled


def survival(
    duration_s: _Floats, filled: _Bools, horizons_s: Sequence[float], block: NDArray[np.int64]
) -> tuple[_Floats, _Floats]:
    """S and its standard error at each horizon."""
    times = np.unique(duration_s[filled])
    order = np.sort(duration_s)
    at_risk = (len(order) - np.searchsorted(order, times, side="left")).astype(np.float64)
    fills = np.bincount(np.searchsorted(times, duration_s[filled]), minlength=len(times))
    hazard = fills / at_risk
    curve = np.concatenate([[1.0], np.cumprod(1 - hazard)])
    left = np.maximum(at_risk - fills, 1)  # where none is left, S is 0 without an error
    greenwood = np.concatenate([[0.0], np.cumsum(fills / (at_risk * left))])
    upto = np.searchsorted(times, horizons_s, side="right")
    alive = curve[upto]
    own = alive * np.sqrt(greenwood[upto])
    n_blocks = len(np.unique(block))
    if n_blocks < 2 or n_blocks == len(block):
        return alive, own
    return alive, np.maximum(
        own, _by_blocks(duration_s, filled, block, times, at_risk, fills, upto) * alive
    )


def _by_blocks(
    duration_s: _Floats,
    filled: _Bools,
    block: NDArray[np.int64],
    times: _Floats,
    at_risk: _Floats,
    fills: NDArray[np.int64],
    upto: NDArray[np.int64],
) -> _Floats:
    """Deviation of log S: each order adds 1 / at_risk when filled, less the hazard it was under."""
    compensator = np.concatenate([[0.0], np.cumsum(fills / at_risk**2)])
    seen = np.searchsorted(times, duration_s, side="right")
    _, at = np.unique(block, return_inverse=True)
    errors = []
    for last in upto:
        own_fill = filled & (seen <= last) & (seen > 0)
        jump = np.where(own_fill, 1 / at_risk[np.maximum(seen - 1, 0)], 0.0) if len(times) else 0.0
        influence = jump - compensator[np.minimum(seen, last)]
        sums = np.bincount(at, weights=influence)
        errors.append(np.sqrt((sums**2).sum() * len(sums) / max(len(sums) - 1, 1)))
    return np.array(errors)


def fit_queue_fills(
    ahead_lots: NDArray[np.int64],
    duration_s: _Floats,
    filled: _Bools,
    *,
    horizons_s: Sequence[float] = (1.0, 10.0, 60.0),
    parts: int = 3,
    block: NDArray[np.int64] | None = None,
) -> QueueFills:
    """Fill probabilities by queue, in parts of equally many orders (terciles).

    Args:
        ahead_lots: before each order when it joined.
        duration_s: until its fill, or until it was no longer watched.
        filled: which of the two.
        horizons_s: rising.
        parts: of the queue's length.
        block: of time, of each order; None: orders are independent.

    Raises:
        ValueError: the arrays do not belong together.
    """
    if not len(ahead_lots) == len(duration_s) == len(filled) or np.any(duration_s < 0):
        raise ValueError(
            "duration_s: expected one of 0 or more for each order, got "
            f"{len(ahead_lots)}, {len(duration_s)}, {len(filled)} values"
        )
    blocks = np.arange(len(filled)) if block is None else block
    horizons = tuple(float(horizon) for horizon in horizons_s)
    if len(filled) < ORDERS_LEAST * parts:
        text = f"expected {ORDERS_LEAST * parts} orders, got {len(filled)}; no curves"
        unknown = Estimate.borrowed((float("nan"),) * len(horizons), "too few orders")
        caution = Caution("queue_fills_too_few", "queue_fills", text)
        return QueueFills(
            horizons, (), (unknown,) * parts, len(filled), converged=False, cautions=(caution,)
        )
    edges = np.unique(np.quantile(ahead_lots, np.arange(1, parts) / parts, method="lower"))
    part = np.searchsorted(edges, ahead_lots, side="left")
    found, cautions = [], []
    for p in range(len(edges) + 1):
        mine = part == p
        alive, error = survival(duration_s[mine], filled[mine], horizons, blocks[mine])
        probability = Estimate(tuple((1 - alive).tolist()), tuple(error.tolist()), int(mine.sum()))
        found.append(probability)
    if len(found) < parts or min(each.n for each in found) < ORDERS_LEAST:
        text = f"queues have too few different lengths for {parts} parts of equally many orders"
        cautions.append(Caution("queue_fills_ties", "queue_fills", text))
    return QueueFills(
        horizons,
        tuple(edges.tolist()),
        tuple(found),
        len(filled),
        converged=True,
        cautions=tuple(cautions),
    )
