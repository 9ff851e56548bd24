"""GARCH: recovered from its own model, and clear about series that it cannot describe."""

from __future__ import annotations

import math

import numpy as np
import pytest

from calibration.estimate import Estimate
from calibration.estimators.garch import Garch, fit_garch


def model(alpha: float, gamma: float, beta: float) -> Garch:
    persistence = alpha + gamma / 2 + beta
    values = [1 - persistence, alpha, gamma, beta, 6.0, persistence]
    return Garch(
        *(Estimate(value, 0.0, 1) for value in values),
        half_life_s=0.0,
        scale=3.0,
        ljung_box_p=1.0,
        ljung_box_before_p=1.0,
        converged=True,
    )


def test_its_own_model_is_recovered_with_honest_intervals() -> None:
    true, covered = model(0.08, 0.0, 0.88), []
    for seed in range(25):
        returns = true.simulate(3000, np.random.default_rng([1, seed]))
        fit = fit_garch([returns[:1000], returns[1000:]], 60.0)
        assert fit.converged
        for name in ("alpha", "beta", "nu", "persistence"):
            low, high = getattr(fit, name).interval_95()
            covered.append(low < getattr(true, name).value < high)
    assert 0.88 <= np.mean(covered) <= 0.99
    # the last one: clustering before, none after
    assert fit.ljung_box_before_p < 1e-6
    assert fit.ljung_box_p > 0.01
    halves = -math.log(2) / math.log(float(np.asarray(fit.persistence.value)))
    assert fit.half_life_s == pytest.approx(60.0 * halves)


def test_falls_that_raise_the_variance_are_seen_by_the_asymmetric_model() -> None:
    returns = model(0.03, 0.1, 0.88).simulate(6000, np.random.default_rng(2))
    fit = fit_garch([returns], 60.0, asymmetric=True)
    low, high = fit.gamma.interval_95() or (0.0, 0.0)
    assert 0.0 < low < 0.1 < high  # type: ignore[operator]
    assert fit_garch([returns], 60.0).gamma.origin == "fixed"


def test_the_scale_of_the_returns_does_not_matter() -> None:
    returns = model(0.08, 0.0, 0.88).simulate(2000, np.random.default_rng(3))
    one, other = fit_garch([returns], 60.0), fit_garch([1e-5 * returns], 60.0)
    assert other.alpha.value == pytest.approx(one.alpha.value, rel=1e-3)
    assert other.scale == pytest.approx(1e-5 * one.scale)


def test_simulated_returns_have_the_stationary_variance_and_tails() -> None:
    returns = model(0.05, 0.0, 0.9).simulate(100_000, np.random.default_rng(4)) / 3.0
    assert returns.var() == pytest.approx(1.0, abs=0.1)
    assert (returns**4).mean() > 3.5  # a normal law's is 3


def test_too_little_or_nothing_to_fit_says_so() -> None:
    rng = np.random.default_rng(5)
    few = fit_garch([rng.standard_normal(100)], 60.0)
    assert [caution.code for caution in few.cautions] == ["garch_too_few_returns"]
    assert (few.persistence.value, few.converged) == (0.0, False)
    still = fit_garch([np.where(np.arange(500) % 3 == 0, 1.0, 0.0)], 60.0)
    assert [caution.code for caution in still.cautions] == ["garch_no_moves"]
    noise = fit_garch([rng.standard_normal(2000)], 60.0)
    assert {caution.code for caution in noise.cautions} <= {"garch_no_clustering"}
    assert noise.ljung_box_before_p > 0.01
    with pytest.raises(ValueError, match="expected finite returns"):
        fit_garch([np.array([1.0, np.nan])], 60.0)
