"""Regimes: recovered with honest intervals, in the right number, and never across a night."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from hypothesis import example, given, settings
from hypothesis import strategies as st

from calibration.estimate import Estimate
from calibration.estimators.regime_chain import (
    delta_errors,
    generator_of,
    simulate_chain,
    stationary_law,
)
from calibration.estimators.regimes import Regimes, fit_regimes

BIN_S = 60.0


def chain(k: int, dwell_bins: float) -> np.ndarray:
    move = 1 / dwell_bins / max(k - 1, 1)
    return np.full((k, k), move) + (1 - k * move) * np.eye(k)


def known(values: np.ndarray) -> Estimate:
    return Estimate(tuple(np.ravel(values).tolist()), (0.0,) * np.size(values), 1)


def true_regimes(k: int, dwell_bins: float = 15.0, step: float = 1.5) -> Regimes:
    matrix = chain(k, dwell_bins)
    rates = generator_of(matrix, BIN_S)[0]
    return Regimes(
        bin_s=BIN_S,
        level=known(step * np.arange(k)),
        deviation=known(np.linspace(0.4, 0.6, k)),
        transition=known(matrix),
        switch_rates_hz=known(rates - np.diag(np.diag(rates))),
        dwell_s=known(np.full(k, dwell_bins * BIN_S)),
        stationary=tuple(stationary_law(matrix).tolist()),
        occupancy=(1 / k,) * k,
        bic=(),
        filtered=(),
        smoothed=(),
        converged=True,
    )


def filter_slowly(fit: Regimes, stretches: list[np.ndarray]) -> list[np.ndarray]:
    """Bayes, bin by bin; each stretch starts from the stationary law."""
    matrix, level = fit.transition_matrix(), np.array(fit.level.value)
    deviation, found = np.array(fit.deviation.value), []
    for stretch in stretches:
        law, rows = np.array(fit.stationary), []
        for value in stretch:
            law = law * np.exp(-0.5 * ((value - level) / deviation) ** 2) / deviation
            law = law / law.sum()
            rows.append(law)
            law = law @ matrix
        found.append(np.array(rows))
    return found


def test_filtered_probabilities_are_bayes_and_no_night_is_a_transition() -> None:
    true, rng = true_regimes(2), np.random.default_rng(3)
    days = [true.simulate(200, rng)[0] for _ in range(3)]
    fit = fit_regimes(days, BIN_S)
    assert fit.n_regimes == 2
    for fast, slow in zip(fit.filtered, filter_slowly(fit, days), strict=True):
        assert np.abs(fast - slow).max() < 1e-5
    # The order of the days does not matter, as nothing passes from one to the next.
    again = fit_regimes([days[2], days[0], days[1]], BIN_S, regimes=2)
    assert again.level.value == pytest.approx(fit.level.value, abs=1e-3)
    # The filtered ones do not know the future: a changed last bin changes nothing before it.
    changed = [*days[:2], np.append(days[2][:-1], days[2][-1] + 0.3)]
    slow = filter_slowly(fit, changed)
    assert np.array_equal(slow[2][:-1], filter_slowly(fit, days)[2][:-1])


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_number_of_regimes_is_found(k: int) -> None:
    right = 0
    for seed in range(3):
        rng = np.random.default_rng([k, seed])
        days = [true_regimes(k).simulate(250, rng)[0] for _ in range(2)]
        fit = fit_regimes(days, BIN_S, search_reps=0)
        right += fit.n_regimes == k
        codes = [caution.code for caution in fit.cautions]
        assert ("regimes_one_only" in codes) == (fit.n_regimes == 1)
    assert right == 3


@pytest.mark.parametrize("scale", [0.1, 10.0])
def test_their_number_does_not_depend_on_the_unit(scale: float) -> None:
    rng = np.random.default_rng(8)
    two = [true_regimes(2).simulate(400, rng)[0]]
    one = [rng.standard_normal(400)]
    for days, k in ((two, 2), (one, 1)):
        fit = fit_regimes(days, BIN_S, search_reps=0)
        scaled = fit_regimes([scale * day for day in days], BIN_S, search_reps=0)
        assert (fit.n_regimes, scaled.n_regimes) == (k, k)
        gains = [each.bic[1][1] - each.bic[0][1] for each in (fit, scaled)]
        assert gains[1] == pytest.approx(gains[0], abs=0.01)


def test_intervals_cover_and_labels_rise() -> None:
    true, covered = true_regimes(2), []
    for seed in range(12):
        rng = np.random.default_rng([7, seed])
        days = [-true.simulate(390, rng)[0] for _ in range(3)]
        fit = fit_regimes([-day for day in days], BIN_S, regimes=2, search_reps=2)
        assert fit.level.value == tuple(sorted(fit.level.value))  # type: ignore[arg-type]
        for name in ("level", "deviation", "transition", "switch_rates_hz"):
            low, high = getattr(fit, name).interval_95()
            truth = np.array(getattr(true, name).value)
            inside = (np.array(low) <= truth + 1e-12) & (truth - 1e-12 <= np.array(high))
            covered += inside[truth != 0].tolist()
    assert 0.88 <= np.mean(covered) <= 0.995


def test_the_fit_repeats_to_the_last_bit_and_depends_on_the_seed_at_most_a_little() -> None:
    days = [true_regimes(2).simulate(300, np.random.default_rng(5))[0]]
    first, again, other = (
        fit_regimes(days, BIN_S, regimes=2, search_reps=3, seed=seed) for seed in (1, 1, 2)
    )
    assert first.level == again.level
    assert first.transition == again.transition
    assert other.level.value == pytest.approx(first.level.value, abs=1e-3)


def test_gaps_cut_a_stretch_and_scale_is_kept() -> None:
    day = true_regimes(2).simulate(400, np.random.default_rng(6))[0]
    holed = day.copy()
    holed[150:160] = np.nan
    cut = fit_regimes([holed], BIN_S, regimes=2)
    assert [len(rows) for rows in cut.filtered] == [150, 240]
    scaled = fit_regimes([1000 + 10 * holed], BIN_S, regimes=2)
    assert scaled.level.value == pytest.approx(1000 + 10 * np.array(cut.level.value), rel=1e-4)


def test_what_cannot_be_told_apart_is_one_regime_that_says_why() -> None:
    def codes(*stretches: np.ndarray) -> list[str]:
        fit = fit_regimes(stretches, BIN_S)
        assert fit.n_regimes == 1
        assert fit.smoothed[0].shape == (len(stretches[0]), 1)
        return [caution.code for caution in fit.cautions]

    assert codes(np.full(500, 2.5)) == ["regimes_constant_series"]
    assert codes(np.arange(50.0)) == ["regimes_too_few_bins"]
    noise = np.random.default_rng(1).standard_normal(600)
    assert "regimes_one_only" in codes(noise)
    # A regime that never lasts: every fifth bin is another.
    flicker = noise + 6.0 * (np.arange(600) % 5 == 0)
    assert codes(flicker)[-1] == "regimes_one_only"
    assert "regimes_rejected" in codes(flicker)


def test_values_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"stretches\[0\]: expected finite values or NaN, got inf"):
        fit_regimes([np.array([1.0, np.inf])], BIN_S)
    with pytest.raises(ValueError, match="5 finite bins or more, got none"):
        fit_regimes([np.full(10, np.nan)], BIN_S)


def test_the_generator_of_two_regimes_by_hand() -> None:
    # exp([[-a, a], [b, -b]] d) leaves regime 0 with a / (a + b) (1 - exp(-(a + b) d)).
    a, b, d = 0.01, 0.03, 10.0
    left = a / (a + b) * (1 - np.exp(-(a + b) * d))
    back = b / (a + b) * (1 - np.exp(-(a + b) * d))
    rates, exact = generator_of(np.array([[1 - left, left], [back, 1 - back]]), d)
    assert exact
    assert rates == pytest.approx(np.array([[-a, a], [b, -b]]))


def test_a_matrix_without_a_generator_gets_the_first_order() -> None:
    swap = np.array([[0.1, 0.9], [0.8, 0.2]])  # eigenvalue -0.7: no logarithm
    rates, exact = generator_of(swap, 2.0)
    assert not exact
    assert rates == pytest.approx(np.array([[-0.45, 0.45], [0.4, -0.4]]))
    never = np.array([[0.9, 0.1, 0.0], [0.05, 0.9, 0.05], [0.0, 0.1, 0.9]])
    rates, exact = generator_of(never, 1.0)  # 0 -> 2 only through 1: its logarithm is negative
    assert not exact
    assert rates == pytest.approx(never - np.eye(3))


@settings(max_examples=50, deadline=None)
@example([0.0078125, 0.00390625, 0.00390625, 0.0078125, 0.00390625, 0.00390625])  # two eigenvectors
@given(st.lists(st.floats(1e-4, 1e-2), min_size=6, max_size=6))
def test_the_generator_undoes_the_exponential(entries: list[float]) -> None:
    rates = np.zeros((3, 3))
    rates[~np.eye(3, dtype=bool)] = entries
    rates -= np.diag(rates.sum(axis=1))
    found, exact = generator_of(scipy.linalg.expm(rates * 20.0), 20.0)
    assert exact
    assert found == pytest.approx(rates, abs=1e-10)
    law = stationary_law(scipy.linalg.expm(rates * 20.0))
    assert law @ rates == pytest.approx(np.zeros(3), abs=1e-12)


def test_simulated_chains_follow_their_matrix() -> None:
    matrix = chain(3, 5.0)
    states = simulate_chain(matrix, np.array([0.0, 1.0, 0.0]), 60_000, np.random.default_rng(0))
    assert states[0] == 1
    moves = np.zeros((3, 3))
    np.add.at(moves, (states[:-1], states[1:]), 1.0)
    assert moves / moves.sum(axis=1, keepdims=True) == pytest.approx(matrix, abs=0.01)


def test_delta_errors_by_hand() -> None:
    # x y at (2, 3) with variances 0.01, 0.04: 3^2 0.01 + 2^2 0.04 = 0.25.
    errors = delta_errors(
        lambda at: np.array([at[0] * at[1]]), np.array([2.0, 3.0]), np.diag([0.01, 0.04])
    )
    assert errors == pytest.approx([0.5])
