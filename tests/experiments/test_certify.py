"""`rlmm certify`: exact scores, the engine's agreement with them, and what is written."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from experiments.certify import AGENTS, CertifyResult, run_certify
from experiments.config import CertifyConfig
from experiments.errors import ConfigError


class Files:
    """Stands for a run directory: keeps what is written."""

    def __init__(self) -> None:
        self.written: dict[str, str] = {}

    def write(self, name: str, data: str) -> None:
        self.written[name] = data


def certify(**settings: object) -> tuple[CertifyResult, Files]:
    files = Files()
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
    assert result.simulation.half_width <= 0.021 * result.exact.agent_stepped
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
        ("R1", "glft_asymptotic", "1 for a closed form"),
    ],
)
def test_agents_that_do_not_fit_the_set(set_name: str, agent: str, message: str) -> None:
    assert agent in AGENTS
    with pytest.raises(ConfigError, match=message):
        certify(set_name=set_name, agent=agent)
