"""Bybit's files: read by a parser of the tests' own, the book is the recorded one at any time."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlmm_tf.events import EventKind, EventTableError
from rlmm_tf.recording import BybitWriter, Session, bybit_trades_path

NS = 1_000_000_000
MS = 1_000_000
TICK, LOT = Decimal("0.25"), Decimal("0.001")


def write(folder: Path, recorded: Any, levels: int, name: str = "x.jsonl", **options: Any) -> Any:
    session = replace(recorded.session, tick_size=str(TICK), lot_size=str(LOT))
    with BybitWriter(folder / name, session, levels, **options) as writer:
        for chunk in recorded.chunks:
            writer.write(chunk)
    texts = []
    for path in writer.paths:
        data = path.read_bytes()
        texts.append((gzip.decompress(data) if path.suffix == ".gz" else data).decode())
    messages = [json.loads(line) for line in texts[0].splitlines()]
    return messages, list(csv.DictReader(texts[1].splitlines()))


def count(text: str, unit: Decimal) -> int:
    """How many of the unit, exactly."""
    assert isinstance(text, str)
    number = Decimal(text) / unit
    assert number == int(number)
    return int(number)


def apply(book: dict[str, dict[int, int]], message: Any) -> None:
    if message["type"] == "snapshot":
        book["b"].clear()
        book["a"].clear()
    for side in ("b", "a"):
        for price, size in message["data"][side]:
            lots = count(size, LOT)
            if lots == 0:
                assert size == "0"
                del book[side][count(price, TICK)]  # it was there
            else:
                book[side][count(price, TICK)] = lots


@pytest.mark.parametrize(("levels", "interval_ms"), [(200, 100), (10, 100), (3, 1000)])
def test_book_at_the_end_of_every_interval(
    recorded: Any, tmp_path: Path, levels: int, interval_ms: int
) -> None:
    messages, _ = write(tmp_path, recorded, levels, interval_ns=interval_ms * MS)
    start_ms = recorded.session.start_ns // MS
    by_time = {message["ts"] - start_ms: message for message in messages}
    assert len(by_time) == len(messages)
    ts_ns = recorded.joined("ts_ns")
    book: dict[str, dict[int, int]] = {"b": {}, "a": {}}
    for ms in range(0, recorded.session.duration_ns // MS + 1, interval_ms):
        message = by_time.pop(ms, None)
        row = int(np.searchsorted(ts_ns, ms * MS, side="right")) - 1
        if message is not None:
            apply(book, message)
            assert message["data"]["seq"] == row
            assert message["cts"] == start_ms + int(ts_ns[row]) // MS
        assert sorted(book["b"].items(), reverse=True) == recorded.levels(row, 1, levels)
        assert sorted(book["a"].items()) == recorded.levels(row, -1, levels)
    assert not by_time


def test_fields_of_the_messages(recorded: Any, tmp_path: Path) -> None:
    messages, _ = write(tmp_path, recorded, 10)
    assert [message["type"] for message in messages[:2]] == ["snapshot", "delta"]
    assert {message["type"] for message in messages[1:]} == {"delta"}
    assert [message["data"]["u"] for message in messages] == list(range(1, len(messages) + 1))
    for message in messages:
        assert list(message) == ["topic", "type", "ts", "data", "cts"]
        assert list(message["data"]) == ["s", "b", "a", "u", "seq"]
        assert (message["topic"], message["data"]["s"]) == (
            "orderbook.10.SYNTHETIC-TEST",
            "SYNTHETIC-TEST",
        )
        assert message["cts"] <= message["ts"]
        bids, asks = ([Decimal(p) for p, _ in message["data"][side]] for side in ("b", "a"))
        assert bids == sorted(set(bids), reverse=True)
        assert asks == sorted(set(asks))
        assert bids or asks
    price, size = messages[0]["data"]["b"][0]
    assert (len(price.partition(".")[2]), len(size.partition(".")[2])) == (2, 3)


def test_trades_are_the_fills(recorded: Any, tmp_path: Path) -> None:
    _, trades = write(tmp_path, recorded, 10)
    traded = recorded.joined("kind") == EventKind.TRADE
    assert len(trades) == np.sum(traded) > 20
    lots: Counter[str] = Counter()
    for trade, ts, side, price, size in zip(
        trades,
        recorded.joined("ts_ns")[traded] + recorded.session.start_ns,
        recorded.joined("side")[traded],
        recorded.joined("price_ticks")[traded],
        recorded.joined("qty_lots")[traded],
        strict=True,
    ):
        assert int(Decimal(trade["timestamp"]) * NS) == ts
        assert trade["symbol"] == "SYNTHETIC-TEST"
        assert trade["side"] == ("Sell" if side > 0 else "Buy")  # a sell order takes bids
        assert count(trade["price"], TICK) == price
        assert count(trade["size"], LOT) == size
        lots[trade["side"]] += count(trade["size"], LOT)
    by_side = {
        name: int(recorded.joined("qty_lots")[traded & (recorded.joined("side") == side)].sum())
        for name, side in (("Sell", 1), ("Buy", -1))
    }
    assert lots == by_side


def test_compressed_is_the_same(recorded: Any, tmp_path: Path) -> None:
    plain = write(tmp_path, recorded, 10, "x.book.jsonl")
    zipped = write(tmp_path, recorded, 10, "x.book.jsonl.gz")
    assert plain == zipped
    names = {"x.book.jsonl", "x.trades.csv", "x.book.jsonl.gz", "x.trades.csv.gz"}
    assert {path.name for path in tmp_path.iterdir()} == names


@pytest.mark.parametrize(
    ("book", "trades"),
    [("x.jsonl", "x.trades.csv"), ("x", "x.trades.csv"), ("a.b.book.jsonl", "a.b.trades.csv")],
)
def test_name_of_the_trades(book: str, trades: str) -> None:
    assert bybit_trades_path(Path("d") / book) == Path("d") / trades


def test_bad_arguments(tmp_path: Path) -> None:
    with pytest.raises(EventTableError, match="levels: expected at least 1, got 0"):
        BybitWriter(tmp_path / "x", Session(NS), 0)
    with pytest.raises(EventTableError, match="interval_ns: expected at least 1, got 0"):
        BybitWriter(tmp_path / "x", Session(NS), 1, interval_ns=0)
