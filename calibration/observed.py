"""What a recording says beside the market model: for baselines, gates and the calibration page.

Fill rates by depth, fills by queue, markouts, transitions of the spread, clustering of volatility,
latency: each from the events that count, with the regimes of the model where there are any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from calibration.estimate import Caution, Estimate
from calibration.estimators.fill_probability import FillRate, fit_fill_rate
from calibration.estimators.garch import Garch, fit_garch
from calibration.estimators.latency import Latency, fit_latency
from calibration.estimators.markouts import Markouts, fit_markouts, markouts_of
from calibration.estimators.queue_fills import QueueFills, fit_queue_fills
from calibration.estimators.seasonality import CURVE_BINS_LEAST, log_curve
from calibration.estimators.spread_transitions import SpreadTransitions, fit_spread_transitions
from calibration.flow_events import N_GROUPS, FlowEvents, Source
from calibration.sessions import alive, mid_ticks, session_end_ns
from rlmm_tf.env import RestingOrders, Tape, resting_fills
from rlmm_tf.env.tape import CHECKPOINT_EVENTS
from rlmm_tf.events import EventTable
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.market_parts import GROUPS
from rlmm_tf.replay_params import QueueParams

HORIZONS_S = (0.1, 1.0, 10.0, 60.0)
QUEUE_HORIZONS_S = (1.0, 10.0, 60.0)
BLOCK_S = 600  # of standard errors: much longer than the horizons
ORDER_EVERY_S = 5
PARITY_LEAST = 1e-3  # of the time: a mid that is hardly ever (half) whole says nothing of depths
RETURN_S = 60
SEASON_OF_RETURNS_S = 1800
SPREAD_BINS_MOST = 6
DEPTH_COVERED = 0.995
_TAPE_COLUMNS = ("kind", "side", "price_ticks", "qty_lots", "order_id", "flags")
OTHER = "other"  # the book changed without an event of the model

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Observed:
    """Of the events that count."""

    fill_rate: FillRate
    queue_fills: QueueFills
    markouts: Markouts  # cells: regime, then spread bin
    spread: SpreadTransitions
    garch: Garch
    latency: Latency

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """Of all parts."""
        parts = (getattr(self, name) for name in self.__dataclass_fields__)
        return tuple(dict.fromkeys(caution for part in parts for caution in part.cautions))

    @property
    def estimates(self) -> dict[str, Estimate]:
        """What baselines and gates read, by name."""
        stays = {
            f"spread.stay_s[{r}]": regime.stay_s for r, regime in enumerate(self.spread.regimes)
        }
        queues = {f"queue_fills[{p}]": part for p, part in enumerate(self.queue_fills.probability)}
        return {
            "fill_rate.a_hz": self.fill_rate.a_hz,
            "fill_rate.k_per_tick": self.fill_rate.k_per_tick,
            **queues,
            "markouts": self.markouts.overall,
            **stays,
            "garch.persistence": self.garch.persistence,
            "latency.mu": self.latency.mu,
            "latency.sigma": self.latency.sigma,
        }


def observe(
    events: FlowEvents, sources: Sequence[Source], regime: _Ints | None = None, regimes: int = 1
) -> Observed:
    """All of it.

    Args:
        events: of the recordings.
        sources: the same recordings: their clocks, and the replay that fills virtual orders.
        regime: of each row of the events; None: one for all.
        regimes: how many.
    """
    regime = np.zeros(len(events), np.int64) if regime is None else regime
    edges = spread_edges(events)
    return Observed(
        fill_rate=_fill_rate(events),
        queue_fills=_queue_fills(events, sources),
        markouts=_markouts(events, edges, regime, regimes),
        spread=spread_transitions_of(events, edges, regime, regimes),
        garch=_garch(events),
        latency=fit_latency([day for source in sources for day in _latencies(source)]),
    )


def spread_edges(events: FlowEvents) -> tuple[int, ...]:
    """Lower edges of bins of about equal time; single ticks where the spread is a tick or two."""
    seconds, spreads = events.seconds, events.spread_ticks
    open_ = (seconds > 0) & (spreads > 0)
    order = np.argsort(spreads[open_], kind="stable")
    share = np.cumsum(seconds[open_][order]) / max(float(seconds[open_].sum()), 1e-300)
    wanted = np.arange(1, SPREAD_BINS_MOST) / SPREAD_BINS_MOST
    at = np.minimum(np.searchsorted(share, wanted), open_.sum() - 1)
    quantiles = spreads[open_][order][at] if open_.any() else np.array([], np.int64)
    edges = sorted({1, *(int(q) for q in quantiles)})
    # Where nearly all the time is spent at one width, the wider ones are told apart by the tick.
    while len(edges) < 3:
        edges.append(edges[-1] + 1)
    return tuple(edges)


def block_of(events: FlowEvents) -> _Ints:
    """Blocks of ten minutes of each row, numbered from 0."""
    keys = np.stack([events.table, events.ts_ns // (BLOCK_S * NS_PER_S)])
    block = np.unique(keys, axis=1, return_inverse=True)[1]
    return np.asarray(block, np.int64).ravel()


def _trades(events: FlowEvents) -> tuple[_Ints, _Ints]:
    """Rows of market orders that count, and whose side they hit: 0 the bid, 1 the ask."""
    rows = np.flatnonzero(events.counted & (events.group < 2))
    return rows, events.group[rows].astype(np.int64)


def _fill_rate(events: FlowEvents) -> FillRate:
    rows, _ = _trades(events)
    spread = events.before(events.spread_ticks)[rows]
    depth_x2 = spread + 2 * events.away_ticks[rows]
    mid_x2 = events.price_ticks.sum(axis=0)
    seconds = events.seconds
    odd = mid_x2 % 2 != 0
    shares = (float(seconds[~odd].sum()), float(seconds[odd].sum()))
    both_sides = tuple(2.0 * part if part > PARITY_LEAST * sum(shares) else 0.0 for part in shares)
    # From half the median spread, nearer quotes lie inside the spread most of the time.
    open_ = seconds > 0
    order = np.argsort(events.spread_ticks[open_], kind="stable")
    share = np.cumsum(seconds[open_][order])
    at = np.searchsorted(share, 0.5 * share[-1]) if open_.any() else 0
    low_x2 = int(events.spread_ticks[open_][order][at]) if open_.any() else 1
    deepest = int(np.quantile(depth_x2, DEPTH_COVERED)) if len(rows) else 0
    return fit_fill_rate(
        depth_x2,
        (both_sides[0], both_sides[1]) if max(both_sides) > 0 else (1.0, 1.0),
        low_x2=low_x2,
        high_x2=max(deepest, low_x2 + 4),
        block=_dense(block_of(events), rows),
    )


def _dense(block: _Ints, rows: _Ints) -> _Ints:
    """Blocks of the rows; blocks without any of them keep their numbers."""
    return np.asarray(block[rows], np.int64)


def _markouts(events: FlowEvents, edges: tuple[int, ...], regime: _Ints, regimes: int) -> Markouts:
    """Of one order each at the price that was hit."""
    rows, hit = _trades(events)
    price = np.where(hit == 0, *events.before(events.price_ticks)[:, rows])
    mid = mid_ticks(events)
    values = np.empty((len(rows), len(HORIZONS_S)))
    end_ns = session_end_ns(events)[np.maximum(rows - 1, 0)]
    for table in np.unique(events.table):
        mine, ours = events.table[rows] == table, events.table == table
        values[mine] = markouts_of(
            events.ts_ns[rows[mine]],
            np.where(hit[mine] == 0, 1, -1).astype(np.int8),
            price[mine],
            events.ts_ns[ours],
            mid[ours],
            HORIZONS_S,
            until_ns=end_ns[mine],
        )
    spread = events.before(events.spread_ticks)[rows]
    width = np.maximum(np.searchsorted(np.array(edges), spread, side="right") - 1, 0)
    cell = regime[np.maximum(rows - 1, 0)] * len(edges) + width
    cells = regimes * len(edges)
    return fit_markouts(values, HORIZONS_S, block_of(events)[rows], cell=cell, cells=cells)


def spread_transitions_of(
    events: FlowEvents, edges: tuple[int, ...], regime: _Ints, regimes: int
) -> SpreadTransitions:
    """Of the model's groups, and of what else changes the book.

    Where a side is empty for a moment, the move is that of the event which began it.
    """
    n = len(events)
    began = np.append(True, events.counts[:-1])  # the book was open before the row
    since = np.maximum.accumulate(np.where(began, np.arange(n), 0))
    group = events.group[since]
    kind = np.where(group < N_GROUPS, group, N_GROUPS).astype(np.int64)
    fresh = np.diff(events.table, prepend=events.table[:1]) != 0
    spread = np.where(events.counts & ~fresh, np.maximum(events.spread_ticks, 0), 0)
    kept = events.counts | ~alive(events) | fresh
    # Rows of tables that overlap in time follow one another: the clock runs on.
    ts_ns = np.rint(events.t_s * NS_PER_S).astype(np.int64)
    return fit_spread_transitions(
        ts_ns[kept],
        spread[kept],
        kind[kept],
        edges_ticks=edges,
        kinds=(*GROUPS, OTHER),
        regime=regime[kept],
        regimes=regimes,
    )


def _garch(events: FlowEvents) -> Garch:
    """Of minutes that count from end to end, day by day, without the day's curve."""
    step_ns = RETURN_S * NS_PER_S
    mid = mid_ticks(events)
    days: list[_Floats] = []
    for table in np.unique(events.table):
        ours = events.table == table
        ts_ns, mids = events.ts_ns[ours], mid[ours]
        end_ns = session_end_ns(events)[ours]
        grid = np.arange(ts_ns[0] // step_ns + 1, ts_ns[-1] // step_ns + 1) * step_ns
        at = np.searchsorted(ts_ns, grid, side="right") - 1
        moves = np.where(grid[1:] <= end_ns[at[:-1]], np.diff(mids[at]), np.nan)
        day = grid[:-1] // (86_400 * NS_PER_S)
        days += [moves[day == each] for each in np.unique(day)]
    calm = _without_season(days)
    return fit_garch([day[np.isfinite(day)] for day in calm], float(RETURN_S))


def _without_season(days: list[_Floats]) -> list[_Floats]:
    """Returns over the curve of their deviation, if the days are long enough to tell one."""
    per = SEASON_OF_RETURNS_S // RETURN_S
    bins = max((len(day) for day in days), default=0) // per
    if bins < CURVE_BINS_LEAST:
        return days
    squares = np.full((len(days), bins), np.nan)
    for d, day in enumerate(days):
        for b in range(min(bins, len(day) // per)):
            part = day[b * per : (b + 1) * per]
            known = part[np.isfinite(part)]
            if len(known) > per // 2 and np.any(known != 0):
                squares[d, b] = np.log((known**2).mean())
    usable = np.isfinite(squares).any(axis=1)
    if np.isfinite(squares).sum() < 2 * CURVE_BINS_LEAST:
        return days
    curve = np.exp(0.5 * log_curve(squares[usable], periodic=False))
    return [day / curve[np.minimum(np.arange(len(day)) // per, bins - 1)] for day in days]


def _columns(source: Source, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    if isinstance(source, EventTable):
        return {name: np.ascontiguousarray(source.column(name)) for name in names}
    table = pq.ParquetFile(source).read(columns=list(names))
    return {name: np.ascontiguousarray(table.column(name).to_numpy()) for name in names}


def _latencies(source: Source) -> list[_Ints]:
    """By the UTC day on which the recorder had them."""
    columns = _columns(source, ("ts_event", "ts_recv"))
    latency_ns = columns["ts_recv"] - columns["ts_event"]
    day = columns["ts_recv"] // (86_400 * NS_PER_S)
    cuts = np.flatnonzero(np.diff(day)) + 1
    return list(np.split(latency_ns, cuts))


def _queue_fills(events: FlowEvents, sources: Sequence[Source]) -> QueueFills:
    """An order of one lot joins both touches every few seconds and is watched for a minute."""
    ahead, duration, filled, block = [], [], [], []
    blocks = block_of(events)
    end_ns = session_end_ns(events)
    step_ns = ORDER_EVERY_S * NS_PER_S
    for table, source in enumerate(sources):
        ours = np.flatnonzero(events.table == table)
        ts_ns = events.ts_ns[ours]
        grid = np.arange(ts_ns[0] // step_ns + 1, ts_ns[-1] // step_ns) * step_ns
        row = ours[np.searchsorted(ts_ns, grid, side="right") - 1]
        columns = _columns(source, ("ts_recv", *_TAPE_COLUMNS))
        last_ns = int(columns["ts_recv"][-1])  # a stretch may end just behind it
        end = np.minimum(end_ns[row], last_ns)
        watched = np.minimum(end - grid, round(QUEUE_HORIZONS_S[-1] * NS_PER_S))
        usable = events.counts[row] & (watched > 0)
        grid, row, watched = grid[usable], row[usable], watched[usable]
        if len(row) == 0:
            continue
        orders, queue = _virtual_orders(events, grid, row, watched)
        fills, rested = resting_fills(_tape(columns), QueueParams(), orders)
        waited = np.repeat(watched, 2).astype(np.float64)
        was_filled = np.zeros(len(waited), np.bool_)
        was_filled[fills.order] = True
        waited[fills.order] = fills.ts_ns - orders.start_ns[fills.order]
        ahead.append(queue[rested])
        duration.append(waited[rested] / NS_PER_S)
        filled.append(was_filled[rested])
        block.append(np.repeat(blocks[row], 2)[rested])
    if not ahead:
        none = np.array([], np.int64)
        return fit_queue_fills(none, none.astype(np.float64), none > 0)
    return fit_queue_fills(
        np.concatenate(ahead),
        np.concatenate(duration),
        np.concatenate(filled),
        horizons_s=QUEUE_HORIZONS_S,
        block=np.concatenate(block),
    )


def _virtual_orders(
    events: FlowEvents, grid_ns: _Ints, row: _Ints, watched_ns: _Ints
) -> tuple[RestingOrders, _Ints]:
    """Of one lot at each touch, and the lots ahead of each."""
    n = len(row)
    start = np.repeat(grid_ns, 2)
    orders = RestingOrders(
        start_ns=start,
        end_ns=start + np.repeat(watched_ns, 2),
        side=np.tile(np.array([1, -1], np.int8), n),
        price_ticks=np.ascontiguousarray(events.price_ticks[:, row].T.ravel()),
        lots=np.ones(2 * n, np.int64),
    )
    return orders, events.touch_lots[:, row].T.ravel()


def _tape(columns: dict[str, NDArray[Any]]) -> Tape:
    """The recording on the recorder's clock, as the events are."""
    rows = {name: columns[name] for name in _TAPE_COLUMNS}
    return Tape(ts_ns=columns["ts_recv"], checkpoint_events=CHECKPOINT_EVENTS, **rows)
