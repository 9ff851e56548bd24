"""`python -m experiments.benchmarks.standard_tasks` goes on where it was and says what fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("tensorflow")

from experiments.benchmarks import standard_tasks as tasks
from experiments.benchmarks.lines import Row
from rlmm_tf.training.config import PpoTrainingConfig


def test_a_seed_is_trained_and_played(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "EPISODES", 2)
    config = PpoTrainingConfig(steps=40, envs=2, rollout_steps=40, hidden=(4,), value_hidden=(4,))
    row = tasks.trained(tasks.Case("CartPole-v1", config, 500.0, 0.0), 1)
    assert 5.0 < row["mean_return"] <= 500.0
    assert row["seconds"] > 0.0


def test_what_is_there_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[int] = []

    def trained(case: tasks.Case, seed: int) -> Row:
        asked.append(seed)
        return {"mean_return": case.wanted + seed, "seconds": 1.0}

    monkeypatch.setattr(tasks, "trained", trained)
    out = tmp_path / "lines.jsonl"
    command = ["--cases", "cartpole-ppo", "--out", str(out)]
    assert tasks.main([*command, "--seeds", "2"]) == 0
    assert tasks.main([*command, "--seeds", "3"]) == 0
    assert asked == [0, 1, 2]
    assert capsys.readouterr().out.endswith(
        "cartpole-ppo: 501.0 of 500.0 wanted, reached (500.0, 501.0, 502.0)\n"
    )
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    rows[0]["mean_return"] = 400.0
    out.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert tasks.main([*command, "--seeds", "3"]) == 1
    assert "467.7 of 500.0 wanted, NOT reached" in capsys.readouterr().out


def test_an_unknown_case_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        tasks.main(["--cases", "acrobot"])
    assert "--cases: expected some of pendulum-sac, cartpole-ppo, car" in capsys.readouterr().err
