"""What a passive fill is worth a while later, and how the mid moves at every time scale.

    M(h) = mean of side (m(t + h) - p)        over the fills of resting orders at t, price p,

side +1 for a bid: what the one who was filled would have gained, in ticks. At h = 0 it is about
half the spread; a market whose trades are informed takes it away within seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calibration.fidelity.blocks import BlockMeans, Floats, Ints, block_means, stacked
from calibration.fidelity.messages import MessageKind
from calibration.fidelity.segments import Segments, grid_of, mid_x2_after

HORIZONS_S = (0.1, 1.0, 10.0, 60.0)
SIGNATURE_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_ORDER_NS = 100_000  # fills closer than this, on one side, are one market order


def markouts(parts: Segments) -> BlockMeans:
    """M(h) in ticks: (blocks, horizons)."""
    messages = parts.messages
    rows = np.flatnonzero(messages.kind == MessageKind.EXECUTION)
    side, price = messages.side[rows], messages.price_ticks[rows]
    means = []
    for horizon_s in HORIZONS_S:
        values = side * (mid_x2_after(parts, rows, horizon_s) / 2.0 - price)
        means.append(block_means(values, parts.block[rows], parts.blocks))
    return stacked(means, (len(HORIZONS_S),))


def half_spread_ticks(parts: Segments) -> float:
    """Mean distance of the fills' prices from the mid before them: what M(0) is made of."""
    messages = parts.messages
    rows = np.flatnonzero(messages.kind == MessageKind.EXECUTION)
    rows = rows[(rows > 0) & (parts.segment[rows] == parts.segment[np.maximum(rows - 1, 0)])]
    rows = rows[messages.both_sides[rows - 1]]
    distance = messages.side[rows] * (
        messages.mid_x2_ticks[rows - 1] / 2.0 - messages.price_ticks[rows]
    )
    return float(distance.mean()) if len(rows) else float("nan")


def squared_moves(parts: Segments) -> BlockMeans:
    """Mean squared move of the mid over each of the scales, ticks^2 per second."""
    means = []
    for step_s in SIGNATURE_S:
        grid = grid_of(parts, step_s)
        means.append(
            block_means(grid.moves() ** 2 / step_s, parts.block[grid.row[:-1]], parts.blocks)
        )
    return stacked(means, (len(SIGNATURE_S),))


def signature(mean_squares: Floats) -> Floats:
    """The signature plot: root of the mean squared move, ticks per root second."""
    return np.sqrt(mean_squares)


def eta(parts: Segments) -> float:
    """Continuations over twice the alternations of the mid's moves (Robert and Rosenbaum, 2011).

    Below 1/2 the mid tends to turn back; NaN without alternations.
    """
    both = parts.messages.both_sides
    mid, segment = parts.messages.mid_x2_ticks[both], parts.segment[both]
    moves = np.where(segment[1:] == segment[:-1], np.diff(mid), 0)
    at = np.flatnonzero(moves)
    same_segment = segment[at][1:] == segment[at][:-1]
    product = np.sign(moves[at][1:]) * np.sign(moves[at][:-1])
    alternations = int((same_segment & (product < 0)).sum())
    return (
        float((same_segment & (product > 0)).sum() / (2 * alternations))
        if alternations
        else (float("nan"))
    )


@dataclass(frozen=True)
class MarketOrders:
    """Market orders: fills that follow each other closely on one side are one."""

    first_row: Ints  # message of the first fill
    sign: Ints  # 1: a buy
    lots: Ints
    first_lots: Ints  # of the first level hit, filled by it
    segment: Ints


def market_orders(parts: Segments) -> MarketOrders:
    """Fills of one side less than 100 microseconds apart, with no other execution between."""
    messages = parts.messages
    rows = np.flatnonzero(messages.kind == MessageKind.EXECUTION)
    segment, side, ts_ns = parts.segment[rows], messages.side[rows], messages.ts_ns[rows]
    if len(rows) == 0:
        none = np.empty(0, np.int64)
        return MarketOrders(none, none, none, none, none)
    is_new = np.append(
        True,
        (segment[1:] != segment[:-1]) | (side[1:] != side[:-1]) | (np.diff(ts_ns) > _ORDER_NS),
    )
    starts = np.flatnonzero(is_new)
    lots, price = messages.lots[rows], messages.price_ticks[rows]
    at_first = price == price[starts[np.cumsum(is_new) - 1]]
    total, first = np.add.reduceat(lots, starts), np.add.reduceat(lots * at_first, starts)
    sign = -side[starts].astype(np.int64)
    return MarketOrders(rows[starts], sign, total, first, segment[starts])


def sign_autocorrelation(orders: MarketOrders, lag: int) -> float:
    """Correlation of the signs of market orders so many orders apart; NaN with fewer than 10."""
    sign, segment = orders.sign.astype(float), orders.segment
    near = segment[lag:] == segment[:-lag]
    one, two = sign[:-lag][near], sign[lag:][near]
    if len(one) < 10 or one.std() == 0.0 or two.std() == 0.0:
        return float("nan")
    return float(np.corrcoef(one, two)[0, 1])
