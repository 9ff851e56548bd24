"""A plain reading of LOBSTER's AMZN sample: messages, and the event table they stand for."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.events import EventFlag, EventKind, EventMetadata, EventTable

MIDNIGHT_NS = 1_340_251_200 * 10**9  # of 2012-06-21 in New York, UTC
NEW, PART_CANCELLED, CANCELLED, EXECUTED, HIDDEN_EXECUTED = 1, 2, 3, 4, 5
LEVELS = 5

Side = dict[int, int]  # lots by price


@dataclass(frozen=True)
class Message:
    """A line of the message file; the price in ticks of a cent, the side that of the order."""

    ts_ns: int
    kind: int
    order: int
    lots: int
    price_ticks: int
    side: int


def read(path: Path) -> tuple[list[Message], NDArray[np.int64]]:
    """Messages, and the book after each: ask, lots, bid, lots of each level; 0: no level."""
    with zipfile.ZipFile(path) as archive:
        names = {part: name for name in archive.namelist() for part in ("message", "orderbook")
                 if f"_{part}_" in name}  # fmt: skip
        messages = [_message(line) for line in archive.read(names["message"]).decode().split()]
        with archive.open(names["orderbook"]) as file:
            book = np.loadtxt(file, delimiter=",", dtype=np.int64)
    book[:, 0::2] = np.where(book[:, 1::2] > 0, book[:, 0::2] // 100, 0)
    return messages, book


def _message(line: str) -> Message:
    time, kind, order, lots, price, side = line.split(",")
    seconds, _, rest = time.partition(".")
    ts_ns = MIDNIGHT_NS + int(seconds) * 10**9 + int(f"{rest:0<9}"[:9])
    assert int(price) % 100 == 0 or int(kind) == HIDDEN_EXECUTED
    return Message(ts_ns, int(kind), int(order), int(lots), int(price) // 100, int(side))


def shown(row: NDArray[np.int64]) -> dict[int, Side]:
    """Both sides of a line of the book file."""
    asks, bids = row[:20].reshape(LEVELS, 4)[:, :2], row[:20].reshape(LEVELS, 4)[:, 2:]
    return {side: {int(p): int(q) for p, q in at if q > 0} for side, at in ((1, bids), (-1, asks))}


def table_of(
    messages: list[Message], book: NDArray[np.int64], stamps_ns: NDArray[np.int64]
) -> EventTable:
    """The table, with message k at `stamps_ns[k]`.

    What the messages do not explain are levels that come into the file's reach or leave it.
    """
    assert messages[0].kind == HIDDEN_EXECUTED  # so that the first line is the book before it, too
    there = shown(book[0])
    rows = [
        (stamps_ns[0], EventKind.SNAPSHOT, side, price, lots, 0, 0)
        for side in (1, -1)
        for price, lots in there[side].items()
    ]
    for message, after, ts_ns in zip(messages, book, stamps_ns, strict=True):
        rows.append((ts_ns, *_row(message)))
        _apply(message, there[message.side])
        for side, levels in shown(after).items():
            mine = there[side]
            for price in mine.keys() - levels.keys():
                assert len(levels) == LEVELS
                assert all(side * (price - other) < 0 for other in levels)
                rows.append((ts_ns, EventKind.CANCEL, side, price, mine[price], 0, EventFlag.REACH))
            for price in levels.keys() - mine.keys():
                rows.append((ts_ns, EventKind.ADD, side, price, levels[price], 0, EventFlag.REACH))
            assert all(levels.get(price, lots) == lots for price, lots in mine.items())
            there[side] = levels
    return _table(rows)


def _row(message: Message) -> tuple[int, ...]:
    if message.kind == HIDDEN_EXECUTED:
        # Of no order that is shown: the book stays as it is.
        return (EventKind.TRADE, message.side, message.price_ticks, message.lots, 0, 0)
    kinds = {
        NEW: EventKind.ADD, PART_CANCELLED: EventKind.CANCEL, CANCELLED: EventKind.CANCEL,
        EXECUTED: EventKind.TRADE,
    }  # fmt: skip
    kind = kinds[message.kind]
    return (kind, message.side, message.price_ticks, message.lots, message.order, 0)


def _apply(message: Message, levels: Side) -> None:
    if message.kind == HIDDEN_EXECUTED:
        return
    change = message.lots if message.kind == NEW else -message.lots
    levels[message.price_ticks] = levels.get(message.price_ticks, 0) + change
    if levels[message.price_ticks] == 0:
        del levels[message.price_ticks]


def _table(rows: list[tuple[int, ...]]) -> EventTable:
    names = ("ts_event", "kind", "side", "price_ticks", "qty_lots", "order_id", "flags")
    types = ("int64", "uint8", "int8", "int64", "int64", "uint64", "uint8")
    columns = {
        name: np.array(values, dtype)
        for name, dtype, values in zip(names, types, zip(*rows, strict=True), strict=True)
    }
    columns |= {"ts_recv": columns["ts_event"], "seq": np.arange(len(rows), dtype=np.uint64)}
    metadata = EventMetadata(
        venue="NASDAQ", symbol="AMZN", tick_size="0.01", lot_size="1",
        session="2012-06-21T13:30:00Z/2012-06-21T20:00:00Z", source="sha256:" + "0" * 64,
    )  # fmt: skip
    return EventTable.from_columns(columns, metadata)
