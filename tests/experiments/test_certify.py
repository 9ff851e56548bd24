"""`rlmm certify`: exact scores, the engine's agreement with them, and what is written."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments import certify as certification
from experiments import cli, estimation, simulation
from experiments.certify import AGENTS, CertifyResult, run_certify
from experiments.config import CertifyConfig, load_config
from experiments.errors import ConfigError
from experiments.estimation import Moments
from experiments.simulation import ALL_EQUAL, NOT_ESTIMABLE, episodes_wanted
from rlmm_tf.agents.exact import stepped_optimum
from rlmm_tf.agents.exact.problem import quoting_model
from rlmm_tf.presets import preset, resolve_params


class Files:
    """Stands for a run directory: keeps what is written, in a folder if there is one."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or Path("/nonexistent")
        self.written: dict[str, str] = {}

    def write(self, name: str, data: str) -> None:
        self.written[name] = data
        if self.path.exists():
            (self.path / name).write_text(data)


def certify(path: Path | None = None, **settings: object) -> tuple[CertifyResult, Files]:
    files = Files(path)
    config = CertifyConfig.model_validate({"seeds": 2, "envs": 512, **settings})
    seen: list[float] = []
    result = run_certify(
        config,
        files,  # type: ignore[arg-type]
        progress=lambda done, total, label="": seen.append(done / total),
    )
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    return result, files


def test_exact_agent_reaches_the_optimum_of_p1() -> None:
    # Ground truth: V* = 6.38060 unbounded, 6.38049 with depths >= 0; best constant 5.72437.
    result, _ = certify(set_name="P1", agent="exact", episodes=4096)
    assert result.exact.optimum_textbook == pytest.approx(6.38060, abs=5e-6)
    assert result.exact.optimum == pytest.approx(6.38049, abs=5e-6)
    assert result.exact.best_constant == pytest.approx(5.72437, abs=5e-6)
    assert result.exact.percent_of_optimum == pytest.approx(100.0, abs=1e-4)
    assert result.exact.gap_closure_percent == pytest.approx(100.0, abs=1e-3)
    assert result.exact.optimum_stepped is not None
    assert result.exact.agent_stepped <= result.exact.optimum_stepped < result.exact.optimum
    assert result.exact.percent_of_stepped_optimum == pytest.approx(
        100.0 * result.exact.agent_stepped / result.exact.optimum_stepped
    )
    assert 99.9 < result.exact.percent_of_stepped_optimum <= 100.0
    assert not result.exact.optimum_sees_hidden_regime
    assert result.simulation.episodes == 2 * 4096
    assert result.simulation.agrees
    assert result.exit_ok


@pytest.fixture(scope="module")
def linear_on_p1() -> CertifyResult:
    return certify(set_name="P1", agent="best_linear", episodes=4096)[0]


def test_engine_agrees_with_the_stepped_value(linear_on_p1: CertifyResult) -> None:
    # Fixed seeds: the 99 % interval either holds the exact value or it does not.
    assert linear_on_p1.simulation.agrees, linear_on_p1.simulation


def test_engine_agrees_on_a_certainty_equivalent() -> None:
    result, _ = certify(set_name="CARA-0.1", agent="glft_asymptotic", episodes=1024)
    assert result.simulation.agrees, result.simulation


def test_a_wrong_value_would_be_seen(linear_on_p1: CertifyResult) -> None:
    # 5.724 is the value of the best constant; the simulated linear rule must exclude it.
    simulated = linear_on_p1.simulation
    assert abs(simulated.value - linear_on_p1.exact.best_constant) > simulated.half_width


def test_mean_over_starting_inventories() -> None:
    # Ground truth: mean over q0 = -4 ... 4 is 5.12064 unbounded, 5.10709 with depths >= 0.
    result, _ = certify(set_name="P1-any-start", agent="exact", episodes=4096)
    assert result.exact.optimum_textbook == pytest.approx(5.12064, abs=5e-6)
    assert result.exact.optimum == pytest.approx(5.10709, abs=5e-6)
    assert result.simulation.agrees


def test_more_steps_come_closer_to_continuous_time(linear_on_p1: CertifyResult) -> None:
    # Holding a quote costs in proportion to the time it is held: a third of one, of the other.
    fine, _ = certify(set_name="P1", agent="best_linear", episodes=512, steps=300)
    cost = linear_on_p1.exact.agent - linear_on_p1.exact.agent_stepped
    finer_cost = fine.exact.agent - fine.exact.agent_stepped
    assert finer_cost == pytest.approx(cost / 3, rel=0.05)


def test_episodes_grow_until_the_interval_is_narrow() -> None:
    result, _ = certify(set_name="P1", agent="fixed", seeds=1, half_width_fraction=0.02)
    assert result.simulation.half_width <= 0.021 * result.exact.optimum_stepped
    assert len(result.simulation.by_seed) == 1


def test_policy_table() -> None:
    _, files = certify(
        set_name="P1",
        agent="exact",
        episodes=512,
        policy_table={"n_times": 3, "inventory_max_lots": 2},
    )
    rows = list(csv.DictReader(io.StringIO(files.written["policy_table.csv"])))
    assert list(rows[0]) == ["seed", "t", "q", "regime", "bid_depth", "ask_depth"]
    assert len(rows) == 3 * 5
    # Ground truth at t = 0, q = -1 and 0, for depths of any sign; the floor at 0 moves q = 2, where
    # it is near, in the third decimal.
    bids = [float(row["bid_depth"]) for row in rows[:5]]
    np.testing.assert_allclose(bids[1:3], [0.8043, 1.1957], atol=1e-4)
    np.testing.assert_allclose(bids[3:], [1.5786, 1.9397], atol=5e-3)
    asks = [float(row["ask_depth"]) for row in rows[:5]]
    np.testing.assert_allclose(asks, bids[::-1], atol=2e-6)
    assert CertifyResult.model_validate_json(files.written["result.json"]).agent == "exact"


@pytest.mark.parametrize(
    ("set_name", "agent", "message"),
    [
        ("P1", "avellaneda_stoikov", "expected a risk-averse set"),
        ("P1", "symmetric", "expected a risk-averse set"),
        ("R1-hidden", "exact", "does not see the regime"),
        ("R1-hidden", "regime_linear", "does not see the regime"),
        ("R1", "glft_asymptotic", "expected a set with one regime .* got one with 2; use best_l"),
        ("R1-hidden", "glft_asymptotic", "expected a set with one regime"),
    ],
)
def test_agents_that_do_not_fit_the_set(set_name: str, agent: str, message: str) -> None:
    assert agent in AGENTS
    with pytest.raises(ConfigError, match=message):
        certify(set_name=set_name, agent=agent)


def test_a_book_market_has_no_known_optimum() -> None:
    with pytest.raises(ConfigError, match=r"expected a set with an analytic market, .*P7"):
        certify(set_name="book-large-tick", agent="exact")
    with pytest.raises(ValueError, match=r"^market\.kind: expected 'analytic', got 'book'; the"):
        quoting_model(preset("book-large-tick"))


def test_a_rule_per_regime_on_a_set_with_one() -> None:
    result, _ = certify(set_name="P1", agent="regime_linear", episodes=1024)
    linear, _ = certify(set_name="P1", agent="best_linear", episodes=1024)
    assert result.exact == linear.exact
    assert result.simulation == linear.simulation


def test_an_agent_that_the_formula_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    regime = preset("P1").market.regimes[0].model_dump() | {"market_buy_rate_hz": 5.0}
    uneven = resolve_params("P1", {"market": {"regimes": [regime]}})
    monkeypatch.setattr("experiments.certify.preset", lambda _: uneven)
    with pytest.raises(
        ConfigError, match=r"the sell rate 10\.0 .*, got 5\.0; use another agent: e"
    ):
        certify(set_name="P1", agent="glft_asymptotic")


# ---- certainty equivalents


@pytest.mark.parametrize("gamma", [0.01, 0.5, 20.0])
def test_moments_of_wealth(gamma: float) -> None:
    # Centred at -1000: exp(-gamma W) itself would overflow.
    wealth = np.random.default_rng(1).normal(-1000.0, 3.0, size=4000)
    whole = Moments.of(wealth, gamma)
    scaled = np.exp(-gamma * (wealth - wealth.min()))
    value = wealth.min() - np.log(scaled.mean()) / gamma
    assert whole.value == pytest.approx(value, rel=1e-12)
    assert whole.deviation == pytest.approx(scaled.std() / scaled.mean() / gamma, rel=1e-12)
    size = scaled.sum() ** 2 / (scaled**2).sum()
    assert whole.effective_sample_size == pytest.approx(size, rel=1e-12)
    assert whole.is_broad == (size >= 100)
    parts = [Moments.of(part, gamma) for part in np.split(wealth, [10, 1500, 1501])]
    merged = parts[0].merged(parts[1]).merged(parts[2]).merged(parts[3])
    assert merged.model_dump() == pytest.approx(whole.model_dump(), rel=1e-9)


def test_moments_of_rewards() -> None:
    rewards = np.random.default_rng(1).normal(1e9, 1.0, size=3000)
    merged = Moments.of(rewards[:100], 0.0).merged(Moments.of(rewards[100:], 0.0))
    assert merged.value == pytest.approx(rewards.mean(), rel=1e-15)
    assert merged.deviation == pytest.approx(rewards.std(), rel=1e-6)
    assert merged.effective_sample_size is None


def test_a_large_risk_aversion_with_a_small_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    # 100 effective episodes would take a minute; with about 20 the interval is wide.
    monkeypatch.setattr(estimation, "EFFECTIVE_SAMPLE_MIN", 10.0)
    # Ground truth: 53.8669. The rewards' utilities add up to 2 - 2 exp(-W / 2), which is 2.
    result, _ = certify(
        set_name="CARA-0.5",
        agent="exact",
        steps=1000,
        inventory_cap_lots=8,
        seeds=1,
        episodes=12_288,
        confidence=0.9999,
        envs=1024,
    )
    assert result.exact.agent_stepped == pytest.approx(53.8669, abs=5e-5)
    assert result.simulation.estimable
    assert result.simulation.effective_sample_size is not None
    assert 10.0 < result.simulation.effective_sample_size < 100.0
    assert result.simulation.agrees, result.simulation
    assert 0.0 < result.simulation.half_width < 5.0


@pytest.mark.parametrize("episodes", [512, 16_384])
def test_a_certainty_equivalent_of_unseen_states(episodes: int) -> None:
    # States of probability 1e-37 decide it.
    result, _ = certify(set_name="CARA-0.5", agent="exact", seeds=1, episodes=episodes)
    assert result.exact.agent_stepped == pytest.approx(-372.9, abs=0.1)
    assert not result.simulation.estimable
    assert result.simulation.note == NOT_ESTIMABLE
    assert not result.simulation.agrees
    assert not result.exit_ok
    assert result.exact.percent_of_optimum is None or result.exact.optimum > 0.0


# ---- how many episodes


def _wanted(outcomes: list[float], expected: float, gamma: float = 0.0) -> float:
    config = CertifyConfig(set_name="P1", half_width_fraction=0.01)
    return episodes_wanted(config, Moments.of(np.array(outcomes), gamma), expected)


def test_a_half_width_of_zero_is_no_reason_to_stop() -> None:
    assert _wanted([2.0, 2.0], 2.0) == simulation.HOPELESS_EPISODES
    assert _wanted([60.0, 61.0], 60.0, gamma=0.5) == simulation.HOPELESS_EPISODES


def test_an_expected_value_near_zero() -> None:
    noisy = [-10.0, 10.0]
    assert (
        _wanted(noisy, 0.0) == _wanted(noisy, 1e-9) == pytest.approx((2.5758 / 0.0025) ** 2, 1e-4)
    )
    assert _wanted(noisy, 10.0) == pytest.approx((2.5758 / 0.01) ** 2, 1e-4)


def test_outcomes_that_are_all_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "HOPELESS_EPISODES", 6000)
    monkeypatch.setattr(
        simulation, "_episode_outcomes", lambda envs, *_: np.full(envs.num_envs, 5.0)
    )
    result, _ = certify(set_name="P1", agent="fixed", seeds=1)
    assert result.simulation.episodes >= 6000
    assert not result.simulation.estimable
    assert result.simulation.note == ALL_EQUAL
    assert not result.simulation.agrees


# ---- regimes


def test_stepped_optimum_with_regimes(monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {"inventory_cap_lots": 3, "steps": 100, "episodes": 512}
    result, _ = certify(set_name="R1", agent="best_linear", **settings)
    assert result.exact.optimum_stepped is not None
    assert result.exact.agent_stepped < result.exact.optimum_stepped < result.exact.optimum
    hidden, _ = certify(set_name="R1-hidden", agent="best_linear", **settings)
    assert hidden.exact.optimum_sees_hidden_regime
    assert hidden.exact.optimum == result.exact.optimum
    assert hidden.exact.percent_of_stepped_optimum is None
    assert hidden.exact.optimum_stepped_note == "not known with a hidden regime"
    monkeypatch.setattr("experiments.certify.STEPPED_OPTIMUM_WORK_MAX", 100 * 7**2 * 2**3 - 1)
    skipped = certify(set_name="R1", agent="best_linear", **settings)[0].exact
    assert skipped.optimum_stepped is None
    assert "regimes^3 is 39200, above 39199; take fewer steps or" in skipped.optimum_stepped_note


def test_a_large_cap_with_one_regime_has_no_stepped_optimum() -> None:
    problem = certification.problem_of(CertifyConfig(set_name="P1", inventory_cap_lots=600))
    assert certification._why_no_stepped_optimum(problem).startswith("would take minutes: steps x")
    # exp(-600^2 / 2) fits no float: the closed form is not the way to the textbook's optimum.
    assert certification._textbook_optimum(problem) == pytest.approx(6.38060, abs=5e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"inventory_cap_lots": 1_000_000}, "P1 with inventory_cap_lots=1000000: expected an inve"),
        ({"steps": 10_000_000}, r"P1 with steps=10000000: expected steps x \(2 x inventory cap"),
    ],
)
def test_what_would_never_end_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}.*; choose others with --set steps=N and"):
        certify(set_name="P1", agent="exact", **settings)


# ---- as many episodes as were asked for


@pytest.mark.parametrize(
    ("episodes", "envs", "played"),
    [(100, 1024, 100), (1500, 1024, 750), (4096, 1024, 1024), (7, 3, 3)],
)
def test_as_many_episodes_as_were_asked_for(episodes: int, envs: int, played: int) -> None:
    settings: dict[str, Any] = {"agent": "fixed", "seeds": 2, "episodes": episodes, "envs": envs}
    config = CertifyConfig.model_validate({"set_name": "P1", **settings})
    assert simulation.n_environments(config) == played
    result, _ = certify(set_name="P1", steps=10, **settings)
    assert result.simulation.episodes == 2 * episodes


def test_more_environments_than_episodes_change_nothing() -> None:
    settings: dict[str, Any] = {"set_name": "P1", "agent": "fixed", "steps": 10, "episodes": 64}
    first, second = (certify(envs=envs, **settings)[0].simulation for envs in (64, 5000))
    assert first == second


# ---- taking up a run


def test_resume_plays_the_missing_seeds_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {"set_name": "P1", "agent": "fixed", "seeds": 3, "episodes": 512}
    whole, _ = certify(tmp_path, **settings)
    names = {"policy_table.csv", "result.json", *(f"seed-{i}.json" for i in range(3))}
    assert {file.name for file in tmp_path.iterdir()} == names
    played: list[int] = []
    environments = simulation._environments

    def counted(config: Any, case: Any, index: int) -> Any:
        played.append(index)
        return environments(config, case, index)

    monkeypatch.setattr(simulation, "_environments", counted)
    again, files = certify(tmp_path, **settings)
    assert (again, files.written, played) == (whole, {}, [])
    (tmp_path / "result.json").write_text("{}")  # not complete
    (tmp_path / "seed-1.json").unlink()
    again, _ = certify(tmp_path, **settings)
    assert (again, played) == (whole, [1])


def test_resume_with_another_number_of_threads(tmp_path: Path) -> None:
    options = ["certify", "P1", "--agent", "fixed", "--seeds", "2", "--episodes", "512"]
    options += ["--set", "envs=128", "--out", str(tmp_path / "run")]
    assert cli.main([*options, "--set", "threads=1"]) in (0, 1)
    result = tmp_path / "run" / "result.json"
    first, digest = result.read_bytes(), manifest_of(tmp_path / "run")["config_sha256"]
    result.unlink()
    (tmp_path / "run" / "seed-1.json").unlink()
    assert cli.main([*options, "--set", "threads=3", "--resume"]) in (0, 1)
    assert result.read_bytes() == first
    assert manifest_of(tmp_path / "run")["config_sha256"] == digest
    assert "threads: 3\n" in (tmp_path / "run" / "config.yaml").read_text()
    assert cli.main([*options, "--set", "threads=3", "--set", "envs=64", "--resume"]) == 2


def test_too_few_steps_for_the_solver_are_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stepped_optimum, "_ROUNDS_MAX", 1)
    options = ["certify", "R1", "--agent", "fixed", "--out", str(tmp_path / "run")]
    assert cli.main([*options, "--set", "steps=1", "--set", "inventory_cap_lots=3"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "steps: expected enough for the stepped simulator's optimum to be found, got 1: depths: "
    )
    assert line.endswith("; take more steps")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("set_name", "setting", "message"),
    [
        ("P1-any-start", "inventory_cap_lots=2",
         "P1-any-start with inventory_cap_lots=2: episode.initial_inventory_*_lots: expected "
         "within limits.inventory_cap_lots=2, got up to 4; choose others with --set steps=N and "
         "--set inventory_cap_lots=N"),
        ("P1", "steps=100000000", "P1 with steps=100000000: expected steps x "),
    ],
)  # fmt: skip
def test_bad_settings_leave_nothing_behind(
    set_name: str, setting: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    command = ["certify", set_name, "--agent", "fixed", "--out", str(run), "--episodes", "10"]
    assert cli.main([*command, "--set", setting]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(message)
    assert not run.exists()
    corrected = [
        "--set",
        "steps=10",
        "--set",
        "inventory_cap_lots=4",
        "--set",
        "confidence=0.99999",
    ]
    assert cli.main([*command, *corrected]) in (0, 1)
    assert (run / "result.json").exists()


def manifest_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "manifest.json").read_text())
    return found


CONFIGS = Path(__file__).parents[2] / "experiments" / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("certify-*.yaml")), ids=lambda path: path.name)
def test_shipped_configurations_load(path: Path) -> None:
    config = load_config(path, ["set_name=CARA-0.5"], CertifyConfig)
    assert config != CertifyConfig(set_name="CARA-0.5")
