"""`rlmm certify SET --agent ppo`: trained seeds, exact scores, the engine's agreement, resuming."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from experiments import cli
from experiments.certify_learned import LearnedResult

pytest.importorskip("tensorflow")

SMALL = {
    "seeds": 2,
    "steps": 20,
    "episodes": 2048,
    "envs": 512,
    "confidence": 0.9999,
    "policy_table.n_times": 3,
    "policy_table.inventory_max_lots": 2,
    "ppo.steps": 40_000,
    "ppo.rollout_steps": 4_000,
    "ppo.update.minibatch": 1000,
    "ppo.evaluation.times": 2,
    "ppo.evaluation.episodes": 64,
}


def certify(out: Path, set_name: str = "P1", *more: str, **changes: Any) -> int:
    settings = [f"--set={name}={value}" for name, value in {**SMALL, **changes}.items()]
    return cli.main(["certify", set_name, "--agent", "ppo", "--out", str(out), *settings, *more])


def contents(run: Path) -> dict[str, bytes]:
    files = [path for path in run.rglob("*") if path.is_file() and path.name != "manifest.json"]
    return {str(path.relative_to(run)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    assert certify(out) == 0
    return out


def test_every_seed_is_trained_scored_and_played(run: Path) -> None:
    result = LearnedResult.model_validate_json((run / "result.json").read_text())
    first, second = result.seeds
    assert first.exact.agent != second.exact.agent
    percents = [seed.exact.percent_of_optimum for seed in result.seeds]
    assert result.percent_by_seed == percents
    assert result.percent_worst == min(percents)
    assert result.percent_mean == pytest.approx(sum(percents) / 2)
    # Ground truth: the best linear rule has 99.08 % of V* = 6.38049 with depths >= 0.
    assert result.optimum == pytest.approx(6.38049, abs=5e-6)
    assert result.percent_best_linear == pytest.approx(99.08, abs=0.02)
    for seed in result.seeds:
        assert seed.simulation.agrees
        assert seed.simulation.confidence == pytest.approx(1.0 - 0.0001 / 2)
        assert seed.simulation.episodes == 2048
        assert abs(seed.simulation.value - seed.exact.agent_stepped) <= seed.simulation.half_width


def test_the_table_has_a_block_for_each_seed(run: Path) -> None:
    rows = list(csv.DictReader((run / "policy_table.csv").read_text().splitlines()))
    assert [row["seed"] for row in rows] == ["0"] * 15 + ["1"] * 15
    assert all(0.0 <= float(row["bid_depth"]) <= 4.6052 for row in rows)
    blocks = [[row["bid_depth"] for row in rows if row["seed"] == seed] for seed in "01"]
    assert blocks[0] != blocks[1]


def test_an_interrupted_run_ends_with_the_same_files(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlmm_tf.training.ppo import PpoTraining

    iterate, calls = PpoTraining.iterate, []

    def interrupted(self: PpoTraining) -> dict[str, float]:
        calls.append(self.iterations)
        if len(calls) == 18:  # the second seed has one of its two checkpoints
            raise KeyboardInterrupt
        return iterate(self)

    out = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(PpoTraining, "iterate", interrupted)
        assert certify(out) == 130
    assert not (out / "result.json").exists()
    assert certify(out, "P1", "--resume") == 0
    assert contents(out) == contents(run)
    assert certify(out, "P1", "--resume") == 0  # there already
    assert contents(out) == contents(run)


def test_what_makes_no_sense_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert certify(out, "P1", **{"ppo.trace": 2}) == 2
    assert "--set ppo.trace=2" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("agent", ["ppo", "dqn"])
def test_with_a_hidden_regime_playing_is_what_counts(tmp_path: Path, agent: str) -> None:
    """The policy sees the filter's probabilities; its exact value is nobody's to compute."""
    more = {"seeds": 1, "confidence": 0.95, "half_width_fraction": 0.05}
    if agent == "dqn":
        more |= {
            "dqn.steps": 20_000, "dqn.rollout_steps": 2_000, "dqn.batch": 500,
            "dqn.evaluation.times": 2, "dqn.evaluation.episodes": 64, "dqn_offset_choices": 6,
        }  # fmt: skip
    small = {name: value for name, value in (SMALL | more).items() if name != "episodes"}
    settings = [f"--set={name}={value}" for name, value in small.items()]
    out = tmp_path / "run"
    assert cli.main(["certify", "R1-hidden", "--agent", agent, "--out", str(out), *settings]) == 0
    result = LearnedResult.model_validate_json((out / "result.json").read_text())
    (seed,) = result.seeds
    # docs/ground_truth.md: 65.7774 for who sees the regime, 91.30 % of it for the best linear rule
    # that does not.
    assert result.optimum == pytest.approx(65.7774, abs=5e-5)
    assert result.percent_best_linear == pytest.approx(91.30, abs=0.01)
    assert seed.exact is None
    assert seed.percent_of_optimum == 100.0 * seed.simulation.value / result.optimum
    assert result.percent_by_seed == [seed.percent_of_optimum]
    assert result.gap_closure_percent_mean is None
    assert seed.simulation.half_width <= 0.05 * result.optimum
    assert seed.simulation.episodes >= 4096
    assert "percent by" in (out / "certificate.html").read_text()
    rows = list(csv.DictReader((out / "policy_table.csv").read_text().splitlines()))
    assert {row["regime"] for row in rows} == {"0", "1"}


def test_the_page_shows_learned_and_optimal_depths(run: Path) -> None:
    page = (run / "certificate.html").read_text()
    assert page.startswith("<!doctype html>")
    assert page.count("<svg") == 6  # three times, two sides
    assert "Where the rest is lost" in page
    assert page.count('class="curve model"') >= page.count('class="curve real"') >= 6


def test_choices_are_scored_as_they_are_held(tmp_path: Path) -> None:
    """A policy of choices jumps in time: its value is that of quotes held for whole steps."""
    small = {name: value for name, value in SMALL.items() if not name.startswith("ppo.")}
    small |= {
        "seeds": 1, "dqn.steps": 20_000, "dqn.rollout_steps": 2_000, "dqn.batch": 500,
        "dqn.evaluation.times": 2, "dqn.evaluation.episodes": 64, "dqn_offset_choices": 6,
    }  # fmt: skip
    settings = [f"--set={name}={value}" for name, value in small.items()]
    out = tmp_path / "run"
    assert cli.main(["certify", "P1", "--agent", "dqn", "--out", str(out), *settings]) == 0
    result = LearnedResult.model_validate_json((out / "result.json").read_text())
    assert result.exit_ok  # the engine, too, earns what quotes held for whole steps are worth
    rows = list(csv.DictReader((out / "policy_table.csv").read_text().splitlines()))
    depths = {float(row[side]) for row in rows for side in ("bid_depth", "ask_depth")}
    assert depths <= {round(k * 4.6052 / 5, 6) for k in range(6)}
