"""Factors by simulation: rates that were asked for come out of the free run."""

from __future__ import annotations

import numpy as np
import pytest

from calibration import rates
from calibration.rates import match_rates
from rlmm_tf.market_model import BRANCHING_RADIUS_MAX, MarketModel
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


def test_a_rate_multiplies_all_of_an_intensity() -> None:
    model, factor = known_market(), np.array([0.8, 1.1, 0.9])
    found = rates.with_rates(model, factor).model
    by_group = np.repeat(factor, 2)
    kernels = np.reshape(model.excitation, (-1, 6, 6)) * by_group[:, np.newaxis]
    assert np.ravel(kernels).tolist() == list(found.excitation)
    for g, group in enumerate(model.groups):
        assert found.groups[g].baseline_hz == group.baseline_hz * by_group[g]
        assert found.groups[g].state_factor == group.state_factor


def test_rates_leave_a_model_that_may_be() -> None:
    found = rates.with_rates(known_market(), np.full(3, 10.0)).model
    assert 0.96 < found.branching_radius() < BRANCHING_RADIUS_MAX
    assert MarketModel.model_validate(found.model_dump()) == found


def test_regimes_that_would_explode_are_told() -> None:
    chain = {
        "switch_rates_hz": ((0.0, 0.01), (0.01, 0.0)),
        "initial_regime_probabilities": (0.5, 0.5),
    }
    groups = tuple(
        group.model_copy(update={"regime_factor": (0.8, 12.0)}) for group in known_market().groups
    )
    model = known_market(groups=groups, **chain)
    rates_now = rates._simulated(rates.with_rates(model, np.ones(3)).model, 1, 0)
    found = match_rates(model, rates_now.tolist(), seed=1)
    (caution,) = [c for c in found.cautions if c.code == "explosive_activity"]
    assert caution.text.startswith("1 regimes or bins of the season would beget more than 0.95")
    assert found.model.groups[0].regime_factor[1] < 12.0


def test_a_market_without_cancels_runs_too() -> None:
    groups = tuple(
        group.model_copy(update={"baseline_hz": 0.0 if g >= 4 else group.baseline_hz})
        for g, group in enumerate(known_market().groups)
    )
    model = known_market(groups=groups, cancels=CancelParams())
    assert match_rates(model, (2.0, 9.0, 0.0), seed=1).model.groups[4].baseline_hz == 0.0
