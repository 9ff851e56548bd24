"""LOBSTER's files: read by a parser of the tests' own, and held to what the real ones show."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from rlmm_tf.events import EventKind, EventTableError
from rlmm_tf.recording import Chunk, LobsterWriter, Session, lobster_paths

NS = 1_000_000_000
DAY_NS = 86_400 * NS
LEVELS_ALL = 200
OPENING = (EventKind.CLEAR, EventKind.SNAPSHOT)
Levels = list[tuple[int, int]]


class Message(NamedTuple):
    """A row of the message file."""

    ns: int  # after midnight
    type: int
    order_id: int
    size: int
    price: int  # x 10 000
    direction: int


def read_messages(lines: Iterable[str]) -> list[Message]:
    return [Message(int(Decimal(time) * NS), *map(int, rest)) for time, *rest in csv.reader(lines)]


def read_book(lines: Iterable[str]) -> list[dict[int, Levels]]:
    """Levels by direction, the best first."""
    rows = []
    for row in csv.reader(lines):
        numbers = list(map(int, row))
        sides: dict[int, Levels] = {-1: [], 1: []}
        for i in range(0, len(numbers), 4):
            for side, price, size in ((-1, *numbers[i : i + 2]), (1, *numbers[i + 2 : i + 4])):
                if size > 0:
                    sides[side].append((price, size))
                else:
                    assert (price, size) == (-side * 9_999_999_999, 0)
        rows.append(sides)
    return rows


def write(folder: Path, recorded: Any, levels: int) -> tuple[list[Message], Any]:
    with LobsterWriter(folder, recorded.session, levels) as writer:
        for chunk in recorded.chunks:
            writer.write(chunk)
    messages, book = (path.read_text().splitlines() for path in writer.paths)
    assert len(messages) == len(book) > 100
    return read_messages(messages), read_book(book)


def applied(levels: Levels, message: Message) -> Levels:
    """One side of a book after a message on it."""
    sizes = dict(levels)
    change = {1: message.size, 2: -message.size, 3: -message.size, 4: -message.size}
    sizes[message.price] = sizes.get(message.price, 0) + change[message.type]
    assert sizes[message.price] >= 0, message
    there = [(price, size) for price, size in sizes.items() if size > 0]
    return sorted(there, reverse=message.direction > 0)


def check_step(before: Any, message: Message, after: Any, n_levels: int) -> None:
    """A message explains the step: all of it, but for what moves up from below the levels."""
    if message.type == 5:  # hidden: the book stays
        assert after == before
        return
    side = message.direction
    assert after[-side] == before[-side], message
    expected = applied(before[side], message)
    assert after[side][: len(expected)] == expected[:n_levels], message
    if len(before[side]) < n_levels:
        assert len(after[side]) == len(expected)
    if message.type == 4:
        assert message.price == before[side][0][0], "executions are at the best price"
    if message.type == 1 and before[-side]:
        assert side * (before[-side][0][0] - message.price) > 0, "a bid is below the asks"


def check_pair(messages: list[Message], book: Any, n_levels: int) -> None:
    for (before, after), message in zip(pairwise(book), messages[1:], strict=True):
        check_step(before, message, after, n_levels)


def test_messages_rebuild_the_whole_book(recorded: Any, tmp_path: Path) -> None:
    messages, book = write(tmp_path, recorded, LEVELS_ALL)
    kind = recorded.joined("kind")
    n_opening = int(np.sum(np.isin(kind, OPENING)))
    assert len(messages) == len(kind) - n_opening
    scale = 100  # ticks of one cent
    rebuilt = {
        side: [(p * scale, n) for p, n in recorded.levels(n_opening - 1, side)] for side in (1, -1)
    }
    for i, (message, row) in enumerate(zip(messages, book, strict=True), start=n_opening):
        side = message.direction
        rebuilt[side] = applied(rebuilt[side], message)
        assert rebuilt == row
        for each in (1, -1):
            assert row[each] == [(p * scale, n) for p, n in recorded.levels(i, each)]
    check_pair(messages, book, LEVELS_ALL)


@pytest.mark.parametrize("levels", [1, 5])
def test_few_levels(recorded: Any, tmp_path: Path, levels: int) -> None:
    messages, book = write(tmp_path / "few", recorded, levels)
    every, _ = write(tmp_path / "all", recorded, LEVELS_ALL)
    assert len(messages) < len(every)
    assert set(messages) <= set(every)
    check_pair(messages, book, levels)
    assert all(before != after for before, after in pairwise(book))


def test_messages_are_the_events(recorded: Any, tmp_path: Path) -> None:
    messages, _ = write(tmp_path, recorded, LEVELS_ALL)
    flow = ~np.isin(recorded.joined("kind"), OPENING)
    found = np.array(messages)
    midnight = recorded.session.start_ns // DAY_NS * DAY_NS
    ts = recorded.joined("ts_ns") + recorded.session.start_ns - midnight
    np.testing.assert_array_equal(found[:, 0], ts[flow])
    np.testing.assert_array_equal(found[:, 2], recorded.joined("order_id")[flow])
    np.testing.assert_array_equal(found[:, 3], recorded.joined("qty_lots")[flow])
    np.testing.assert_array_equal(found[:, 4], recorded.joined("price_ticks")[flow] * 100)
    np.testing.assert_array_equal(found[:, 5], recorded.joined("side")[flow])
    assert set(found[:, 1]) == {1, 2, 3, 4}
    remains = recorded.joined("flags")[flow] & 1
    cancelled = recorded.joined("kind")[flow] == EventKind.CANCEL
    np.testing.assert_array_equal(found[cancelled, 1], 3 - remains[cancelled])


def test_text_and_names(recorded: Any, tmp_path: Path) -> None:
    write(tmp_path, recorded, 5)
    end_ms = 34_200_000 + recorded.session.duration_ns // 1_000_000
    names = {
        f"SYNTHETIC-TEST_2012-06-21_34200000_{end_ms}_{kind}_5.csv"
        for kind in ("message", "orderbook")
    }
    assert {path.name for path in tmp_path.iterdir()} == names
    for path in tmp_path.iterdir():
        text = path.read_bytes()
        assert text.endswith(b"\n")
        assert not re.search(rb'["\r ]|\n\n', text)
        if "message" in path.name:
            row = re.compile(rb"34\d{3}\.\d{9},[1-4],\d+,\d+,\d+,-?1")
            assert all(row.fullmatch(line) for line in text.splitlines())


def test_each_day_has_its_files(make_recorded: Any, tmp_path: Path) -> None:
    recorded = make_recorded("book-large-tick", 10.0, chunk_s=3.0)
    session = replace(recorded.session, start_ns=2 * DAY_NS - 4 * NS)
    two_days = replace(recorded, session=session)
    with LobsterWriter(tmp_path, session, 200) as writer:
        for chunk in two_days.chunks:
            writer.write(chunk)
    assert [path.name for path in writer.paths[::2]] == [
        "SYNTHETIC-TEST_1970-01-02_86396000_86400000_message_200.csv",
        "SYNTHETIC-TEST_1970-01-03_0_6000_message_200.csv",
    ]
    first, second = (read_messages(path.read_text().splitlines()) for path in writer.paths[::2])
    assert first[-1].ns < DAY_NS <= second[0].ns + DAY_NS
    one_day, book = write(tmp_path / "one", recorded, 200)
    assert [m[1:] for m in first + second] == [m[1:] for m in one_day]
    rows = [row for path in writer.paths[1::2] for row in read_book(path.read_text().splitlines())]
    assert rows == book
    ends = replace(session, duration_ns=4 * NS)  # at midnight: no second day
    assert len(lobster_paths(tmp_path, ends, 1)) == 2


def one_sided() -> Iterator[Chunk]:
    """The last bid goes, the only ask stays."""
    yield Chunk(
        first_seq=0,
        until_ns=NS,
        ts_ns=np.array([0, 0, 5]),
        kind=np.array([5, 5, 2], np.uint8),
        side=np.array([1, -1, 1], np.int8),
        price_ticks=np.array([99, 101, 99]),
        qty_lots=np.array([3, 4, 3]),
        order_id=np.array([1, 2, 1], np.uint64),
        flags=np.zeros(3, np.uint8),
        depth=np.array([[101, 4, 99, 3] + 4 * [0]] * 2 + [[101, 4, 0, 0] + 4 * [0]]),
    )


def test_empty_levels_and_units(tmp_path: Path) -> None:
    session = Session(NS, tick_size="0.25", lot_size="10")
    with LobsterWriter(tmp_path, session, 2) as writer:
        for chunk in one_sided():
            writer.write(chunk)
    message, book = (path.read_text() for path in writer.paths)
    assert message == "0.000000005,3,1,30,247500,1\n"
    assert book == "252500,40,-9999999999,0,9999999999,0,-9999999999,0\n"


def test_what_the_format_cannot_say(tmp_path: Path) -> None:
    with pytest.raises(EventTableError, match=r"tick_size: expected a multiple of 1/10000"):
        LobsterWriter(tmp_path, Session(NS, tick_size="0.00005"), 1)
    with pytest.raises(EventTableError, match=r"lot_size: expected a multiple of 1/1 "):
        LobsterWriter(tmp_path, Session(NS, lot_size="0.5"), 1)
    with pytest.raises(EventTableError, match="levels: expected at least 1, got 0"):
        LobsterWriter(tmp_path, Session(NS), 0)
    chunk = replace(next(one_sided()), kind=np.array([5, 5, 3], np.uint8))
    with (
        pytest.raises(EventTableError, match="expected add, cancel, trade or status, got modify"),
        LobsterWriter(tmp_path, Session(NS), 2) as writer,
    ):
        writer.write(chunk)


@pytest.mark.parametrize(("symbol", "levels"), [("AMZN", 5), ("AAPL", 1)])
def test_real_files_keep_the_same_rules(recordings: Path, symbol: str, levels: int) -> None:
    path = recordings / "equities_lobster" / f"LOBSTER_SampleFile_{symbol}_2012-06-21_{levels}.zip"
    if not path.is_file():
        pytest.skip(f"no {path.name} in the folder of recorded market data (RLMM_DATA)")
    session = Session(23_400 * NS, 15_512 * DAY_NS + 34_200 * NS, symbol=symbol)
    ours = [path.name for path in lobster_paths(".", session, levels)]
    names = [name.removeprefix("SYNTHETIC-") for name in ours]  # no simulator wrote this one
    with zipfile.ZipFile(path) as archive:
        message, book = (
            io.TextIOWrapper(archive.open(name)).read().split("\n")[:20_000] for name in names
        )
    check_pair(read_messages(message), read_book(book), levels)
    assert len(message[1].split(",")) == 6
    assert len(book[1].split(",")) == 4 * levels
