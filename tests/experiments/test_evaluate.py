"""`rlmm evaluate` and `rlmm stress`, from the command line to their files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.cli import main
from experiments.evaluate import benchmark_of
from experiments.markets import PROBLEM_NAME, Market, tick_value
from experiments.players import MEASURED, PLAYED, TUNED
from rlmm_tf.env import PolicySpec, PolicyWeights
from rlmm_tf.evaluation.episodes import EpisodeTable
from rlmm_tf.evaluation.scenarios import SCENARIOS
from rlmm_tf.evaluation.sweeps import AXES
from rlmm_tf.events import EventTable
from rlmm_tf.market_presets import small_tick
from rlmm_tf.presets import PRESETS, resolve_params
from rlmm_tf.seeding import environment_keys, seed_sequence
from rlmm_tf.training.collection import PURPOSES, stream
from rlmm_tf.training.policy_file import policy_bytes

PATHS = (PLAYED, MEASURED, TUNED)

SHORT = ["--set", "tuning_episodes=2", "--set", "overrides.episode.n_steps=20",
         "--set", "overrides.market.warmup_ns=20000000000"]  # fmt: skip


def run_json(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What a command prints."""
    code = main([*arguments, "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    found: dict[str, Any] = json.loads(captured.out)
    return found


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What a command that gets bad input says."""
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return captured.err


def trained(
    folder: Path, problem: str = "book-small-tick", seed: int = 0, **overrides: Any
) -> Path:
    """A run of `rlmm train`, as far as evaluations look at it."""
    folder.mkdir()
    params = resolve_params(problem, overrides)
    spec = PolicySpec.for_params(params, hidden=(4,))
    weights = PolicyWeights.random(spec, np.random.default_rng(seed))
    (folder / "policy.safetensors").write_bytes(policy_bytes(spec, weights))
    (folder / PROBLEM_NAME).write_text(Market(problem, params).to_json())
    return folder


def test_policies_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained(tmp_path / "agent", action={"offset_max_ticks": 20})
    arguments = ["evaluate", str(run), "glft", "fixed", "--episodes", "6", *SHORT]
    result = run_json([*arguments, "--out", str(tmp_path / "a")], capsys)
    again = run_json([*arguments, "--out", str(tmp_path / "b"), "--set", "threads=1"], capsys)
    files = {path.name for path in (tmp_path / "a").iterdir()} - {".lock"}
    assert files == {
        "config.yaml", "manifest.json", "inputs.json", "baselines.json", "episodes.parquet",
        "steps.parquet", "evaluation.json", "index.html",
    }  # fmt: skip
    assert list(result["policies"]) == [str(run), "glft", "fixed"]
    assert (result["benchmark"], result["market"]) == ("glft", "book-small-tick")
    table = EpisodeTable.read(tmp_path / "a" / "episodes.parquet")
    assert table.policies == (str(run), "glft", "fixed")
    assert table.metadata.steps == 20
    for name in table.policies:
        mean = 0.5 * table.metadata.tick_value * table.of(name)["pnl_x2"].mean()
        assert result["policies"][name]["metrics"]["mean PnL"] == pytest.approx(mean)
    assert {k: v for k, v in again.items() if k != "page"} == {
        k: v for k, v in result.items() if k != "page"
    }
    for name in ("episodes.parquet", "steps.parquet", "evaluation.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_runs_under_a_label_are_seeds_of_one_policy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [str(trained(tmp_path / f"seed{i}", seed=i)) for i in range(3)]
    arguments = ["evaluate", f"ppo={','.join(runs)}", "fixed", "--episodes", "4", *SHORT]
    result = run_json([*arguments, "--out", str(tmp_path / "run")], capsys)
    assert list(result["policies"]) == [*runs, "fixed"]
    assert result["seeds"]["ppo"]["runs"] == runs
    means = [result["policies"][run]["metrics"]["mean PnL"] for run in runs]
    assert min(means) <= result["seeds"]["ppo"]["pnl"]["iqm"] <= max(means)


def test_the_capital_is_the_same_whoever_plays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    market = ["--market", "book-small-tick", "--episodes", "3", *SHORT]
    capitals = set()
    for i, players in enumerate((["fixed"], ["random"], ["fixed", "random"])):
        for out in (tmp_path / f"evaluate{i}", tmp_path / f"stress{i}"):
            verb = "evaluate" if "evaluate" in out.name else "stress"
            more = [] if verb == "evaluate" else ["--scenarios", "fee_change"]
            run_json([verb, *players, *market, *more, "--out", str(out)], capsys)
            capitals.add(EpisodeTable.read(out / "episodes.parquet").metadata.capital)
    params = PRESETS["book-small-tick"]
    (capital,) = capitals
    mid = params.market.mid_initial_ticks
    assert mid is not None
    assert capital == mid * params.limits.inventory_cap_lots * params.tick_value


def test_a_recorded_day_can_be_played_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sim = tmp_path / "sim.parquet"
    assert main(["simulate", "book-small-tick", "--hours", "0.5", "--out", str(sim)]) == 0
    capsys.readouterr()
    arguments = ["evaluate", "fixed", "random", "--replay", str(sim), "--episodes", "4"]
    arguments += ["--set", "tuning_episodes=2", "--set", "overrides.episode.n_steps=20"]
    result = run_json([*arguments, "--out", str(tmp_path / "run")], capsys)
    assert result["market"] == str(sim)
    assert result["policies"]["fixed"]["rule"].startswith("FixedSpread(")
    metadata = EpisodeTable.read(tmp_path / "run" / "episodes.parquet").metadata
    run_json([*arguments[:2], *arguments[3:], "--seed", "3", "--out", str(tmp_path / "b")], capsys)
    other = EpisodeTable.read(tmp_path / "b" / "episodes.parquet").metadata
    assert metadata.mid_ticks_x2 == other.mid_ticks_x2  # another player, and other draws
    mids = EventTable.read(sim).column("price_ticks")
    assert 2 * mids.min() < metadata.mid_ticks_x2 < 2 * mids.max()


def test_a_market_from_a_file_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "market.json"
    small_tick().save(path)
    arguments = ["evaluate", "fixed", "--market", str(path), "--episodes", "2", *SHORT]
    result = run_json([*arguments, "--out", str(tmp_path / "run")], capsys)
    assert result["market"] == str(path)
    metadata = EpisodeTable.read(tmp_path / "run" / "episodes.parquet").metadata
    assert (metadata.inventory_cap_lots, metadata.tick_value) == (1000, 1.0)  # quotes of 100 lots
    assert tick_value({"inputs": [{"tick_size": "0.01", "lot_size": "100"}]}) == 1.0
    assert tick_value({"inputs": [{"tick_size": "0.1", "lot_size": "0.001"}]}) == 0.0001
    path.write_text("{}")
    assert "--market: " in refused([*arguments, "--out", str(tmp_path / "other")], capsys)


def test_scenarios_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "own:\n  early_halt:\n    about: nothing trades at first\n"
        "    shocks: [{kind: halt, start_ns: 0, duration_ns: 100000000000}]\n"
    )
    arguments = ["stress", "glft", "fixed", "--market", "book-small-tick", "--episodes", "8"]
    arguments += ["--scenarios", "flash_crash,early_halt", "--severities", "1,3", *SHORT]
    result = run_json([*arguments, "--config", str(own), "--out", str(tmp_path / "run")], capsys)
    settings = [("none", 0), ("flash_crash", 1), ("flash_crash", 3), ("early_halt", 1)]
    wanted = [(*setting, policy) for setting in settings for policy in ("glft", "fixed")]
    assert [(r["scenario"], r["severity"], r["policy"]) for r in result["rows"]] == wanted
    with (tmp_path / "run" / "stress.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["mean_pnl"]) for row in rows] == [r["mean_pnl"] for r in result["rows"]]
    assert "early_halt" in (tmp_path / "run" / "stress.md").read_text()
    page = (tmp_path / "run" / "index.html").read_text()
    assert "nothing trades at first." in page
    table = EpisodeTable.read(tmp_path / "run" / "episodes.parquet")
    assert table.settings == ("", "flash_crash:1", "flash_crash:3", "early_halt:1")
    halted = table.of("fixed", "early_halt:1")["events"]
    assert (halted < table.of("fixed")["events"]).all()


def test_a_sweep_is_a_heat_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["stress", "random", "--market", "book-small-tick", "--episodes", "4", *SHORT]
    arguments += ["--sweep", "fees x lambda", "--out"]
    result = run_json([*arguments, str(tmp_path / "alone")], capsys)
    cells = [(row["first"], row["second"]) for row in result["sweeps"]]
    assert cells == [(a, b) for a in AXES["fees"].levels for b in AXES["lambda"].levels]
    assert (result["rows"], result["sweeps"][0]["change"]) == ([], 0.0)
    assert "<h1>Sweeps" in (tmp_path / "alone" / "index.html").read_text()
    with (tmp_path / "alone" / "sweeps.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(cells)
    table = EpisodeTable.read(tmp_path / "alone" / "episodes.parquet")
    assert len(table.settings) == len(cells)
    free, dear = (table.of("random", s) for s in ("", "sweep fees=0.4 x lambda=1"))
    assert (free["maker_bid_lots"] == dear["maker_bid_lots"]).all()
    assert dear["pnl_fees_x2"].sum() < free["pnl_fees_x2"].sum()
    both = run_json([*arguments, str(tmp_path / "both"), "--scenarios", "fat_finger"], capsys)
    assert [row["scenario"] for row in both["rows"]] == ["none", *["fat_finger"] * 3]
    assert both["sweeps"] == result["sweeps"]
    assert (tmp_path / "both" / "sweeps.html").is_file()


def test_a_scenario_may_be_called_like_a_sweep(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "own:\n  sweep fees:\n    about: nothing trades at first\n"
        "    shocks: [{kind: halt, start_ns: 0, duration_ns: 100000000000}]\n"
    )
    arguments = ["stress", "random", "--market", "book-small-tick", "--episodes", "4", *SHORT]
    arguments += ["--config", str(own), "--sweep", "fees x horizon"]
    result = run_json([*arguments, "--out", str(tmp_path / "run")], capsys)
    assert [row["scenario"] for row in result["rows"]] == ["none", "sweep fees"]
    cells = len(AXES["fees"].levels) * len(AXES["horizon"].levels)
    assert len(result["sweeps"]) == cells
    assert "nothing trades at first." in (tmp_path / "run" / "index.html").read_text()


def test_the_scenarios_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    listed = run_json(["stress", "--list"], capsys)
    assert {name: listed[name] for name in SCENARIOS} == {
        name: one.about for name, one in SCENARIOS.items()
    }
    assert set(listed) - set(SCENARIOS) == {f"axis {name}" for name in AXES}
    assert main(["stress", "--list"]) == 0
    assert "flash_crash" in capsys.readouterr().out


def test_whom_others_are_compared_with() -> None:
    assert benchmark_of(None, ("run", "glft", "avellaneda_stoikov")) == "avellaneda_stoikov"
    assert benchmark_of(None, ("run", "glft", "fixed")) == "glft"
    assert benchmark_of(None, ("run", "fixed")) == "fixed"
    assert benchmark_of(None, ("run", "other")) == "run"
    assert benchmark_of("other", ("run", "other")) == "other"


def test_nobody_is_judged_where_he_was_trained() -> None:
    for seed in (0, 5):
        trained_in = [environment_keys(stream(seed_sequence(seed), p), 50) for p in PURPOSES]
        ours = [environment_keys(seed_sequence(seed, *path), 50) for path in PATHS]
        keys = np.concatenate([*trained_in, *ours])
        assert len(np.unique(keys, axis=0)) == len(keys)


BAD: dict[str, tuple[list[str], str]] = {
    "no policy": (["evaluate", "--market", "P1"], "policies: expected"),
    "no market": (["evaluate", "glft"], "--market: expected a market.json or one of P1"),
    "an unknown market": (
        ["evaluate", "glft", "--market", "book-lage-tick"], "did you mean 'book-large-tick'?"
    ),
    "an unknown policy": (
        ["evaluate", "gltf", "--market", "P1"], "got neither; did you mean 'glft'?"
    ),
    "a policy twice": (
        ["evaluate", "glft", "glft", "--market", "P1"], "POLICY: expected each once"
    ),
    "a run twice under a label": (
        ["evaluate", "ppo=a,b,a", "--market", "P1"], "expected each once, got ['a'] more than once"
    ),
    "a label twice": (
        ["evaluate", "ppo=a,b", "ppo=c,d", "--market", "P1"], "expected each label once"
    ),
    "too many policies": (
        ["evaluate", "x=" + ",".join(f"r{i}" for i in range(29)), "--market", "P1"],
        "expected at most 28, got 29",
    ),
    "two markets": (
        ["evaluate", "glft", "--market", "P1", "--replay", "x.parquet"],
        "replay: expected none together with market",
    ),
    "no recording": (["evaluate", "glft", "--replay", "x.parquet"], "--replay: "),
    "overrides that do not fit": (
        ["evaluate", "glft", "--market", "P1", "--set", "overrides.episode.n_stps=3"],
        "n_steps",
    ),
    "a benchmark that does not play": (
        ["evaluate", "glft", "--market", "P1", "--set", "benchmark=fixed"],
        "benchmark=fixed: expected one of glft, got 'fixed'",
    ),
    "too few episodes": (["evaluate", "glft", "--market", "P1", "--episodes", "1"], "at least 2"),
    "an unknown scenario": (
        ["stress", "glft", "--market", "book-small-tick", "--scenarios", "flash_crsh"],
        "did you mean 'flash_crash'?",
    ),
    "a market that cannot be shocked": (
        ["stress", "glft", "--market", "P1"], "expected book, got analytic"
    ),
    "a named scenario that does not fit": (
        ["stress", "fixed", "--market", "book-small-tick", "--scenarios", "informed_flow",
         "--set", "overrides.market.model.informed.volatility_ticks=0"],
        "expected no drift without informed flow",
    ),
    "a sweep of one axis": (
        ["stress", "glft", "--market", "book-small-tick", "--sweep", "fees"],
        "expected two axes such as 'volatility x liquidity', got 'fees'",
    ),
    "a sweep of an unknown axis": (
        ["stress", "glft", "--market", "book-small-tick", "--sweep", "fees x latncy"],
        "did you mean 'latency'?",
    ),
    "a sweep that does not fit": (
        ["stress", "fixed", "--market", "P1", "--sweep", "fees x lambda"],
        "sweeps: market.kind: expected book, got analytic",
    ),
    "an own scenario with another's name": (
        ["stress", "glft", "--market", "book-small-tick", "--set", "own.flash_crash.about=x"],
        "expected a name of its own",
    ),
    "an own scenario without a name": (
        ["stress", "glft", "--market", "book-small-tick", "--set", "own.none.about=x"],
        "expected a name of its own",
    ),
    "an own scenario that measures otherwise": (
        ["stress", "glft", "--market", "book-small-tick", "--set", "own.x.overrides.tick_value=2"],
        "expected only market, fees and latency, got tick_value",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told_in_a_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, message = BAD[name]
    out = tmp_path / "run"
    assert message in refused([*arguments, "--out", str(out)], capsys)
    assert not out.exists()


def test_a_policy_of_another_kind_of_market_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(tmp_path / "agent", "book-small-tick", observation={"features": ["regime"]})
    out = ["--out", str(tmp_path / "run")]
    error = refused(["evaluate", str(run), "--market", "P1", *out], capsys)
    assert "it was trained in another kind of market" in error
    large = trained(tmp_path / "large", action={"lots_max": 60})
    error = refused(["evaluate", str(large), "--market", "book-large-tick", *out], capsys)
    assert "expected quotes of at most 50 lots" in error
    (run / "policy.safetensors").write_bytes(b"nothing")
    error = refused(["evaluate", str(run), *out], capsys)
    assert str(run) in error


def test_presets_can_all_be_evaluated_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("P7", "R1-hidden", "CARA-0.1", "book-large-tick"):
        assert name in PRESETS
        arguments = ["evaluate", "fixed", "glft", "--market", name, "--episodes", "3"]
        arguments += ["--set", "tuning_episodes=2", "--set", "overrides.episode.n_steps=10"]
        run_json([*arguments, "--out", str(tmp_path / name)], capsys)
