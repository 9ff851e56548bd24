"""The canonical table of a recording: replayed order by order it is the recorded book."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlmm_tf.events import EventFlag, EventKind, EventTable, EventTableError
from rlmm_tf.recording import (
    BybitWriter,
    CanonicalWriter,
    LobsterWriter,
    canonical,
    generator_hash,
)
from rlmm_tf.recording.writer import Writer

TAKES = (EventKind.CANCEL, EventKind.TRADE)


def write(path: Path, recorded: Any) -> EventTable:
    session = recorded.session
    generator = generator_hash(recorded.params, seed=recorded.seed, duration_ns=session.duration_ns)
    with CanonicalWriter(path, session, generator) as writer:
        for chunk in recorded.chunks:
            writer.write(chunk)
    return EventTable.read(path)


def test_replay_is_the_recorded_book(recorded: Any, order_book: Any, tmp_path: Path) -> None:
    table = write(tmp_path / "x.parquet", recorded)
    rows = table.table.to_pylist()
    assert len(rows) == sum(map(len, recorded.chunks))
    n_snapshot = sum(row["kind"] == EventKind.SNAPSHOT for row in rows)
    orders = order_book.orders
    clear = rows.pop(0)  # then the orders that are there
    assert (clear["kind"], clear["side"], clear["qty_lots"]) == (EventKind.CLEAR, 0, 0)
    assert (clear["ts_event"], clear["order_id"]) == (recorded.session.start_ns, 0)
    for i, row in enumerate(rows):
        side, lots = row["side"], row["qty_lots"]
        if row["kind"] in TAKES:
            order = orders[row["order_id"]]
            assert order[:2] == [side, row["price_ticks"]]
            if row["kind"] == EventKind.TRADE:  # price, then time
                assert row["price_ticks"] == order_book.levels(side)[0][0]
                queue = (key for key, value in orders.items() if value[:2] == order[:2])
                assert row["order_id"] == next(queue)
            order[2] -= lots
            assert order[2] >= 0
            assert bool(row["flags"] & EventFlag.REMAINS) == (order[2] > 0)
            if order[2] == 0:
                del orders[row["order_id"]]
        else:
            assert row["kind"] == (EventKind.SNAPSHOT if i < n_snapshot else EventKind.ADD)
            assert row["order_id"] not in orders
            orders[row["order_id"]] = [side, row["price_ticks"], lots]
        if i >= n_snapshot - 1:
            assert order_book.levels(1) == recorded.levels(i + 1, 1)
            assert order_book.levels(-1) == recorded.levels(i + 1, -1)


def test_fills_of_one_market_order_follow_each_other(recorded: Any, tmp_path: Path) -> None:
    table = write(tmp_path / "x.parquet", recorded)
    more = np.flatnonzero(table.column("flags") & EventFlag.MORE_FILLS)
    assert len(more) > 0
    for name in ("kind", "side", "ts_event"):
        column = table.column(name)
        np.testing.assert_array_equal(column[more + 1], column[more])
    assert set(table.column("kind")[more]) == {EventKind.TRADE}


def test_times_and_metadata(recorded: Any, tmp_path: Path) -> None:
    table = write(tmp_path / "x.parquet", recorded)
    start = recorded.session.start_ns
    np.testing.assert_array_equal(table.column("ts_event") - start, recorded.joined("ts_ns"))
    np.testing.assert_array_equal(table.column("ts_recv"), table.column("ts_event"))
    metadata = table.metadata
    assert (metadata.venue, metadata.symbol) == ("SIM", "TEST")
    assert (metadata.tick_size, metadata.lot_size) == ("0.01", "1")
    assert metadata.session.startswith("2012-06-21T09:30:00.000000000Z/2012-06-21T09:3")
    assert metadata.source.startswith("generator:")


def test_row_groups(make_recorded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as pq

    monkeypatch.setattr(canonical, "ROW_GROUP_ROWS", 1000)
    recorded = make_recorded("book-large-tick", 10.0, chunk_s=1.0)
    n_rows = len(write(tmp_path / "x.parquet", recorded))
    file = pq.ParquetFile(tmp_path / "x.parquet")
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    assert sizes == [1000] * (n_rows // 1000) + [n_rows % 1000]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def digests(folder: Path, recorded: Any) -> dict[str, str]:
    """sha256 of all files, by name."""
    session = recorded.session
    folder.mkdir()
    write(folder / "x.parquet", recorded)
    writers = (
        LobsterWriter(folder, session, 10),
        BybitWriter(folder / "plain.jsonl", session, 10),
        BybitWriter(folder / "zipped.jsonl.gz", session, 10),
    )
    for writer in writers:
        with writer:
            for chunk in recorded.chunks:
                writer.write(chunk)
    files = sorted(folder.iterdir())
    assert len(files) == 1 + 2 + 4
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_same_seed_same_bytes(make_recorded: Any, tmp_path: Path) -> None:
    one = digests(tmp_path / "1", make_recorded("book-large-tick", 5.0, chunk_s=5.0))
    cut = digests(tmp_path / "2", make_recorded("book-large-tick", 5.0, chunk_s=1.0))
    other = digests(tmp_path / "3", make_recorded("book-large-tick", 5.0, seed=8))
    assert one == cut
    assert not set(one.values()) & set(other.values())


@pytest.mark.parametrize("kind", ["canonical", "lobster", "bybit"])
def test_nothing_is_left_of_what_failed(recorded: Any, tmp_path: Path, kind: str) -> None:
    session, chunks = recorded.session, recorded.chunks

    def make() -> Writer:
        if kind == "canonical":
            return CanonicalWriter(tmp_path / "x.parquet", session, "0" * 64)
        if kind == "lobster":
            return LobsterWriter(tmp_path, session, 10)
        return BybitWriter(tmp_path / "x.jsonl.gz", session, 10)

    def interrupted() -> None:
        with make() as writer:
            writer.write(chunks[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
    with (
        pytest.raises(EventTableError, match=r"first_seq: expected 0 \(chunks in order"),
        make() as writer,
    ):
        writer.write(chunks[1])
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_when_the_last_write_fails(
    recorded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: CanonicalWriter) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(CanonicalWriter, "_finish", full)
    with (
        pytest.raises(OSError, match="disk full"),
        CanonicalWriter(tmp_path / "x.parquet", recorded.session, "0" * 64) as writer,
    ):
        writer.write(recorded.chunks[0])
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_replaced(recorded: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_text("mine")
    with (
        pytest.raises(FileExistsError, match="expected no file there, got one"),
        CanonicalWriter(path, recorded.session, "0" * 64),
    ):
        pass
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(path.name, "mine")]
