"""The recovery command: it resumes, repeats, sums up, and fails where intervals are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.benchmarks import recovery
from experiments.benchmarks.recovery_cases import CASES, Found


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def timeless(path: Path) -> list[dict[str, Any]]:
    return [{**row, "seconds": 0} for row in rows_of(path)]


@pytest.mark.parametrize("name", [name for name in CASES if "regimes_" not in name])
def test_every_case_gives_estimates_near_the_truth(name: str) -> None:
    row = recovery.replicate(name, 1, 0, seed=3)
    assert row["failed"] == ""
    assert row["values"]
    for found, error, truth in row["values"].values():
        assert abs(found - truth) < 5 * error


def test_a_stopped_run_goes_on_and_gives_what_one_run_gives(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    arguments = ["--estimators", "markouts,latency", "--scales", "1"]
    recovery.main([*arguments, "--replications", "4", "--out", str(whole)])
    recovery.main([*arguments, "--replications", "2", "--out", str(cut)])
    cut.write_text(cut.read_text() + '{"estimator": "torn')
    recovery.main([*arguments, "--replications", "4", "--out", str(cut)])
    kept = [json.loads(line) for line in cut.read_text().splitlines() if line.endswith("}")]
    seen = sorted(json.dumps({**row, "seconds": 0}) for row in kept)
    assert seen == sorted(json.dumps(row) for row in timeless(whole))
    assert len({json.dumps(row["values"]) for row in kept}) == 8  # no draw is used twice


def fake(estimate: float, error: float, truth: float = 0.0) -> dict[str, Any]:
    return {"a": [estimate, error, truth]}


def test_a_summary_by_hand() -> None:
    rows = [
        {"estimator": "x", "scale": 1, "seconds": 2.0, "values": values}
        for values in (fake(1, 1), fake(-1, 1), fake(3, 1), fake(1, 0.6), {})
    ]
    found = recovery.summary(rows, "x", 1)
    assert (found["replications"], found["failed"], found["seconds"]) == (5, 1, 2.0)
    assert found["coverage"] == 0.75  # 3 lies more than 1.96 errors away
    assert found["rmse"]["a"] == pytest.approx(np.sqrt((1 + 1 + 9 + 1) / 4))
    deviation = np.std([1, -1, 3, 1], ddof=1)
    assert found["bias_most"][1] == pytest.approx(1.0 / (deviation / 2))
    assert recovery.falls(found, {"rmse": {"a": found["rmse"]["a"] / 2}}) == 0.5


def test_promises_that_are_broken_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def too_sure(rng: np.random.Generator, scale: int) -> Found:
        return {"a": (float(rng.standard_normal()), 0.3, 0.0)}

    def undecided(rng: np.random.Generator, scale: int) -> Found:
        return {"number": (float(rng.integers(2)), None, 1.0)}

    def broken(rng: np.random.Generator, scale: int) -> Found:
        raise RuntimeError("no data")

    for name, case in (("too_sure", too_sure), ("undecided", undecided), ("broken", broken)):
        monkeypatch.setitem(CASES, name, case)
    code = recovery.main(
        ["--estimators", "too_sure,undecided,broken", "--replications", "30", "--scales", "1"]
    )
    told = capsys.readouterr()
    assert code == 1
    assert "too_sure x 1: coverage" in told.err
    assert "undecided x 1: right in" in told.err
    assert "broken x 1: no replication gave an estimate" in told.err
    assert "30 failed" in told.out


def test_sound_intervals_pass_and_json_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--estimators", "fill_rate", "--replications", "40", "--json"]
    assert recovery.main(arguments) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["scale"], second["scale"]) == (1, 4)
    assert 0.3 < second["rmse_ratio"] < 0.75


def test_an_estimator_that_nobody_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        recovery.main(["--estimators", "tea_leaves"])
    assert "expected some of season_bins" in capsys.readouterr().err
