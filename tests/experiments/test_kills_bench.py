"""`python -m experiments.benchmarks.kills`: kills change nothing, and what they would is seen."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.benchmarks import kills
from experiments.config import load_config
from experiments.train_config import TrainConfig

COUNTING = """
import pathlib, sys, time
run = pathlib.Path(sys.argv[1])
run.mkdir(exist_ok=True)
kept = run / "checkpoint"
for number in range(int(kept.read_text()) if kept.exists() else 0, 40):
    time.sleep(0.01)
    (run / "new").write_text(str(number + 1))
    (run / "new").rename(kept)
"""


def test_a_process_is_killed_and_started_again_until_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that counts to 40 and starts where it was; it takes half a second."""
    run = tmp_path / "run"
    counting = [sys.executable, "-c", COUNTING, str(run)]
    monkeypatch.setattr(kills, "command", lambda agent, run: counting)
    made = kills.killed_training("ppo", run, 0.2, 3, np.random.default_rng(1))
    assert made == 3
    assert (run / "checkpoint").read_text() == "40"
    monkeypatch.setattr(kills, "command", lambda agent, run: [sys.executable, "-c", "exit(7)"])
    with pytest.raises(RuntimeError, match=r"^ppo: expected exit code 0, got 7"):
        kills.killed_training("ppo", run, 0.0, 0, np.random.default_rng(1))


def test_the_trainings_can_be_started(tmp_path: Path) -> None:
    for agent in kills.SMALL:
        arguments = kills.command(agent, tmp_path / agent)
        config = load_config(Path(arguments[4]), [], TrainConfig)
        assert (config.agent.kind, config.threads) == (agent, 1)
        assert arguments[-4:] == ["--out", str(tmp_path / agent), "--resume", "--json"]


def test_other_bytes_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With trainings that are only pretended; one of them ends with another policy."""

    def pretended(arguments: list[str], **others: Any) -> None:
        write(Path(arguments[arguments.index("--out") + 1]), "a")

    def killed(agent: str, run: Path, whole_s: float, left: int, draws: np.random.Generator) -> int:
        write(run, "b" if run.name == "run-1" else "a")
        return 2

    def write(run: Path, policy: str) -> None:
        run.mkdir()
        (run / "manifest.json").write_text(run.name)
        (run / "policy.safetensors").write_text(policy)

    monkeypatch.setattr(kills.subprocess, "run", pretended)
    monkeypatch.setattr(kills, "killed_training", killed)
    out = tmp_path / "kills.jsonl"
    command = ["--agents", "sac", "--out", str(out), "--kills"]
    assert kills.main([*command, "2"]) == 0
    assert kills.main([*command, "3"]) == 1
    assert capsys.readouterr().out.endswith(
        "sac: 2 trainings, 4 kills, differing: policy.safetensors\n"
    )
    assert len(out.read_text().splitlines()) == 2


def test_agents_that_are_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        kills.main(["--agents", "ppo,a2c"])
    assert left.value.code == 2
    assert "expected some of ppo, sac, dqn, got a2c" in capsys.readouterr().err
