"""What a large order does to the price: bought in slices, against the same market without it.

A metaorder of Q lots is sent as market orders, equally spaced over a time D; then as much time
passes. Its impact is the mean over seeds of the mid with it less the mid without, with the same
random numbers in both. Real impact is concave, near the square root of Q, and is partly given back
(TSE: exponent 0.489 +- 0.071).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calibration.fidelity.played import Floats, PlayedMarkets
from rlmm_tf.market_model import MarketModel

PARTICIPATION = (0.01, 0.02, 0.05, 0.1)  # of the lots that others trade meanwhile
SLICES = 30
PAIRS = 300
DURATION_S = 600.0
EVENTS_MOST = 10_000  # of the flow while the order is sent: busy markets are tried for shorter
BOOTSTRAPS = 200
LEVELS = (0.025, 0.975)


@dataclass(frozen=True)
class MetaorderImpact:
    """Mean impact of orders of several sizes, and its law."""

    duration_s: float
    lots: tuple[int, ...]
    path_ticks: Floats  # [order][slice]: while it is sent, and for as long after it
    standard_error_ticks: Floats
    exponent: float  # of lots, at the end of the sending
    exponent_interval: tuple[float, float]
    relaxation: float  # share of the impact that is given back when as much time has passed
    relaxation_interval: tuple[float, float]


def metaorder_impact(
    model: MarketModel,
    *,
    traded_lots_per_s: float,
    events_per_s: float,
    seed: int,
    pairs: int = PAIRS,
) -> MetaorderImpact:
    """Tried in the model's market.

    Args:
        model: the market.
        traded_lots_per_s: by others, in market orders of both sides.
        events_per_s: of the flow.
        seed: names every random number.
        pairs: markets with and without the order.
    """
    duration_s = min(DURATION_S, EVENTS_MOST / max(events_per_s, 1e-9))
    volume = traded_lots_per_s * duration_s
    lots = tuple(max(round(share * volume), k + 1) for k, share in enumerate(PARTICIPATION))
    without = _mids(model, 0, duration_s, pairs, seed)
    impact = np.stack([_mids(model, each, duration_s, pairs, seed) - without for each in lots])
    rng = np.random.default_rng(seed)
    resampled = [
        _law(impact[:, :, rng.integers(pairs, size=pairs)].mean(axis=2), lots)
        for _ in range(BOOTSTRAPS)
    ]
    known = [law for law in resampled if np.isfinite(law[0])]
    ends = np.quantile(known or resampled[:1], LEVELS, axis=0)
    exponent, relaxation = _law(impact.mean(axis=2), lots)
    return MetaorderImpact(
        duration_s=duration_s,
        lots=lots,
        path_ticks=impact.mean(axis=2),
        standard_error_ticks=impact.std(axis=2, ddof=1) / np.sqrt(pairs),
        exponent=exponent,
        exponent_interval=(float(ends[0, 0]), float(ends[1, 0])),
        relaxation=relaxation,
        relaxation_interval=(float(ends[0, 1]), float(ends[1, 1])),
    )


def _mids(model: MarketModel, lots: int, duration_s: float, pairs: int, seed: int) -> Floats:
    """Mids after each slice, [slice][market]."""
    markets = PlayedMarkets(model, pairs, step_s=duration_s / SLICES, n_steps=2 * SLICES, seed=seed)
    crossing = np.full((pairs, 2), -float(markets.reach_ticks))
    mids = []
    sent = 0
    for k in range(2 * SLICES):
        due = min(lots * (k + 1) // SLICES, lots)
        wanted = np.zeros((pairs, 2))
        wanted[:, 0] = due - sent
        sent = due
        mids.append(markets.step(crossing, wanted).mid_ticks)
    return np.array(mids)


def _law(path: Floats, lots: tuple[int, ...]) -> tuple[float, float]:
    """Exponent of the impact at the end of the sending, and share given back at the very end."""
    peak, last = path[:, SLICES - 1], path[:, -1]
    if not (peak > 0.0).all():
        return float("nan"), float("nan")
    exponent = float(np.polyfit(np.log(lots), np.log(peak), 1)[0])
    return exponent, float(1.0 - last.sum() / peak.sum())
