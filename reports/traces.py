"""What the steps of a few episodes say about quotes and fills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reports.page import Fill
from rlmm_tf.evaluation.play import Trace

Floats = NDArray[np.float64]
VOLATILITY_STEPS = 20  # that a decision looks back on
LEVELS = ("calm", "usual", "lively")  # thirds of all decisions, by volatility
INVENTORIES_MOST = 9  # rows of a map
QUEUES_MOST = 6  # kinds of places in a queue


def mids_before(trace: Trace) -> Floats:
    """The mid at each decision, ticks; NaN at the first one, of which no column tells."""
    mids = np.full(trace.columns.shape[:2], np.nan)
    mids[:, 1:] = 0.5 * trace["mid_ticks_x2"][:, :-1]
    return mids


def quotes(trace: Trace, side: str) -> Floats:
    """Prices asked for, ticks; NaN where there was no quote, and at the first decision."""
    sign = -1.0 if side == "bid" else 1.0
    prices = mids_before(trace) + sign * trace[f"{side}_offset_ticks"]
    return np.where(trace[f"{side}_lots"] > 0.0, prices, np.nan)


def inventories_before(trace: Trace) -> Floats:
    """The position at each decision, lots."""
    lots = trace["inventory_lots"]
    return np.concatenate([np.zeros((len(lots), 1)), lots[:, :-1]], axis=1)


def volatilities(trace: Trace) -> Floats:
    """Deviation of the mid's moves in the last steps before each decision, ticks a step."""
    moves = np.diff(0.5 * trace["mid_ticks_x2"], axis=1)
    found = np.full(trace.columns.shape[:2], np.nan)
    if moves.shape[1] >= VOLATILITY_STEPS:
        windows = np.lib.stride_tricks.sliding_window_view(moves, VOLATILITY_STEPS, axis=1)
        found[:, VOLATILITY_STEPS + 1 :] = windows[:, :-1].std(axis=2)
    return found


@dataclass(frozen=True)
class Stretch:
    """Some steps of an episode."""

    seconds: list[float]
    mids: list[float]
    bids: list[float | None]
    asks: list[float | None]
    fills: list[Fill]


def busiest_stretch(trace: Trace, steps: int) -> Stretch:
    """So many steps of the first episode, where it was filled most often."""
    lots = {side: trace[f"fills_maker_lots_{side}"][0] for side in ("bid", "ask")}
    crossed = trace["fills_taker_lots"][0]
    count = int((~np.isnan(crossed)).sum())
    filled = (lots["bid"] > 0) | (lots["ask"] > 0) | (crossed > 0)
    sums = np.concatenate([[0], np.cumsum(filled[:count])])
    length = min(steps, count)
    first = int(np.argmax(sums[length:] - sums[: count + 1 - length])) if count else 0
    part = slice(first, first + length)
    seconds = trace["ts_ns"][0][part] / 1e9
    prices = {side: quotes(trace, side)[0][part] for side in ("bid", "ask")}
    mids = 0.5 * trace["mid_ticks_x2"][0][part]
    bought = (trace["inventory_lots"] - inventories_before(trace))[0][part]
    bought = bought - lots["bid"][part] + lots["ask"][part]  # as a taker
    fills = []
    for i in range(1, len(seconds)):
        at = float(seconds[i - 1] + seconds[i]) / 2.0
        for side, crossing in (("bid", bought[i] > 0), ("ask", bought[i] < 0)):
            price = prices[side][i]
            if np.isnan(price):
                continue
            if lots[side][part][i] > 0:
                fills.append(Fill(at, float(price), "bid" if side == "bid" else "ask", maker=True))
            if crossing and crossed[part][i] > 0:
                fills.append(Fill(at, float(price), "bid" if side == "bid" else "ask", maker=False))
    return Stretch(
        seconds.tolist(), mids.tolist(), _known(prices["bid"]), _known(prices["ask"]), fills
    )


def _known(values: Floats) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


@dataclass(frozen=True)
class QueuePlace:
    """Quotes that stayed where they were, with about so many lots ahead of them."""

    least: int
    most: int
    steps: int
    filled: int  # of these steps


def fills_by_queue(trace: Trace) -> list[QueuePlace]:
    """How often a quote that stayed was filled within a step, by the lots that were ahead of it.

    Both sides together; in groups of about the same size. Empty where no market has a queue.
    """
    ahead, filled = [], []
    for side in ("bid", "ask"):
        price, queue = quotes(trace, side), trace[f"queue_ahead_{side}_lots"]
        stayed = np.abs(price[:, 1:] - price[:, :-1]) < 1e-9
        ahead.append(queue[:, :-1][stayed])
        filled.append((trace[f"fills_maker_lots_{side}"][:, 1:] > 0.0)[stayed])
    lots, hit = np.concatenate(ahead), np.concatenate(filled)
    if not len(lots) or not trace["queue_ahead_bid_lots"][:, :].any():
        return []
    ends = np.unique(np.quantile(lots, np.linspace(0.0, 1.0, QUEUES_MOST + 1)[1:], method="lower"))
    places, above = [], -1.0
    for end in ends:
        inside = (lots > above) & (lots <= end)
        least = int(lots[inside].min())
        places.append(QueuePlace(least, int(end), int(inside.sum()), int(hit[inside].sum())))
        above = end
    return places


@dataclass(frozen=True)
class DistanceMap:
    """Mean distance of a side's quotes from the mid, by inventory and volatility."""

    inventories: list[str]
    levels: list[str]
    ticks: list[list[float | None]]


def distances(trace: Trace, side: str) -> DistanceMap | None:
    """None where there are no decisions to show."""
    lots, volatility = inventories_before(trace), volatilities(trace)
    offsets = trace[f"{side}_offset_ticks"]
    shown = ~np.isnan(volatility) & (trace[f"{side}_lots"] > 0.0)
    if not shown.any():
        return None
    lots, volatility, offsets = lots[shown], volatility[shown], offsets[shown]
    rows, row_names = _rows(lots)
    cuts = np.unique(np.quantile(volatility, [1.0 / 3.0, 2.0 / 3.0]))
    columns = np.searchsorted(cuts, volatility, side="left")
    names = _level_names(cuts)
    ticks = [
        [_mean(offsets[(rows == row) & (columns == column)]) for column in range(len(names))]
        for row in range(len(row_names))
    ]
    return DistanceMap(row_names, names, ticks)


def _rows(lots: Floats) -> tuple[NDArray[np.int64], list[str]]:
    """Rows of a map by inventory, the longest positions first."""
    low, high = int(lots.min()), int(lots.max())
    width = -(-(high - low + 1) // INVENTORIES_MOST)
    rows = (high - lots.astype(np.int64)) // width
    names = []
    for top in range(high, low - 1, -width):
        bottom = max(low, top - width + 1)
        names.append(f"{top}" if top == bottom else f"{bottom} to {top}")
    return rows, names


def _level_names(cuts: Floats) -> list[str]:
    if len(cuts) == len(LEVELS) - 1:
        ends = [f"up to {cuts[0]:.3g}", f"up to {cuts[1]:.3g}", f"above {cuts[1]:.3g}"]
        return [f"{name}: {end}" for name, end in zip(LEVELS, ends, strict=True)]
    return [f"up to {cut:.3g}" for cut in cuts] + [f"above {cuts[-1]:.3g}"]


def _mean(values: Floats) -> float | None:
    return float(values.mean()) if len(values) else None


def offset_shares(trace: Trace, bins: int) -> tuple[list[float], list[float], list[float]]:
    """Edges in ticks, and how often each side's quotes were between them; empty without quotes."""
    sides: Sequence[Floats] = [
        trace[f"{side}_offset_ticks"][trace[f"{side}_lots"] > 0.0] for side in ("bid", "ask")
    ]
    both = np.concatenate(sides)
    if not len(both):
        return [], [], []
    low, high = float(both.min()), float(both.max())
    edges = np.linspace(low, high, bins + 1) if high > low else np.array([low - 0.5, low + 0.5])
    shares = [(np.histogram(values, edges)[0] / max(len(values), 1)).tolist() for values in sides]
    return edges.tolist(), shares[0], shares[1]
