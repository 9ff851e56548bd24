"""No regime and no time of day makes the flow explosive."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.steadiness import CEILING, steadied
from rlmm_tf.market_model import MarketModel
from tests.calibration.markets import known_market


def radius(model: MarketModel, regime: int = 0, season: int = 0) -> float:
    """Of the kernels under the factors then, group by group."""
    kernels: NDArray[np.float64] = np.zeros((6, 6))
    for i, value in enumerate(model.excitation):
        group = model.groups[i // 6 % 6]
        factor = (group.regime_factor or (1.0,))[regime] * (group.season_factor or (1.0,))[season]
        kernels[i // 6 % 6, i % 6] += factor * value
    return float(np.abs(np.linalg.eigvals(kernels)).max())


def with_factors(**factors: tuple[float, ...]) -> MarketModel:
    model = known_market()
    groups = tuple(group.model_copy(update=factors) for group in model.groups)
    return model.model_copy(update={"groups": groups})


def test_a_steady_market_stays_as_it_is() -> None:
    model = with_factors(regime_factor=(0.5, 1.2), season_factor=(1.1, 0.9))
    found = steadied(model)
    assert found.activities == 0
    assert found.model == model


def test_states_of_the_book_drive_baselines_alone_and_stay() -> None:
    model = known_market()
    model = with_factors(state_factor=(50.0,) * model.n_states)
    assert steadied(model).model == model


def test_explosive_regimes_are_drawn_to_the_ceiling_and_no_farther() -> None:
    model = with_factors(regime_factor=(0.5, 4.0))
    assert radius(model, 1) > 1.0
    found = steadied(model)
    assert found.activities == 1
    assert radius(found.model, 1) == pytest.approx(CEILING, abs=1e-6)
    first, second = found.model.groups[0].regime_factor
    assert first == 0.5
    assert second == pytest.approx(CEILING / radius(known_market()), rel=1e-6)


def test_what_is_steady_may_be_steadied_again() -> None:
    once = steadied(with_factors(regime_factor=(0.5, 4.0))).model
    twice = steadied(once).model
    assert twice.groups[0].regime_factor == pytest.approx(once.groups[0].regime_factor, rel=1e-6)


def test_kernels_at_their_greatest_are_left_to_whoever_asked_for_them() -> None:
    """Only the factors' differences are taken away; a factor of 1 is not told of."""
    scale = 0.96 / radius(known_market())
    kernels = tuple(scale * value for value in known_market().excitation)
    model = with_factors(regime_factor=(1.0, 2.0)).model_copy(update={"excitation": kernels})
    found = steadied(model)
    assert found.activities == 1
    assert set(found.model.groups[0].regime_factor) == {1.0}


def test_regimes_and_seasons_are_steady_together() -> None:
    model = with_factors(regime_factor=(0.5, 3.0), season_factor=(0.8, 1.1, 2.5))
    found = steadied(model)
    assert found.activities > 0
    worst = max(radius(found.model, regime, season) for regime in range(2) for season in range(3))
    assert worst <= CEILING + 1e-6
    assert radius(found.model, 0, 0) < radius(found.model, 1, 2)
