"""Orders that take the place of a best price that has just gone.

A limit order that comes right after the event that took its side's best price away improves what
is left with probability

    r + (1 - r) p,

p being the share of improving orders at all other times, in that spread. Of the r it lies with
probability b at the very price that has gone, else, as all others, where the law of improving
orders says: there by chance with probability c (where nothing else improves: always). With s the
share of those orders that improve, w = r / s and f the share of the improving ones at the price
that has gone,

    r = (s - p) / (1 - p),    f = (1 - w) c + w (b + (1 - b) c),

solved for r and b between 0 and 1; p and the c of either term are means over these orders.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.estimate import Estimate
from rlmm_tf.market_parts import LimitMarks, RefillParams

Ints = NDArray[np.int64]

ORDERS_LEAST = 50


@dataclass(frozen=True)
class Refill:
    """What these orders do, and what that is worth."""

    params: RefillParams
    share: Estimate
    back_share: Estimate

    def simulate(
        self,
        lost_ticks: Ints,
        spread_bin: Ints,
        marks: Sequence[LimitMarks],
        rng: np.random.Generator,
    ) -> Ints:
        """Ticks by which orders improve the price, 0 for those that do not, in an endless spread.

        Args:
            lost_ticks: by which the best price had become worse right before each.
            spread_bin: of each.
            marks: of orders at other times, by spread bin.
            rng: draws.
        """
        better = np.zeros(len(lost_ticks), np.int64)
        for b, law in enumerate(marks):
            at = np.flatnonzero(spread_bin == b)
            ticks = np.arange(len(law.improving) + 1)
            shares = np.array((1.0 - sum(law.improving), *law.improving))
            better[at] = rng.choice(ticks, size=len(at), p=shares / shares.sum())
            refills = at[rng.random(len(at)) < self.params.share]
            better[refills] = lost_ticks[refills]
            as_ever = refills[rng.random(len(refills)) >= self.params.back_share]
            if shares[1:].sum() > 0.0:
                law_of = shares[1:] / shares[1:].sum()
                better[as_ever] = rng.choice(ticks[1:], size=len(as_ever), p=law_of)
        return better


def fit_refill(
    better_ticks: Ints, lost_ticks: Ints, spread_bin: Ints, marks: Sequence[LimitMarks]
) -> Refill:
    """In closed form.

    Args:
        better_ticks: by which each order improves the price, 0 if it does not; only of orders
            that come right after their side's best price has gone.
        lost_ticks: by which it had become worse.
        spread_bin: before each order.
        marks: of orders at other times, by spread bin.
    """
    n = len(better_ticks)
    if n < ORDERS_LEAST:
        none = Estimate.borrowed(0.0, f"{n} orders right after a best price had gone: too few")
        return Refill(RefillParams(), none, none)
    usual, chance = _as_ever(lost_ticks, spread_bin, marks)
    by_others = float(np.average(chance, weights=np.maximum(usual, 1e-12)))
    by_chance = float(np.where(usual > 0.0, chance, 1.0).mean())
    improves = better_ticks > 0
    s, p = float(improves.mean()), float(usual.mean())
    r = min(max((s - p) / max(1.0 - p, 1e-12), 0.0), 1.0)
    error_of_s = _error(s, n)
    share = Estimate(r, error_of_s / max(1.0 - p, 1e-12), n)
    k = int(improves.sum())
    if r == 0.0 or k == 0:
        none = Estimate.borrowed(0.0, "no order takes the place of a best price that has gone")
        return Refill(RefillParams(), share, none)
    f = float((better_ticks == lost_ticks)[improves].mean())
    w = min(r / s, 1.0)
    scale = max((1.0 - by_chance) * w, 1e-12)
    b = min(max((f - (1.0 - w) * by_others - w * by_chance) / scale, 0.0), 1.0)
    by_w = (f - by_others) / (scale * w) * p / (s * s * max(1.0 - p, 1e-12))
    error = math.hypot(_error(f, k) / scale, by_w * error_of_s)
    return Refill(RefillParams(share=r, back_share=b), share, Estimate(b, error, k))


def _error(share: float, n: int) -> float:
    return math.sqrt(max(share * (1.0 - share), 0.25 / n) / n)


def _as_ever(
    lost_ticks: Ints, spread_bin: Ints, marks: Sequence[LimitMarks]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """P(improves) and P(at the price that has gone | improves) of each order, as at other times."""
    most = max(len(law.improving) for law in marks)
    by_tick = np.zeros((len(marks), most + 2))
    for b, law in enumerate(marks):
        by_tick[b, 1 : len(law.improving) + 1] = law.improving
    usual = by_tick.sum(axis=1)
    law_of = by_tick / np.maximum(usual, 1e-300)[:, np.newaxis]
    return usual[spread_bin], law_of[spread_bin, np.minimum(lost_ticks, most + 1)]
