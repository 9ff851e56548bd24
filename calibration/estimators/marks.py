"""Where limit orders go and how large orders are: frequencies of what was seen.

    limit orders  P(ticks from the own best price | spread bin), improving and resting
    sizes         the empirical law by place: better than the own best price, at it, behind it
    market orders exactly the best queue, beyond it, or a size of their own, cut at the queue

A spread bin with few orders is drawn towards all of them by `PRIOR_ORDERS` orders. Laws keep every
size of some mass as it is (round lots), and pool what is rare around it; sizes above the
simulator's largest, a million lots, are cut to it.

A market order that took exactly the queue may have meant to (whole_queue), or have wanted more and
been cut. With S the law of wanted sizes, the likelihood of a size s at a queue q is

    s < q: (1 - w - b) P(S = s)    s = q: w + (1 - w - b) P(S >= q)    s > q: b P(S = s - q)

maximised by EM over w, b and all P(S = .).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.estimate import Caution, Estimate
from rlmm_tf.fields import SIZE_LOTS_MAX
from rlmm_tf.market_parts import DEPTH_TICKS_MAX, LimitMarks, MarketOrderParams, SizeLaw

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

COVERED = 0.999  # of the resting orders lie within the reach
DEPTH_LEAST = 5
PRIOR_ORDERS = 20.0
SIZES_KEPT, SIZES_POOLED = 384, 128  # single sizes, and groups of the rare ones
EM_STEPS = 500
LEAST_MARKET_ORDERS = 30


@dataclass(frozen=True)
class LimitPlacement:
    """Places of limit orders by spread bin."""

    marks: tuple[LimitMarks, ...]
    improving_share: Estimate  # by spread bin
    n: tuple[int, ...]  # by spread bin
    cautions: tuple[Caution, ...] = ()

    @property
    def depth_ticks(self) -> int:
        """The reach."""
        return len(self.marks[0].resting)

    def simulate(self, spread_bin: Ints, rng: np.random.Generator) -> Ints:
        """Ticks behind the own best price of orders that come at these bins of the spread."""
        away = np.empty(len(spread_bin), np.int64)
        for b, marks in enumerate(self.marks):
            at = np.flatnonzero(spread_bin == b)
            better = np.arange(-1, -len(marks.improving) - 1, -1)
            places = np.concatenate([better, np.arange(len(marks.resting))])
            law = np.array((*marks.improving, *marks.resting))
            away[at] = rng.choice(places, size=len(at), p=law / law.sum())
        return away


def fit_placement(
    away_ticks: Ints, spread_bin: Ints, spread_bin_ticks: tuple[int, ...]
) -> LimitPlacement:
    """The law of the place by the bin of the spread before the order."""
    if len(away_ticks) == 0:
        raise ValueError(
            "limit orders: expected some, got none; nothing can be said of their place"
        )
    resting = np.sort(away_ticks[away_ticks >= 0])
    depth = DEPTH_LEAST
    if len(resting):
        depth = int(resting[int(np.ceil(COVERED * len(resting))) - 1]) + 1
    depth = min(max(depth, DEPTH_LEAST), DEPTH_TICKS_MAX)
    bins = len(spread_bin_ticks)
    clipped = np.clip(away_ticks, -DEPTH_TICKS_MAX, depth - 1)
    most = int(max(0, -clipped.min()))
    counts = np.zeros((bins, most + depth))
    np.add.at(counts, (spread_bin, clipped + most), 1.0)
    pooled = (counts.sum(axis=0) + 1e-9) / (counts.sum() + 1e-9 * counts.shape[1])
    room = [_room(spread_bin_ticks, b, most) for b in range(bins)]
    marks, shares, errors = [], [], []
    for b in range(bins):
        prior = np.where(np.arange(most + depth) >= most - room[b], pooled, 0.0)
        law = counts[b] * (prior > 0.0) + PRIOR_ORDERS * prior / prior.sum()
        law /= law.sum()
        improving = law[:most][::-1][: room[b]]
        marks.append(LimitMarks(improving=_law(improving), resting=_law(law[most:])))
        share, n = float(improving.sum()), float(counts[b].sum()) + PRIOR_ORDERS
        shares.append(share)
        errors.append(float(np.sqrt(share * (1.0 - share) / n)))
    seen = tuple(int(n) for n in counts.sum(axis=1))
    of_bins = Estimate(tuple(shares), tuple(errors), int(counts.sum()))
    return LimitPlacement(tuple(marks), of_bins, seen)


def _room(spread_bin_ticks: tuple[int, ...], b: int, most: int) -> int:
    """Ticks by which an order can improve the price in the widest spread of the bin."""
    if b + 1 == len(spread_bin_ticks):
        return most
    return min(most, spread_bin_ticks[b + 1] - 2)


def _law(values: Array) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


@dataclass(frozen=True)
class Sizes:
    """A law of sizes, and what it is worth."""

    law: SizeLaw
    mean_lots: Estimate


def fit_sizes(lots: Ints, weights: Array | None = None) -> Sizes:
    """The empirical law; rare sizes are pooled with their neighbours at the pool's mean.

    Raises:
        ValueError: there are none.
    """
    if len(lots) == 0:
        raise ValueError("sizes: expected orders, got none")
    values, at = np.unique(np.minimum(lots, SIZE_LOTS_MAX), return_inverse=True)
    mass = np.bincount(at, weights=weights, minlength=len(values)).astype(np.float64)
    values, mass = values[mass > 0.0], mass[mass > 0.0]
    if len(values) > SIZES_KEPT + SIZES_POOLED:
        order = np.argsort(-mass, kind="stable")
        kept, rare = np.sort(order[:SIZES_KEPT]), np.sort(order[SIZES_KEPT:])
        groups = np.array_split(rare, SIZES_POOLED)
        pooled = [float(values[g] @ mass[g] / mass[g].sum()) for g in groups]
        values = np.concatenate([values[kept], np.rint(pooled).astype(lots.dtype)])
        mass = np.concatenate([mass[kept], [mass[g].sum() for g in groups]])
        values, at = np.unique(values, return_inverse=True)
        mass = np.bincount(at, weights=mass).astype(np.float64)
    law = mass / mass.sum()
    mean = float(law @ values)
    deviation = float(np.sqrt(max(law @ (values - mean) ** 2, 0.0)))
    n = len(lots)
    return Sizes(
        SizeLaw(lots=tuple(int(v) for v in values), probability=_law(law)),
        Estimate(mean, deviation / np.sqrt(n), n),
    )


@dataclass(frozen=True)
class MarketSizes:
    """Sizes of market orders given the queue that they hit."""

    params: MarketOrderParams
    whole_queue: Estimate
    beyond_queue: Estimate
    mean_lots: Estimate  # of the wanted sizes
    cautions: tuple[Caution, ...] = ()

    def simulate(self, queue_lots: Ints, rng: np.random.Generator) -> Ints:
        """Sizes of orders that hit these queues."""
        n = len(queue_lots)
        law = np.array(self.params.sizes.probability)
        wanted = rng.choice(np.array(self.params.sizes.lots), size=n, p=law / law.sum())
        kind = rng.random(n)
        whole = self.params.whole_queue
        beyond = whole + self.params.beyond_queue
        cut = np.minimum(wanted, queue_lots)
        return np.where(kind < whole, queue_lots, np.where(kind < beyond, queue_lots + wanted, cut))


def fit_market_sizes(lots: Ints, queue_lots: Ints) -> MarketSizes:
    """By EM, see above; orders that hit an empty queue are left out."""
    usable = queue_lots > 0
    s, q = lots[usable], queue_lots[usable]
    n = len(s)
    if n == 0:
        raise ValueError(
            "market orders: expected some, got none; nothing can be said of their size"
        )
    below, equal, above = s < q, s == q, s > q
    values = np.unique(np.concatenate([s[below], (s - q)[above], q[equal]]))
    direct = np.zeros(len(values))
    np.add.at(direct, np.searchsorted(values, s[below]), 1.0)
    np.add.at(direct, np.searchsorted(values, (s - q)[above]), 1.0)
    at, times = np.unique(np.searchsorted(values, q[equal]), return_counts=True)
    law = direct + 1.0
    law /= law.sum()
    beyond = float(above.sum()) / n
    whole = 0.5 * float(equal.sum()) / n
    for _ in range(EM_STEPS):
        tail = np.cumsum(law[::-1])[::-1]
        cut = (1.0 - whole - beyond) * tail[at]
        meant = times * whole / np.maximum(whole + cut, 1e-300)
        # What was cut is laid out over all sizes from the queue up, by the law as it is.
        per_tail = np.zeros(len(values))
        per_tail[at] = (times - meant) / np.maximum(tail[at], 1e-300)
        mass = direct + law * np.cumsum(per_tail)
        if mass.sum() > 0.0:
            law = mass / mass.sum()
        moved = abs(float(meant.sum()) / n - whole)
        whole = float(meant.sum()) / n
        if moved < 1e-10:
            break
    whole = min(whole, 1.0 - beyond)
    sizes = fit_sizes(values, law)
    deviation = _deviation(sizes.law)
    cautions: tuple[Caution, ...] = ()
    if n < LEAST_MARKET_ORDERS:
        text = f"expected {LEAST_MARKET_ORDERS} market orders, got {n}; their sizes are uncertain"
        cautions = (Caution("few_market_orders", "marks", text),)
    return MarketSizes(
        params=MarketOrderParams(
            whole_queue=whole,
            beyond_queue=beyond,
            within_queue=max(0.0, 1.0 - whole - beyond),
            sizes=sizes.law,
        ),
        whole_queue=_share(whole, n),
        beyond_queue=_share(beyond, n),
        mean_lots=Estimate(
            sizes.mean_lots.number, deviation / math.sqrt(max(n * (1.0 - whole), 1.0)), n
        ),
        cautions=cautions,
    )


def _deviation(law: SizeLaw) -> float:
    lots, mass = np.array(law.lots, np.float64), np.array(law.probability)
    variance = float(mass @ lots**2) - float(mass @ lots) ** 2
    return math.sqrt(max(variance, 0.0))


def _share(value: float, n: int) -> Estimate:
    return Estimate(value, float(np.sqrt(max(value * (1.0 - value), 0.25 / n) / n)), n)
