"""The canonical event table: its schema, its file, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from rlmm_tf.env import EVENT_FLAGS, EVENT_KINDS
from rlmm_tf.events import (
    ARROW_SCHEMA,
    EventFlag,
    EventKind,
    EventMetadata,
    EventTable,
    EventTableError,
    session_text,
)

METADATA = EventMetadata(
    venue="XNAS",
    symbol="AMZN",
    tick_size="0.01",
    lot_size="1",
    session="2012-06-21T09:30:00Z/2012-06-21T16:00:00Z",
    source="sha256:" + "0123456789abcdef" * 4,
    rejected={"duplicate": 3, "zero size": 1},
)
TYPES = {part.name: part.type.to_pandas_dtype() for part in ARROW_SCHEMA}


def columns(**changed: list[int]) -> dict[str, NDArray[Any]]:
    values = {
        "ts_event": [10, 11, 12, 12],
        "ts_recv": [20, 21, 21, 22],
        "seq": [5, 6, 7, 1],
        "kind": [5, 1, 4, 2],
        "side": [1, -1, 0, 1],
        "price_ticks": [100, 102, 100, -1],
        "qty_lots": [7, 3, 2, 5],
        "order_id": [1, 2**64 - 1, 0, 1],
        "flags": [0, 2, 8, 1],
    } | changed
    return {name: np.array(column, TYPES[name]) for name, column in values.items()}


def test_kinds_and_flags_are_the_engines() -> None:
    assert {kind.name.lower(): int(kind) for kind in EventKind} == EVENT_KINDS
    assert {flag.name.lower(): int(flag) for flag in EventFlag if flag.name} == EVENT_FLAGS


def test_schema_is_the_documented_one() -> None:
    assert [f"{part.name}: {part.type}" for part in ARROW_SCHEMA] == [
        "ts_event: int64",
        "ts_recv: int64",
        "seq: uint64",
        "kind: uint8",
        "side: int8",
        "price_ticks: int64",
        "qty_lots: int64",
        "order_id: uint64",
        "flags: uint8",
    ]


def test_round_trip(tmp_path: Path) -> None:
    table = EventTable.from_columns(columns(), METADATA)
    table.write(tmp_path / "x.parquet")
    again = EventTable.read(tmp_path / "x.parquet")
    assert again.table.equals(table.table, check_metadata=True)
    assert again.metadata == METADATA
    assert len(again) == 4
    for name, column in columns().items():
        np.testing.assert_array_equal(again.column(name), column)
        assert again.column(name).dtype == column.dtype
    with pytest.raises(FileExistsError, match=r"x\.parquet: expected no file there"):
        table.write(tmp_path / "x.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]


def test_an_empty_table(tmp_path: Path) -> None:
    empty = EventTable.from_columns(
        {name: np.array([], dtype) for name, dtype in TYPES.items()}, METADATA
    )
    empty.write(tmp_path / "x.parquet")
    assert len(EventTable.read(tmp_path / "x.parquet")) == 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"kind": [5, 1, 9, 2]}, r"row 2: kind: expected a value from 1 to 7, got 9"),
        ({"kind": [0, 1, 4, 2]}, r"row 0: kind: expected a value from 1 to 7, got 0"),
        ({"side": [1, 2, 1, 1]}, r"row 1: side: expected 1 \(bid\), -1 \(ask\) or 0 .*, got 2"),
        ({"side": [1, -128, 1, 1]}, r"row 1: side: expected .*, got -128"),
        ({"side": [1, 0, 1, 1]}, r"row 1: side: expected 1 or -1 with this kind, got 0"),
        ({"qty_lots": [7, 3, 2, 0]}, r"row 3: qty_lots: expected above 0 .*, got 0"),
        ({"qty_lots": [7, -3, 2, 1]}, r"row 1: qty_lots: expected above 0 .*, got -3"),
        ({"flags": [0, 2, 8, 32]}, r"row 3: flags: expected bits of 31, got 32"),
        ({"ts_recv": [20, 21, 19, 22]}, r"row 2: ts_recv: expected rows sorted by .*, got 19"),
        ({"seq": [5, 7, 6, 1]}, r"row 2: ts_recv: expected rows sorted by \(ts_recv, seq\)"),
    ],
)
def test_rows_are_checked(changed: dict[str, list[int]], message: str, tmp_path: Path) -> None:
    with pytest.raises(EventTableError, match=message):
        EventTable.from_columns(columns(**changed), METADATA)
    table = pa.table(columns(**changed), schema=METADATA.schema())
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(EventTableError, match=r"x\.parquet: " + message):
        EventTable.read(tmp_path / "x.parquet")


def test_what_may_be_empty_or_equal() -> None:
    EventTable.from_columns(columns(kind=[3, 6, 7, 3], qty_lots=[0, 0, 0, 0]), METADATA)
    EventTable.from_columns(columns(ts_recv=[20] * 4, seq=[5, 5, 5, 6]), METADATA)


def test_columns_are_checked() -> None:
    floats = columns() | {"price_ticks": np.array([1.0, 2.0, 3.0, 4.0])}
    with pytest.raises(EventTableError, match="price_ticks: expected int64, got float64"):
        EventTable.from_columns(floats, METADATA)
    with pytest.raises(EventTableError, match=r"columns: expected \[.*\], got \[.*'more'"):
        EventTable.from_columns(columns() | {"more": np.zeros(4)}, METADATA)
    table = pa.table(columns(), schema=METADATA.schema())
    with pytest.raises(EventTableError, match=r"columns: expected .* in this order"):
        EventTable(table.drop_columns(["flags"]))
    nullable = pa.schema([part.with_nullable(True) for part in ARROW_SCHEMA])
    with pytest.raises(EventTableError, match="columns: expected none to be nullable"):
        EventTable(table.cast(nullable.with_metadata(table.schema.metadata)))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"venue": ""}, "venue: expected text, got ''"),
        ({"tick_size": "1e-2"}, "tick_size: expected a positive decimal number"),
        ({"tick_size": 0.01}, "tick_size: expected a positive decimal number .*, got 0.01"),
        ({"lot_size": "0"}, "lot_size: expected a positive decimal number"),
        ({"source": "md5:0"}, "source: expected 'sha256:' or 'generator:'"),
        ({"schema_version": 2}, "schema_version: expected 1, got 2; ingest the source again"),
        ({"rejected": {"x": -1}}, "rejected: expected counts by reason"),
    ],
)
def test_metadata_is_checked(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(EventTableError, match=message):
        replace(METADATA, **changed)


def test_files_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_text("no parquet")
    with pytest.raises(EventTableError, match=r"x\.parquet: expected a parquet file, got .*rlmm"):
        EventTable.read(path)
    with pytest.raises(EventTableError, match="expected a parquet file, got"):
        EventTable.read(tmp_path)
    pq.write_table(pa.table(columns(), schema=ARROW_SCHEMA), path)
    with pytest.raises(EventTableError, match=r"metadata: expected venue, .*, got none of venue"):
        EventTable.read(path)
    spoilt = {**METADATA.schema().metadata, b"rejected": b"[1]"}
    pq.write_table(pa.table(columns(), schema=ARROW_SCHEMA.with_metadata(spoilt)), path)
    with pytest.raises(EventTableError, match="metadata: expected numbers, got"):
        EventTable.read(path)


def test_session_text_keeps_nanoseconds() -> None:
    start = 1_340_271_000_000_000_001
    text = "2012-06-21T09:30:00.000000001Z/2012-06-21T09:30:01.000000000Z"
    assert session_text(start, start + 999_999_999) == text
