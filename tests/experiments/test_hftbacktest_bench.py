"""The comparison with hftbacktest: its feed is our book; without it, a clear sentence."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments import cli
from experiments.benchmarks import hftbacktest
from experiments.benchmarks.replay import ROW_NAMES, simulated_rows
from rlmm_tf.env import EVENT_KINDS, Recorder, engine_params
from rlmm_tf.events import EventFlag, EventKind, EventTable
from rlmm_tf.presets import preset
from rlmm_tf.seeding import environment_keys


def test_feed_has_the_lots_of_every_level() -> None:
    params = preset("book-large-tick")
    until_ns = 30 * params.episode.step_ns
    rows = hftbacktest.feed(simulated_rows("book-large-tick", hftbacktest.SEED, until_ns), params)
    recorder = Recorder(engine_params(params), environment_keys(hftbacktest.SEED, 1), levels=3)
    events = recorder.run(until_ns)
    # The book as the feed leaves it is the one the recorder saw last.
    book: dict[tuple[bool, int], int] = {}
    for is_trade, is_bid, price, lots in zip(
        rows["is_trade"], rows["is_buy"], rows["price_ticks"], rows["lots"], strict=True
    ):
        if not is_trade:
            book[bool(is_bid), int(price)] = int(lots)
    assert min(book.values()) >= 0
    bids = sorted((price, lots) for (is_bid, price), lots in book.items() if is_bid and lots)
    asks = sorted((price, lots) for (is_bid, price), lots in book.items() if not is_bid and lots)
    seen = events["depth"][-1].reshape(3, 4)
    assert seen.tolist() == [[*ask, *bid] for ask, bid in zip(asks[:3], bids[:-4:-1], strict=True)]
    # Trades are told by who took, and before the level they leave.
    trades = np.flatnonzero(rows["is_trade"])
    n_trades = np.count_nonzero(events["kind"] == EVENT_KINDS["trade"])
    assert len(trades) == n_trades > 50
    assert (rows["is_buy"][trades] != rows["is_buy"][trades + 1]).all()
    assert (rows["price_ticks"][trades] == rows["price_ticks"][trades + 1]).all()


def rows_of(*rows: tuple[int, EventKind, int, int, int, int, int]) -> dict[str, Any]:
    """Columns of time, kind, side, price, lots, order and flags."""
    return {
        name: np.array(column, np.int64)
        for name, column in zip(("ts_ns", *ROW_NAMES), zip(*rows, strict=True), strict=True)
    }


def test_feed_of_every_kind_of_row() -> None:
    rows = rows_of(
        (5, EventKind.SNAPSHOT, 1, 100, 7, 0, 0),
        (5, EventKind.ADD, 1, 100, 3, 11, 0),
        (4, EventKind.MODIFY, 1, 100, 2, 11, 0),  # the clock went back
        (6, EventKind.MODIFY, 1, 99, 4, 11, 0),  # an order changes its price
        (7, EventKind.MODIFY, -1, 102, 9, 0, 0),  # a level is said to have so many
        (8, EventKind.TRADE, -1, 102, 1, 0, 0),
        (9, EventKind.TRADE, -1, 101, 5, 0, EventFlag.HIDDEN),
        (9, EventKind.TRADE, 0, 101, 5, 0, EventFlag.HIDDEN),
        (10, EventKind.STATUS, 0, 0, 0, 0, 0),
        (11, EventKind.CANCEL, 1, 99, 6, 11, 0),  # more than there is
        (12, EventKind.CLEAR, 1, 0, 0, 0, 0),
    )
    told = hftbacktest.feed(rows, preset("book-large-tick"))
    names = ("ts_ns", "is_trade", "is_buy", "price_ticks", "lots")
    assert list(zip(*(told[name].tolist() for name in names), strict=True)) == [
        (5, False, True, 100, 7),
        (5, False, True, 100, 10),
        (5, False, True, 100, 7),
        (5, False, True, 100, 9),
        (6, False, True, 100, 7),
        (6, False, True, 99, 4),
        (7, False, False, 102, 9),
        (8, True, True, 102, 1),
        (8, False, False, 102, 8),
        (9, True, True, 101, 5),
        (11, False, True, 99, 0),
        (12, False, True, 100, 0),
        (12, False, True, 99, 0),
    ]


class Worker:
    """Replays a feed in a tenth of a second."""

    def __init__(self) -> None:
        self.stdin = self.stdout = self

    def write(self, text: str) -> None:
        assert text == "go\n"

    def flush(self) -> None:
        pass

    def readline(self) -> str:
        return json.dumps({"seconds": 0.1, "trades": 3, "steps": 5}) + "\n"


def test_figures_of_a_recording(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(hftbacktest, "STEPS", 64)
    monkeypatch.setattr(hftbacktest, "interpreter", lambda: Path("python"))
    monkeypatch.setattr(hftbacktest, "_worker", lambda *_: contextlib.nullcontext(Worker()))
    market = ["simulate", "book-large-tick", "--hours", "0.25", "--seed", "3"]
    assert cli.main([*market, "--out", str(tmp_path / "day.parquet")]) == 0
    capsys.readouterr()
    command = ["--json", "--repeats", "2", "--recording", str(tmp_path / "day.parquet")]
    assert hftbacktest.main(command) == 0
    figures: dict[str, Any] = json.loads(capsys.readouterr().out)
    recorded = len(EventTable.read(tmp_path / "day.parquet"))
    assert figures["recorded_events"] == recorded < figures["feed_rows"]
    assert figures["replay_ratio_events"] == pytest.approx(
        figures["replay_events_per_s"] / figures["hftbacktest_recorded_events_per_s"]
    )
    assert "events_per_s" not in figures


def test_figures(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(hftbacktest, "STEPS", 64)
    monkeypatch.setattr(hftbacktest, "interpreter", lambda: Path("python"))
    monkeypatch.setattr(hftbacktest, "_worker", lambda *_: contextlib.nullcontext(Worker()))
    assert hftbacktest.main(["--json", "--repeats", "3"]) == 0
    figures: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert 500 < figures["feed_events"] <= figures["feed_rows"]
    assert figures["hftbacktest_rows_per_s"] == 10 * figures["feed_rows"]
    assert figures["hftbacktest_events_per_s"] == pytest.approx(10 * figures["feed_events"])
    assert figures["ratio_events"] == pytest.approx(
        figures["events_per_s"] / figures["hftbacktest_events_per_s"]
    )
    assert figures["replay_ratio_events"] == pytest.approx(
        figures["replay_events_per_s"] / figures["hftbacktest_recorded_events_per_s"]
    )


def test_without_hftbacktest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def offline(*arguments: Any, **options: Any) -> None:
        raise OSError("no network")

    monkeypatch.setattr(hftbacktest, "FOLDER", tmp_path)
    monkeypatch.setattr(hftbacktest.venv, "create", offline)
    assert hftbacktest.main([]) == 0
    assert (
        capsys.readouterr().out
        == "hftbacktest: skipped, hftbacktest 2.4.4 could not be installed\n"
    )
    (tmp_path / "installed").touch()
    assert hftbacktest.interpreter() == tmp_path / "bin/python"


def test_a_worker_that_ends_is_noticed() -> None:
    class Ended(Worker):
        def readline(self) -> str:
            return ""

    with pytest.raises(RuntimeError, match=r"^hftbacktest_worker: expected a line, but it ended"):
        hftbacktest._answer(Ended())
