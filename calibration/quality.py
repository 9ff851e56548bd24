"""Is a recording any good? What an event table is like and what is odd about it, in one pass."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from calibration.sources.ingest import REPORT_KEY
from calibration.sources.problems import DataError
from rlmm_tf.events import (
    ARROW_SCHEMA,
    EventFlag,
    EventKind,
    EventMetadata,
    EventTableError,
    is_synthetic,
    require_rows,
)
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.kernels.parse import BookPass, Columns

CLOSED_NS = 1800 * NS_PER_S  # a silence this long is no market, and left out of rates and times
BUCKETS = 240  # of time, in the charts
SILENCES_SHOWN = 5
LATENCY_BINS_PER_OCTAVE = 8

Show = Callable[[float, float, str], None]


@dataclass(frozen=True)
class Oddity:
    """Rows that are odd in one way; the first of them."""

    name: str
    count: int
    first_row: int | None
    meaning: str


@dataclass(frozen=True)
class Quality:
    """What there is to say about a recording."""

    metadata: dict[str, Any]
    rows: int
    rows_by_kind: dict[str, int]
    start_ns: int
    end_ns: int
    events_per_s: float
    fills_per_s: float
    market_orders: int
    fills: int
    hidden_fills: int
    spread_ns: dict[int, int]  # time with each width in ticks, where there is a bid and an ask
    one_sided_ns: int
    closed_ns: int  # in silences of half an hour and more
    silences: list[tuple[int, float]]  # the longest: when it began, seconds
    # Of ts_recv - ts_event: the most, and below what so many lie, to a twelfth; one clock: empty.
    latency_ns: dict[str, float]
    price_divisor: int  # of the visible prices in ticks: above 1, the tick is too small
    size_divisor: int
    oddities: list[Oddity]
    ingest_problems: list[dict[str, Any]]
    repeated: int | None  # of the source, as far as it numbers what it says; None: it was not read
    bucket_ns: int
    mid_ticks: list[float | None]  # at the end of each bucket
    events: list[int]

    @property
    def spread_share(self) -> dict[int, float]:
        """Of the time with a bid and an ask."""
        total = max(sum(self.spread_ns.values()), 1)
        return {ticks: ns / total for ticks, ns in sorted(self.spread_ns.items())}

    @property
    def spread_median_ticks(self) -> int | None:
        """By time."""
        past = 0.0
        for ticks, share in self.spread_share.items():
            past += share
            if past >= 0.5:
                return ticks
        return None

    @property
    def synthetic(self) -> bool:
        """Made by a simulator, as far as the table says."""
        made = str(self.metadata["source"]).startswith("generator:")
        return made or is_synthetic(self.metadata["symbol"])

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        values["oddities"] = [vars(oddity) for oddity in self.oddities]
        values["spread_ns"] = {str(ticks): ns for ticks, ns in sorted(self.spread_ns.items())}
        values["spread_median_ticks"] = self.spread_median_ticks
        shares = self.spread_share.items()
        values["crossed_share"] = sum(share for ticks, share in shares if ticks < 0)
        values["locked_share"] = sum(share for ticks, share in shares if ticks == 0)
        values["synthetic"] = self.synthetic
        return values


def inspect(path: Path, *, show: Show) -> Quality:
    """Read the table once, a row group after the other.

    Raises:
        DataError: the file is no canonical event table.
    """
    try:
        parquet = pq.ParquetFile(path)
        metadata = EventMetadata.of_schema(parquet.schema_arrow)
        if not parquet.schema_arrow.remove_metadata().equals(ARROW_SCHEMA):
            raise EventTableError(f"columns: expected {ARROW_SCHEMA.names}")
    except (pa.ArrowInvalid, EventTableError, OSError) as error:
        raise DataError(
            str(path),
            reason="not_an_event_table",
            expected="a canonical event table",
            got=str(error).splitlines()[0],
            remedy="make one with `rlmm ingest` or `rlmm simulate`",
        ) from None
    if parquet.metadata.num_rows == 0:
        raise DataError(str(path), reason="no_rows", expected="rows", got="none")
    report = json.loads((parquet.schema_arrow.metadata or {}).get(REPORT_KEY, b"{}"))
    start_ns, end_ns = _span(parquet)
    tally = _Tally(start_ns, end_ns)
    for columns in _row_groups(parquet):
        try:
            require_rows(columns, tally.rows)
        except EventTableError as error:
            raise DataError(
                str(path), reason="bad_rows", expected="a canonical event table", got=str(error)
            ) from None
        tally.add(columns)
        show(float(tally.rows), float(parquet.metadata.num_rows), "rows")
    return tally.quality(metadata, report.get("problems"))


def _row_groups(parquet: pq.ParquetFile) -> Iterator[Columns]:
    for batch in parquet.iter_batches(batch_size=1 << 18):
        yield {name: batch.column(name).to_numpy() for name in ARROW_SCHEMA.names}


def _span(parquet: pq.ParquetFile) -> tuple[int, int]:
    """First and last `ts_recv`."""
    first = parquet.read_row_group(0, columns=["ts_recv"]).column(0)
    last = parquet.read_row_group(parquet.num_row_groups - 1, columns=["ts_recv"]).column(0)
    return first[0].as_py(), last[-1].as_py()


@dataclass
class _Tally:
    """What has been counted so far."""

    start_ns: int
    end_ns: int
    rows: int = 0
    kinds: Counter[int] = field(default_factory=Counter)
    fills: int = 0
    market_orders: int = 0
    hidden: int = 0
    spread_ns: Counter[int] = field(default_factory=Counter)
    one_sided_ns: int = 0
    closed_ns: int = 0
    reach: int = 0
    silences: list[tuple[int, int]] = field(default_factory=list)
    latency: Counter[int] = field(default_factory=Counter)
    latest_ns: int = 0
    price_divisor: int = 0
    size_divisor: int = 0
    odd: dict[str, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._book = BookPass()
        self._last_event: int | None = None
        self._since: int | None = None  # the last ts_recv
        self._spread: int | None = None  # since then; None: a side is empty
        self.bucket_ns = max(-(-(self.end_ns - self.start_ns + 1) // BUCKETS), 1)
        self.mid = np.full(BUCKETS, np.nan)
        self.events = np.zeros(BUCKETS, np.int64)

    def add(self, columns: Columns) -> None:
        """Take rows in."""
        depth = self._book.depth(columns)
        self._add_kinds(columns)
        self._add_times(columns)
        self._add_spread(columns["ts_recv"], depth)
        self._add_units(columns)
        self.rows += len(columns["kind"])

    def _note(self, name: str, odd: NDArray[np.bool_]) -> None:
        count, first = self.odd.get(name, (0, -1))
        found = int(odd.sum())
        if found and count == 0:
            first = self.rows + int(np.argmax(odd))
        self.odd[name] = (count + found, first)

    def _add_kinds(self, columns: Columns) -> None:
        kind, flags = columns["kind"], columns["flags"]
        self.kinds.update(kind.tolist())
        self.reach += int(((flags & EventFlag.REACH) != 0).sum())
        trade = kind == EventKind.TRADE
        self.fills += int(trade.sum())
        self.market_orders += int((trade & ((flags & EventFlag.MORE_FILLS) == 0)).sum())
        self.hidden += int((trade & ((flags & EventFlag.HIDDEN) != 0)).sum())
        self._note("unsigned_trades", trade & (columns["side"] == 0))
        self._note("halts", (kind == EventKind.STATUS) & (columns["qty_lots"] == 0))
        # A table opens with a clear.
        self._note("resets", (kind == EventKind.CLEAR) & (np.arange(len(kind)) + self.rows > 0))
        self._note("corrections", kind == EventKind.MODIFY)

    def _add_times(self, columns: Columns) -> None:
        event, recv = columns["ts_event"], columns["ts_recv"]
        first = int(event[0]) if self._last_event is None else self._last_event
        step = np.diff(event, prepend=first)
        self._note("out_of_order", step < 0)
        late = recv - event
        self._note("negative_latency", late < 0)
        self.latest_ns = max(self.latest_ns, int(late.max()))
        if late.any():
            bins = np.floor(np.log2(np.maximum(late, 1)) * LATENCY_BINS_PER_OCTAVE).astype(int)
            self.latency.update(np.where(late > 0, bins, -1).tolist())
        else:
            self.latency[-1] += len(late)
        silence = np.diff(recv, prepend=self._since_of(recv))
        self.closed_ns += int(silence[silence >= CLOSED_NS].sum())
        longest = np.argsort(silence, kind="stable")[-SILENCES_SHOWN:]
        began = [(int(silence[i]), int(recv[i] - silence[i])) for i in longest]
        self.silences = sorted([*self.silences, *began], reverse=True)[:SILENCES_SHOWN]
        self._last_event = int(event[-1])
        bucket = (recv - self.start_ns) // self.bucket_ns
        flow = columns["kind"] != EventKind.SNAPSHOT
        np.add.at(self.events, bucket[flow], 1)

    def _add_spread(self, ts: NDArray[np.int64], depth: NDArray[np.int64]) -> None:
        ask, ask_lots, bid, bid_lots = depth.T
        both = (ask_lots > 0) & (bid_lots > 0)
        ends = np.append(ts[1:] != ts[:-1], True)  # what lasts no time is not there
        times, spread, is_open = ts[ends], (ask - bid)[ends], both[ends]
        held = np.diff(times, prepend=self._since_of(times))
        if held[0] < CLOSED_NS:
            self._hold(self._spread, int(held[0]))
        open_for = np.where(held[1:] < CLOSED_NS, held[1:], 0)
        widths = np.where(is_open, spread, np.iinfo(np.int64).min)
        for width in np.unique(widths[:-1]).tolist():
            ns = int(open_for[widths[:-1] == width].sum())
            self._hold(None if width == np.iinfo(np.int64).min else width, ns)
        self._spread = int(spread[-1]) if is_open[-1] else None
        self._since = int(times[-1])
        self._note("crossed_rows", both & (ask < bid))
        self._note("locked_rows", both & (ask == bid))
        bucket = (ts - self.start_ns) // self.bucket_ns
        mid = np.where(both, (ask + bid) / 2, np.nan)
        self.mid[bucket] = mid  # the last row of a bucket counts

    def _since_of(self, ts: NDArray[np.int64]) -> int:
        return int(ts[0]) if self._since is None else self._since

    def _hold(self, width: int | None, ns: int) -> None:
        if ns == 0:
            return
        if width is None:
            self.one_sided_ns += ns
        else:
            self.spread_ns[width] += ns

    def _add_units(self, columns: Columns) -> None:
        visible = (columns["flags"] & EventFlag.HIDDEN) == 0
        prices = columns["price_ticks"][visible & (columns["price_ticks"] != 0)]
        if self.price_divisor != 1 and len(prices):
            self.price_divisor = int(np.gcd(self.price_divisor, np.gcd.reduce(prices)))
        sized = columns["kind"] != EventKind.STATUS
        lots = columns["qty_lots"][sized & (columns["qty_lots"] != 0)]
        if self.size_divisor != 1 and len(lots):
            self.size_divisor = int(np.gcd(self.size_divisor, np.gcd.reduce(lots)))

    def quality(self, metadata: EventMetadata, problems: list[dict[str, Any]] | None) -> Quality:
        """All of it; `problems` are those of the ingest, if there was one."""
        seconds = max((self.end_ns - self.start_ns - self.closed_ns) / NS_PER_S, 1e-9)
        flow = self.rows - self.kinds[EventKind.SNAPSHOT] - self.kinds[EventKind.CLEAR] - self.reach
        return Quality(
            metadata={name: getattr(metadata, name) for name in metadata.__dataclass_fields__},
            rows=self.rows,
            rows_by_kind={
                kind.name.lower(): self.kinds[kind] for kind in EventKind if self.kinds[kind]
            },
            start_ns=self.start_ns,
            end_ns=self.end_ns,
            events_per_s=flow / seconds,
            fills_per_s=self.fills / seconds,
            market_orders=self.market_orders,
            fills=self.fills,
            hidden_fills=self.hidden,
            spread_ns=dict(self.spread_ns),
            one_sided_ns=self.one_sided_ns,
            closed_ns=self.closed_ns,
            silences=[(began, ns / NS_PER_S) for ns, began in self.silences if ns > 0],
            latency_ns=self._latency_law(),
            price_divisor=self.price_divisor,
            size_divisor=self.size_divisor,
            oddities=self._oddities(),
            ingest_problems=problems or [],
            repeated=None if problems is None else _repeated(problems),
            bucket_ns=self.bucket_ns,
            mid_ticks=[None if np.isnan(mid) else float(mid) for mid in self.mid],
            events=self.events.tolist(),
        )

    def _oddities(self) -> list[Oddity]:
        missing = self._book.missing_rows, self._book.first_missing_row
        found = {"missing_lots": missing, **self.odd}
        return [
            Oddity(name, count, first if count else None, MEANINGS[name])
            for name, (count, first) in found.items()
        ]

    def _latency_law(self) -> dict[str, float]:
        """Bounds from bins of a twelfth or so; nothing where both clocks always agree."""
        if set(self.latency) <= {-1}:
            return {}
        total, past = self.latency.total(), 0
        bounds = {}
        wanted = [("p01", 0.01), ("p50", 0.5), ("p90", 0.9), ("p99", 0.99)]
        for bin_, count in sorted(self.latency.items()):
            past += count
            while wanted and past >= wanted[0][1] * total:
                name, _ = wanted.pop(0)
                upper = 2 ** ((bin_ + 1) / LATENCY_BINS_PER_OCTAVE)
                bounds[f"{name}_below"] = 0.0 if bin_ < 0 else min(float(upper), self.latest_ns)
        return {**bounds, "max": float(self.latest_ns)}


def _repeated(problems: Sequence[Mapping[str, Any]]) -> int:
    """Messages, orders or trades whose number came again.

    Equal rows of a table say nothing: fills are equal, and quotes flicker within a clock's tick.
    """
    return sum(found["count"] for found in problems if found["reason"] in {"repeated", "duplicate"})


MEANINGS = {
    "missing_lots": "rows that take lots that are not there",
    "unsigned_trades": "trades that nobody knows the side of",
    "halts": "trading was halted",
    "resets": "the book started again",
    "corrections": "levels that were set to what the vendor's book says",
    "out_of_order": "rows with an earlier time than the row before",
    "negative_latency": "rows received before they happened",
    "crossed_rows": "rows after which the best bid is above the best ask",
    "locked_rows": "rows after which the best bid is the best ask",
}
