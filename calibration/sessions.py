"""Sessions of recorded events: time that counts, with the moments at which a side is empty.

Where a price moves, a side of a recording of best prices is often empty for an instant. That ends
no session, and the move across it is the market's; a night, a halt or what a split leaves out does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.flow_events import FlowEvents
from rlmm_tf.fields import NS_PER_S

MOMENT_NS = 10 * NS_PER_S

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def alive(events: FlowEvents) -> Bools:
    """Rows after which the time counts, or would but for a moment.

    Where a price moves, a side of a recording of best prices is often empty for an instant; that
    ends no session, and what is looked at across it is the market's move.
    """
    fresh = np.diff(events.table, prepend=events.table[:1]) != 0
    run = np.cumsum(fresh | (np.diff(events.counts, prepend=events.counts[:1]) != 0))
    begins = np.flatnonzero(np.diff(run, prepend=-1) != 0)
    ends = np.append(begins[1:], len(events) - 1)
    lasts_ns = events.ts_ns[ends] - events.ts_ns[begins]
    between = (begins > 0) & (ends < len(events) - 1) & ~fresh[begins] & ~fresh[ends]
    short = between & (lasts_ns >= 0) & (lasts_ns <= MOMENT_NS)
    return np.asarray(events.counts | short[run - run[0]])


def mid_ticks(events: FlowEvents) -> Floats:
    """After each row; across a moment the one before it, NaN where the time does not count."""
    last = np.maximum.accumulate(np.where(events.counts, np.arange(len(events)), -1))
    mid = 0.5 * events.price_ticks[:, np.maximum(last, 0)].sum(axis=0)
    return np.where(alive(events) & (last >= 0), mid, np.nan)


def session_end_ns(events: FlowEvents) -> Ints:
    """When the time that counts ends, or next pauses, seen from each row."""
    n = len(events)
    closed = np.flatnonzero(~alive(events))
    following = np.searchsorted(closed, np.arange(n))
    end = closed[np.minimum(following, len(closed) - 1)] if len(closed) else np.full(n, n - 1)
    return np.asarray(events.ts_ns[end], np.int64)
