"""LOBSTER's pair of files for each day: messages, and the book after each of them.

As LOBSTER's own files of so many levels:

- A message is written when it changes one of the levels; row k of the book is the state after
  message k. Orders that were there before the first message, and orders deeper than the levels,
  have none: they come into the book from nowhere.
- Types 1 (new order), 2 (part of an order is cancelled), 3 (the rest of it is), 4 (execution); one
  row per fill. The direction is the resting order's: 1 a bid, -1 an ask. Type 7 (status): price -1
  when trading is halted, 1 when it resumes; order and size 0, direction -1, the book as before.
- Seconds after midnight UTC, with nine decimals; prices x 10 000; a level that is not there has the
  price 9999999999 (ask) or -9999999999 (bid) and size 0.

What only a simulator does: orders on a level that comes into the flow's reach, or leaves it, are
written as messages of type 1 or 3 like any other (the canonical table marks them
`EventFlag.REACH`). What it does not do: hidden orders, so that there is no type 5 and every
execution takes lots off the book that is shown; auctions (type 6).
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from rlmm_tf.book_params import DAY_NS
from rlmm_tf.events import EventFlag, EventKind, EventTableError
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.files import new_file
from rlmm_tf.recording.decimals import DecimalUnit
from rlmm_tf.recording.stream import Chunk, Session
from rlmm_tf.recording.writer import Writer

PRICE_SCALE = 10_000
NO_PRICE = 9_999_999_999
NEW, PART_CANCELLED, CANCELLED, EXECUTED, STATUS = 1, 2, 3, 4, 7

_CSV = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")


def lobster_paths(folder: Path | str, session: Session, levels: int) -> list[Path]:
    """Message file, book file of each day, by LOBSTER's names."""
    paths = []
    for day in _days(session):
        start_ms = max(session.start_ns - day * DAY_NS, 0) // 1_000_000
        end_ms = min(session.end_ns - day * DAY_NS, DAY_NS) // 1_000_000
        date = datetime.fromtimestamp(day * DAY_NS // NS_PER_S, UTC)
        name = f"{session.vendor_symbol}_{date:%Y-%m-%d}_{start_ms}_{end_ms}"
        paths += [Path(folder) / f"{name}_{kind}_{levels}.csv" for kind in ("message", "orderbook")]
    return paths


def _days(session: Session) -> range:
    """Days since 1970 with a moment of the session; its end may be the midnight after the last."""
    return range(session.start_ns // DAY_NS, (session.end_ns - 1) // DAY_NS + 1)


class LobsterWriter(Writer):
    """Writes LOBSTER's files into a folder.

    Raises:
        EventTableError: the tick is no multiple of 1/10 000, or the lot no whole number of shares.
    """

    def __init__(self, folder: Path | str, session: Session, levels: int) -> None:
        if levels < 1:
            raise EventTableError(f"levels: expected at least 1, got {levels}")
        super().__init__(*lobster_paths(folder, session, levels))
        self._session = session
        self._levels = levels
        self._tick = DecimalUnit("tick_size", session.tick_size).whole_multiple(PRICE_SCALE)
        self._lot = DecimalUnit("lot_size", session.lot_size).whole_multiple(1)
        self._book = np.zeros(4 * levels, np.int64)
        self._outputs: list[tuple[BinaryIO, BinaryIO]] = []

    def _open(self, files: ExitStack) -> None:
        self.paths[0].parent.mkdir(parents=True, exist_ok=True)
        opened: list[BinaryIO] = []
        for path in self.paths:
            temporary = files.enter_context(new_file(path))
            opened.append(files.enter_context(temporary.open("wb")))
        self._outputs = list(zip(opened[::2], opened[1::2], strict=True))

    def _write(self, chunk: Chunk) -> None:
        depth = chunk.depth_of(self._levels)
        before = np.vstack([self._book, depth[:-1]])
        self._book = depth[-1].copy()
        opening = np.isin(chunk.kind, (EventKind.CLEAR, EventKind.SNAPSHOT))
        seen = (depth != before).any(axis=1) & ~opening | (chunk.kind == EventKind.STATUS)
        ts = chunk.ts_ns[seen] + self._session.start_ns
        days = _days(self._session)
        messages, book = self._messages(chunk, seen), self._book_rows(depth[seen])
        for day, outputs in zip(days, self._outputs, strict=True):
            first = int(np.searchsorted(ts, day * DAY_NS)) if day != days[0] else 0
            end = int(np.searchsorted(ts, (day + 1) * DAY_NS)) if day != days[-1] else len(ts)
            if first < end:
                times = second_texts(ts[first:end] - day * DAY_NS)
                rows = {"time": times} | {name: m[first:end] for name, m in messages.items()}
                pyarrow.csv.write_csv(pa.table(rows), outputs[0], _CSV)
                columns = {str(i): book[first:end, i] for i in range(book.shape[1])}
                pyarrow.csv.write_csv(pa.table(columns), outputs[1], _CSV)

    def _finish(self) -> None:
        """Nothing waits."""

    def _messages(self, chunk: Chunk, seen: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        """The columns after the time."""
        kind = chunk.kind[seen]
        remains = (chunk.flags[seen] & EventFlag.REMAINS) != 0
        type_ = np.select(
            [
                kind == EventKind.ADD,
                kind == EventKind.TRADE,
                kind == EventKind.CANCEL,
                kind == EventKind.STATUS,
            ],
            [NEW, EXECUTED, np.where(remains, PART_CANCELLED, CANCELLED), STATUS],
        )
        if not type_.all():
            unknown = EventKind(int(kind[np.argmin(type_)])).name.lower()
            raise EventTableError(f"kind: expected add, cancel, trade or status, got {unknown}")
        lots, is_status = chunk.qty_lots[seen], type_ == STATUS
        return {
            "type": type_,
            "order_id": chunk.order_id[seen],
            "size": np.where(is_status, 0, lots * self._lot),
            "price": np.where(is_status, lots - 1, chunk.price_ticks[seen] * self._tick),
            "direction": np.where(is_status, -1, chunk.side[seen]),
        }

    def _book_rows(self, depth: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of ask price, ask size, bid price, bid size, level by level."""
        rows = np.empty_like(depth)
        rows[:, 1::2] = depth[:, 1::2] * self._lot
        for first, nothing in ((0, NO_PRICE), (2, -NO_PRICE)):
            is_there = depth[:, first + 1 :: 4] > 0
            rows[:, first::4] = np.where(is_there, depth[:, first::4] * self._tick, nothing)
        return rows


def second_texts(ns: NDArray[np.int64]) -> pa.Array:
    """Nanoseconds (none negative) as seconds with nine decimals."""
    whole = pa.array(ns // NS_PER_S).cast(pa.string())
    rest = pc.utf8_lpad(pa.array(ns % NS_PER_S).cast(pa.string()), 9, "0")
    return pc.binary_join_element_wise(whole, rest, ".")
