"""Markouts: by hand, never past a session's end, and with errors that know fills cluster."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.estimate import Estimate
from calibration.estimators.markouts import Markouts, fit_markouts, markouts_of

NS = 1_000_000_000


def test_markouts_by_hand() -> None:
    # A bid filled at 99 while the mid is 100, which falls to 98 a second later; an ask at 101.
    values = markouts_of(
        np.array([0, 0]),
        np.array([1, -1], dtype=np.int8),
        np.array([99, 101]),
        np.array([0, 1, 2]) * NS,
        np.array([100.0, 98.0, np.nan]),
        [0.0, 0.5, 1.0, 2.0, 3.0],
    )
    assert values[:, :3].tolist() == [[1.0, 1.0, -1.0], [1.0, 1.0, 3.0]]
    assert np.isnan(values[:, 3:]).all()  # no mid, and beyond the last


def test_a_horizon_beyond_the_session_is_left_out() -> None:
    values = markouts_of(
        np.array([0, 9]) * NS,
        np.ones(2, dtype=np.int8),
        np.array([1, 1]),
        np.array([0, 100]) * NS,
        np.array([2.0, 50.0]),
        [2.0],
        until_ns=np.array([10, 10]) * NS,
    )
    assert values[0] == 1.0
    assert np.isnan(values[1])


def test_means_and_block_errors_by_hand() -> None:
    values = np.array([[1.0], [3.0], [5.0], [7.0]])
    fit = fit_markouts(values, [1.0], np.array([0, 0, 1, 1]))
    # Block sums less 4 x 2: -4 and 4; 32 / 16 x 2 / 1.
    assert fit.overall.value == (4.0,)
    assert fit.overall.standard_error == pytest.approx((2.0,))
    assert fit.overall.n == 4
    assert [caution.code for caution in fit.cautions] == ["markouts_too_few"]


def test_cells_have_their_own_means() -> None:
    rng = np.random.default_rng(1)
    cell = rng.integers(2, size=500)
    values = 2.0 * cell[:, None] + rng.standard_normal((500, 2))
    fit = fit_markouts(values, [1.0, 10.0], np.arange(500) // 50, cell=cell, cells=2)
    assert fit.cells[0].value == pytest.approx((0.0, 0.0), abs=0.25)
    assert fit.cells[1].value == pytest.approx((2.0, 2.0), abs=0.25)
    assert fit.converged
    thin = fit_markouts(values, [1.0, 10.0], np.arange(500) // 50, cell=cell, cells=3)
    assert [caution.code for caution in thin.cautions] == ["markouts_thin_cells"]


def test_intervals_cover_where_fills_of_a_block_move_together() -> None:
    zero = (0.0, 0.0)
    true = Markouts((1.0, 10.0), Estimate((0.5, -1.0), zero, 1), (), (2.0, 6.0), converged=True)
    covered, naive = [], []
    for seed in range(150):
        values, block = true.simulate(40, 10, np.random.default_rng([2, seed]))
        fit = fit_markouts(values, true.horizons_s, block)
        alone = fit_markouts(values, true.horizons_s, np.arange(len(values)))
        for found, list_ in ((fit, covered), (alone, naive)):
            low, high = found.overall.interval_95() or ((), ())
            list_ += [a < w < b for a, w, b in zip(low, (0.5, -1.0), high, strict=True)]
    assert 0.91 <= np.mean(covered) <= 0.98
    assert np.mean(naive) < 0.8  # single fills would not do


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a column for each of 2 horizons, got \(3, 1\)"):
        fit_markouts(np.ones((3, 1)), [1.0, 2.0], np.arange(3))
    with pytest.raises(ValueError, match="cell: expected one from 0 to 1"):
        fit_markouts(np.ones((3, 1)), [1.0], np.arange(3), cell=np.array([0, 1, 2]), cells=2)
    one, side = np.array([1]), np.ones(1, dtype=np.int8)
    with pytest.raises(ValueError, match="expected as many as side"):
        markouts_of(np.array([1, 2]), side, one, one, np.ones(1), [1.0])
    with pytest.raises(ValueError, match="some times that do not fall"):
        markouts_of(one, side, one, np.array([2, 1]), np.ones(2), [1.0])
