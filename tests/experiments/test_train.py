"""`rlmm train`: what it reads, what it leaves, how it goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments import cli
from experiments.config import load_config
from experiments.train import params_of
from experiments.train_config import TrainConfig

CONFIGS = Path(__file__).parents[2] / "experiments" / "configs"
SMALL = """
problem: book-large-tick
overrides:
  episode: {n_steps: 20}
  market: {warmup_ns: 1_000_000_000}
agent:
  steps: 2_000
  rollout_steps: 400
  gamma: 0.99
  hidden: [8]
  value_hidden: [8]
  evaluation: {times: 5, episodes: 8}
"""


def config_file(folder: Path, text: str = SMALL) -> Path:
    path = folder / "train.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("train-*.yaml")), ids=lambda path: path.name)
def test_shipped_configurations_load(path: Path) -> None:
    config = load_config(path, [], TrainConfig)
    assert params_of(config).episode.n_steps > 0


def test_an_agent_is_trained_in_a_book_market(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tensorflow")
    from rlmm_tf.training.ppo import PpoTraining

    path = str(config_file(tmp_path))
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert cli.main(["train", path, "--seed", "3", "--out", str(whole), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["steps"] == 2000
    assert result["episodes"] == 8
    iterate = PpoTraining.iterate

    def interrupted(self: PpoTraining) -> dict[str, float]:
        if self.iterations == 3:
            raise KeyboardInterrupt
        return iterate(self)

    command = ["train", path, "--seed", "3", "--out", str(stopped)]
    with monkeypatch.context() as patched:
        patched.setattr(PpoTraining, "iterate", interrupted)
        assert cli.main(command) == 130
    assert "--resume" in capsys.readouterr().err
    assert cli.main([*command, "--resume", "--set", "threads=1"]) == 0
    for name in ("metrics.jsonl", "policy.safetensors", "checkpoint.safetensors"):
        assert (stopped / name).read_bytes() == (whole / name).read_bytes(), name
    manifest = json.loads((stopped / "manifest.json").read_text())
    assert manifest["command"][:2] == ["rlmm", "train"]
    assert manifest["seeds"] == {"seed": 3}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("problem: P9", "train.yaml:1: problem: expected one of "),
        ("agent: {steps: 10}", "problem: expected a value"),
        ("problem: P1\noverrides: {episode: {n_step: 5}}", "overrides: episode.n_step: "),
        (
            "problem: P1\nagent: {kind: sarsa}",
            "train.yaml:2: agent.kind: expected 'ppo', 'sac' or 'dqn', got 'sar",
        ),
    ],
)
def test_bad_input_is_refused(
    text: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config_file(tmp_path, text)
    assert cli.main(["train", str(path), "--out", str(tmp_path / "run")]) == 2
    assert line in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
