"""How the mid moves after an event: six response functions (Eisler and others, 2012).

Events are messages that change the best bid or ask, in price or size: market orders (MO), limit
orders (LO) and cancels (CA), with _1 where a best price moved and _0 where none did. With the
event's sign eps (+1 where it pushes the mid up) and the mid m after each event, in ticks,

    R(l) = mean of eps_t (m_{t+l-1} - m_{t-1}) over the events t of the type.

In clock time, R(tau) = mean of eps_t (m(t + tau) - m(t-)), over the same events.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calibration.fidelity.blocks import BlockMeans, Floats, Ints, block_means, stacked
from calibration.fidelity.messages import Bools, MessageKind, Messages
from calibration.fidelity.segments import Segments, mid_x2_after

EVENTS = ("MO_0", "MO_1", "LO_0", "LO_1", "CA_0", "CA_1")
LAGS = tuple((10 ** np.arange(0.3, 2.4, step=0.1)).astype(int).tolist())  # as the benchmark has it
_ERROR_LAGS = sum(lag <= 100 for lag in LAGS)
GATE_LAGS = (10, 50, 100)
HORIZONS_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0)
_MERGED_NS = 1_000  # fills closer than this, at one price, are one market order


@dataclass(frozen=True)
class TouchEvents:
    """The events, in order."""

    row: Ints  # the message (of several fills, the last)
    first_row: Ints  # of several fills, the first
    name: Ints  # place in EVENTS
    sign: Ints
    mid_x2_ticks: Ints  # after it
    segment: Ints
    block: Ints


def touch_events(parts: Segments) -> TouchEvents:
    """Messages that change the touch; fills of one market order at one price are one event.

    The first message of a segment counts as one that moved a price: what was before is not known.
    """
    messages = parts.messages
    touch, segment = messages.book[:, :4], parts.segment
    starts = np.append(True, segment[1:] != segment[:-1])
    changed = starts | np.append(True, (touch[1:] != touch[:-1]).any(axis=1))
    rows = np.flatnonzero(changed & messages.both_sides)
    starts = np.append(True, segment[rows][1:] != segment[rows][:-1])
    prices = touch[rows][:, ::2]
    moved = starts | np.append(True, (prices[1:] != prices[:-1]).any(axis=1))
    kind = messages.kind[rows]
    base = np.where(kind == MessageKind.EXECUTION, 0, np.where(kind == MessageKind.LIMIT, 2, 4))
    sign = np.where(kind == MessageKind.LIMIT, 1, -1) * messages.side[rows]
    ends = ~_goes_on(messages, rows, starts)
    last = np.append(ends[1:], True)[: len(rows)]
    return TouchEvents(
        row=rows[last],
        first_row=rows[ends],
        name=(base + moved)[last].astype(np.int64),
        sign=sign[last].astype(np.int64),
        mid_x2_ticks=messages.mid_x2_ticks[rows[last]],
        segment=segment[rows[last]],
        block=parts.block[rows[last]],
    )


def _goes_on(messages: Messages, rows: Ints, starts: Bools) -> Bools:
    """Which events are further fills of the one before."""
    fill = messages.kind[rows] == MessageKind.EXECUTION
    same: Bools = fill & ~starts
    for column in (messages.side, messages.price_ticks):
        values = column[rows]
        same[1:] &= values[1:] == values[:-1]
    ts_ns = messages.ts_ns[rows]
    same[1:] &= np.diff(ts_ns) <= _MERGED_NS
    return same  # as the benchmark, which does not ask whether the one before was a fill


def by_lag(events: TouchEvents, blocks: int, lags: tuple[int, ...] = LAGS) -> BlockMeans:
    """R(l) in ticks: (blocks, 6 events, lags)."""
    parts = []
    for name in range(len(EVENTS)):
        at = np.flatnonzero(events.name == name)
        for lag in lags:
            parts.append(_lagged(events, at, lag, blocks))
    return stacked(parts, (len(EVENTS), len(lags)))


def _lagged(events: TouchEvents, at: Ints, lag: int, blocks: int) -> BlockMeans:
    until = at + lag - 1
    inside = (at > 0) & (until < len(events.row))
    at, until = at[inside], until[inside]
    whole = (events.segment[at - 1] == events.segment[at]) & (
        events.segment[until] == events.segment[at]
    )
    at, until = at[whole], until[whole]
    moves = events.mid_x2_ticks[until] - events.mid_x2_ticks[at - 1]
    return block_means(events.sign[at] * moves / 2.0, events.block[at], blocks)


def by_time(
    parts: Segments, events: TouchEvents, horizons_s: tuple[float, ...] = HORIZONS_S
) -> BlockMeans:
    """R(tau) in ticks: (blocks, 6 events, horizons)."""
    means = []
    rows, first = events.row, events.first_row
    known = first > 0
    known &= parts.segment[np.maximum(first - 1, 0)] == events.segment
    known &= parts.messages.both_sides[np.maximum(first - 1, 0)]
    before = parts.messages.mid_x2_ticks[np.maximum(first - 1, 0)]
    for name in range(len(EVENTS)):
        chosen = known & (events.name == name)
        for horizon_s in horizons_s:
            after = mid_x2_after(parts, rows[chosen], horizon_s)
            values = events.sign[chosen] * (after - before[chosen]) / 2.0
            means.append(block_means(values, events.block[chosen], parts.blocks))
    return stacked(means, (len(EVENTS), len(horizons_s)))


def response_error(real: Floats, other: Floats) -> float:
    """Mean over events of the mean |difference| per lag, in ticks.

    Of the LAGS up to 100: beyond, a window of 500 messages holds few events, and those of its
    busiest moments. Places that nobody reached are left out.
    """
    real, other = real[:, :_ERROR_LAGS], other[:, :_ERROR_LAGS]
    gaps = np.abs(real - other)
    known = np.isfinite(gaps)
    each = [gaps[i][known[i]].mean() for i in range(len(gaps)) if known[i].any()]
    return float(np.mean(each)) if each else float("nan")
