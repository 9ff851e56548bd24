"""Latency: recovered from its own law; what two clocks cannot tell is said."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.estimate import Estimate
from calibration.estimators.latency import Latency, fit_latency


def truth(shift_ms: float = 2.0) -> Latency:
    mu, sigma = Estimate(1.5, 0.0, 1), Estimate(0.6, 0.0, 1)
    return Latency(mu, sigma, Estimate((shift_ms,), (0.0,), 1), (), (), 0, converged=True)


def test_its_own_law_is_recovered_with_honest_intervals() -> None:
    covered = []
    for seed in range(100):
        fit = fit_latency([truth().simulate(1500, np.random.default_rng([1, seed]))])
        assert fit.converged
        for name, value in (("mu", 1.5), ("sigma", 0.6), ("shift_ms", 2.0)):
            low, high = getattr(fit, name).interval_95()
            covered.append(np.ravel(low)[0] < value < np.ravel(high)[0])
    assert 0.90 <= np.mean(covered) <= 0.99


def test_a_clock_that_is_set_between_days_moves_the_shift_only() -> None:
    rng = np.random.default_rng(2)
    days = [truth().simulate(4000, rng), truth(-40.0).simulate(4000, rng)]
    fit = fit_latency(days)
    codes = [caution.code for caution in fit.cautions]
    assert codes == ["latency_clock_offset", "latency_negative"]
    assert fit.shift_ms.value == pytest.approx((2.0, -40.0), abs=0.3)
    assert fit.mu.value == pytest.approx(1.5, abs=0.1)
    one = fit_latency(days[:1])
    assert fit.mu.standard_error < 0.8 * one.mu.standard_error  # type: ignore[operator]


def test_quantiles_are_those_of_the_data() -> None:
    latency_ns = np.arange(1001, dtype=np.int64) * 1_000_000
    fit = fit_latency([latency_ns])
    assert fit.quantile_ms[:2] == pytest.approx((10.0, 100.0))


def test_one_clock_or_too_little_is_no_law() -> None:
    for latency_ns in (np.zeros(500, dtype=np.int64), np.zeros(0, dtype=np.int64)):
        one_clock = fit_latency([latency_ns])
        assert [caution.code for caution in one_clock.cautions] == ["latency_one_clock"]
        assert not one_clock.converged
    few = fit_latency([np.arange(50, dtype=np.int64)])
    assert [caution.code for caution in few.cautions] == ["latency_no_law"]
    coarse = fit_latency([np.repeat([1_000_000, 2_000_000], 500)])
    assert [caution.code for caution in coarse.cautions] == ["latency_no_law"]
    falling = -truth().simulate(1000, np.random.default_rng(3))  # a long tail to the left
    assert fit_latency([falling]).converged is False
    with pytest.raises(ValueError, match="got none"):
        fit_latency([])
