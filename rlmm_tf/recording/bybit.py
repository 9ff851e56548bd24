"""Bybit's style of recording: book messages as JSON lines, trades as CSV.

A line is `{topic, type, ts, data: {s, b, a, u, seq}, cts}`. The first is a snapshot (u = 1); then,
each time that an interval has ended in which the levels changed, a delta with all levels that
changed: price and size as decimal text, size "0" for a level that is no longer among them. `ts` is
the end of the interval, `cts` the time of the last event that the message holds (ms UTC), `seq` the
number of that event in the canonical table.

Trades are fills, `timestamp,symbol,side,size,price`: seconds UTC with nine decimals, and the side
that took, as in the first columns of Bybit's archive. There are no hidden orders; but lots that
come and are taken between two messages are in none of them: whoever reads the files sees such
trades inside the spread (`rlmm ingest` marks them `EventFlag.HIDDEN`).

A halt of trading has no message: the levels just stay as they are (the canonical table has it as a
status, LOBSTER's files as type 7).
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.events import EventKind, EventTableError
from rlmm_tf.files import new_file
from rlmm_tf.recording.decimals import DecimalUnit
from rlmm_tf.recording.lobster import second_texts
from rlmm_tf.recording.stream import Chunk, Session
from rlmm_tf.recording.writer import Writer

INTERVAL_NS = 100_000_000
TRADE_HEADER = "timestamp,symbol,side,size,price\n"

Level = tuple[int, int]  # ticks, lots


def bybit_trades_path(path: Path | str) -> Path:
    """Where the trades go: `x.book.jsonl.gz` has them in `x.trades.csv.gz`."""
    book = Path(path)
    zipped = ".gz" if book.suffix == ".gz" else ""
    stem = book.name.removesuffix(".gz").removesuffix(".jsonl").removesuffix(".book")
    return book.with_name(f"{stem}.trades.csv{zipped}")


class BybitWriter(Writer):
    """Writes the two files; with names that end in .gz, compressed."""

    def __init__(
        self, path: Path | str, session: Session, levels: int, interval_ns: int = INTERVAL_NS
    ) -> None:
        if levels < 1:
            raise EventTableError(f"levels: expected at least 1, got {levels}")
        if interval_ns < 1:
            raise EventTableError(f"interval_ns: expected at least 1, got {interval_ns}")
        super().__init__(Path(path), bybit_trades_path(path))
        self._session = session
        self._levels = levels
        self._interval_ns = interval_ns
        self._tick = DecimalUnit("tick_size", session.tick_size)
        self._lot = DecimalUnit("lot_size", session.lot_size)
        self._sent: tuple[set[Level], set[Level]] = (set(), set())  # bids, asks
        self._n_messages = 0
        # The last event so far: of which interval, its time, its number, the book after it.
        self._last: tuple[int, int, int, NDArray[np.int64]] | None = None

    def _open(self, files: ExitStack) -> None:
        self._book = files.enter_context(_text_file(self.paths[0]))
        self._trades = files.enter_context(_text_file(self.paths[1]))
        self._trades.write(TRADE_HEADER)

    def _write(self, chunk: Chunk) -> None:
        depth = chunk.depth_of(self._levels)
        self._write_trades(chunk)
        interval = -(-chunk.ts_ns // self._interval_ns)  # that an event at its end belongs to
        if self._last is not None and self._last[0] != interval[0]:
            self._write_book()
        ends = np.flatnonzero(interval[1:] != interval[:-1])
        for i in [*ends.tolist(), len(chunk) - 1]:
            seq = chunk.first_seq + i
            self._last = (int(interval[i]), int(chunk.ts_ns[i]), seq, depth[i])
            if i < len(chunk) - 1:
                self._write_book()
        assert self._last is not None
        self._last = (*self._last[:3], self._last[3].copy())  # lets go of the chunk

    def _finish(self) -> None:
        self._write_book()

    def _write_book(self) -> None:
        """The message at the end of the last event's interval, if there is something to say."""
        if self._last is None:
            return
        interval, ts_ns, seq, row = self._last
        bids, asks = _levels(row[2::4], row[3::4]), _levels(row[0::4], row[1::4])
        if self._n_messages > 0 and (bids, asks) == self._sent:
            return
        self._n_messages += 1
        end_ns = min(interval * self._interval_ns, self._session.duration_ns)
        message = {
            "topic": f"orderbook.{self._levels}.{self._session.vendor_symbol}",
            "type": "snapshot" if self._n_messages == 1 else "delta",
            "ts": (self._session.start_ns + end_ns) // 1_000_000,
            "data": {
                "s": self._session.vendor_symbol,
                "b": self._changes(self._sent[0], bids)[::-1],
                "a": self._changes(self._sent[1], asks),
                "u": self._n_messages,
                "seq": seq,
            },
            "cts": (self._session.start_ns + ts_ns) // 1_000_000,
        }
        self._book.write(json.dumps(message, separators=(",", ":")) + "\n")
        self._sent = (bids, asks)

    def _changes(self, old: set[Level], new: set[Level]) -> list[tuple[str, str]]:
        """Price and size of the levels that differ, the lowest price first."""
        changed = {price: 0 for price, _ in old - new} | dict(new - old)
        return [
            (self._tick.text(price), self._lot.text(lots) if lots else "0")
            for price, lots in sorted(changed.items())
        ]

    def _write_trades(self, chunk: Chunk) -> None:
        traded = chunk.kind == EventKind.TRADE
        times = second_texts(chunk.ts_ns[traded] + self._session.start_ns).to_pylist()
        sides = np.where(chunk.side[traded] > 0, "Sell", "Buy").tolist()  # who took from it
        sizes = self._lot.texts(chunk.qty_lots[traded]).tolist()
        prices = self._tick.texts(chunk.price_ticks[traded]).tolist()
        symbol = self._session.vendor_symbol
        for time, side, size, price in zip(times, sides, sizes, prices, strict=True):
            self._trades.write(f"{time},{symbol},{side},{size},{price}\n")


def _levels(prices: NDArray[np.int64], lots: NDArray[np.int64]) -> set[Level]:
    there = zip(prices.tolist(), lots.tolist(), strict=True)
    return {(price, size) for price, size in there if size > 0}


@contextmanager
def _text_file(path: Path) -> Iterator[TextIO]:
    """A new file of text, compressed if its name ends in .gz; the same text makes the same file."""
    with ExitStack() as files:
        raw = files.enter_context(files.enter_context(new_file(path)).open("wb"))
        stream: BinaryIO = raw
        if path.suffix == ".gz":  # neither name nor time in its header
            zipped = gzip.GzipFile("", "wb", 6, raw, mtime=0)
            stream = cast(BinaryIO, files.enter_context(zipped))
        yield files.enter_context(io.TextIOWrapper(stream, encoding="utf-8", newline="\n"))
