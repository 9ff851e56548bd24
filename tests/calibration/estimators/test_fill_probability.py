"""A exp(-k d): by hand, against a search, recovered, and where it does not hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.optimize

from calibration.estimate import Estimate
from calibration.estimators.fill_probability import FillRate, fit_fill_rate


def truth(a: float = 0.5, k: float = 0.2, low: float = 1.0, high: float = 30.0) -> FillRate:
    known = (Estimate(a, 0.0, 1), Estimate(k, 0.0, 1))
    nan = math.nan
    return FillRate(*known, low, high, nan, nan, (), (), (), nan, 0, converged=True)


def test_whole_mids_by_hand() -> None:
    # All mids whole, depths 1, 2, 3 in 40, 20, 20 orders, in 100 s: steps sum to 60 of 80.
    # k = log(1 + 80 / 60), and 80 orders = A exp(-k) 100.
    depth_x2 = np.repeat([2, 4, 6], [40, 20, 20])
    fit = fit_fill_rate(depth_x2, (100.0, 0.0), low_x2=2, high_x2=20)
    k = math.log(1 + 80 / 60)
    assert fit.k_per_tick.value == pytest.approx(k)
    assert fit.a_hz.value == pytest.approx(0.8 * math.exp(k))
    assert fit.observed_hz == pytest.approx((0.8, 0.4, 0.2))
    # With the range cut at 2 ticks, deeper orders only count as at least there.
    cut = fit_fill_rate(depth_x2, (100.0, 0.0), low_x2=2, high_x2=6)
    assert cut.k_per_tick.value == pytest.approx(math.log(1 + 60 / 60))


def test_the_maximum_is_the_one_a_search_finds() -> None:
    depth_x2 = truth().simulate((2000.0, 500.0), np.random.default_rng(1))
    fit = fit_fill_rate(depth_x2, (2000.0, 500.0), low_x2=2, high_x2=24)

    def loss(at: np.ndarray) -> float:
        log_a, k = at
        total = 0.0
        for parity, first, seconds in ((0, 2, 2000.0), (1, 3, 500.0)):
            mine = depth_x2[(depth_x2 % 2 == parity) & (depth_x2 >= first)]
            last = first + 2 * ((24 - first) // 2)
            rate = log_a - k * first / 2
            total += len(mine) * rate - seconds * math.exp(rate)
            for depth in mine:
                total += -k * (min(depth, last) - first) / 2
                total += math.log(-math.expm1(-k)) if depth < last else 0.0
        return -total

    found = scipy.optimize.minimize(loss, [math.log(0.5), 0.2], method="Nelder-Mead", tol=1e-10)
    assert math.log(fit.a_hz.value) == pytest.approx(found.x[0], abs=1e-4)  # type: ignore[arg-type]
    assert fit.k_per_tick.value == pytest.approx(found.x[1], abs=1e-4)


@pytest.mark.parametrize("in_blocks", [False, True])
def test_intervals_cover_also_when_orders_come_in_bursts(in_blocks: bool) -> None:
    true, covered, seconds = truth(), [], (30.0, 20.0)
    for seed in range(150):
        rng = np.random.default_rng([3, seed])
        if in_blocks:  # busy and quiet stretches, as often the one as the other
            speed = rng.gamma(4.0, 0.25, 60)
            parts = [true.simulate((s * seconds[0], s * seconds[1]), rng) for s in speed]
            block = np.repeat(np.arange(60), [len(part) for part in parts])
            depth_x2 = np.concatenate(parts)
        else:
            block, depth_x2 = None, true.simulate((30 * 60.0, 20 * 60.0), rng)
        fit = fit_fill_rate(depth_x2, (30 * 60.0, 20 * 60.0), low_x2=2, high_x2=60, block=block)
        for name in ("a_hz", "k_per_tick"):
            low, high = getattr(fit, name).interval_95()
            covered.append(low < getattr(true, name).value < high)
    assert 0.91 <= np.mean(covered) <= 0.985


def test_depths_that_are_not_exponential_are_told_with_the_range_where_they_are() -> None:
    rng = np.random.default_rng(4)
    near = truth(a=2.0, k=0.5).simulate((20_000.0, 0.0), rng)
    far = 2 * (1 + rng.geometric(0.02, 600))
    fit = fit_fill_rate(np.append(near, far), (20_000.0, 0.0), low_x2=2, high_x2=40)
    assert fit.misfit_p < 1e-6
    assert [caution.code for caution in fit.cautions] == ["fill_rate_misfit"]
    assert fit.valid_high_ticks - fit.valid_low_ticks < 10
    good = fit_fill_rate(near, (20_000.0, 0.0), low_x2=2, high_x2=40)
    assert good.misfit_p > 0.01
    assert good.cautions == ()
    assert good.valid_low_ticks == 1.0


def test_too_few_orders_or_one_depth_only() -> None:
    few = fit_fill_rate(np.full(10, 4), (10.0, 10.0), low_x2=2, high_x2=10)
    assert [caution.code for caution in few.cautions] == ["fill_rate_too_few_orders"]
    assert not few.converged
    assert few.k_per_tick.origin == "borrowed"
    one_depth = fit_fill_rate(np.full(100, 2), (10.0, 10.0), low_x2=2, high_x2=10)
    assert [caution.code for caution in one_depth.cautions] == ["fill_rate_too_few_orders"]
    rising = fit_fill_rate(np.full(100, 10), (10.0, 10.0), low_x2=2, high_x2=10)
    assert "fill_rate_no_decay" in [caution.code for caution in rising.cautions]


def test_a_range_or_times_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="got 4 to 6"):
        fit_fill_rate(np.full(100, 4), (1.0, 1.0), low_x2=4, high_x2=6)
    with pytest.raises(ValueError, match="not both 0"):
        fit_fill_rate(np.full(100, 4), (0.0, 0.0), low_x2=2, high_x2=8)
