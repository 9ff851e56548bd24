"""Fill probabilities by queue: Kaplan and Meier's by hand, recovered, with honest intervals."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.estimate import Estimate
from calibration.estimators.queue_fills import QueueFills, fit_queue_fills, survival

YES, NO = True, False


def test_a_curve_by_hand() -> None:
    # At risk 5: one fill at 1 s; 3 left after one is lost at 2 s: a fill at 3 s; then 2: two at 4.
    duration = np.array([1.0, 2.0, 3.0, 4.0, 4.0])
    filled = np.array([YES, NO, YES, YES, NO])
    alive, error = survival(duration, filled, [0.5, 1.0, 3.5, 4.0], np.arange(5))
    assert alive == pytest.approx([1.0, 4 / 5, 4 / 5 * 2 / 3, 4 / 5 * 2 / 3 / 2])
    greenwood = 1 / (5 * 4) + 1 / (3 * 2)
    assert error[2] == pytest.approx(4 / 5 * 2 / 3 * np.sqrt(greenwood))
    assert error[0] == 0.0


def test_without_lost_orders_it_is_the_share_that_was_filled() -> None:
    rng = np.random.default_rng(1)
    waited = rng.exponential(20.0, 400)
    alive, error = survival(np.minimum(waited, 60.0), waited < 60.0, [10.0], np.arange(400))
    share = np.mean(waited > 10.0)
    assert alive == pytest.approx([share])
    assert error == pytest.approx([np.sqrt(share * (1 - share) / 400)])


def test_its_own_model_is_recovered_with_honest_intervals() -> None:
    horizons, covered = (1.0, 10.0, 60.0), []
    value = (0.1, 0.4, 0.7)
    known = (Estimate(value, (0.0,) * 3, 1),)
    true = QueueFills(horizons, (), known, 0, converged=True)
    for seed in range(120):
        rng = np.random.default_rng([2, seed])
        waited, filled = true.simulate(300, rng)
        watched = rng.uniform(5.0, 120.0, 300)  # some orders are lost before
        duration, seen = np.minimum(waited, watched), filled & (waited <= watched)
        alive, error = survival(duration, seen, horizons, np.arange(300))
        covered.append(np.abs(1 - alive - np.array(value)) < 1.96 * error)
    assert 0.91 <= np.mean(covered) <= 0.985


def test_orders_that_share_their_trades_have_wider_intervals() -> None:
    covered, block = [], np.repeat(np.arange(40), 20)
    for seed in range(100):
        rng = np.random.default_rng([5, seed])
        waited = np.repeat(rng.exponential(10.0, 40), 20)  # twenty orders, one fate
        alive, error = survival(waited, waited < 1e9, [10.0], block)
        covered.append(np.abs(alive - np.exp(-1)) < 1.96 * error)
    assert 0.88 <= np.mean(covered) <= 0.99


def test_longer_queues_are_filled_less_often() -> None:
    rng = np.random.default_rng(3)
    ahead = rng.integers(1, 300, 900)
    waited = rng.exponential(0.2 * ahead)
    fit = fit_queue_fills(ahead, np.minimum(waited, 60.0), waited < 60.0)
    at_ten = [part.value[1] for part in fit.probability]  # type: ignore[index]
    assert at_ten == sorted(at_ten, reverse=True)
    assert [part.n for part in fit.probability] == pytest.approx([300] * 3, abs=5)
    assert fit.converged


def test_too_few_orders_or_equal_queues_say_so() -> None:
    ones = np.ones(20)
    few = fit_queue_fills(np.ones(20, dtype=np.int64), ones, ones > 0)
    assert [caution.code for caution in few.cautions] == ["queue_fills_too_few"]
    assert not few.converged
    rng = np.random.default_rng(4)
    equal = fit_queue_fills(np.full(300, 7), rng.exponential(1.0, 300), np.full(300, YES))
    assert [caution.code for caution in equal.cautions] == ["queue_fills_ties"]
    with pytest.raises(ValueError, match="got 2, 1, 1 values"):
        fit_queue_fills(np.ones(2, dtype=np.int64), ones[:1], ones[:1] > 0)
