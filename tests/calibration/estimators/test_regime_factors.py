"""Factors per regime: exact with known regimes, without attenuation with probable ones."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.estimate import Estimate
from calibration.estimators.regime_factors import RegimeFactors, fit_regime_factors
from calibration.estimators.volatility import log_variance, realised_variance


def certain(states: np.ndarray) -> np.ndarray:
    return np.eye(2)[states]


def test_known_regimes_by_hand() -> None:
    # Rates 120 / 40 = 3 and 60 / 40 = 1.5; their mean over the exposure is 2.25.
    counts = np.array([[60], [30], [60], [30]])
    exposure = np.full((4, 1), 20.0)
    fit = fit_regime_factors(counts, exposure, certain(np.array([1, 0, 1, 0])))
    assert fit.factors[0].value == pytest.approx((1.5 / 2.25, 3 / 2.25))
    assert fit.mean_rates == pytest.approx((2.25,))
    assert fit.converged


def blurred(true: RegimeFactors, rng: np.random.Generator, bins: int) -> tuple[np.ndarray, ...]:
    """Regimes of ten bins each, probabilities by a noisy look at them, and counts."""
    states = np.repeat(rng.integers(2, size=bins // 10), 10)
    seen = states + rng.normal(0, 0.7, bins)
    odds = np.exp((seen - 0.5) / 0.49)
    probabilities = np.stack([1 / (1 + odds), odds / (1 + odds)], axis=1)
    exposure = rng.uniform(40, 60, (bins, 2))
    return true.simulate(states, exposure, rng), exposure, probabilities


def test_uncertain_regimes_are_not_pulled_together_and_intervals_cover() -> None:
    values = ((0.6, 1.4), (0.9, 1.1))
    true = RegimeFactors(tuple(Estimate(v, (0.0, 0.0), 1) for v in values), (2.0, 0.5), True)
    rng, covered, found = np.random.default_rng(4), [], []
    for _ in range(60):
        fit = fit_regime_factors(*blurred(true, rng, 1000))
        found.append([factor.value for factor in fit.factors])
        for factor, value in zip(fit.factors, values, strict=True):
            low, high = factor.interval_95() or ((), ())
            covered += [a < v < b for a, v, b in zip(low, value, high, strict=True)]
    # The mean over regimes is weighted by the exposure of each sample, so it is 1 within 2 %.
    assert np.mean(found, axis=0) == pytest.approx(np.array(values), abs=0.01)
    assert 0.88 <= np.mean(covered) <= 0.99


def test_too_few_events_leave_the_factor_at_one() -> None:
    states = np.array([0, 1] * 10)
    fit = fit_regime_factors(np.ones((20, 1), dtype=np.int64), np.ones((20, 1)), certain(states))
    assert fit.factors[0].value == (1.0, 1.0)
    assert fit.factors[0].origin == "borrowed"
    assert [caution.code for caution in fit.cautions] == ["regime_factors_too_few_events"]
    assert not fit.converged


def test_one_regime_has_a_factor_of_one() -> None:
    fit = fit_regime_factors(np.full((5, 1), 7), np.ones((5, 1)), np.ones((5, 1)))
    assert fit.factors[0].value == (1.0,)
    assert fit.mean_rates == (7.0,)


def test_rates_below_zero_fall_back_to_weighted_means() -> None:
    # Hardly different probabilities, very different counts: a line through them goes below 0.
    probabilities = np.tile([[0.55, 0.45], [0.45, 0.55]], (50, 1))
    counts = np.tile([[10], [90]], (50, 1))
    fit = fit_regime_factors(counts, np.ones((100, 1)), probabilities)
    assert [caution.code for caution in fit.cautions] == ["regime_factors_attenuated"]
    assert fit.factors[0].value == pytest.approx((46 / 50, 54 / 50))


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(ValueError, match="expected the shape of exposure"):
        fit_regime_factors(np.ones((3, 1), dtype=np.int64), np.ones((4, 1)), np.ones((3, 1)))
    with pytest.raises(ValueError, match="expected none below 0"):
        fit_regime_factors(np.full((3, 1), -1), np.ones((3, 1)), np.ones((3, 1)))


def test_realised_variance_by_hand() -> None:
    ts_ns = np.array([5, 12, 18, 31])
    mids = np.array([100.0, 101.0, 103.0, np.nan])
    # Points at 10, 15, 20 | 20, 25, 30 | 30, 35, 40: mids 100, 101, 103 | 103 103 103 | none.
    variance = realised_variance(ts_ns, mids, start_ns=10, bins=3, bin_ns=10, sample_ns=5)
    assert variance[:2].tolist() == [1 + 4, 0]
    assert np.isnan(variance[2])
    logs, share = log_variance(variance)
    assert logs[:2] == pytest.approx(np.log([5, 2.5]))
    assert np.isnan(logs[2])
    assert share == 0.5


def test_realised_variance_before_the_first_mid_is_unknown() -> None:
    variance = realised_variance(
        np.array([15]), np.array([1.0]), start_ns=0, bins=2, bin_ns=10, sample_ns=10
    )
    assert np.isnan(variance).tolist() == [True, True]
    nothing = realised_variance(
        np.array([], dtype=np.int64), np.array([]), start_ns=0, bins=1, bin_ns=10, sample_ns=5
    )
    assert np.isnan(nothing).all()
    still, share = log_variance(np.array([0.0, np.nan]))
    assert still[0] == 0.0
    assert share == 1.0


def test_bins_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="expected a multiple of sample_ns"):
        realised_variance(
            np.array([1]), np.array([1.0]), start_ns=0, bins=1, bin_ns=10, sample_ns=3
        )
    with pytest.raises(ValueError, match="expected times that do not fall"):
        realised_variance(np.array([2, 1]), np.ones(2), start_ns=0, bins=1, bin_ns=10, sample_ns=5)
