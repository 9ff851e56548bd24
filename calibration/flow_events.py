"""The events of a market model in recordings, restricted to the stretches that count.

Row i says what happened at a time, and what the book is like from then to row i + 1. An event
counts if the time just before it does: the market is open (both sides, not halted) and inside a
stretch of the split. What lies outside the stretches still excites what comes after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from calibration.split import Split
from rlmm_tf.events import (
    EventFlag,
    EventKind,
    EventMetadata,
    EventTable,
    EventTableError,
    require_rows,
)
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.kernels.flow import NO_EVENT, FlowPass, LifeEnd
from rlmm_tf.kernels.parse import Columns
from rlmm_tf.market_parts import DEPTH_TICKS_MAX, GROUPS

N_GROUPS = len(GROUPS)
DISTANCE_EDGES = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)  # ticks behind the own best
CLUSTER_FLAGGED_NS = 1_000  # where the recording itself says which fills belong together
CLUSTER_NS = 100_000
TIES_SPREAD_S = 20e-6  # events of one stamp are laid out over so much, in their order
TABLE_GAP_S = 1e5  # between tables: what happened in one no longer excites the next
FEW_LEVELS_SHARE = 0.01  # of rows that are levels coming into sight or leaving it
BATCH_ROWS = 1 << 18

_BY_SIDE = ("price_ticks", "touch_lots", "gap_ticks", "levels", "extent_ticks", "lots_at_risk")

Source = Path | str | EventTable


@dataclass(frozen=True)
class Lives:
    """Orders that were seen to arrive while the time counted."""

    seconds: NDArray[np.float64]
    end: NDArray[np.uint8]  # LifeEnd; OUT_OF_SIGHT also where the stretch ended first
    away_ticks: NDArray[np.int64]  # behind the own best price when it came

    def __len__(self) -> int:
        return len(self.seconds)


@dataclass(frozen=True)
class FlowEvents:
    """Columns over all tables, one after the other. Side 0 is the bid."""

    ts_ns: NDArray[np.int64]
    t_s: NDArray[np.float64]  # rising without ties, tables far apart
    table: NDArray[np.int64]
    group: NDArray[np.uint8]
    flags: NDArray[np.uint8]
    away_ticks: NDArray[np.int64]
    lots: NDArray[np.int64]
    queue_lots: NDArray[np.int64]
    age_ns: NDArray[np.int64]
    price_ticks: NDArray[np.int64]  # [side][row], after the row, as all that follow
    touch_lots: NDArray[np.int64]
    gap_ticks: NDArray[np.int64]
    levels: NDArray[np.int64]
    extent_ticks: NDArray[np.int64]
    lots_at_risk: NDArray[np.int64]
    at_risk: NDArray[np.float32]  # [row][side][bin of DISTANCE_EDGES], orders
    counts: NDArray[np.bool_]  # the time from this row to the next one
    lives: Lives
    by_order: bool  # most rows say which order they are about
    resolution_s: float  # of the recording's clock
    few_levels: bool  # the recording shows only so many levels: others come into sight and leave
    metadata: tuple[EventMetadata, ...]

    def __len__(self) -> int:
        return len(self.ts_ns)

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Which rows are events of the model that count."""
        before = np.concatenate([[False], self.counts[:-1]])
        return before & (self.group < N_GROUPS)

    @property
    def seconds(self) -> NDArray[np.float64]:
        """How long the book of each row held; 0 where the time does not count."""
        length = np.append(np.diff(self.t_s), 0.0)
        return np.where(self.counts, length, 0.0)

    @property
    def spread_ticks(self) -> NDArray[np.int64]:
        """After each row."""
        return np.asarray(self.price_ticks[1] - self.price_ticks[0])

    def before(self, values: NDArray[Any]) -> NDArray[Any]:
        """A column of the book after each row, as it was before each row (last axis: rows)."""
        return np.concatenate([values[..., :1], values[..., :-1]], axis=-1)


def lost_ticks(events: FlowEvents) -> NDArray[np.int64]:
    """By how much the event before each row made the best price of each side worse, [side][row].

    Of one that made it no worse, 0; rows that are no events belong to the event before them.
    """
    rows = np.arange(len(events))
    latest = np.maximum.accumulate(np.where(events.group < N_GROUPS, rows, 0))
    event = np.concatenate([[0], latest[:-1]])
    now = np.maximum(rows - 1, 0)
    worse = events.price_ticks[:, np.maximum(event - 1, 0)] - events.price_ticks[:, now]
    worse[1] *= -1
    known = events.counts[np.maximum(event - 1, 0)] & (event > 0)
    return np.where(known, np.maximum(worse, 0), 0)


def read_flow(
    sources: Sequence[Source],
    split: Callable[[NDArray[np.int64]], Split] | None = None,
    *,
    cluster_ns: int | None = None,
    age_weights: NDArray[np.float64] | None = None,
    anonymous_weight: float = 1.0,
) -> FlowEvents:
    """The model's events of one or more recordings of the same instrument.

    Args:
        sources: event tables, or their parquet files.
        split: from the times of a table's rows to what counts of it; None: all.
        cluster_ns: fills of one side closer than this are one market order; None: a microsecond
            where the recording flags fills of one order, else 100.
        age_weights: see `FlowPass`.
        anonymous_weight: see `FlowPass`.

    Raises:
        EventTableError: no such table, or of different instruments.
        SplitError: the split leaves nothing of a table.
    """
    if not sources:
        raise EventTableError("tables: expected one at least, got none")
    metadata = [_metadata(source) for source in sources]
    _require_one_instrument(metadata)
    parts = []
    for number, source in enumerate(sources):
        chunks = rows_of(source)
        flow = _pass_of(chunks, cluster_ns, age_weights, anonymous_weight)
        ts = np.concatenate([columns["ts_recv"] for columns in chunks])
        chosen = (split or (lambda times: Split.of_rows(None, None, times)))(ts)
        part = _restricted(flow[0], flow[1], chosen, number)
        named = [columns["order_id"] != 0 for columns in chunks]
        shown = [columns["flags"] & EventFlag.REACH > 0 for columns in chunks]
        part["ids"] = np.concatenate(named).mean()
        part["shown"] = (np.concatenate(shown) & ~np.concatenate(named)).mean()
        parts.append(part)
    return _joined(parts, tuple(metadata))


def _metadata(source: Source) -> EventMetadata:
    if isinstance(source, EventTable):
        return source.metadata
    try:
        return EventMetadata.of_schema(pq.ParquetFile(source).schema_arrow)
    except (OSError, ValueError) as error:
        raise EventTableError(f"{source}: {error}") from None


def _require_one_instrument(metadata: Sequence[EventMetadata]) -> None:
    first = metadata[0]
    for number, other in enumerate(metadata[1:], 1):
        for name in ("venue", "symbol", "tick_size", "lot_size"):
            expected, got = getattr(first, name), getattr(other, name)
            if expected != got:
                raise EventTableError(
                    f"table {number + 1}: {name}: expected {expected!r} as in the first table, got "
                    f"{got!r}; calibrate one instrument at a time"
                )


def rows_of(source: Source) -> list[Columns]:
    """The rows of a table, in pieces; checked."""
    names = ("ts_recv", "seq", "kind", "side", "price_ticks", "qty_lots", "order_id", "flags")
    if isinstance(source, EventTable):
        return [{name: source.column(name) for name in names}]
    batches, rows = [], 0
    for batch in pq.ParquetFile(source).iter_batches(BATCH_ROWS, columns=list(names)):
        columns: Columns = {name: batch.column(name).to_numpy() for name in names}
        try:
            require_rows(columns, rows)
        except EventTableError as error:
            raise EventTableError(f"{source}: {error}") from None
        rows += len(batch)
        batches.append(columns)
    if not rows:
        raise EventTableError(f"{source}: expected rows, got none")
    return batches


def _pass_of(
    batches: Sequence[Columns],
    cluster_ns: int | None,
    age_weights: NDArray[np.float64] | None,
    anonymous_weight: float,
) -> tuple[Columns, Columns]:
    """Flow rows and lives of one table."""
    sent = [(c["kind"] == EventKind.ADD) & (c["flags"] & EventFlag.REACH == 0) for c in batches]
    lots = sum(int(c["qty_lots"][s].sum()) for c, s in zip(batches, sent, strict=True))
    orders = sum(int(s.sum()) for s in sent)
    flagged = any((c["flags"] & EventFlag.MORE_FILLS).any() for c in batches)
    if cluster_ns is None:
        cluster_ns = CLUSTER_FLAGGED_NS if flagged else CLUSTER_NS
    flow = FlowPass(
        cluster_ns=cluster_ns,
        reach_ticks=DEPTH_TICKS_MAX,
        order_lots=lots / orders if orders else 0.0,
        distance_edges=DISTANCE_EDGES,
        age_weights=age_weights,
        anonymous_weight=anonymous_weight,
    )
    rows = [flow.run(columns) for columns in batches]
    rows.append(flow.finish())
    return _concatenated(rows), flow.lives()


def _concatenated(parts: Sequence[Columns]) -> Columns:
    return {
        name: np.concatenate([part[name] for part in parts], axis=1 if name in _BY_SIDE else 0)
        for name in parts[0]
    }


def _restricted(flow: Columns, lives: Columns, split: Split, number: int) -> dict[str, Any]:
    """Rows of one table with the stretches' edges among them, and the lives that began inside."""
    edges = np.unique(np.array(split.stretches, np.int64))
    edges = edges[(edges > flow["ts_ns"][0])]
    at = np.searchsorted(flow["ts_ns"], edges, side="left")
    rows = {}
    for name, values in flow.items():
        axis = 1 if name in _BY_SIDE else 0
        copied = np.take(values, at - 1, axis=axis)  # the book goes on across an edge
        if name == "ts_ns":
            copied = edges
        elif name == "group":
            copied = np.full(len(edges), NO_EVENT, np.uint8)
        rows[name] = np.insert(values, at, copied, axis=axis)
    within = split.within(rows["ts_ns"])
    rows["counts"] = (within >= 0) & (rows.pop("open") > 0)
    rows["counts"][-1] = False
    rows["table"] = np.full(len(rows["ts_ns"]), number, np.int64)
    return {
        "rows": rows,
        "lives": _lives_within(lives, split),
        "resolution_s": _resolution_s(flow["ts_ns"]),
    }


def _resolution_s(ts_ns: NDArray[np.int64]) -> float:
    """The largest step that all stamps are multiples of, after the first; at most a second."""
    steps = np.diff(ts_ns)
    steps = steps[steps > 0]
    step_ns = int(np.gcd.reduce(steps)) if len(steps) else NS_PER_S
    return min(step_ns, NS_PER_S) / NS_PER_S


def _lives_within(lives: Columns, split: Split) -> Lives:
    stretch = split.within(lives["birth_ns"])
    kept = stretch >= 0
    end_of_stretch = np.array([end for _, end in split.stretches], np.int64)[stretch[kept]]
    birth, end = lives["birth_ns"][kept], lives["end_ns"][kept]
    cut = end > end_of_stretch
    return Lives(
        seconds=(np.minimum(end, end_of_stretch) - birth) / NS_PER_S,
        end=np.where(cut, np.uint8(LifeEnd.OUT_OF_SIGHT), lives["end"][kept]).astype(np.uint8),
        away_ticks=lives["away_ticks"][kept],
    )


def _joined(parts: Sequence[dict[str, Any]], metadata: tuple[EventMetadata, ...]) -> FlowEvents:
    t_s, start_s = [], 0.0
    resolution_s = min(part["resolution_s"] for part in parts)
    for part in parts:
        seconds = _untied(part["rows"]["ts_ns"], resolution_s)
        t_s.append(start_s + seconds)
        start_s = float(t_s[-1][-1]) + TABLE_GAP_S
    rows = _concatenated([part["rows"] for part in parts])
    rows.pop("row")
    lives = [part["lives"] for part in parts]
    return FlowEvents(
        **rows,
        t_s=np.concatenate(t_s),
        lives=Lives(
            np.concatenate([each.seconds for each in lives]),
            np.concatenate([each.end for each in lives]),
            np.concatenate([each.away_ticks for each in lives]),
        ),
        by_order=float(np.mean([part["ids"] for part in parts])) > 0.5,
        resolution_s=resolution_s,
        few_levels=float(np.mean([part["shown"] for part in parts])) > FEW_LEVELS_SHARE,
        metadata=metadata,
    )


def _untied(ts_ns: NDArray[np.int64], resolution_s: float) -> NDArray[np.float64]:
    """Seconds since the first row; rows of one stamp are laid out evenly, in their order.

    Over the clock's resolution, but at least 20 us, and never up to the next stamp.
    """
    since = (ts_ns - ts_ns[0]).astype(np.float64) / NS_PER_S
    starts = np.flatnonzero(np.diff(ts_ns, prepend=ts_ns[0] - 1) > 0)
    counts = np.diff(np.append(starts, len(ts_ns)))
    room = np.append(np.diff(since[starts]), resolution_s)
    spread = np.minimum(max(resolution_s, TIES_SPREAD_S), room)
    rank = np.arange(len(ts_ns)) - np.repeat(starts, counts)
    shifted: NDArray[np.float64] = since + rank * np.repeat(spread / counts, counts)
    return shifted
