"""`rlmm bench learner`: its figures hang together, and it counts the products that there are."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from experiments.benchmarks import learner
from experiments.cli import main
from experiments.config import LearnerBenchConfig

SMALL = {
    "ppo": learner.ppo(8, rows=64, minibatch=32, epochs=2),
    "sac": learner.sac(8, updates=3, rows=16),
    "dqn": learner.dqn(8, updates=3, rows=16),
}


@pytest.fixture(autouse=True)
def _nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """That takes seconds, and what is counted is the same."""
    monkeypatch.setattr(learner, "BACKENDS", ("eager",))


@pytest.mark.parametrize("name", SMALL)
def test_figures(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learner, "BACKENDS", ("eager", "graph"))
    work = SMALL[name]
    figures = learner.figures_of(name, work, LearnerBenchConfig(repeats=1))
    fastest = figures[f"{name}_fastest"]
    rates = {backend: figures[f"{name}_{backend}_updates_per_s"] for backend in learner.BACKENDS}
    assert rates[fastest] == max(rates.values())
    samples = figures[f"{name}_{fastest}_samples_per_s"]
    assert samples == pytest.approx(rates[fastest] * work.rows)
    share = figures[f"{name}_share_of_products"]
    assert 0.0 < share == figures[f"{name}_{fastest}_share_of_products"]


def test_products_of_a_network() -> None:
    forward = {(5, 3, 4): 1, (5, 4, 2): 1}
    assert learner.of_network((3, 4, 2), 5) == forward
    weights = {(3, 5, 4): 1, (4, 5, 2): 1}
    assert learner.of_network((3, 4, 2), 5, learns=True) == {**forward, **weights, (5, 2, 4): 1}
    inputs = {(5, 2, 4): 1, (5, 4, 3): 1}
    assert learner.of_network((3, 4, 2), 5, inputs_learn=True) == {**forward, **inputs}
    assert learner.times(3, Counter(forward)) == {(5, 3, 4): 3, (5, 4, 2): 3}


def test_floating_point_operations_of_sac() -> None:
    """As the design counts them: 0.58 GFLOP an update of 256x256 networks and 256 rows."""
    products = learner.WORKLOADS["sac-256"].products
    flop = sum(2 * m * k * n * count for (m, k, n), count in products.items())
    assert flop == pytest.approx(0.58e9, rel=0.05)


def test_products_are_all_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Counter[tuple[int, int, int]] = Counter()
    monkeypatch.setattr(np, "matmul", lambda a, b, out: made.update([(*a.shape, b.shape[1])]))
    work = SMALL["sac"]
    learner.multiplied(work, np.random.default_rng(1))()
    assert made == learner.times(work.updates, work.products)


def test_what_is_missing_to_the_promised_shares() -> None:
    figures = {"ppo-64_share_of_products": 0.5, "sac-256_share_of_products": 0.55}
    assert learner.shortfall(LearnerBenchConfig(), figures) is None
    assert learner.shortfall(LearnerBenchConfig(require=True), figures) == (
        "sac-256_share_of_products: expected at least 0.6, got 0.55; is the machine busy?"
    )
    del figures["sac-256_share_of_products"]
    assert learner.shortfall(LearnerBenchConfig(require=True), figures) is None


def test_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learner, "WORKLOADS", SMALL)
    command = ["bench", "learner", "--workload", "dqn", "--repeats", "1", "--json"]
    assert main(command) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["dqn_fastest"] in learner.BACKENDS
    assert "sac_fastest" not in figures
    command[3] = "dqm"
    assert main(command) == 2
    assert "expected one of ppo, sac or dqn, got 'dqm'" in capsys.readouterr().err
