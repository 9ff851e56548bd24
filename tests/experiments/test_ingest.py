"""`rlmm ingest` and `rlmm inspect` as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import rich.console  # noqa: F401 -- its import draws from the global generator

from experiments import cli
from rlmm_tf.events import EventTable

BOOK = (
    '{"type":"snapshot","ts":1000,"cts":1000,"data":{"s":"X","b":[["10.1","5"]],'
    '"a":[["10.3","4"]],"u":1}}\n'
    '{"type":"delta","ts":2000,"cts":2000,"data":{"s":"X","b":[["10.2","1.5"]],"a":[],"u":2}}\n'
)
TRADES = "timestamp,symbol,side,size,price\n1.5,X,Buy,1,10.3\n"


@pytest.fixture(autouse=True)
def in_a_folder_with_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("book.jsonl").write_text(BOOK)
    Path("trades.csv").write_text(TRADES)


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["ingest", "bybit", "book.jsonl", "trades.csv", "--out", "x.parquet", "--json"]
    assert cli.main(arguments) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert err == ""
    assert result["rows"] == 6
    assert (result["tick_size"], result["lot_size"]) == ("0.1", "0.5")
    assert result["tick_inferred"] is True
    assert cli.main(["inspect", "x.parquet", "--json"]) == 0
    quality = json.loads(capsys.readouterr().out)
    assert quality["rows"] == 6
    assert quality["metadata"]["symbol"] == "X"
    assert quality["html"] is None
    assert not Path("x.parquet.html").exists()
    assert cli.main(["inspect", "x.parquet", "--json", "--html", "x.html"]) == 0
    assert Path("x.html").exists()


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["ingest", "bybit", "book.jsonl", "trades.csv", "--out", "x.parquet"]
    assert cli.main([*arguments, "--symbol", "X", "--venue", "V"]) == 0
    assert "rows" in capsys.readouterr().out
    assert cli.main(["inspect", "x.parquet", "--html", "page.html"]) == 0
    out = capsys.readouterr().out
    assert "V X" in out
    assert "page.html" in out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["bibit", "book.jsonl"], "did you mean 'bybit'"),
        (["bybit", "nothing.jsonl"], "expected a file, got nothing.jsonl"),
        (["bybit", "trades.csv"], "expected a file of Bybit's book messages"),
        (
            ["bybit", "book.jsonl", "--tick-size", "abc"],
            "--tick-size: expected a positive number with at most 18 places, such as 0.01, got "
            "'abc' [",
        ),
        (["bybit", "book.jsonl", "--tick-size", "0.25"], "book.jsonl:1: b: expected a multiple"),
        (["bybit", "book.jsonl", "--lot-size", "1"], "book.jsonl:2: b: expected a multiple"),
        (["bybit", "book.jsonl", "--tick-size", "0.0000000001"], "expected a multiple of 1e-9"),
        (
            ["bybit", "book.jsonl", "--date", "2020-01-01"],
            "--date: expected with csv only, got it with bybit; leave it out",
        ),
        (["bybit", "book.jsonl", "--zone", "Mars/X"], "--zone: expected with lean or lobster only"),
        (["tardis", "trades.csv", "--all-hours"], "--all-hours: expected with lean only"),
        (["lobster", "book.jsonl", "--mapping", "m"], "--mapping: expected with csv only"),
        (["csv", "book.jsonl"], "--mapping: expected a YAML file"),
        (["csv", "book.jsonl", "--mapping", "trades.csv"], "trades.csv"),
        (["lobster", "book.jsonl"], "expected a name like"),
        (["lean", "book.jsonl"], "expected a name like"),
        (["tardis", "trades.csv"], "expected the header of"),
        (["polygon", "trades.csv"], "expected the header of"),
        (["databento", "trades.csv"], "trades.csv:1: header: expected"),
        (["databento", "trades.csv", "--symbol", "X"], "expected the number of an instrument"),
    ],
)
def test_bad_requests(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["ingest", *arguments, "--out", "x.parquet"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert complaint in err
    assert not Path("x.parquet").exists()
    assert {path.name for path in Path.cwd().iterdir()} == {"book.jsonl", "trades.csv"}


def test_nothing_is_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    Path("x.parquet").write_text("mine")
    assert cli.main(["ingest", "bybit", "book.jsonl", "--out", "x.parquet"]) == 2
    assert "expected no file there" in capsys.readouterr().err
    assert cli.main(["ingest", "bybit", "book.jsonl", "--out", "no/x.parquet"]) == 2
    assert "expected a folder that exists" in capsys.readouterr().err
    assert cli.main(["inspect", "x.parquet", "--html", "no/x.html"]) == 2
    assert "expected a folder that exists" in capsys.readouterr().err
    assert cli.main(["inspect", "x.parquet"]) == 2
    assert "expected a canonical event table" in capsys.readouterr().err
    assert cli.main(["inspect", "nothing", "--html", "book.jsonl"]) == 2
    assert "expected no file there" in capsys.readouterr().err
    assert Path("x.parquet").read_text() == "mine"


def test_a_page_takes_the_place_of_its_older_self(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ingest", "bybit", "book.jsonl", "--out", "x.parquet"]) == 0
    for _ in range(2):
        assert cli.main(["inspect", "x.parquet"]) == 0
    page = Path("x.parquet.html")
    page.write_text(page.read_text()[:1500])  # an older one, say
    assert cli.main(["inspect", "x.parquet"]) == 0
    assert page.read_text().endswith("</html>")
    for other in ("mine", "<!doctype html>\n<title>mine</title>"):
        page.write_text(other)
        capsys.readouterr()
        assert cli.main(["inspect", "x.parquet"]) == 2
        assert "expected no file there" in capsys.readouterr().err
        assert page.read_text() == other


def test_a_simulation_of_ones_own_comes_back_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    """On the same clock, and not as an exchange's."""
    arguments = ["simulate", "book-small-tick", "--hours", "0.005", "--out", "x.parquet"]
    start = ["--start", "2025-01-31T14:30", "--symbol", "MINE"]
    assert cli.main([*arguments, *start, "--lobster", "l", "--bybit", "b.book.jsonl"]) == 0
    files = {"lobster": sorted(Path("l").iterdir()), "bybit": list(Path().glob("b.*"))}
    began = EventTable.read("x.parquet").column("ts_recv")[0]
    for name, paths in files.items():
        assert cli.main(["ingest", name, *map(str, paths), "--out", f"{name}.parquet"]) == 0
        capsys.readouterr()
        assert cli.main(["inspect", f"{name}.parquet", "--json"]) == 0
        quality = json.loads(capsys.readouterr().out)
        assert quality["synthetic"] is True
        assert quality["metadata"]["venue"] == "SIM"
        assert quality["metadata"]["symbol"] == "SYNTHETIC-MINE"
        assert quality["start_ns"] == pytest.approx(began, abs=10**9)


def test_lenient_counts_what_strict_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    Path("book.jsonl").write_text(BOOK + "{\n" + BOOK.splitlines()[1].replace('"u":2', '"u":3'))
    arguments = ["ingest", "bybit", "book.jsonl", "--out", "x.parquet", "--json"]
    assert cli.main(arguments) == 2
    assert "book.jsonl:3: line: expected a JSON object" in capsys.readouterr().err
    assert cli.main([*arguments, "--lenient"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["rejected"] == {"bad_json": 1}
    (problem,) = [p for p in result["problems"] if p["severity"] == "defect"]
    assert (problem["line"], problem["count"]) == (3, 1)
