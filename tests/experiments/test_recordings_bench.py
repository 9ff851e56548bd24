"""`python -m experiments.benchmarks.recordings`: what is known of the real recordings holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments import sample
from experiments.benchmarks import recordings as bench
from experiments.benchmarks.recordings import RECORDINGS, Recording, figures, objections

KNOWN = {"fills_per_s": (1.4, 2.0), "median_ticks": (10.0, 30.0)}
SAMPLE = Recording("sample", "bybit", (sample.BYBIT_NAME, sample.TRADES_NAME), KNOWN)


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda r: r.name)
def test_real_recordings(recordings: Path, tmp_path: Path, recording: Recording) -> None:
    values = figures(recording, recordings, tmp_path / "x.parquet")
    assert objections(recording, values) == []


def test_every_file_is_read(recordings: Path) -> None:
    read = {path for recording in RECORDINGS for path in recording.files(recordings)}
    there = {path for ending in ("*.xz", "*.zip") for path in recordings.rglob(ending)}
    assert read == there


def test_objections() -> None:
    values = {"fills_per_s": 1.7, "median_ticks": 20.0, "crossed_share": 0.0, "rejected": {}}
    assert objections(SAMPLE, {**values, "rejected": {"suspicious": 1}}) == []
    wrong = {**values, "fills_per_s": 3.0, "crossed_share": 0.1, "rejected": {"bad_json": 2}}
    assert objections(SAMPLE, wrong) == [
        "fills_per_s: expected 1.4 to 2, got 3",
        "rejected: bad_json",
        "crossed_share: expected 0, got 0.1",
    ]


def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bench, "RECORDINGS", (SAMPLE,))
    assert bench.main([str(sample.FOLDER), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sample"]["objections"] == []
    assert bench.main([str(sample.FOLDER)]) == 0
    assert "sample" in capsys.readouterr().out
