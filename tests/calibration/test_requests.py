"""Which files belong to which reader, and what a request must say."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calibration.quality import inspect
from calibration.sources.problems import DataError
from rlmm_tf.events import ARROW_SCHEMA, EventMetadata
from tests.calibration.conftest import Ingest
from tests.calibration.defects import BINANCE, BYBIT, CSV, DATABENTO, LEAN, LOBSTER, Format

NS = 1_000_000_000
MESSAGE = "X_2012-06-21_34200000_57600000_message_1.csv"
BOOK = "X_2012-06-21_34200000_57600000_orderbook_1.csv"
JSON_TRADE = '{"e":"trade","T":1700000000500,"s":"X","p":"10.1","q":"1","m":true}\n'


def files_of(format_: Format, **renamed: str) -> dict[str, str]:
    """Its files; by other names, or others besides (`new name=old name`)."""
    return {**format_.files, **{new: format_.files[old] for new, old in renamed.items()}}


@pytest.mark.parametrize(
    ("format_name", "files", "options", "complaint"),
    [
        ("lobster", {BOOK: LOBSTER.files[BOOK]}, {}, "only the orderbook file"),
        (
            "lobster",
            files_of(LOBSTER, **{MESSAGE.replace("21", "22"): MESSAGE}),
            {},
            "only the message file",
        ),
        (
            "lobster",
            files_of(LOBSTER, **{MESSAGE.replace("message_1", "message_2"): MESSAGE}),
            {},
            "expected one message file of the session, got two",
        ),
        (
            "lobster",
            files_of(LOBSTER, **{f"Y{MESSAGE}": MESSAGE, f"Y{BOOK}": BOOK}),
            {},
            "expected files of one ticker, got X, YX; name one with --symbol",
        ),
        ("lobster", LOBSTER.files, {"symbol": "Z"}, "expected LOBSTER's message files of Z, got "),
        ("lobster", LOBSTER.files, {"zone": "Mars"}, "--zone: expected a time zone"),
        (
            "lobster",
            {MESSAGE.replace("06-21", "06-31"): LOBSTER.files[MESSAGE]},
            {},
            "expected a date such as 2025-01-31",
        ),
        (
            "lean",
            files_of(LEAN, **{"20131007_y_Quote_Tick.csv": "20131007_x_Quote_Tick.csv"}),
            {},
            "expected files of one ticker, got X, Y",
        ),
        ("lean", LEAN.files, {"symbol": "z"}, "expected a file of quotes of z, got "),
        (
            "bybit",
            {**BYBIT.files, "book.jsonl": ""},
            {},
            "book.jsonl: expected rows, got an empty file",
        ),
        (
            "bybit",
            {"trades.csv": BYBIT.files["trades.csv"]},
            {},
            "(JSON lines), got FOLDER/trades.csv; add it",
        ),
        (
            "bybit",
            BYBIT.files,
            {"symbol": "ETHUSDT"},
            "expected rows of ETHUSDT, got only others, such as 'X'; name one that is there",
        ),
        (
            "lean",
            {"20131007_x_Quote_Tick.csv": "1,101000,5,0,0,Q,1,0\n"},
            {},
            "expected rows that say something about a book, got none (1 x outside_hours)",
        ),
        ("lean", {"2013_x_Quote_Tick.csv": "1\n"}, {}, "expected a name like"),
        (
            "databento",
            {**DATABENTO.files, "x.dbn": b"DBN\x02"},
            {},
            "expected DBN or CSV, got both",
        ),
        (
            "binance",
            {**BINANCE.files, "t.json": JSON_TRADE},
            {},
            "trades as JSON or as CSV, not both",
        ),
        ("bybit", {**BYBIT.files, "trades.csv": "a,b\n1,2\n"}, {}, "columns for time, price, size"),
    ],
)
def test_files_that_do_not_belong_together(
    ingest_files: Ingest,
    format_name: str,
    files: Mapping[str, str | bytes],
    options: Mapping[str, Any],
    complaint: str,
) -> None:
    with pytest.raises(DataError) as caught:
        ingest_files(format_name, files, **options)
    assert complaint in re.sub(r"\S*/files-1", "FOLDER", str(caught.value))


def test_an_empty_file_among_others(ingest_files: Ingest) -> None:
    """Strict, it is refused: perhaps it should not be; lenient, it is listed."""
    files = {"empty.csv": "", **BYBIT.files}
    with pytest.raises(DataError, match=r"empty.csv: expected rows, got an empty file"):
        ingest_files("bybit", files)
    found = ingest_files("bybit", files, strict=False)
    assert [Path(place).name for place in found.report.ignored] == ["empty.csv"]
    assert found.table.table.equals(ingest_files("bybit", BYBIT.files).table.table)


def changed(table: str, **changes: Any) -> dict[str, Any]:
    """The mapping of the sound CSV with a table's values changed; None: left out."""
    mapping: dict[str, Any] = copy.deepcopy(CSV.options["mapping"])
    values = {**mapping[table], **changes}
    mapping[table] = {name: value for name, value in values.items() if value is not None}
    return mapping


@pytest.mark.parametrize(
    ("mapping", "complaint"),
    [
        ({}, "expected a YAML file with the columns"),
        ({"symbol": "X"}, "expected book or trades, got neither"),
        ({"book": {"kind": "levels"}}, "time"),
        ({"wrong": 1}, "wrong"),
        (changed("book", kind="trades"), "all else under `book`"),
        (changed("trades", kind="levels"), "kind: trades belong under `trades`"),
        (changed("book", kind="changes"), "price, size, side"),
        (changed("book", ask=None), "ask"),
        (changed("book", ask=["a", "b"]), "as many bids, asks and sizes"),
        (changed("book", time={"unit": "s", "zone": "UTC"}), "time.column"),
        (changed("trades", ask_words=None), "ask_words"),
        (changed("book", header=False), "numbers of columns, without a header"),
        (changed("book", files="nothing"), "expected a file that the mapping names, got another"),
        (changed("book", time={"column": "t", "unit": "s", "zone": "Mars"}), "a time zone"),
        (
            changed("book", time={"column": "t", "unit": "s", "zone": "UTC", "since": "midnight"}),
            "expected a date such as",
        ),
    ],
)
def test_mappings(ingest_files: Ingest, mapping: dict[str, Any], complaint: str) -> None:
    with pytest.raises(DataError) as caught:
        ingest_files("csv", CSV.files, mapping=mapping)
    assert complaint in str(caught.value)


def test_clocks_of_a_mapping(ingest_files: Ingest) -> None:
    rows = "34200.5,1700000000,10.1,5,10.3,4\n"
    book = {"bid": [2], "bid_size": [3], "ask": [4], "ask_size": [5], "kind": "levels"}
    day = {"column": 0, "unit": "s", "zone": "America/New_York", "since": "midnight"}
    midnight = {"book": {**book, "header": False, "time": {**day, "date": "2012-06-21"}}}
    found = ingest_files("csv", {"x.csv": rows}, mapping=midnight)
    assert found.times()[0] == 1_340_285_400 * NS + NS // 2
    undated = {"book": {**book, "header": False, "time": day}}
    again = ingest_files("csv", {"x.csv": rows}, mapping=undated, date="2012-06-21")
    assert again.times() == found.times()
    local = {"book": {**book, "header": False, "time": {**day, "column": 1, "since": "1970"}}}
    with pytest.raises(DataError, match="--date: expected a mapping with `since: midnight`"):
        ingest_files("csv", {"x.csv": rows}, mapping=local, date="2012-06-21")
    found = ingest_files("csv", {"x.csv": rows}, mapping=local)
    assert found.times()[0] == (1_700_000_000 + 5 * 3600) * NS
    received = copy.deepcopy(local)
    received["book"]["received"] = 1
    found = ingest_files("csv", {"x.csv": rows}, mapping=received)
    assert found.column("ts_recv").tolist() == found.times()


def test_what_an_archive_holds_besides_is_left_alone(ingest_files: Ingest, tmp_path: Path) -> None:
    from tests.calibration.test_compressed import zipped

    members = {name: text.encode() for name, text in LOBSTER.files.items()}
    found = ingest_files("lobster", {"x.zip": zipped({**members, "ReadMe.txt": b"hello"})})
    assert [place.split("!")[1] for place in found.report.ignored] == ["ReadMe.txt"]


def write_table(path: Path, schema: pa.Schema, rows: int, ts: int = 0) -> Path:
    columns = {name: np.full(rows, ts if name.startswith("ts") else 1) for name in schema.names}
    arrays = [pa.array(columns[field.name]).cast(field.type) for field in schema]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path)
    return path


def test_tables_that_are_none(tmp_path: Path) -> None:
    metadata = EventMetadata("V", "S", "0.01", "1", "a/b", "sha256:" + "0" * 64)
    schema = metadata.schema()
    assert schema.remove_metadata().equals(ARROW_SCHEMA)
    fewer = schema.remove(0)
    for other, rows, complaint in [
        (fewer, 1, "columns: expected"),
        (schema, 0, "expected rows, got none"),
        (schema.remove_metadata(), 1, "expected a canonical event table"),
    ]:
        with pytest.raises(DataError) as caught:
            inspect(write_table(tmp_path / "x.parquet", other, rows), show=lambda *_: None)
        assert complaint in str(caught.value)
    bad = write_table(tmp_path / "x.parquet", schema, 2)
    table = pq.read_table(bad)
    side = pa.array([7, 7]).cast(table.schema.field("side").type)
    index = table.schema.get_field_index("side")
    pq.write_table(table.set_column(index, table.schema.field(index), side), bad)
    with pytest.raises(DataError) as caught:
        inspect(bad, show=lambda *_: None)
    assert caught.value.reason == "bad_rows"
