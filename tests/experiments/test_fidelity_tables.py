"""`python -m experiments.benchmarks.fidelity_tables`: splits, lines that are kept, the table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration.split import Split
from experiments.benchmarks import fidelity_tables
from experiments.benchmarks.fidelity_tables import parts_of

HOUR_NS = 3600 * 10**9
STEP_NS = 60 * 10**9
START_NS = 1_340_271_000 * 10**9


def minutes(first_h: float, last_h: float) -> np.ndarray[Any, np.dtype[np.int64]]:
    return START_NS + np.arange(int(first_h * HOUR_NS), int(last_h * HOUR_NS), STEP_NS)


@pytest.mark.parametrize(
    ("ts_ns", "cut_h"),
    [
        (np.concatenate([minutes(24 * day, 24 * day + 6.5) for day in range(3)]), 48.0),
        (np.concatenate([minutes(24 * day, 24 * day + 6.5) for day in range(2)]), 24.0),
        (minutes(0, 24.3), 16.0),
        (minutes(0, 48), 24.0),
        (minutes(0, 0.5), 0.25),
    ],
)
def test_what_is_scored_was_not_seen(
    ts_ns: np.ndarray[Any, np.dtype[np.int64]], cut_h: float
) -> None:
    fitted, scored = parts_of(ts_ns)
    parts = [
        Split.of_rows(part.span, part.blocks, ts_ns).within(ts_ns) >= 0 for part in (fitted, scored)
    ]
    assert not (parts[0] & parts[1]).any()
    assert (parts[0] | parts[1]).all()
    assert int(ts_ns[parts[1]][0]) == pytest.approx(START_NS + cut_h * HOUR_NS, abs=2 * STEP_NS)


def test_a_short_session_is_cut_into_blocks() -> None:
    assert parts_of(minutes(0, 6.5)) == ((None, "even:600s"), (None, "odd:600s"))


def judged(name: str, value: float) -> dict[str, Any]:
    gates = [
        {"name": "G1", "metric": "mean L1", "value": value, "must": value < 0.2, "target": False},
        {"name": "G3", "metric": "S (L1)", "value": None, "must": None, "target": None},
    ]
    return {"recording": name, "seed": 0, "failed": "", "gates": gates}


def test_it_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.parquet").touch()
    asked = []

    def judge(recording: Path, folder: Path, seed: int) -> dict[str, Any]:
        asked.append(recording.name)
        return judged(recording.name, {"a": 0.1, "b": 0.3}[recording.stem])

    monkeypatch.setattr(fidelity_tables, "judge", judge)
    arguments = [str(tmp_path), "--out", str(tmp_path / "out")]
    assert fidelity_tables.main(arguments) == 0
    assert fidelity_tables.main(arguments) == 0
    assert asked == ["a.parquet", "b.parquet"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[: len(lines) // 2] == lines[len(lines) // 2 :]
    assert lines[1].split() == ["G1", "0.1", "0.3!", "mean", "L1"]
    assert lines[2].split() == ["G3", "-", "-", "S"]
    assert [line.split() for line in lines[3:5]] == [["must", "1", "0", "gates"],
                                                     ["missed", "0", "1", "gates"]]  # fmt: skip


def test_what_cannot_be_judged_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.parquet").write_bytes(b"no table")
    assert fidelity_tables.main([str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "a.parquet: " in capsys.readouterr().out
    row = json.loads((tmp_path / "out" / "fidelity.jsonl").read_text())
    assert "expected" in row["failed"]
    with pytest.raises(SystemExit):
        fidelity_tables.main([str(tmp_path / "none.parquet"), "--out", str(tmp_path / "out")])
