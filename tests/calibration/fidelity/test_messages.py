from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from calibration.fidelity.messages import (
    FidelityError,
    Instrument,
    MessageKind,
    instrument_of,
    joined,
    messages_of,
    shared_instrument,
    windows_of,
)
from calibration.split import Split
from rlmm_tf.events import EventFlag, EventKind, EventMetadata, EventTable
from tests.calibration.fidelity.toy_flow import toy_rows, toy_windows

METADATA = EventMetadata("V", "S", "0.01", "1", "a/b", "sha256:" + "0" * 64)
Row = tuple[int, int, int, int, int, int, int]


def table_of(rows: list[Row], **metadata: Any) -> EventTable:
    """kind, time, side, price, lots, id, flags."""
    columns = np.array(rows, np.int64).T
    kind, ts_ns, side, price, lots, ids, flags = columns
    named = {
        "ts_event": ts_ns,
        "ts_recv": ts_ns,
        "seq": np.arange(len(rows)).astype(np.uint64),
        "kind": kind.astype(np.uint8),
        "side": side.astype(np.int8),
        "price_ticks": price,
        "qty_lots": lots,
        "order_id": ids.astype(np.uint64),
        "flags": flags.astype(np.uint8),
    }
    values = {**vars(METADATA), **metadata}
    return EventTable.from_columns(named, EventMetadata(**values))


ADD, CANCEL, TRADE = EventKind.ADD, EventKind.CANCEL, EventKind.TRADE
START: list[Row] = [
    (EventKind.CLEAR, 0, 0, 0, 0, 0, 0),
    (EventKind.SNAPSHOT, 0, 1, 99, 5, 1, 0),
    (EventKind.SNAPSHOT, 0, -1, 101, 6, 2, 0),
]


def test_what_somebody_sent_is_a_message_with_the_book_after_it() -> None:
    table = table_of(
        [
            *START,
            (ADD, 1, 1, 98, 7, 3, 0),
            (ADD, 1, 1, 97, 9, 0, EventFlag.REACH),  # belongs to the book after the order
            (TRADE, 2, -1, 100, 3, 0, EventFlag.HIDDEN),
            (CANCEL, 3, 1, 98, 2, 3, EventFlag.REMAINS),
            (TRADE, 4, -1, 101, 4, 2, EventFlag.REMAINS | EventFlag.MORE_FILLS),
            (TRADE, 5, 0, 101, 1, 0, 0),  # nobody knows the side
            (CANCEL, 6, 1, 98, 5, 3, 0),
        ]
    )
    instrument = Instrument("0.01", "1", "orders", 3)
    got = messages_of(table, Split(((0, 10),)), instrument)
    assert [MessageKind(kind).name for kind in got.kind] == [
        "LIMIT", "PARTIAL_CANCEL", "EXECUTION", "DELETE",
    ]  # fmt: skip
    assert got.ts_ns.tolist() == [1, 3, 4, 6]
    assert got.order_id.tolist() == [3, 3, 2, 3]
    assert got.more_fills.tolist() == [False, False, True, False]
    bids = [[99, 5, 98, 7, 97, 9], [99, 5, 98, 5, 97, 9], [99, 5, 98, 5, 97, 9], [99, 5, 97, 9]]
    for book, expected in zip(got.book, bids, strict=True):
        shown = [n for level in book.reshape(-1, 4)[:, 2:] if level[1] for n in level]
        assert shown == expected
    assert got.book[:, :2].tolist() == [[101, 6], [101, 6], [101, 2], [101, 2]]


def test_messages_behind_the_levels_looked_at_are_left_out() -> None:
    table = table_of(
        [
            *START,
            (ADD, 1, 1, 98, 7, 3, 0),
            (ADD, 2, 1, 90, 7, 4, 0),  # the third level
            (CANCEL, 3, 1, 99, 5, 1, 0),  # it becomes the second
            (CANCEL, 4, 1, 90, 7, 4, 0),
        ]
    )
    two = messages_of(table, Split(((0, 10),)), Instrument("0.01", "1", "orders", 2))
    assert two.ts_ns.tolist() == [1, 3, 4]
    three = messages_of(table, Split(((0, 10),)), Instrument("0.01", "1", "orders", 3))
    assert three.ts_ns.tolist() == [1, 2, 3, 4]


def test_no_window_crosses_a_gap() -> None:
    rows: list[Row] = [*START]
    rows += [(ADD, t, 1, 99, 1, 10 + t, 0) for t in range(1, 21)]
    rows += [(EventKind.STATUS, 21, 0, 0, 0, 0, 0), (EventKind.STATUS, 22, 0, 0, 2, 0, 0)]
    rows += [(ADD, t, 1, 99, 1, 10 + t, 0) for t in range(22, 40)]
    table, instrument = table_of(rows), Instrument("0.01", "1", "orders", 1)
    halves = Split(((0, 11), (11, 50)))
    messages = messages_of(table, halves, instrument)
    windows = windows_of(messages, 4)
    first = windows.square(windows.messages.ts_ns)[:, 0]
    assert first.tolist() == [1, 5, 11, 15, 22, 26, 30, 34]
    assert windows.take(np.array([1, 4])).messages.ts_ns.tolist() == [5, 6, 7, 8, 22, 23, 24, 25]
    assert windows.evenly(3).messages.ts_ns[::4].tolist() == [1, 11, 26]
    with pytest.raises(FidelityError, match="a stretch of 50 messages at least, the longest of 3"):
        windows_of(messages, 50)


def test_what_a_recording_tells_apart() -> None:
    by_order = [*START, (ADD, 1, 1, 98, 7, 3, 0)]
    assert instrument_of(table_of(by_order)).detail == "orders"
    by_level: list[Row] = [(*row[:5], 0, 0) for row in by_order]
    levels = instrument_of(table_of(by_level))
    assert (levels.detail, levels.levels) == ("levels", 2)
    quotes: list[Row] = [(*row[:5], 0, 0) for row in START]
    quotes += [(ADD, 1, 1, 100, 7, 0, 0), (CANCEL, 1, 1, 99, 5, 0, EventFlag.REACH)]
    touch = instrument_of(table_of(quotes))
    assert (touch.detail, touch.levels) == ("touch", 1)
    both = shared_instrument(instrument_of(table_of(by_order)), touch)
    assert both == touch
    with pytest.raises(FidelityError, match="expected limit orders or changes of levels"):
        instrument_of(table_of([*START, (TRADE, 1, -1, 101, 1, 0, 0)]))


def test_other_units_are_refused() -> None:
    one = instrument_of(table_of([*START, (ADD, 1, 1, 98, 7, 3, 0)]))
    other = instrument_of(table_of([*START, (ADD, 1, 1, 98, 7, 3, 0)], tick_size="0.05"))
    with pytest.raises(FidelityError, match=r"tick_size: expected that of the real table \(0.01\)"):
        shared_instrument(one, other)
    same = instrument_of(table_of([*START, (ADD, 1, 1, 98, 7, 3, 0)], tick_size="0.010"))
    assert shared_instrument(one, same) == one


def test_tables_without_messages_are_refused() -> None:
    instrument = Instrument("0.01", "1", "orders", 1)
    with pytest.raises(FidelityError, match="expected messages, got none"):
        messages_of(table_of(START), Split(((0, 10),)), instrument)
    one = table_of([*START, (ADD, 1, 1, 99, 7, 3, 0)])
    with pytest.raises(FidelityError, match="in the stretches that count"):
        messages_of(one, Split(((5, 10),)), instrument)


def test_windows_made_one_by_one_are_joined() -> None:
    rows = toy_rows(1, 3, 40, market_share=0.1, patience=5.0, gap_s=0.1)
    whole = toy_windows(rows)
    parts = [toy_windows(rows[i : i + 1]).messages for i in range(3)]
    again = joined(parts, 40)
    assert len(again) == 3
    assert (again.messages.book == whole.messages.book).all()
    assert again.stretch.tolist() == [0, 1, 2]
    with pytest.raises(FidelityError, match="expected 41 messages in each, got 40 in number 0"):
        joined(parts, 41)
    with pytest.raises(FidelityError, match="expected one at least, got none"):
        joined([], 40)
    other = replace(parts[1], instrument=Instrument("0.05", "1", "orders", 10))
    with pytest.raises(FidelityError, match="expected all of one instrument, got several"):
        joined([parts[0], other], 40)
