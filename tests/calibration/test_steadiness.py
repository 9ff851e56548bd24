"""No state of the book, no regime and no time of day makes the flow explosive."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.steadiness import CEILING, steadied
from rlmm_tf.market_model import MarketModel
from tests.calibration.markets import known_market

ONES = np.ones(6)


def radius(model: MarketModel, state: int, regime: int = 0, season: int = 0) -> float:
    """Of the kernels under the factors there, group by group."""
    kernels: NDArray[np.float64] = np.zeros((6, 6))
    for i, value in enumerate(model.excitation):
        target = i // 6 % 6
        group = model.groups[target]
        factor = (group.state_factor or (1.0,) * model.n_states)[state]
        factor *= (group.regime_factor or (1.0,))[regime] * (group.season_factor or (1.0,))[season]
        kernels[target, i % 6] += factor * value
    return float(np.abs(np.linalg.eigvals(kernels)).max())


def with_factors(model: MarketModel, **factors: tuple[float, ...]) -> MarketModel:
    groups = tuple(group.model_copy(update=factors) for group in model.groups)
    return model.model_copy(update={"groups": groups})


def narrow_and_wide(narrow: float) -> MarketModel:
    """Every intensity is so many times as large while the spread is narrow."""
    model = known_market()
    bins = len(model.imbalance_bin_edges) + 1
    return with_factors(model, state_factor=(narrow,) * bins + (1.0,) * bins)


def test_a_steady_market_stays_as_it_is() -> None:
    model = narrow_and_wide(1.2)
    found = steadied(model, ONES, ONES)
    assert (found.states, found.activities) == (0, 0)
    assert found.model == model


def test_explosive_states_are_drawn_to_the_ceiling_and_no_farther() -> None:
    model = narrow_and_wide(4.0)
    assert radius(model, 0) > 1.0
    found = steadied(model, ONES, ONES)
    assert found.states == 3
    assert radius(found.model, 0) == pytest.approx(CEILING, abs=1e-6)
    assert found.model.groups[0].state_factor[3:] == (1.0, 1.0, 1.0)
    first = found.model.groups[0].state_factor[0]
    assert first == pytest.approx(CEILING / radius(known_market_flat(), 0), rel=1e-6)


def test_what_is_steady_may_be_steadied_again() -> None:
    once = steadied(narrow_and_wide(4.0), 0.8 * ONES, ONES).model
    twice = steadied(once, ONES, 0.8 * ONES)
    assert twice.states in {0, 3}  # exactly at the ceiling, up to the last digit
    assert np.allclose(
        [group.state_factor for group in twice.model.groups],
        [group.state_factor for group in once.groups],
        rtol=1e-6,
    )


def known_market_flat() -> MarketModel:
    return with_factors(known_market(), state_factor=())


def test_the_rate_of_all_states_counts() -> None:
    model = narrow_and_wide(1.2)
    base = radius(known_market_flat(), 0)
    factor = ONES * 0.9 / base
    found = steadied(model, factor, ONES)
    assert found.states == 3
    assert radius(found.model, 0) == pytest.approx(CEILING, abs=1e-6)
    assert radius(found.model, 4) == pytest.approx(0.9, abs=1e-9)


def test_a_mean_state_that_explodes_is_left_to_whoever_asked_for_it() -> None:
    """Rates beyond what the kernels can bear: only the factors' differences are taken away."""
    found = steadied(narrow_and_wide(4.0), 10.0 * ONES, ONES)
    assert set(found.model.groups[0].state_factor) == {10.0}


def test_regimes_and_seasons_are_steady_together_with_every_state() -> None:
    model = with_factors(
        narrow_and_wide(1.3), regime_factor=(0.5, 3.0), season_factor=(0.8, 1.1, 2.5)
    )
    found = steadied(model, ONES, ONES)
    assert found.activities > 0
    worst = max(
        radius(found.model, state, regime, season)
        for state in range(model.n_states)
        for regime in range(2)
        for season in range(3)
    )
    assert worst <= CEILING + 1e-6
    assert radius(found.model, 0, 0, 0) < radius(found.model, 0, 1, 2)
