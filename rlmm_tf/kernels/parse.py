"""Readers of recorded order books: bytes of any size in, columns of canonical events out.

A reader is fed the input that it asks for, in pieces cut anywhere, and holds no more than a message
and the rows that wait to be taken. Prices and sizes come out in units of the reading (`Units`),
exact integers; what a tick and a lot are may only be known at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.kernels.extension import _core

ParseError = _core.ParseError
Reader = _core.Reader

Columns = dict[str, NDArray[Any]]

ROWS_ENOUGH = 1 << 18
GUESS_UNIT = -2  # of times, by the digits before the point
ISO_TIME = -1


@dataclass(frozen=True)
class Units:
    """In what prices and sizes are counted: 10^-places; tick and lot in that, 0 where unknown."""

    price_places: int = 9
    size_places: int = 8
    tick: int = 0
    lot: int = 0


@dataclass(frozen=True)
class Finding:
    """Something that was found in a recording: how often, and where first."""

    reason: str
    severity: Literal["note", "filter", "defect", "fatal"]
    count: int
    input: int
    file: int  # of the input
    line: int  # from 1
    offset: int  # of the line's first byte, decompressed
    field: str
    expected: str
    got: str
    remedy: str


@dataclass(frozen=True)
class Layout:
    """The columns of delimited text.

    `columns` has a role, the name in a header and the place (from 0) without one. Roles: time,
    received, price, size, side, snapshot, symbol, suspicious, id, facility, bid, bid_size, ask,
    ask_size; the last four once for each level.
    """

    kind: Literal["trades", "changes", "levels"]
    columns: Sequence[tuple[str, str, int]]
    header: Literal["none", "always", "maybe"] = "always"
    delimiter: str = ","
    time_places: int = 0  # 9: seconds, 6: ms, 3: us, 0: ns; or GUESS_UNIT, ISO_TIME
    zone: Sequence[tuple[int, int]] = ()  # clock's ns from which the offset (ns) holds
    hours_from: int = 0  # ns of the clock's day
    hours_until: int = 0
    night: int = (
        -1
    )  # ns of the day, UTC, when there is no market: then a new book begins; -1: never
    symbol: str = ""
    bid_words: Sequence[str] = ()  # for the side of the resting order
    ask_words: Sequence[str] = ()
    off_exchange_words: Sequence[str] = ()  # of a trade's facility; none: any but 0 and nothing
    one_sided: bool = False
    block_marker: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For the engine."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        for name in ("columns", "zone", "bid_words", "ask_words", "off_exchange_words"):
            values[name] = list(values[name])
        return values


NO_COLUMNS = Layout("trades", ())


def _unit_arguments(units: Units, strict: bool) -> dict[str, Any]:
    return {"strict": strict, **{name: getattr(units, name) for name in units.__dataclass_fields__}}


def lobster_reader(units: Units, *, strict: bool, with_book: bool) -> Reader:
    """Messages (input 0) and, with `with_book`, the rows of the book (input 1)."""
    return _core.lobster_reader(**_unit_arguments(units, strict), with_book=with_book)


def databento_reader(units: Units, *, strict: bool, binary: bool, instrument: int) -> Reader:
    """CSV or DBN of the schemas MBO, MBP-1 and MBP-10; `instrument` 0: there is only one."""
    return _core.databento_reader(
        **_unit_arguments(units, strict), binary=binary, instrument=instrument
    )


def depth_reader(
    units: Units,
    *,
    strict: bool,
    vendor: Literal["bybit", "binance"],
    symbol: str,
    trades: Layout | None,
) -> Reader:
    """JSON lines (input 1), and trades (input 0) by a layout or, without one, JSON lines too."""
    return _core.depth_reader(
        **_unit_arguments(units, strict),
        vendor=vendor,
        symbol=symbol,
        trades=None if trades is None else trades.as_dict(),
    )


def delimited_reader(
    units: Units, *, strict: bool, trades: Layout, book: Layout, consolidated: bool = False
) -> Reader:
    """Trades (input 0) and a book (input 1); consolidated: of venues that lock each other."""
    return _core.delimited_reader(
        **_unit_arguments(units, strict),
        trades=trades.as_dict(),
        book=book.as_dict(),
        consolidated=consolidated,
    )


def findings_of(reader: Reader) -> list[Finding]:
    """What the reader found so far."""
    return [Finding(**found) for found in reader.findings()]


@dataclass
class BookPass:
    """The book that rows of an event table describe, after each of them."""

    levels: int = 1
    _pass: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._pass = _core.BookPass(self.levels)

    def depth(self, columns: Columns) -> NDArray[np.int64]:
        """Rows of ask price, ask lots, bid price, bid lots, level by level; 0 lots: none."""
        names = ("kind", "side", "price_ticks", "qty_lots", "order_id", "flags")
        depth: NDArray[np.int64] = self._pass.run(
            **{name: np.ascontiguousarray(columns[name]) for name in names}
        )
        return depth

    @property
    def missing_lots(self) -> int:
        """Lots that were taken from where there were not so many."""
        return int(self._pass.missing_lots)

    @property
    def missing_rows(self) -> int:
        """Rows that did so."""
        return int(self._pass.missing_rows)

    @property
    def first_missing_row(self) -> int | None:
        """The number of the first of them, counted from the first row of the pass."""
        first = int(self._pass.first_missing_row)
        return None if first < 0 else first


def drained(reader: Reader) -> Iterator[Columns]:
    """The rows that wait, if there are any."""
    columns = reader.take()
    if len(columns["kind"]) > 0:
        yield columns
