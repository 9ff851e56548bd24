"""Factors by simulation: rates that were asked for come out of the free run."""

from __future__ import annotations

import pytest

from calibration import rates
from calibration.rates import match_rates
from rlmm_tf.market_parts import CancelParams
from tests.calibration.markets import known_market

pytestmark = pytest.mark.usefixtures("short_runs")


@pytest.fixture
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "HOURS", 1)
    monkeypatch.setattr(rates, "EPISODES", 1)
    monkeypatch.setattr(rates, "EVENTS_MOST", 30_000)


def test_rates_are_matched() -> None:
    model = known_market()
    as_it_is = match_rates(model, (2.0, 9.0, 7.0), seed=1)
    ratio = as_it_is.rate_ratio
    wanted = (2.0 * ratio[0] * 0.8, 9.0 * ratio[1] * 0.8, 7.0 * ratio[2] * 0.8)
    found = match_rates(model, wanted, seed=1)
    assert max(abs(each - 1.0) for each in found.rate_ratio) < rates.CLOSE_ENOUGH
    assert not found.cautions
    again = match_rates(model, wanted, seed=1)
    assert again.model == found.model


def test_only_what_is_shown_counts() -> None:
    """Of five levels and of one: the fewer are shown, the fewer limit orders are seen."""
    model = known_market()
    ratios = [
        match_rates(model, (2.0, 9.0, 7.0), seed=1, levels=levels).rate_ratio for levels in (0, 50)
    ]
    assert ratios[0] == ratios[1]
    one = rates._simulated(model, 1, 1)
    every = rates._simulated(model, 1, 0)
    assert one[0] == every[0]
    assert one[1] < 0.9 * every[1]
    assert one[2] < 0.9 * every[2]


def test_rates_that_cannot_be_are_told() -> None:
    found = match_rates(known_market(), (0.01, 9.0, 60.0), seed=1)
    assert [caution.code for caution in found.cautions] == ["free_run_rates"]


def test_states_that_would_explode_are_told() -> None:
    bins = len(known_market().imbalance_bin_edges) + 1
    groups = tuple(
        group.model_copy(update={"state_factor": (12.0,) * bins + (1.0,) * bins})
        for group in known_market().groups
    )
    found = match_rates(known_market(groups=groups), (2.0, 9.0, 7.0), seed=1)
    (caution,) = [c for c in found.cautions if c.code == "explosive_states"]
    assert caution.text.startswith("3 of 6 states of the book and 0 regimes")
    assert max(found.model.groups[0].state_factor) < 12.0 * max(found.rate_factor.value)


def test_a_market_without_cancels_runs_too() -> None:
    groups = tuple(
        group.model_copy(update={"baseline_hz": 0.0 if g >= 4 else group.baseline_hz})
        for g, group in enumerate(known_market().groups)
    )
    model = known_market(groups=groups, cancels=CancelParams())
    assert match_rates(model, (2.0, 9.0, 0.0), seed=1).model.groups[4].baseline_hz == 0.0
