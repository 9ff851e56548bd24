"""A day split over files is the day in one: the same rows, whatever the vendor and the cuts."""

from __future__ import annotations

import gzip
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from experiments import sample
from tests.calibration.conftest import Ingest

Files = dict[str, str | bytes]
CUTS = ((500,), (1, 2, 3), (333, 334, 777))  # thousandths or, below 10, lines
T0 = 1_700_000_000


def cut(lines: list[Any], cuts: tuple[int, ...]) -> list[list[Any]]:
    places = [at if at < 10 else at * len(lines) // 1000 for at in cuts]
    return [lines[a:b] for a, b in zip([0, *places], [*places, len(lines)], strict=True)]


@dataclass(frozen=True)
class Day:
    """Texts in lines, and what each file of them has to begin with."""

    format_name: str
    lines: Mapping[str, list[str]]
    header: Mapping[str, str]
    together: Mapping[str, str | bytes]  # files that stay whole

    def files(self, cuts: tuple[int, ...]) -> Files:
        made: Files = dict(self.together)
        for name, lines in self.lines.items():
            for number, piece in enumerate(cut(lines, cuts)):
                made[f"{number}-{name}"] = self.header.get(name, "") + "".join(piece)
        return made


def lobster_lines() -> dict[str, list[str]]:
    with zipfile.ZipFile(sample.FOLDER / sample.LOBSTER_NAME) as archive:
        return {
            kind: archive.read(name).decode().splitlines(keepends=True)[:6000]
            for name in archive.namelist()
            for kind in ("message", "orderbook")
            if kind in name
        }


def lobster_files(lines: Mapping[str, list[str]], cuts: tuple[int, ...], apart: int) -> Files:
    """Each file is named after the moments at which it begins and ends, `apart` ms later."""
    made: Files = {}
    for kind, of_kind in lines.items():
        for number, piece in enumerate(cut(of_kind, cuts)):
            start = 34_200_000 + number * 1000
            name = f"X_2025-01-31_{start}_{start + 1000 - apart}_{kind}_5.csv"
            made[name] = "".join(piece)
    return made


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("with_book", [True, False])
def test_lobster(ingest_files: Ingest, cuts: tuple[int, ...], with_book: bool) -> None:
    lines = lobster_lines()
    if not with_book:
        del lines["orderbook"]
    whole = ingest_files("lobster", lobster_files(lines, (), 0))
    split = ingest_files("lobster", lobster_files(lines, cuts, 0))
    assert split.table.table.equals(whole.table.table)
    assert split.found == whole.found
    # Where an hour is missing in between, the book starts again.
    apart = ingest_files("lobster", lobster_files(lines, cuts, 1))
    assert apart.found["reset"] == len(cuts)
    assert len(apart.table) > len(whole.table)


def bybit() -> Day:
    book = gzip.decompress((sample.FOLDER / sample.BYBIT_NAME).read_bytes()).decode()
    trades = gzip.decompress((sample.FOLDER / sample.TRADES_NAME).read_bytes()).decode()
    header, *rows = trades.splitlines(keepends=True)
    return Day(
        "bybit",
        {"b.jsonl": book.splitlines(keepends=True), "t.csv": rows},
        {"t.csv": header},
        {},
    )


def binance(trades_as: str) -> Day:
    changes, trades = [], []
    for n in range(600):
        time = T0 * 1000 + 100 * n
        levels = f'[["{100 - n % 7}","{n % 5}"]]'
        changes.append(
            f'{{"e":"depthUpdate","E":{time},"s":"X","U":{2 * n + 1},"u":{2 * n + 2},'
            f'"b":{levels},"a":[["{101 + n % 3}","{1 + n % 4}"]]}}\n'
        )
        if trades_as == "csv":
            trades.append(f"{n},{101},1,{n},{n},{time - 30},{'true' if n % 2 else 'false'}\n")
        else:
            trades.append(
                f'{{"e":"aggTrade","E":{time},"T":{time - 30},"s":"X","a":{n},"p":"101","q":"1",'
                f'"m":{"true" if n % 2 else "false"}}}\n'
            )
    snapshot = '{"lastUpdateId":0,"bids":[["100","5"]],"asks":[["101","4"]]}\n'
    return Day(
        "binance", {"b.json": changes, f"t.{trades_as}": trades}, {}, {"snapshot.json": snapshot}
    )


def tardis() -> Day:
    """Messages of three rows, and trades that arrive behind the message that shows them."""
    book, trades = [], []
    for n in range(400):
        us = 1_000_000 * T0 + 1000 * n
        first = "true" if n == 0 else "false"
        for side, price, lots in (("bid", 100, 40 + n % 3), ("bid", 99, n % 4), ("ask", 101, 50)):
            book.append(f"x,X,{us},{us + 300},{first},{side},{price},{lots}\n")
        side = "sell" if n % 2 else "buy"
        trades.append(f"x,X,{us},{us + 700},{n},{side},{100 if n % 2 else 101},3\n")
    names = "exchange,symbol,timestamp,local_timestamp"
    headers = {
        "b.csv": f"{names},is_snapshot,side,price,amount\n",
        "t.csv": f"{names},id,side,price,amount\n",
    }
    return Day("tardis", {"b.csv": book, "t.csv": trades}, headers, {})


def lean() -> Day:
    quotes, trades = [], []
    for n in range(500):
        ms = 34_200_000 + 10 * n
        bid = f"{101_000 - 100 * (n % 3)},{1 + n % 5},0,0"
        ask = f"0,0,{101_100 + 100 * (n % 2)},{2 + n % 4}"
        quotes += [f"{ms},{bid},Q,1,0\n", f"{ms},{ask},P,1,0\n"]
        trades.append(f"{ms + 5},101000,{1 + n % 9},{'D' if n % 3 == 0 else 'Q'},1,0\n")
    return Day("lean", {"q": quotes, "t": trades}, {}, {})


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("day", [bybit(), binance("csv"), binance("json"), tardis()],
                         ids=["bybit", "binance-csv", "binance-json", "tardis"])  # fmt: skip
def test_texts(ingest_files: Ingest, day: Day, cuts: tuple[int, ...]) -> None:
    whole = ingest_files(day.format_name, day.files(()))
    split = ingest_files(day.format_name, day.files(cuts))
    assert split.table.table.equals(whole.table.table)
    assert split.found == whole.found
    assert len(whole.table) > 500


@pytest.mark.parametrize("cuts", CUTS)
def test_lean(ingest_files: Ingest, cuts: tuple[int, ...]) -> None:
    """Its files are told apart by their folders or archives only."""
    kinds = {"q": "Quote", "t": "Trade"}

    def packed(cuts: tuple[int, ...]) -> Files:
        from tests.calibration.test_compressed import zipped

        return {
            f"{name}.zip": zipped({f"20131007_x_{kinds[name[-1]]}_Tick.csv": text.encode()})
            for name, text in lean().files(cuts).items()
            if isinstance(text, str)
        }

    whole, split = ingest_files("lean", packed(())), ingest_files("lean", packed(cuts))
    assert split.table.table.equals(whole.table.table)
    assert len(whole.table) > 500


Record = tuple[int, str, str, int, int, int, int]  # ns, action, side, price, size, order, flags


def orders() -> list[Record]:
    """Orders that come, trade in part and go; an event of a fill has three records."""
    rng = np.random.default_rng(4)
    records: list[Record] = [(0, "R", "N", 0, 0, 0, 168)]
    for n in range(1, 300):
        side, price = ("B", 100) if rng.random() < 0.5 else ("A", 101)
        records.append((n, "A", side, price, 5, n, 128))
        taker = "A" if side == "B" else "B"
        if rng.random() < 0.5:
            records.append((n, "T", taker, price, 2, 0, 0))
            records.append((n, "F", side, price, 2, n, 0))
            records.append((n, "C", side, price, 2, n, 128))
        if rng.random() < 0.5:
            records.append((n, "C", side, price, 1, n, 128))
    return records


def as_text(records: list[Record]) -> str:
    lines = ["ts_recv,ts_event,rtype,instrument_id,action,side,price,size,order_id,flags\n"]
    for n, action, side, price, size, order, flags in records:
        ns = T0 * 10**9 + n
        lines.append(f"{ns + 1},{ns},160,1,{action},{side},{price}.0,{size},{order},{flags}\n")
    return "".join(lines)


def as_bytes(records: list[Record]) -> bytes:
    parts = [b"DBN\x02" + struct.pack("<I", 4) + b"meta"]
    for n, action, side, price, size, order, flags in records:
        ns = T0 * 10**9 + n
        head = struct.pack("<BBHIQ", 14, 160, 1, 1, ns)
        body = struct.pack("<QqIBBcc", order, price * 10**9, size, flags, 0, action.encode(),
                           side.encode())  # fmt: skip
        parts.append(head + body + struct.pack("<QiI", ns + 1, 0, 1))
    return b"".join(parts)


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("make", [as_text, as_bytes])
def test_databento(
    ingest_files: Ingest, make: Callable[[list[Record]], str | bytes], cuts: tuple[int, ...]
) -> None:
    records = orders()
    whole = ingest_files("databento", {"whole": make(records)})
    parts = {f"part-{i}": make(piece) for i, piece in enumerate(cut(records, cuts))}
    split = ingest_files("databento", parts)
    assert split.table.table.equals(whole.table.table)
    assert len(whole.table) > 300
