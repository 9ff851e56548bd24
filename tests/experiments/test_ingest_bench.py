"""`python -m experiments.benchmarks.ingest`: what it reads is sound, and memory stays bounded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from calibration.sources.ingest import ingest
from calibration.sources.plan import Options
from experiments.benchmarks import ingest as bench


def test_the_big_recordings_are_sound(tmp_path: Path) -> None:
    paths = bench.write_bybit(tmp_path, 1_500_000)  # three times the sample
    report = ingest("bybit", paths, tmp_path / "x.parquet", Options(), show=lambda *_: None)
    assert report.rejected == {}
    assert {p.reason: p.count for p in report.problems}["reset"] == 2
    folder = tmp_path / "lobster"
    folder.mkdir()
    paths = bench.write_lobster(folder, 3_000_000)
    options = Options(zone="UTC")
    report = ingest("lobster", paths, tmp_path / "y.parquet", options, show=lambda *_: None)
    assert report.rejected == {}
    assert {p.reason: p.count for p in report.problems}["reset"] == 2


def test_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--repeats", "1", "--mib", "1", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert set(figures) == {"lobster", "bybit"}
    for values in figures.values():
        assert values["messages_per_s_per_core"] > values["command_messages_per_s"] > 0
    assert bench.main(["--repeats", "1", "--mib", "1"]) == 0
    assert "lobster" in capsys.readouterr().out


def test_memory_does_not_grow_with_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    small, large = bench.memory(2), bench.memory(60)
    assert large["rows"] > 20 * small["rows"]
    assert large["peak_mib"] < small["peak_mib"] + 256
    assert large["peak_mib"] < 1024
    assert bench.main(["--memory-mib", "1", "--require-mib", "1", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["peak_mib"] > 1
