"""Where limit orders go and how large orders are: frequencies of what was seen.

    limit orders  P(ticks from the own best price | spread bin), improving and resting
    sizes         the empirical law by place: better than the own best price, at it, behind it
    market orders exactly the best queue, beyond it, or a size of their own, cut at the queue

A recording of few levels shows an order d ticks behind the best price only while it shows so much,
E ticks. With F(d) = P(at most d ticks behind), by the product-limit estimator for what is cut from
above (Lynden-Bell, 1971),

    F(d - 1) / F(d) = 1 - orders at d / orders at most d ticks behind while d was shown,

there were N = sum of 1 / F(E) orders; each that was seen d ticks behind stands for
N (F(d) - F(d - 1)) / orders at d of them. Orders that improve the price are all seen, and left
out: their share goes with the spread, and so does E. The variance of log F(0), with them, is
Greenwood's, the sum over d > 0 of (1 - r) / (r x compared) with r = F(d - 1) / F(d).

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
COMPARED_LEAST = 100  # orders that came while so much was shown; else as if all had
WEIGHT_MOST = 10.0  # of an order for those that were not shown
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


@dataclass(frozen=True)
class Sight:
    """What orders that were seen say of all orders."""

    weights: Array  # how many each one stands for
    log_variance: float  # of the share of orders that are at the best price or better

    @classmethod
    def of_all(cls, away_ticks: Ints) -> Sight:
        """Where every order is seen."""
        share = max(float((away_ticks <= 0).mean()), 1.0 / len(away_ticks))
        return cls(np.ones(len(away_ticks)), (1.0 / share - 1.0) / len(away_ticks))


def sight_of(away_ticks: Ints, shown_ticks: Ints) -> Sight:
    """See above.

    Args:
        away_ticks: behind the own best price.
        shown_ticks: how far behind it orders were shown when each came.
    """
    shown, rests = np.maximum(shown_ticks, away_ticks), away_ticks >= 0
    weights = np.ones(len(away_ticks))
    if rests.any():
        at = away_ticks[rests]
        placed, _, kept = _by_distance(at, shown[rests])
        law = np.append(np.cumprod(kept[::-1])[::-1][1:], 1.0)  # F
        last = len(law) - 1
        orders = float((1.0 / np.maximum(law, 1e-9))[np.minimum(shown[rests], last)].sum())
        weight = orders * np.diff(law, prepend=0.0) / np.maximum(placed, 1)
        weights[rests] = np.minimum(weight, WEIGHT_MOST)[at]
    placed, compared, kept = _by_distance(np.maximum(away_ticks, 0), shown)
    risk = placed[1:] / np.maximum(kept[1:] * compared[1:] ** 2, 1e-300)
    return Sight(weights, float(risk.sum()))


def _by_distance(at: Ints, shown: Ints) -> tuple[Ints, Ints, Array]:
    """Orders at each distance, those they are compared with, and F(d - 1) / F(d)."""
    most = int(at.max(initial=0))
    placed = np.bincount(at, minlength=most + 1)
    # Of those at most d ticks behind, the ones that came while d was shown.
    cut = np.bincount(np.minimum(shown, most) + 1, minlength=most + 2)[: most + 1]
    compared = np.cumsum(placed) - np.cumsum(cut)
    compared = np.where(compared < COMPARED_LEAST, len(at), compared)
    return placed, compared, 1.0 - placed / np.maximum(compared, 1)


def fit_placement(
    away_ticks: Ints,
    spread_bin: Ints,
    spread_bin_ticks: tuple[int, ...],
    sight: Sight | None = None,
) -> LimitPlacement:
    """The law of the place by the bin of the spread before the order.

    Args:
        away_ticks: behind the own best price, negative if better.
        spread_bin: before each order.
        spread_bin_ticks: lower edges of the bins.
        sight: of the orders; None: all are seen.
    """
    if len(away_ticks) == 0:
        raise ValueError(
            "limit orders: expected some, got none; nothing can be said of their place"
        )
    sight = sight or Sight.of_all(away_ticks)
    weights = sight.weights
    order = np.argsort(away_ticks, kind="stable")
    resting = order[away_ticks[order] >= 0]
    depth = DEPTH_LEAST
    if len(resting):
        reached = np.cumsum(weights[resting])
        last = int(np.searchsorted(reached, COVERED * reached[-1] * (1.0 - 1e-12)))
        depth = int(away_ticks[resting[last]]) + 1
    depth = min(max(depth, DEPTH_LEAST), DEPTH_TICKS_MAX)
    bins = len(spread_bin_ticks)
    clipped = np.clip(away_ticks, -DEPTH_TICKS_MAX, depth - 1)
    most = int(max(0, -clipped.min()))
    counts = np.zeros((bins, most + depth))
    np.add.at(counts, (spread_bin, clipped + most), weights)
    pooled = (counts.sum(axis=0) + 1e-9) / (counts.sum() + 1e-9 * counts.shape[1])
    room = [_room(spread_bin_ticks, b, most) for b in range(bins)]
    marks, shares, errors = [], [], []
    for b in range(bins):
        prior = np.where(np.arange(most + depth) >= most - room[b], pooled, 0.0)
        law = counts[b] * (prior > 0.0) + PRIOR_ORDERS * prior / prior.sum()
        law /= law.sum()
        improving = law[:most][::-1][: room[b]]
        marks.append(LimitMarks(improving=_law(improving), resting=_law(law[most:])))
        share, n = float(improving.sum()), _worth(away_ticks, spread_bin == b, sight) + PRIOR_ORDERS
        shares.append(share)
        errors.append(float(np.sqrt(share * (1.0 - share) / n)))
    seen = tuple(int(n) for n in np.bincount(spread_bin, minlength=bins))
    of_bins = Estimate(tuple(shares), tuple(errors), len(away_ticks))
    return LimitPlacement(tuple(marks), of_bins, seen)


def _worth(away_ticks: Ints, mine: NDArray[np.bool_], sight: Sight) -> float:
    """So many orders, all of them seen, would tell the share that improves as well."""
    away, weights = away_ticks[mine], sight.weights[mine]
    improving, near = int((away < 0).sum()), int((away <= 0).sum())
    if improving == 0:
        return float(len(away))
    share = float(weights[away < 0].sum() / weights.sum())
    of_near = 1.0 / improving - 1.0 / near
    variance = of_near + sight.log_variance * len(away_ticks) / len(away)
    return (1.0 / share - 1.0) / variance if variance > 0.0 else float(len(away))


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
