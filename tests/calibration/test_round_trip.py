"""Book markets written as LOBSTER's and Bybit's files come back as the events they were."""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from calibration.sources.ingest import ingest
from calibration.sources.plan import Options
from rlmm_tf.events import EventFlag, EventKind, EventTable
from rlmm_tf.kernels.parse import BookPass
from rlmm_tf.presets import preset
from rlmm_tf.recording import (
    BybitWriter,
    CanonicalWriter,
    LobsterWriter,
    Session,
    bybit_trades_path,
    lobster_paths,
    record,
)
from rlmm_tf.recording.bybit import INTERVAL_NS
from tests.calibration.conftest import Ingested

NS = 1_000_000_000
START_NS = 1_340_271_000 * NS  # 2012-06-21 09:30 UTC
LEVELS = 200  # more than the flow keeps: the files show the whole book
MS = 1_000_000
CHANGED = ("kind", "side", "price_ticks", "qty_lots")
MOVED = ("ts_event", "kind", "side", "price_ticks", "qty_lots", "order_id")


@pytest.fixture(scope="module", params=["book-small-tick", "book-large-tick"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recording in all three forms."""
    folder = tmp_path_factory.mktemp("recorded")
    seconds = {"book-small-tick": 300, "book-large-tick": 60}[request.param]
    session = Session(duration_ns=seconds * NS, start_ns=START_NS, symbol="TEST")
    writers = [
        CanonicalWriter(folder / "x.parquet", session, "0" * 64),
        LobsterWriter(folder, session, LEVELS),
        BybitWriter(folder / "x.book.jsonl", session, LEVELS),
        BybitWriter(folder / "each.book.jsonl", session, LEVELS, interval_ns=1),
    ]
    chunks = record(preset(request.param), seed=5, duration_ns=session.duration_ns, levels=LEVELS)
    for writer in writers:
        writer.__enter__()
    for chunk in chunks:
        for writer in writers:
            writer.write(chunk)
    for writer in writers:
        writer.__exit__(None, None, None)
    return folder


def lobster_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("SYNTHETIC-TEST_*.csv"))


def test_lobster_gives_the_same_events(
    written: Path, ingest_paths: Callable[..., Ingested]
) -> None:
    found = ingest_paths("lobster", lobster_files(written), tick_size="0.01")
    ours, theirs = found.table, EventTable.read(written / "x.parquet")
    rest = {  # what LOBSTER shows only as levels: what was there before
        "ours": ours.column("kind") != EventKind.SNAPSHOT,
        "theirs": theirs.column("kind") != EventKind.SNAPSHOT,
    }
    for name in MOVED:
        assert np.array_equal(ours.column(name)[rest["ours"]], theirs.column(name)[rest["theirs"]])
    # The mark of what the simulator alone knows is lost, and what is left of an order that the
    # files never showed.
    both = ours.column("flags")[rest["ours"]], theirs.column("flags")[rest["theirs"]]
    fills = EventFlag.MORE_FILLS
    assert np.array_equal(both[0] & fills, both[1] & fills)
    seen = set(ours.column("order_id")[ours.column("kind") == EventKind.ADD].tolist())
    known = np.isin(ours.column("order_id")[rest["ours"]], list(seen))
    remains = EventFlag.REMAINS
    assert np.array_equal((both[0] & remains)[known], (both[1] & remains)[known])
    assert set(found.found) <= {"unknown_order"}
    assert (found.table.metadata.venue, found.table.metadata.symbol) == ("SIM", "SYNTHETIC-TEST")


def test_lobster_starts_from_the_levels_of_the_snapshot(
    written: Path, ingest_paths: Callable[..., Ingested]
) -> None:
    found = ingest_paths("lobster", lobster_files(written), tick_size="0.01")
    theirs = EventTable.read(written / "x.parquet")
    levels: dict[tuple[int, int], int] = defaultdict(int)
    first = theirs.column("kind") == EventKind.SNAPSHOT
    for side, price, lots in zip(
        *(theirs.column(name)[first] for name in ("side", "price_ticks", "qty_lots")), strict=True
    ):
        levels[int(side), int(price)] += int(lots)
    snapshot = [row[1:] for row in found.rows() if row[0] == "snapshot"]
    assert {(side, price): lots for side, price, lots in snapshot} == levels
    assert found.times()[0] == START_NS


def test_bybit_gives_the_same_book_and_trades(
    written: Path, ingest_paths: Callable[..., Ingested]
) -> None:
    book = written / "x.book.jsonl"
    found = ingest_paths("bybit", [book, bybit_trades_path(book)], tick_size="0.01", lot_size="1")
    theirs = EventTable.read(written / "x.parquet")
    is_trade = found.column("kind") == EventKind.TRADE
    was_trade = theirs.column("kind") == EventKind.TRADE
    for name in ("ts_event", "side", "price_ticks", "qty_lots"):
        assert np.array_equal(found.column(name)[is_trade], theirs.column(name)[was_trade])
    assert final_levels(found.table) == final_levels(theirs)
    assert "crossed" not in found.found
    assert (found.table.metadata.venue, found.table.metadata.symbol) == ("SIM", "SYNTHETIC-TEST")


def test_bybit_hides_what_came_and_went_between_two_messages(
    written: Path, ingest_paths: Callable[..., Ingested]
) -> None:
    """A level that came behind the last message and traded before the next was never shown."""
    book = written / "x.book.jsonl"
    found = ingest_paths("bybit", [book, bybit_trades_path(book)], tick_size="0.01", lot_size="1")
    theirs = EventTable.read(written / "x.parquet")
    hidden = (found.column("flags") & EventFlag.HIDDEN) != 0
    added = theirs.column("kind") == EventKind.ADD
    for at, side, price in zip(
        *(found.column(name)[hidden].tolist() for name in ("ts_event", "side", "price_ticks")),
        strict=True,
    ):
        shown_ns = at - (at - 1) % INTERVAL_NS - 1  # the end of the last interval
        came = added & (theirs.column("side") == side) & (theirs.column("price_ticks") == price)
        times = theirs.column("ts_event")[came]
        assert ((times > shown_ns) & (times <= at)).any()
    assert 0 < hidden.sum() < 0.1 * np.sum(found.column("kind") == EventKind.TRADE)


def depth_after_each_ms(table: EventTable, levels: int) -> dict[int, list[int]]:
    columns = {name: table.column(name) for name in table.table.schema.names}
    depth = BookPass(levels).depth(columns)
    ms = columns["ts_event"] // MS
    last = np.flatnonzero(np.append(ms[1:] != ms[:-1], True))
    return dict(zip(ms[last].tolist(), depth[last].tolist(), strict=True))


def test_bybit_gives_every_change_of_the_book(
    written: Path, ingest_paths: Callable[..., Ingested]
) -> None:
    book = written / "each.book.jsonl"  # a message for each event; its clock shows milliseconds
    found = ingest_paths("bybit", [book, bybit_trades_path(book)], tick_size="0.01", lot_size="1")
    theirs = EventTable.read(written / "x.parquet")
    ours = depth_after_each_ms(found.table, 20)
    assert ours == depth_after_each_ms(theirs, 20)
    assert len(ours) > 300
    # Where a millisecond has one event, the row is that event.
    count = np.unique(theirs.column("ts_event") // MS, return_counts=True)
    alone = count[0][count[1] == 1]
    rows = [
        [table.column(name)[np.isin(table.column("ts_event") // MS, alone)] for name in CHANGED]
        for table in (found.table, theirs)
    ]
    assert len(rows[1][0]) > 300
    for a, b in zip(*rows, strict=True):
        assert np.array_equal(a, b)


def final_levels(table: EventTable) -> dict[tuple[int, int], int]:
    """The book at the end; a slow twin of the engine's."""
    levels: dict[tuple[int, int], int] = defaultdict(int)
    assert table.column("kind").tolist().count(EventKind.CLEAR) == 1
    sign = {
        EventKind.CLEAR: 0,
        EventKind.ADD: 1,
        EventKind.SNAPSHOT: 1,
        EventKind.CANCEL: -1,
        EventKind.TRADE: -1,
    }
    names = ("kind", "side", "price_ticks", "qty_lots", "flags")
    for kind, side, price, lots, flags in zip(
        *(table.column(name).tolist() for name in names), strict=True
    ):
        if not flags & EventFlag.HIDDEN:
            levels[side, price] += sign.get(EventKind(kind), -1) * lots
    assert min(levels.values()) >= 0
    return {key: lots for key, lots in levels.items() if lots > 0}


def split_lines(path: Path, parts: int, folder: Path) -> Iterator[Path]:
    """The file in pieces, each in a file of its own, every second one compressed."""
    lines = path.read_bytes().splitlines(keepends=True)
    size = -(-len(lines) // parts)
    for index in range(parts):
        piece = b"".join(lines[index * size : (index + 1) * size])
        out = folder / f"{index:03d}-{path.name}"
        out.write_bytes(gzip.compress(piece) if index % 2 else piece)
        yield out


@pytest.mark.parametrize("parts", [2, 7])
def test_a_day_in_many_files_is_the_day_in_one(
    written: Path, tmp_path: Path, ingest_paths: Callable[..., Ingested], parts: int
) -> None:
    book = written / "x.book.jsonl"
    folder = tmp_path / "parts"
    folder.mkdir()
    whole = ingest_paths("bybit", [book, bybit_trades_path(book)])
    pieces = list(split_lines(book, parts, folder))
    # The second and later files of trades have no header: they keep that of the first.
    trades = bybit_trades_path(book).read_text().splitlines(keepends=True)
    half = len(trades) // 2
    for index, rows in enumerate((trades[:half], [trades[0], *trades[half:]])):
        out = folder / f"t{index}.csv"
        out.write_text("".join(rows))
        pieces.append(out)
    split = ingest_paths("bybit", pieces)
    assert whole.table.table.equals(split.table.table)  # metadata apart
    assert whole.report.rows == split.report.rows > 0


def test_the_writer_and_the_reader_agree_on_names(tmp_path: Path) -> None:
    session = Session(duration_ns=NS, start_ns=START_NS, symbol="TEST")
    assert [path.name for path in lobster_paths(tmp_path, session, 3)] == [
        "SYNTHETIC-TEST_2012-06-21_34200000_34201000_message_3.csv",
        "SYNTHETIC-TEST_2012-06-21_34200000_34201000_orderbook_3.csv",
    ]
    files = lobster_paths(tmp_path, session, 1)
    files[0].write_text("34200.5,1,7,10,1000000,1\n")
    files[1].write_text("9999999999,0,1000000,10\n")
    out = tmp_path / "x.parquet"
    report = ingest("lobster", files, out, Options(), show=lambda *_: None)
    assert report.rows == 2
    assert EventTable.read(out).column("ts_event").tolist() == [START_NS, START_NS + NS // 2]
