"""How orders wait in the queues of a recording by level: the law fitted to fills that were seen.

A recording by level does not say whose a cancel was; a replay answers by a law (`QueueParams`) with
one parameter: `power`, or the scale of `log`. Who has rested orders of his own in that market knows
when they were filled. The law that fits is the one whose replay fills them when they were.

An order's error is the mean distance of two curves while it rested: the share of it that had been
filled by then, as seen and as replayed. It is 0 where all fills agree, and at most 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.env import RestingFills, RestingOrders, Tape, resting_fills
from rlmm_tf.replay_params import QueueParams

Law = Literal["power", "log"]

LEAST_ORDERS = 10
SPANS: dict[Law, tuple[float, float]] = {"power": (0.125, 16.0), "log": (1.0, 1e4)}
_COARSE, _ROUNDS, _FINE = 15, 2, 9


@dataclass(frozen=True)
class QueueFit:
    """A fitted law, with what its error is to be compared with."""

    queue: QueueParams
    value: float  # power, or scale in lots
    log_se: float  # standard error of the value's logarithm, by a bootstrap over the orders
    error: float
    error_risk_averse: float
    orders: int
    crossing: int  # orders that could not rest in this record: left out


def fit_queue_law(
    tape: Tape,
    orders: RestingOrders,
    fills: RestingFills,
    *,
    law: Law,
    rng: np.random.Generator,
    resamples: int = 200,
) -> QueueFit:
    """The parameter of a law with the least mean error of the orders, on a grid that is refined.

    Args:
        tape: the market in which the orders rested, without them.
        orders: at least ten of them that could rest in the record.
        fills: of the orders, as they were seen; sorted by order, then by time.
        law: which parameter is fitted.
        rng: draws the bootstrap's resamples.
        resamples: of the bootstrap.

    Raises:
        ValueError: orders and fills do not belong together, or are too few.
    """
    _require_fills_of(orders, fills)
    careful, rested = _errors(tape, QueueParams(use_order_ids=False), orders, fills)
    if rested.sum() < LEAST_ORDERS:
        raise ValueError(
            f"orders: expected at least {LEAST_ORDERS} that could rest in the recording, got "
            f"{rested.sum()} of {len(rested)}; are stamps and prices those of its exchange?"
        )
    known: dict[float, NDArray[np.float64]] = {}

    def errors(log_value: float) -> NDArray[np.float64]:
        if log_value not in known:
            queue = _queue(law, float(np.exp(log_value)))
            known[log_value] = _errors(tape, queue, orders, fills)[0][rested]
        return known[log_value]

    best = _least(errors, *np.log(SPANS[law]))
    grid = np.array(sorted(known))
    table = np.stack([known[at] for at in grid])
    drawn = rng.integers(rested.sum(), size=(resamples, int(rested.sum())))
    again = grid[np.argmin(table[:, drawn].mean(axis=2), axis=0)]
    value = float(np.exp(best))
    return QueueFit(
        queue=_queue(law, value, use_order_ids=True),
        value=value,
        log_se=float(again.std(ddof=1)),
        error=float(errors(best).mean()),
        error_risk_averse=float(careful[rested].mean()),
        orders=int(rested.sum()),
        crossing=int((~rested).sum()),
    )


def _queue(law: Law, value: float, *, use_order_ids: bool = False) -> QueueParams:
    if law == "power":
        return QueueParams(law="power", power=value, use_order_ids=use_order_ids)
    return QueueParams(law="log", scale_lots=value, use_order_ids=use_order_ids)


def _least(errors: Callable[[float], NDArray[np.float64]], low: float, high: float) -> float:
    """Where the mean error is least; of equal ones, the middle."""
    points = np.linspace(low, high, _COARSE)
    for _ in range(_ROUNDS + 1):
        means = np.array([errors(float(at)).mean() for at in points])
        equal = np.flatnonzero(means <= means.min() + 1e-12)
        middle = int(equal[len(equal) // 2])
        best = float(points[middle])
        around = points[max(0, middle - 1)], points[min(len(points) - 1, middle + 1)]
        points = np.linspace(*around, _FINE)
    return best


def _errors(
    tape: Tape, queue: QueueParams, orders: RestingOrders, fills: RestingFills
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Each order's error, and whether it could rest."""
    replayed, rested = resting_fills(tape, queue, orders)
    # Seen fills raise the distance of the curves, replayed ones lower it; it is constant between.
    order = np.concatenate([fills.order, replayed.order])
    ts_ns = np.concatenate([fills.ts_ns, replayed.ts_ns])
    change = np.concatenate([fills.lots, -replayed.lots])
    sort = np.lexsort((ts_ns, order))
    order, ts_ns, change = order[sort], ts_ns[sort], change[sort]
    sums = np.cumsum(change)
    before = np.concatenate([[0], sums])[np.searchsorted(order, order)]
    until = np.append(ts_ns[1:], 0)
    is_last = np.append(order[1:] != order[:-1], True)[: len(order)]
    until = np.where(is_last, orders.end_ns[order], until[: len(order)])
    areas = np.abs(sums - before) * (until - ts_ns).astype(np.float64)
    totals = np.bincount(order, weights=areas, minlength=len(orders.lots))
    whole = orders.lots * np.maximum(1, orders.end_ns - orders.start_ns).astype(np.float64)
    return totals / whole, rested


def _require_fills_of(orders: RestingOrders, fills: RestingFills) -> None:
    if len(fills.order) and not 0 <= fills.order.min() <= fills.order.max() < len(orders.lots):
        raise ValueError(
            f"fills.order: expected indices of the {len(orders.lots)} orders, got "
            f"{fills.order.min()} to {fills.order.max()}"
        )
    filled = np.bincount(fills.order, weights=fills.lots, minlength=len(orders.lots))
    outside = (fills.ts_ns < orders.start_ns[fills.order]) | (
        fills.ts_ns > orders.end_ns[fills.order]
    )
    for wrong, expected in (
        (np.flatnonzero(filled > orders.lots), "no more lots filled than the order has"),
        (fills.order[outside], "fills between start_ns and end_ns"),
    ):
        if len(wrong):
            raise ValueError(f"fills: expected {expected}, got others of order {wrong[0]}")
