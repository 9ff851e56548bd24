"""The mid price and the market orders of a stretch of time, and what they tell of informed flow.

All moments are ratios of sums, so that those of many stretches pool exactly:

    still_h, moving_h  E[sign (mid(t + h) - mid before)] after market orders that left the mid
                       where it was, or moved it; ticks
    improving_h        E[side (mid(t + h) - mid after)] after limit orders that improved the best
                       price of their side; ticks
    volatility_h       sqrt(E[(mid(t + h) - mid(t))^2] / h) over a grid of step h; ticks / sqrt(s)
    sign_k             E[sign_n sign_(n + k)] of the n-th market order and the k-th after it

An order whose horizon lies past the end of its stretch does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.flow_events import FlowEvents
from rlmm_tf.events import EventFlag, EventKind
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.recording import Chunk

HORIZONS_S = (0.1, 1.0, 10.0, 60.0)
QUOTE_HORIZONS_S = (1.0, 10.0, 60.0)
VOLATILITY_STEPS_S = (1.0, 10.0, 60.0)
SIGN_LAGS = (1, 10)
MOMENTS = (
    *(f"still_{h:g}" for h in HORIZONS_S),
    *(f"moving_{h:g}" for h in HORIZONS_S),
    *(f"improving_{h:g}" for h in QUOTE_HORIZONS_S),
    *(f"volatility_{h:g}" for h in VOLATILITY_STEPS_S),
    *(f"sign_{lag}" for lag in SIGN_LAGS),
)

_QUOTES = 2 * len(HORIZONS_S)
_VOLATILITIES = slice(
    _QUOTES + len(QUOTE_HORIZONS_S), _QUOTES + len(QUOTE_HORIZONS_S) + len(VOLATILITY_STEPS_S)
)


@dataclass(frozen=True)
class PricePath:
    """One stretch: rows are changes of the book in order of time."""

    ts_ns: NDArray[np.int64]
    mid_ticks_x2: NDArray[np.int64]  # from the row on
    start_ns: int  # at or after the first row
    end_ns: int
    order_ts_ns: NDArray[np.int64]  # market orders within start and end
    order_sign: NDArray[np.int64]  # +1: a buy
    before_ticks_x2: NDArray[np.int64]  # mid before each of them
    after_ticks_x2: NDArray[np.int64]
    quote_row: NDArray[np.int64]  # rows of limit orders that improved the best price
    quote_side: NDArray[np.int64]  # +1: a bid
    table: int = 0  # of the recording

    def mid_at(self, ts_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """The mid at these times, in ticks; of the last change at or before each."""
        at = np.searchsorted(self.ts_ns, ts_ns, side="right") - 1
        return self.mid_ticks_x2[np.maximum(at, 0)].astype(np.float64) / 2.0


def recorded_paths(flow: FlowEvents, block_s: float) -> list[PricePath]:
    """What counts of a recording, cut into blocks of at most this length."""
    starts = np.flatnonzero(flow.counts & ~np.append(False, flow.counts[:-1]))
    stops = np.flatnonzero(~flow.counts & np.append(False, flow.counts[:-1]))
    mid_x2 = flow.price_ticks.sum(axis=0)
    paths = []
    for first, stop in zip(starts, stops, strict=True):
        ts = flow.ts_ns[first : stop + 1]
        blocks = np.arange(ts[0], ts[-1], int(block_s * NS_PER_S))
        ends = np.append(blocks, ts[-1])[1:]  # none of a stretch that is over at once
        for start_ns, end_ns in zip(blocks, ends, strict=True):
            a = first + max(int(np.searchsorted(ts, start_ns, side="right")) - 1, 0)
            b = first + int(np.searchsorted(ts, end_ns, side="left"))
            if b > a:
                paths.append(_recorded_path(flow, mid_x2, slice(a, b), (start_ns, end_ns)))
    return paths


def _recorded_path(
    flow: FlowEvents, mid_x2: NDArray[np.int64], rows: slice, span_ns: tuple[int, int]
) -> PricePath:
    ts, group, mid = flow.ts_ns[rows], flow.group[rows], mid_x2[rows]
    improves = (group // 2 == 1) & (flow.away_ticks[rows] < 0)
    quotes = np.flatnonzero(improves & (ts >= span_ns[0]))
    orders = np.flatnonzero((group < 2) & (ts >= span_ns[0]))
    orders = orders[orders > 0]  # the mid before the first row is not known
    return PricePath(
        ts_ns=ts,
        mid_ticks_x2=mid,
        start_ns=int(span_ns[0]),
        end_ns=int(span_ns[1]),
        order_ts_ns=ts[orders],
        order_sign=2 * group[orders].astype(np.int64) - 1,
        before_ticks_x2=mid[orders - 1],
        after_ticks_x2=mid[orders],
        quote_row=quotes,
        quote_side=1 - 2 * (group[quotes].astype(np.int64) - 2),
        table=int(flow.table[rows.start]),
    )


def simulated_path(window: Chunk, start_ns: int) -> PricePath:
    """A simulated window from this time on; it needs the best level of the book in `depth`."""
    whole = (window.depth[:, 1] > 0) & (window.depth[:, 3] > 0)
    mid_x2 = _last_whole(window.depth[:, 0] + window.depth[:, 2], whole)
    fills = np.flatnonzero((window.kind == EventKind.TRADE) & (window.ts_ns >= start_ns))
    goes_on = (window.flags[fills] & EventFlag.MORE_FILLS) > 0
    lasts = fills[~goes_on]
    firsts = fills[np.append(True, ~goes_on)[:-1]][: len(lasts)]
    quotes = _improving_rows(window)
    quotes = quotes[window.ts_ns[quotes] >= start_ns]
    return PricePath(
        ts_ns=window.ts_ns,
        mid_ticks_x2=mid_x2,
        start_ns=start_ns,
        end_ns=window.until_ns,
        order_ts_ns=window.ts_ns[firsts],
        order_sign=-window.side[firsts].astype(np.int64),
        before_ticks_x2=mid_x2[firsts - 1],
        after_ticks_x2=mid_x2[lasts],
        quote_row=quotes,
        quote_side=window.side[quotes].astype(np.int64),
    )


def _improving_rows(window: Chunk) -> NDArray[np.int64]:
    """Adds that are better than the best price of their side before them."""
    sent = (window.kind == EventKind.ADD) & ((window.flags & EventFlag.REACH) == 0)
    rows = np.flatnonzero(sent)
    rows = rows[rows > 0]
    before = window.depth[rows - 1]
    bid = (before[:, 3] > 0) & (window.price_ticks[rows] > before[:, 2])
    ask = (before[:, 1] > 0) & (window.price_ticks[rows] < before[:, 0])
    return rows[np.where(window.side[rows] > 0, bid, ask)]


def _last_whole(values: NDArray[np.int64], whole: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Where a side is empty, the last value there was (the first one before there was any)."""
    known = np.flatnonzero(whole)
    if len(known) == 0:
        raise ValueError("depth: expected a bid and an ask somewhere, got none")
    at = np.maximum(np.searchsorted(known, np.arange(len(values)), side="right") - 1, 0)
    return values[known[at]]


def moment_sums(path: PricePath) -> NDArray[np.float64]:
    """Numerator and denominator of each of MOMENTS."""
    sums = np.zeros((len(MOMENTS), 2))
    before = 0.5 * path.before_ticks_x2
    moves = path.before_ticks_x2 != path.after_ticks_x2
    for i, horizon_s in enumerate(HORIZONS_S):
        later = path.order_ts_ns + int(horizon_s * NS_PER_S)
        drift = path.order_sign * (path.mid_at(later) - before)
        for k, chosen in enumerate((~moves, moves)):
            counted = chosen & (later <= path.end_ns)
            sums[k * len(HORIZONS_S) + i] = drift[counted].sum(), counted.sum()
    quoted_ns, mid = path.ts_ns[path.quote_row], 0.5 * path.mid_ticks_x2[path.quote_row]
    for i, horizon_s in enumerate(QUOTE_HORIZONS_S):
        later = quoted_ns + int(horizon_s * NS_PER_S)
        counted = later <= path.end_ns
        drift = path.quote_side * (path.mid_at(later) - mid)
        sums[_QUOTES + i] = drift[counted].sum(), counted.sum()
    for i, step_s in enumerate(VOLATILITY_STEPS_S):
        step_ns = int(step_s * NS_PER_S)
        mids = path.mid_at(np.arange(path.start_ns, path.end_ns + 1, step_ns))
        squares = np.diff(mids) ** 2 / step_s
        sums[_VOLATILITIES.start + i] = squares.sum(), len(squares)
    for i, lag in enumerate(SIGN_LAGS):
        products = path.order_sign[:-lag] * path.order_sign[lag:]
        sums[_VOLATILITIES.stop + i] = products.sum(), len(products)
    return sums


def pooled_moments(sums: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The moments of many stretches together; NaN where nothing was seen."""
    total = np.sum(list(sums), axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        values: NDArray[np.float64] = total[:, 0] / total[:, 1]
    values[_VOLATILITIES] = np.sqrt(values[_VOLATILITIES])
    return values


def jackknife_covariance(sums: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Of the pooled moments, with whole blocks left out: events within a block depend."""
    n = len(sums)
    if n < 2:
        raise ValueError(f"sums: expected two blocks at least, got {n}")
    total = np.sum(list(sums), axis=0)
    without = np.array([pooled_moments([total - block]) for block in sums])
    away = without - without.mean(axis=0)
    covariance: NDArray[np.float64] = (n - 1) / n * away.T @ away
    return covariance
