"""`rlmm train`: what it reads, what it leaves, how it goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments import cli
from experiments.config import load_config
from experiments.tracking import DATABASE_NAME, TrackedFiles
from experiments.train import market_of
from experiments.train_config import TrainConfig
from rlmm_tf.env import PolicySpec, PolicyWeights

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
    assert market_of(config).params.episode.n_steps > 0


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


def test_a_run_keeps_the_back_end_that_a_trial_chose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorflow")
    from rlmm_tf.training import trial

    chosen = trial.Trial("graph", {"graph": 0.1, "xla": 0.2})
    monkeypatch.setattr(trial, "fastest_backend", lambda *_, **__: chosen)
    path, run = str(config_file(tmp_path, SMALL + "  backend: auto\n")), tmp_path / "run"
    assert cli.main(["train", path, "--out", str(run)]) == 0
    choices = json.loads((run / "manifest.json").read_text())["choices"]
    seconds = {"graph": 0.1, "xla": 0.2}
    assert choices == {"backend of ppo": {"fastest": "graph", "seconds_per_iteration": seconds}}


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


def test_a_policy_is_exported_and_bad_ones_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tf = pytest.importorskip("tensorflow")
    from rlmm_tf.training.policy_file import policy_bytes

    spec = PolicySpec(3, "gaussian", (2,), hidden=(4,))
    weights = PolicyWeights.random(spec, np.random.default_rng(1))
    run, model = tmp_path / "run", tmp_path / "model"
    run.mkdir()
    (run / "policy.safetensors").write_bytes(policy_bytes(spec, weights))
    assert cli.main(["export", str(run), "--out", str(model), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["inputs"] == 3
    act = tf.saved_model.load(str(model)).signatures["serving_default"]
    assert act(obs=tf.zeros((5, 3)))["actions"].shape == (5, 2)
    assert cli.main(["export", str(run), "--out", str(model)]) == 2
    assert "expected a folder that is not there yet" in capsys.readouterr().err
    assert cli.main(["export", str(tmp_path / "none"), "--out", str(tmp_path / "m")]) == 2
    assert "expected a policy, got: No such file" in capsys.readouterr().err
    (run / "policy.safetensors").write_bytes(b"x" * 100)
    assert cli.main(["export", str(run), "--out", str(tmp_path / "m")]) == 2
    assert "expected arrays as they were written" in capsys.readouterr().err
    assert not (tmp_path / "m").exists()


class OneRun:
    """What `TrackedFiles` needs of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path


class Held:
    """Files in memory."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    def read(self, name: str) -> bytes | None:
        return self.held.get(name)

    def write(self, name: str, data: bytes) -> None:
        self.held[name] = data


def tracked(folder: Path) -> TrackedFiles:
    run: Any = OneRun(folder / "run-1")
    return TrackedFiles(Held(), run, TrainConfig(problem="P1"))


def lines(count: int) -> bytes:
    rows = [{"iteration": i, "reward": i / 2.0, "kept": True} for i in range(1, count + 1)]
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


def test_metrics_go_to_one_entry_in_the_database(tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    files = tracked(tmp_path)
    files.write("metrics.jsonl", lines(2))
    files.write("metrics.jsonl", lines(3))
    again = tracked(tmp_path)  # taken up, from a checkpoint of before
    again.write("metrics.jsonl", lines(3))
    again.write("metrics.jsonl", lines(5))
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / DATABASE_NAME}")
    experiment = client.get_experiment_by_name("rlmm train")
    (entry,) = client.search_runs([experiment.experiment_id])
    assert entry.data.params["agent.update.clip"] == "0.2"
    history = client.get_metric_history(entry.info.run_id, "reward")
    assert sorted((m.step, m.value) for m in history) == [(i, i / 2.0) for i in range(1, 6)]


def test_what_fails_in_mlflow_stops_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: TrackedFiles) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(TrackedFiles, "_start", broken)
    files = tracked(tmp_path)
    with pytest.warns(UserWarning, match="MLflow: no longer logged to: no space left"):
        files.write("metrics.jsonl", lines(2))
    files.write("metrics.jsonl", lines(3))  # said once
    assert files.read("metrics.jsonl") == lines(3)
