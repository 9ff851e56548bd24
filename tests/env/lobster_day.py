"""LOBSTER's AMZN sample: its event table, and the vendor's own book after each message."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.sources.ingest import ingest
from calibration.sources.plan import Options
from rlmm_tf.events import EventTable

MIDNIGHT_NS = 1_340_251_200 * 10**9  # of 2012-06-21 in New York, UTC
LEVELS = 5

Side = dict[int, int]  # lots by price


@dataclass(frozen=True)
class Day:
    """A table, and what LOBSTER says the book is."""

    table: EventTable
    message: NDArray[
        np.intp
    ]  # that each row belongs to; what was there before belongs to the first
    book: NDArray[np.int64]  # after each message: ask, lots, bid, lots of each level; 0: no level

    @property
    def stamps_ns(self) -> NDArray[np.int64]:
        """When each message was sent."""
        last = np.searchsorted(self.message, np.arange(len(self.book)), side="right") - 1
        stamps: NDArray[np.int64] = self.table.column("ts_event")[last]
        return stamps

    def by_clock(self, stamps_ns: NDArray[np.int64]) -> EventTable:
        """The table with message k at `stamps_ns[k]`."""
        columns = {name: self.table.column(name) for name in self.table.table.schema.names}
        columns["ts_event"] = columns["ts_recv"] = stamps_ns[self.message]
        return EventTable.from_columns(columns, self.table.metadata)


def read_day(path: Path, out: Path) -> Day:
    """The recording by the project's own reader; the book by numpy's."""
    ingest("lobster", [path], out, Options(), show=lambda *_: None)
    table = EventTable.read(out)
    with zipfile.ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if "_orderbook_" in name)
        with archive.open(name) as file:
            book = np.loadtxt(file, delimiter=",", dtype=np.int64)
    book[:, 0::2] = np.where(book[:, 1::2] > 0, book[:, 0::2] // 100, 0)
    numbers, of_row = np.unique(table.column("seq"), return_inverse=True)
    assert len(numbers) == len(book) + 1  # the first is the book that is there
    return Day(table, np.maximum(of_row - 1, 0), book)


def shown(row: NDArray[np.int64]) -> dict[int, Side]:
    """Both sides of a line of the book file."""
    asks, bids = row[:20].reshape(LEVELS, 4)[:, :2], row[:20].reshape(LEVELS, 4)[:, 2:]
    return {side: {int(p): int(q) for p, q in at if q > 0} for side, at in ((1, bids), (-1, asks))}
