"""The statistics of a recording, on tables whose numbers are known by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration.quality import Quality, inspect
from calibration.sources.problems import DataError
from rlmm_tf.events import ARROW_SCHEMA, EventFlag, EventKind, EventMetadata, EventTable
from tests.calibration.conftest import Ingest
from tests.calibration.defects import BYBIT, LEAN

NS = 1_000_000_000
METADATA = EventMetadata("V", "S", "0.01", "1", "a/b", "sha256:" + "0" * 64)
ADD, CANCEL, TRADE, CLEAR = EventKind.ADD, EventKind.CANCEL, EventKind.TRADE, EventKind.CLEAR


def quality_of(path: Path, rows: list[tuple[Any, ...]]) -> Quality:
    """Rows of seconds, kind, side, ticks, lots and, if not 0, flags and seconds of delay."""
    full = [(*row, *(0,) * (7 - len(row))) for row in rows]
    seconds, kind, side, price, lots, flags, delay = (np.array(c) for c in zip(*full, strict=True))
    values = {
        "ts_event": np.round(seconds * NS),
        "ts_recv": np.round((seconds + delay) * NS),
        "seq": np.arange(len(rows)),
        "kind": kind,
        "side": side,
        "price_ticks": price,
        "qty_lots": lots,
        "order_id": np.zeros(len(rows)),
        "flags": flags,
    }
    types = {part.name: part.type.to_pandas_dtype() for part in ARROW_SCHEMA}
    columns = {name: value.astype(types[name]) for name, value in values.items()}
    EventTable.from_columns(columns, METADATA).write(path)
    return inspect(path, show=lambda *_: None)


def odd(quality: Quality) -> dict[str, tuple[int, int | None]]:
    return {o.name: (o.count, o.first_row) for o in quality.oddities if o.count}


def test_spread_is_weighted_by_time(tmp_path: Path) -> None:
    rows = [
        (0, ADD, 1, 100, 2),
        (0, ADD, -1, 102, 4),
        (3, ADD, -1, 101, 4),  # two ticks for three seconds
        (3, TRADE, -1, 101, 2, EventFlag.MORE_FILLS),
        (3, TRADE, -1, 101, 2),  # gone at once: never seen
        (4, CANCEL, 1, 100, 2),  # then one side is empty for two seconds
        (6, ADD, 1, 103, 6),  # and then crossed for four
        (10, CANCEL, 1, 103, 2),
    ]
    quality = quality_of(tmp_path / "x.parquet", rows)
    assert quality.spread_ns == {2: 4 * NS, -1: 4 * NS}
    assert quality.one_sided_ns == 2 * NS
    assert quality.spread_median_ticks == -1
    assert quality.as_json()["crossed_share"] == 0.5
    assert (quality.fills, quality.market_orders) == (2, 1)
    assert quality.events_per_s == pytest.approx(0.8)
    assert quality.silences[0] == (6 * NS, 4.0)
    assert quality.size_divisor == 2
    assert quality.price_divisor == 1
    assert odd(quality) == {"crossed_rows": (2, 6)}
    assert quality.rows_by_kind == {"add": 4, "cancel": 2, "trade": 2}


def test_a_night_is_no_silent_market(tmp_path: Path) -> None:
    rows = [(0, ADD, 1, 100, 1), (0, ADD, -1, 101, 1), (10, ADD, -1, 102, 1)]
    rows += [(50_000, ADD, -1, 103, 1), (50_010, ADD, -1, 104, 1)]
    quality = quality_of(tmp_path / "x.parquet", rows)
    assert quality.closed_ns == 49_990 * NS
    assert quality.events_per_s == pytest.approx(5 / 20)
    assert quality.spread_ns == {1: 20 * NS}


def test_what_is_odd(tmp_path: Path) -> None:
    rows = [
        (1.0, ADD, 1, 100, 3, 0, 0.5),
        (1.5, ADD, 1, 100, 3, 0, 0.0),
        (1.2, CANCEL, 1, 100, 9, 0, 0.4),  # earlier than the row before, and too much
        (2.0, TRADE, 0, 100, 1, EventFlag.HIDDEN),
        (2.0, TRADE, 0, 100, 1, EventFlag.HIDDEN),
        (3.0, EventKind.STATUS, 0, 0, 0),
        (4.0, CLEAR, 0, 0, 0),
        (5.0, EventKind.MODIFY, 1, 99, 2),
        (5.0, ADD, -1, 99, 2),
    ]
    quality = quality_of(tmp_path / "x.parquet", rows)
    assert odd(quality) == {
        "missing_lots": (1, 2),
        "unsigned_trades": (2, 3),
        "halts": (1, 5),
        "resets": (1, 6),
        "corrections": (1, 7),
        "out_of_order": (1, 2),
        "locked_rows": (1, 8),
    }
    assert quality.repeated is None  # made by hand: equal rows say nothing
    assert quality.hidden_fills == 2
    assert quality.latency_ns["max"] == 0.5 * NS
    assert quality.latency_ns["p50_below"] == 0.0
    assert 0.5 * NS >= quality.latency_ns["p90_below"] >= 0.4 * NS


def test_pieces_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    seconds = np.cumsum(rng.exponential(1.0, 500))
    rows: list[tuple[Any, ...]] = [(0, ADD, 1, 90, 1), (0, ADD, -1, 110, 1)]
    for at in seconds.tolist():
        side = int(rng.choice([1, -1]))
        rows.append((at, ADD, side, 100 - side * int(rng.integers(1, 9)), 1))
    whole = quality_of(tmp_path / "x.parquet", rows)
    import calibration.quality as module

    original = module._row_groups

    def in_sevens(parquet: Any) -> Any:
        for columns in original(parquet):
            for at in range(0, len(columns["kind"]), 7):
                yield {name: column[at : at + 7] for name, column in columns.items()}

    monkeypatch.setattr(module, "_row_groups", in_sevens)
    pieces = inspect(tmp_path / "x.parquet", show=lambda *_: None)
    assert json.dumps(pieces.as_json()) == json.dumps(whole.as_json())


def test_the_first_row_that_takes_too_much(tmp_path: Path) -> None:
    rows: list[tuple[Any, ...]] = [(i, ADD, 1, 90 - i % 7, 1) for i in range(500)]
    for i in (300, 400):
        rows[i] = (i, CANCEL, 1, 12, 77)
    assert odd(quality_of(tmp_path / "x.parquet", rows)) == {"missing_lots": (2, 300)}


def test_what_the_source_sent_twice(tmp_path: Path, ingest_files: Ingest) -> None:
    """A counter tells; equal quotes within a millisecond do not."""
    first, second = BYBIT.files["book.jsonl"].splitlines(keepends=True)
    book = {**BYBIT.files, "book.jsonl": first + second + second}
    ingest_files("bybit", book)
    flickers = "".join(f"34200001,{price},5,0,0,Q,1,0\n" for price in (101000, 101100) * 3)
    ingest_files("lean", {**LEAN.files, "20131007_x_Quote_Tick.csv": flickers})
    tables = [tmp_path / f"{number}.parquet" for number in (1, 2)]
    found = [inspect(table, show=lambda *_: None) for table in tables]
    assert [quality.repeated for quality in found] == [1, 0]
    assert "duplicates" not in odd(found[1])


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all"])
def test_what_is_no_table(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match="expected a canonical event table"):
        inspect(path, show=lambda *_: None)


def test_statistics_agree_with_what_is_known_of_the_recordings(
    recordings: Path, ingest_paths: Any, tmp_path: Path
) -> None:
    path = recordings / "equities_lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"
    ingest_paths("lobster", [path])
    (table,) = tmp_path.glob("*.parquet")
    quality = inspect(table, show=lambda *_: None)
    assert quality.spread_median_ticks == 12
    assert quality.events_per_s == pytest.approx(6.7, abs=0.05)
    assert quality.fills_per_s == pytest.approx(0.49, abs=0.005)
    visible = (quality.market_orders - quality.hidden_fills) / (
        quality.fills - quality.hidden_fills
    )
    assert visible > 0.5
    assert quality.as_json()["crossed_share"] == 0
