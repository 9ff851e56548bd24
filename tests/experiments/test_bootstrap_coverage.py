"""A small run of the command that measures coverage; it fails where intervals are wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest

from experiments.benchmarks import bootstrap_coverage
from experiments.benchmarks.bootstrap_coverage import CASES, Means, iqm_of_exponential


def test_intervals_cover(capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap_coverage.main(["--experiments", "60", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert list(figures["coverage"]) == list(CASES)


def test_neighbours_drawn_one_by_one_are_found_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def smooth(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return np.cumsum(rng.normal(size=shape), axis=-1)

    monkeypatch.setattr(bootstrap_coverage, "CASES", {"smooth": Means(smooth)})
    assert bootstrap_coverage.main(["--experiments", "40"]) == 1
    printed = capsys.readouterr()
    assert "smooth" in printed.out
    assert "smooth: coverage" in printed.err


def test_flagged_luck_is_found_out() -> None:
    figures = {"experiments": 2000, "coverage": {}, "null": {"single": 0.051, "family": 0.05}}
    (problem,) = bootstrap_coverage.problems(figures)
    assert problem == "null, single: flagged 5.10%, expected at most 5%"


def test_truths() -> None:
    rng = np.random.default_rng(0)
    drawn = np.sort(rng.exponential(1.0, 400_000))
    assert drawn[100_000:300_000].mean() == pytest.approx(iqm_of_exponential(), rel=5e-3)
    for draw in (bootstrap_coverage.market_maker, bootstrap_coverage.neighbours):
        values = draw(rng, (1000, 250))
        assert values.mean() == pytest.approx(0.0, abs=0.02)
    values = bootstrap_coverage.market_maker(rng, (400_000,))
    assert ((values - values.mean()) ** 3).mean() / values.std() ** 3 == pytest.approx(
        -3.3, abs=0.2
    )
