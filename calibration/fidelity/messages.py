"""The messages of an event table, with the book after each: what a fidelity score looks at.

A message is what somebody sent: a limit order, a cancel, or one fill of a market order. What only
came into the recording's reach, what was there when it started, halts, corrections and executions
of hidden orders are none; what they do to the book is seen after the message before them.

Real and simulated messages are looked at through the same window: the best `levels` price levels of
either side, as far as both recordings show them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from calibration.split import Split
from rlmm_tf.events import EventFlag, EventKind, EventTable
from rlmm_tf.kernels.parse import BookPass, Columns

WINDOW_MESSAGES = 500
LEVELS_MOST = 10
_ROWS_AT_ONCE = 1 << 18
_SESSION_BIT = 56  # above all numbers of simulated orders

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Detail = Literal["orders", "levels", "touch"]
DETAILS: tuple[Detail, ...] = ("touch", "levels", "orders")  # from the least


class FidelityError(ValueError):
    """Tables that cannot be compared; says what was expected, what came, what to do."""


class MessageKind(IntEnum):
    """The benchmark's numbers."""

    LIMIT = 1
    PARTIAL_CANCEL = 2
    DELETE = 3
    EXECUTION = 4


@dataclass(frozen=True)
class Instrument:
    """What a tick and a lot are worth, and what the recording tells apart."""

    tick_size: str
    lot_size: str
    detail: Detail  # orders by number; sizes of levels; only the best one
    levels: int  # of one side


@dataclass(frozen=True)
class Messages:
    """Messages in order, column by column; `[k]` of `book` is the book after message k."""

    instrument: Instrument
    ts_ns: Ints
    kind: NDArray[np.int8]
    order_id: NDArray[np.uint64]  # 0: not told
    lots: Ints
    price_ticks: Ints
    side: NDArray[np.int8]  # of the resting order: 1 bid, -1 ask
    more_fills: Bools  # execution: the same market order goes on filling
    book: Ints  # (n, 4 levels): ask price, ask lots, bid price, bid lots, level by level
    stretch: Ints  # number of the stretch without a gap; rises

    def __len__(self) -> int:
        return len(self.ts_ns)

    def take(self, rows: NDArray[Any] | slice) -> Self:
        """Some of the messages."""
        arrays = {name: getattr(self, name)[rows] for name in _COLUMNS}
        return replace(self, **arrays)

    @cached_property
    def both_sides(self) -> Bools:
        """After which messages there is a bid and an ask."""
        both: Bools = (self.book[:, 1] > 0) & (self.book[:, 3] > 0)
        return both

    @cached_property
    def mid_x2_ticks(self) -> Ints:
        """Twice the mid after each message; means nothing where a side is empty."""
        twice: Ints = self.book[:, 0] + self.book[:, 2]
        return twice


_COLUMNS = tuple(part.name for part in fields(Messages) if part.name != "instrument")


@dataclass(frozen=True)
class Windows:
    """Windows of equally many messages, one after the other: `messages.take` of each in turn."""

    messages: Messages
    length: int

    def __post_init__(self) -> None:
        if self.length < 2 or len(self.messages) % self.length:
            raise FidelityError(
                f"windows: expected whole windows of {self.length} messages, got "
                f"{len(self.messages)} messages"
            )

    def __len__(self) -> int:
        return len(self.messages) // self.length

    @property
    def index(self) -> Ints:
        """The window of each message."""
        return np.repeat(np.arange(len(self)), self.length)

    @property
    def stretch(self) -> Ints:
        """The stretch of each window."""
        return self.messages.stretch[:: self.length]

    def square(self, values: NDArray[Any]) -> NDArray[Any]:
        """A value of each message as (windows, length)."""
        return values.reshape(len(self), self.length, *values.shape[1:])

    def take(self, windows: NDArray[np.int64]) -> Windows:
        """Some of the windows."""
        rows = (windows[:, None] * self.length + np.arange(self.length)).ravel()
        return replace(self, messages=self.messages.take(rows))

    def evenly(self, most: int) -> Windows:
        """At most so many, spread over all."""
        if len(self) <= most:
            return self
        return self.take((np.arange(most, dtype=np.int64) * len(self)) // most)


def instrument_of(table: EventTable, levels: int = LEVELS_MOST) -> Instrument:
    """What the recording tells apart, and how many levels it always shows.

    A feed of the best n levels shows n; of a full book, `levels` are looked at.
    """
    kind, ids = table.column("kind"), table.column("order_id")
    flags = table.column("flags")
    sent = (kind == EventKind.ADD) & ((flags & EventFlag.REACH) == 0)
    if not sent.any():
        raise FidelityError(
            f"{table.metadata.symbol}: expected limit orders or changes of levels, got none; a "
            "table of trades alone cannot be scored"
        )
    numbered = float((ids[sent] != 0).mean()) > 0.5
    # A level that comes leaves one too many, until the row that takes another out of reach.
    settled = _books_at(_columns(table), _settled(np.flatnonzero(sent), len(table)), levels)
    shown = int((settled.reshape(-1, levels, 2, 2)[..., 1] > 0).sum(axis=1).max(initial=1))
    detail: Detail = "orders" if numbered else ("levels" if shown > 1 else "touch")
    metadata = table.metadata
    return Instrument(metadata.tick_size, metadata.lot_size, detail, shown)


def messages_of(table: EventTable, split: Split, instrument: Instrument) -> Messages:
    """The messages of the stretches of a recording, within reach of the instrument's levels."""
    stretch = split.within(table.column("ts_recv"))
    try:
        return _messages(_columns(table), stretch, instrument)
    except FidelityError as error:
        raise FidelityError(f"{table.metadata.symbol}: {error}") from None


def messages_of_rows(columns: Columns, instrument: Instrument) -> Messages:
    """The messages of a short recording, such as a window that starts from a given book.

    Args:
        columns: of the canonical event table, from a clear and a snapshot on.
        instrument: what is looked at.
    """
    return _messages(columns, np.zeros(len(columns["kind"]), np.int64), instrument)


def _columns(table: EventTable) -> Columns:
    return {name: table.column(name) for name in table.table.column_names}


def _messages(columns: Columns, stretch: Ints, instrument: Instrument) -> Messages:
    """With the stretch of each row; -1: none that counts."""
    kind, flags, side = columns["kind"], columns["flags"], columns["side"]
    sent = np.isin(kind, (EventKind.ADD, EventKind.CANCEL, EventKind.TRADE)) & (side != 0)
    sent &= (flags & (EventFlag.REACH | EventFlag.HIDDEN)) == 0
    rows = np.flatnonzero(sent)
    if len(rows) == 0:
        raise FidelityError("expected messages, got none")
    book = _books_at(columns, _settled(rows, len(kind)), instrument.levels)
    price = columns["price_ticks"][rows]
    before = np.concatenate([np.zeros_like(book[:1]), book[:-1]])
    seen = _within(price, book) | _within(price, before)
    at = _stretches(kind, stretch, rows)
    keep = seen & (at >= 0)
    if not keep.any():
        raise FidelityError("expected messages in the stretches that count, got none")
    kept = rows[keep]
    return Messages(
        instrument=instrument,
        ts_ns=columns["ts_recv"][kept],
        kind=_kinds(kind[kept], flags[kept]),
        order_id=columns["order_id"][kept],
        lots=columns["qty_lots"][kept],
        price_ticks=price[keep],
        side=side[kept],
        more_fills=(flags[kept] & EventFlag.MORE_FILLS) != 0,
        book=book[keep],
        stretch=at[keep],
    )


def _settled(rows: Ints, total: int) -> Ints:
    """The last row before the next message.

    What follows a message without being one, such as levels that come into reach, belongs to the
    book after it.
    """
    return np.append(rows[1:] - 1, total - 1)


def _books_at(columns: Columns, rows: Ints, levels: int) -> Ints:
    """The book after each of some rows, without keeping it of all."""
    book, passed = np.empty((len(rows), 4 * levels), np.int64), BookPass(levels)
    for start in range(0, len(columns["kind"]), _ROWS_AT_ONCE):
        stop = start + _ROWS_AT_ONCE
        depth = passed.depth({name: values[start:stop] for name, values in columns.items()})
        first, last = np.searchsorted(rows, (start, stop))
        book[first:last] = depth[rows[first:last] - start]
    return book


def _within(price: Ints, book: Ints) -> Bools:
    """Not behind the last level shown; a side that shows fewer levels shows all it has."""
    ask, ask_lots, bid, bid_lots = book[:, -4:].T
    within: Bools = ((ask_lots == 0) | (price <= ask)) & ((bid_lots == 0) | (price >= bid))
    return within


def _stretches(kind: NDArray[np.uint8], stretch: Ints, rows: Ints) -> Ints:
    """Of each message, a number that rises wherever time or the book breaks off; -1: none."""
    restarts = np.cumsum(np.isin(kind, (EventKind.CLEAR, EventKind.STATUS)))[rows]
    at = stretch[rows]
    changed = (np.diff(at, prepend=at[:1]) != 0) | (np.diff(restarts, prepend=restarts[:1]) != 0)
    return np.where(at >= 0, np.cumsum(changed), -1)


def _kinds(kind: NDArray[np.uint8], flags: NDArray[np.uint8]) -> NDArray[np.int8]:
    cancel = np.where(
        (flags & EventFlag.REMAINS) != 0, MessageKind.PARTIAL_CANCEL, MessageKind.DELETE
    )
    named = np.where(kind == EventKind.ADD, MessageKind.LIMIT, cancel)
    return np.where(kind == EventKind.TRADE, MessageKind.EXECUTION, named).astype(np.int8)


def shared_instrument(real: Instrument, simulated: Instrument) -> Instrument:
    """What both tell apart.

    Raises:
        FidelityError: they are not the same instrument.
    """
    for name in ("tick_size", "lot_size"):
        one, other = float(getattr(real, name)), float(getattr(simulated, name))
        if one != other:
            raise FidelityError(
                f"{name}: expected that of the real table ({getattr(real, name)}), got "
                f"{getattr(simulated, name)}; compare tables of one instrument in the same units"
            )
    detail = min(real.detail, simulated.detail, key=DETAILS.index)
    return replace(real, detail=detail, levels=min(real.levels, simulated.levels))


def windows_of(messages: Messages, length: int = WINDOW_MESSAGES) -> Windows:
    """All whole windows, cut from the start of each stretch; none crosses a gap."""
    starts = np.flatnonzero(np.diff(messages.stretch, prepend=-1) != 0)
    ends = np.append(starts[1:], len(messages))
    firsts = [
        np.arange(start, end - length + 1, length) for start, end in zip(starts, ends, strict=True)
    ]
    first = np.concatenate(firsts) if firsts else np.empty(0, np.int64)
    if len(first) == 0:
        raise FidelityError(
            f"windows: expected a stretch of {length} messages at least, the longest of "
            f"{len(starts)} has {int((ends - starts).max())}; take longer blocks"
        )
    rows = (first[:, None] + np.arange(length)).ravel()
    return Windows(messages.take(rows), length)


def in_turn(parts: Sequence[Messages]) -> Messages:
    """Recordings one after the other: stretches and orders of each are its own."""
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}
    which = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    first = np.cumsum([0, *(int(part.stretch[-1]) + 1 for part in parts)])
    arrays["stretch"] = arrays["stretch"] + first[which]
    named, number = arrays["order_id"] != 0, which.astype(np.uint64)
    arrays["order_id"] = arrays["order_id"] + named * (number << np.uint64(_SESSION_BIT))
    return Messages(instrument=parts[0].instrument, **arrays)


def joined(parts: Iterable[Messages], length: int = WINDOW_MESSAGES) -> Windows:
    """Windows that were made one by one, such as of simulations that start from real books.

    Each part gives its first `length` messages, and is a stretch of its own.

    Raises:
        FidelityError: a part is shorter. To leave it out would favour busy windows.
    """
    whole: list[Messages] = []
    for i, part in enumerate(parts):
        if len(part) < length:
            raise FidelityError(
                f"windows: expected {length} messages in each, got {len(part)} in number {i}; "
                "let each run on for longer (messages behind the levels looked at do not count)"
            )
        one = part.take(slice(0, length))
        whole.append(replace(one, stretch=np.full(length, i, np.int64)))
    if not whole:
        raise FidelityError("windows: expected one at least, got none")
    first = whole[0].instrument
    if any(part.instrument != first for part in whole):
        raise FidelityError("windows: expected all of one instrument, got several")
    arrays = {name: np.concatenate([getattr(part, name) for part in whole]) for name in _COLUMNS}
    return Windows(Messages(instrument=first, **arrays), length)
