"""Marks and cancel classes: found again in what they simulate themselves."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.estimate import Estimate
from calibration.estimators.cancel_classes import CancelClasses, fit_cancel_classes
from calibration.estimators.marks import (
    fit_market_sizes,
    fit_placement,
    fit_sizes,
    sight_of,
)
from rlmm_tf.market_parts import MarketOrderParams


def test_market_sizes_are_found_again() -> None:
    rng = np.random.default_rng(1)
    queue = rng.choice([1, 3, 7, 20, 60], 20_000)
    wanted = rng.choice([1, 5, 10, 50], 20_000, p=[0.4, 0.3, 0.2, 0.1])
    kind = rng.random(20_000)
    lots = np.where(
        kind < 0.3, queue, np.where(kind < 0.35, queue + wanted, np.minimum(wanted, queue))
    )
    found = fit_market_sizes(lots, queue)
    for estimate, truth in ((found.whole_queue, 0.3), (found.beyond_queue, 0.05)):
        assert isinstance(estimate.standard_error, float)
        assert abs(estimate.number - truth) < 0.02
    law = dict(zip(found.params.sizes.lots, found.params.sizes.probability, strict=True))
    assert [law.get(size, 0.0) for size in (1, 5, 10, 50)] == pytest.approx(
        [0.4, 0.3, 0.2, 0.1], abs=0.02
    )
    again = found.simulate(queue, rng)
    assert (again == queue).mean() == pytest.approx((lots == queue).mean(), abs=0.015)


def test_round_sizes_keep_their_mass() -> None:
    rng = np.random.default_rng(2)
    lots = np.where(rng.random(30_000) < 0.5, 100, rng.integers(1, 5_000, 30_000))
    sizes = fit_sizes(lots)
    law = dict(zip(sizes.law.lots, sizes.law.probability, strict=True))
    assert law[100] == pytest.approx((lots == 100).mean(), abs=1e-12)
    assert len(law) <= 512
    assert sizes.mean_lots.number == pytest.approx(lots.mean(), rel=1e-3)


def test_places_by_spread() -> None:
    rng = np.random.default_rng(3)
    spread_bin = rng.integers(0, 2, 20_000)
    better = (spread_bin == 1) & (rng.random(20_000) < 0.4)
    away = np.where(better, -1 - rng.integers(0, 2, 20_000), rng.geometric(0.3, 20_000) - 1)
    placement = fit_placement(away, spread_bin, (1, 2))
    assert placement.marks[0].improving == ()
    assert placement.improving_share.numbers[1] == pytest.approx(0.4, abs=0.015)
    assert placement.marks[0].resting[0] == pytest.approx(0.3, abs=0.015)
    again = placement.simulate(spread_bin, rng)
    assert (again < 0).mean() == pytest.approx((away < 0).mean(), abs=0.015)
    assert not (again[spread_bin == 0] < 0).any()


def test_what_is_not_shown_is_made_up_for() -> None:
    """Of ten places, those behind what happened to be shown are missing."""
    rng = np.random.default_rng(6)
    all_away, all_shown = rng.integers(-1, 10, 40_000), rng.integers(2, 14, 40_000)
    seen = all_away <= all_shown
    away, shown = all_away[seen], all_shown[seen]
    weights = sight_of(away, shown).weights
    assert weights.sum() == pytest.approx(len(all_away), rel=0.02)
    law = np.bincount(away + 1, weights=weights) / weights.sum()
    assert law == pytest.approx(np.full(11, 1.0 / 11.0), abs=0.006)
    assert np.bincount(away + 1)[10] < 0.6 * len(all_away) / 11.0
    everything = sight_of(away, np.full(len(away), 100))
    np.testing.assert_allclose(everything.weights, 1.0, rtol=1e-12)
    near = float((away <= 0).mean())
    assert everything.log_variance == pytest.approx((1.0 / near - 1.0) / len(away))


def classes(flickering_hz: float, patient_hz: float, share: tuple[float, ...]) -> CancelClasses:
    def known(value: float | tuple[float, ...]) -> Estimate:
        return Estimate.fixed(value)

    return CancelClasses(known(flickering_hz), known(patient_hz), known(share), 0.0, True)


def test_cancel_classes_are_found_again() -> None:
    truth = classes(5.0, 0.1, (0.7, 0.4, 0.2))
    rng = np.random.default_rng(4)
    place = rng.integers(0, 3, 20_000)
    lives, cancelled = truth.simulate(place, rng.exponential(8.0, 20_000), rng)
    found = fit_cancel_classes(lives, cancelled, place - 1)
    assert found.converged
    for estimate, value in ((found.flickering_hz, 5.0), (found.patient_hz, 0.1)):
        assert isinstance(estimate.standard_error, float)
        assert abs(estimate.number - value) < 4.0 * estimate.standard_error
    assert found.flickering_share.numbers == pytest.approx((0.7, 0.4, 0.2), abs=0.03)
    patient, flickering = found.hazards
    assert flickering / patient == pytest.approx(50.0, rel=0.15)
    weights = found.age_weights()
    assert (np.diff(weights, axis=1) <= 1e-12).all()  # who has stayed will stay


def test_one_class_where_lives_are_alike() -> None:
    rng = np.random.default_rng(5)
    lives = rng.exponential(3.0, 5_000)
    found = fit_cancel_classes(lives, np.ones(5_000, np.bool_), rng.integers(-1, 2, 5_000))
    few = fit_cancel_classes(lives[:50], np.ones(50, np.bool_), np.zeros(50, np.int64))
    assert [caution.code for caution in few.cautions] == ["one_cancel_class"]
    assert found.flickering_share.numbers == (0.0, 0.0, 0.0) or found.hazards[1] < 3.0


def test_no_orders_are_refused() -> None:
    nothing = np.zeros(0, np.int64)
    with pytest.raises(ValueError, match="market orders: expected some, got none"):
        fit_market_sizes(nothing, nothing)
    with pytest.raises(ValueError, match="limit orders: expected some, got none"):
        fit_placement(nothing, nothing, (1,))
    assert MarketOrderParams().sizes.lots == (1,)
