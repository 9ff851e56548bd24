"""`rlmm bench rollout` and `rlmm bench inference`: their figures exist and hang together."""

from __future__ import annotations

import json

import pytest
import rich.console  # noqa: F401 -- its import draws from the global generator

from experiments.benchmarks import inference, rollout
from experiments.cli import main
from experiments.config import InferenceBenchConfig, RolloutBenchConfig


def test_rollout_figures() -> None:
    config = RolloutBenchConfig(envs=16, steps=10, repeats=3, hidden=(8,))
    figures = rollout.run(config)
    total = figures["steps_per_s_per_core"]
    assert 0 < total < figures["steps_per_s_per_core_without_market"]
    assert figures["steps_per_s_per_core_market_alone"] > 0
    assert figures["policy_cycles_per_step"] > 0


def test_what_is_missing_to_a_required_rate() -> None:
    figures = {"steps_per_s_per_core_without_market": 999_999.5}
    assert rollout.shortfall(RolloutBenchConfig(), figures) is None
    assert rollout.shortfall(RolloutBenchConfig(require=1e5), figures) is None
    assert rollout.shortfall(RolloutBenchConfig(require=1e6), figures) == (
        "steps_per_s_per_core_without_market: expected at least 1,000,000, got 999,999.5; "
        "is the machine busy?"
    )


def test_inference_figures() -> None:
    figures = inference.run(InferenceBenchConfig(calls=100))
    for name in inference.NETWORKS:
        assert 0 < figures[f"p50_us_{name}"] <= figures[f"p99_us_{name}"]


def test_what_is_missing_to_the_promised_medians() -> None:
    figures = {"p50_us_64x64": 1.5, "p50_us_256x256": 4.0}
    assert inference.shortfall(InferenceBenchConfig(), figures) is None
    assert inference.shortfall(InferenceBenchConfig(require=True), figures) == (
        "p50_us_64x64: expected at most 1.0, got 1.5; is the machine busy?"
    )
    assert (
        inference.shortfall(InferenceBenchConfig(require=True), {**figures, "p50_us_64x64": 0.3})
        is None
    )


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (["rollout", "--envs", "8", "--steps", "5", "--repeats", "1"], "steps_per_s_per_core"),
        (["inference", "--calls", "100"], "p50_us_64x64"),
    ],
)
def test_commands(capsys: pytest.CaptureFixture[str], arguments: list[str], key: str) -> None:
    assert main(["bench", *arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[key] > 0
    assert main(["bench", *arguments]) == 0
    assert key in capsys.readouterr().out


def test_a_rate_out_of_reach_fails(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bench", "rollout", "--envs", "8", "--steps", "5", "--repeats", "1"]
    assert main([*command, "--require", "1e15"]) == 1
    assert "expected at least" in capsys.readouterr().err
