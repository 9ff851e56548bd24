"""`rlmm simulate`: the files it leaves, what it prints, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rich.console  # noqa: F401 -- its import draws from the global generator

from experiments import cli, simulate
from experiments.simulate import Summary
from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.events import EventKind, EventTable
from rlmm_tf.presets import preset
from rlmm_tf.recording import Chunk, generator_hash, record

NS = 1_000_000_000
SHORT = ["simulate", "book-small-tick", "--hours", "0.02", "--out", "x.parquet"]


@pytest.fixture(autouse=True)
def in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_everything_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*SHORT, "--lobster", "lob", "--bybit", "x.book.jsonl.gz", "--seed", "3"]
    arguments += ["--levels", "5", "--start", "2012-06-21T09:30", "--symbol", "ABC", "--json"]
    assert cli.main(arguments) == 0
    out, err = capsys.readouterr()
    assert err == ""
    result = json.loads(out)
    table = EventTable.read("x.parquet")
    assert result["events"] == len(table)
    assert result["seed"] == 3
    assert result["simulated_s"] == 72.0
    kinds = {name: result["events_by_kind"][name] for name in ("add", "cancel", "trade")}
    assert all(n == np.sum(table.column("kind") == EventKind[k.upper()]) for k, n in kinds.items())
    assert result["events_per_simulated_s"] == pytest.approx(sum(kinds.values()) / 72.0)
    assert sum(result["spread_share"].values()) == pytest.approx(1.0)
    assert result["file_bytes"] == {
        name: Path(name).stat().st_size
        for name in (
            "x.parquet",
            "x.book.jsonl.gz",
            "x.trades.csv.gz",
            "lob/SYNTHETIC-ABC_2012-06-21_34200000_34272000_message_5.csv",
            "lob/SYNTHETIC-ABC_2012-06-21_34200000_34272000_orderbook_5.csv",
        )
    }
    assert table.metadata.session.startswith("2012-06-21T09:30:00.000000000Z/")
    assert table.column("ts_event")[0] == 1_340_271_000 * NS
    assert table.metadata.source == "generator:" + result["generator"]


def test_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(SHORT) == 0
    out, _ = capsys.readouterr()
    for name in ("events_by_kind.trade", "events_per_simulated_s", "spread_share.", "others"):
        assert name in out


def test_the_same_seed_gives_the_same_bytes() -> None:
    for out, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert cli.main([*SHORT[:-1], out, "--seed", seed]) == 0
    a, b, c = (Path(name).read_bytes() for name in "abc")
    assert a == b != c


def test_a_model_from_a_file() -> None:
    market = preset("book-small-tick").market
    assert isinstance(market, BookMarketParams)
    market.model.save("market.json")
    assert cli.main(["simulate", "market.json", *SHORT[2:]]) == 0
    book = BookMarketParams(model=market.model, warmup_ns=simulate.WARMUP_NS)
    params = preset("book-small-tick").model_copy(update={"market": book})
    generator = generator_hash(params, seed=0, duration_ns=72 * NS)
    assert EventTable.read("x.parquet").metadata.source == f"generator:{generator}"


def test_nothing_is_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    every = [*SHORT, "--lobster", "lob", "--bybit", "x.jsonl"]
    assert cli.main(every) == 0
    before = {path: path.read_bytes() for path in Path().rglob("*.*") if path.is_file()}
    capsys.readouterr()
    assert cli.main(every) == 2
    err = capsys.readouterr().err.splitlines()
    remedy = "remove it or choose another name"
    assert [line.split(":")[0] for line in err] == ["--out", *["--bybit"] * 2, *["--lobster"] * 2]
    assert err[0] == f"--out: expected no file there, got x.parquet; {remedy}"
    assert before == {path: path.read_bytes() for path in Path().rglob("*.*") if path.is_file()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hours", "0"], "--hours: expected above 0, got 0"),
        (["--levels", "201"], "--levels: expected at most 200, got 201"),
        (["--seed", "x"], "--seed: expected a whole number, got 'x'"),
        (
            ["--start", "noon"],
            "--start: expected a date and time (UTC) such as 2025-01-31T09:30, got 'noon'",
        ),
        (
            ["--start", "1969-12-31T00:00"],
            "--start: start_ns: expected from 0 to 4611686018427387904, got -86400000000000",
        ),
        (["--symbol", "A/B"], "--symbol: expected letters, digits, dots and dashes, got 'A/B'"),
        (
            ["--tick-size", "1e-2"],
            "--tick-size: expected a positive decimal number with at most 18 places, such as "
            "'0.01', got '1e-2'",
        ),
        (
            ["--lobster", "lob", "--tick-size", "0.00001"],
            "--lobster: tick_size: expected a multiple of 1/10000 (the format counts in such "
            "units), got 0.00001",
        ),
        (["--bybit", "no/x"], "--bybit: expected a folder that exists, got no; create it"),
        (
            ["--bybit", "x.parquet"],
            "--bybit: expected a file of its own, got x.parquet, which --out writes too",
        ),
    ],
)
def test_bad_options(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*SHORT, *arguments]) == 2
    assert capsys.readouterr().err.splitlines() == [message]
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("market", "message"),
    [
        ("P1", "got 'P1', which has no book"),
        ("book-smal-tick", "got 'book-smal-tick'; did you mean 'book-small-tick'?"),
        ("empty.json", "empty.json: schema: expected 'rlmm-tf market model', got None"),
        ("broken.json", "broken.json: expected JSON of a market model, got"),
    ],
)
def test_no_market(market: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty.json").write_text("{}")
    Path("broken.json").write_text("{")
    assert cli.main(["simulate", market, *SHORT[2:]]) == 2
    err = capsys.readouterr().err
    assert err.startswith("MARKET: ")
    assert message in err
    assert not Path("x.parquet").exists()


def test_an_interruption_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(self: Summary, chunk: Chunk) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Summary, "add", stop)
    assert cli.main([*SHORT, "--bybit", "x.jsonl"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"
    assert list(Path().iterdir()) == []


def test_spread_shares_are_shares_of_the_time() -> None:
    params, duration_ns = preset("book-small-tick"), 120 * NS
    chunks = list(record(params, seed=1, duration_ns=duration_ns, levels=1, chunk_ns=7 * NS))
    summary = Summary(duration_ns)
    held: dict[int, int] = {}
    last_ns = last_spread = 0
    for chunk in chunks:
        summary.add(chunk)
        for ts, (ask, _, bid, _) in zip(chunk.ts_ns.tolist(), chunk.depth.tolist(), strict=True):
            held[last_spread] = held.get(last_spread, 0) + ts - last_ns
            last_ns, last_spread = ts, ask - bid
    held[last_spread] += duration_ns - last_ns
    shares = {str(k): ns / duration_ns for k, ns in sorted(held.items()) if ns}
    assert summary.values()["spread_share"] == shares
    mean = sum(k * ns for k, ns in held.items()) / duration_ns
    assert summary.values()["spread_mean_ticks"] == pytest.approx(mean)
