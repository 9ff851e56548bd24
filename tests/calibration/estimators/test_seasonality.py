"""Seasons: hand-worked factors, recovered curves, honest intervals, and what too little gives."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.estimate import Estimate
from calibration.estimators.seasonality import Season, fit_season, log_curve, smooth_basis


def season_of(factors: np.ndarray) -> Season:
    zeros = (0.0,) * len(factors)
    return Season(Estimate(tuple(factors), zeros, 1), "bins", 1.0, converged=True)


def curve(bins: int, *, periodic: bool = False) -> np.ndarray:
    slopes = [0.2, 0.3, -0.1, 0.1] if periodic else [0.1, 0.5, 0.6]
    values = np.exp(smooth_basis(bins, periodic=periodic) @ np.array(slopes))
    return values / values.mean()


def test_two_full_days_by_hand() -> None:
    # With every bin watched, day and bin effects are row and column sums:
    # columns 300, 100, 200 of 600: 1.5, 0.5, 1 times the mean.
    counts = np.array([[100, 40, 60], [200, 60, 140]])
    season = fit_season(counts, np.full((2, 3), 10.0))
    assert season.method == "bins"
    assert season.factor.value == pytest.approx((1.5, 0.5, 1.0))
    assert season.factor.n == 600
    # Rows 200 and 400 of 600: expected (100, 33.3, 66.7) and (200, 66.7, 133.3).
    expected = np.outer([200, 400], [1 / 2, 1 / 6, 1 / 3])
    assert season.dispersion == pytest.approx(((counts - expected) ** 2 / expected).sum() / 2)


def test_errors_of_poisson_counts_are_a_multinomials() -> None:
    # Shares of 3 bins among n events: var(p) = p (1 - p) / n.
    share, rng = np.array([0.5, 1 / 6, 1 / 3]), np.random.default_rng(3)
    counts = rng.poisson(1000 * np.tile(share, (200, 1)))
    season = fit_season(counts, np.full((200, 3), 10.0))
    expected = 3 * np.sqrt(share * (1 - share) / counts.sum())
    assert season.factor.standard_error == pytest.approx(expected, rel=0.15)


def test_a_bin_that_was_watched_for_less_time_counts_by_its_rate() -> None:
    counts = np.array([[100, 50], [100, 100]])
    seconds = np.array([[10.0, 5.0], [10.0, 10.0]])
    season = fit_season(counts, seconds)
    assert season.factor.value == pytest.approx((1.0, 1.0))


@pytest.mark.parametrize("periodic", [False, True])
def test_the_curve_of_one_day_is_recovered(periodic: bool) -> None:
    true = curve(78, periodic=periodic)
    seconds, rng = np.full((1, 78), 300.0), np.random.default_rng(1)
    counts = season_of(true).simulate(seconds, np.array([5.0]), rng)
    season = fit_season(counts, seconds, periodic=periodic)
    assert season.method == "curve"
    assert [caution.code for caution in season.cautions] == ["season_of_one_day"]
    assert np.abs(np.array(season.factor.value) / true - 1).max() < 0.02
    assert np.mean(season.factor.value) == pytest.approx(1.0)


@pytest.mark.parametrize(("days", "shape"), [(3, 0.0), (1, 0.0), (3, 0.5), (1, 0.5)])
def test_intervals_cover_also_when_counts_vary_more_than_poisson(days: int, shape: float) -> None:
    bins, covered = 26, []
    true, rng = curve(bins), np.random.default_rng(2)
    for _ in range(60):
        seconds = np.full((days, bins), 900.0)
        mean = seconds * rng.uniform(0.5, 1.5, days)[:, None] * true
        counts = rng.poisson(mean * (rng.gamma(20, 1 / 20, mean.shape) if shape else 1.0))
        season = fit_season(counts, seconds)
        low, high = season.factor.interval_95() or ((), ())
        covered.append((np.array(low) < true) & (true < np.array(high)))
    assert 0.90 <= np.mean(covered) <= 0.99


def test_too_little_gives_a_flat_season_that_says_so() -> None:
    season = fit_season(np.array([[50, 40]]), np.ones((1, 2)))
    assert (season.method, season.factor.value) == ("flat", (1.0, 1.0))
    assert season.factor.origin == "borrowed"
    assert [caution.code for caution in season.cautions] == ["season_too_few_events"]
    few_bins = fit_season(np.array([[500, 400]]), np.ones((1, 2)))
    assert [caution.code for caution in few_bins.cautions] == ["season_too_few_bins"]
    thin = fit_season(np.full((2, 20), 9), np.ones((2, 20)))
    assert (thin.method, thin.cautions[0].code) == ("curve", "season_smoothed")


def test_a_constant_rate_has_factors_of_one() -> None:
    season = fit_season(np.full((1, 20), 100), np.ones((1, 20)))
    assert season.factor.value == pytest.approx((1.0,) * 20)


def test_what_does_not_belong_together_is_refused() -> None:
    ones = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"expected \(days, bins\) as seconds"):
        fit_season(np.ones((2, 4), dtype=np.int64), ones)
    with pytest.raises(ValueError, match="none below 0"):
        fit_season(np.full((2, 3), -1), ones)
    with pytest.raises(ValueError, match="expected 0 where nothing was watched"):
        fit_season(np.ones((2, 3), dtype=np.int64), np.zeros((2, 3)))
    unwatched = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    with pytest.raises(ValueError, match="got 0 in bin 2"):
        fit_season(np.array([[5, 5, 0], [5, 5, 0]]), unwatched)
    with pytest.raises(ValueError, match="got none on 1; leave that day out"):
        fit_season(np.array([[500, 500, 500], [0, 0, 0]]), ones)


def test_the_curve_of_a_logarithm_ignores_days_and_gaps() -> None:
    basis = smooth_basis(50, periodic=False)
    true = (basis - basis.mean(axis=0)) @ np.array([0.3, -0.2, 0.5])
    values = true + np.array([[1.0], [4.0]])
    values[0, 7] = np.nan
    assert log_curve(values, periodic=False) == pytest.approx(true)
