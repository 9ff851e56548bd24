"""Markets of independent Poisson flows, fitted to a recording: what a better model has to beat.

Cont, Stoikov & Talreja (2010): every order has the mean size of the limit orders, S. With T seconds
of an open market, and counts of both sides together,

    lambda(d) = limit orders d ticks from the other side's best price / 2 T
    mu        = lots of market orders / S / 2 T
    theta     = lots cancelled / integral of the lots that rest over time

Smith, Farmer, Gillemot & Krishnamurthy (2003) is the same with one lambda at all distances.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from calibration.flow_events import FlowEvents
from rlmm_tf.market_model import MarketModel
from rlmm_tf.reference_markets import DISTANCES_MAX, cont_stoikov_talreja

DISTANCE_QUANTILE = (
    0.95  # of limit orders, and of the spread over time: what lies beyond is left out
)


@dataclass(frozen=True)
class PoissonFlows:
    """Rates per second and side."""

    lambda_by_distance: tuple[float, ...]
    theta: float  # cancels per order
    mu: float
    order_lots: int

    @classmethod
    def of(cls, flow: FlowEvents) -> Self:
        """Of the events that count.

        Raises:
            ValueError: none of a kind.
        """
        counted, group = flow.counted, flow.group
        limits, markets, cancels = (counted & (group // 2 == kind) for kind in (1, 0, 2))
        for name, rows in (("limit", limits), ("market", markets), ("cancel", cancels)):
            if not rows.any():
                raise ValueError(f"flow: expected {name} orders, got none; take a longer stretch")
        seconds = flow.seconds
        total_s = float(seconds.sum())
        distance = (flow.before(flow.spread_ticks) + flow.away_ticks)[limits]
        mean_lots = float(flow.lots[limits].mean())
        n = _distances(flow, distance)
        counts = np.bincount(np.clip(distance, 1, n + 1) - 1, minlength=n + 1)[:n]
        last = int(np.flatnonzero(counts)[-1]) + 1  # it fills levels that come into reach
        resting_lot_s = float((flow.lots_at_risk @ seconds).sum())
        return cls(
            lambda_by_distance=tuple((counts[:last] / (2.0 * total_s)).tolist()),
            theta=float(flow.lots[cancels].sum()) / resting_lot_s,
            mu=float(flow.lots[markets].sum()) / mean_lots / (2.0 * total_s),
            order_lots=max(round(mean_lots), 1),
        )

    @property
    def evenly(self) -> PoissonFlows:
        """The same orders, at all distances alike."""
        n = len(self.lambda_by_distance)
        return replace(self, lambda_by_distance=(sum(self.lambda_by_distance) / n,) * n)

    @property
    def market(self) -> MarketModel:
        """As the simulator plays it."""
        return cont_stoikov_talreja(
            self.lambda_by_distance, self.theta, self.mu, order_lots=self.order_lots
        )


def _distances(flow: FlowEvents, distance: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> int:
    spreads, weights = flow.spread_ticks[flow.counts], flow.seconds[flow.counts]
    order = np.argsort(spreads, kind="stable")
    share = np.cumsum(weights[order]) / weights.sum()
    at = min(int(np.searchsorted(share, DISTANCE_QUANTILE)), len(order) - 1)
    wanted = max(int(np.quantile(distance, DISTANCE_QUANTILE)), int(spreads[order][at]))
    return int(np.clip(wanted, 1, DISTANCES_MAX))
